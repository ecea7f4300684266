"""Geometry of the small pictures in a row: numbers in, SVG coordinates out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from webapp.records import LiveQuote


@dataclass(frozen=True, slots=True)
class Spark:
    """A day's path from `first` to `last`.

    `points` is for <polyline>; `base` is the height of the previous close (None if unknown).
    """

    points: str
    base: int | None
    first: Decimal
    last: Decimal


def spark(live: LiveQuote, width: int = 100, height: int = 24) -> Spark | None:
    """Return the day's path in a box; None where there are fewer than two prices."""
    if len(live.spark) < 2:
        return None
    # A picture of a hundred pixels needs no exact decimals, and thousands of rows are drawn each second.
    prices = [float(price) for price in live.spark]
    close = None if live.quote is None or live.quote.previous_close is None else float(live.quote.previous_close)
    low, high = min(prices), max(prices)
    if close is not None:
        low, high = min(low, close), max(high, close)
    # A path without movement runs through the middle.
    scale = height / (high - low) if high > low else 0.0
    start = 0 if high > low else height // 2
    depths = [start + round((high - price) * scale) for price in prices]
    base = None if close is None else start + round((high - close) * scale)
    return Spark(_polyline(depths, _steps(len(prices), width)), base, Decimal(live.spark[0]), Decimal(live.spark[-1]))


def range_place(live: LiveQuote, width: int = 100) -> int | None:
    """Return where between the day's low (0) and high (`width`) the price stands; None where that is unknown."""
    quote = live.quote
    if quote is None or quote.low is None or quote.high is None or quote.high <= quote.low:
        return None
    place = (quote.price - quote.low) / (quote.high - quote.low) * width
    return round(min(max(place, Decimal(0)), Decimal(width)))


@lru_cache(maxsize=256)
def _steps(count: int, width: int) -> tuple[int, ...]:
    """Return where each of `count` points stands on the box's width."""
    return tuple(round(place * width / (count - 1)) for place in range(count))


def _polyline(depths: Sequence[int], steps: Sequence[int]) -> str:
    """Write the points, without those inside level stretches, which draw nothing."""
    last = len(depths) - 1
    return " ".join([f"{steps[place]},{depth}" for place, depth in enumerate(depths)
                     if place in (0, last) or not depths[place - 1] == depth == depths[place + 1]])
