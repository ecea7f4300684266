"""A stock with eight years of made-up days, seen on a Friday evening."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.charts.past import NOW
from tests.webapp.people import cheap_hashes, stranger, visitor
from webapp import clock
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.models.market import MarketSession

__all__ = ["cheap_hashes", "stranger", "visitor"]


@pytest.fixture(autouse=True)
def friday_evening(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be NOW, in a market that is open from Monday to Friday."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    first = dt.date(2026, 11, 2)
    weekdays = (day for number in range(33) if (day := first + dt.timedelta(days=number)).weekday() < 5)
    for day, mic in product(weekdays, ("XNAS", "ARCX")):
        opens = dt.datetime.combine(day, dt.time(14, 30), dt.UTC)
        db.session.add(MarketSession(
            mic=mic, day=day, opens_at=opens, closes_at=opens + dt.timedelta(hours=6.5),
            pre_opens_at=opens - dt.timedelta(hours=5.5), post_closes_at=opens + dt.timedelta(hours=10.5)))
    db.session.commit()


@pytest.fixture
def stock(app: Flask) -> InstrumentRow:
    """A stock without a past."""
    return add_stock("ACME")
