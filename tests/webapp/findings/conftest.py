"""An admin, somebody else, and prices that were not taken."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from tests.factories import AS_OF, add_stock
from tests.webapp.people import Browser, admin, cheap_hashes, stranger, visitor
from webapp.extensions import db
from webapp.models import Finding, HeldQuote, InstrumentRow, QuoteFinding, User

__all__ = ["Browser", "admin", "cheap_hashes", "stranger", "visitor"]

Hold = Callable[..., HeldQuote]


@pytest.fixture
def browser(app: Flask, admin: User) -> Browser:
    """The admin's browser, logged in."""
    return Browser(app).log_in(admin)


@pytest.fixture
def stocks(app: Flask) -> list[InstrumentRow]:
    """Apple, and Shell on two exchanges."""
    return [add_stock("AAPL"), add_stock("SHEL", "XNYS"), add_stock("SHEL", "XLON", currency="GBP", unit="GBX")]


def add_hold(stock: InstrumentRow, price: str, **fields: Any) -> HeldQuote:
    """Let a price of this stock wait, and commit."""
    given: dict[str, Any] = {"source": "finnhub", "against": Decimal(200), "as_of": AS_OF, "first_at": AS_OF,
                             "last_at": AS_OF, "reason": "far from the last price", "quote": {}} | fields
    row = HeldQuote(instrument_id=stock.id, price=Decimal(price), **given)
    db.session.add(row)
    db.session.commit()
    return row


def finding(stock: InstrumentRow, number: int = 0, **fields: Any) -> QuoteFinding:
    """Return a finding that is `number` minutes older than the newest; the caller adds it."""
    at = AS_OF - dt.timedelta(minutes=number)
    given: dict[str, Any] = {"kind": Finding.REJECTED.value, "source": "tiingo", "price": "0", "as_of": at,
                             "reason": f"reason {number}", "first_at": at, "last_at": at} | fields
    return QuoteFinding(instrument_id=stock.id, **given)
