"""Bars of other lengths than they are stored in: days made to weeks and months, minutes to more minutes.

A day bears itself, a week its Friday, a month its last day, whether there was a session or not. Minutes are counted
from the opening of the regular session, so that no bar is of two parts of a day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from webapp.analytics.series import Days, Series, to_day, to_number
from webapp.analytics.weeks import friday_of, merged
from webapp.bars.merging import MINUTES as MINUTES_A_DAY
from webapp.bars.reading import load_minutes
from webapp.bars.sources import is_made_up
from webapp.extensions import db
from webapp.markets import SessionTimes, zone_of
from webapp.models import BarSeries, MarketSession
from webapp.models.bars import MINUTE
from webapp.records import Instrument, Session

DAY, WEEK, MONTH = "1d", "1w", "1M"
# Minutes of each bar, by the word for its length.
MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60}
PARTS = (Session.REGULAR.value, Session.PRE.value, Session.POST.value, None)
REGULAR, BEFORE, AFTER, NOT_KNOWN = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Which minutes there are of a stock: whose, and from which to which day of the exchange."""

    sources: tuple[str, ...]
    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True, eq=False)
class MinuteBars:
    """Bars of minutes, `series.at` being when each began (in minutes of UTC), all columns of shape (n,).

    `day` is the exchange's day of each, `part` a place in PARTS.
    """

    series: Series
    day: Days
    part: NDArray[np.int8]

    def where(self, chosen: NDArray[np.bool_] | slice) -> MinuteBars:
        """Return some of the bars."""
        series = self.series
        columns = (getattr(series, name)[chosen] for name in ("at", "open", "high", "low", "close", "volume"))
        return MinuteBars(Series(*columns), self.day[chosen], self.part[chosen])


def names_of(days: Days, length: str) -> Days:
    """Return what the bars of this length are called that days belong to, same shape and unit."""
    if length == WEEK:
        return friday_of(days)
    if length == MONTH:
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        return ((months + 1).astype("datetime64[D]").astype(np.int64) - 1).astype(np.int32)
    return days


def name_of(day: dt.date, length: str) -> int:
    """Return what the bar of this length is called that a day belongs to."""
    return int(names_of(np.array([to_number(day)], np.int32), length)[0])


def begin_of(day: dt.date, length: str) -> dt.date:
    """Return the first day that belongs to the bar of a day."""
    if length == MONTH:
        return day.replace(day=1)
    return to_day(name_of(day, length) - 6) if length == WEEK else day


def of_days(daily: Series, length: str) -> Series:
    """Return days, oldest first, as bars of this length under their names; the last one may not be over."""
    return daily if length == DAY else merged(daily, names_of(daily.at, length))


def firsts(names: Days) -> NDArray[np.intp]:
    """Return the index of the first of each stretch of equal names."""
    return np.flatnonzero(np.diff(names, prepend=names[:1] - 1))


def kept_minutes(instrument_id: int) -> Kept | None:
    """Return which minutes there are; where any are real, those that are made up do not count. None without any."""
    query = select(BarSeries.source, BarSeries.first_day, BarSeries.last_day).where(
        BarSeries.instrument_id == instrument_id, BarSeries.interval == MINUTE, BarSeries.bars > 0)
    rows = [row for row in db.session.execute(query) if row.first_day and row.last_day]
    rows = [row for row in rows if not is_made_up(row.source)] or rows
    if not rows:
        return None
    return Kept(tuple(sorted(row.source for row in rows)), min(row.first_day for row in rows),
                max(row.last_day for row in rows))


def load_minute_bars(stock: Instrument, first: dt.date, last: dt.date, count: int) -> MinuteBars:
    """Return the bars of `count` minutes of these days of the exchange, split-adjusted, oldest first."""
    series = load_minutes(stock.id, first, last)
    day = _local_days(series.at, zone_of(stock.mic))
    part, names = _counted_from_the_opening(series.at, day, stock.mic, count)
    if count == 1 or not len(series):
        return MinuteBars(series, day, part)
    start = firsts(names)
    return MinuteBars(merged(series, names), day[start], part[start])


def _local_days(at: Days, zone: dt.tzinfo) -> Days:
    """Return the exchange's day of each minute of UTC; clocks are changed on the hour."""
    hours, places = np.unique(at // 60, return_inverse=True)
    ahead = [dt.datetime.fromtimestamp(hour * 3600, zone).utcoffset() or dt.timedelta() for hour in hours.tolist()]
    shifts = np.array([offset // dt.timedelta(minutes=1) for offset in ahead], np.int32)
    days: Days = ((at + shifts[places]) // MINUTES_A_DAY).astype(np.int32)
    return days


def _counted_from_the_opening(at: Days, day: Days, mic: str, count: int) -> tuple[NDArray[np.int8], Days]:
    """Return each minute's part of its day, and the minute at which its bar of `count` began.

    Before and in the session minutes are counted from the opening, after a midday break from its end, after the session
    from the close; on a day whose session is not known from midnight.
    """
    part, names = np.full(len(at), NOT_KNOWN, np.int8), np.empty(len(at), np.int32)
    days = np.unique(day).tolist()
    sessions = _sessions(mic, days)
    for number in days:
        here = slice(int(np.searchsorted(day, number)), int(np.searchsorted(day, number, "right")))
        session = sessions.get(number)
        if session is None:
            anchors = [int(dt.datetime.combine(to_day(number), dt.time(), zone_of(mic)).timestamp()) // 60]
        else:
            opens, closes = _minute(session.opens_at), _minute(session.closes_at)
            anchors = sorted({opens, closes} | ({_minute(session.break_ends_at)} if session.break_ends_at else set()))
            part[here] = np.where(at[here] < opens, BEFORE, np.where(at[here] >= closes, AFTER, REGULAR))
        place = np.maximum(np.searchsorted(anchors, at[here], "right") - 1, 0)
        anchor = np.array(anchors, np.int32)[place]
        names[here] = anchor + (at[here] - anchor) // count * count
    return part, names


def _sessions(mic: str, days: list[int]) -> dict[int, SessionTimes]:
    """Return the exchange's sessions between the first and the last of some days, by day."""
    if not days:
        return {}
    row = MarketSession
    query = select(row.mic, row.day, row.opens_at, row.closes_at, row.pre_opens_at, row.post_closes_at,
                   row.break_starts_at, row.break_ends_at).where(
        row.mic == mic, row.day >= to_day(days[0]), row.day <= to_day(days[-1]))
    return {to_number(found.day): SessionTimes(*found) for found in db.session.execute(query)}


def _minute(moment: dt.datetime) -> int:
    return int(moment.timestamp()) // 60
