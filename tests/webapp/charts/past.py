"""Past prices for charts: made-up ones that are the same in each run, and Apple's as Alpha Vantage sent them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from webapp.analytics.series import Floats, Series, to_number
from webapp.bars.codec import from_series
from webapp.bars.writing import write_bars, write_events
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.models.bars import DAY, MINUTE
from webapp.records import Adjustment, Dividend, Split

# A Friday evening in New York: the week of the 20th is over, the bars reach up to it.
NOW = dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)
LAST = dt.date(2026, 11, 20)


def weekdays(count: int, last: dt.date = LAST) -> np.ndarray:
    """Return the numbers of so many days from Monday to Friday that end with `last`."""
    days = np.arange(to_number(last) - 2 * count, to_number(last) + 1)
    return days[(days + 3) % 7 < 5][-count:].astype(np.int32)


def walk(count: int, seed: int = 1, start: float = 100.0) -> Floats:
    """Return closes of two decimals that wander, with long rises and falls so that all stages occur."""
    steps = np.random.default_rng(seed).normal(0, 0.012, count) + 0.004 * np.sin(np.arange(count) / 90)
    return np.round(start * np.exp(np.cumsum(steps)), 2)


def series_of(at: np.ndarray, close: Floats) -> Series:
    """Return bars around closes: each opens at the close before."""
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) - 0.25
    return Series(at, opened, high, low, close, (np.arange(len(close)) * 100 + 10_000).astype(np.float64))


def add_days(stock: InstrumentRow, close: Floats, *, last: dt.date = LAST, source: str = "tiingo",
             adjusted: Adjustment = Adjustment.NONE, splits: Sequence[Split] = (), dividends: Sequence[Dividend] = (),
             now: dt.datetime = NOW) -> Series:
    """Store daily bars up to `last`, and events; return the bars."""
    series = series_of(weekdays(len(close), last), close)
    write_events(stock.id, splits, dividends, source, now)
    write_bars(stock.id, DAY, source, from_series(series), adjusted=adjusted,
               basis_day=None if adjusted is Adjustment.NONE else last, now=now)
    db.session.commit()
    return series


def add_minutes(stock: InstrumentRow, first: dt.datetime, close: Floats, *, source: str = "tiingo",
                now: dt.datetime = NOW) -> Series:
    """Store bars of a minute from a moment on."""
    at = (int(first.timestamp()) // 60 + np.arange(len(close))).astype(np.int32)
    series = series_of(at, close)
    write_bars(stock.id, MINUTE, source, from_series(series), adjusted=Adjustment.SPLITS, basis_day=LAST, now=now)
    db.session.commit()
    return series


def add_alpha_vantage(stock: InstrumentRow, path: Path, since: dt.date = dt.date.min) -> Series:
    """Store a file of Alpha Vantage's with its splits and dividends; return the bars as traded."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if dt.date.fromisoformat(row["timestamp"]) >= since][::-1]
    days = [dt.date.fromisoformat(row["timestamp"]) for row in rows]
    columns = [np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")]
    series = Series(np.array([to_number(day) for day in days], np.int32), *columns)
    splits = [Split(day, Decimal(row["split_coefficient"])) for day, row in zip(days, rows, strict=True)
              if Decimal(row["split_coefficient"]) != 1]
    dividends = [Dividend(day, Decimal(row["dividend_amount"])) for day, row in zip(days, rows, strict=True)
                 if Decimal(row["dividend_amount"]) != 0]
    write_events(stock.id, splits, dividends, "alpha-vantage", NOW)
    write_bars(stock.id, DAY, "alpha-vantage", from_series(series), adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    return series
