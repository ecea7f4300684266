"""A clock that stands still and people with browsers, for the tests of the quota page."""

from __future__ import annotations

import datetime as dt

import pytest
from argon2 import PasswordHasher
from flask import Flask

from tests.webapp.sources.givens import NOON, Browser, Reader
from webapp import clock
from webapp.accounts import passwords
from webapp.accounts import service as accounts
from webapp.extensions import db
from webapp.watchlists import service as watchlists

PASSWORD = "a rather long secret"


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> dt.datetime:
    """Friday noon in New York, and it stays so."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return NOON


@pytest.fixture
def reader(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Return a function that makes a person with a list of these stocks, and their browser, logged in."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    def make(email: str, *stock_ids: int) -> Browser:
        user = accounts.create_user(email, PASSWORD)
        db.session.flush()
        if stock_ids:
            watchlists.add_symbols(watchlists.create_watchlist(user.id, "Mine"), list(stock_ids))
        db.session.commit()
        browser = Browser(app.test_client())
        assert browser.post("/login", email=email, password=PASSWORD).status_code == 303
        return browser

    return make
