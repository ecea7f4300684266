"""A chart of minutes: one trading day or five, in the exchange's own time, with the hours before and after marked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Series, to_day
from webapp.charts.choices import MINUTE_RANGES, Choices
from webapp.charts.content import Base, Content, Other, runs
from webapp.markets import SessionBook, zone_of
from webapp.records import Adjustment, Instrument, Session

HOUR, DAY = 60, 1440
REGULAR, BEFORE, AFTER = 0, 1, 2
PARTS = {str(BEFORE): Session.PRE.value, str(AFTER): Session.POST.value}


@dataclass(frozen=True, slots=True, eq=False)
class LocalMinutes:
    """Bars of minutes of the last trading days, at minutes of the exchange's own time, with what was added to UTC."""

    series: Series
    shift: Days


def shifts(at: Days, zone: dt.tzinfo) -> Days:
    """Return by how many minutes the zone's time is ahead of UTC at each minute."""
    hours, places = np.unique(at // HOUR, return_inverse=True)
    ahead = [dt.datetime.fromtimestamp(hour * 3600, zone).utcoffset() or dt.timedelta() for hour in hours.tolist()]
    return np.array([offset // dt.timedelta(minutes=1) for offset in ahead], np.int32)[places]


def last_days(series: Series, mic: str, count: int) -> LocalMinutes:
    """Return the bars of the last `count` days in which there are any, in the exchange's time."""
    ahead = shifts(series.at, zone_of(mic))
    at = (series.at + ahead).astype(np.int32)
    days = np.unique(at // DAY)
    first = int(np.searchsorted(at, days[-count:][0] * DAY)) if len(days) else 0
    return LocalMinutes(replace(series, at=at).part(first), ahead[first:])


def draw_minutes(instrument: Instrument, minutes: LocalMinutes, choices: Choices, book: SessionBook,
                 sources: tuple[str, ...], *, base: Base | None = None,
                 others: Sequence[tuple[Instrument, Series]] = ()) -> Content:
    """Return the chart of the minutes of one or more days; the others come in UTC."""
    series = minutes.series
    parts = _parts(minutes, instrument.mic, book)
    bands = tuple(replace(band, name=PARTS[band.name]) for band in runs(parts))
    return Content(
        instrument, choices, series, Adjustment.SPLITS, sources, np.zeros(len(series), np.int8), bands, {},
        others=tuple(_other(each, its_series, minutes) for each, its_series in others), base=base,
        shift=int(minutes.shift[-1]) if len(series) else 0, utc=series.at - minutes.shift)


def days_wanted(choices: Choices, last: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first and the last day to read: wide enough for holidays."""
    return last - dt.timedelta(days=2 * MINUTE_RANGES[choices.range] + 4), last


def _parts(minutes: LocalMinutes, mic: str, book: SessionBook) -> NDArray[np.int8]:
    """Say of each bar whether it is before, in or after its day's regular hours; where these are not known, in."""
    local, utc = minutes.series.at, minutes.series.at - minutes.shift
    found = np.zeros(len(local), np.int8)
    for number in np.unique(local // DAY).tolist():
        session = book.session_on(mic, to_day(number))
        if session is not None:
            here = local // DAY == number
            found[here & (utc < _minute(session.opens_at))] = BEFORE
            found[here & (utc >= _minute(session.closes_at))] = AFTER
    return found


def _other(instrument: Instrument, series: Series, minutes: LocalMinutes) -> Other:
    """Return another stock's minutes within the chart's, shifted as those are: one time for all."""
    utc = minutes.series.at - minutes.shift
    if not len(utc) or not len(series):
        return Other(instrument, series.at[:0], series.close[:0])
    inside = (series.at >= utc[0]) & (series.at <= utc[-1])
    at = series.at[inside]
    place = np.minimum(np.searchsorted(utc, at), len(utc) - 1)
    return Other(instrument, (at + minutes.shift[place]).astype(np.int32), series.close[inside])


def _minute(moment: dt.datetime) -> int:
    return int(moment.timestamp()) // 60
