"""Past prices in the shares of today: what splits, and dividends, make of bars as they were traded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Floats, Series

Numbers = Sequence[float] | Floats


def split_factors(at: Days, days: Sequence[int] | Days, ratios: Numbers) -> Floats:
    """Return, shape (n,), what each bar's prices are to be divided by and its volume multiplied by.

    `days` (as in Series.at, any order) are those from whose opening on `ratios` shares stand for one: 4 for 4:1. It is
    the product of the ratios of all later days than the bar's, 1 for the last bars. All given splits count, those after
    the last bar too: leave out what is still to come. Raise ValueError where a ratio is not above 0.
    """
    event_days, sizes = np.asarray(days, np.int64), np.asarray(ratios, np.float64)
    if not np.all((sizes > 0) & np.isfinite(sizes)):
        raise ValueError("a split's ratio is not above 0")
    return _later(at, event_days, sizes)


def dividend_factors(at: Days, close: Floats, days: Sequence[int] | Days, amounts: Numbers) -> Floats:
    """Return, shape (n,), what split-adjusted prices are to be multiplied by to be adjusted for dividends too.

    `days` are the ex-dates (any order), `amounts` a share. Each dividend D makes prices before its ex-date
    1 - D / P of what they were, P the close before it, as Yahoo reckons and CRSP does. `close` (n,) and `amounts` are
    in the shares of their day, or both split-adjusted; the latter alone is right where a split has the same ex-date. A
    dividend without a close before it, or one that is not smaller than it, cannot be reckoned and is left out.
    """
    event_days, sizes = np.asarray(days, np.int64), np.asarray(amounts, np.float64)
    before = np.searchsorted(at, event_days, "left") - 1
    usable = before >= 0
    usable[usable] = (sizes[usable] > 0) & (sizes[usable] < close[before[usable]])
    return _later(at, event_days[usable], 1 - sizes[usable] / close[before[usable]])


def adjusted(series: Series, price_factor: Floats | float, volume_factor: Floats | float = 1.0) -> Series:
    """Return bars with their prices and volumes multiplied by these, numbers or shape (n,); unknown stays unknown.

    For splits these are 1 / split_factors() and split_factors().
    """
    return Series(series.at, series.open * price_factor, series.high * price_factor, series.low * price_factor,
                  series.close * price_factor, series.volume * volume_factor)


def _later(at: Days, days: NDArray[np.int64], factors: Floats) -> Floats:
    """Return for each bar the product of the factors of all later days."""
    order = np.argsort(days, kind="stable")
    products = np.append(np.cumprod(factors[order][::-1])[::-1], 1.0)
    result: Floats = products[np.searchsorted(days[order], at, "right")]
    return result
