"""Whom past days are asked of where there are several, and what a killed worker leaves."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.worker.conftest import Clock, make_instrument, watch
from tests.worker.history.archive import NOT_ENTITLED, TUESDAY, UNKNOWN, Archive, make_bars
from tests.worker.history.conftest import Use, rows, series
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.models import BarSeries
from webapp.records import Adjustment
from webapp.vendors import Limits
from worker.history import fetching, runs
from worker.jobs.bars import fetch_bars


def test_where_one_provider_does_not_know_it_the_next_is_asked(use: Use) -> None:
    first, second = Archive(name="first", histories={"IBM": UNKNOWN}), Archive(name="second")
    use(first, second)
    watch(make_instrument(), make_instrument("OTHER"))
    fetch_bars()
    assert [symbol for symbol, _since in second.asked_days] == ["IBM"]
    assert [row[:3] for row in rows()] == [("first", "XNYS:IBM", "refused"), ("second", "XNYS:IBM", "done"),
                                           ("first", "XNYS:OTHER", "done")]


def test_a_provider_without_the_exchange_is_not_asked(use: Use) -> None:
    first, second = Archive(name="first", uncovered={"XNYS"}), Archive(name="second")
    use(first, second)
    watch(make_instrument())
    fetch_bars()
    assert (first.asked_days, second.asked_days) == ([], [("IBM", None)])


def test_a_plan_that_has_no_days_of_three_stocks_is_left_alone_for_a_day(use: Use, set_clock: Clock) -> None:
    names = [f"S{number}" for number in range(6)]
    first = Archive(Limits(per_minute=1000), name="first", histories=dict.fromkeys(names, NOT_ENTITLED))
    second = Archive(name="second")
    use(first, second)
    watch(*(make_instrument(name) for name in names))
    fetch_bars()
    fetch_bars()
    assert len(second.asked_days) == 6
    assert len(first.asked_days) == 6  # within a run it is not looked up again
    set_clock.pass_by(hours=6)
    second.histories = dict.fromkeys(names, make_bars(TUESDAY + dt.timedelta(days=1)))
    fetch_bars()
    assert len(first.asked_days) == 6
    assert len(second.asked_days) == 12


def test_while_the_preferred_one_waits_for_a_minute_the_next_is_not_asked(use: Use, set_clock: Clock) -> None:
    first, second = Archive(Limits(per_minute=5), name="first"), Archive(name="second")
    use(first, second)
    watch(make_instrument("A"), make_instrument("B"))
    assert fetch_bars() == "1 fetched, 0 without days, 1 left"
    assert second.asked_days == []
    set_clock.pass_by(seconds=61)
    assert fetch_bars().startswith("1 fetched")


def test_where_the_days_share_is_used_the_next_is_asked(use: Use) -> None:
    first, second = Archive(Limits(per_day=5), name="first"), Archive(name="second")
    use(first, second)
    watch(make_instrument("A"), make_instrument("B"))
    fetch_bars()
    assert [name for name, _since in (*first.asked_days, *second.asked_days)] == ["A", "B"]


def test_days_less_dividends_are_kept_only_where_nobody_has_others(use: Use) -> None:
    files = Archive(name="files", adjusted=Adjustment.ALL)
    other = Archive(name="other", histories={"ALONE": UNKNOWN})
    use(files, other)
    both, alone = make_instrument("BOTH"), make_instrument("ALONE")
    watch(both, alone)
    fetch_bars()
    found = {(row.instrument_id, row.source) for row in db.session.query(BarSeries)}
    assert found == {(both.id, "other"), (alone.id, "files")}
    assert {row[2] for row in rows()} == {"done", "skipped", "refused"}


class Killed(BaseException):
    """The worker is gone, and does not tidy up."""


@pytest.mark.both_databases
def test_a_worker_that_is_killed_in_a_call_leaves_its_trace_and_nothing_by_halves(archive: Archive,
                                                                                 set_clock: Clock) -> None:
    def die() -> None:
        raise Killed

    archive.limits, archive.on_call = Limits(per_minute=10_000), die
    stock = make_instrument()
    watch(stock)
    with pytest.raises(Killed):
        fetch_bars()
    db.session.rollback()
    assert series() == {}
    archive.on_call = lambda: None
    fetch_bars()
    assert rows() == [("vendor", "XNYS:IBM", "failed", runs.CUT_SHORT)]
    set_clock.pass_by(minutes=11)
    assert fetch_bars().startswith("1 fetched")
    assert len(load_past([stock.id])[stock.id].series) == 60


@pytest.mark.both_databases
def test_a_worker_that_is_killed_while_it_stores_stores_nothing_of_that_stock(
        archive: Archive, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise Killed

    watch(make_instrument("A"), make_instrument("B"))
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "keep_deviation", die)
        with pytest.raises(Killed):
            fetch_bars()
    db.session.rollback()
    assert series() == {}
    set_clock.pass_by(minutes=11)
    assert fetch_bars().startswith("2 fetched")
