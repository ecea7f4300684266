"""Rows for the tests of the quota page."""

from __future__ import annotations

import datetime as dt
import re
from contextvars import Context
from html import unescape
from typing import Any, Protocol

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp import clock
from webapp.extensions import db
from webapp.models import InstrumentRow, MarketSession, ProviderCall, ProviderState, RefreshPlan

HOUR = dt.timedelta(hours=1)
# A Friday at noon in New York, while its session runs.
NOON = dt.datetime(2026, 11, 20, 17, 0, tzinfo=dt.UTC)


def add_calls(provider: str, count: int, ago: dt.timedelta, outcome: str = "ok") -> None:
    """Have so many calls on record that were made so long ago."""
    started_at = clock.now() - ago
    db.session.add_all(ProviderCall(provider=provider, started_at=started_at, outcome=outcome) for _ in range(count))
    db.session.commit()


def add_state(provider: str, **fields: Any) -> None:
    """Say how a provider is."""
    db.session.add(ProviderState(provider=provider, **fields))
    db.session.commit()


def add_plan(stock: InstrumentRow, provider: str = "finnhub", interval_s: float | None = 240.0, **fields: Any) -> None:
    """Plan a stock as the workers do."""
    given = {"next_at": clock.now() + dt.timedelta(seconds=interval_s or 60), "planned_at": clock.now()} | fields
    db.session.add(RefreshPlan(instrument_id=stock.id, provider=provider, interval_s=interval_s, **given))
    db.session.commit()


def add_session(mic: str = "XNAS", opens: float = -2.5, closes: float = 4.0, pre: float = -8.0,
                post: float = 8.0) -> None:
    """Have a session that opens and closes so many hours from now."""
    now = clock.now()
    db.session.add(MarketSession(mic=mic, day=now.date(), opens_at=now + opens * HOUR, closes_at=now + closes * HOUR,
                                 pre_opens_at=now + pre * HOUR, post_closes_at=now + post * HOUR))
    db.session.commit()


class Browser:
    """Somebody's cookies. Each request runs in a context of its own, as on the server."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return Context().run(self.client.get, path, **options)

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token of its page."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert token
        return Context().run(self.client.post, path, data={"csrf_token": token[1]} | fields)


class Reader(Protocol):
    """Makes somebody with stocks on a list."""

    def __call__(self, email: str, *stock_ids: int) -> Browser:
        """Return their browser."""


def text_of(html: str) -> str:
    """Return what a person reads, with single spaces."""
    return re.sub(r"\s+([.,;:])", r"\1", re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))))
