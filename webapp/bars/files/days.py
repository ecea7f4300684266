"""Days as files write them, each text read once; where they may mean others, the file is refused and not guessed at."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from zoneinfo import ZoneInfo

from webapp.analytics.series import to_number
from webapp.bars.files.cells import CellError
from webapp.bars.files.formats import FileRefused, shown

FIRST_DAY = dt.date(1792, 5, 17)  # New York's exchange is as old as that
# As many texts of days as are kept, and how long they may be: every day since 1792 would be 85,000.
MOST_KEPT, LONGEST_KEPT = 100_000, 40

CLOCK = (r"(?:[T ]+(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)"
         r"(?: ?(?P<offset>Z|UTC|[+-]\d{2}:?\d{2}))?)?")
YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})" + CLOCK, re.ASCII)
DIGITS = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + CLOCK, re.ASCII)
MONTH_FIRST = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d{2})" + CLOCK, re.ASCII)
IN_WORDS = re.compile(r"(?P<month>[A-Za-z]{3})[a-z]*\.? (?P<day>\d{1,2}), (?P<year>\d{4})", re.ASCII)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class DayFirstError(CellError):
    """A day is written with the day before the month."""


class Days(dict[str, int]):
    """Texts of days and their numbers, each read once: files repeat them for every stock.

    `zone` is that of the exchange, None where the stocks may be of several. Raise CellError for a text that is no day
    or one after `latest`, FileRefused where a day has several times, or stands before its month.
    """

    def __init__(self, latest: dt.date, zone: ZoneInfo | None = None) -> None:
        super().__init__()
        self.latest, self.zone = latest, zone
        self.clocks: dict[int, str] = {}
        self.either_way = _EitherWay()

    def __missing__(self, text: str) -> int:
        """Read a text that was not read before."""
        try:
            day, clock = read_day(text, self.latest, self.zone)
        except DayFirstError:
            raise FileRefused(f"It has the day before the month: {shown(text.strip(), 30)}. Write its days as "
                              "2020-11-25 first.") from None
        number = to_number(day)
        if clock and self.clocks.setdefault(number, clock) != clock:
            raise FileRefused(f"It has several times of {day}. Only bars of whole days are taken from files.")
        if "/" in text:
            self.either_way.note(text, day)
        if len(self) >= MOST_KEPT:
            self.clear()
        if len(text) <= LONGEST_KEPT:
            self[text] = number
        return number

    def settle(self) -> None:
        """Raise FileRefused where the days that were read are more likely others."""
        self.either_way.settle()


class _EitherWay:
    """Days with slashes, of which 03/02/2020 may be in March or in February, until one can be meant in one way only."""

    def __init__(self) -> None:
        self.certain = False
        self.text = ""
        self.read: list[dt.date] = []
        self.other: list[dt.date] = []

    def note(self, text: str, day: dt.date) -> None:
        """Take note of a text with slashes and the day that it was read as."""
        if self.certain or MONTH_FIRST.fullmatch(text.strip()) is None:
            return
        if day.day > 12:
            self.certain = True
            return
        self.text = self.text or text.strip()
        for span, each in ((self.read, day), (self.other, day.replace(month=day.day, day=day.month))):
            span[:] = [min([*span, each]), max([*span, each])]

    def settle(self) -> None:
        """Raise FileRefused where the days are nearer together if the first number is the day."""
        if not self.certain and self.text and self.other[1] - self.other[0] < self.read[1] - self.read[0]:
            raise FileRefused(f"Its days may be meant either way, as {shown(self.text, 30)}: with the day first they "
                              "are nearer together. Write them as 2020-11-25 first.")


def read_day(text: str, latest: dt.date, zone: ZoneInfo | None = None) -> tuple[dt.date, str]:
    """Return the day and its time of day ("" where there is none); raise CellError where it cannot be right.

    A day may be 2020-11-25, 20201125, 11/25/2020, 11/25/20 or Nov 25, 2020. Of two digits the newest year that is not
    to come is meant. A moment, which is a time that says of which zone it is, is of the day that it was in `zone`;
    midnight is no moment, but how programs write a day.
    """
    text = text.strip()
    if len(text) == 10 and text[4] == text[7] == "-":  # nearly every file; the patterns cost ten times as much
        with suppress(ValueError):
            return _possible(dt.date.fromisoformat(text), latest), ""
    forms = (form.fullmatch(text) for form in (YEAR_FIRST, MONTH_FIRST, DIGITS, IN_WORDS))
    found = next((match for match in forms if match), None)
    if found is None:
        raise CellError(f"“{shown(text, 30)}” is no day" if text else "the day is missing")
    day = _day_of(found, text, latest)
    parts = found.groupdict()
    clock, offset = parts.get("clock") or "", parts.get("offset") or ""
    if offset and _minutes(clock):
        day = _day_there(day, clock, offset, zone, text)
    return _possible(day, latest), clock


def _day_of(found: re.Match[str], text: str, latest: dt.date) -> dt.date:
    year, month, day = found["year"], found["month"].lower(), int(found["day"])
    number = MONTHS.index(month) + 1 if month in MONTHS else int(month) if month.isdigit() else 0
    with suppress(ValueError):
        return _dated(year, number, day, latest)
    try:
        _dated(year, day, number, latest)
    except ValueError:
        raise CellError(f"there is no day {shown(text, 30)}") from None
    if found.re is MONTH_FIRST:
        raise DayFirstError(f"there is no day {shown(text, 30)}; with slashes the month stands first")
    raise CellError(f"there is no day {shown(text, 30)}")


def _day_there(day: dt.date, clock: str, offset: str, zone: ZoneInfo | None, text: str) -> dt.date:
    """Return the date that a moment had at the exchange."""
    if zone is None:
        raise CellError(f"{shown(text, 40)} is a moment: name the exchange, which says of what day")
    try:
        ahead = dt.datetime.strptime("+0000" if offset in {"Z", "UTC"} else offset, "%z").tzinfo
        moment = dt.datetime.combine(day, dt.time(), ahead) + dt.timedelta(minutes=_minutes(clock))
        return moment.astimezone(zone).date()
    except (ValueError, OverflowError):
        raise CellError(f"“{shown(text, 40)}” is no moment") from None


def _minutes(clock: str) -> int:
    """Return how many minutes after midnight a time is: 16:00, 16:00:59.5, 4:00 PM."""
    hours, minutes = int(clock.partition(":")[0]), int(clock.partition(":")[2][:2])
    half = clock[-2:].lower()
    if half in {"am", "pm"}:
        hours = hours % 12 + 12 * (half == "pm")
    return 60 * hours + minutes


def _possible(day: dt.date, latest: dt.date) -> dt.date:
    if day > latest:
        raise CellError(f"{day} is in the future")
    if day < FIRST_DAY:
        raise CellError(f"{day} is before any stock exchange")
    return day


def _dated(year: str, month: int, day: int, latest: dt.date) -> dt.date:
    if len(year) == 4:
        return dt.date(int(year), month, day)
    recent = dt.date(2000 + int(year), month, day)
    return recent if recent <= latest else dt.date(1900 + int(year), month, day)
