"""The job that fetches past days, with providers that a test tells what to answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import Clock
from tests.worker.history.archive import Archive
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import BarSeries, IngestRun, InstrumentRow
from worker.providers.base import Provider

Use = Callable[..., None]


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """A key, so that nothing is made up."""
    return {"ALPHA_VANTAGE_API_KEY": "key"}


@pytest.fixture
def benchmark(app: Flask) -> InstrumentRow:
    """What American stocks are measured against, no longer listed: so only what a test adds is fetched."""
    row = InstrumentRow(symbol="SPY", mic="ARCX", name="SPY", currency="USD", country="US", status="delisted",
                        status_day=dt.date(2026, 1, 2))
    db.session.add(row)
    db.session.commit()
    return row


@pytest.fixture
def use(app: Flask, redis: Redis, set_clock: Clock, sessions: SessionBook, benchmark: InstrumentRow,
        monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make these the active providers, in this order."""
    def become(*providers: Provider) -> None:
        monkeypatch.setattr("worker.jobs.bars.active_providers", lambda settings: list(providers))
        for job in ("bars", "companies"):
            monkeypatch.setattr(f"worker.jobs.{job}.providers_with", lambda settings, ability: [
                provider for provider in providers if isinstance(provider, ability)])

    return become


@pytest.fixture
def archive(use: Use) -> Archive:
    """The one active provider."""
    made = Archive()
    use(made)
    return made


def rows() -> list[tuple[str, str, str, str]]:
    """Return source, subject, state and reason of what is on record, oldest first."""
    return [(row.source, row.subject, row.state, row.reason)
            for row in db.session.query(IngestRun).order_by(IngestRun.id).populate_existing()]


def series() -> dict[str, tuple[str, int, dt.date | None]]:
    """Return how the series of each source is adjusted, how many bars it has and up to when."""
    return {row.source: (row.adjusted, row.bars, row.last_day)
            for row in db.session.query(BarSeries).populate_existing()}
