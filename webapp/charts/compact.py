"""A chart as compact JSON: columns of whole numbers, each the difference to the one before. See docs/charts.md."""

from __future__ import annotations

import datetime as dt
import json
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Floats
from webapp.charts.content import Content, Other, Weeks, decimals_of
from webapp.markets import zone_of
from webapp.records import Instrument

FORM = 1
PERCENT_DECIMALS = 4
RSI_DECIMALS = 1


def encode(content: Content, day: dt.date) -> bytes:
    """Return the chart's JSON, made on a day of the exchange."""
    return json.dumps(_fields(content) | {"day": day.isoformat()}, separators=(",", ":")).encode()


def empty(instrument: Instrument) -> bytes:
    """Return the JSON where there are no bars."""
    return json.dumps({"form": FORM, "key": instrument.key, "currency": instrument.currency, "at": []}).encode()


def deltas(values: Floats, decimals: int) -> list[int | None]:
    """Return numbers as whole ones, in units of the last decimal: each the difference to the last known before it.

    What is unknown is None.
    """
    known = np.isfinite(values)
    whole = np.rint(values[known] * 10**decimals).astype(np.int64)
    steps: list[int | None] = np.diff(whole, prepend=0).tolist()
    if len(steps) == len(values):
        return steps
    found: list[int | None] = [None] * len(values)
    for place, step in zip(np.flatnonzero(known).tolist(), steps, strict=True):
        found[place] = step
    return found


def _fields(content: Content) -> dict[str, Any]:
    base = content.base
    return {
        "form": FORM, "key": content.instrument.key, "currency": content.instrument.currency,
        "interval": "1m" if content.choices.minutes else "1d", "range": content.choices.range,
        "adjusted": content.adjusted.value, "sources": content.sources, "simulated": content.simulated,
        "decimals": content.decimals, "places": content.places,
        "zone": zone_of(content.instrument.mic).key, "shift": content.shift,
        "at": _steps(content.series.at), **_prices(content),
        "volume": _counts(content.series.volume),
        "bands": [[band.first, band.last, band.name] for band in content.bands],
        "lines": {name: _line(values, line_decimals(content, name)) for name, values in content.lines.items()},
        "weeks": _weeks(content.weeks, content.decimals) if content.weeks else None,
        "events": [[event.index, event.kind, event.text] for event in content.events],
        "others": [_other(other) for other in content.others],
        "base": {"day": base.day.isoformat(), "close": round(base.close, 8)} if base else None,
    }


def _prices(content: Content) -> dict[str, list[int | None]]:
    """Return the four columns of prices.

    Closes are told against the close before, opens too, highs and lows by how far they reach beyond both.
    """
    series, scale = content.series, 10**content.decimals
    close = np.rint(series.close * scale)
    before = np.concatenate([np.zeros(min(len(close), 1)), close[:-1]])
    opened = np.rint(series.open * scale)
    known = np.where(np.isfinite(opened), opened, close)
    high, low = np.rint(series.high * scale), np.rint(series.low * scale)
    return {"close": _whole(close - before), "open": _whole(opened - before),
            "high": _whole(high - np.maximum(known, close)), "low": _whole(np.minimum(known, close) - low)}


def line_decimals(content: Content, name: str) -> int:
    """Return with how many decimals a line travels: averages with those that are shown, there are so many."""
    return RSI_DECIMALS if name == "rsi" else content.places


def _line(values: Floats, decimals: int) -> dict[str, Any]:
    return {"decimals": decimals, "steps": deltas(values, decimals)}


def _weeks(weeks: Weeks, decimals: int) -> dict[str, list[int | None]]:
    return {"at": _steps(weeks.index), "average": deltas(weeks.average, decimals),
            "mansfield": deltas(weeks.mansfield, PERCENT_DECIMALS)}


def _other(other: Other) -> dict[str, Any]:
    decimals = decimals_of(other.close, other.instrument.decimals)
    return {"key": other.instrument.key, "symbol": other.instrument.symbol, "currency": other.instrument.currency,
            "decimals": decimals, "at": _steps(other.at), "close": deltas(other.close, decimals)}


def _steps(values: NDArray[np.integer[Any]]) -> list[int | None]:
    steps: list[int | None] = np.diff(values, prepend=0).tolist()
    return steps


def _counts(values: Floats) -> list[int | None]:
    return _whole(np.rint(values))


def _whole(values: Floats) -> list[int | None]:
    known = np.isfinite(values)
    if known.all():
        whole: list[int | None] = values.astype(np.int64).tolist()
        return whole
    return [None if isnan(value) else int(value) for value in values.tolist()]
