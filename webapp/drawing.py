"""Geometry of the small pictures in a row: numbers in, SVG coordinates out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from webapp.records import LiveQuote

PATHS = 1024  # so many are kept


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
    *earlier, last = live.spark
    low, high = _extremes(tuple(earlier))
    now = float(last)
    close = None if live.quote is None or live.quote.previous_close is None else float(live.quote.previous_close)
    low, high = min(low, now, now if close is None else close), max(high, now, now if close is None else close)
    base = None if close is None else _depth(close, low, high, height)
    points = f"{_path(tuple(earlier), low, high, width, height)} {width},{_depth(now, low, high, height)}"
    return Spark(points, base, Decimal(live.spark[0]), Decimal(last))


def line(prices: tuple[str, ...], width: int = 100, height: int = 24) -> Spark | None:
    """Return any path in a box, without a close before it; None where there are fewer than two prices."""
    if len(prices) < 2:
        return None
    *earlier, last = prices
    low, high = _extremes(prices)
    points = f"{_path(tuple(earlier), low, high, width, height)} {width},{_depth(float(last), low, high, height)}"
    return Spark(points, None, Decimal(prices[0]), Decimal(last))


def range_place(live: LiveQuote, width: int = 100) -> int | None:
    """Return where between the day's low (0) and high (`width`) the price stands; None where that is unknown."""
    quote = live.quote
    if quote is None or quote.low is None or quote.high is None or quote.high <= quote.low:
        return None
    place = (quote.price - quote.low) / (quote.high - quote.low) * width
    return round(min(max(place, Decimal(0)), Decimal(width)))


# While a day goes on, the last point moves with each price and the others stay for minutes.
@lru_cache(maxsize=PATHS)
def _extremes(prices: tuple[str, ...]) -> tuple[float, float]:
    """Return the lowest and the highest of the prices."""
    figures = [float(price) for price in prices]
    return min(figures), max(figures)


@lru_cache(maxsize=PATHS)
def _path(prices: tuple[str, ...], low: float, high: float, width: int, height: int) -> str:
    """Write the points of all prices but the last, without those inside level stretches, which draw nothing."""
    depths = [_depth(float(price), low, high, height) for price in prices]
    last = len(depths) - 1
    return " ".join([f"{round(place * width / len(depths))},{depth}" for place, depth in enumerate(depths)
                     if place in (0, last) or not depths[place - 1] == depth == depths[place + 1]])


def _depth(price: float, low: float, high: float, height: int) -> int:
    """Return how far below the top a price stands; a path without movement runs through the middle."""
    return round((high - price) * height / (high - low)) if high > low else height // 2
