"""Two stocks that are one, with all that may hang on a stock."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask

from tests.factories import AS_OF, add_quote, add_snapshot, add_stock
from webapp.analytics.series import to_number
from webapp.audit import Actor
from webapp.bars.codec import SCALE, Bars
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.models import (
    BarFinding,
    Close,
    DividendRow,
    HeldQuote,
    IngestRun,
    InstrumentRow,
    QuoteFinding,
    QuoteGap,
    RefreshPlan,
    SplitRow,
    StageCount,
    StageWeek,
    Tick,
    User,
    VendorSymbol,
    Watchlist,
    WatchlistItem,
)
from webapp.records import Adjustment

ADMIN = Actor(None, "ada@example.org")
DAY = dt.date(2026, 11, 2)
WEEK = dt.date(2026, 11, 13)


@pytest.fixture
def old(app: Flask) -> InstrumentRow:
    """Facebook as FB."""
    return add_stock("FB", name="Facebook", figi="BBG000MM2P62", sector="Communication Services", starter=True)


@pytest.fixture
def new(app: Flask) -> InstrumentRow:
    """Facebook as META."""
    return add_stock("META", name="Meta Platforms")


def add_bars(row: InstrumentRow, source: str, count: int = 3, price: float = 100) -> int:
    """Write so many days from DAY on; return the series."""
    days = np.array([to_number(DAY + dt.timedelta(days=number)) for number in range(count)], np.int32)
    close = np.round((price + np.arange(count)) * SCALE).astype(np.int64)
    bars = Bars(days, close, close, close, close, np.full(count, 1_000, np.int64))
    series_id = write_bars(row.id, "1d", source, bars, adjusted=Adjustment.NONE, now=AS_OF).series_id
    db.session.commit()
    return series_id


def add_list(email: str, *items: tuple[InstrumentRow, str]) -> Watchlist:
    """Add a person with a list of these stocks, each with a note."""
    user = User(email=email, password_hash="x")
    db.session.add(user)
    db.session.flush()
    found = Watchlist(name="Mine", user_id=user.id, items=[
        WatchlistItem(instrument_id=row.id, position=place, note=note) for place, (row, note) in enumerate(items)])
    db.session.add(found)
    db.session.commit()
    return found


def hang_all(row: InstrumentRow) -> None:
    """Hang one of everything on a stock."""
    add_quote(row, "200.10", source="finnhub")
    add_snapshot(row)
    series_id = add_bars(row, "finnhub")
    at = {"started_at": AS_OF, "finished_at": AS_OF}
    held = {"instrument_id": row.id, "source": "finnhub", "as_of": AS_OF, "first_at": AS_OF, "last_at": AS_OF}
    db.session.add_all([
        BarFinding(series_id=series_id, kind="gap", day=DAY, last_day=DAY, detail="one", found_at=AS_OF),
        Tick(instrument_id=row.id, version=1, as_of=AS_OF, price=Decimal("200.1"), source="finnhub"),
        QuoteGap(instrument_id=row.id, started_at=AS_OF, ended_at=AS_OF, reason="asleep"),
        Close(instrument_id=row.id, day=DAY, price=Decimal(199), source="finnhub"),
        Close(instrument_id=row.id, day=DAY + dt.timedelta(days=1), price=Decimal(200), source="finnhub"),
        SplitRow(instrument_id=row.id, day=dt.date(2020, 8, 31), ratio=Decimal(4), source="finnhub", known_at=AS_OF),
        DividendRow(instrument_id=row.id, day=DAY, source="finnhub", amount=Decimal("0.25"), known_at=AS_OF),
        HeldQuote(price=Decimal(300), against=Decimal(200), reason="far off", quote={}, **held),
        QuoteFinding(kind="unconfirmed", price="300", reason="far off", **held),
        IngestRun(kind="provider", source="finnhub", subject="XNAS:FB", instrument_id=row.id, state="done", **at),
        IngestRun(kind="splits", source="tiingo", subject="XNAS:FB", instrument_id=row.id, state="refused", **at),
        RefreshPlan(instrument_id=row.id, provider="finnhub", planned_at=AS_OF),
        VendorSymbol(instrument_id=row.id, provider="finnhub", symbol="FB.US"),
        StageWeek(instrument_id=row.id, week=WEEK, stage=2, close=100.0),
        StageCount(week=WEEK, stage=2, count=5)])
    db.session.commit()
