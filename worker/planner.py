"""Which stocks are due, and in which order: only those that somebody watches, within what the provider allows."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import and_, or_, select

from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import InstrumentRow, QuoteRow, WatchlistItem
from webapp.records import Instrument, State
from worker import pacing, quota
from worker.pacing import Candidate
from worker.providers.base import ErrorKind, Provider

# A close needs this long to reach the vendor.
SETTLES = dt.timedelta(minutes=30)
# How long a stock rests after a call for it that brought nothing newer, that nobody can answer, a first fault.
REST_AFTER_ANSWER = dt.timedelta(hours=3)
REST_AFTER_UNKNOWN = dt.timedelta(hours=24)
REST_AFTER_FAULT = dt.timedelta(minutes=10)
REST_AFTER_LIVE_FAULT = dt.timedelta(seconds=30)
MOST_DOUBLINGS = 10
# An exchange without a calendar: its price is a day's.
NO_CALENDAR = dt.timedelta(days=1)
FAULTS = (ErrorKind.BROKEN_ANSWER, ErrorKind.UNREACHABLE)


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
    are the seconds between two calls for each stock with live prices whose market is open, by instrument; `covered` are
    the instruments that the provider takes care of, due or not.
    """

    calls: list[Call]
    held_back: list[Instrument]
    uncovered: list[Instrument]
    paces: dict[int, float] = field(default_factory=dict)
    covered: set[int] = field(default_factory=set)


def due_calls(now: dt.datetime, provider: Provider, sessions: SessionBook, on_screen: Collection[int],
              served: Collection[int] = ()) -> Plan:
    """Return what is due at `now` from the provider.

    `on_screen` are the instruments that somebody looks at, `served` those that a preferred provider takes care of.
    """
    unpriced_starters = not quota.is_counted(provider) or provider.limits.per_day is None
    everything = [candidate for candidate in _candidates(on_screen, unpriced_starters=unpriced_starters)
                  if candidate.instrument.id not in served]
    covered, uncovered = _split(provider, everything)
    ids = {candidate.instrument.id for candidate in covered}
    if not quota.is_counted(provider):
        return Plan(_calls(provider, [candidate.instrument for candidate in covered]), [], uncovered, covered=ids)
    if provider.delay is State.END_OF_DAY:
        return _daily_plan(now, provider, sessions, covered, Plan([], [], uncovered, covered=ids))
    return _live_plan(now, provider, sessions, covered, Plan([], [], uncovered, covered=ids))


def _live_plan(now: dt.datetime, provider: Provider, sessions: SessionBook, covered: Sequence[Candidate],
               plan: Plan) -> Plan:
    """Return the plan with what is due of live prices."""
    rests = _resting(quota.failures_since(provider, now - quota.DAY), now, REST_AFTER_LIVE_FAULT)
    began = pacing.trading_began(provider, covered, sessions, now)
    used = quota.used_since(provider, began) if began and provider.limits.per_day else 0
    rate = pacing.planned_rate(provider, covered, sessions, now, used)
    paces = pacing.best_paces(provider, covered, sessions, now, rate)
    ready = [candidate for candidate in covered if candidate.instrument.key not in rests]
    queue = pacing.waiting(provider, ready, paces, sessions, now)
    chosen = pacing.choose(provider, queue, rate, quota.last_call_at(provider), now)
    return dataclasses.replace(plan, calls=_calls(provider, chosen), paces=paces)


def _daily_plan(now: dt.datetime, provider: Provider, sessions: SessionBook, covered: Sequence[Candidate],
                plan: Plan) -> Plan:
    """Return the plan with what is due of prices that come once a day."""
    past_calls = quota.calls_since(provider, now - quota.DAY)
    rests = _resting(past_calls, now)
    due = sorted((candidate for candidate in covered
                  if candidate.instrument.key not in rests and _is_old(candidate, sessions, now)),
                 key=lambda candidate: candidate.urgency)
    share = _front_page_share(provider, past_calls)
    listed = [candidate.instrument for candidate in due if candidate.listed]
    front_page = [candidate.instrument for candidate in due if not candidate.listed]
    return dataclasses.replace(plan, calls=_calls(provider, listed + front_page[:share]),
                               held_back=front_page[share:] if share is not None else [])


def _candidates(on_screen: Collection[int], *, unpriced_starters: bool) -> list[Candidate]:
    """Return every stock that is on a list or on a screen; the starter list's too, where they have no price yet."""
    is_listed = select(WatchlistItem.id).where(WatchlistItem.instrument_id == InstrumentRow.id).exists()
    wanted = or_(is_listed, InstrumentRow.id.in_(on_screen))
    if unpriced_starters:
        wanted = or_(wanted, and_(InstrumentRow.starter, QuoteRow.price.is_(None)))
    columns = QuoteRow.as_of, QuoteRow.fetched_at, QuoteRow.price, QuoteRow.high, QuoteRow.low
    query = (select(InstrumentRow, is_listed, *columns)
             .outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id).where(wanted))
    return [Candidate(row.record(), as_of, bool(listed), row.id in on_screen, fetched_at, _day_range(price, high, low))
            for row, listed, as_of, fetched_at, price, high, low in db.session.execute(query)]


def _day_range(price: Decimal | None, high: Decimal | None, low: Decimal | None) -> float | None:
    """Return how far the price moved on its day, as a part of it."""
    return float((high - low) / price) if price and high is not None and low is not None else None


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
             after_fault: dt.timedelta = REST_AFTER_FAULT) -> set[str]:
    """Return the stocks that were asked for lately; each further fault of a stock doubles its rest.

    A call that the vendor throttled, or that a crash cut short, says nothing of the stock: it stays due.
    """
    faults: Counter[str] = Counter()
    until: dict[str, dt.datetime] = {}
    for subject, started_at, outcome in calls:
        rest = dt.timedelta(0)
        if outcome == quota.OK:
            rest = REST_AFTER_ANSWER
        elif outcome.startswith((ErrorKind.UNKNOWN_SYMBOL, ErrorKind.NOT_ENTITLED)):
            rest = REST_AFTER_UNKNOWN
        elif outcome.startswith(FAULTS):
            rest = after_fault * 2 ** min(faults[subject], MOST_DOUBLINGS)
            faults[subject] += 1
        until[subject] = started_at + rest
    return {subject for subject, moment in until.items() if moment > now}


def _front_page_share(provider: Provider, calls: Iterable[tuple[str, dt.datetime, str]]) -> int | None:
    """Return how many calls are left for stocks on nobody's list: half of a day, so that picks find quota.

    None means that nothing is held back.
    """
    if provider.limits.per_day is None:
        return None
    listed = select(WatchlistItem.instrument_id)
    rows = db.session.execute(select(InstrumentRow.mic, InstrumentRow.symbol).where(InstrumentRow.id.in_(listed)))
    keys = {f"{mic}:{symbol}" for mic, symbol in rows}
    used = sum(subject not in keys for subject, _started_at, _outcome in calls)
    return max(provider.limits.per_day // 2 - used, 0)


def _calls(provider: Provider, instruments: Sequence[Instrument]) -> list[Call]:
    size = provider.batch_size
    return [Call(provider, tuple(instruments[start:start + size])) for start in range(0, len(instruments), size)]
