"""Bars, trading days and findings for tests of the pages that show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from flask import Flask

from tests.webapp.people import Browser, cheap_hashes, stranger, visitor
from webapp import clock
from webapp.accounts import service
from webapp.analytics.series import to_number
from webapp.bars.codec import SCALE, Bars
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.models import BarFinding, BarSeries, FaultState, InstrumentRow, TradingYear, User
from webapp.models.bars import DAY
from webapp.records import Adjustment

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today", "visitor"]

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)  # a Saturday
WEEKEND = 5


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> dt.datetime:
    """It is noon in London, on a Saturday."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


@pytest.fixture
def admin(app: Flask, today: dt.datetime) -> User:
    """Somebody who sees how the place is run."""
    user = service.create_user("ada@example.org", "a rather long secret", admin=True)
    db.session.commit()
    return user


@pytest.fixture
def browser(app: Flask, admin: User) -> Browser:
    """The admin's browser, logged in."""
    return Browser(app).log_in(admin)


def weekdays(first: dt.date, last: dt.date, without: Iterable[dt.date] = ()) -> list[dt.date]:
    """Return the days of a span that are no weekend's, and none of `without`."""
    days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if day.weekday() < WEEKEND and day not in set(without)]


def bars_of(days: Sequence[dt.date], price: float = 100) -> Bars:
    """Return a bar a day, of rising prices: 100, 100.01, ..."""
    close = np.round((price + np.arange(len(days)) / 100) * SCALE).astype(np.int64)
    volume = np.full(len(days), 1_000, np.int64)
    return Bars(np.array([to_number(day) for day in days], np.int32), close, close + SCALE, close - SCALE, close,
                volume)


def add_bars(stock: InstrumentRow, days: Sequence[dt.date], source: str = "alpha-vantage", *,
             adjusted: Adjustment = Adjustment.NONE, price: float = 100) -> BarSeries:
    """Write a bar a day and commit."""
    written = write_bars(stock.id, DAY, source, bars_of(days, price), adjusted=adjusted, now=clock.now())
    db.session.commit()
    series = db.session.get(BarSeries, written.series_id)
    assert series is not None
    return series


def add_calendar(mic: str, years: Iterable[int], closed: Iterable[dt.date] = ()) -> None:
    """Let an exchange be open on each weekday of these years but those, and commit."""
    for year in years:
        days = weekdays(dt.date(year, 1, 1), dt.date(year, 12, 31), closed)
        db.session.add(TradingYear(mic=mic, year=year, days=[int(f"{day:%j}") for day in days]))
    db.session.commit()


def add_fault(series: BarSeries, day: dt.date, kind: str = "outlier", **fields: Any) -> BarFinding:
    """Add a finding and commit."""
    given = {"last_day": day, "detail": f"{kind} on {day}", "state": FaultState.OPEN.value, "found_at": NOW} | fields
    row = BarFinding(series_id=series.id, kind=kind, day=day, **given)
    db.session.add(row)
    db.session.commit()
    return row
