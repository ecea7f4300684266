"""Keeps the table of trading days: what exchange_calendars knows, our own hours before and after, a person's list."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection
from pathlib import Path

from flask import current_app
from sqlalchemy import delete, func, insert, select

from config import Config
from webapp import clock
from webapp.bars.calendar import day_numbers
from webapp.extensions import db
from webapp.markets import EXCHANGES, Exchange, SessionTimes
from webapp.models import InstrumentRow, JobRun, MarketSession, TradingYear
from worker.closures import NONE, Closures, UnreadableError, apply_closures, extended, read_closures

log = logging.getLogger(__name__)

DAYS_BACK = 40
DAYS_AHEAD = 370
ENOUGH_AHEAD = 30
# Written whether they are in use or not: a stock that is new on one of them does not wait for its exchange's days.
ALWAYS = {"XNYS", "XNAS", "XASE", "ARCX", "BATS", "XLON", "XETR", "XTKS", "XHKG", "XTSE", "XASX"}
# The row that says which list of closures the days were last written with, and in which form.
APPLIED = "closures"
# Of so early days, or of the first that a calendar knows, the past prices are checked for gaps.
FIRST_YEAR, LAST_FIRST_YEAR = 1990, 2010
# Counted up where the table has a new column: then all days are written anew. The second form has midday breaks.
FORM = 2


def write_sessions() -> str:
    """Write the trading days of exchanges that have too few ahead, and all where the list of closures has changed.

    Return in words what was written and what is wrong with the list; "" where there is nothing to say.
    """
    try:
        closures = read_closures(_file())
    except UnreadableError as error:
        return _write(_exchanges_wanted() - _well_known(clock.now().date()), NONE, [str(error)], applied=False)
    if _mark_of(closures) != _applied():
        return _write(_exchanges_wanted(), closures, closures.problems)
    missing = _exchanges_wanted() - _well_known(clock.now().date())
    return _write(missing, closures, closures.problems)


def renew_sessions() -> str:
    """Write all trading days anew: a newer calendar may know of a closure that the old one did not.

    While the list of closures cannot be read, only what is missing is written: the rest was written with it.
    """
    try:
        closures = read_closures(_file())
    except UnreadableError:
        return write_sessions()
    return _write(_exchanges_wanted(), closures, closures.problems)


def write_years() -> str:
    """Write the trading days of all years of exchanges that have none of this one; cost little where all have them."""
    this_year = clock.now().year
    known = set(db.session.scalars(select(TradingYear.mic).where(TradingYear.year == this_year)))
    return _write_years(_exchanges_wanted() - known, FIRST_YEAR)


def renew_years() -> str:
    """Write the trading days of last year, this and the next anew, as a newer calendar knows them."""
    write_years()
    return _write_years(_exchanges_wanted(), clock.now().year - 1)


def open_days(exchange: Exchange, first: int, last: int) -> list[dt.date]:
    """Return the days of these years on which the exchange was or will be open, of whole years that are known only.

    Where the calendar does not reach so far back, they begin later; where it ends before, they end a year earlier.
    """
    from exchange_calendars import get_calendar  # noqa: PLC0415 - brings pandas, 100 MB that only this job needs

    def days_of(start: int, end: int) -> list[dt.date] | None:
        try:
            calendar = get_calendar(exchange.calendar, start=dt.date(start, 1, 1), end=dt.date(end, 12, 31))
        except ValueError:  # it does not reach so far, in one direction or the other
            return None
        return [session.date() for session in calendar.sessions]

    end = next((year for year in (last, last - 1) if days_of(year, year) is not None), None)
    for start in range(first, max(LAST_FIRST_YEAR, first) + 1) if end else ():
        if end is not None and start <= end and (days := days_of(start, end)) is not None:
            return days
    log.warning("No trading days of %s are known for %s to %s: is exchange-calendars up to date?", exchange.mic, first,
                last)
    return []


def trading_days(exchange: Exchange, first: dt.date, last: dt.date) -> list[SessionTimes]:
    """Return the exchange's days from `first` to `last`, as far as the calendar knows them."""
    from exchange_calendars import get_calendar  # noqa: PLC0415 - brings pandas, 100 MB that only this job needs

    try:
        calendar = get_calendar(exchange.calendar, start=first, end=last)
    except ValueError:  # most likely it does not reach so far
        try:
            known_until = get_calendar(exchange.calendar, start=first).bound_max()
            end = min(last, known_until.date()) if known_until is not None else last
            calendar = get_calendar(exchange.calendar, start=first, end=end)
        except ValueError as error:
            log.warning("No trading days of %s are known: is exchange-calendars up to date? (%s)", exchange.mic, error)
            return []
    opens, closes, rests, resumes = (
        {label.date(): moment.to_pydatetime() for label, moment in moments.dropna().items()}
        for moments in (calendar.opens, calendar.closes, calendar.break_starts, calendar.break_ends))
    return [extended(exchange, day, opens[day], closes[day], (rests.get(day), resumes.get(day))) for day in opens]


def _file() -> Path:
    settings: Config = current_app.config["SETTINGS"]
    return Path(settings.CLOSURES_FILE)


def _applied() -> str:
    """Return the mark of the list of closures that the days were last written with."""
    return db.session.scalar(select(JobRun.outcome).where(JobRun.name == APPLIED)) or ""


def _mark_of(closures: Closures) -> str:
    """Return what changes with the list of closures, and with the form of the days."""
    return f"{FORM} {closures.digest}"


def _note_applied(closures: Closures) -> None:
    """Keep, with the days, which list they were written with."""
    if _mark_of(closures) == _applied():
        return
    now = clock.now()
    db.session.merge(JobRun(name=APPLIED, started_at=now, finished_at=now, succeeded_at=now,
                            outcome=_mark_of(closures), failures=0))


def _exchanges_wanted() -> set[str]:
    """Return the exchanges of all instruments and the great ones, those that have no calendar left out."""
    return (set(db.session.scalars(select(InstrumentRow.mic).distinct())) | ALWAYS) & EXCHANGES.keys()


def _well_known(today: dt.date) -> set[str]:
    """Return the exchanges whose days are written far enough ahead."""
    newest = func.max(MarketSession.day)
    return set(db.session.scalars(
        select(MarketSession.mic).group_by(MarketSession.mic)
        .having(newest >= today + dt.timedelta(days=ENOUGH_AHEAD))))


def _write(mics: Collection[str], closures: Closures, problems: Collection[str], *, applied: bool = True) -> str:
    """Replace these exchanges' days in one transaction; say how many there are now, and what is wrong.

    `applied` says that the closures are what the file has.
    """
    if not mics:
        return "; ".join(problems)
    for problem in problems:
        log.warning("The list of closures: %s", problem)
    today = clock.now().date()
    first, last = today - dt.timedelta(days=DAYS_BACK), today + dt.timedelta(days=DAYS_AHEAD)
    db.session.commit()  # the calendars take a second, in which no transaction stays open
    days = [session for mic in sorted(mics)
            for session in apply_closures(EXCHANGES[mic], trading_days(EXCHANGES[mic], first, last), closures)]
    db.session.execute(delete(MarketSession).where(MarketSession.mic.in_({session.mic for session in days})))
    if days:
        db.session.execute(insert(MarketSession), [
            {"mic": session.mic, "day": session.day, "opens_at": session.opens_at, "closes_at": session.closes_at,
             "pre_opens_at": session.pre_opens_at, "post_closes_at": session.post_closes_at,
             "break_starts_at": session.break_starts_at, "break_ends_at": session.break_ends_at} for session in days])
    if applied:
        _note_applied(closures)
    db.session.commit()
    return "; ".join([f"{len(days)} trading days of {len(mics)} exchanges written", *problems])


def _write_years(mics: Collection[str], first: int) -> str:
    """Replace these exchanges' days from the year `first` on, in one transaction; say how many years there are now."""
    if not mics:
        return ""
    closures = _closures()
    db.session.commit()  # the calendars take a second, in which no transaction stays open
    known: dict[str, list[dt.date]] = {}
    for mic in mics:
        code = EXCHANGES[mic].calendar
        if code not in known:
            known[code] = open_days(EXCHANGES[mic], first, clock.now().year + 1)
    rows = [{"mic": mic, "year": year, "days": days} for mic in sorted(mics)
            for year, days in day_numbers(_as_said(mic, known[EXCHANGES[mic].calendar], closures)).items()]
    db.session.execute(delete(TradingYear).where(TradingYear.mic.in_({row["mic"] for row in rows}),
                                                 TradingYear.year >= first))
    if rows:
        db.session.execute(insert(TradingYear), rows)
    db.session.commit()
    return f"{len(rows)} years of {len(mics)} exchanges written"


def _closures() -> Closures:
    try:
        return read_closures(_file())
    except UnreadableError:  # write_sessions() says so
        return NONE


def _as_said(mic: str, days: Collection[dt.date], closures: Closures) -> set[dt.date]:
    """Return an exchange's days as the list of closures has them, between the first and the last of them."""
    known = set(days)
    for (of, day), closure in closures.days.items():
        if of != mic or not known or not min(known) <= day <= max(known):
            continue
        if closure.closes is None:
            known.discard(day)
        elif closure.opens is not None:
            known.add(day)
    return known
