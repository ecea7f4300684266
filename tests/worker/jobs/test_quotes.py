"""The refresh: from what is due to what the pages hear, whatever breaks in between."""

import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy.exc import OperationalError

from tests.conftest import RedisServer
from tests.worker.conftest import NOW, Clock, Vendor, make_instrument, make_quote, refresh, watch
from webapp import database
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.live import bus
from webapp.markets import SessionBook
from webapp.models import InstrumentRow, JobRun, ProviderCall, QuoteFinding, QuoteGap, QuoteRow, Tick
from webapp.quotes import load_live
from webapp.records import State
from webapp.vendors import Limits
from worker import quota
from worker.jobs import quotes
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.simulator import Simulator
from worker.store import store_readings

# What the job adds to what the vendor says.
TOLD: Any = {"delay": State.LIVE, "previous_day": dt.date(2026, 3, 10)}
FREE = Limits(per_second=1 / 1.1, per_day=25)
UNREACHABLE = ProviderError(ErrorKind.UNREACHABLE, "The Vendor did not answer in time.")


@pytest.fixture
def heard(redis: Redis) -> Iterator[Any]:
    """Return what was published so far, decoded."""
    listener = redis.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(bus.QUOTES)
    while not listener.get_message(timeout=1):
        pass

    def read() -> list[Any]:
        found = []
        while message := listener.get_message(timeout=0.05):
            body = json.loads(message["data"])
            found += [(body["version"], bus.decode(item)) for item in body["quotes"]]
        return found

    yield read
    listener.close()


@pytest.fixture
def quick_sleep(set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let waiting move the stopped clock."""
    monkeypatch.setattr("worker.jobs.quotes.time.sleep", lambda seconds: set_clock.pass_by(seconds=seconds))
    return set_clock


@pytest.mark.both_databases
def test_a_refresh_stores_commits_and_tells_the_pages(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, heard: Any) -> None:
    stock = make_instrument()
    watch(stock)
    assert refresh() == "1 changed, 0 waiting"
    db.session.rollback()
    [live] = load_live([stock.id])
    assert heard() == [(1, live)]
    assert live.quote == make_quote(stock, **TOLD)


def test_no_transaction_is_open_while_the_network_is_slow(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    watch(make_instrument())
    states = []
    vendor.limits = FREE
    vendor.on_call = lambda: states.append(db.session().in_transaction())
    refresh()
    assert states == [False]


def test_one_stock_that_fails_does_not_stop_the_others(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, heard: Any) -> None:
    bad, good = make_instrument("BAD"), make_instrument("GOOD")
    watch(bad, good)
    vendor.answers["BAD"] = lambda stock, now: make_quote(stock, "7.77")
    refresh()
    set_clock.pass_by(seconds=2)
    vendor.answers["BAD"] = UNREACHABLE
    assert refresh() == "2 changed, 0 waiting"
    failed, fetched = load_live([bad.id, good.id])
    assert failed.quote is not None
    assert (failed.quote.price, failed.problem) == (Decimal("7.77"), "The Vendor did not answer in time.")
    assert failed.fetched_at == NOW
    assert (fetched.fetched_at, fetched.problem) == (set_clock.moment, "")
    assert heard()[-2:] == [(3, failed), (4, fetched)]


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_of_error_ends_as_words_on_the_row_and_never_as_a_price(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock, kind: ErrorKind) -> None:
    first, second = make_instrument("A"), make_instrument("B")
    watch(first, second)
    vendor.limits, vendor.delay = FREE, State.END_OF_DAY
    vendor.answers = dict.fromkeys("AB", ProviderError(kind, "In plain words."))
    refresh()
    rows = load_live([first.id, second.id])
    assert all(row.problem.startswith("In plain words.") for row in rows)
    assert all(row.quote is None for row in rows)
    assert db.session.query(Tick).count() == 0


def test_stocks_wait_for_quota_with_the_reason_said_once(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock, heard: Any) -> None:
    stocks = [make_instrument(f"S{number}") for number in range(4)]
    watch(*stocks)
    vendor.limits, vendor.delay = Limits(per_second=1 / 1.1, per_day=2), State.END_OF_DAY
    assert refresh() == "2 changed, 2 waiting"
    assert vendor.asked == ["S0", "S1"]
    words = "The Vendor: today's 2 requests are used; the next is free at 15:00 UTC on 12 March."
    assert [row.problem for row in load_live([stock.id for stock in stocks])] == ["", "", words, words]
    assert len(heard()) == 4
    quick_sleep.pass_by(seconds=15)
    assert refresh() == "0 changed, 2 waiting"
    assert heard() == []
    quick_sleep.moment = NOW + dt.timedelta(days=1)
    refresh()
    assert vendor.asked[2:] == ["S2", "S3"]


def test_a_run_makes_a_few_calls_only_and_keeps_the_pause_between_them(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(*[make_instrument(f"S{number}") for number in range(7)])
    vendor.limits, vendor.delay = FREE, State.END_OF_DAY
    monkeypatch.setattr(quotes, "MOST_CALLS", 5)
    refresh()
    times = [call.started_at for call in db.session.query(ProviderCall).order_by(ProviderCall.id)]
    assert len(times) == 5
    assert min(later - earlier for earlier, later in pairwise(times)) >= dt.timedelta(seconds=1.1)
    refresh()
    assert sorted(vendor.asked) == [f"S{number}" for number in range(7)]


def test_what_the_provider_does_not_cover_costs_no_call_and_says_why(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock) -> None:
    foreign, known = make_instrument("NESN", "XSWX"), make_instrument("IBM")
    watch(foreign, known)
    vendor.limits, vendor.delay, vendor.uncovered = FREE, State.END_OF_DAY, {"XSWX"}
    assert refresh() == "1 changed, 0 waiting"
    assert vendor.asked == ["IBM"]
    assert db.session.query(ProviderCall).count() == 1
    assert [row.problem for row in load_live([foreign.id, known.id])] == \
        ["The Vendor has no prices from this exchange.", ""]


def test_the_front_page_says_when_it_has_used_its_half(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock, redis: Redis) -> None:
    stocks = [make_instrument(f"S{number}", starter=True) for number in range(3)]
    bus.mark_watched(redis, [stock.id for stock in stocks])
    vendor.limits, vendor.delay = Limits(per_day=4), State.END_OF_DAY
    assert refresh() == "2 changed, 1 waiting"
    assert "half of the day's 4 requests" in load_live([stocks[2].id])[0].problem


def test_a_database_that_is_locked_for_a_while_is_waited_for(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, heard: Any) -> None:
    stock = make_instrument()
    watch(stock)
    with held_lock() as other:
        threading.Timer(3, other.rollback).start()
        assert refresh() == "1 changed, 0 waiting"
    assert heard() == [(1, load_live([stock.id])[0])]


def test_nothing_is_published_while_the_database_stays_locked(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, heard: Any,
        monkeypatch: pytest.MonkeyPatch) -> None:
    stock = make_instrument()
    watch(stock)
    monkeypatch.setattr(database, "LOCK_PATIENCE_S", 0.3)
    with held_lock() as other, pytest.raises(OperationalError):
        refresh()
    other.rollback()
    db.session.rollback()
    assert heard() == []
    assert refresh() == "1 changed, 0 waiting"


def held_lock() -> sqlite3.Connection:
    path = db.engine.url.database
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_crash_before_the_commit_leaves_neither_row_nor_message(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, heard: Any,
        monkeypatch: pytest.MonkeyPatch) -> None:
    stock = make_instrument()
    watch(stock)
    with monkeypatch.context() as patch:
        patch.setattr("worker.store.store_readings", _store_and_die)
        with pytest.raises(SystemExit):
            refresh()
    db.session.remove()
    assert heard() == []
    assert db.session.query(QuoteRow).count() == db.session.query(Tick).count() == 0
    refresh()
    assert [version for version, _ in heard()] == [1]


def _store_and_die(*arguments: Any) -> None:
    store_readings(*arguments)
    raise SystemExit


def test_without_redis_the_database_is_still_kept_up_to_date(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, own_redis_server: RedisServer,
        monkeypatch: pytest.MonkeyPatch) -> None:
    stock = make_instrument()
    watch(stock)
    monkeypatch.setitem(app.extensions, "redis", redis_clients.connect(own_redis_server.url))
    own_redis_server.stop(kill=True)
    assert refresh() == "1 changed, 0 waiting"
    assert load_live([stock.id])[0].quote == make_quote(stock, **TOLD)


def test_gaps_are_recorded_with_their_reason(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    run = JobRun(name="refresh-quotes-vendor", started_at=NOW, succeeded_at=NOW)
    db.session.add(run)
    db.session.commit()

    def refresh_after(seconds: float, *, idle: bool = False, problem: str = "") -> None:
        db.session.get_one(QuoteRow, stock.id).problem = problem
        set_clock.pass_by(seconds=seconds)
        run.succeeded_at = run.succeeded_at if idle else set_clock.moment - dt.timedelta(seconds=2)
        db.session.commit()
        refresh()

    refresh()
    refresh_after(6)
    assert db.session.query(QuoteGap).count() == 0
    refresh_after(7)
    refresh_after(60, idle=True)
    refresh_after(60, problem="The Vendor did not answer in time.")
    gaps = [(gap.ended_at - gap.started_at, gap.reason) for gap in db.session.query(QuoteGap).order_by(QuoteGap.id)]
    assert [(length.total_seconds(), reason) for length, reason in gaps] == [
        (7, "nobody watched"), (60, "no refresh ran"), (60, "The Vendor did not answer in time.")]


def test_the_simulator_fills_a_sparkline_and_is_not_counted(
        app: Flask, sessions: SessionBook, set_clock: Clock, redis: Redis) -> None:
    stock = make_instrument(starter=True)
    assert refresh() == "1 changed, 0 waiting"
    [live] = load_live([stock.id])
    assert live.quote is not None
    assert live.quote.source == Simulator.name
    assert len(live.spark) > 20
    assert db.session.query(ProviderCall).count() == 0
    bus.mark_watched(redis, [stock.id])
    for _ in range(30):
        set_clock.pass_by(seconds=2)
        refresh()
    assert 64 >= len(load_live([stock.id])[0].spark) > 20
    ticks = [tick.as_of for tick in db.session.query(Tick)]
    assert len(ticks) == len(set(ticks)) > 3


def test_waiting_for_the_pause_does_not_wait_out_a_long_refusal(
        app: Flask, sessions: SessionBook, vendor: Vendor, quick_sleep: Clock) -> None:
    watch(make_instrument("A"), make_instrument("B"))
    vendor.limits, vendor.delay = FREE, State.END_OF_DAY
    vendor.answers["A"] = ProviderError(ErrorKind.THROTTLED_MINUTE, "Slower.", retry_after=dt.timedelta(minutes=1))
    refresh()
    assert vendor.asked == ["A"]
    assert quick_sleep.moment == NOW
    refusal = quota.refusal_now(vendor)
    assert refusal is not None
    assert refusal.until == NOW + dt.timedelta(minutes=1)


def test_a_call_that_makes_the_program_fail_is_not_made_again_at_once(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    bad, good = make_instrument("BAD"), make_instrument("GOOD")
    watch(bad, good)
    vendor.limits = FREE

    def fail(stock: object, now: dt.datetime) -> Any:
        raise ZeroDivisionError

    vendor.answers["BAD"] = fail
    with pytest.raises(ZeroDivisionError):
        refresh()
    set_clock.pass_by(seconds=5)
    refresh()
    assert vendor.asked == ["BAD", "GOOD"]
    assert [call.outcome[:13] for call in db.session.query(ProviderCall).filter_by(provider="vendor")] == [
        "broken answer", "ok"]


def test_an_answer_that_cannot_be_used_is_on_record_for_the_admin(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    vendor.answers["IBM"] = ProviderError(ErrorKind.BROKEN_ANSWER, "The answer cannot be used: the price is zero.")
    refresh()
    [finding] = db.session.query(QuoteFinding)
    assert (finding.kind, finding.price, finding.reason) == (
        "rejected", "", "The answer cannot be used: the price is zero.")


def test_a_london_stock_is_simulated_in_pounds_with_its_path(
        app: Flask, sessions: SessionBook, set_clock: Clock) -> None:
    row = db.session.get_one(InstrumentRow, make_instrument("TSCO", "XLON", starter=True).id)
    row.currency, row.unit, row.decimals = "GBP", "GBX", 3
    db.session.commit()
    refresh()
    [live] = load_live([row.id])
    assert live.quote is not None
    assert 0.5 < live.quote.price < 200
    assert max(map(Decimal, live.spark)) < 2 * min(map(Decimal, live.spark))
