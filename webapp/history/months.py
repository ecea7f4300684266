"""How many of its sessions a stock has bars of, month by month: days in, counts, words and pictures out."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, to_number

Span = tuple[dt.date, dt.date]
EPOCH_YEAR = 1970
# A month's column of the picture: its width, the gap to the next, and how high a month is that has every session.
WIDTH, STEP, HEIGHT, TOP = 4, 5, 16, 5


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days on which an exchange was open, ascending, in the years in which that is known."""

    days: Days
    years: frozenset[int]


@dataclass(frozen=True, slots=True)
class Month:
    """A month of one stock: `held` sessions with a bar, of `possible` ones; None where the calendar is not known.

    `odd` is how many open findings touch it.
    """

    year: int
    month: int
    held: int
    possible: int | None
    odd: int = 0

    @property
    def missing(self) -> int | None:
        """Return how many sessions have no bar."""
        return None if self.possible is None else self.possible - self.held

    @property
    def expected(self) -> bool:
        """Tell whether anything is there, or should be."""
        return bool(self.held or self.possible or self.odd)

    @property
    def state(self) -> str:
        """Name it in one word: empty, full, part, missing, or unknown where nobody can tell what should be there."""
        if not self.expected:
            return "empty"
        if self.possible is None:
            return "unknown"
        if not self.missing:
            return "full"
        return "part" if self.held else "missing"

    @property
    def key(self) -> str:
        """Write it as addresses do: 2020-03."""
        return f"{self.year:04}-{self.month:02}"

    @property
    def words(self) -> str:
        """Say what is there, in words for those who do not see it."""
        if not self.expected:
            return "no bars"
        if self.possible is None:
            said = f"{self.held} bars"
        elif self.missing:
            said = f"{self.held} of {self.possible} sessions, {self.missing} missing"
        else:
            said = f"all {self.possible} sessions"
        return f"{said}, {findings_in_words(self.odd)}" if self.odd else said


@dataclass(frozen=True, slots=True)
class Picture:
    """Twelve columns as SVG paths: what is there, what is missing, and marks over the months with open findings."""

    held: str
    missing: str
    odd: str


@dataclass(frozen=True, slots=True)
class Year:
    """The twelve months of a year."""

    number: int
    months: tuple[Month, ...]

    @property
    def expected(self) -> bool:
        """Tell whether anything is there, or should be."""
        return any(month.expected for month in self.months)

    @property
    def words(self) -> str:
        """Say what is there, and which months it is not whole in."""
        held = sum(month.held for month in self.months)
        known = [month.possible for month in self.months if month.possible is not None]
        possible = sum(known) if len(known) == len(self.months) else None
        if possible is None:
            said = f"{held} bars"
        else:
            said = f"all {held} sessions" if held == possible else f"{held} of {possible} sessions"
        gone = [month for month in self.months if month.missing]
        odd = [month for month in self.months if month.odd]
        said += f", missing in {_names(gone)}" if gone else ""
        return said + (f", open findings in {_names(odd)}" if odd else "")

    @property
    def picture(self) -> Picture:
        """Draw it."""
        return _draw(tuple((month.state, month.held, month.possible or 0, bool(month.odd)) for month in self.months))


def findings_in_words(count: int) -> str:
    """Write how many findings are open."""
    return f"{count} open finding{'' if count == 1 else 's'}"


def month_span(key: str) -> Span | None:
    """Return the first and the last day of a month as addresses write it (2020-03); None where it is no month."""
    try:
        first = dt.date.fromisoformat(f"{key}-01")
    except ValueError:
        return None
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def count_years(held: Days, calendar_: Calendar, span: Span, *, excused: Sequence[Span] = (),
                odd: Iterable[Span] = ()) -> dict[int, Year]:
    """Return the years of `span` by their number; `held` are the days with a bar, ascending.

    What is possible are the sessions within `span` without those that are in `excused` and have no bar. In years that
    the calendar knows, a bar of a day without a session counts as none.
    """
    first, last = span
    start, count = _number(first.replace(month=1)), 12 * (last.year - first.year + 1)
    sessions = calendar_.days[(calendar_.days >= to_number(first)) & (calendar_.days <= to_number(last))]
    there = np.isin(sessions, held)
    possible = _per_month(sessions[there | ~_within(sessions, excused)], start, count)
    counted, bars = _per_month(sessions[there], start, count), _per_month(held, start, count)
    marks = _marks(odd, start, count)

    def month(place: int) -> Month:
        year = first.year + place // 12
        known = year in calendar_.years
        return Month(year, place % 12 + 1, int(counted[place] if known else bars[place]),
                     int(possible[place]) if known else None, marks.get(start + place, 0))

    return {year: Year(year, tuple(month(12 * (year - first.year) + place) for place in range(12)))
            for year in range(first.year, last.year + 1)}


def empty_year(number: int) -> Year:
    """Return a year in which nothing is there, nor should be."""
    return Year(number, tuple(Month(number, month, 0, 0) for month in range(1, 13)))


def _per_month(days: Days, start: int, count: int) -> NDArray[np.intp]:
    places = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - start
    return np.bincount(places[(places >= 0) & (places < count)], minlength=count)


def _within(days: Days, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Tell of each day whether it lies in one of the spans."""
    inside = np.zeros(len(days), np.bool_)
    for first, last in spans:
        inside |= (days >= to_number(first)) & (days <= to_number(last))
    return inside


def _marks(odd: Iterable[Span], start: int, count: int) -> Mapping[int, int]:
    """Return how many findings touch each month, by its number since 1970."""
    marks: dict[int, int] = {}
    for first, last in odd:
        lowest, highest = _number(first), _number(last)
        for number in range(max(lowest, start), min(highest, start + count - 1) + 1):
            marks[number] = marks.get(number, 0) + 1
    return marks


def _number(day: dt.date) -> int:
    """Return how many months its month is after January 1970."""
    return 12 * (day.year - EPOCH_YEAR) + day.month - 1


def _names(months: Sequence[Month]) -> str:
    names = [calendar.month_name[month.month] for month in months]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# Most years of most stocks are whole, and look the same.
@lru_cache(maxsize=4096)
def _draw(months: tuple[tuple[str, int, int, bool], ...]) -> Picture:
    held, missing, odd = [], [], []
    for place, (state, count, possible, marked) in enumerate(months):
        left = place * STEP
        if state in {"full", "unknown"}:
            held.append(_column(left, HEIGHT))
        elif state == "part":
            held.append(_column(left, max(2, round(HEIGHT * count / possible))))
        if state in {"part", "missing"}:
            missing.append(_column(left, HEIGHT))
        if marked:
            odd.append(f"M{left} 0h{WIDTH}l-{WIDTH // 2} 4z")
    return Picture("".join(held), "".join(missing), "".join(odd))


def _column(left: int, height: int) -> str:
    return f"M{left} {TOP + HEIGHT}v-{height}h{WIDTH}v{height}z"
