"""A small place on a Friday evening with something of everything, for the examples in the document."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import product

import pytest
from flask import current_app
from rq import Queue
from rq.job import JobStatus

from tests.factories import add_quote, add_stock
from tests.webapp.charts.past import NOW, add_days, add_minutes, walk
from tests.webapp.findings.conftest import add_hold, finding
from webapp import clock
from webapp.accounts import service as accounts
from webapp.extensions import db
from webapp.models import IngestRun, InstrumentRow, User, Watchlist, WatchlistItem
from webapp.models.market import MarketSession
from webapp.records import Dividend, Split
from worker.jobs.analysis import analyse

YEARS = 2
FAILED_JOB = "5b0f6a0e-6f0c-4d3b-9f5a-3f1f0f1d2c11"
OPENS = dt.datetime(2026, 11, 20, 14, 30, tzinfo=dt.UTC)


def build_world(monkeypatch: pytest.MonkeyPatch) -> tuple[User, User]:
    """Fill an empty database; return somebody with a list, and an admin."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    _open_markets()
    stocks = {symbol: _with_past(symbol, mic, seed) for seed, (symbol, mic) in enumerate(
        {"AAPL": "XNAS", "MSFT": "XNAS", "SPY": "ARCX"}.items())}
    db.session.commit()
    analyse()
    person = accounts.create_user("ann@example.org", "a rather long secret")
    db.session.commit()  # to hash a password ends what is open
    admin = accounts.create_user("admin@example.org", "a rather long secret", admin=True)
    db.session.add(Watchlist(name="Tech", user_id=person.id, items=[
        WatchlistItem(instrument_id=stocks["AAPL"].id, position=1, note="Buy below 200."),
        WatchlistItem(instrument_id=stocks["MSFT"].id, position=2)]))
    db.session.commit()
    _give_the_admin_work(stocks["MSFT"])
    return person, admin


def _give_the_admin_work(stock: InstrumentRow) -> None:
    """Add a price that waits, a finding, a run, and a job that failed."""
    add_hold(stock, "150.0000", source="tiingo")
    db.session.add(finding(stock))
    db.session.add(IngestRun(kind="csv", source="csv", subject="msft.csv", instrument_id=stock.id, state="done",
                             started_at=NOW, finished_at=NOW + dt.timedelta(seconds=2), added=502))
    db.session.commit()
    queue = Queue("default", connection=current_app.extensions["redis"])
    job = queue.enqueue("worker.jobs.upkeep.clean_up", job_id=FAILED_JOB)
    queue.remove(job)
    job.set_status(JobStatus.FAILED)
    queue.failed_job_registry.add(job, exc_string="RuntimeError: the disk is full")


def _open_markets() -> None:
    """Let the exchanges be open from Monday to Friday, as far as anything looks."""
    first = NOW.date() - dt.timedelta(weeks=2)
    days = (day for number in range(45) if (day := first + dt.timedelta(days=number)).weekday() < 5)
    for day, mic in product(days, ("XNAS", "ARCX")):
        opens = dt.datetime.combine(day, dt.time(14, 30), dt.UTC)
        db.session.add(MarketSession(
            mic=mic, day=day, opens_at=opens, closes_at=opens + dt.timedelta(hours=6.5),
            pre_opens_at=opens - dt.timedelta(hours=5.5), post_closes_at=opens + dt.timedelta(hours=10.5)))
    db.session.commit()


def _with_past(symbol: str, mic: str, seed: int) -> InstrumentRow:
    """Add a stock with days, an hour of minutes, events and a price."""
    names = {"AAPL": "Apple Inc.", "MSFT": "Microsoft Corporation", "SPY": "SPDR S&P 500 ETF Trust"}
    stock = add_stock(symbol, mic, name=names[symbol], kind="etf" if symbol == "SPY" else "stock", starter=True,
                      sector="" if symbol == "SPY" else "Technology")
    days = add_days(stock, walk(YEARS * 253, seed, 100.0), splits=[Split(dt.date(2025, 8, 29), Decimal(4))],
                    dividends=[Dividend(dt.date(2026, 11, 6), Decimal("0.26"))])
    close = f"{days.close[-1]:.2f}"
    add_minutes(stock, OPENS, walk(60, seed, float(close)))
    add_quote(stock, close, version=seed + 1, previous_close=f"{days.close[-2]:.2f}", open=f"{days.open[-1]:.2f}",
              high=f"{days.high[-1]:.2f}", low=f"{days.low[-1]:.2f}", volume=int(days.volume[-1]), source="tiingo",
              state="Closed", session="closed", as_of=OPENS + dt.timedelta(hours=6.5), unit="USD", sent_unit="USD",
              fetched_at=NOW - dt.timedelta(seconds=8))
    return stock
