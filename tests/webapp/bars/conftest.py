"""Bars by hand, and real ones from files that lie beside the project."""

from __future__ import annotations

import csv
import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import select

from tests.conftest import SHARED
from webapp import clock
from webapp.analytics.series import Series, to_number
from webapp.bars.codec import Bars, from_series, unpack
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries
from webapp.records import Adjustment, Bar, Dividend, History, Split

NOW = dt.datetime(2026, 3, 11, 22, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
UNKNOWN = float("nan")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> dt.datetime:
    """Stop the clock at NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def weekdays(first: str, count: int) -> list[dt.date]:
    """Return so many days from `first` on, weekends left out."""
    days: list[dt.date] = []
    one = day(first)
    while len(days) < count:
        if one.weekday() < 5:
            days.append(one)
        one += dt.timedelta(days=1)
    return days


def bars_of(days: list[dt.date], closes: list[float], volume: float = 1000.0) -> Bars:
    """Return bars that open and close at these prices."""
    close = np.array(closes, np.float64)
    at = np.array([to_number(one) for one in days], np.int32)
    return from_series(Series(at, close, close + 1, close - 0.5, close, np.full(len(close), volume)))


def one_bar(text: str, close: float) -> Bars:
    return bars_of([day(text)], [close])


def row_of(series_id: int) -> BarSeries:
    """Return a series as it is in the database now."""
    return db.session.get_one(BarSeries, series_id, populate_existing=True)


def stored(series_id: int) -> dict[str, float]:
    """Return the closes that are stored, by day."""
    closes: dict[str, float] = {}
    for data in db.session.scalars(select(BarChunk.data).where(BarChunk.series_id == series_id)
                                   .order_by(BarChunk.start)):
        series = unpack(data).series()
        closes |= {(dt.date(1970, 1, 1) + dt.timedelta(days=at)).isoformat(): close
                   for at, close in zip(series.at.tolist(), series.close.tolist(), strict=True)}
    return closes


def alpha_vantage(symbol: str, instrument_id: int, *, events: bool = True) -> History:
    """Return the real past of AAPL, IBM or SPY from 1999 to 2020, as traded, with its splits and dividends."""
    path = SHARED / "bars" / "av_daily_adjusted" / f"daily_adjusted_{symbol}.csv"
    if not path.exists():
        pytest.skip("needs ../shared")
    with path.open(newline="") as file:
        rows = list(reversed(list(csv.DictReader(file))))
    bars = tuple(Bar(day(row["timestamp"]), Decimal(row["close"]), Decimal(row["open"]), Decimal(row["high"]),
                     Decimal(row["low"]), int(row["volume"])) for row in rows)
    if not events:
        return History(instrument_id, "alpha-vantage", Adjustment.NONE, bars)
    splits = tuple(Split(day(row["timestamp"]), round(Decimal(row["split_coefficient"]), 3)) for row in rows
                   if Decimal(row["split_coefficient"]) != 1)
    dividends = tuple(Dividend(day(row["timestamp"]), Decimal(row["dividend_amount"])) for row in rows
                      if Decimal(row["dividend_amount"]))
    return History(instrument_id, "alpha-vantage", Adjustment.NONE, bars, splits, dividends)
