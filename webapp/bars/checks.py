"""What is odd in a series of daily bars: numbers in, faults out. Pure.

A check is worth nothing if it cries at every crash, so each looks at what is usual around a day, not at fixed limits.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Floats, Series, to_day
from webapp.bars.basis import factors_between
from webapp.bars.codec import Bars
from webapp.models.bars import BarFault
from webapp.records import Split

Flags = NDArray[np.bool_]

# More faults of a kind than these are told in one.
MOST = 50
# Prices that a source has divided and rounded may be so far out of order.
ROUNDING = 1e-4
# So many days on each side say what is usual around one.
AROUND = 20
# A spike: so many times the usual move, at least so far, and taken back on the next day but for so much of it.
SPIKE, LEAST_SPIKE, TAKEN_BACK, LEAST_USUAL = 12.0, 0.12, 0.25, 0.002
# A high, a low or an open this many times beyond the closes of its day and the day before.
BEYOND = 3.0
# The splits that companies make, new shares for old; 100 is also what pence and pounds differ by.
WHOLE = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
RATIOS = sorted({ratio for whole in WHOLE for ratio in (Fraction(whole), Fraction(1, whole))} | {Fraction(3, 2)})
# How far the open may be from what a split makes of the close before it: a part, or so many times the usual move.
REACH, MOST_REACH, USUAL_MOVES = 0.02, 0.05, 3.0
# A smaller jump is none; nor does the price of a split's day move by more after it.
LEAST_JUMP = 0.14
# The volume of a split's day, in new shares, is about the usual; that of a crash or a take-over is many times it.
USUAL_VOLUME = 4.0
# A ratio below this looks like a mere move of the price: it must be met closely, by a quiet stock, with a usual volume.
LARGE, QUIET = 2.0, 0.03
# A stock that trades on all but so many of the days around is one that trades every day.
IDLE_DAYS = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """Something odd from `day` to `last_day`; `detail` says what, in words fit for a page."""

    kind: BarFault
    day: dt.date
    last_day: dt.date
    detail: str


def find_faults(bars: Bars, days: Days | None, splits: Sequence[Split], *, rounded: bool = False,
                removed: Iterable[int] = ()) -> list[Fault]:
    """Return the faults of a series of daily bars, by kind and day.

    `days` are the exchange's days, all between the first and the last of them; None where they are not known. `splits`
    are those that the prices are still to be divided by: all where they are as traded. `rounded` says that the source
    has divided them. `removed` are the days (numbers as in Bars.at) whose bar a person took out.
    """
    if not len(bars):
        return []
    series = bars.series()
    factors = factors_between(series.at, splits, None, None)
    even = series if factors is None else Series(
        series.at, series.open / factors, series.high / factors, series.low / factors, series.close / factors,
        series.volume * factors)
    with np.errstate(invalid="ignore", divide="ignore"):  # what is unknown is NaN and found fault with by nothing
        found = [*_sessions(series.at, days, removed), *_order(series, ROUNDING if rounded else 0.0)]
        moves = _Moves.of(even)
        spikes = moves.spikes()
        found += _outliers(even, moves, spikes)
        found += _splits(even, moves, spikes)
        found += _no_volume(series)
    return _told(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """Each day's move from close to close (logarithm; 0 on the first day)."""

    move: Floats

    @classmethod
    def of(cls, series: Series) -> _Moves:
        move = np.zeros(len(series))
        move[1:] = np.diff(np.log(series.close))
        return cls(move)

    def usual(self, place: int) -> float:
        """Return the usual move around a day, as a standard deviation; a few large ones do not count in it."""
        start = min(max(place - AROUND, 0), max(len(self.move) - 2 * AROUND - 1, 0))
        return max(float(np.median(np.abs(self.move[start:start + 2 * AROUND + 1]))) * 1.4826, LEAST_USUAL)

    def spikes(self) -> Flags:
        """Tell the days whose move is far beyond the usual and taken back on the next one."""
        after, size = np.append(self.move[1:], 0.0), np.abs(self.move)
        spikes: Flags = (size > LEAST_SPIKE) & (np.abs(self.move + after) < TAKEN_BACK * size)
        for place in np.flatnonzero(spikes).tolist():
            spikes[place] = size[place] > SPIKE * self.usual(place)
        return spikes


def _sessions(at: Days, days: Days | None, removed: Iterable[int]) -> Iterator[Fault]:
    """Give the sessions without a bar, and the bars without a session, as far as the calendar goes."""
    if days is None or not len(days):
        return
    known = days[(days >= at[0]) & (days <= at[-1])]
    gone = np.fromiter(removed, np.int32)
    missing = ~np.isin(known, at, assume_unique=True) & ~np.isin(known, gone)
    for start, stop in _runs(missing):
        count = stop - start
        yield _fault(BarFault.GAP, known[start], known[stop - 1],
                     "1 session without a bar" if count == 1 else f"{count} sessions without a bar")
    extra = ~np.isin(at, days, assume_unique=True) & (at >= days[0]) & (at <= days[-1])
    for start, stop in _runs(extra):
        yield _fault(BarFault.NO_SESSION, at[start], at[stop - 1], "the exchange was closed")


def _order(series: Series, reach: float) -> Iterator[Fault]:
    """Give the days whose open or close is outside the range from low to high, or whose high is below the low."""
    high, low = series.high * (1 + reach), series.low * (1 - reach)
    wrong = (high < low, high < series.open, high < series.close, low > series.open, low > series.close)
    words = ("the high is below the low", "the open is above the high", "the close is above the high",
             "the open is below the low", "the close is below the low")
    for place in np.flatnonzero(np.logical_or.reduce(wrong)).tolist():
        said = [text for text, flags in zip(words, wrong, strict=True) if flags[place]]
        # A high below the low is the cause of all the others.
        detail = said[0] if wrong[0][place] else ", ".join(said)
        yield _fault(BarFault.ORDER, series.at[place], series.at[place], detail)


def _outliers(series: Series, moves: _Moves, spikes: Flags) -> Iterator[Fault]:
    """Give the days whose close, open, high or low is far from what is around it."""
    for place in np.flatnonzero(spikes).tolist():
        yield _fault(BarFault.OUTLIER, series.at[place], series.at[place],
                     f"the close moved by {_percent(moves.move[place])} and back on the next day")
    before = np.append(series.close[:1], series.close[:-1])
    most, least = np.fmax(series.close, before), np.fmin(series.close, before)
    opened = np.where(np.isnan(series.open), series.close, series.open)
    far = (opened > BEYOND * most) | (opened * BEYOND < least)
    high, low = series.high > BEYOND * np.fmax(most, opened), series.low * BEYOND < np.fmin(least, opened)
    for place in np.flatnonzero((far | high | low) & ~spikes).tolist():
        name = "open" if far[place] else "high" if high[place] else "low"
        yield _fault(BarFault.OUTLIER, series.at[place], series.at[place],
                     f"the {name} is far from the closes around it")


def _splits(series: Series, moves: _Moves, spikes: Flags) -> Iterator[Fault]:
    """Give the days on which prices jump for good by about the ratio of a usual split.

    The open tells it best: what a price does after a split's opening is its own move of the day.
    """
    tried = np.abs(moves.move) > LEAST_JUMP
    tried &= ~spikes & ~np.append(False, spikes[:-1])
    tried[0] = False
    for place in np.flatnonzero(tried).tolist():
        opened = series.open[place] if series.open[place] > 0 else series.close[place]
        ratio = _ratio_of(float(series.close[place - 1] / opened), moves, place)
        if ratio is not None and abs(moves.move[place] + math.log(ratio)) < LEAST_JUMP and _calm(
                series.volume, place, float(ratio)):
            yield _fault(BarFault.SPLIT, series.at[place], series.at[place],
                         f"prices jump like those of a {ratio.numerator}:{ratio.denominator} split that is not known")


def _ratio_of(jump: float, moves: _Moves, place: int) -> Fraction | None:
    """Return the usual split that a price's jump, old by new, is about; None where it is none."""
    best = min(RATIOS, key=lambda ratio: abs(math.log(jump / ratio)))
    apart, large = abs(math.log(jump / best)), max(best, 1 / best) >= LARGE
    if apart >= MOST_REACH:
        return None
    usual = moves.usual(place)
    reach = min(max(REACH, USUAL_MOVES * usual), MOST_REACH) if large else REACH
    return best if apart < reach and (large or usual < QUIET) else None


def _calm(volume: Floats, place: int, ratio: float) -> bool:
    """Tell whether a day's volume is what a split would make of the usual; where none is known only a large one may."""
    before = volume[max(place - AROUND, 0):place]
    before = before[before > 0]
    today = volume[place]
    if len(before) < 5 or not today > 0:
        return max(ratio, 1 / ratio) >= LARGE
    change = float(today / np.median(before)) / ratio
    return change < USUAL_VOLUME if max(ratio, 1 / ratio) >= LARGE else change < USUAL_VOLUME / 2


def _no_volume(series: Series) -> Iterator[Fault]:
    """Give the days without volume of a stock that trades on nearly all of the days around."""
    idle = ~(series.volume > 0)
    if not idle.any() or idle.all():
        return
    width = min(2 * AROUND + 1, len(idle))
    sums = np.cumsum(np.append(0, idle))
    starts = np.clip(np.arange(len(idle)) - AROUND, 0, len(idle) - width)
    odd = idle & (sums[starts + width] - sums[starts] <= min(IDLE_DAYS, (width - 1) // 4))
    for start, stop in _runs(odd):
        yield _fault(BarFault.NO_VOLUME, series.at[start], series.at[stop - 1],
                     "no volume, although it trades on the days around")


def _runs(flags: Flags) -> Iterator[tuple[int, int]]:
    """Give the first place of each run of true flags, and the place after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]))).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _fault(kind: BarFault, first: int, last: int, detail: str) -> Fault:
    return Fault(kind, to_day(first), to_day(last), detail)


def _told(found: Sequence[Fault]) -> list[Fault]:
    """Return the faults, those of a kind that are very many as one."""
    told = []
    for kind in BarFault:
        faults = [fault for fault in found if fault.kind is kind]
        if len(faults) > MOST:
            last = max(fault.last_day for fault in faults)
            faults = [replace(faults[0], last_day=last, detail=f"{len(faults)} times; first: {faults[0].detail}")]
        told += faults
    return told


def _percent(move: float) -> str:
    return f"{(np.exp(move) - 1) * 100:+.0f} %"
