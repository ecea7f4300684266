"""Indicators by name, as programs ask for them: sma50, rsi14, macd."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from webapp.analytics import indicators
from webapp.analytics.series import Floats, Series
from webapp.api.figures import decimals_in

# How many bars one looks back over: 2 to 399.
COUNT = r"(?:[2-9]|[1-9][0-9]|[1-3][0-9][0-9])"
NAME = rf"(?:(?:sma|ema|rsi|atr){COUNT}|macd|bbands|obv|range52w)"
MOST_NAMES = 20
PATTERN = rf"^{NAME}(?:,{NAME}){{0,{MOST_NAMES - 1}}}$"
LEAST_DECIMALS = 4

Numbered = Callable[[Series, int], Floats]
NUMBERED: dict[str, Numbered] = {
    "sma": lambda series, n: indicators.sma(series.close, n),
    "ema": lambda series, n: indicators.ema(series.close, n),
    "rsi": lambda series, n: indicators.rsi(series.close, n),
    "atr": lambda series, n: indicators.atr(series.high, series.low, series.close, n),
}


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One value for each bar, to be told with so many decimals."""

    values: Floats
    decimals: int


def find_lines(series: Series, names: list[str], least: int) -> dict[str, Line]:
    """Return the lines of the indicators that are named, by their own names; NaN where there is no value yet.

    `least` is how many decimals the stock's prices have at least. Averages have endless ones: four are told, or more
    where prices have more.
    """
    lines: dict[str, Line] = {}
    decimals = max(decimals_in(series, least), LEAST_DECIMALS)
    for name in names:
        for own, values in _values(series, name).items():
            lines[own] = Line(values, 0 if own == "obv" else LEAST_DECIMALS if own.startswith("rsi") else decimals)
    return lines


def _values(series: Series, name: str) -> dict[str, Floats]:
    if name == "macd":
        macd = indicators.macd(series.close)
        return {"macd": macd.line, "macd_signal": macd.signal, "macd_histogram": macd.histogram}
    if name == "bbands":
        bands = indicators.bollinger(series.close)
        return {"bb_upper": bands.upper, "bb_middle": bands.middle, "bb_lower": bands.lower}
    if name == "obv":
        return {"obv": indicators.obv(series.close, series.volume)}
    if name == "range52w":
        high, low = indicators.range_52w(series.at, series.high, series.low)
        return {"high_52w": high, "low_52w": low}
    kind, count = re.fullmatch(r"([a-z]+)(\d+)", name).groups()  # type: ignore[union-attr]  # PATTERN has seen to it
    if not len(series):
        return {name: np.empty(0)}
    return {name: NUMBERED[kind](series, int(count))}
