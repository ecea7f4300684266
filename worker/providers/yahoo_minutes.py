"""Minutes in the form of Yahoo's chart: columns of figures beside a column of times, some of it null."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webapp.records import Instrument, MinuteBar
from worker.providers.figures import FigureError, parse_decimal, parse_epoch
from worker.providers.minutes import make_minute
from worker.providers.yahoo_charts import COLUMNS, columns_of, find_entry, is_nothing, raw, read_unit

INTERVAL = "1m"


@dataclass(frozen=True, slots=True)
class MinuteChart:
    """One answer: its minutes in the order they came, and what the figures are in, "" where it is not said."""

    bars: tuple[MinuteBar, ...] = ()
    unit: str = ""


def read_minutes(body: Any, symbol: str, instrument: Instrument) -> MinuteChart:
    """Return what the answer holds; raise FigureError where it is for another stock, unit or interval, or unsound."""
    entry, meta = find_entry(body, symbol, INTERVAL)
    bars = list(_bars(entry))
    if len(bars) > 1 and bars[-1].at == bars[-2].at:  # the newest price, which comes as a row of its own
        bars.pop()
    return MinuteChart(tuple(bars), read_unit(meta, instrument))


def _bars(entry: dict[str, Any]) -> Iterator[MinuteBar]:
    """Read the rows. One that is all null was not traded; one within a minute is the newest price, no minute."""
    stamps, figures = columns_of(entry, COLUMNS)
    for stamp, first, high, low, close, volume in zip(stamps, *figures, strict=True):
        if all(is_nothing(price) for price in (first, high, low, close)):
            continue
        at = _time_of(stamp)
        if at.second or at.microsecond:
            continue
        # Before and after hours, and of a minute that is not counted yet, it writes 0.
        bar = make_minute(at, first, high, low, close, volume if parse_decimal(volume, "the volume") else None)
        if bar is not None:
            yield bar


def _time_of(stamp: Any) -> dt.datetime:
    at = parse_epoch(raw(stamp), "a minute")
    if at is None:
        raise FigureError("a time is missing")
    return at
