"""Past prices as programs ask for them: of any length, from when to when, a page at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from webapp import clock
from webapp.analytics.series import EMPTY, Days, Series, to_number
from webapp.api import answers
from webapp.api.ranges import FIRST, LAST, RangeQuery
from webapp.bars import lengths
from webapp.bars.completed import last_week_over
from webapp.bars.lengths import MONTH, NOT_KNOWN, MinuteBars
from webapp.bars.reading import load_past
from webapp.bars.sources import any_made_up
from webapp.charts.choices import ADJUSTMENTS
from webapp.markets import exchange_day
from webapp.records import Adjustment, Instrument
from webapp.trading_days import load_book

Adjusted = Literal["splits", "dividends", "none"]
WORDS = {kind: word for word, kind in ADJUSTMENTS.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Bars that were asked for, oldest first, `series.at` holding their names (see webapp.bars.lengths).

    `adjusted` is what they are adjusted for indeed, `day` and `part` are each bar's as in MinuteBars; of days, weeks
    and months `day` is the name itself. `newest` is the last day that is known of the stock, 0 without any.
    """

    series: Series
    adjusted: Adjustment
    sources: tuple[str, ...]
    day: Days
    part: NDArray[np.int8]
    newest: int = 0

    @property
    def simulated(self) -> bool:
        """Tell whether they are made up."""
        return any_made_up(self.sources)


def load_days(stock: Instrument, length: str, adjusted: Adjustment, first: dt.date = FIRST,
              last: dt.date = LAST) -> Loaded:
    """Return days, weeks or months, each with all its days, from the one that the first day belongs to on."""
    since = lengths.begin_of(first, length) if first > FIRST else None
    past = load_past([stock.id], adjusted=adjusted, since=since).get(stock.id)
    if past is None:
        return Loaded(EMPTY, adjusted, (), EMPTY.at, np.empty(0, np.int8))
    series, newest = lengths.of_days(past.series, length), int(past.series.at[-1])
    series = series.part(0, int(np.searchsorted(series.at, lengths.name_of(last, length), "right")))
    return Loaded(series, past.adjusted, past.sources, series.at, np.full(len(series), NOT_KNOWN, np.int8), newest)


def load_minutes(stock: Instrument, length: str, asked: RangeQuery) -> Loaded:
    """Return the bars of minutes that begin within what is asked for; they are split-adjusted whatever is wanted."""
    kept = lengths.kept_minutes(stock.id)
    first, last = asked.days(stock.mic)
    if kept is None or first > kept.last or last < kept.first:
        empty = MinuteBars(EMPTY, EMPTY.at, np.empty(0, np.int8))
        return Loaded(empty.series, Adjustment.SPLITS, (), empty.day, empty.part)
    bars = lengths.load_minute_bars(stock, max(first, kept.first), min(last, kept.last), lengths.MINUTES[length])
    begin, end = asked.minutes(stock.mic)
    bars = bars.where(slice(int(np.searchsorted(bars.series.at, begin)),
                            int(np.searchsorted(bars.series.at, end, "right"))))
    return Loaded(bars.series, Adjustment.SPLITS, kept.sources, bars.day, bars.part)


def page_of(at: Days, asked: RangeQuery) -> tuple[NDArray[np.intp], str | None]:
    """Return the indexes of the bars of one page, in their order, and the place of the next page."""
    after = answers.read_number(asked.after)
    count = len(at)
    if asked.order == "asc":
        start = 0 if after is None else int(np.searchsorted(at, after, "right"))
        stop = min(start + asked.limit, count)
        index, more = np.arange(start, stop), stop < count
    else:
        stop = count if after is None else int(np.searchsorted(at, after))
        start = max(stop - asked.limit, 0)
        index, more = np.arange(start, stop)[::-1], start > 0
    return index, answers.cursor(int(at[index[-1]])) if more and len(index) else None


def unfinished(stock: Instrument, length: str, loaded: Loaded) -> int | None:
    """Return the name of the last bar where it is not over yet: of the running week or month, or of minutes."""
    at, now = loaded.series.at, clock.now()
    if not len(at) or length == lengths.DAY:
        return None
    last = int(at[-1])
    if length in lengths.MINUTES:
        return last if (last + lengths.MINUTES[length]) * 60 > now.timestamp() else None
    if length == MONTH:
        return last if last >= to_number(exchange_day(stock.mic, now)) else None
    return last if last > last_friday(stock, loaded) else None


def last_friday(stock: Instrument, loaded: Loaded) -> int:
    """Return the last Friday whose week is over and whose last session is known of this stock."""
    now = clock.now()
    return last_week_over(load_book(now, {stock.mic}), stock.mic, now).through(loaded.newest)
