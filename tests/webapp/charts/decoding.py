"""Reads a chart's JSON as docs/charts.md says, by other means than the browser's."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from typing import Any


def added(steps: list[int | None]) -> list[Any]:
    """Add steps up; what is unknown stays so."""
    sums = iter(list(accumulate(step for step in steps if step is not None)))
    return [None if step is None else next(sums) for step in steps]


def decoded(data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns with prices as decimals."""
    at, close = added(data["at"]), added(data["close"])
    columns: dict[str, list[Any]] = {"at": at, "close": close, "open": [], "high": [], "low": []}
    for index, own in enumerate(close):
        before = close[index - 1] if index else 0
        step = data["open"][index]
        opened = None if step is None else before + step
        columns["open"].append(opened)
        known = own if opened is None else opened
        high, low = data["high"][index], data["low"][index]
        columns["high"].append(None if high is None else max(known, own) + high)
        columns["low"].append(None if low is None else min(known, own) - low)
    scale = Decimal(1).scaleb(-data["decimals"])
    for name in ("open", "high", "low", "close"):
        columns[name] = [None if value is None else value * scale for value in columns[name]]
    return columns | {"volume": data["volume"]}
