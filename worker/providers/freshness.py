"""When a price was made, which part of which day it is from, and until when it may pass for what it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import Quote, Session, State
from worker.providers.figures import FigureError

if TYPE_CHECKING:
    from webapp.markets import SessionBook, SessionTimes

# How long after a session's close its price may take to arrive before the one before it counts as stale.
GRACE = dt.timedelta(hours=6)
UNKNOWN_CALENDAR = dt.timedelta(days=4)
DELAY = dt.timedelta(minutes=15)
# How far a vendor's clock may be ahead of ours.
SKEW = dt.timedelta(minutes=2)
# How long a price of a running session holds after it was fetched, and how long after an opening one may be missing.
HOLDS = {State.LIVE: dt.timedelta(minutes=2), State.DELAYED: dt.timedelta(minutes=20)}
OPENING = dt.timedelta(minutes=30)
# A trade of so long ago is no live price, even if there was none since.
OLDEST = dt.timedelta(minutes=30)
# So long after its close a session's last price may be on its way; until then the one before it passes for it.
CLOSING = dt.timedelta(hours=1)
RUNNING = {State.LIVE, State.DELAYED, State.POST}


@dataclass(frozen=True, slots=True)
class Times:
    """What a quote says of its time; see Quote."""

    as_of: dt.datetime
    day: dt.date
    state: State
    session: Session
    stale_at: dt.datetime


def times_of_day(day: dt.date, state: State, now: dt.datetime, sessions: SessionBook, mic: str) -> Times:
    """Return the times of a price of which the vendor names the day only.

    A price of a day that is over is its close, and holds until the next day's close should have arrived. One of a day
    that still runs holds until the day's own close should have arrived, a delayed one until the next is due.
    """
    session = sessions.session_on(mic, day)
    if session is None:
        as_of = min(dt.datetime.combine(day, dt.time(12), dt.UTC), now)
        return Times(as_of, day, state, Session.CLOSED, as_of + UNKNOWN_CALENDAR)
    if now < session.closes_at:
        if state is State.DELAYED:
            return _delayed(session, now)
        return Times(now, day, state, session.part_at(now), session.closes_at + GRACE)
    following = sessions.next_after(mic, day)
    stale_at = following.closes_at + GRACE if following else session.closes_at + UNKNOWN_CALENDAR
    return Times(session.closes_at, day, state, Session.CLOSED, stale_at)


def _delayed(session: SessionTimes, now: dt.datetime) -> Times:
    """Return the times of a delayed price of a day that still runs: of the moment that the vendor has reached."""
    made_at = now - DELAY
    resumes_at = session.resumes_after(made_at)
    if resumes_at is not None and session.rests_at(made_at):
        rests_at = session.trades_until(made_at)
        return Times(rests_at, session.day, State.CLOSED, Session.CLOSED, resumes_at + OPENING + DELAY)
    part = Session.REGULAR if session.rests_at(now) else session.part_at(now)
    return Times(made_at, session.day, State.DELAYED, part, now + DELAY)


def times_of_trade(as_of: dt.datetime, delay: State, now: dt.datetime, sessions: SessionBook, mic: str) -> Times:
    """Return the times of a price that was made at `as_of`; `delay` (LIVE or DELAYED) is how soon the vendor has it.

    While its session runs it holds for a little while. After the close it is the day's last price, which holds until
    the next session has been open for some time; one from before the midday break holds through it in the same way.
    One from before the newest session is stale from the start.
    """
    exchange = EXCHANGES.get(mic)
    day = as_of.astimezone(ZoneInfo(exchange.zone) if exchange else dt.UTC).date()
    session = sessions.session_on(mic, day)
    if session is None:
        known = sessions.last_completed(mic, now) is not None  # then it is a weekend or a holiday
        return Times(as_of, day, State.CLOSED if known else delay, Session.CLOSED, as_of + UNKNOWN_CALENDAR)
    part = session.part_at(as_of)
    if as_of == session.closes_at or (part is Session.CLOSED and as_of > session.opens_at):
        part = Session.REGULAR  # the prints of an auction at the close or the break bear its time, or a later one
    lag = DELAY if delay is State.DELAYED else dt.timedelta(0)
    resumes_at = session.resumes_after(as_of)
    if resumes_at is not None and session.trades_until(as_of) + lag <= now < session.closes_at + lag:
        return Times(as_of, day, State.CLOSED, Session.CLOSED, resumes_at + OPENING + lag)
    if now < (session.ends_at if part is Session.POST else session.closes_at) + lag:
        # Once the market is open, a price from before that does not hold for long.
        late = part is Session.PRE and now >= session.opens_at
        stale_at = session.opens_at + OPENING + lag if late else min(now + HOLDS[delay], as_of + lag + OLDEST)
        return Times(as_of, day, _state(part, delay), part, stale_at)
    following = sessions.next_after(mic, day)
    stale_at = following.opens_at + OPENING + lag if following else session.closes_at + UNKNOWN_CALENDAR
    return Times(as_of, day, State.CLOSED, Session.CLOSED, stale_at)


def times_of_regular(as_of: dt.datetime, delay: State, now: dt.datetime, sessions: SessionBook, mic: str) -> Times:
    """Return the times of a price of the regular session only: what is stamped after the close is still the close."""
    part, session = sessions.current(mic, as_of)
    if session is None or part is not Session.POST:
        return times_of_trade(as_of, delay, now, sessions, mic)
    return replace(times_of_trade(session.closes_at, delay, now, sessions, mic), as_of=as_of)


def until_close(quote: Quote, sessions: SessionBook, mic: str) -> Quote:
    """Return the quote with the moment from which it is the last price of its part of the day.

    One that is not stale by then holds as such for a while: until the closing price should have come, or through the
    midday break, for which none comes, until the market has been open again for some time.
    """
    session = sessions.session_on(mic, quote.day) if quote.state in RUNNING else None
    # What was made at the close, or names the day only once it is over, is that last price already.
    is_last = session is not None and quote.session is not Session.POST and quote.as_of >= session.closes_at
    if session is None or quote.stale_at is None or is_last:
        return replace(quote, closes_at=None) if quote.closes_at else quote
    lag = DELAY if quote.state is State.DELAYED else dt.timedelta(0)
    post, resumes_at = quote.session is Session.POST, session.resumes_after(quote.as_of)
    closes_at = (session.ends_at if post else session.trades_until(quote.as_of)) + lag
    holds_until = closes_at + CLOSING if resumes_at is None else resumes_at + OPENING + lag
    stale_at = quote.stale_at if quote.stale_at < closes_at else holds_until
    return replace(quote, closes_at=closes_at, stale_at=stale_at)


def check_time(moment: dt.datetime, now: dt.datetime) -> dt.datetime:
    """Return the moment, at most `now`; raise FigureError where it has not come yet."""
    if moment > now + SKEW:
        raise FigureError("its time has not come yet")
    return min(moment, now)


def _state(part: Session, delay: State) -> State:
    """Name what a price of a running part of the day is."""
    if delay is State.DELAYED:
        return State.DELAYED
    return {Session.PRE: State.PRE, Session.POST: State.POST}.get(part, delay)
