"""Instruments, quotes and a provider that does what a test tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from flask import Flask, current_app

from webapp import clock
from webapp.extensions import db
from webapp.markets import SessionBook, SessionTimes
from webapp.models import InstrumentRow, MarketSession, User, Watchlist, WatchlistItem
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import Limits
from worker.jobs import quotes
from worker.providers.base import Provider, ProviderError

NOW = dt.datetime(2026, 3, 11, 15, 0, tzinfo=dt.UTC)  # a Wednesday, New York 11:00


class Clock:
    """The application's clock, as a test sets it."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> dt.datetime:
        return self.moment

    def pass_by(self, **length: float) -> None:
        """Let some time pass."""
        self.moment += dt.timedelta(**length)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock at NOW."""
    stopped = Clock()
    monkeypatch.setattr(clock, "now", stopped)
    return stopped


def make_instrument(symbol: str = "IBM", mic: str = "XNYS", *, starter: bool = False) -> Instrument:
    row = InstrumentRow(symbol=symbol, mic=mic, name=f"{symbol} Inc.", currency="USD", country="US", starter=starter)
    db.session.add(row)
    db.session.commit()
    return row.record()


def watch(*instruments: Instrument) -> None:
    """Put the stocks on somebody's list."""
    owner = User(email=f"{instruments[0].symbol.lower()}@example.org", password_hash="x")
    watchlist = Watchlist(name="Mine", items=[WatchlistItem(instrument_id=stock.id) for stock in instruments])
    db.session.add(owner)
    db.session.flush()
    watchlist.user_id = owner.id
    db.session.add(watchlist)
    db.session.commit()


def make_quote(instrument: Instrument, price: str = "10.00", *, as_of: dt.datetime = NOW, source: str = "vendor",
               state: State = State.LIVE, **others: object) -> Quote:
    fields: dict[str, object] = {"previous_close": Decimal("9.50"), "open": Decimal("9.60"), "high": None,
                                 "low": None, "volume": 1000, "day": as_of.date(), "unit": instrument.currency,
                                 "sent_unit": instrument.currency, "session": Session.REGULAR, **others}
    return Quote(instrument_id=instrument.id, price=Decimal(price), as_of=as_of, source=source, state=state,
                 **fields)  # type: ignore[arg-type]


def new_york_days() -> list[SessionTimes]:
    """The sessions of XNYS and XNAS from Monday the 9th to Friday the 13th of March 2026."""
    days = []
    for mic in ("XNYS", "XNAS"):
        for number in range(9, 14):
            opens_at = dt.datetime(2026, 3, number, 13, 30, tzinfo=dt.UTC)
            days.append(SessionTimes(mic, opens_at.date(), opens_at, opens_at + dt.timedelta(hours=6.5)))
    return days


@pytest.fixture
def sessions(app: Flask) -> SessionBook:
    """New York's trading days, in the table and as a book."""
    days = new_york_days()
    db.session.add_all(MarketSession(mic=day.mic, day=day.day, opens_at=day.opens_at, closes_at=day.closes_at)
                       for day in days)
    db.session.commit()
    return SessionBook(days)


Answer = Callable[[Instrument, dt.datetime], Quote] | ProviderError


@dataclass
class Vendor:
    """A provider at the network's edge: it answers as it is told and remembers what it was asked."""

    limits: Limits = field(default_factory=Limits)
    delay: State = State.LIVE
    batch_size: int = 1
    extended_hours: bool = False
    name: str = "vendor"
    title: str = "The Vendor"
    uncovered: set[str] = field(default_factory=set)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None

    def covers(self, instrument: Instrument) -> bool:
        """Have prices from every exchange but those that the test says."""
        return instrument.mic not in self.uncovered

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Answer, or raise what the test put in the answer's place."""
        self.asked += [instrument.symbol for instrument in instruments]
        self.on_call()
        quotes = []
        for instrument in instruments:
            answer = self.answers.get(instrument.symbol)
            if isinstance(answer, ProviderError):
                raise answer
            quotes.append(answer(instrument, now) if answer else make_quote(instrument, as_of=now))
        return quotes


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    """The active provider of the refresh job."""
    made = Vendor()
    monkeypatch.setattr("worker.jobs.quotes.active_providers", lambda settings: [made])
    return made


def refresh() -> str:
    """Run the refresh of every active provider once, in their order; return what the last one says."""
    said = ""
    makers: Callable[[object], list[Provider]] = vars(quotes)["active_providers"]  # a test may have replaced it
    for provider in makers(current_app.config["SETTINGS"]):
        said = quotes.refresh_quotes(provider.name)
    return said
