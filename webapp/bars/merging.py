"""Bars cut into the pieces that are stored, and put together with those that are there. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from webapp.analytics.series import to_day, to_number
from webapp.bars.codec import COLUMNS, Bars, Counts, joined

MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Stored bars with fresh ones among them, and how many of the fresh were new, other than stored, or the same."""

    bars: Bars
    added: int
    changed: int
    unchanged: int


def in_order(bars: Bars, per_day: int = 1) -> Bars:
    """Return the bars oldest first; raise ValueError, with the day, where one (or a minute) stands twice."""
    steps = np.diff(bars.at)
    if np.all(steps > 0):
        return bars
    bars = bars.take(np.argsort(bars.at, kind="stable"))
    twice = np.flatnonzero(np.diff(bars.at) == 0)
    if len(twice):
        raise ValueError(f"{to_day(bars.at[twice[0]] // per_day)} stands twice in the bars")
    return bars


def pieces(bars: Bars, per_day: int = 1) -> Iterator[tuple[dt.date, Bars]]:
    """Cut bars, oldest first, by the year, or by the day where a day has MINUTES; give each piece's first day."""
    if not len(bars):
        return
    starts = _years_between(bars) if per_day == 1 else _days_between(bars)
    edges = [to_number(start) * per_day for start in starts[1:]]
    if not edges:
        yield starts[0], bars
        return
    cuts = [0, *np.searchsorted(bars.at, edges).tolist(), len(bars)]
    for place, start in enumerate(starts):
        if cuts[place] < cuts[place + 1]:
            yield start, bars.take(slice(cuts[place], cuts[place + 1]))


def _years_between(bars: Bars) -> list[dt.date]:
    first, last = to_day(bars.at[0]).year, to_day(bars.at[-1]).year
    return [dt.date(year, 1, 1) for year in range(first, last + 1)]


def _days_between(bars: Bars) -> list[dt.date]:
    return [to_day(number) for number in np.unique(bars.at // MINUTES).tolist()]


def merge(old: Bars, fresh: Bars) -> Merged:
    """Put fresh bars among the old ones, both oldest first: a day that both have is as the fresh one says."""
    if old.at[-1] < fresh.at[0]:
        return Merged(joined([old, fresh]), len(fresh), 0, 0)
    places = np.minimum(np.searchsorted(old.at, fresh.at), len(old) - 1)
    known = old.at[places] == fresh.at
    differs = np.zeros(len(fresh), np.bool_)
    for name in COLUMNS:
        differs |= getattr(old, name)[places] != getattr(fresh, name)
    changed, same = int(np.count_nonzero(differs & known)), int(np.count_nonzero(known))
    counts = len(fresh) - same, changed, same - changed
    if len(fresh) == len(old) == same:
        return Merged(fresh, *counts)
    if not counts[0] and not changed:
        return Merged(old, *counts)
    return Merged(_together(old, fresh), *counts)


def _together(old: Bars, fresh: Bars) -> Bars:
    at = np.union1d(old.at, fresh.at)
    of_old, of_fresh = np.searchsorted(at, old.at), np.searchsorted(at, fresh.at)

    def column(name: str) -> Counts:
        values = np.empty(len(at), np.int64)
        values[of_old] = getattr(old, name)
        values[of_fresh] = getattr(fresh, name)
        return values

    return Bars(at, *(column(name) for name in COLUMNS))
