"""When an exchange trades, as charting front ends want it told: 0930-1600:23456, in the exchange's time."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from webapp.analytics.series import to_day
from webapp.bars.calendar import load_years
from webapp.markets import SessionBook, SessionTimes, exchange_day, zone_of
from webapp.trading_days import load_book

# From Monday to Friday, all day: what is told of an exchange whose hours nobody knows.
NOT_KNOWN = "0000-0000:23456"


@dataclass(frozen=True, slots=True)
class Hours:
    """The usual week, the days on which the exchange is closed, and those on which it has other hours."""

    session: str = NOT_KNOWN
    holidays: str = ""
    corrections: str = ""


def load_hours(mic: str, now: dt.datetime) -> Hours:
    """Return when an exchange trades, found from the sessions of the weeks about `now`."""
    days = list(_sessions(load_book(now, {mic}), mic))
    if not days:
        return Hours()
    usual = _usual(days)
    others: dict[str, list[str]] = defaultdict(list)
    for each in days:
        if usual.get(each.day.weekday()) != _hours(each):
            others[_hours(each)].append(f"{each.day:%Y%m%d}")
    by_hours: dict[str, str] = defaultdict(str)
    for weekday, hours in sorted(usual.items(), key=lambda item: _number(item[0])):
        by_hours[hours] += _number(weekday)
    return Hours("|".join(f"{hours}:{numbers}" for hours, numbers in by_hours.items()),
                 ",".join(f"{day:%Y%m%d}" for day in _holidays(days, set(usual), now)),
                 ";".join(f"{hours}:{','.join(dates)}" for hours, dates in others.items()))


def _sessions(book: SessionBook, mic: str) -> Iterator[SessionTimes]:
    session = book.next_after(mic, dt.date.min)
    while session is not None:
        yield session
        session = book.next_after(mic, session.day)


def _usual(days: list[SessionTimes]) -> dict[int, str]:
    """Return the usual hours of each weekday that has sessions as a rule; one that had a single one has none."""
    hours = Counter(_hours(each) for each in days).most_common(1)[0][0]
    by_weekday: dict[int, Counter[str]] = defaultdict(Counter)
    for each in days:
        by_weekday[each.day.weekday()][_hours(each)] += 1
    most = max(found.total() for found in by_weekday.values())
    return {weekday: hours if hours in found else found.most_common(1)[0][0]
            for weekday, found in by_weekday.items() if 2 * found.total() >= most}


def _holidays(days: list[SessionTimes], weekdays: set[int], now: dt.datetime) -> list[dt.date]:
    """Return the days on which an exchange is closed: of these weeks, of last year, this and the next where known."""
    mic, year = days[0].mic, exchange_day(days[0].mic, now).year
    closed = _without(days[0].day, days[-1].day, {each.day for each in days}, weekdays)
    for known, numbers in load_years([mic], year - 1, year + 1).get(mic, {}).items():
        opened = {to_day(number) for number in numbers.tolist()}
        closed |= _without(dt.date(known, 1, 1), dt.date(known, 12, 31), opened, weekdays)
    return sorted(closed)


def _without(first: dt.date, last: dt.date, opened: set[dt.date], weekdays: set[int]) -> set[dt.date]:
    """Return the days on these weekdays, from the first to the last, that are not among those."""
    days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return {day for day in days if day.weekday() in weekdays and day not in opened}


def _hours(session: SessionTimes) -> str:
    """Write a day's hours, in the exchange's time: 0930-1600, or 0900-1130,1230-1530 with a midday break."""
    ends = [session.opens_at, session.closes_at]
    if session.break_starts_at is not None and session.break_ends_at is not None:
        ends[1:1] = [session.break_starts_at, session.break_ends_at]
    texts = [f"{each.astimezone(zone_of(session.mic)):%H%M}" for each in ends]
    return ",".join("-".join(texts[place:place + 2]) for place in range(0, len(texts), 2))


def _number(weekday: int) -> str:
    """Return the number of a weekday: Sunday is 1, Monday 2."""
    return str((weekday + 1) % 7 + 1)
