"""Which stocks are due, and in which order: only those that somebody watches, within what the provider allows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import and_, func, or_, select

from webapp.analytics.intervals import RESERVE
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import HeldQuote, InstrumentRow, QuoteRow, WatchlistItem
from webapp.records import Instrument, State
from worker import pacing, quota
from worker.outlook import SETTLES, Outlook, Rest, daily_outlook, live_outlook
from worker.pacing import Candidate
from worker.providers.base import ErrorKind, Provider

# How long a stock rests after a call for it that brought nothing newer, that nobody can answer, a first fault.
REST_AFTER_ANSWER = dt.timedelta(hours=3)
REST_AFTER_UNKNOWN = dt.timedelta(hours=24)
REST_AFTER_FAULT = dt.timedelta(minutes=10)
REST_AFTER_LIVE_FAULT, LONGEST_LIVE_REST = dt.timedelta(seconds=30), dt.timedelta(minutes=10)
MOST_DOUBLINGS = 10
# An exchange without a calendar: its price is a day's.
NO_CALENDAR = dt.timedelta(days=1)
# The mean range of a random walk over a day, in standard deviations of its return: the square root of 8 / pi.
RANGE_OF_DEVIATION = 1.6
FAULTS = (ErrorKind.BROKEN_ANSWER, ErrorKind.UNREACHABLE)
GIVEN_UP = (ErrorKind.UNKNOWN_SYMBOL, ErrorKind.NOT_ENTITLED)
# A limit that is reached, and a fault (True), that last longer let the next provider go on with the stocks.
PATIENCE = {False: dt.timedelta(minutes=2), True: dt.timedelta(seconds=10)}
RESERVED = "the day's planned calls are made; what is left is for new picks"
HELD_BACK = "the front page's share of the day's calls is used; stocks on a watchlist come first"


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make: these instruments, of one provider."""

    provider: Provider
    instruments: tuple[Instrument, ...]

    @property
    def subject(self) -> str:
        """Name the call in the record of calls."""
        return ",".join(instrument.key for instrument in self.instruments)[:120]


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls to make, the most urgent first, and the stocks that get none.

    `held_back` are the front page's beyond its share, `uncovered` those of which the provider has no prices. `paces`
    are the seconds between two calls for each stock with live prices whose market is open, by instrument; `outlook`
    says of every stock that the provider takes care of when it is fetched, and why not sooner. `resting` are the
    providers before this one that take care of none now, and why.
    """

    calls: list[Call]
    held_back: list[Instrument]
    uncovered: list[Instrument]
    paces: dict[int, float] = field(default_factory=dict)
    outlook: dict[int, Outlook] = field(default_factory=dict)
    resting: Sequence[tuple[Provider, quota.Refusal]] = ()


def due_calls(now: dt.datetime, provider: Provider, sessions: SessionBook, on_screen: Mapping[int, int],
              before: Sequence[Provider] = (), streamed: Collection[int] = (), slot_s: float = 5.0) -> Plan:
    """Return what is due at `now` from the provider.

    `on_screen` says how many look at each instrument. `before` are the preferred providers: what one of them takes care
    of is not due from this one. `streamed` are those whose trades come over a web socket. `slot_s` are the seconds from
    one planning to the next.
    """
    unpriced_starters = not quota.is_counted(provider) or provider.limits.per_day is None
    left = _candidates(on_screen, unpriced_starters=unpriced_starters)
    resting = []
    for preferred in before:
        refusal = rests_for_long(preferred, now)
        if refusal:
            resting.append((preferred, refusal))
        else:
            left = _left_by(preferred, left, now)
    covered, uncovered = _split(provider, left)
    polled = [candidate for candidate in covered if candidate.instrument.id not in streamed]
    plan = Plan([], [], uncovered, resting=resting)
    if not quota.is_counted(provider) and provider.delay is not State.END_OF_DAY:
        outlook = {candidate.instrument.id: Outlook.each_slot(candidate, slot_s) for candidate in polled}
        plan = dataclasses.replace(plan, calls=_calls(provider, [candidate.instrument for candidate in polled]),
                                   outlook=outlook)
    elif provider.delay is State.END_OF_DAY:
        plan = _daily_plan(now, provider, sessions, polled, plan)
    else:
        plan = _live_plan(now, provider, sessions, polled, plan)
    plan.outlook.update({candidate.instrument.id: Outlook.streamed_one(candidate) for candidate in covered
                         if candidate.instrument.id in streamed})
    return plan


def rests_for_long(provider: Provider, now: dt.datetime) -> quota.Refusal | None:
    """Return why a provider takes care of nothing for a while, so that the next one is to go on; None if it does."""
    refusal = quota.refusal_now(provider)
    return refusal if refusal and refusal.until - now > PATIENCE[refusal.fault] else None


def _left_by(provider: Provider, candidates: Sequence[Candidate], now: dt.datetime) -> list[Candidate]:
    """Return what a preferred provider leaves to the next one.

    That is what it does not cover, what it does not know or may not give, and a stock whose reading of this provider
    waits for a second source to say the same.
    """
    without = {subject for subject, _at, outcome in quota.failures_since(provider, now - REST_AFTER_UNKNOWN)
               if outcome.startswith(GIVEN_UP)} if quota.is_counted(provider) else set()
    return [candidate for candidate in candidates
            if not provider.covers(candidate.instrument) or candidate.instrument.key in without
            or candidate.held_from == provider.name]


def _live_plan(now: dt.datetime, provider: Provider, sessions: SessionBook, covered: Sequence[Candidate],
               plan: Plan) -> Plan:
    """Return the plan with what is due of live prices."""
    fetched = {candidate.instrument.key: candidate.fetched_at for candidate in covered}
    failures = [(subject, at, outcome) for subject, at, outcome in quota.failures_since(provider, now - quota.DAY)
                if at > (fetched.get(subject) or at - quota.DAY)]
    rests = _resting(failures, now, REST_AFTER_LIVE_FAULT, LONGEST_LIVE_REST)
    # What has no price and is on no list has no interval yet: pages that strangers open do not lengthen the others'.
    known = [candidate for candidate in covered if not candidate.is_stranger]
    rate = pacing.planned_rate(provider, known, sessions, now, lambda moment: quota.used_since(provider, moment))
    paces = pacing.best_paces(provider, known, sessions, now, rate)
    ready = [candidate for candidate in covered if candidate.instrument.key not in rests]
    queue = pacing.waiting(provider, ready, paces, sessions, now)
    queue = _without_crowd(now, provider, queue, paces)
    chosen = pacing.choose(provider, queue, rate, quota.last_call_at(provider), now)
    outlook = {candidate.instrument.id: live_outlook(provider, candidate, paces.get(candidate.instrument.id),
                                                     rests.get(candidate.instrument.key), sessions, now)
               for candidate in covered}
    return dataclasses.replace(plan, calls=_calls(provider, chosen), paces=paces, outlook=outlook)


def _without_crowd(now: dt.datetime, provider: Provider, queue: list[tuple[float, Candidate]],
                   paces: Mapping[int, float]) -> list[tuple[float, Candidate]]:
    """Return the queue with as many new stocks of nobody's list as the others, at `paces`, leave calls for.

    Whoever opens page after page of such stocks is not to take the calls of those that people have picked.
    """
    strangers = [item for item in queue if item[1].is_stranger]
    if not strangers:
        return queue
    limits, rate = provider.limits, sum(1 / pace for pace in paces.values()) / provider.batch_size
    left = len(strangers)
    windows = (limits.per_minute, quota.MINUTE), (limits.per_hour, quota.HOUR), (limits.per_day, quota.DAY)
    for limit, window in windows:
        if limit is not None:
            planned = min(rate * window.total_seconds(), limit * (1 - RESERVE))
            calls = max(limit - max(quota.used_since(provider, now - window), planned), 0)
            left = min(left, int(calls) * provider.batch_size)
    refused = {candidate.instrument.id for _, candidate in strangers[left:]}
    return [item for item in queue if item[1].instrument.id not in refused]


def _daily_plan(now: dt.datetime, provider: Provider, sessions: SessionBook, covered: Sequence[Candidate],
                plan: Plan) -> Plan:
    """Return the plan with what is due of prices that come once a day."""
    past_calls = quota.calls_since(provider, now - quota.DAY)
    rests = _daily_rests(provider, past_calls, covered, now)
    old = sorted((candidate for candidate in covered if _is_old(candidate, sessions, now)),
                 key=lambda candidate: candidate.urgency)
    due = [candidate for candidate in old if candidate.instrument.key not in rests]
    share = _front_page_share(provider, past_calls)
    front_page = [candidate for candidate in due if not candidate.listed]
    wanted = [candidate for candidate in due if candidate.listed] + front_page[:share]
    held_back = [candidate.instrument for candidate in front_page[share:]] if share is not None else []
    # The reserve is for picks that have no price yet.
    planned = [candidate for candidate in wanted if candidate.as_of is not None or not candidate.listed]
    over = {candidate.instrument.id for candidate in planned[_unreserved(provider, len(past_calls)):]}
    waiting = {candidate.instrument.id for candidate in old}
    outlook = {candidate.instrument.id: daily_outlook(candidate, sessions, now,
                                                      is_old=candidate.instrument.id in waiting,
                                                      rests_until=rests.get(candidate.instrument.key))
               for candidate in covered}
    outlook |= {stock.id: dataclasses.replace(outlook[stock.id], next_at=None, reason=HELD_BACK) for stock in held_back}
    if over:
        free_at = past_calls[max(len(past_calls) - _planned(provider), 0)][1] + quota.DAY if past_calls else None
        outlook |= {number: dataclasses.replace(outlook[number], next_at=free_at, reason=RESERVED) for number in over}
    calls = _calls(provider, [candidate.instrument for candidate in wanted if candidate.instrument.id not in over])
    return dataclasses.replace(plan, calls=calls, held_back=held_back, outlook=outlook)


def _daily_rests(provider: Provider, past_calls: Sequence[tuple[str, dt.datetime, str]],
                 covered: Iterable[Candidate], now: dt.datetime) -> dict[str, Rest]:
    """Return until when stocks with one price a day rest, by their keys."""
    if quota.is_counted(provider):
        return _resting([*past_calls, *quota.failures_since(provider, now - quota.DAY, calls=False)], now)
    # No call leaves a trace, but it is of no use to ask for the same at once.
    return {candidate.instrument.key: Rest(candidate.fetched_at + REST_AFTER_FAULT, quota.OK) for candidate in covered
            if candidate.fetched_at is not None and candidate.fetched_at > now - REST_AFTER_FAULT}


def _planned(provider: Provider) -> int:
    """Return how many calls of a day may be planned, the reserve left out."""
    return sys.maxsize if provider.limits.per_day is None else int(provider.limits.per_day * (1 - RESERVE))


def _unreserved(provider: Provider, used: int) -> int:
    """Return how many calls of a day may be planned yet."""
    return max(_planned(provider) - used, 0)


def _candidates(on_screen: Mapping[int, int], *, unpriced_starters: bool) -> list[Candidate]:
    """Return every stock that is on a list or on a screen; the starter list's too, where they have no price yet.

    One that is no longer listed has no prices, and is not among them.
    """
    lists = (select(func.count()).where(WatchlistItem.instrument_id == InstrumentRow.id).correlate(InstrumentRow)
             .scalar_subquery())
    wanted = or_(lists > 0, InstrumentRow.id.in_(on_screen))
    if unpriced_starters:
        wanted = or_(wanted, and_(InstrumentRow.starter, QuoteRow.price.is_(None)))
    columns = QuoteRow.as_of, QuoteRow.fetched_at, QuoteRow.deviation, QuoteRow.price, QuoteRow.high, QuoteRow.low
    query = (select(InstrumentRow, lists, HeldQuote.source, *columns)
             .outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id)
             .outerjoin(HeldQuote, HeldQuote.instrument_id == InstrumentRow.id)
             .where(wanted, InstrumentRow.status == "listed"))
    return [Candidate(row.record(), as_of, count, on_screen.get(row.id, 0), fetched_at,
                      _movement(deviation, _day_range(price, high, low)), held_from or "")
            for row, count, held_from, as_of, fetched_at, deviation, price, high, low in db.session.execute(query)]


def _day_range(price: Decimal | None, high: Decimal | None, low: Decimal | None) -> float | None:
    """Return how far the price moved on its day, as a part of it."""
    return float((high - low) / price) if price and high is not None and low is not None else None


def _movement(deviation: float | None, day_range: float | None) -> float | None:
    """Return how far the price moves on a day: as its returns say or, while few are known, as today's range does."""
    return RANGE_OF_DEVIATION * deviation if deviation is not None else day_range


def _split(provider: Provider, candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[Instrument]]:
    """Part what the provider can have prices of from what it cannot."""
    covered, uncovered = [], []
    for candidate in candidates:
        if provider.covers(candidate.instrument):
            covered.append(candidate)
        else:
            uncovered.append(candidate.instrument)
    return covered, uncovered


def _is_old(candidate: Candidate, sessions: SessionBook, now: dt.datetime) -> bool:
    """Tell whether there can be a newer price: only after the next close has settled."""
    if candidate.as_of is None:
        return True
    closed = sessions.last_completed(candidate.instrument.mic, now - SETTLES)
    return candidate.as_of < (closed.closes_at if closed else now - NO_CALENDAR)


def _resting(calls: Iterable[tuple[str, dt.datetime, str]], now: dt.datetime,
             after_fault: dt.timedelta = REST_AFTER_FAULT, longest: dt.timedelta = quota.DAY) -> dict[str, Rest]:
    """Return until when the stocks rest that were asked for lately; each further fault of one doubles its rest.

    A call that the vendor throttled, or that a crash cut short, says nothing of the stock: it stays due.
    """
    faults: Counter[str] = Counter()
    until: dict[str, Rest] = {}
    for subject, started_at, outcome in calls:
        rest = dt.timedelta(0)
        if outcome == quota.OK:
            rest = REST_AFTER_ANSWER
        elif outcome.startswith(GIVEN_UP):
            rest = REST_AFTER_UNKNOWN
        elif outcome.startswith(FAULTS):
            rest = min(after_fault * 2 ** min(faults[subject], MOST_DOUBLINGS), longest)
            faults[subject] += 1
        until[subject] = Rest(started_at + rest, outcome)
    return {subject: rest for subject, rest in until.items() if rest.until > now}


def _front_page_share(provider: Provider, calls: Iterable[tuple[str, dt.datetime, str]]) -> int | None:
    """Return how many calls are left for stocks on nobody's list: half of a day, so that picks find quota.

    None means that nothing is held back.
    """
    if provider.limits.per_day is None:
        return None
    listed = select(WatchlistItem.instrument_id)
    rows = db.session.execute(select(InstrumentRow.mic, InstrumentRow.symbol).where(InstrumentRow.id.in_(listed)))
    keys = {f"{mic}:{symbol}" for mic, symbol in rows}
    # What is no key of a stock ("search apple", "splits XNAS:AAPL") was not asked for the front page.
    used = sum(" " not in subject and ":" in subject and subject not in keys for subject, _at, _outcome in calls)
    return max(provider.limits.per_day // 2 - used, 0)


def _calls(provider: Provider, instruments: Sequence[Instrument]) -> list[Call]:
    size = provider.batch_size
    return [Call(provider, tuple(instruments[start:start + size])) for start in range(0, len(instruments), size)]
