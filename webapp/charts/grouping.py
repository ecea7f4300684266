"""Fewer candles for a small picture: days are put together to weeks, months or quarters, minutes to more minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Series
from webapp.analytics.weeks import friday_of

MOST_CANDLES = 320
MINUTES = (1, 5, 10, 15, 30, 60)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Bars of groups; `last` and `first` are the indexes of each group's own bars, `span` says what a group is."""

    series: Series
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    span: str

    def of(self, index: int) -> int:
        """Return the group that a bar is in."""
        return int(np.searchsorted(self.last, index))

    def place(self, index: int, *, after: bool = False) -> float:
        """Return where a bar begins, or ends, counted in groups: 2.5 is in the middle of the third."""
        group = self.of(index)
        first, last = int(self.first[group]), int(self.last[group])
        return group + (index - first + after) / (last - first + 1)


def grouped(series: Series, *, minutes: bool) -> Grouped:
    """Return a series of at least one bar in so many groups that a picture can show them."""
    kinds = _minute_kinds(series) if minutes else _day_kinds(series)
    span, keys = kinds[-1]
    for span, keys in kinds:  # noqa: B007 - the last one is taken where none is small enough
        if np.count_nonzero(np.diff(keys)) < MOST_CANDLES:
            break
    last = np.append(np.flatnonzero(np.diff(keys)), len(keys) - 1)
    first = np.append(0, last[:-1] + 1)
    opened = np.where(np.isfinite(series.open), series.open, series.close)
    return Grouped(Series(series.at[last], opened[first], np.fmax.reduceat(np.fmax(series.high, series.close), first),
                          np.fmin.reduceat(np.fmin(series.low, series.close), first), series.close[last],
                          np.add.reduceat(np.nan_to_num(series.volume), first)), first, last, span)


def _day_kinds(series: Series) -> list[tuple[str, NDArray[np.int64]]]:
    days = series.at.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    return [("a day", series.at.astype(np.int64)), ("a week", friday_of(series.at).astype(np.int64)),
            ("a month", months), ("a quarter of a year", months // 3)]


def _minute_kinds(series: Series) -> list[tuple[str, NDArray[np.int64]]]:
    at = series.at.astype(np.int64)
    return [("a minute" if count == 1 else f"{count} minutes", at // count) for count in MINUTES]
