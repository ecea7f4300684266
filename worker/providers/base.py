"""What every source of prices promises: records in, records out, and one kind of error. No Flask, no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from webapp.records import Instrument, Quote, State

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


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls a provider allows; None means that it sets no such limit."""

    per_second: float | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def pause(self) -> dt.timedelta:
        """Return the least time from the start of one call to the start of the next."""
        return dt.timedelta(seconds=1 / self.per_second) if self.per_second else dt.timedelta(0)


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
