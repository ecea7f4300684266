"""What every source of prices promises: records in, records out, and one kind of error. No Flask, no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from webapp.records import Company, Dividend, History, Instrument, Listing, Minutes, Quote, Split, State
from webapp.vendors import Limits

if TYPE_CHECKING:
    from webapp.markets import SessionBook


class ErrorKind(StrEnum):
    """Why a provider gave no price."""

    THROTTLED_SECOND = "throttled for a second"
    THROTTLED_MINUTE = "throttled for a minute"
    THROTTLED_HOUR = "throttled for an hour"
    THROTTLED_DAY = "throttled for the day"
    NOT_ENTITLED = "not entitled"
    UNKNOWN_SYMBOL = "unknown symbol"
    BAD_KEY = "bad key"
    BROKEN_ANSWER = "broken answer"
    UNREACHABLE = "unreachable"


PERMANENT = {ErrorKind.NOT_ENTITLED, ErrorKind.UNKNOWN_SYMBOL, ErrorKind.BAD_KEY}


class ProviderError(Exception):
    """A provider gave no price. The message is our own words, fit for a page: never a URL, a key or a vendor's text.

    `permanent` says that asking again changes nothing until a person does something.
    `retry_after` is how long to wait at least; None leaves it to the caller. `blames` is the one instrument for whose
    sake a call for several was refused; None blames none of them.
    """

    def __init__(self, kind: ErrorKind, message: str, *, retry_after: dt.timedelta | None = None,
                 blames: Instrument | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.permanent = kind in PERMANENT
        self.retry_after = retry_after
        self.blames = blames


class Capability(StrEnum):
    """What a provider can fetch; each one is a method of the same name and a protocol below."""

    QUOTES = "quotes"
    DAILY = "daily"
    WEEKLY = "weekly"
    MINUTES = "minutes"
    SPLITS = "splits"
    DIVIDENDS = "dividends"
    SEARCH = "search"
    LISTING = "listing"
    OVERVIEW = "overview"


class Provider(Protocol):
    """A source of quotes.

    `name` is the slug that quotes carry as their source, `title` is what people read. `batch_size` is how many
    instruments one call may ask for. `delay` is the class of its prices: SIMULATED, END_OF_DAY, DELAYED or LIVE.
    """

    @property
    def name(self) -> str:
        """Return the slug."""

    @property
    def title(self) -> str:
        """Return the name that people know."""

    @property
    def batch_size(self) -> int:
        """Return how many instruments one call may ask for."""

    @property
    def limits(self) -> Limits:
        """Return how many calls are allowed."""

    @property
    def extended_hours(self) -> bool:
        """Tell whether it has prices from before and after the regular session."""

    @property
    def delay(self) -> State:
        """Return the class of its prices."""

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether the provider can have a price of it; what it cannot is never asked for and costs no call."""

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Make one call for at most `batch_size` instruments and return their quotes.

        An instrument that the provider has nothing to say of yet is left out. Each use is one counted call: a
        provider never tries again by itself. Raise ProviderError where there is no usable answer.
        """


@runtime_checkable
class GivesDaily(Provider, Protocol):
    """Has past days."""

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the days from `since` on, or as many as one call brings; only days that are over at `now`."""


@runtime_checkable
class GivesWeekly(Provider, Protocol):
    """Has past weeks."""

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return the weeks that are over at `now`, as many as one call brings."""


@runtime_checkable
class GivesMinutes(Provider, Protocol):
    """Has the last days by the minute."""

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the minutes of the last five sessions, or as many as one call brings; only those over at `now`."""


@runtime_checkable
class GivesSplits(Provider, Protocol):
    """Knows of splits."""

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits that are known, oldest first."""


@runtime_checkable
class GivesDividends(Provider, Protocol):
    """Knows of dividends."""

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends that are known, oldest first, in the unit that the exchange quotes in.

        They are in the shares of their day, even where the provider's prices are divided by later splits.
        """


@runtime_checkable
class GivesSearch(Provider, Protocol):
    """Finds symbols."""

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return the listings that a text may mean, the likeliest first; those of exchanges we know only."""


@runtime_checkable
class GivesListing(Provider, Protocol):
    """Has a directory of all that is listed in the United States."""

    def listing(self, now: dt.datetime) -> list[Listing]:
        """Return it whole, in one call."""


@runtime_checkable
class GivesOverview(Provider, Protocol):
    """Knows companies."""

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return what is known of the company."""


PROTOCOLS: dict[Capability, type] = {
    Capability.DAILY: GivesDaily, Capability.WEEKLY: GivesWeekly, Capability.MINUTES: GivesMinutes,
    Capability.SPLITS: GivesSplits, Capability.DIVIDENDS: GivesDividends, Capability.SEARCH: GivesSearch,
    Capability.LISTING: GivesListing, Capability.OVERVIEW: GivesOverview}


def capabilities_of(provider: Provider) -> frozenset[Capability]:
    """Return what the provider can fetch; every one of its calls counts for the same limits."""
    found = {capability for capability, protocol in PROTOCOLS.items() if isinstance(provider, protocol)}
    return frozenset({Capability.QUOTES, *found})
