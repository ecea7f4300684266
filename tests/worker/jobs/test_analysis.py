"""The analysis: what it brings up to date, what it leaves alone, and whom it tells."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker

from tests.factories import add_quote, add_stock
from tests.webapp.bars.conftest import weekdays
from tests.worker.analysis.conftest import (
    SATURDAY,
    add_past,
    add_sessions,
    counted,
    counts,
    days_until,
    looked_at_everything,
    set_clock,
    snapshot_of,
    wave,
    weeks_of,
    write,
)
from tests.worker.conftest import Clock
from webapp import queue
from webapp.bars.writing import drop_source, write_events
from webapp.extensions import db
from webapp.live import bus
from webapp.models import InstrumentRow, JobRun, Snapshot, StageWeek
from webapp.quotes import current_version, load_live
from webapp.records import Split
from worker.analysis.mark import MARK
from worker.jobs.analysis import analyse

__all__ = ["looked_at_everything", "set_clock"]  # fixtures, the clock on a Saturday
pytestmark = pytest.mark.usefixtures("looked_at_everything")

FRIDAY = SATURDAY.date() - dt.timedelta(days=1)
THURSDAY = FRIDAY - dt.timedelta(days=1)
MONDAY = FRIDAY + dt.timedelta(days=3)


@pytest.mark.both_databases
def test_a_stock_with_bars_gets_a_snapshot_and_its_weeks(app: Flask) -> None:
    stock = add_past("AAA")
    assert analyse().startswith("1 stocks reckoned, 1 rated otherwise")
    found = snapshot_of(stock)
    assert (found.day, found.week) == (FRIDAY, FRIDAY)
    assert found.stage in {1, 2, 3, 4}
    assert (found.rs, found.rated, found.source) == (50, False, "tiingo")
    weeks = weeks_of(stock)
    assert [week[1] for week in weeks] == [FRIDAY - dt.timedelta(days=7 * back) for back in range(len(weeks))][::-1]
    assert weeks[0][2:4] == (None, None)
    assert weeks[0][5:] == (None, None, None, None)
    assert weeks[-1][2:5] == (found.stage, found.since, found.close)
    assert weeks[-1][5:] == (found.average, found.slope, None, found.week_volume)
    assert counts() == counted()
    assert sum(counts().values()) == len(weeks)


@pytest.mark.both_databases
def test_a_past_may_begin_before_1970(app: Flask) -> None:
    stock = add_stock("IBM", "XNYS")
    days = weekdays("1968-01-01", 800)
    write(stock, days, wave(len(days)))
    analyse()
    weeks = weeks_of(stock)
    assert [week[1] for week in weeks] == [dt.date(1968, 1, 5) + dt.timedelta(days=7 * back) for back in range(160)]
    assert [week[2] for week in weeks[:33]] == [None] * 33
    confirmed = {week[3] for week in weeks}
    assert any(isinstance(since, dt.date) and since < dt.date(1970, 1, 1) for since in confirmed)
    assert all(week[3] is not None for week in weeks if week[2])
    assert counts() == counted()


@pytest.mark.both_databases
def test_a_second_run_changes_nothing(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA")
    analyse()
    before, weeks, version = snapshot_of(stock).computed_at, weeks_of(stock), current_version()
    set_clock.pass_by(minutes=1)
    assert analyse() == "nothing new"
    assert snapshot_of(stock).computed_at == before
    assert (weeks_of(stock), current_version()) == (weeks, version)


@pytest.mark.both_databases
def test_one_more_day_in_the_week_changes_the_day_and_no_week(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA")
    analyse()
    weeks, at, digest = weeks_of(stock), snapshot_of(stock).weeks_at, snapshot_of(stock).weeks_digest
    set_clock.pass_by(days=3)
    write(stock, [MONDAY], [77.0])
    assert analyse().startswith("1 stocks")
    found = snapshot_of(stock)
    assert (found.day, found.close, found.week) == (MONDAY, 77.0, FRIDAY)
    assert (weeks_of(stock), found.weeks_at, found.weeks_digest) == (weeks, at, digest)


@pytest.mark.both_databases
def test_the_week_is_added_when_it_has_ended(app: Flask, set_clock: Clock) -> None:
    add_sessions(*weekdays(MONDAY.isoformat(), 5))
    stock = add_past("AAA")
    analyse()
    weeks = weeks_of(stock)
    set_clock.moment = dt.datetime(2026, 3, 20, 19, 55, tzinfo=dt.UTC)
    write(stock, weekdays(MONDAY.isoformat(), 5), [71.0, 72.0, 73.0, 74.0, 75.0])
    analyse()
    assert weeks_of(stock) == weeks
    assert analyse() == "nothing new"
    set_clock.pass_by(minutes=5)  # the session has closed: no bar came, and yet there is something to do
    assert analyse().startswith("1 stocks")
    assert weeks_of(stock)[:-1] == weeks
    assert weeks_of(stock)[-1][1:5:3] == (MONDAY + dt.timedelta(days=4), 75.0)
    assert analyse() == "nothing new"
    assert counts() == counted()


def test_a_week_whose_last_bar_is_missing_is_complete_after_some_days(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA", last=THURSDAY)
    analyse()
    assert snapshot_of(stock).week == FRIDAY - dt.timedelta(days=7)
    set_clock.pass_by(days=2)
    assert analyse() == "nothing new"
    set_clock.pass_by(days=2)
    analyse()
    assert snapshot_of(stock).week == FRIDAY
    assert weeks_of(stock)[-1][1] == FRIDAY


@pytest.mark.both_databases
def test_a_past_that_was_repaired_is_reckoned_anew(app: Flask, set_clock: Clock) -> None:
    stock, other = add_past("AAA"), add_past("BBB", seed=2)
    analyse()
    before, untouched = weeks_of(stock), snapshot_of(other).computed_at
    set_clock.pass_by(minutes=1)
    write(stock, [dt.date(2025, 1, 3)], [61.0])
    assert analyse().startswith("1 stocks")
    after = weeks_of(stock)
    assert len(after) == len(before)
    assert [week[4] for week in after if week[1] == dt.date(2025, 1, 3)] == [61.0]
    assert before != after
    assert snapshot_of(other).computed_at == untouched
    assert counts() == counted()


@pytest.mark.both_databases
def test_a_split_that_is_known_later_brings_all_weeks_into_new_shares(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA")
    analyse()
    before = weeks_of(stock)
    set_clock.pass_by(minutes=1)
    write_events(stock.id, [Split(dt.date(2026, 3, 9), Decimal(2))], [], "tiingo", set_clock())
    db.session.commit()
    analyse()
    assert [week[4] for week in weeks_of(stock)[:-1]] == [week[4] / 2 for week in before[:-1]]  # type: ignore[operator]
    assert weeks_of(stock)[-1][4] == before[-1][4]
    assert analyse() == "nothing new"


def test_a_split_that_was_foreseen_counts_from_its_day_on(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA")
    write_events(stock.id, [Split(MONDAY, Decimal(4))], [], "tiingo", set_clock())
    db.session.commit()
    analyse()
    before = snapshot_of(stock).closes_29
    set_clock.moment = dt.datetime(2026, 3, 16, 3, 59, tzinfo=dt.UTC)  # Sunday in New York
    analyse()
    assert snapshot_of(stock).closes_29 == before
    set_clock.pass_by(minutes=2)
    analyse()
    assert snapshot_of(stock).closes_29 == pytest.approx((before or 0) / 4)
    assert analyse() == "nothing new"


@pytest.mark.both_databases
def test_relative_strength_comes_with_the_benchmark_and_follows_it(app: Flask, set_clock: Clock) -> None:
    stock = add_past("AAA")
    analyse()
    assert (snapshot_of(stock).benchmark, snapshot_of(stock).mansfield) == ("ARCX:SPY", None)
    set_clock.pass_by(minutes=1)
    spy = add_past("SPY", "ARCX", seed=9, length=900.0)
    assert analyse().startswith("2 stocks")
    first = snapshot_of(stock).mansfield
    assert first is not None
    assert snapshot_of(stock).mansfield == weeks_of(stock)[-1][7]
    assert (snapshot_of(spy).benchmark, snapshot_of(spy).mansfield) == ("", None)
    set_clock.pass_by(minutes=1)
    assert analyse() == "nothing new"
    write(spy, [dt.date(2025, 10, 3)], [20.0])
    assert analyse().startswith("2 stocks")
    assert snapshot_of(stock).mansfield not in {None, first}


def test_a_day_of_the_benchmark_that_ends_no_week_leaves_the_others_alone(app: Flask, set_clock: Clock) -> None:
    stock, spy = add_past("AAA"), add_past("SPY", "ARCX", seed=9)
    analyse()
    at = snapshot_of(stock).computed_at
    set_clock.pass_by(days=3)
    write(spy, [MONDAY], [50.0])
    analyse()
    assert snapshot_of(spy).day == MONDAY
    assert snapshot_of(stock).computed_at == at


def test_a_stock_may_have_a_benchmark_of_its_own_in_its_currency(app: Flask, set_clock: Clock) -> None:
    add_past("SPY", "ARCX", seed=9)
    add_past("XIC", "XTSE", seed=4, currency="CAD")
    stock, abroad = add_past("AAA"), add_past("RY", "XTSE", seed=5, currency="CAD")
    analyse()
    usual = snapshot_of(stock).mansfield
    assert (snapshot_of(abroad).benchmark, snapshot_of(abroad).mansfield) == ("", None)
    db.session.get_one(InstrumentRow, abroad.id).benchmark = "XTSE:XIC"
    db.session.get_one(InstrumentRow, stock.id).benchmark = "XTSE:XIC"
    db.session.commit()
    assert analyse().startswith("2 stocks")
    assert snapshot_of(abroad).mansfield is not None
    assert usual is not None
    assert snapshot_of(stock).mansfield is None  # another currency says nothing
    assert analyse() == "nothing new"


@pytest.mark.both_databases
def test_stocks_are_rated_among_all_that_are_held(app: Flask, monkeypatch: pytest.MonkeyPatch,
                                                  set_clock: Clock) -> None:
    days = days_until(FRIDAY)
    stocks = [add_stock(f"S{number}") for number in range(4)]
    for number, stock in enumerate(stocks):
        write(stock, days, [100 * (1 + (number - 1) * 0.001) ** place for place in range(len(days))])
    young = add_past("NEW", last=dt.date(2024, 6, 28))
    analyse()
    assert [snapshot_of(stock).rs for stock in stocks] == [1, 34, 67, 99]
    assert [snapshot_of(stock).rated for stock in (*stocks, young)] == [False] * 5
    assert (snapshot_of(young).strength, snapshot_of(young).rs, snapshot_of(young).template) == (None, None, None)
    assert [(snapshot_of(stock).template or 0) >> 7 for stock in stocks] == [0, 0, 0, 1]
    set_clock.pass_by(days=3)
    monkeypatch.setattr("worker.analysis.rating.UNIVERSE", 4)
    write(stocks[0], [MONDAY], [10_000.0])
    analyse()
    assert [snapshot_of(stock).rs for stock in stocks] == [99, 1, 34, 67]
    assert [snapshot_of(stock).rated for stock in (*stocks, young)] == [True] * 4 + [False]
    assert [(snapshot_of(stock).template or 0) >> 7 for stock in stocks] == [1, 0, 0, 0]


def test_pages_are_told_of_stocks_that_stand_elsewhere_now(app: Flask, redis: Redis, set_clock: Clock) -> None:
    stock, still, without = add_past("AAA"), add_past("BBB", seed=2), add_past("CCC", seed=3)
    for one in (stock, still):
        add_quote(one, "50.00", version=0)
    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(bus.QUOTES)
    analyse()
    assert told(heard) == {stock.id, still.id}
    [row] = load_live([stock.id])
    assert (row.version, row.standing is not None and row.standing.stage) == (1, snapshot_of(stock).stage)
    assert load_live([without.id])[0].version == 0
    before = {one.id: snapshot_of(one).rs for one in (stock, still)}
    set_clock.pass_by(days=3)
    write(without, [MONDAY], [10_000.0])
    write(still, [MONDAY], [float(snapshot_of(still).close)])
    analyse()
    moved = {one.id for one in (stock, still) if snapshot_of(one).rs != before[one.id]}
    assert moved
    assert told(heard) == moved
    assert analyse() == "nothing new"
    assert heard.get_message(ignore_subscribe_messages=True, timeout=0.05) is None


def told(heard: Any) -> set[int]:
    """Return the stocks of the next message; none where there is none."""
    for _ in range(3):
        message = heard.get_message(timeout=0.2)
        if message and message["type"] == "message":
            return {quote.instrument.id for quote in bus.decode_quotes(json.loads(message["data"]))[1]}
    return set()


@pytest.mark.both_databases
def test_a_stock_without_bars_has_no_stage_any_more(app: Flask, set_clock: Clock) -> None:
    stock, other = add_past("AAA"), add_past("BBB", seed=2)
    analyse()
    set_clock.pass_by(minutes=1)
    drop_source("tiingo")
    write(other, days_until(FRIDAY), wave(len(days_until(FRIDAY))), source="fmp")
    analyse()
    assert db.session.get(Snapshot, stock.id) is None
    assert weeks_of(stock) == []
    assert snapshot_of(other).source == "fmp"
    assert counts() == counted()
    assert analyse() == "nothing new"


@pytest.mark.both_databases
def test_once_a_day_everything_is_reckoned_and_counted(app: Flask, set_clock: Clock) -> None:
    stock, gone = add_past("AAA"), add_past("BBB", seed=2)
    analyse()
    weeks, at = weeks_of(stock), snapshot_of(stock).weeks_at
    db.session.delete(db.session.get_one(InstrumentRow, gone.id))
    db.session.commit()
    db.session.get_one(JobRun, MARK).succeeded_at = SATURDAY
    db.session.commit()
    assert len({row.instrument_id for row in db.session.query(StageWeek)}) == 2
    set_clock.moment = dt.datetime(2026, 3, 14, 22, 29, tzinfo=dt.UTC)
    assert analyse() == "nothing new"
    set_clock.pass_by(minutes=2)
    assert analyse().startswith("1 stocks reckoned, 1 rated otherwise, ")
    assert counts() == counted()
    assert {row.instrument_id for row in db.session.query(StageWeek)} == {stock.id}
    assert snapshot_of(stock).computed_at == set_clock()
    assert (weeks_of(stock), snapshot_of(stock).weeks_at) == (weeks, at)
    set_clock.pass_by(minutes=1)
    assert analyse() == "nothing new"


def test_the_web_asks_for_one_run_at_a_time(app: Flask, redis: Redis) -> None:
    queue.analyse()
    queue.analyse()
    assert redis.llen("rq:queue:default") == 1
    default = Queue("default", connection=redis)
    SimpleWorker([default], connection=redis).work(burst=True, logging_level="WARNING")
    assert redis.llen("rq:queue:default") == 0
    queue.analyse()  # a run that has ended keeps no later one out
    assert redis.llen("rq:queue:default") == 1
