"""The analysis disturbed: killed, met by another run, overtaken by what comes while it runs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from tests.factories import add_quote
from tests.worker.analysis.conftest import (
    add_past,
    counted,
    counts,
    looked_at_everything,
    set_clock,
    snapshot_of,
    weeks_of,
    write,
)
from tests.worker.conftest import Clock
from webapp.bars.reading import load_past
from webapp.bars.writing import write_events
from webapp.extensions import db
from webapp.models import Snapshot
from webapp.quotes import current_version
from webapp.records import Split
from worker.analysis import batches
from worker.analysis.writing import write_batch
from worker.jobs import analysis
from worker.jobs.analysis import analyse

__all__ = ["looked_at_everything", "set_clock"]  # fixtures, the clock on a Saturday
pytestmark = pytest.mark.usefixtures("looked_at_everything")


@pytest.mark.both_databases
@pytest.mark.parametrize("what", ["bars", "split"])
def test_what_comes_while_bars_are_read_is_in_this_run_or_in_the_next(
        app: Flask, monkeypatch: pytest.MonkeyPatch, set_clock: Clock, what: str) -> None:
    stocks = [add_past(f"S{number}", seed=number) for number in range(4)]
    monkeypatch.setattr(batches, "BATCH", 2)
    real, calls = write_batch, iter((True, False))

    def meanwhile(*args: Any) -> list[int]:
        moved = real(*args)
        if next(calls):
            set_clock.pass_by(seconds=5)
            for stock in (stocks[0], stocks[3]):  # one is written already, one is read after this
                if what == "bars":
                    write(stock, [dt.date(2026, 3, 6)], [61.0])
                else:
                    write_events(stock.id, [Split(dt.date(2026, 3, 9), Decimal(2))], [], "tiingo", set_clock())
            db.session.commit()
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(analysis, "write_batch", meanwhile)
        analyse()
    assert analyse().startswith("2 stocks reckoned")
    for stock in stocks:
        [close] = [week[4] for week in weeks_of(stock) if week[1] == dt.date(2026, 3, 6)]
        [bar] = [past.series.close[past.series.at == (dt.date(2026, 3, 6) - dt.date(1970, 1, 1)).days]
                 for past in load_past([stock.id]).values()]
        assert close == bar[0]
    assert counts() == counted()
    assert analyse() == "nothing new"


@pytest.mark.both_databases
def test_two_runs_at_once_leave_what_one_would(app: Flask, monkeypatch: pytest.MonkeyPatch, set_clock: Clock) -> None:
    stocks = [add_past(f"S{number}", seed=number) for number in range(4)]
    monkeypatch.setattr(batches, "BATCH", 2)
    real, calls = write_batch, iter((True, False))

    def another_run_first(*args: Any) -> list[int]:
        if next(calls):
            with monkeypatch.context() as patch:
                patch.setattr(analysis, "write_batch", real)
                assert analyse().startswith("4 stocks reckoned, 4 rated")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(analysis, "write_batch", another_run_first)
        assert analyse().startswith("4 stocks reckoned")
    assert counts() == counted()
    assert all(snapshot_of(stock).rs for stock in stocks)
    assert len({len(weeks_of(stock)) for stock in stocks}) == 1
    assert analyse() == "nothing new"


@pytest.mark.both_databases
def test_a_run_that_was_killed_is_gone_on_with(app: Flask, monkeypatch: pytest.MonkeyPatch, set_clock: Clock) -> None:
    stocks = [add_past(f"S{number}", seed=number) for number in range(5)]
    add_quote(stocks[0], "50.00", version=0)
    monkeypatch.setattr(batches, "BATCH", 2)
    real, calls = write_batch, iter((True, True, False))

    def killed(*args: Any) -> list[int]:
        if not next(calls):
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(analysis, "write_batch", killed)
        with pytest.raises(KeyboardInterrupt):
            analyse()
    db.session.rollback()
    assert db.session.query(Snapshot).count() == 4
    assert counts() == counted()
    assert (snapshot_of(stocks[0]).rs, current_version()) == (None, 0)
    set_clock.pass_by(minutes=1)
    assert analyse().startswith("1 stocks reckoned, 5 rated otherwise")
    assert counts() == counted()
    assert current_version() == 1
    assert analyse() == "nothing new"


def test_what_was_stored_and_not_rated_is_rated_although_nothing_is_due(app: Flask, monkeypatch: pytest.MonkeyPatch,
                                                                        set_clock: Clock) -> None:
    stock = add_past("AAA")
    with monkeypatch.context() as patch:
        patch.setattr(analysis, "rate", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            analyse()
    db.session.rollback()
    assert snapshot_of(stock).rs is None
    assert analyse() == "0 stocks reckoned, 1 rated otherwise, 0 counts mended"
    assert snapshot_of(stock).rs == 50
