"""When a stock with live prices is due again: at the best intervals that the quota allows, while its market is open."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from webapp.analytics.intervals import (
    FLOOR_S,
    LISTED,
    ON_SCREEN,
    RESERVE,
    STARTER,
    best_intervals,
    sustainable_rate,
)
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Session, State
from worker.providers.base import Provider
from worker.providers.freshness import DELAY, OPENING

# The last trades of a day reach a vendor some time after the close.
SETTLES = dt.timedelta(minutes=20)
# A day's quota is spread over the rest of the trading day, and over this long at least.
LEAST_SPREAD_S, DAY = 1800.0, dt.timedelta(days=1)
# The closing refreshes are made within this time.
SETTLING = dt.timedelta(minutes=30)
# The first price of a day comes at most so much early, and no interval that is made to fit the day gets shorter.
EARLY_S, LEAST_FITTED_S = 900.0, 1.0
# It is planned in slots; what would be due before the middle of the next one is due now, so that intervals are kept on
# the average, and one as short as a slot is not twice as long.
HALF_SLOT_S = 2.5
# A stock whose reading waits to be confirmed is as urgent as one that has waited so many of its intervals.
HELD_INTERVALS = 100.0
# A stock without a price waits no longer than this for a call that it shares with others.
NEWCOMER_S = 15.0
# So many calls for many stocks are planned at a time.
MOST_CALLS = 20.0
# How far a price moves in a day where that is not known, and the least and most that is believed, as parts of the
# price.
USUAL_RANGE, LEAST_RANGE, MOST_RANGE = 0.02, 0.002, 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stock that may be due: who wants it, how old its price is, when it was fetched.

    `listed` is on how many lists it is, `on_screen` how many look at it now. `day_range` is the day's high less its low
    as a part of the price, None where it is unknown. `held_from` is the source whose reading waits to be confirmed.
    """

    instrument: Instrument
    as_of: dt.datetime | None
    listed: int
    on_screen: int
    fetched_at: dt.datetime | None = None
    day_range: float | None = None
    held_from: str = ""

    @property
    def urgency(self) -> tuple[bool, bool, dt.datetime, str, str]:
        """Sort by it: on a person's list before the front page's, on a screen first, then oldest first, by symbol."""
        oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
        return not self.listed, not self.on_screen, self.as_of or oldest, self.instrument.symbol, self.instrument.mic

    @property
    def is_stranger(self) -> bool:
        """Tell whether it has no price yet and is on nobody's list: somebody has only opened its page."""
        return self.as_of is None and not self.listed

    @property
    def weight(self) -> float:
        """Return how much its error counts: by those who look at it, and those who have it on a list."""
        return max(ON_SCREEN * self.on_screen + LISTED * self.listed, STARTER)

    @property
    def demand(self) -> float:
        """Return s √w: how much the price moves, and how many care."""
        return min(max(self.day_range or USUAL_RANGE, LEAST_RANGE), MOST_RANGE) * math.sqrt(self.weight)


def running_session(provider: Provider, mic: str, now: dt.datetime, sessions: SessionBook) -> SessionTimes | None:
    """Return the trading day in which the provider has new prices at `now`."""
    part, session = sessions.current(mic, now)
    usable = part is Session.REGULAR or (provider.extended_hours and part is not Session.CLOSED)
    return session if usable else None


def trading_ends(provider: Provider, session: SessionTimes) -> dt.datetime:
    """Return when the provider's prices of the day are over."""
    return session.ends_at if provider.extended_hours else session.closes_at


def trading_began(provider: Provider, candidates: Iterable[Candidate], sessions: SessionBook,
                  now: dt.datetime) -> dt.datetime | None:
    """Return when the first of the markets opened that are open now; None while all are shut."""
    running = [session for candidate in candidates
               if (session := running_session(provider, candidate.instrument.mic, now, sessions)) is not None]
    return min((_starts(provider, session) for session in running), default=None)


def best_paces(provider: Provider, candidates: Iterable[Candidate], sessions: SessionBook, now: dt.datetime,
               rate: float) -> dict[int, float]:
    """Return the seconds between two calls for each stock whose market is open, by instrument.

    `rate` is in calls a second. A call for many stocks costs as much as one for one: no stock is in every second one.
    """
    demand = {candidate.instrument.id: candidate.demand for candidate in candidates
              if running_session(provider, candidate.instrument.mic, now, sessions) is not None}
    floor = max(FLOOR_S, 1 / rate) if provider.batch_size > 1 and rate > 0 else FLOOR_S
    return best_intervals(demand, rate * provider.batch_size, floor)


def planned_rate(provider: Provider, candidates: Iterable[Candidate], sessions: SessionBook, now: dt.datetime,
                 used_since: Callable[[dt.datetime], int]) -> float:
    """Return the calls a second to plan with; `used_since` counts the calls that were made since a moment."""
    limits = provider.limits
    running = [(candidate, session) for candidate in candidates if (
        session := running_session(provider, candidate.instrument.mic, now, sessions)) is not None]
    if limits.per_day is None or not running:
        return sustainable_rate(limits, 0, LEAST_SPREAD_S)
    others = sustainable_rate(dataclasses.replace(limits, per_day=None), 0, LEAST_SPREAD_S)
    return min(others, _rate_of_day(provider, limits.per_day, running, candidates, sessions, now, used_since))


def _rate_of_day(provider: Provider, per_day: int, running: Sequence[tuple[Candidate, SessionTimes]],
                 candidates: Iterable[Candidate], sessions: SessionBook, now: dt.datetime,
                 used_since: Callable[[dt.datetime], int]) -> float:
    """Return the calls a second that a limit for any 24 hours bears, closing refreshes included.

    What is left of it is shared by the stocks that are traded now, each from its last price to its close, and those
    whose market opens within the day that began with the first of these. And what is not free again before the closing
    refreshes cannot be spent until then.
    """
    began = min(_starts(provider, session) for _, session in running)
    ends = max(trading_ends(provider, session) for _, session in running)
    demand = sum(candidate.demand for candidate, _ in running)
    spans = sum(candidate.demand * max(_traded_s(provider, session, _aged_from(candidate, session, provider)),
                                       LEAST_SPREAD_S) for candidate, session in running)
    to_come = 0.0
    for candidate in candidates:
        mic = candidate.instrument.mic
        following = sessions.resting(mic, now) or sessions.next_session(mic, now)
        shut = running_session(provider, mic, now, sessions) is None
        if shut and following and _starts(provider, following) < began + DAY:
            to_come += candidate.demand * _traded_s(provider, following, max(now, _starts(provider, following)))
    left = max(per_day * (1 - RESERVE) - used_since(began), 0.0)
    free = max(per_day - used_since(ends + SETTLES + SETTLING - DAY), 0)
    return min(left * demand / (spans + to_come), free * demand / spans)


def _starts(provider: Provider, session: SessionTimes) -> dt.datetime:
    return session.starts_at if provider.extended_hours else session.opens_at


def _traded_s(provider: Provider, session: SessionTimes, since: dt.datetime) -> float:
    """Return for how many seconds of the day there are new prices from a moment on."""
    ends = trading_ends(provider, session)
    return (ends - since - session.rest_between(since, ends)).total_seconds()


def _aged_from(candidate: Candidate, session: SessionTimes, provider: Provider) -> dt.datetime:
    return max(candidate.fetched_at or session.starts_at, _starts(provider, session))


def waiting(provider: Provider, candidates: Iterable[Candidate], paces: dict[int, float], sessions: SessionBook,
            now: dt.datetime) -> list[tuple[float, Candidate]]:
    """Return for how many of its intervals each stock has waited, the longest first; from 1 on it is due.

    Outside its market's hours a stock is fetched once more, when the day's last prices have settled; until then, and
    after that, it is not in the list.
    """
    found: list[tuple[float, Candidate]] = []
    for candidate in candidates:
        fetched_at, pace = candidate.fetched_at, paces.get(candidate.instrument.id)
        if fetched_at is None or candidate.as_of is None:
            found.append((math.inf if candidate.listed else 1.0, candidate))
        elif candidate.held_from and pace is not None:
            found.append((HELD_INTERVALS, candidate))
        elif pace is not None:
            since = aged_since(provider, candidate, fetched_at, pace, sessions, now)
            interval = fitted(provider, candidate.instrument.mic, since, pace, sessions, now)
            found.append((((now - since).total_seconds() + HALF_SLOT_S) / interval, candidate))
        elif fetched_at < (settled := _settled_at(provider, candidate.instrument.mic, now, sessions)):
            found.append((1 + (now - settled).total_seconds() / LEAST_SPREAD_S, candidate))
    return sorted(found, key=lambda item: (-item[0], item[1].urgency))


def aged_since(provider: Provider, candidate: Candidate, fetched_at: dt.datetime, pace: float, sessions: SessionBook,
               now: dt.datetime) -> dt.datetime:
    """Return since when the price ages: a final one only since the market has opened.

    Half an interval is left out, so that nobody looks at yesterday's prices for long; not of one that is long itself.
    In a midday break no price ages: it is as if one from before it was made later by the length of the break.
    """
    opened_at = trading_began(provider, [candidate], sessions, now) or fetched_at
    since = max(fetched_at, opened_at - dt.timedelta(seconds=min(pace / 2, EARLY_S)))
    session = running_session(provider, candidate.instrument.mic, now, sessions)
    return since + session.rest_between(since, now) if session else since


def fitted(provider: Provider, mic: str, since: dt.datetime, pace: float, sessions: SessionBook,
           now: dt.datetime) -> float:
    """Return the interval as it fits a whole number of times into the day, the last ending with the closing refresh.

    The number is rounded as makes the error least: k and k + 1 equal intervals are as good, for the calls they take, at
    the geometric mean of k and k + 1. Where it is 1, only the closing refresh is left.
    """
    session = running_session(provider, mic, now, sessions)
    left = (trading_ends(provider, session) - since).total_seconds() if session else 0.0
    if left <= 0:
        return pace
    times = int(left / pace) if math.isfinite(pace) else 0
    if math.isfinite(pace) and left / pace > math.sqrt(times * (times + 1)):
        times += 1
    return max(left / max(times, 1), LEAST_FITTED_S)


def due_at(provider: Provider, candidate: Candidate, pace: float | None, sessions: SessionBook,
           now: dt.datetime) -> dt.datetime | None:
    """Return when a stock with live prices is fetched next, `now` where it is due; None where nobody knows."""
    fetched_at, mic = candidate.fetched_at, candidate.instrument.mic
    if fetched_at is None or candidate.as_of is None:
        return now
    if pace is None:
        settled = fetched_at >= _settled_at(provider, mic, now, sessions)
        return _next_prices(provider, mic, sessions, now) if settled else now
    if math.isinf(pace):
        return None
    since = aged_since(provider, candidate, fetched_at, pace, sessions, now)
    due = max(now, since + dt.timedelta(seconds=fitted(provider, mic, since, pace, sessions, now)))
    return sessions.next_open(mic, due) if sessions.resting(mic, due) else due


def _next_prices(provider: Provider, mic: str, sessions: SessionBook, now: dt.datetime) -> dt.datetime | None:
    """Return when a market that is shut next has prices that are new: its last ones, or those of the next day.

    In a midday break that is its end: the last prices before it are not asked for.
    """
    if sessions.resting(mic, now):
        return sessions.next_open(mic, now)
    completed = sessions.last_completed(mic, now)
    if completed is not None and now < (settled := trading_ends(provider, completed) + SETTLES):
        return settled
    following = sessions.next_session(mic, now)
    if following is None:
        return None
    return _starts(provider, following)


def choose(provider: Provider, queue: Sequence[tuple[float, Candidate]], rate: float,
           last_call_at: dt.datetime | None, now: dt.datetime) -> list[Instrument]:
    """Return the stocks to ask for now, of a queue as waiting() makes it.

    Calls for many stocks are made at the pace that the limits bear, each filled with what is next; only a stock without
    any price does not wait for that, but for NEWCOMER_S.
    """
    due = [candidate.instrument for waited, candidate in queue if waited >= 1]
    if provider.batch_size == 1 or not due:
        return due
    since = (now - last_call_at).total_seconds() if last_call_at else math.inf
    if since < NEWCOMER_S and since * rate < 1:
        return []
    if since * rate < 1 and queue[0][0] < math.inf:
        return []
    calls = min(max(1, int(min(since * rate, MOST_CALLS))), math.ceil(len(due) / provider.batch_size))
    return [candidate.instrument for _, candidate in queue[:calls * provider.batch_size]]


def holds_until(provider: Provider, mic: str, now: dt.datetime, sessions: SessionBook) -> dt.datetime | None:
    """Return until when a price of the part of the day that `now` is in may pass for one; None while it is shut.

    That is its end, or the midday break; some time after the opening for a price from before it.
    """
    part, session = sessions.current(mic, now)
    if session is None:
        return None
    lag = DELAY if provider.delay is State.DELAYED else dt.timedelta(0)
    ends = {Session.PRE: session.opens_at + OPENING, Session.REGULAR: session.trades_until(now)}
    return ends.get(part, session.ends_at) + lag


def _settled_at(provider: Provider, mic: str, now: dt.datetime, sessions: SessionBook) -> dt.datetime:
    """Return when the prices of the last day were final; without a calendar, at the last midnight in UTC."""
    completed = sessions.last_completed(mic, now - SETTLES)
    if completed is None:
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    ended = trading_ends(provider, completed) + SETTLES
    return ended if ended <= now else completed.closes_at + SETTLES
