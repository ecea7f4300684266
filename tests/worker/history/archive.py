"""A provider with past days, at the network's edge: it answers as a test tells it and remembers what it was asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from tests.worker.conftest import Vendor
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Company, Dividend, History, Instrument, Split
from worker.providers.base import ErrorKind, ProviderError

UNKNOWN = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "The Vendor does not know this symbol.")
NOT_ENTITLED = ProviderError(ErrorKind.NOT_ENTITLED, "The plan of this key has no past days.")
BROKEN = ProviderError(ErrorKind.BROKEN_ANSWER, "The Vendor's answer cannot be used.")
Event = TypeVar("Event", Split, Dividend)

# The session whose close has settled at NOW, a Wednesday.
TUESDAY = dt.date(2026, 3, 10)


def weekdays(last: dt.date, count: int) -> list[dt.date]:
    """Return so many weekdays, up to `last`."""
    found: list[dt.date] = []
    while len(found) < count:
        if last.weekday() < 5:
            found.append(last)
        last -= dt.timedelta(days=1)
    return found[::-1]


def make_bars(last: dt.date = TUESDAY, count: int = 60, price: str = "100") -> tuple[Bar, ...]:
    """Return bars of weekdays that rise by a cent a day and end at `price`."""
    days = weekdays(last, count)
    return tuple(Bar(day, close, close, close + 1, close - 1, 1_000) for place, day in enumerate(days)
                 if (close := Decimal(price) - (count - 1 - place) * Decimal("0.01")))


@dataclass
class Archive(Vendor):
    """A provider with past days as traded; `histories` are by symbol, all others have `make_bars()`."""

    adjusted: Adjustment = Adjustment.NONE
    unit: str = ""
    histories: dict[str, Sequence[Bar] | Exception] = field(default_factory=dict)
    events: tuple[tuple[Split, ...], tuple[Dividend, ...]] = ((), ())
    asked_days: list[tuple[str, dt.date | None]] = field(default_factory=list)

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Answer as told; `on_call` comes first."""
        self.asked_days.append((instrument.symbol, since))
        self.on_call()
        found = self.histories.get(instrument.symbol, make_bars())
        if isinstance(found, Exception):
            raise found
        bars = tuple(bar for bar in found if since is None or bar.day >= since)
        return History(instrument.id, self.name, self.adjusted, bars, *self.events, unit=self.unit)


@dataclass
class WithEvents(Archive):
    """A provider that tells of splits and dividends by calls of their own."""

    known_splits: list[Split] | ProviderError = field(default_factory=list)
    known_dividends: list[Dividend] | ProviderError = field(default_factory=list)
    asked_events: list[str] = field(default_factory=list)

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Answer as told."""
        self.asked_events.append(f"splits {instrument.symbol}")
        return _said(self.known_splits)

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Answer as told."""
        self.asked_events.append(f"dividends {instrument.symbol}")
        return _said(self.known_dividends)


def _said(said: list[Event] | ProviderError) -> list[Event]:
    if isinstance(said, ProviderError):
        raise said
    return said


@dataclass
class Register(Vendor):
    """A provider that knows companies; `sectors` are by symbol."""

    sectors: dict[str, str | ProviderError] = field(default_factory=dict)
    asked_companies: list[str] = field(default_factory=list)

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Answer as told."""
        self.asked_companies.append(instrument.symbol)
        said = self.sectors.get(instrument.symbol, "")
        if isinstance(said, ProviderError):
            raise said
        return Company(instrument.id, self.name, sector=said)
