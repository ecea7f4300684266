"""What is used of a provider's limits, what is left of them, and how that went on. Numbers in, numbers out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from webapp.analytics.intervals import RESERVE
from webapp.vendors import Limits

SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
# Past calls are counted by quarters of an hour: number 0 began with 1970, in UTC.
QUARTER = dt.timedelta(minutes=15)
QUARTER_S = 900
IN_A_DAY = 96


@dataclass(frozen=True, slots=True)
class Past:
    """The calls of a window that ends now: how many, the oldest and the newest of them."""

    used: int = 0
    oldest: dt.datetime | None = None
    newest: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One limit: `limit` calls in any `length` of time, and what is used of it.

    A call counts until `length` has gone by since it was made, so windows roll: nothing is reset at an hour's end.
    `frees_at` is when the next call is possible; None where one is now.
    """

    unit: str
    limit: int
    length: dt.timedelta
    past: Past
    frees_at: dt.datetime | None = None

    @property
    def used(self) -> int:
        """Return the calls that count."""
        return self.past.used

    @property
    def left(self) -> int:
        """Return the calls that are possible now."""
        return max(0, self.limit - self.used)

    @property
    def reserved(self) -> float:
        """Return how many of those left are kept for what nobody has planned."""
        return min(float(self.left), self.limit * RESERVE)

    @property
    def next_back(self) -> dt.datetime | None:
        """Return when the oldest call that counts drops out; None where none counts."""
        return self.past.oldest + self.length if self.past.oldest else None

    @property
    def all_back(self) -> dt.datetime | None:
        """Return when the newest call that counts drops out."""
        return self.past.newest + self.length if self.past.newest else None


@dataclass(frozen=True, slots=True)
class Quarter:
    """The calls of a quarter of an hour, and of the busiest minute in it."""

    used: int
    busiest: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What is planned from now on: `rate` calls a second until `until`, or so many in a quarter, by its number."""

    until: dt.datetime
    rate: float = 0.0
    by_quarter: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What is left at a moment."""

    at: dt.datetime
    left: float


@dataclass(frozen=True, slots=True)
class BurnDown:
    """The last 24 hours of one limit, and what is planned: how much was and will be left."""

    window: Window
    past: tuple[Point, ...]
    planned: tuple[Point, ...]


def windows_of(limits: Limits, past: Mapping[str, Past], now: dt.datetime) -> list[Window]:
    """Return each limit that there is, the shortest first; `past` has the calls by unit."""
    found = []
    if limits.per_second:
        # Less than one a second is one in a longer time.
        length = max(SECOND, limits.pause)
        found.append(("second", max(1, int(limits.per_second)), length))
    found += [(unit, limit, length) for unit, limit, length in (
        ("minute", limits.per_minute, MINUTE), ("hour", limits.per_hour, HOUR), ("day", limits.per_day, DAY))
        if limit is not None]
    return [_window(unit, limit, length, past.get(unit, Past()), now) for unit, limit, length in found]


def binding(windows: list[Window]) -> Window | None:
    """Return the limit that binds longest; that of a second binds nobody for long."""
    return windows[-1] if windows and windows[-1].unit != "second" else None


def number_of(moment: dt.datetime) -> int:
    """Return the number of the quarter that a moment is in."""
    return int(moment.timestamp()) // QUARTER_S


def start_of(quarter: int) -> dt.datetime:
    """Return when a quarter begins."""
    return dt.datetime.fromtimestamp(quarter * QUARTER_S, dt.UTC)


def used_since(quarters: Mapping[int, Quarter], moment: dt.datetime) -> int:
    """Return the calls since a moment, as far as quarters tell."""
    first = number_of(moment)
    return sum(quarter.used for number, quarter in quarters.items() if number >= first)


def burn_down(window: Window, quarters: Mapping[int, Quarter], spending: Spending, now: dt.datetime) -> BurnDown:
    """Return how a limit of a minute, an hour or a day went on; calls of two days are needed.

    For a minute it is what was left in the busiest minute of each quarter.
    """
    here = number_of(now)
    shown = range(here - IN_A_DAY + 1, here + 1)
    if window.length < QUARTER:
        counted = [quarters[number].busiest if number in quarters else 0 for number in shown]
    else:
        sums, width = _Sums(quarters, here), window.length // QUARTER
        counted = [sums.between(number - width, number) for number in shown]
    past = [Point(start_of(number), float(max(0, window.limit - used)))
            for number, used in zip(shown, counted, strict=True)]
    if window.length >= QUARTER:
        past.append(Point(now, float(window.left)))
    return BurnDown(window, tuple(past), tuple(_planned(window, quarters, spending, now)))


def _window(unit: str, limit: int, length: dt.timedelta, past: Past, now: dt.datetime) -> Window:
    """Return one limit with what is used of it; `past` of a second may be older than the pause asks for."""
    if past.newest is not None and past.newest <= now - length:
        past = Past()
    elif unit == "second" and past.newest is not None:
        past = Past(max(1, past.used), past.oldest or past.newest, past.newest)
    full = past.used >= limit and past.oldest is not None
    return Window(unit, limit, length, past, past.oldest + length if full and past.oldest else None)


class _Sums:
    """How many calls there were from one quarter to another, without adding them up each time."""

    def __init__(self, quarters: Mapping[int, Quarter], here: int) -> None:
        self.first = here - 2 * IN_A_DAY
        numbers = range(self.first, here + 1)
        self.sums = list(accumulate((quarters[number].used if number in quarters else 0 for number in numbers),
                                    initial=0))

    def between(self, start: int, end: int) -> int:
        """Return the calls of the quarters from `start` on and before `end`."""
        low, high = (min(max(number - self.first, 0), len(self.sums) - 1) for number in (start, end))
        return self.sums[high] - self.sums[low]


def _planned(window: Window, quarters: Mapping[int, Quarter], spending: Spending, now: dt.datetime) -> Iterator[Point]:
    """Return what will be left: calls of the past come back as their time is over, planned ones are used."""
    length, width, here = window.length.total_seconds(), window.length // QUARTER, number_of(now)
    if not width:
        left = max(0.0, window.limit - spending.rate * length)
        yield from (Point(now, left), Point(spending.until, left))
        return
    sums, due = _Sums(quarters, here), spending.by_quarter or {}
    yield Point(now, float(window.left))
    for number in range(here + 1, min(number_of(spending.until), here + IN_A_DAY) + 1):
        ahead = sum(calls for quarter, calls in due.items() if number - width <= quarter < number)
        known = sums.between(number - width, here + 1) + ahead
        used = known + spending.rate * min((start_of(number) - now).total_seconds(), length)
        yield Point(start_of(number), max(0.0, window.limit - used))
