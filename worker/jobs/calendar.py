"""Keeps the table of trading days: what exchange_calendars knows, and our own hours before and after."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select

from webapp import clock
from webapp.extensions import db
from webapp.markets import EXCHANGES, Exchange, SessionTimes
from webapp.models import InstrumentRow, MarketSession

log = logging.getLogger(__name__)

DAYS_BACK = 40
DAYS_AHEAD = 370
ENOUGH_AHEAD = 30
# The United States trade from 4 in the morning until four hours after the regular close, on short days too.
PRE_OPENS = dt.time(4)
POST_LASTS = dt.timedelta(hours=4)


def write_sessions() -> int:
    """Write the trading days of exchanges that have too few ahead; cost nothing where there are enough."""
    return _write(_exchanges_in_use() - _well_known(clock.now().date()))


def renew_sessions() -> int:
    """Write all trading days anew: a newer calendar may know of a closure that the old one did not."""
    return _write(_exchanges_in_use())


def trading_days(exchange: Exchange, first: dt.date, last: dt.date) -> list[SessionTimes]:
    """Return the exchange's days from `first` to `last`, as far as the calendar knows them."""
    import exchange_calendars  # noqa: PLC0415 - brings pandas, 100 MB that only this job needs

    try:
        known_until = exchange_calendars.get_calendar(exchange.calendar, start=first).bound_max()
        end = min(last, known_until.date()) if known_until is not None else last
        calendar = exchange_calendars.get_calendar(exchange.calendar, start=first, end=end)
    except ValueError as error:
        log.warning("No trading days of %s are known: is exchange-calendars up to date? (%s)", exchange.mic, error)
        return []
    return [_times(exchange, label.date(), opens.to_pydatetime(), closes.to_pydatetime())
            for label, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)]


def _times(exchange: Exchange, day: dt.date, opens_at: dt.datetime, closes_at: dt.datetime) -> SessionTimes:
    """Add the extended hours to a regular session."""
    opens_at, closes_at = opens_at.astimezone(dt.UTC), closes_at.astimezone(dt.UTC)
    if not exchange.extended:
        return SessionTimes(exchange.mic, day, opens_at, closes_at)
    pre_opens_at = dt.datetime.combine(day, PRE_OPENS, ZoneInfo(exchange.zone)).astimezone(dt.UTC)
    return SessionTimes(exchange.mic, day, opens_at, closes_at, pre_opens_at, closes_at + POST_LASTS)


def _exchanges_in_use() -> set[str]:
    """Return the exchanges of all instruments, those that have no calendar left out."""
    return set(db.session.scalars(select(InstrumentRow.mic).distinct())) & EXCHANGES.keys()


def _well_known(today: dt.date) -> set[str]:
    """Return the exchanges whose days are written far enough ahead."""
    newest = func.max(MarketSession.day)
    return set(db.session.scalars(
        select(MarketSession.mic).group_by(MarketSession.mic)
        .having(newest >= today + dt.timedelta(days=ENOUGH_AHEAD))))


def _write(mics: Collection[str]) -> int:
    """Replace these exchanges' days in one transaction; return how many there are now."""
    if not mics:
        return 0
    today = clock.now().date()
    first, last = today - dt.timedelta(days=DAYS_BACK), today + dt.timedelta(days=DAYS_AHEAD)
    db.session.commit()  # the calendars take a second, in which no transaction stays open
    days = [session for mic in sorted(mics) for session in trading_days(EXCHANGES[mic], first, last)]
    db.session.execute(delete(MarketSession).where(MarketSession.mic.in_({session.mic for session in days})))
    if days:
        db.session.execute(insert(MarketSession), [
            {"mic": session.mic, "day": session.day, "opens_at": session.opens_at, "closes_at": session.closes_at,
             "pre_opens_at": session.pre_opens_at, "post_closes_at": session.post_closes_at} for session in days])
    db.session.commit()
    return len(days)
