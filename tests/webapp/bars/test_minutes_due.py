"""When minutes are fetched again: while there is trading, and once when all of it has come."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from tests.factories import add_stock
from webapp.bars.minutes_due import KIND, is_due
from webapp.extensions import db
from webapp.markets import EXCHANGES, SessionBook, SessionTimes
from webapp.models import IngestRun, InstrumentRow
from worker.jobs.calendar import trading_days

FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 31)


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """A key, so that nothing is made up."""
    return {"FINNHUB_API_KEY": "key"}


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def book_of(mic: str) -> SessionBook:
    days: list[SessionTimes] = trading_days(EXCHANGES[mic], FIRST, LAST)
    return SessionBook(days)


def fetched(stock: InstrumentRow, moment: dt.datetime, state: str = "done") -> None:
    db.session.add(IngestRun(kind=KIND, source="finnhub", subject=stock.symbol, instrument_id=stock.id, state=state,
                             started_at=moment))
    db.session.commit()


@pytest.mark.parametrize(("mic", "last", "now", "due"), [
    # New York, 13:30 to 20:00 UTC, with hours before from 8:00 and after until 24:00.
    ("XNYS", "2026-03-11 15:00", "2026-03-11 15:00:59", False),
    ("XNYS", "2026-03-11 15:00", "2026-03-11 15:01", True),
    ("XNYS", "2026-03-11 20:19", "2026-03-11 23:00", True),
    ("XNYS", "2026-03-12 00:19", "2026-03-12 01:00", True),
    ("XNYS", "2026-03-12 00:21", "2026-03-12 07:59", False),
    ("XNYS", "2026-03-14 00:21", "2026-03-16 07:59", False),
    # Tokyo, 0:00 to 6:30 UTC, with a break from 2:30 to 3:30.
    ("XTKS", "2026-03-11 02:00", "2026-03-11 02:40", True),
    ("XTKS", "2026-03-11 02:00", "2026-03-11 03:00", True),
    ("XTKS", "2026-03-11 02:49", "2026-03-11 03:00", True),
    ("XTKS", "2026-03-11 02:51", "2026-03-11 03:20", False),
    ("XTKS", "2026-03-11 02:51", "2026-03-11 03:31", True),
    ("XTKS", "2026-03-11 06:51", "2026-03-11 23:59", False),
    # Sydney, 23:00 of the day before to 5:00 UTC.
    ("XASX", "2026-03-11 05:21", "2026-03-11 22:59", False),
    ("XASX", "2026-03-11 05:21", "2026-03-11 23:05", True)])
def test_minutes_are_due_while_there_is_trading_and_once_after_it(app: Flask, mic: str, last: str, now: str,
                                                                  due: bool) -> None:
    stock = add_stock("ANY", mic)
    fetched(stock, at(last))
    assert is_due(stock.record(), at(now), book_of(mic)) is due


def test_what_was_never_fetched_or_failed_is_due(app: Flask) -> None:
    stock = add_stock("ANY", "XNYS")
    assert is_due(stock.record(), at("2026-03-14 12:00"), book_of("XNYS"))
    fetched(stock, at("2026-03-14 11:59"), "failed")
    assert is_due(stock.record(), at("2026-03-14 12:00"), book_of("XNYS"))


def test_of_an_exchange_without_a_calendar_they_are_due_each_hour(app: Flask) -> None:
    stock = add_stock("ANY", "XXXX")
    fetched(stock, at("2026-03-11 12:00"))
    assert not is_due(stock.record(), at("2026-03-11 12:59"), SessionBook([]))
    assert is_due(stock.record(), at("2026-03-11 13:00"), SessionBook([]))
