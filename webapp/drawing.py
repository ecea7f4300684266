"""Geometry of the small pictures in a row: numbers in, SVG coordinates out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from webapp.records import LiveQuote


@dataclass(frozen=True, slots=True)
class Spark:
    """A day's path: `points` for <polyline>, and `base`, the height of the previous close (None if unknown)."""

    points: str
    base: int | None


def spark(live: LiveQuote, width: int = 100, height: int = 24) -> Spark | None:
    """Return the day's path in a box; None where there are fewer than two prices."""
    prices = live.spark
    if len(prices) < 2:
        return None
    close = live.quote.previous_close if live.quote else None
    # A picture of a hundred pixels needs no exact decimals, and floats are drawn four times as fast.
    heights = [float(price) for price in prices]
    known = heights if close is None else [*heights, float(close)]
    low, high = min(known), max(known)
    last = len(prices) - 1
    path = [(round(place * width / last), _depth(price, low, high, height)) for place, price in enumerate(heights)]
    base = None if close is None else _depth(float(close), low, high, height)
    return Spark(" ".join(f"{x},{y}" for x, y in _corners(path)), base)


def range_place(live: LiveQuote, width: int = 100) -> int | None:
    """Return where between the day's low (0) and high (`width`) the price stands; None where that is unknown."""
    quote = live.quote
    if quote is None or quote.low is None or quote.high is None or quote.high <= quote.low:
        return None
    place = (quote.price - quote.low) / (quote.high - quote.low) * width
    return round(min(max(place, Decimal(0)), Decimal(width)))


def _depth(price: float, low: float, high: float, height: int) -> int:
    """Return how far below the box's top a price is; a path without movement runs through the middle."""
    return round((high - price) / (high - low) * height) if high > low else height // 2


def _corners(path: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Drop the points inside level stretches, which draw nothing."""
    inner = zip(path, path[1:], path[2:], strict=False)
    return [path[0], *(here for before, here, after in inner if not before[1] == here[1] == after[1]), path[-1]]
