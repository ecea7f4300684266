"""Stocks with made-up pasts, written as an ingestion writes them."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import numpy as np
import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.bars.conftest import bars_of, weekdays
from tests.worker.conftest import Clock
from webapp import clock
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.models import InstrumentRow, JobRun, MarketSession, Snapshot, StageCount, StageWeek
from webapp.records import Adjustment
from worker.analysis.mark import MARK
from worker.jobs.analysis import analyse

# A Saturday: no week is running.
SATURDAY = dt.datetime(2026, 3, 14, 12, tzinfo=dt.UTC)
TODAY = SATURDAY.date()
FIRST = "2024-01-01"


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock on SATURDAY."""
    stopped = Clock()
    stopped.moment = SATURDAY
    monkeypatch.setattr(clock, "now", stopped)
    return stopped


def days_until(last: dt.date, first: str = FIRST) -> list[dt.date]:
    return [day for day in weekdays(first, 800) if day <= last]


def wave(count: int, *, start: float = 50.0, length: float = 300.0, seed: int = 1) -> list[float]:
    """Return closes that rise and fall in long waves, so that all stages occur."""
    chance = np.random.default_rng(seed)
    return [round(start * math.exp(0.6 * math.sin(2 * math.pi * day / length) + float(chance.normal(0, 0.004))), 2)
            for day in range(count)]


def write(stock: InstrumentRow, days: list[dt.date], closes: list[float], *, volume: float = 1000.0,
          source: str = "tiingo") -> None:
    """Write bars as traded, and commit."""
    write_bars(stock.id, "1d", source, bars_of(days, closes, volume), adjusted=Adjustment.NONE, basis_day=None,
               now=clock.now())
    db.session.commit()


def add_past(symbol: str, mic: str = "XNAS", *, last: dt.date = TODAY, seed: int = 1,
             length: float = 300.0, **fields: str) -> InstrumentRow:
    """Add a stock with a past that ends on this day."""
    stock = add_stock(symbol, mic, **fields)
    days = days_until(last)
    write(stock, days, wave(len(days), seed=seed, length=length))
    return stock


def add_sessions(*days: dt.date, mic: str = "XNAS") -> None:
    """Add sessions that close at 20:00 UTC."""
    db.session.add_all(MarketSession(mic=mic, day=day, opens_at=dt.datetime.combine(day, dt.time(13, 30), dt.UTC),
                                     closes_at=dt.datetime.combine(day, dt.time(20), dt.UTC)) for day in days)
    db.session.commit()


def snapshot_of(stock: InstrumentRow) -> Snapshot:
    return db.session.get_one(Snapshot, stock.id, populate_existing=True)


def weeks_of(stock: InstrumentRow) -> list[tuple[object, ...]]:
    """Return all that is stored of a stock's weeks."""
    columns = StageWeek.__table__.columns
    return [tuple(row) for row in db.session.execute(
        db.select(*columns).where(columns.instrument_id == stock.id).order_by(columns.week))]


@pytest.fixture
def looked_at_everything(app: Flask, set_clock: Clock) -> None:
    """Let the look at everything have been, and be far away: what is due is due for a reason."""
    assert analyse() == "0 stocks reckoned, 0 rated otherwise, 0 counts mended"
    assert analyse() == "nothing new"
    db.session.get_one(JobRun, MARK).succeeded_at = SATURDAY + dt.timedelta(days=100)
    db.session.commit()
    set_clock.pass_by(minutes=1)


def counts() -> dict[tuple[dt.date, int], int]:
    return {(row.week, row.stage): row.count for row in db.session.query(StageCount)}


def counted() -> dict[tuple[dt.date, int], int]:
    """Count the stored weeks by themselves."""
    return dict(Counter((row.week, row.stage or 0) for row in db.session.query(StageWeek)))
