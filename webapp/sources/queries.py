"""What the quota page reads: calls, states and plans of the providers, and how each stock is refreshed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from sqlalchemy import Integer, Select, and_, case, cast, extract, func, literal, select, union_all

from webapp.extensions import db
from webapp.live import bus
from webapp.models import (
    HeldQuote,
    InstrumentRow,
    ProviderCall,
    ProviderState,
    QuoteFinding,
    QuoteRow,
    RefreshPlan,
    StreamState,
    Watchlist,
    WatchlistItem,
)
from webapp.records import Instrument
from webapp.redis import RedisAway
from webapp.sources.usage import DAY, HOUR, MINUTE, QUARTER_S, SECOND, Past, Window

SPANS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}
# How the record of calls says that one brought an answer, or that its end is not known.
ANSWERED, OPEN = ("ok", "unknown symbol", "not entitled"), "started"
MOST_STOCKS = 200
Rows = Select[InstrumentRow, RefreshPlan, dt.datetime | None, str]


@dataclass(frozen=True, slots=True)
class Calls:
    """A provider's calls of the last 24 hours by window, and how many failed since its last price."""

    past: dict[str, Past]
    failed: int = 0

    @property
    def today(self) -> int:
        """Return how many there were in 24 hours."""
        return self.past["day"].used


@dataclass(frozen=True, slots=True)
class Demand:
    """What is planned of a provider: the exchanges of its stocks, how many these are, and how often they are asked for.

    `rate` is the sum of 1 / interval, the stocks asked for in a second; `shortest` the least interval in seconds.
    """

    mics: frozenset[str] = frozenset()
    stocks: int = 0
    rate: float = 0.0
    shortest: float | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """All that is planned: by provider, and when the planner last worked; None where it never did."""

    demands: dict[str, Demand]
    planned_at: dt.datetime | None

    @property
    def stocks(self) -> int:
        """Return how many stocks are planned."""
        return sum(demand.stocks for demand in self.demands.values())


@dataclass(frozen=True, slots=True)
class Refresh:
    """One stock of the reader: how it is refreshed, when it was, and why a price of it waits, where one does."""

    instrument: Instrument
    plan: RefreshPlan | None
    fetched_at: dt.datetime | None
    held: str


def load_calls(names: Sequence[str], now: dt.datetime) -> dict[str, Calls]:
    """Return the calls of these providers in the last 24 hours; the index of the calls answers for all windows."""
    call = ProviderCall
    windows = [select(literal(name), literal(unit), func.count(), func.min(call.started_at), func.max(call.started_at))
               .where(call.provider == name, call.started_at > now - span)
               for name in names for unit, span in SPANS.items()]
    failed = _count_failed(names, now)
    past: dict[str, dict[str, Past]] = {name: {} for name in names}
    newest: dict[str, dt.datetime | None] = {}
    for name, unit, used, oldest, last in db.session.execute(union_all(*windows)):
        past[name][unit] = Past(used, oldest, last)
        if unit == "day":
            newest[name] = last
    return {name: Calls({unit: replace(each, newest=newest[name]) for unit, each in past[name].items()},
                        failed.get(name, 0)) for name in names}


def _count_failed(names: Sequence[str], now: dt.datetime) -> dict[str, int]:
    """Return how many calls failed since each provider's last success, a day ago at most."""
    call, state = ProviderCall, ProviderState
    succeeded = dict(db.session.execute(
        select(state.provider, state.last_success_at).where(state.provider.in_(names))).tuples().all())
    since = {name: max(now - DAY, succeeded.get(name) or now - DAY) for name in names}
    counts = [select(literal(name), func.count())
              .where(call.provider == name, call.started_at > moment, call.outcome != OPEN,
                     *(~call.outcome.startswith(word) for word in ANSWERED)) for name, moment in since.items()]
    return dict(db.session.execute(union_all(*counts)).tuples().all())


def with_overdraft(name: str, window: Window, now: dt.datetime) -> Window:
    """Return the window with the right moment at which a call is possible, where more are used than it allows.

    So it is after a limit was set lower: as many must drop out as are too many.
    """
    if window.used <= window.limit:
        return window
    at = ProviderCall.started_at
    leaves = db.session.scalar(select(at).where(ProviderCall.provider == name, at > now - window.length)
                               .order_by(at).offset(window.used - window.limit).limit(1))
    return replace(window, frees_at=leaves + window.length) if leaves else window


def load_due(names: Sequence[str], now: dt.datetime) -> dict[str, dict[int, int]]:
    """Return how many stocks are due in each quarter of the next 24 hours, by provider."""
    if not names:
        return {}
    quarter = (cast(extract("epoch", RefreshPlan.next_at), Integer) // QUARTER_S).label("quarter")
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for name, number, stocks in db.session.execute(
            select(RefreshPlan.provider, quarter, func.count())
            .where(RefreshPlan.provider.in_(names), RefreshPlan.next_at > now, RefreshPlan.next_at < now + DAY)
            .group_by(RefreshPlan.provider, quarter)):
        found[name][int(number)] = stocks
    return found


def load_states(names: Sequence[str]) -> tuple[dict[str, ProviderState], dict[str, StreamState]]:
    """Return how the providers and their web sockets are."""
    states = db.session.scalars(select(ProviderState).where(ProviderState.provider.in_(names)))
    streams = db.session.scalars(select(StreamState).where(StreamState.provider.in_(names)))
    return {state.provider: state for state in states}, {stream.provider: stream for stream in streams}


def load_findings(names: Sequence[str], now: dt.datetime) -> dict[str, int]:
    """Return how many readings of each provider were refused or held in the last 24 hours."""
    query = (select(QuoteFinding.source, func.count())
             .where(QuoteFinding.last_at > now - DAY, QuoteFinding.source.in_(names)).group_by(QuoteFinding.source))
    return dict(db.session.execute(query).tuples().all())


def load_plans(names: Sequence[str]) -> Plans:
    """Return what is planned of these providers, added up by each; a plan of another one is out of date."""
    polled = and_(~RefreshPlan.streamed, RefreshPlan.interval_s > 0)
    query = (select(RefreshPlan.provider, InstrumentRow.mic, func.count(),
                    func.sum(case((polled, 1.0 / RefreshPlan.interval_s), else_=0.0)),
                    func.min(case((polled, RefreshPlan.interval_s))), func.max(RefreshPlan.planned_at))
             .join(InstrumentRow, InstrumentRow.id == RefreshPlan.instrument_id)
             .where(RefreshPlan.provider.in_(names)).group_by(RefreshPlan.provider, InstrumentRow.mic))
    demands: dict[str, Demand] = defaultdict(Demand)
    planned: list[dt.datetime] = []
    for name, mic, stocks, rate, shortest, planned_at in db.session.execute(query):
        one = demands[name]
        demands[name] = Demand(one.mics | {mic}, one.stocks + stocks, one.rate + rate,
                               min((each for each in (one.shortest, shortest) if each is not None), default=None))
        planned.append(planned_at)
    return Plans(dict(demands), max(planned, default=None))


def load_plans_of(ids: Sequence[int], names: Sequence[str]) -> dict[int, RefreshPlan]:
    """Return how these stocks are refreshed, where one of the named providers does it."""
    query = select(RefreshPlan).where(RefreshPlan.instrument_id.in_(ids), RefreshPlan.provider.in_(names))
    return {plan.instrument_id: plan for plan in db.session.scalars(query)}


def load_refreshes(user_id: int | None, names: Sequence[str], sort: str, direction: str,
                   page: int) -> tuple[list[Refresh], int]:
    """Return one page of the stocks on the person's lists, or of the front page's, and how many there are in all.

    Of plans only those of the named providers are told.
    """
    query = (select(InstrumentRow, RefreshPlan, QuoteRow.fetched_at, func.coalesce(HeldQuote.reason, ""))
             .outerjoin(RefreshPlan, and_(RefreshPlan.instrument_id == InstrumentRow.id,
                                          RefreshPlan.provider.in_(names)))
             .outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id)
             .outerjoin(HeldQuote, HeldQuote.instrument_id == InstrumentRow.id)
             .where(_of_reader(user_id)))
    rows = db.session.execute(_sorted(query, sort, direction).limit(MOST_STOCKS).offset((page - 1) * MOST_STOCKS))
    total = db.session.scalar(select(func.count()).select_from(InstrumentRow).where(_of_reader(user_id))) or 0
    return [Refresh(row.record(), plan, fetched_at, held) for row, plan, fetched_at, held in rows], total


def count_listed() -> int:
    """Return how many stocks are on anybody's list."""
    return db.session.scalar(select(func.count(WatchlistItem.instrument_id.distinct()))) or 0


def count_on_screen() -> int:
    """Return how many stocks somebody looks at now; without Redis, as if nobody did."""
    try:
        return len(bus.watched_ids(current_app.extensions["redis"]))
    except RedisAway:
        return 0


def demand_of(plans: Plans, name: str) -> Demand:
    """Return what is planned of a provider, nothing where it has no stocks."""
    return plans.demands.get(name, Demand())


def mics_of(demands: Iterable[Demand]) -> frozenset[str]:
    """Return the exchanges of all stocks that are planned."""
    return frozenset().union(*(demand.mics for demand in demands))


def _of_reader(user_id: int | None) -> Any:
    """Return the condition for the stocks that the reader sees."""
    if user_id is None:
        return InstrumentRow.starter
    return InstrumentRow.id.in_(select(WatchlistItem.instrument_id)
                                .join(Watchlist, Watchlist.id == WatchlistItem.watchlist_id)
                                .where(Watchlist.user_id == user_id))


def _sorted(query: Rows, sort: str, direction: str) -> Rows:
    """Order by one column, missing values last in both directions, then by symbol."""
    interval = case((RefreshPlan.streamed, 0.0), else_=RefreshPlan.interval_s)
    columns: dict[str, Any] = {"interval": interval, "next": RefreshPlan.next_at, "age": QuoteRow.fetched_at}
    names = InstrumentRow.symbol, InstrumentRow.mic
    if sort in columns:
        # The newest is the least old.
        falling = (direction == "desc") != (sort == "age")
        column = columns[sort]
        return query.order_by((column.desc() if falling else column.asc()).nulls_last(), *names)
    return query.order_by(*(name.desc() if direction == "desc" else name.asc() for name in names))
