"""The day's path of a price as a sparkline shows it: at most 64 points, coarser as the day grows."""

import datetime as dt
from decimal import Decimal
from typing import Any

MOST_POINTS = 64
FIRST_STEP_SECONDS = 10


def extended(spark: dict[str, Any] | None, day: dt.date, as_of: dt.datetime, price: Decimal) -> dict[str, Any]:
    """Return the path with one more price; a new day begins a new path.

    Point i is the last price before `start` + (i + 1) * `step` seconds. What does not fit doubles the step.
    """
    at = int(as_of.timestamp())
    if spark is None or spark["day"] != day.isoformat():
        return {"day": day.isoformat(), "start": at, "step": FIRST_STEP_SECONDS, "prices": [format(price, "f")]}
    prices, step = list(spark["prices"]), spark["step"]
    index = max(at - spark["start"], 0) // step
    while index >= MOST_POINTS:
        # Of each pair the later one stays; the last may have no partner yet.
        prices = prices[1::2] + (prices[-1:] if len(prices) % 2 else [])
        step *= 2
        index //= 2
    prices += prices[-1:] * (index - len(prices))
    prices[index:] = [format(price, "f")]
    return {**spark, "step": step, "prices": prices}
