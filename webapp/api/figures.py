"""Numbers as programs get them, whole columns of them too: decimals as texts, counts as they are, unknown as None."""

from __future__ import annotations

from math import isnan

import numpy as np

from webapp.analytics.series import Days, Floats, Series
from webapp.charts.content import MOST_DECIMALS, decimals_of
from webapp.rows import as_text
from webapp.screener.rows import figure

PRICES = ("open", "high", "low", "close")
# What is so near to a whole number is one; of a number below 1 so small a part.
WHOLE = 1e-4


def amount(value: float | None) -> str | None:
    """Write a number with the digits that it has."""
    return as_text(figure(value))


def exact(values: Floats, decimals: int) -> list[str | None]:
    """Return numbers as plain texts with so many decimals."""
    rounded = np.rint(values * 10**decimals) / 10**decimals + 0.0  # no -0.00
    form = f"%.{decimals}f"
    return [None if isnan(value) else form % value for value in rounded.tolist()]


def counts(values: Floats) -> list[int | None]:
    """Return counts as whole numbers; split-adjusted ones may have been none."""
    return [None if isnan(value) else round(value) for value in values.tolist()]


def decimals_in(series: Series, least: int) -> int:
    """Return how many decimals tell all prices of a series: those they have; of endless ones as many as charts keep."""
    prices = np.concatenate([getattr(series, name) for name in PRICES])
    known = prices[np.isfinite(prices)]
    for decimals in range(least, MOST_DECIMALS + 1):
        scaled = known * 10**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) <= np.minimum(WHOLE, WHOLE * scaled)):
            return decimals
    return decimals_of(known, least)


def days(at: Days) -> list[str]:
    """Return days as ISO 8601."""
    texts: list[str] = np.datetime_as_string(at.astype("datetime64[D]")).tolist()
    return texts


def moments(at: Days) -> list[str]:
    """Return minutes of UTC as ISO 8601."""
    return [f"{text}:00Z" for text in np.datetime_as_string(at.astype("datetime64[m]")).tolist()]
