"""When a stock with live prices is due again: at the best intervals that the quota allows, while its market is open."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Session
from worker.intervals import best_intervals
from worker.providers.base import Limits, Provider

# This part of every limit is kept for what nobody has planned: a new pick, a page that is opened.
RESERVE = 0.1
# Asked for more often than this, no page would show the difference.
FLOOR_S = 5.0
# The last trades of a day reach a vendor some time after the close.
SETTLES = dt.timedelta(minutes=20)
# A day's quota is spread over the rest of the trading day, and over this long at least.
LEAST_SPREAD_S = 1800.0
# How much a stock on an open page weighs against one that is only on somebody's list, or on the front page's.
ON_SCREEN, LISTED, STARTER = 4.0, 1.0, 0.25
# How far a price moves in a day where that is not known, and the least that is believed, as parts of the price.
USUAL_RANGE, LEAST_RANGE = 0.02, 0.002


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stock that may be due: who wants it, how old its price is, when it was fetched.

    `day_range` is the day's high less its low as a part of the price, None where it is unknown.
    """

    instrument: Instrument
    as_of: dt.datetime | None
    listed: bool
    on_screen: bool
    fetched_at: dt.datetime | None = None
    day_range: float | None = None

    @property
    def urgency(self) -> tuple[bool, bool, dt.datetime, str, str]:
        """Sort by it: on a person's list before the front page's, on a screen first, then oldest first, by symbol."""
        oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
        return not self.listed, not self.on_screen, self.as_of or oldest, self.instrument.symbol, self.instrument.mic

    @property
    def demand(self) -> float:
        """Return s √w: how much the price moves, and how many look at it."""
        weight = ON_SCREEN if self.on_screen else LISTED if self.listed else STARTER
        return max(self.day_range or USUAL_RANGE, LEAST_RANGE) * math.sqrt(weight)


def running_session(mic: str, now: dt.datetime, sessions: SessionBook) -> SessionTimes | None:
    """Return the trading day whose hours, extended ones included, `now` is in."""
    part, session = sessions.current(mic, now)
    return None if part is Session.CLOSED else session


def best_paces(provider: Provider, candidates: Iterable[Candidate], sessions: SessionBook, now: dt.datetime,
               used_today: int) -> dict[int, float]:
    """Return the seconds between two calls for each stock whose market is open, by instrument."""
    demand: dict[int, float] = {}
    ends = [now + dt.timedelta(seconds=LEAST_SPREAD_S)]
    for candidate in candidates:
        session = running_session(candidate.instrument.mic, now, sessions)
        if session is not None:
            demand[candidate.instrument.id] = candidate.demand
            ends.append(session.ends_at)
    rate = sustainable_rate(provider.limits, used_today, (max(ends) - now).total_seconds())
    return best_intervals(demand, rate * provider.batch_size, FLOOR_S)


def sustainable_rate(limits: Limits, used_today: int, seconds_left: float) -> float:
    """Return the calls a second that every limit bears until the trading day is over."""
    rates = [math.inf]
    if limits.per_second:
        rates.append(limits.per_second)
    if limits.per_minute:
        rates.append(limits.per_minute / 60)
    if limits.per_hour:
        rates.append(limits.per_hour / 3600)
    if limits.per_day:
        rates.append(max(limits.per_day - used_today, 0) / seconds_left)
    return min(rates) * (1 - RESERVE)


def most_overdue(candidates: Iterable[Candidate], paces: dict[int, float], sessions: SessionBook,
                 now: dt.datetime) -> Sequence[Candidate]:
    """Return the stocks that are due, first those that have waited for the most intervals.

    Outside its market's hours a stock is fetched once more, when the day's last prices have settled.
    """
    due: list[tuple[float, Candidate]] = []
    for candidate in candidates:
        fetched_at, pace = candidate.fetched_at, paces.get(candidate.instrument.id)
        if fetched_at is None or candidate.as_of is None:
            due.append((math.inf, candidate))
        elif pace is not None:
            waited = (now - fetched_at).total_seconds() / pace
            if waited >= 1:
                due.append((waited, candidate))
        elif fetched_at < (settled := _settled_at(candidate.instrument.mic, now, sessions)):
            due.append(((now - settled).total_seconds() / LEAST_SPREAD_S, candidate))
    return [candidate for _, candidate in sorted(due, key=lambda item: (-item[0], item[1].urgency))]


def _settled_at(mic: str, now: dt.datetime, sessions: SessionBook) -> dt.datetime:
    """Return when the prices of the last day were final; without a calendar, at the last midnight in UTC."""
    completed = sessions.last_completed(mic, now - SETTLES)
    if completed is None:
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    ended = completed.ends_at + SETTLES
    return ended if ended <= now else completed.closes_at + SETTLES
