"""Three processes that refresh at once, killed in mid-call and started again: the vendor never sees a call too many."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import multiprocessing
import random
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import Settings
from tests.site import wait_until
from tests.worker.conftest import NOW, make_instrument, watch
from tests.worker.providers.cases.twelve_data import MADE
from tests.worker.providers.conftest import KEY, Vendor
from webapp import clock
from webapp.app import create_app
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import ProviderCall, QuoteRow
from worker import quota
from worker.jobs.quotes import refresh_quotes
from worker.providers.registry import active_providers

pytestmark = pytest.mark.both_databases

NAME = "twelve-data"
A_MINUTE, A_DAY, PAUSE_S = 4, 11, 0.2
STOCKS = 30
FORK = multiprocessing.get_context("fork")


class Shifted:
    """A clock that all processes share; the test sets it forward."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.shift = FORK.Value("d", 0.0)

    def __call__(self) -> dt.datetime:
        return NOW + dt.timedelta(seconds=time.monotonic() - self.began + self.shift.value)

    def pass_by(self, **length: float) -> None:
        """Let some time pass at once."""
        with self.shift.get_lock():
            self.shift.value += dt.timedelta(**length).total_seconds()


class TwelveData(Vendor):
    """Every stock has a price, after a while; `times` are when its calls came, `open` are those not answered yet."""

    def __init__(self, now: Shifted) -> None:
        super().__init__()
        self.now = now
        self.times: list[dt.datetime] = []
        self.open = 0
        self.lock = threading.Lock()
        self.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self.lock:
            moment = self.now()
            self.times.append(moment)
            self.open += 1
        time.sleep(random.uniform(0.02, 0.2))
        self.open -= 1
        body = MADE | {"symbol": handler.path.partition("symbol=")[2].partition("&")[0],
                       "datetime": str(moment.date()), "last_quote_at": int(moment.timestamp()) - 1,
                       "timestamp": int(moment.replace(hour=13, minute=30, second=0).timestamp())}
        raw = json.dumps(body).encode()
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)


def work(make_settings: Callable[[], Settings], now: Shifted) -> None:
    """Refresh again and again, until killed."""
    clock.now = now
    with create_app(make_settings()).app_context():
        while True:
            refresh_quotes(NAME)
            db.session.remove()
            time.sleep(0.02)


class Crew:
    """Three such processes."""

    def __init__(self, start: Callable[[], BaseProcess], now: Shifted) -> None:
        self.start = start
        self.now = now
        self.members = [start() for _ in range(3)]
        self.kills = self.cut_short = 0

    def kill(self, *places: int) -> None:
        """Kill these and start others in their place."""
        for place in places:
            self.members[place].kill()
        for place in places:
            self.members[place].join(10)
            self.kills += 1
        if len(places) == len(self.members):
            time.sleep(0.2)
            self.cut_short = without_end()
            self.now.pass_by(seconds=2)  # a call that was cut short is waited for no longer
        for place in places:
            self.members[place] = self.start()

    def end(self) -> None:
        """Kill all."""
        for member in self.members:
            member.kill()
        for member in self.members:
            member.join(10)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Shifted:
    """Set the clock of this process, too."""
    shifted = Shifted()
    monkeypatch.setattr(clock, "now", shifted)
    return shifted


@pytest.fixture
def vendor(now: Shifted, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwelveData]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = TwelveData(now)
    yield server
    server.stop()


@pytest.fixture
def make_settings(app: Flask, vendor: TwelveData, tmp_path: Path) -> Callable[[], Settings]:
    """Return the maker of settings with a small plan, on the database and the Redis of `app`."""
    shared: Settings = app.config["SETTINGS"]
    return functools.partial(
        Settings, tmp_path / "member", shared.REDIS_URL, shared.SQLALCHEMY_DATABASE_URI, TWELVE_DATA_API_KEY=KEY,
        TWELVE_DATA_URL=vendor.url, TWELVE_DATA_CALLS_PER_MINUTE=A_MINUTE, TWELVE_DATA_CALLS_PER_DAY=A_DAY)


@pytest.fixture
def crew(make_settings: Callable[[], Settings], now: Shifted, sessions: SessionBook) -> Iterator[Crew]:
    """Three processes, and more stocks to fetch than there are calls."""
    watch(*(make_instrument(f"S{number}", "XNAS") for number in range(STOCKS)))

    def start() -> BaseProcess:
        let_go()
        process = FORK.Process(target=work, args=(make_settings, now))
        process.start()
        return process

    made = Crew(start, now)
    yield made
    made.end()


def let_go() -> None:
    """Close every connection to the database: SQLite's may not be open in two copies of a process."""
    db.session.remove()
    db.engine.dispose()


def without_end() -> int:
    """Return how many calls were counted and have not ended: when nobody is alive, those that never will."""
    found = db.session.query(ProviderCall).filter_by(outcome=quota.STARTED).count()
    let_go()
    return found


def refusal(settings: Settings) -> str:
    """Return why no call may be made now, "" where one may."""
    [provider] = active_providers(settings)
    found = quota.refusal_now(provider)
    let_go()
    return found.reason if found else ""


def most_within(times: list[dt.datetime], window: dt.timedelta) -> int:
    """Return how many of these times are within the fullest window of that length."""
    return max(bisect_right(times, moment + window - dt.timedelta(microseconds=1)) - place
               for place, moment in enumerate(times))


def use_up(crew: Crew, vendor: TwelveData, settings: Settings) -> str:
    """Let the crew call until it may not, and kill one and then all in mid-call; return why it may not."""
    for places in ([random.randrange(3)], range(3)):
        wait_until(lambda: vendor.open or refusal(settings), 20, "nobody calls")
        time.sleep(random.uniform(0, 0.1))
        crew.kill(*places)
    wait_until(lambda: refusal(settings) and without_end() == crew.cut_short, 30, "the calls do not end")
    return refusal(settings)


def test_three_processes_under_kill_9_make_no_call_too_many_and_lose_one_a_kill(
        crew: Crew, vendor: TwelveData, now: Shifted, make_settings: Callable[[], Settings], redis: Redis) -> None:
    settings = make_settings()
    minutes = 0
    while "today's 11" not in use_up(crew, vendor, settings):
        minutes += 1
        redis.flushall()
        now.pass_by(seconds=40)
        time.sleep(0.3)
        assert refusal(settings), f"minute {minutes} was over too early"
        now.pass_by(seconds=25)
    assert minutes >= 2, "the day's calls were made in less than three minutes"
    spent = len(vendor.times)
    crew.end()
    now.pass_by(hours=23)
    redis.flushall()
    crew.members = [crew.start() for _ in range(3)]
    time.sleep(0.5)
    assert len(vendor.times) == spent
    now.pass_by(hours=1, minutes=10)
    wait_until(lambda: len(vendor.times) >= spent + 3, 20, "the next day brings no calls")
    crew.end()
    holds(vendor, crew.kills)


def holds(vendor: TwelveData, kills: int) -> None:
    """Hold what the vendor saw against its limits and against what was counted."""
    times = sorted(vendor.times)
    assert most_within(times, dt.timedelta(minutes=1)) <= A_MINUTE
    assert most_within(times, dt.timedelta(days=1)) <= A_DAY
    assert min(two - one for one, two in itertools.pairwise(times)) >= dt.timedelta(seconds=PAUSE_S)
    rows: list[Any] = db.session.query(ProviderCall).filter_by(provider=NAME).all()
    assert len(times) <= len(rows) <= len(times) + kills, "a call was not counted, or more than one was lost to a kill"
    assert {row.outcome for row in rows} <= {"ok", "started"}
    assert sum(row.outcome == "started" for row in rows) <= kills + 3  # three more were killed at the end
    priced = {row.instrument_id for row in db.session.query(QuoteRow).filter(QuoteRow.price.is_not(None))}
    assert len(priced) == len({row.subject for row in rows if row.outcome == "ok"}), "an answer was counted, but lost"
