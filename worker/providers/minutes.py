"""Minutes as every vendor's module reads them: bars that can be right, of the last five sessions, each one over."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from webapp.records import MinuteBar
from worker.providers.figures import FigureError
from worker.providers.freshness import SKEW
from worker.providers.histories import day_at, make_bar

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from webapp.markets import SessionBook, SessionTimes

A_MINUTE = dt.timedelta(minutes=1)
SESSIONS = 5
# Five sessions lie within these days, but for long holidays; only where the book does not have five.
WITHOUT_BOOK = dt.timedelta(days=7)
# Where an exchange has no hours after its close, the closing auction ends a few minutes after it.
AUCTION = dt.timedelta(minutes=10)
# Within one minute no price is three times the last one, or a third of it.
MOST_RANGE = 3
LOCAL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}):00")


def make_minute(at: dt.datetime, first: object, high: object, low: object, close: object,
                volume: object) -> MinuteBar | None:
    """Return the bar that these texts make; None where there is no close. Raise FigureError as make_bar() does.

    It is raised, too, where `at` is within a minute, and where the range is beyond any.
    """
    if at.second or at.microsecond:
        raise FigureError("a minute is not a whole one")
    bar = make_bar(at.date(), first, high, low, close, volume)
    if bar is None:
        return None
    if (bar.high is not None and bar.high > bar.close * MOST_RANGE) or (
            bar.low is not None and bar.low * MOST_RANGE < bar.close):
        raise FigureError("a minute's range is beyond any")
    return MinuteBar(at, bar.close, bar.open, bar.high, bar.low, bar.volume)


def begin_of(mic: str, now: dt.datetime, sessions: SessionBook) -> dt.datetime:
    """Return when the fifth last session began, the running one counted; a week ago where the book has not so many."""
    session = newest_begun(mic, now, sessions)
    for _ in range(SESSIONS - 1):
        session = sessions.previous_before(mic, session.day) if session else None
    return session.starts_at if session else now - WITHOUT_BOOK


def newest_begun(mic: str, now: dt.datetime, sessions: SessionBook) -> SessionTimes | None:
    """Return the newest session whose first moment, extended hours included, is past."""
    session = sessions.previous_before(mic, day_at(mic, now) + dt.timedelta(days=3))
    while session and session.starts_at > now:
        session = sessions.previous_before(mic, session.day)
    return session


def finished_minutes(bars: Iterable[MinuteBar | None], mic: str, now: dt.datetime,
                     sessions: SessionBook) -> tuple[MinuteBar, ...]:
    """Return the minutes of the last five sessions that are over at `now`, oldest first.

    What lies outside the hours of its day is left out. Raise FigureError where a minute stands twice or has not come
    yet, or where none of those that came is within hours: then their times are not what they are taken for.
    """
    found = sorted((bar for bar in bars if bar is not None), key=lambda bar: bar.at)
    if len({bar.at for bar in found}) != len(found):
        raise FigureError("a minute stands twice")
    if found and found[-1].at > now + SKEW:
        raise FigureError("a minute has not come yet")
    inside = [bar for bar in found if _within_hours(bar.at, mic, sessions)]
    if found and not inside:
        raise FigureError("none of its minutes is one of trading")
    begin = begin_of(mic, now, sessions)
    return tuple(bar for bar in inside if begin <= bar.at <= now - A_MINUTE)


def _within_hours(at: dt.datetime, mic: str, sessions: SessionBook) -> bool:
    """Tell whether there is trading at a moment; on a day of which the book says nothing it may be."""
    day = day_at(mic, at)
    session = sessions.session_on(mic, day)
    if session is None:
        return sessions.previous_before(mic, day) is None or sessions.next_after(mic, day) is None
    ends_at = session.ends_at if session.post_closes_at else session.ends_at + AUCTION
    return session.starts_at <= at < ends_at


def parse_local(text: object) -> dt.datetime:
    """Return a whole minute written as 2026-05-15 15:59:00, in the time of the place that it is of."""
    found = LOCAL.fullmatch(text) if isinstance(text, str) else None
    try:
        return dt.datetime.fromisoformat(f"{found[1]}T{found[2]}" if found else "")
    except ValueError:
        raise FigureError("a row is not of a minute") from None


def in_utc(local: Sequence[dt.datetime], zone: ZoneInfo) -> list[dt.datetime]:
    """Return times of a place, oldest first, in UTC; raise FigureError for one that its clocks left out.

    In the hour that comes twice in autumn, the times are those of the second one from where they go back.
    """
    found: list[dt.datetime] = []
    fold = 0
    for place, stamp in enumerate(local):
        if place and stamp < local[place - 1]:
            fold = 1
        try:
            moment = stamp.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC)
            there = moment.astimezone(zone)
        except OverflowError:
            raise FigureError("a row is not of a minute") from None
        if there.replace(tzinfo=None, fold=0) != stamp:
            raise FigureError("a time is left out by the clocks of the place")
        found.append(moment)
    return found
