"""What travels from provider to browser: frozen records with Decimal prices and aware UTC times; unknown is None."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

# Currencies that exchanges quote in a hundredth of: code on the screen -> (ISO 4217, units in one of it).
MINOR_UNITS = {"GBX": ("GBP", 100), "ZAC": ("ZAR", 100), "ILA": ("ILS", 100)}


class State(StrEnum):
    """What a price is, in the words of the screen."""

    LIVE = "Live"
    DELAYED = "Delayed 15 min"
    PRE = "Pre"
    POST = "Post"
    CLOSED = "Closed"
    HALTED = "Halted"
    END_OF_DAY = "End of day"
    STALE = "Stale"
    SIMULATED = "Simulated"
    UNKNOWN = "No price yet"


class Session(StrEnum):
    """The part of the trading day that a price was made in."""

    PRE = "pre"
    REGULAR = "regular"
    POST = "post"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A thing that is traded: a symbol on one exchange. `symbol` is canonical (BRK.B), `mic` is ISO 10383.

    `currency` is the unit the prices are quoted in, GBX (pence) where the exchange quotes pence.
    `decimals` is how many places its prices show.
    """

    id: int
    symbol: str
    mic: str
    name: str
    currency: str
    country: str
    kind: str = "stock"
    decimals: int = 2

    @property
    def key(self) -> str:
        """Name it without doubt: XNAS:AAPL."""
        return f"{self.mic}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Quote:
    """One provider's answer for one instrument, in the instrument's own currency unit.

    `as_of` is when the price was made; `day` is the session it belongs to, in the exchange's calendar;
    `as_of_is_day` says that the provider named a day only, so that no time of day may be shown.
    `volume` counts shares of the day so far. `source` is the provider's name, `state` what it says of the price.
    `extended_*` is the last price outside the regular session, where there is one.
    `stale_at` is the moment from which the price may no longer pass for what `state` says.
    """

    instrument_id: int
    price: Decimal
    as_of: dt.datetime
    day: dt.date
    source: str
    state: State
    session: Session
    previous_close: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    extended_price: Decimal | None = None
    extended_as_of: dt.datetime | None = None
    as_of_is_day: bool = False
    stale_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """A row as every page shows it: the instrument and the newest that is known of it.

    `version` grows with every commit that changed the row. `problem` is why it is not fresher, in plain words.
    `spark` holds the digits of the day's path for drawing: at most 64 prices, oldest first. `tick` is -1, 0 or 1: how
    the price moved against what viewers saw last; it is 0 on a page's first load. `stale` is set when time alone made
    it old.
    """

    instrument: Instrument
    version: int = 0
    quote: Quote | None = None
    fetched_at: dt.datetime | None = None
    problem: str = ""
    spark: tuple[str, ...] = ()
    tick: int = 0
    stale: bool = False

    @property
    def change(self) -> Decimal | None:
        """Return the day's change against the previous close, in currency units."""
        quote = self.quote
        if quote is None or quote.previous_close is None:
            return None
        return quote.price - quote.previous_close

    @property
    def change_percent(self) -> Decimal | None:
        """Return the day's change in percent, to four decimals (0.4207 means 0.4207 %)."""
        return percent_change(self.quote.price, self.quote.previous_close) if self.quote else None

    @property
    def extended_change(self) -> Decimal | None:
        """Return how far the extended-hours price is from the regular one."""
        quote = self.quote
        if quote is None or quote.extended_price is None:
            return None
        return quote.extended_price - quote.price

    @property
    def extended_change_percent(self) -> Decimal | None:
        """Return the extended-hours change in percent of the regular price."""
        return percent_change(self.quote.extended_price, self.quote.price) if self.quote else None

    def state_at(self, now: dt.datetime) -> State:
        """Say what the price is at `now`: its own state until it goes stale."""
        if self.quote is None:
            return State.UNKNOWN
        if self.quote.stale_at is not None and now >= self.quote.stale_at:
            return State.STALE
        return self.quote.state

    def ticked_from(self, shown: LiveQuote | None) -> LiveQuote:
        """Return the row with its direction against what was shown before."""
        if shown is None or shown.quote is None or self.quote is None:
            return self
        new, old = self.quote.price, shown.quote.price
        return replace(self, tick=(new > old) - (new < old))

    def aged(self, *, stale: bool) -> LiveQuote:
        """Return the row as it is when only time has passed: no tick."""
        return replace(self, tick=0, stale=stale)


def percent_change(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    """Return (new - old) / old in percent to four decimals; None where it has no meaning."""
    if new is None or old is None or old <= 0:
        return None
    return ((new - old) / old * 100).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
