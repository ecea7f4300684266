"""Bars as charting front ends ask for them: so many before a moment, or all from one moment to another."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import EMPTY, Floats, Series
from webapp.api.figures import counts, decimals_in
from webapp.bars import lengths
from webapp.bars.lengths import NOT_KNOWN, REGULAR, Kept
from webapp.bars.reading import load_past
from webapp.charts.days import with_quote
from webapp.records import Instrument, LiveQuote

Seconds = NDArray[np.int64]

# More at a time make an answer of a megabyte; the newest are sent, and the older ones are asked for next.
MOST_BARS = 10_000
A_DAY = 86_400
# A regular session has at least so many minutes: a page of them is looked for in so few days.
LEAST_MINUTES = 200
HOLIDAYS = 10


@dataclass(frozen=True, slots=True)
class Window:
    """From which second to which, the last one not included; `count` goes before `begin`, 0 says nothing."""

    begin: int
    end: int
    count: int = 0


def history(live: LiveQuote, length: str, window: Window) -> dict[str, object]:
    """Return the bars, or that there are none and when the next older one began.

    Days, weeks and months bear the midnight (of UTC) of their first session; today's is made of the quote. Minutes are
    those of the regular session, as its hours are told with the symbol.
    """
    stock = live.instrument
    if length in lengths.MINUTES:
        at, series = _minutes(stock, length, window)
    else:
        at, series = _days(live, length)
    stop = int(np.searchsorted(at, window.end))
    start = int(np.searchsorted(at, window.begin)) if window.count <= 0 else stop - window.count
    start = max(start, stop - MOST_BARS, 0)
    if start >= stop:
        return {"s": "no_data", "nextTime": int(at[stop - 1])} if stop else {"s": "no_data"}
    return _told(at[start:stop], series.part(start, stop), decimals_in(series, stock.decimals))


def _told(at: Seconds, series: Series, decimals: int) -> dict[str, object]:
    """Return bars as columns. An unknown open counts as the close; where no volume is known there is none."""
    opened = np.where(np.isfinite(series.open), series.open, series.close)
    high = np.fmax(series.high, np.maximum(opened, series.close))
    low = np.fmin(series.low, np.minimum(opened, series.close))

    def rounded(values: Floats) -> list[float]:
        found: list[float] = np.round(values, decimals).tolist()
        return found

    columns: dict[str, object] = {"s": "ok", "t": at.tolist(), "o": rounded(opened), "h": rounded(high),
                                  "l": rounded(low), "c": rounded(series.close)}
    if np.isfinite(series.volume).any():
        columns["v"] = counts(series.volume)
    return columns


def _days(live: LiveQuote, length: str) -> tuple[Seconds, Series]:
    past = load_past([live.instrument.id]).get(live.instrument.id)
    if past is None:
        return np.empty(0, np.int64), EMPTY
    daily = (with_quote(past, live.quote) or past).series
    first = lengths.firsts(lengths.names_of(daily.at, length))
    return daily.at[first].astype(np.int64) * A_DAY, lengths.of_days(daily, length)


def _minutes(stock: Instrument, length: str, window: Window) -> tuple[Seconds, Series]:
    kept, count = lengths.kept_minutes(stock.id), lengths.MINUTES[length]
    if kept is None:
        return np.empty(0, np.int64), EMPTY
    first, last = _days_about(kept, window, count)
    at, series = _regular(stock, first, last, count)
    enough = window.count if window.count > 0 else 1
    if first > kept.first and np.searchsorted(at, window.end) < enough:
        at, series = _regular(stock, kept.first, last, count)
    return at, series


def _regular(stock: Instrument, first: dt.date, last: dt.date, count: int) -> tuple[Seconds, Series]:
    bars = lengths.load_minute_bars(stock, first, last, count)
    bars = bars.where(np.isin(bars.part, (REGULAR, NOT_KNOWN)))
    return bars.series.at.astype(np.int64) * 60, bars.series


def _days_about(kept: Kept, window: Window, count: int) -> tuple[dt.date, dt.date]:
    """Return days that are likely to have what is asked for, a day more at either end for the exchange's zone."""
    day = dt.timedelta(days=1)
    last = max(min(_day(window.end) + day, kept.last), kept.first)
    wanted = last - (window.count * count // LEAST_MINUTES * 2 + HOLIDAYS) * day if window.count > 0 else (
        _day(window.begin) - day)
    return min(max(wanted, kept.first), last), last


def _day(second: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(seconds=second)
