"""An admin, somebody else, and prices that were not taken."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextvars import Context
from decimal import Decimal
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import AS_OF, add_stock
from webapp.accounts import passwords, service
from webapp.extensions import db
from webapp.models import Finding, HeldQuote, InstrumentRow, QuoteFinding, User

PASSWORD = "a rather long secret"
Hold = Callable[..., HeldQuote]


class Browser:
    """Cookies and forms. Each request runs in a context of its own, as on the server."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.token = ""

    def open(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        """Send one request."""
        return Context().run(self.client.open, path, method=method, **options)

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self.open(path)

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token of a page of this site."""
        if not self.token:
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/").text)
            assert found is not None
            self.token = found[1]
        return self.open(path, "POST", data={"csrf_token": self.token} | fields)

    def log_in(self, user: User) -> Browser:
        """Log in, and forget the token of before."""
        assert self.post("/login", email=user.email, password=PASSWORD).status_code == 303
        self.token = ""
        return self


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with next to no work."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def admin(app: Flask) -> User:
    """Somebody who sees how the place is run."""
    user = service.create_user("ada@example.org", PASSWORD, admin=True)
    db.session.commit()
    return user


@pytest.fixture
def browser(app: Flask, admin: User) -> Browser:
    """The admin's browser, logged in."""
    return Browser(app).log_in(admin)


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """The browser of somebody with an account like others, logged in."""
    user = service.create_user("bob@example.org", PASSWORD)
    db.session.commit()
    return Browser(app).log_in(user)


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody is logged in with."""
    return Browser(app)


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
