"""How a stock does against a benchmark and against all other stocks. Neither is part of a stage."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.indicators import sma
from webapp.analytics.series import Days, Floats, Series

YEAR_WEEKS = 52
# Sessions looked back, and what each return counts: the last quarter counts double.
RETURNS = ((63, 0.4), (126, 0.2), (189, 0.2), (252, 0.2))
# What the longest of them needs.
SESSIONS = RETURNS[-1][0] + 1
# With fewer stocks than these it is a rank in the list, not a rating.
UNIVERSE = 500
BEST = 99


def relative_price(stock: Series, benchmark: Series) -> tuple[Days, Floats]:
    """Return the dates that both have, and there stock close / benchmark close x 100; both of shape (m,).

    Both are split-adjusted, in one currency, with dates that rise; any bars of equal dates will do (days, weeks).
    """
    place = np.searchsorted(benchmark.at, stock.at)
    found = place < len(benchmark.at)
    found[found] = benchmark.at[place[found]] == stock.at[found]
    return stock.at[found], stock.close[found] / benchmark.close[place[found]] * 100


def mansfield(rp: Floats, n: int = YEAR_WEEKS) -> Floats:
    """Return Mansfield's relative strength, (rp / its mean of n weeks - 1) x 100, shape (m,); NaN before n weeks.

    `rp` is relative_price() of weekly bars. Above 0 the stock does better than it did against the benchmark on average.
    """
    result: Floats = (rp / sma(rp, n) - 1) * 100
    return result


def strength(close: Floats) -> float:
    """Return 0.4 R63 + 0.2 R126 + 0.2 R189 + 0.2 R252, Rn the last close's return over n sessions as a part of 1.

    `close` holds daily closes, split-adjusted, oldest first; NaN before 253 of them. The weights are those in common
    use for a rating like that of W. O'Neil's, whose own formula was never published.
    """
    if len(close) < SESSIONS:
        return math.nan
    return float(strengths_of(close)) if np.all(close[-SESSIONS:] > 0) else math.nan


def strengths_of(closes: Floats) -> Floats:
    """Return strength() of closes whose last axis has SESSIONS or more, all of them above 0; shape (...,)."""
    last = closes[..., -1]
    parts = [weight * (last / closes[..., -1 - sessions] - 1) for sessions, weight in RETURNS]
    result: Floats = np.add.reduce(parts, axis=0)
    return result


def ratings(strengths: Floats) -> NDArray[np.int8]:
    """Return each strength's percentile among all that are known, 1 to 99, shape (n,); 0 where it is NaN.

    It is 1 + 99 p without its fraction and 99 at most, p the part of the others that are weaker; those as strong count
    half. So the weakest has 1, the strongest 99, and one alone 50. What it may be called: UNIVERSE.
    """
    result = np.zeros(len(strengths), np.int8)
    known = np.isfinite(strengths)
    values = strengths[known]
    if not len(values):
        return result
    order = np.sort(values)
    # Twice the place, in whole numbers: a half is never lost to rounding.
    place = np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right") - 1
    most = 2 * (len(values) - 1)
    parts = BEST * place // most if most else np.full(1, BEST // 2)
    result[known] = np.minimum(1 + parts, BEST)
    return result
