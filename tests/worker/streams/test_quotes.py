"""From a stored quote and a folded trade to the next quote."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal

import pytest

from tests.worker.providers.conftest import at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Quote, Session, State
from worker.streams.folding import Folded
from worker.streams.quotes import EPOCH, MICROSECOND, is_seeded, make_quote, stock_of

SESSIONS = new_york("2026-07-13", "2026-07-17")
NOW = at("2026-07-15 15:00")
DAY = NOW.date()
IBM = stock()
STORED = Quote(
    instrument_id=1, price=Decimal(100), as_of=at("2026-07-15 14:59"), day=DAY, source="finnhub", state=State.LIVE,
    session=Session.REGULAR, previous_close=Decimal(99), open=Decimal("99.5"), high=Decimal(101), low=Decimal(98),
    volume=5, bid=Decimal("99.9"), ask=Decimal("100.1"), unit="USD", sent_unit="USD", delay=State.LIVE,
    previous_day=dt.date(2026, 7, 14), stated_change=Decimal(1), as_of_is_day=True)


def micros(text: str) -> int:
    return (at(text) - EPOCH) // MICROSECOND


def folded(price: str, when: str | None, high: str | None = None, low: str | None = None) -> Folded:
    return Folded(1, Decimal(price), micros(when) if when else 0, Decimal(high) if high else None,
                  Decimal(low) if low else None, 1)


def made(item: Folded, stored: Quote = STORED, now: dt.datetime = NOW, *, extended: bool = True) -> Quote | None:
    return make_quote(stored, item, "alpaca", IBM, now, SESSIONS, extended_hours=extended)


def test_a_newer_trade_is_the_price_and_keeps_what_a_trade_does_not_say() -> None:
    quote = made(folded("102", "2026-07-15 14:59:59.123456", "102.5", "100"))
    assert quote == dataclasses.replace(
        STORED, price=Decimal(102), as_of=at("2026-07-15 14:59:59.123456"), source="alpaca", high=Decimal("102.5"),
        bid=None, ask=None, stated_change=None, as_of_is_day=False, stale_at=NOW + dt.timedelta(minutes=2),
        closes_at=at("2026-07-15 20:00"))


def test_an_older_trade_widens_the_range_and_nothing_else() -> None:
    quote = made(folded("97", "2026-07-15 14:50", "100", "97"))
    assert quote == dataclasses.replace(STORED, low=Decimal(97))
    assert made(folded("99", "2026-07-15 14:50", "99", "99")) is None
    assert made(folded("0", None, "101.5")) == dataclasses.replace(STORED, high=Decimal("101.5"))


def test_a_day_without_a_range_gets_none() -> None:
    quote = made(folded("102", "2026-07-15 14:59:59", "102", "102"), dataclasses.replace(STORED, high=None, low=None))
    assert quote is not None
    assert (quote.high, quote.low) == (None, None)


def test_a_price_far_off_brings_its_own_range_along() -> None:
    quote = made(folded("150", "2026-07-15 14:59:59"))
    assert quote is not None
    assert quote.high == Decimal(150)


def test_after_the_close_extended_hours_are_named_and_do_not_widen() -> None:
    quote = made(folded("103", "2026-07-15 20:30"), now=at("2026-07-15 20:31"))
    assert quote is not None
    assert (quote.session, quote.state, quote.high) == (Session.POST, State.POST, Decimal(101))


def test_the_last_print_of_a_session_is_its_close() -> None:
    quote = made(folded("103", "2026-07-15 20:00", "103"), now=at("2026-07-15 20:00:01"), extended=False)
    assert quote is not None
    assert (quote.session, quote.state, quote.high) == (Session.CLOSED, State.CLOSED, Decimal(103))


@pytest.mark.parametrize(("change", "part", "seeded"), [
    ({}, Session.REGULAR, True), ({}, Session.POST, True), ({}, Session.CLOSED, False),
    ({"day": dt.date(2026, 7, 14)}, Session.REGULAR, False), ({"source": "simulator"}, Session.REGULAR, False),
    ({"session": Session.PRE}, Session.REGULAR, False), ({"open": None}, Session.REGULAR, False),
    ({"high": None}, Session.POST, False), ({"previous_close": None}, Session.REGULAR, True),
    ({"session": Session.PRE, "open": None, "high": None, "low": None}, Session.PRE, True),
    ({"day": dt.date(2026, 7, 14)}, Session.PRE, False)])
def test_a_day_begins_with_a_call(change: dict[str, object], part: Session, seeded: bool) -> None:
    assert is_seeded(dataclasses.replace(STORED, **change), part, DAY) is seeded  # type: ignore[arg-type]


def test_without_a_stored_quote_nothing_is_seeded() -> None:
    assert not is_seeded(None, Session.REGULAR, DAY)


def test_the_hours_are_the_vendors() -> None:
    session = SESSIONS.session_on("XNYS", DAY)
    wide = stock_of(IBM, session, Decimal(100), extended_hours=True)
    narrow = stock_of(IBM, session, Decimal(100), extended_hours=False)
    assert (wide.starts, wide.opens, wide.closes) == (
        micros("2026-07-15 08:00"), micros("2026-07-15 13:30"), micros("2026-07-15 20:00"))
    assert (narrow.starts, narrow.ends) == (wide.opens, wide.closes)
    shut = stock_of(IBM, SessionBook(()).session_on("XNYS", DAY), None, extended_hours=True)
    assert (shut.starts, shut.ends) == (0, 0)
