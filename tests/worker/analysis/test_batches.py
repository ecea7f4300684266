"""Stocks reckoned in batches: beside each other in processes, and whatever one of them has in its bars."""

from __future__ import annotations

import os
import signal

import pytest
from flask import Flask

from tests.worker.analysis.conftest import SATURDAY, add_past, days_until, snapshot_of, wave, weeks_of, write
from tests.worker.conftest import Clock
from webapp.bars.completed import last_week_over
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, InstrumentRow, Snapshot, UnreadablePast
from webapp.trading_days import load_book
from worker.analysis import batches
from worker.analysis.batches import Batch, Market, load_market, reckon_all
from worker.analysis.crew import CrewError
from worker.analysis.stale import Due, find_due
from worker.jobs.analysis import analyse


@pytest.fixture
def several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few stocks be enough for two processes."""
    monkeypatch.setattr(batches, "PARALLEL_FROM", 3)
    monkeypatch.setattr(batches, "BATCH", 2)
    monkeypatch.setattr(batches, "cores", lambda: 2)


def work() -> tuple[list[Due], Market]:
    overs = {mic: last_week_over(load_book(SATURDAY), mic, SATURDAY) for mic in ("XNAS", "ARCX")}
    return find_due(overs, SATURDAY), load_market(overs)


@pytest.mark.both_databases
def test_processes_find_what_one_process_finds(app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch,
                                               several_processes: None) -> None:
    stocks = [add_past("SPY", "ARCX", seed=9), *(add_past(f"S{number}", seed=number) for number in range(6))]
    due, market = work()
    beside = [one for batch in reckon_all(due, market) for one in batch.found]
    monkeypatch.setattr(batches, "PARALLEL_FROM", 1000)
    here = [one for batch in reckon_all(due, market) for one in batch.found]
    assert [one.due.id for one in beside] == [stock.id for stock in stocks]
    for one, other in zip(beside, here, strict=True):
        assert (one.snapshot, one.anew) == (other.snapshot, True)
        assert one.weeks.tobytes() == other.weeks.tobytes()


@pytest.mark.both_databases
def test_what_processes_found_is_stored(app: Flask, set_clock: Clock, several_processes: None) -> None:
    stocks = [add_past("SPY", "ARCX", seed=9), *(add_past(f"S{number}", seed=number) for number in range(6))]
    assert analyse().startswith("7 stocks")
    assert all(snapshot_of(stock).rs for stock in stocks)
    assert len({len(weeks_of(stock)) for stock in stocks}) == 1
    assert snapshot_of(stocks[1]).mansfield is not None


def test_a_process_that_is_killed_ends_the_run_and_what_was_stored_stays(
        app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch, several_processes: None) -> None:
    for number in range(8):
        add_past(f"S{number}", seed=number)
    parent, real = os.getpid(), batches.reckon_batch

    def killed(batch: list[Due], market: Market) -> Batch:
        if os.getpid() != parent and batch[0].id == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(batch, market)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "reckon_batch", killed)
        with pytest.raises(CrewError, match="was ended"):
            analyse()
    db.session.rollback()
    assert db.session.query(Snapshot).count() == 4
    assert analyse().startswith("8 stocks")  # the look at everything, which the first run was, is still to come
    assert db.session.query(Snapshot).count() == 8


def test_an_error_in_a_process_is_told(app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch,
                                       several_processes: None) -> None:
    for number in range(4):
        add_past(f"S{number}", seed=number)

    def broken(_batch: list[Due], market: Market) -> Batch:
        raise ArithmeticError("no such number")

    monkeypatch.setattr(batches, "reckon_batch", broken)
    with pytest.raises(CrewError, match="no such number"):
        analyse()


def damage(stock: InstrumentRow) -> None:
    series = db.session.query(BarSeries).filter_by(instrument_id=stock.id).one()
    db.session.execute(db.update(BarChunk).where(BarChunk.series_id == series.id).values(data=b"b1 damaged"))
    db.session.commit()


@pytest.mark.both_databases
def test_a_stock_whose_bars_cannot_be_read_keeps_no_other_from_its_stage(
        app: Flask, set_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    stocks = [add_past(f"S{number}", seed=number) for number in range(5)]
    damage(stocks[2])
    assert analyse().startswith("4 stocks reckoned, 4 rated")
    assert {row.instrument_id for row in db.session.query(Snapshot)} == {
        stock.id for stock in stocks} - {stocks[2].id}
    assert f"Instrument {stocks[2].id} cannot be analysed" in caplog.text


@pytest.mark.both_databases
def test_what_cannot_be_read_is_tried_again_when_it_changes_and_once_a_day_and_not_each_minute(
        app: Flask, set_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    stock, other = add_past("AAA"), add_past("BBB", seed=2)
    analyse()
    damage(stock)
    stored = snapshot_of(stock).computed_at
    for minutes in (12 * 60, 1):  # the look at everything, and the minute after
        caplog.clear()
        set_clock.pass_by(minutes=minutes)
        assert analyse() == ("1 stocks reckoned, 0 rated otherwise, 0 counts mended" if minutes > 1 else "nothing new")
        assert ("cannot be analysed" in caplog.text) == (minutes > 1)
    assert (snapshot_of(stock).computed_at, snapshot_of(other).computed_at > stored) == (stored, True)
    db.session.execute(db.delete(BarChunk).where(BarChunk.data == b"b1 damaged"))
    set_clock.pass_by(minutes=1)
    days = days_until(SATURDAY.date())
    write(stock, days, wave(len(days)))
    assert analyse().startswith("1 stocks reckoned")
    assert db.session.query(UnreadablePast).count() == 0
    assert analyse() == "nothing new"


def test_stocks_are_reckoned_although_their_benchmark_cannot_be_read(
        app: Flask, set_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    spy, stock = add_past("SPY", "ARCX", seed=9), add_past("AAA")
    damage(spy)
    assert analyse().startswith("1 stocks reckoned")
    assert (snapshot_of(stock).mansfield, snapshot_of(stock).stage is None) == (None, False)
    assert "Nothing is measured against ARCX:SPY" in caplog.text
    assert analyse() == "nothing new"
