"""Who has minutes fetched by looking at a chart of them, and how often."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.webapp.charts.past import NOW
from tests.webapp.people import Browser
from webapp import clock
from webapp.extensions import db
from webapp.models import IngestRun, InstrumentRow, User, Watchlist, WatchlistItem
from webapp.redis import PREFIX, RedisAway

CHART = "/stocks/XNAS/ACME?range=1d"
NOON = NOW.replace(hour=17)  # New York trades


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """A key, so that the market keeps its hours."""
    return {"TIINGO_API_KEY": "key"}


@pytest.fixture(autouse=True)
def noon(friday_evening: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let New York trade."""
    monkeypatch.setattr(clock, "now", lambda: NOON)


def asked(redis: Redis) -> list[object]:
    """Return the stocks whose minutes wait to be fetched."""
    jobs = Queue("default", connection=redis).jobs
    return [job.args[0] for job in jobs if str(job.func_name).endswith("fetch_minutes")]


def fetched(stock: InstrumentRow, moment: dt.datetime) -> None:
    db.session.add(IngestRun(kind="minutes", source="tiingo", subject="XNAS:ACME", instrument_id=stock.id,
                             state="done", started_at=moment))
    db.session.commit()


@pytest.fixture
def listed(stock: InstrumentRow) -> InstrumentRow:
    """The stock, on somebody's list."""
    owner = User(email="owner@example.org", password_hash="x")
    db.session.add(owner)
    db.session.flush()
    db.session.add(Watchlist(name="Mine", user_id=owner.id, items=[WatchlistItem(instrument_id=stock.id)]))
    db.session.commit()
    return stock


def test_somebody_who_is_signed_in_has_any_stocks_minutes_fetched(stranger: Browser, stock: InstrumentRow,
                                                                  redis: Redis) -> None:
    page = stranger.get(CHART).text
    assert asked(redis) == [stock.id]
    assert "data-pending" in page
    assert "Prices by the minute have been asked for." in page


def test_a_stranger_has_those_of_nobodys_stock_not_fetched(visitor: Browser, stock: InstrumentRow,
                                                           redis: Redis) -> None:
    page = visitor.get(CHART).text
    assert asked(redis) == []
    assert "data-pending" not in page
    assert "No prices by the minute are kept of this stock yet." in page


def test_a_stranger_has_those_of_a_listed_stock_fetched(visitor: Browser, listed: InstrumentRow,
                                                        redis: Redis) -> None:
    assert "data-pending" in visitor.get(CHART).text
    assert asked(redis) == [listed.id]


def test_a_stranger_has_those_of_the_starter_list_fetched(visitor: Browser, stock: InstrumentRow,
                                                          redis: Redis) -> None:
    stock.starter = True
    db.session.commit()
    visitor.get(CHART)
    assert asked(redis) == [stock.id]


def test_however_many_look_they_are_fetched_once_a_minute(stranger: Browser, visitor: Browser,
                                                          listed: InstrumentRow, redis: Redis) -> None:
    for person in (stranger, visitor, stranger):
        assert "data-pending" in person.get(CHART).text, "they may still come"
    assert asked(redis) == [listed.id]
    assert 0 < redis.ttl(f"{PREFIX}minutes:{listed.id}") <= 60


def test_a_chart_of_days_has_none_fetched(stranger: Browser, stock: InstrumentRow, redis: Redis) -> None:
    stranger.get("/stocks/XNAS/ACME?range=1m")
    assert asked(redis) == []


@pytest.mark.parametrize(("at", "last", "wanted"), [
    (NOON, NOON - dt.timedelta(seconds=59), False), (NOON, NOON - dt.timedelta(seconds=60), True),
    # After the close at 01:00 UTC, the hours after included, and twenty minutes more.
    (NOON + dt.timedelta(days=1), NOON, True),
    (NOON + dt.timedelta(days=1), NOW + dt.timedelta(hours=2, minutes=21), False),
    (NOON + dt.timedelta(days=2), NOW + dt.timedelta(hours=2, minutes=21), False)])
def test_minutes_that_are_all_there_are_not_fetched_again(
        visitor: Browser, listed: InstrumentRow, redis: Redis, monkeypatch: pytest.MonkeyPatch, at: dt.datetime,
        last: dt.datetime, wanted: bool) -> None:
    monkeypatch.setattr(clock, "now", lambda: at)
    fetched(listed, last)
    assert ("data-pending" in visitor.get(CHART).text) == wanted
    assert asked(redis) == [listed.id] * wanted


def test_without_redis_the_page_is_there_all_the_same(stranger: Browser, stock: InstrumentRow, app: Flask,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    def away(instrument_id: int) -> None:
        raise RedisAway[0]

    monkeypatch.setattr("webapp.charts.asking.queue.fetch_minutes", away)
    answer = stranger.get(CHART)
    assert answer.status_code == 200
    assert "data-pending" not in answer.text
