"""What travels from provider to browser: frozen records with Decimal prices and aware UTC times; unknown is None."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

# Units in which exchanges and vendors quote a hundredth of a currency, by any spelling -> (ISO 4217, how many in one).
MINOR_UNITS = {"GBX": ("GBP", 100), "GBp": ("GBP", 100), "ZAC": ("ZAR", 100), "ZAc": ("ZAR", 100),
               "ILA": ("ILS", 100), "ILa": ("ILS", 100)}
PRICES = ("price", "previous_close", "open", "high", "low", "bid", "ask", "extended_price", "stated_change")


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

    `currency` is ISO 4217, and what every stored price is in. `unit` is what the exchange quotes in: GBX (pence) for
    most of London; "" means the currency itself. `decimals` is how many places its prices show.
    """

    id: int
    symbol: str
    mic: str
    name: str
    currency: str
    country: str
    kind: str = "stock"
    decimals: int = 2
    unit: str = ""

    @property
    def quoted_in(self) -> str:
        """Return the unit that the exchange quotes in."""
        return self.unit or self.currency

    @property
    def key(self) -> str:
        """Name it without doubt: XNAS:AAPL."""
        return f"{self.mic}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Quote:
    """One provider's answer for one instrument.

    A provider gives its figures as they came and says in `unit` what they are in ("" is what the exchange quotes in).
    The store turns minor units into the currency, once: in a stored quote `unit` is the currency, and `sent_unit` is
    what the provider's figures were in.

    `as_of` is when the price was made; `day` is the session it belongs to, in the exchange's calendar;
    `as_of_is_day` says that the provider named a day only, so that no time of day may be shown.
    `volume` counts shares of the day so far. `source` is the provider's name, `state` what it says of the price.
    `extended_*` is the last price outside the regular session, where there is one.
    `stale_at` is the moment from which the price may no longer pass for what `state` says. `closes_at` is the moment
    from which it is the last price of its session: until then it is what `state` says, from then on it is CLOSED.
    `delay` is the class of the provider's prices: LIVE, DELAYED, END_OF_DAY or SIMULATED. `previous_day` is the session
    whose close `previous_close` is. `stated_change` is the day's change as the provider gives it, to check ours with.
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
    unit: str = ""
    sent_unit: str = ""
    delay: State | None = None
    previous_day: dt.date | None = None
    stated_change: Decimal | None = None
    closes_at: dt.datetime | None = None


class Adjustment(StrEnum):
    """What past prices were already divided by."""

    NONE = "as traded"
    SPLITS = "splits"
    ALL = "splits and dividends"


@dataclass(frozen=True, slots=True)
class Bar:
    """One finished day, or week, of one instrument; `day` is its (last) session. What was not given is None.

    `adjusted_close` is the vendor's own close after splits and dividends, where it gives one.
    """

    day: dt.date
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int | None = None
    adjusted_close: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """From the opening of `day` on, `ratio` shares stand for each one before: 4 for a 4:1 split, 0.1 for a 1:10 one."""

    day: dt.date
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class Dividend:
    """Who buys from `day` (the ex-date) on does not get `amount` a share, in that day's shares.

    Only in a History whose prices were divided for splits are the dividends divided too. The unit is the history's, or
    what the exchange quotes in.
    """

    day: dt.date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class History:
    """Past prices of one instrument from one vendor, oldest first, with the events that came with them.

    `unit` is what the figures are in ("" is what the exchange quotes in), `adjusted` what they are adjusted for; where
    that is not as traded, dividends are divided by the later splits too.
    """

    instrument_id: int
    source: str
    adjusted: Adjustment
    bars: tuple[Bar, ...]
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """One finished minute of one instrument; `at` is when it began, in UTC. What was not given is None."""

    at: dt.datetime
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int | None = None


@dataclass(frozen=True, slots=True)
class Minutes:
    """The last days of one instrument from one vendor, by the minute, oldest first; the rest is as in History."""

    instrument_id: int
    source: str
    adjusted: Adjustment
    bars: tuple[MinuteBar, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol as a vendor's directory has it, canonical (BRK.B). `unit` is what its prices are quoted in, GBX too.

    `figi` names the share class for ever, whatever its symbol is. `listed_on` is the day of its listing; it is
    delisted where `delisted_on` is set. Unknown texts are "".
    """

    symbol: str
    mic: str
    name: str
    unit: str = ""
    country: str = ""
    kind: str = "stock"
    figi: str = ""
    listed_on: dt.date | None = None
    delisted_on: dt.date | None = None

    @property
    def key(self) -> str:
        """Name it without doubt: XNAS:AAPL."""
        return f"{self.mic}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Company:
    """What a vendor says of a company; money in the listing's currency, a yield as a part (0.031 is 3.1 %)."""

    instrument_id: int
    source: str
    name: str = ""
    description: str = ""
    sector: str = ""
    industry: str = ""
    country: str = ""
    website: str = ""
    market_cap: Decimal | None = None
    shares: int | None = None
    dividend_yield: Decimal | None = None
    pe_ratio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stock stands by its completed weeks: its Weinstein stage, 1 to 4, for so many weeks.

    `provisional` is the stage that the running week would confirm at the price of now; None where it cannot be told.
    `rs` is its relative strength, a percentile from 1 to 99; `rated` says that it is one of the whole universe and may
    be called a rating, where it is not it is a rank in the list of what is held here. `week` is the Friday of the last
    completed week; `old` says that it lies so far back that nothing here is of today: the past prices end there.
    """

    stage: int | None = None
    weeks: int = 0
    since: dt.date | None = None
    provisional: int | None = None
    rs: int | None = None
    rated: bool = False
    week: dt.date | None = None
    old: bool = False


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """A row as every page shows it: the instrument and the newest that is known of it.

    `version` grows with every commit that changed the row. `problem` is why it is not fresher, in plain words.
    `spark` holds the digits of the day's path for drawing: at most 64 prices, oldest first. `tick` is -1, 0 or 1: how
    the price moved against what viewers saw last; it is 0 on a page's first load. `stale` is set when time alone made
    it another state than the provider said.
    """

    instrument: Instrument
    version: int = 0
    quote: Quote | None = None
    fetched_at: dt.datetime | None = None
    problem: str = ""
    spark: tuple[str, ...] = ()
    tick: int = 0
    stale: bool = False
    standing: Standing | None = None

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
        """Say what the price is at `now`: its own state until its session closes, or it goes stale."""
        if self.quote is None:
            return State.UNKNOWN
        if self.quote.stale_at is not None and now >= self.quote.stale_at:
            return State.STALE
        closed = self.quote.closes_at is not None and now >= self.quote.closes_at
        return State.CLOSED if closed else self.quote.state

    def ticked_from(self, shown: LiveQuote | None) -> LiveQuote:
        """Return the row with its direction against what was shown before."""
        if shown is None or shown.quote is None or self.quote is None:
            return self
        new, old = self.quote.price, shown.quote.price
        return replace(self, tick=(new > old) - (new < old))

    def aged(self, *, stale: bool) -> LiveQuote:
        """Return the row as it is when only time has passed: no tick."""
        return replace(self, tick=0, stale=stale)


def later_shares(splits: Iterable[Split], day: dt.date) -> Decimal:
    """Return how many shares stand, after all of these splits, for one of that day."""
    return math.prod((split.ratio for split in splits if split.day > day), start=Decimal(1))


def percent_change(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    """Return (new - old) / old in percent to four decimals; None where it has no meaning."""
    if new is None or old is None or old <= 0:
        return None
    return ((new - old) / old * 100).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)


def currency_of(unit: str) -> str:
    """Return the ISO 4217 code of the currency that a unit is of: GBP for GBX and GBp."""
    return MINOR_UNITS[unit][0] if unit in MINOR_UNITS else unit


def parts_of(unit: str) -> int:
    """Return how many of a unit make one of its currency: 100 for pence."""
    return MINOR_UNITS[unit][1] if unit in MINOR_UNITS else 1


def unit_of(unit: str) -> str:
    """Return a unit as it is stored: "" where it is the currency itself, GBX, ZAC or ILA where it is a hundredth."""
    if unit == "GBp":  # in capitals it would be pounds
        return "GBX"
    return unit.upper() if unit in MINOR_UNITS else ""


def in_currency(quote: Quote, instrument: Instrument) -> Quote:
    """Return a provider's quote with its figures in the instrument's currency; one that is already is not changed.

    Raise ValueError where its unit is of another currency.
    """
    unit = quote.unit or instrument.quoted_in
    if currency_of(unit) != instrument.currency:
        raise ValueError(f"a price in {unit}, not in {instrument.currency}")
    sent = quote.sent_unit or unit
    if unit not in MINOR_UNITS:
        return replace(quote, unit=unit, sent_unit=sent)
    part = Decimal(1) / parts_of(unit)  # a product keeps the digits that a quotient would drop
    figures = {name: value * part for name in PRICES if (value := getattr(quote, name)) is not None}
    return replace(quote, unit=instrument.currency, sent_unit=sent, **figures)
