"""Rows for tests, with everything filled in that a test does not care about."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow, Snapshot
from webapp.records import Session, State

AS_OF = dt.datetime(2026, 11, 20, 19, 2, 11, tzinfo=dt.UTC)


def add_stock(symbol: str, mic: str = "XNAS", **fields: Any) -> InstrumentRow:
    """Add a stock and commit."""
    given = {"name": f"{symbol} Inc.", "currency": "USD", "country": "US"} | fields
    row = InstrumentRow(symbol=symbol, mic=mic, **given)
    db.session.add(row)
    db.session.commit()
    return row


def add_quote(stock: InstrumentRow, price: str | None, **fields: Any) -> QuoteRow:
    """Add a stock's newest quote and commit; texts of figures become decimals."""
    given: dict[str, Any] = {"version": 1, "as_of": AS_OF, "day": AS_OF.date(), "source": "simulator",
                             "state": State.SIMULATED.value, "session": Session.REGULAR.value,
                             "fetched_at": AS_OF} | fields
    figures = ("previous_close", "open", "high", "low", "bid", "ask", "extended_price")
    given |= {name: Decimal(given[name]) for name in figures if given.get(name) is not None}
    row = QuoteRow(instrument_id=stock.id, price=None if price is None else Decimal(price), **given)
    db.session.add(row)
    db.session.commit()
    return row


def add_snapshot(stock: InstrumentRow, **fields: Any) -> Snapshot:
    """Add where a stock stood in the week before AS_OF's, in stage 2 for 14 weeks, and commit."""
    given: dict[str, Any] = {
        "day": dt.date(2026, 11, 13), "week": dt.date(2026, 11, 13), "close": 100.0, "stage": 2,
        "since": dt.date(2026, 8, 14), "weeks": 14, "candidate": 2, "trend": 2, "closes_29": 29 * 90.0,
        "average_3": 88.0, "average": 90.0, "slope": 2.0, "rs": 87, "source": "simulator", "inputs_at": AS_OF,
        "computed_at": AS_OF} | fields
    row = Snapshot(instrument_id=stock.id, **given)
    db.session.add(row)
    db.session.commit()
    return row
