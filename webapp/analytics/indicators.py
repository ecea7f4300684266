"""The standard indicators: TA-Lib's formulas, made safe for unknown values.

All take and give float64 of shape (n,), oldest first, in the unit of what they are given unless said otherwise. NaN is
what cannot be told. A bar in which an input is unknown has no value, and what follows it starts anew, as at the
beginning of the series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Floats
from webapp.analytics.ta import library

YEAR_DAYS = 364  # 52 weeks


class Macd(NamedTuple):
    """The line, its average and their difference, in the prices' unit."""

    line: Floats
    signal: Floats
    histogram: Floats


class Bands(NamedTuple):
    """The three Bollinger bands, in the prices' unit."""

    upper: Floats
    middle: Floats
    lower: Floats


def sma(values: Floats, n: int) -> Floats:
    """Return the simple moving average of the last n values; NaN before n."""
    return _in_runs(lambda part: (library.SMA(part, n),), values)[0]


def ema(values: Floats, n: int) -> Floats:
    """Return the exponential moving average with weight 2 / (n + 1), begun with the mean of the first n; NaN before."""
    return _in_runs(lambda part: (library.EMA(part, n),), values)[0]


def rsi(close: Floats, n: int = 14) -> Floats:
    """Return the relative strength index, 0 to 100; NaN before n + 1 closes, and as long as no close has moved.

    J. W. Wilder, "New Concepts in Technical Trading Systems" (1978): 100 - 100 / (1 + rises / falls), both Wilder's
    averages, begun with the mean of the first n.
    """
    return _in_runs(lambda part: (_rsi(part, n),), close)[0]


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Return G. Appel's MACD: the fast less the slow exponential average, and the line's own average over `signal`.

    All three are NaN before slow + signal - 1 closes. As in TA-Lib both averages begin in the same bar, so that the
    first values differ from those of programs that begin the fast one earlier.
    """
    return Macd(*_in_runs(lambda part: library.MACD(part, fast, slow, signal), close, outputs=3))


def bollinger(close: Floats, n: int = 20, width: float = 2.0) -> Bands:
    """Return J. Bollinger's bands: the mean of n closes, and `width` standard deviations (of n, not n - 1) about it.

    NaN before n closes.
    """
    return Bands(*_in_runs(lambda part: library.BBANDS(part, n, width, width), close, outputs=3))


def atr(high: Floats, low: Floats, close: Floats, n: int = 14) -> Floats:
    """Return Wilder's average true range (source as for rsi); NaN before n + 1 bars.

    A true range needs the close before, so the first bar has none; the average begins with the mean of the first n.
    """
    return _in_runs(lambda *parts: (library.ATR(*parts, n),), high, low, close)[0]


def obv(close: Floats, volume: Floats) -> Floats:
    """Return J. Granville's on-balance volume in shares: volume added on a rise, taken off on a fall.

    It begins with the first volume. A bar of unknown volume (or close) has no value, and the next goes on from the
    last one known: to start anew would look like a fall.
    """
    known = np.isfinite(close) & np.isfinite(volume)
    total = np.full(len(close), np.nan)
    if known.any():
        total[known] = library.OBV(close[known], volume[known])
    return total


def vwap(high: Floats, low: Floats, close: Floats, volume: Floats, session: NDArray[np.integer]) -> Floats:
    """Return the volume-weighted mean of the typical price (high + low + close) / 3 since the session began.

    `session`, ints of shape (n,), changes where one begins (the day number, for minutes). A bar with an unknown input
    adds nothing; NaN until there was volume in the session.
    """
    typical = (high + low + close) / 3
    known = np.isfinite(typical) & np.isfinite(volume)
    shares = np.where(known, volume, 0.0)
    money = np.where(known, typical, 0.0) * shares
    # Each session is summed by itself: what a difference of running sums keeps of the days before is rounding.
    cuts = np.flatnonzero(np.diff(session)) + 1
    sums = [np.concatenate([np.cumsum(part) for part in np.split(column, cuts)]) for column in (money, shares)]
    return _quotient(*sums)


def range_52w(at: Days, high: Floats, low: Floats) -> tuple[Floats, Floats]:
    """Return the highest high and the lowest low of the 364 days that end with each day, that day included.

    `at` is as in Series, for bars of days. Unknown highs and lows are passed over. NaN until the series reaches back
    over the whole window, and where nothing in it is known.
    """
    starts = np.searchsorted(at, at - YEAR_DAYS, "right")
    whole = at - at[:1] >= YEAR_DAYS - 1
    return (np.where(whole, _extremes(np.fmax, high, starts), np.nan),
            np.where(whole, _extremes(np.fmin, low, starts), np.nan))


def last_range_52w(at: Days, high: Floats, low: Floats) -> tuple[float, float]:
    """Return what range_52w() gives for the last day of at least one, without reckoning the other days."""
    if at[-1] - at[0] < YEAR_DAYS - 1:
        return np.nan, np.nan
    start = at.searchsorted(at[-1] - YEAR_DAYS, "right")
    return np.fmax.reduce(high[start:]), np.fmin.reduce(low[start:])


def _in_runs(formula: Callable[..., tuple[Floats, ...]], *columns: Floats, outputs: int = 1) -> tuple[Floats, ...]:
    """Apply a formula to each stretch of bars in which all columns are known; TA-Lib would spread a NaN to the end."""
    known = np.isfinite(columns[0])
    for column in columns[1:]:
        known &= np.isfinite(column)
    if known.all():
        return tuple(formula(*columns))
    results = tuple(np.full(len(known), np.nan) for _ in range(outputs))
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False))
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        for result, part in zip(results, formula(*(column[start:stop] for column in columns)), strict=True):
            result[start:stop] = part
    return results


def _rsi(close: Floats, n: int) -> Floats:
    """Return TA-Lib's RSI, whose 0 stands for "nothing moved" too: there it is made NaN."""
    values: Floats = library.RSI(close, n)
    if (values == 0).any():
        fallen = np.logical_or.accumulate(np.diff(close, prepend=close[:1]) < 0)
        values[(values == 0) & ~fallen] = np.nan
    return values


def _quotient(above: Floats, below: Floats) -> Floats:
    """Return above / below, NaN where below is 0."""
    result = np.full(len(above), np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result


def _extremes(pick: np.ufunc, values: Floats, starts: NDArray[np.intp]) -> Floats:
    """Return the extreme of values[starts[i]:i + 1] for each i: of two spans of 2^k that overlap, k the greatest."""
    ends = np.arange(len(values))
    levels = np.frexp(ends - starts + 1)[1] - 1
    result = np.full(len(values), np.nan)
    spans = values
    for level in range(int(levels.max(initial=-1)) + 1):
        if level:
            spans = spans.copy()
            half = 1 << (level - 1)
            spans[:-half] = pick(spans[:-half], spans[half:])
        here = np.flatnonzero(levels == level)
        result[here] = pick(spans[starts[here]], spans[ends[here] - (1 << level) + 1])
    return result
