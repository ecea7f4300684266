"""Fetching past days: what is asked of whom, what is stored of it, and what is on record."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.worker.conftest import Clock, make_instrument, make_quote, watch
from tests.worker.history.archive import BROKEN, TUESDAY, UNKNOWN, Archive, make_bars, weekdays
from tests.worker.history.conftest import rows, series
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.live import bus
from webapp.models import IngestRun, InstrumentRow, ProviderCall, ProviderState, QuoteRow
from webapp.records import Adjustment, Bar, Dividend, Split
from webapp.vendors import Limits
from worker.history import calls, fetching
from worker.jobs.bars import fetch_bars
from worker.providers.base import ErrorKind, ProviderError
from worker.store import store_quotes

DAY = dt.timedelta(days=1)


@pytest.mark.both_databases
def test_what_is_missing_is_fetched_stored_and_on_record(archive: Archive) -> None:
    stock = make_instrument()
    watch(stock)
    assert fetch_bars() == "1 fetched, 0 without days, 0 left"
    past = load_past([stock.id])[stock.id]
    assert len(past.series) == 60
    assert past.series.close[-1] == 100
    assert past.sources == ("vendor",)
    assert rows() == [("vendor", "XNYS:IBM", "done", "")]
    run = db.session.query(IngestRun).one()
    assert (run.kind, run.added, run.instrument_id) == ("provider", 60, stock.id)
    assert run.finished_at is not None


@pytest.mark.both_databases
def test_a_second_run_asks_for_nothing(archive: Archive) -> None:
    watch(make_instrument())
    fetch_bars()
    assert fetch_bars() == "0 fetched, 0 without days, 0 left"
    assert archive.asked_days == [("IBM", None)]


@pytest.mark.both_databases
def test_the_next_day_only_what_is_missing_is_asked_for(archive: Archive, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    set_clock.pass_by(hours=4)  # New York closes at 20:00
    fetch_bars()
    assert len(archive.asked_days) == 1
    set_clock.pass_by(hours=1.5)
    archive.histories["IBM"] = make_bars(TUESDAY + DAY, 61)
    fetch_bars()
    assert archive.asked_days[1:] == [("IBM", TUESDAY - fetching.OVERLAP)]
    assert len(load_past([stock.id])[stock.id].series) == 61


def test_only_stocks_that_somebody_waits_for_are_fetched_the_most_wanted_first(
        archive: Archive, redis: Redis) -> None:
    nobody, starter, shown, listed = (make_instrument(symbol, starter=symbol == "START")
                                      for symbol in ("NOBODY", "START", "SHOWN", "LISTED"))
    watch(listed)
    bus.count_viewers(redis, "one", {shown.id: 2})
    fetch_bars()
    assert [symbol for symbol, _since in archive.asked_days] == ["LISTED", "SHOWN", "START"]
    assert load_past([nobody.id, starter.id]).keys() == {starter.id}


def test_what_stocks_are_measured_against_comes_first_and_is_made_where_it_is_not(
        archive: Archive, benchmark: InstrumentRow) -> None:
    db.session.delete(benchmark)
    own = make_instrument("EZU", "XNAS")
    stock = make_instrument()
    db.session.get_one(InstrumentRow, stock.id).benchmark = own.key
    watch(stock, make_instrument("OTHER"))
    fetch_bars()
    assert [symbol for symbol, _since in archive.asked_days] == ["EZU", "SPY", "IBM", "OTHER"]
    spy = db.session.query(InstrumentRow).filter_by(symbol="SPY").one()
    assert (spy.mic, spy.kind, spy.starter, spy.sector) == ("ARCX", "etf", False, "Fund")


@pytest.mark.both_databases
def test_past_days_take_a_fifth_of_the_calls_and_no_more(archive: Archive) -> None:
    archive.limits = Limits(per_day=25)
    watch(*(make_instrument(f"S{number}") for number in range(8)))
    assert fetch_bars() == "5 fetched, 0 without days, 3 left"
    fetch_bars()
    assert len(archive.asked_days) == 5
    assert db.session.query(ProviderCall).filter_by(outcome="ok").count() == 5
    waiting = [row for row in rows() if row[2] == "skipped"]
    assert waiting == [("vendor", "3 stocks", "skipped", waiting[0][3])]
    assert "5 of 25 requests" in waiting[0][3]


def test_calls_go_on_when_the_share_is_free_again(archive: Archive, set_clock: Clock) -> None:
    archive.limits = Limits(per_minute=10)
    watch(*(make_instrument(f"S{number}") for number in range(5)))
    said = []
    for _ in range(4):
        said.append(fetch_bars())
        set_clock.pass_by(seconds=61)
    assert [text.partition(" ")[0] for text in said] == ["2", "2", "1", "0"]


@pytest.mark.both_databases
def test_a_stock_that_nobody_knows_is_asked_for_again_after_a_week(archive: Archive, set_clock: Clock) -> None:
    archive.limits = Limits(per_minute=1000)
    archive.histories["IBM"] = UNKNOWN
    watch(make_instrument())
    for _ in range(7):
        fetch_bars()
        set_clock.pass_by(hours=23)
    assert len(archive.asked_days) == 1
    assert rows() == [("vendor", "XNYS:IBM", "refused", UNKNOWN.message)]
    set_clock.pass_by(hours=8)
    fetch_bars()
    assert len(archive.asked_days) == 2
    assert db.session.get_one(ProviderState, "vendor").paused_until is None


def test_no_days_at_all_are_a_refusal_too(archive: Archive) -> None:
    archive.histories["IBM"] = ()
    watch(make_instrument())
    assert fetch_bars() == "0 fetched, 1 without days, 0 left"
    assert rows()[0][2:] == ("refused", "It has no past days of this stock.")
    assert series() == {}


def test_after_a_fault_the_rest_doubles(archive: Archive, set_clock: Clock) -> None:
    archive.histories["IBM"] = BROKEN
    watch(make_instrument())
    for minutes, asked in ((0, 1), (9, 1), (2, 2), (11, 2), (10, 3)):
        set_clock.pass_by(minutes=minutes)
        fetch_bars()
        assert len(archive.asked_days) == asked
    archive.histories.clear()
    set_clock.pass_by(minutes=41)
    assert fetch_bars().startswith("1 fetched")


def test_a_throttled_call_lets_the_provider_rest_and_not_the_stock(archive: Archive, set_clock: Clock) -> None:
    archive.limits = Limits(per_minute=100)
    archive.histories["IBM"] = ProviderError(ErrorKind.THROTTLED_MINUTE, "The Vendor is throttled.")
    watch(make_instrument(), make_instrument("OTHER"))
    fetch_bars()
    assert archive.asked_days == [("IBM", None)]
    assert [row[2] for row in rows()] == ["skipped", "skipped"]
    archive.histories.clear()
    set_clock.pass_by(seconds=61)
    assert fetch_bars().startswith("2 fetched")


def test_a_new_basis_has_all_days_fetched_anew(archive: Archive, set_clock: Clock) -> None:
    archive.adjusted = Adjustment.SPLITS
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    set_clock.pass_by(days=1, hours=6)
    halved = tuple(Bar(bar.day, bar.close / 2) for bar in make_bars(TUESDAY + 2 * DAY, 62))
    archive.histories["IBM"] = halved
    fetch_bars()
    assert archive.asked_days[1:] == [("IBM", TUESDAY - fetching.OVERLAP), ("IBM", None)]
    closes = load_past([stock.id])[stock.id].series.close
    assert closes.tolist() == [float(bar.close) for bar in halved]
    assert [row[2:] for row in rows()] == [("done", ""), ("skipped", fetching.ANEW), ("done", "")]


def test_a_new_basis_without_a_call_left_is_fetched_anew_in_the_next_run(
        archive: Archive, set_clock: Clock) -> None:
    archive.adjusted, archive.limits = Adjustment.SPLITS, Limits(per_minute=5)
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    set_clock.pass_by(days=1, hours=6)
    archive.histories["IBM"] = tuple(Bar(bar.day, bar.close / 2) for bar in make_bars(TUESDAY + 2 * DAY, 62))
    fetch_bars()
    assert load_past([stock.id])[stock.id].series.close[-1] == 100
    set_clock.pass_by(seconds=61)
    fetch_bars()
    assert [since for _symbol, since in archive.asked_days] == [None, TUESDAY - fetching.OVERLAP, None]
    assert load_past([stock.id])[stock.id].series.close[0] < 50


def test_who_has_nothing_newer_is_asked_again_after_hours(archive: Archive, set_clock: Clock) -> None:
    watch(make_instrument())
    archive.histories["IBM"] = make_bars(TUESDAY - DAY)
    for hours, asked in ((0, 1), (2.9, 1), (0.2, 2), (1, 2)):
        set_clock.pass_by(hours=hours)
        fetch_bars()
        assert len(archive.asked_days) == asked


def test_who_has_been_silent_for_more_than_a_week_is_asked_again_once_a_day(archive: Archive,
                                                                           set_clock: Clock) -> None:
    watch(make_instrument())
    archive.histories["IBM"] = make_bars(TUESDAY - 20 * DAY)
    for hours, asked in ((0, 1), (5, 1), (1, 2), (20, 2), (4, 3)):  # New York has closed an hour before the third
        set_clock.pass_by(hours=hours)
        fetch_bars()
        assert len(archive.asked_days) == asked


def test_an_empty_answer_for_the_newest_days_is_no_fault(archive: Archive, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    set_clock.pass_by(days=1, hours=6)
    archive.histories["IBM"] = ()
    assert fetch_bars().startswith("1 fetched")
    assert rows()[-1] == ("vendor", "XNYS:IBM", "done", "Nothing newer.")
    assert fetch_bars().startswith("0 fetched")
    assert len(load_past([stock.id])[stock.id].series) == 60


def test_pence_are_stored_as_pounds(archive: Archive) -> None:
    row = InstrumentRow(symbol="TSCO", mic="XNYS", name="Tesco", currency="GBP", unit="GBX", country="GB")
    db.session.add(row)
    db.session.commit()
    watch(row.record())
    archive.events = ((), (Dividend(TUESDAY, Decimal("4.25")),))
    fetch_bars()
    past = load_past([row.id])[row.id]
    assert past.series.close[-1] == 1.0
    assert past.dividends == (Dividend(TUESDAY, Decimal("0.0425")),)


def test_prices_in_another_currency_are_refused_and_nothing_is_stored(archive: Archive) -> None:
    archive.unit = "EUR"
    watch(make_instrument())
    assert fetch_bars() == "0 fetched, 1 without days, 0 left"
    assert rows()[0][2] == "failed"
    assert "EUR" in rows()[0][3]
    assert series() == {}


def test_splits_among_the_days_are_kept(archive: Archive) -> None:
    days = weekdays(TUESDAY, 60)
    archive.histories["IBM"] = tuple(
        Bar(day, Decimal(200 if day < days[40] else 100)) for day in days)
    archive.events = ((Split(days[40], Decimal(2)),), ())
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    assert set(load_past([stock.id])[stock.id].series.close) == {100.0}


def test_how_much_a_stock_moves_is_known_from_its_days(archive: Archive) -> None:
    stock = make_instrument()
    watch(stock)
    store_quotes([make_quote(stock, "100")], dt.datetime(2026, 3, 11, 15, tzinfo=dt.UTC))
    db.session.commit()
    fetch_bars()
    deviation = db.session.get_one(QuoteRow, stock.id, populate_existing=True).deviation
    assert deviation is not None
    assert 0 < deviation < 0.001


def test_the_analysis_is_asked_for_once_a_run_that_changed_something(archive: Archive, redis: Redis) -> None:
    watch(make_instrument("A"), make_instrument("B"))
    fetch_bars()
    jobs = Queue("default", connection=redis).jobs
    assert [job.func_name for job in jobs] == ["worker.jobs.analysis.analyse"]
    Queue("default", connection=redis).empty()  # type: ignore[no-untyped-call]
    fetch_bars()
    assert Queue("default", connection=redis).jobs == []


def test_without_redis_the_days_are_fetched_all_the_same(app: Flask, archive: Archive,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp import redis as redis_clients

    monkeypatch.setitem(app.extensions, "redis", redis_clients.connect("unix:///nowhere/r.sock"))
    watch(make_instrument())
    assert fetch_bars().startswith("1 fetched")


def test_no_transaction_is_open_while_the_network_is_slow(archive: Archive) -> None:
    open_then = []
    archive.on_call = lambda: open_then.append(db.session().in_transaction())
    watch(make_instrument())
    fetch_bars()
    assert open_then == [False]


def test_a_run_ends_after_so_many_calls_and_the_next_goes_on(archive: Archive,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_CALLS", 2)
    archive.limits = Limits(per_minute=10_000)
    watch(*(make_instrument(f"S{number}") for number in range(5)))
    assert [fetch_bars() for _ in range(3)] == [
        "2 fetched, 0 without days, 3 left", "2 fetched, 0 without days, 1 left", "1 fetched, 0 without days, 0 left"]


def test_a_program_fault_rests_the_stock_and_does_not_stop_the_others_for_ever(archive: Archive) -> None:
    archive.limits = Limits(per_minute=10_000)
    archive.histories["A"] = ZeroDivisionError()
    watch(make_instrument("A"), make_instrument("B"))
    with pytest.raises(ZeroDivisionError):
        fetch_bars()
    assert rows()[0][2] == "failed"
    assert fetch_bars().startswith("1 fetched")
    assert [symbol for symbol, _since in archive.asked_days] == ["A", "B"]
