"""Days on which an exchange is closed, or has other hours, that no calendar knows: a file that a person keeps."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES, Exchange, SessionTimes

COLUMNS = ("mic", "day", "opens", "closes")
# What stands for all exchanges of the United States.
UNITED_STATES = "US"
# The United States trade from 4 in the morning until four hours after the regular close, on short days too.
PRE_OPENS = dt.time(4)
POST_LASTS = dt.timedelta(hours=4)
MOST_BYTES = 1024 * 1024


class UnreadableError(Exception):
    """The file is there, but nothing in it can be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What a person says of one day of one exchange, in its local time: without `closes` it is closed all day.

    Without `opens` it opens as usual.
    """

    opens: dt.time | None
    closes: dt.time | None


@dataclass(frozen=True, slots=True)
class Closures:
    """What the file says of which exchange's day; `digest` changes with it, `problems` names the lines left out."""

    days: Mapping[tuple[str, dt.date], Closure]
    digest: str
    problems: Sequence[str] = ()


NONE = Closures({}, "")


def read_closures(path: Path) -> Closures:
    """Read the file; one that is absent or empty says nothing. Raise UnreadableError where it is not one at all."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return NONE
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"{path.name} is too large for a list of days")
    text = content.decode("utf-8-sig", errors="replace")  # a reason may be in another encoding; nobody reads it
    if not text.strip():
        return NONE
    days: dict[tuple[str, dt.date], Closure] = {}
    problems = []
    for number, row in _rows(path.name, text):
        try:
            mics, day, closure = _parse(row)
        except ValueError as error:
            problems.append(f"{path.name}, line {number}: {error}")
            continue
        days |= {(mic, day): closure for mic in mics}
    return Closures(days, hashlib.sha256(content).hexdigest()[:16], problems)


def apply_closures(exchange: Exchange, days: Sequence[SessionTimes], closures: Closures) -> list[SessionTimes]:
    """Return an exchange's days, in order, as the file has them.

    A day that the calendar does not have becomes one where the file has both its times, and it lies between the others.
    """
    sessions = {session.day: session for session in days}
    for (mic, day), closure in closures.days.items():
        if mic != exchange.mic or not days or not days[0].day <= day <= days[-1].day:
            continue
        session = _session(exchange, day, closure, sessions.pop(day, None))
        if session is not None:
            sessions[day] = session
    return [sessions[day] for day in sorted(sessions)]


def extended(exchange: Exchange, day: dt.date, opens_at: dt.datetime, closes_at: dt.datetime,
             rest: tuple[dt.datetime | None, dt.datetime | None] = (None, None)) -> SessionTimes:
    """Return a regular session with the hours before and after it, where the exchange has such.

    `rest` is its midday break, which is left out where there is no trading before it or after it.
    """
    opens_at, closes_at = opens_at.astimezone(dt.UTC), closes_at.astimezone(dt.UTC)
    rests_at, resumes_at = (moment and moment.astimezone(dt.UTC) for moment in rest)
    if rests_at is None or resumes_at is None or not opens_at < rests_at < resumes_at < closes_at:
        rests_at = resumes_at = None
    if not exchange.extended:
        return SessionTimes(exchange.mic, day, opens_at, closes_at, None, None, rests_at, resumes_at)
    pre_opens_at = min(_moment(exchange, day, PRE_OPENS), opens_at)
    return SessionTimes(exchange.mic, day, opens_at, closes_at, pre_opens_at, closes_at + POST_LASTS,
                        rests_at, resumes_at)


def _session(exchange: Exchange, day: dt.date, closure: Closure, usual: SessionTimes | None) -> SessionTimes | None:
    """Return the day as the file has it; None where it is closed, also because it would close before it opens."""
    if closure.closes is None:
        return None
    closes_at = _moment(exchange, day, closure.closes)
    rest = (usual.break_starts_at, usual.break_ends_at) if usual else (None, None)
    if closure.opens is not None:
        return extended(exchange, day, _moment(exchange, day, closure.opens), closes_at, rest)
    if usual is None or closes_at <= usual.opens_at:
        return None
    return extended(exchange, day, usual.opens_at, closes_at, rest)


def _moment(exchange: Exchange, day: dt.date, time: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, time, ZoneInfo(exchange.zone)).astimezone(dt.UTC)


def _rows(name: str, text: str) -> Iterable[tuple[int, dict[str, str]]]:
    """Return each row by its column's names, with the number of its line; empty lines and notes (#) are none."""
    # Spreadsheets of some countries part the cells with semicolons.
    reader = csv.reader(text.splitlines(), delimiter=";" if text.count(";") > text.count(",") else ",")
    header: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if header is None:
                header = [cell.lower() for cell in cells]
                if missing := [column for column in COLUMNS if column not in header]:
                    raise UnreadableError(f"{name} has no column {missing[0]!r}: its first line must be "
                                          f"{','.join(COLUMNS)},reason")
                continue
            yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise UnreadableError(f"{name}, line {reader.line_num}: {error}") from error


def _parse(row: Mapping[str, str]) -> tuple[list[str], dt.date, Closure]:
    """Return the exchanges and the day of a row, and what it says; raise ValueError with what is wrong with it."""
    mic = row.get("mic", "").upper()
    mics = [exchange.mic for exchange in EXCHANGES.values() if mic in {exchange.mic, _group(exchange)}]
    if not mics:
        raise ValueError(f"{mic or 'nothing'!r} is no exchange that is known here")
    try:
        day = dt.date.fromisoformat(row.get("day", ""))
    except ValueError:
        raise ValueError(f"{row.get('day', '')!r} is no day: write 2026-11-27") from None
    opens, closes = _time(row.get("opens", "")), _time(row.get("closes", ""))
    if opens is not None and closes is None:
        raise ValueError("it opens but does not close: write both times, or none for a day without trading")
    if opens is not None and closes is not None and opens >= closes:
        raise ValueError("it closes before it opens")
    return mics, day, Closure(opens, closes)


def _group(exchange: Exchange) -> str:
    return UNITED_STATES if exchange.country == UNITED_STATES else exchange.mic


def _time(text: str) -> dt.time | None:
    """Return a time of the day as a clock on the wall shows it, None where there is none."""
    if not text:
        return None
    try:
        return dt.datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - it is the exchange's own
    except ValueError:
        raise ValueError(f"{text!r} is no time: write 13:00") from None
