"""A week of trading on a clock of its own: the real refresh, with vendors that stand at the network's edge."""

from __future__ import annotations

import datetime as dt
import heapq
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.worker.conftest import Clock, make_instrument, make_quote, watch
from webapp import clock
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import InstrumentRow, RefreshPlan
from webapp.quotes import load_live
from webapp.records import Instrument, LiveQuote, Quote, State
from webapp.vendors import Limits
from worker import quota
from worker.jobs import calendar, quotes
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.freshness import times_of_day, times_of_regular, times_of_trade

SLOT = dt.timedelta(seconds=5)
# At least so often it is asked what is due, also where nothing should be.
LOOK = dt.timedelta(hours=3)
# So soon after a slot in which a stock was due and not fetched.
AGAIN = dt.timedelta(seconds=60)
# How long an answer takes.
TRIP = dt.timedelta(seconds=0.3)
# An auction's price comes some seconds after the close.
AUCTION = dt.timedelta(seconds=4)
trading_days = cache(calendar.trading_days)

Times = tuple[dt.datetime, dt.datetime]


def utc(text: str) -> dt.datetime:
    """Read a moment in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Hours:
    """When each exchange trades in a week, from its own announcements, in UTC; `extended` with the hours around.

    `breaks` are the midday breaks of those that have one.
    """

    regular: dict[str, list[Times]]
    extended: dict[str, list[Times]]
    breaks: dict[str, list[Times]] = field(default_factory=dict)

    def of(self, mic: str, *, extended: bool) -> list[Times]:
        """Return the times in which a vendor has new prices."""
        return self.extended.get(mic, self.regular[mic]) if extended else self.regular[mic]

    def is_open(self, mic: str, moment: dt.datetime, *, extended: bool = False) -> bool:
        """Tell whether there are new prices at a moment."""
        return self.break_at(mic, moment) is None and any(
            start <= moment < end for start, end in self.of(mic, extended=extended))

    def edges(self) -> set[dt.datetime]:
        """Return every moment at which trading begins or ends somewhere."""
        tables = self.regular, self.extended, self.breaks
        return {moment for table in tables for days in table.values() for both in days for moment in both}

    def break_at(self, mic: str, moment: dt.datetime) -> Times | None:
        """Return the midday break that a moment is in."""
        return next((times for times in self.breaks.get(mic, ()) if times[0] <= moment < times[1]), None)


@dataclass(frozen=True)
class Fetch:
    """One stock that a vendor was asked for."""

    at: dt.datetime
    symbol: str
    mic: str
    failed: bool


@dataclass
class Edge:
    """A vendor of some stocks. It has the prices of the market as it was a second ago, or the closes of days."""

    name: str
    hours: Hours
    limits: Limits
    clock: Clock
    symbols: set[str] = field(default_factory=set)
    delay: State = State.LIVE
    batch_size: int = 1
    extended_hours: bool = False
    out_of_order: Times | None = None
    calls: list[dt.datetime] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Return the name that people know."""
        return f"The {self.name.title()}"

    def covers(self, instrument: Instrument) -> bool:
        """Have its own stocks only."""
        return instrument.symbol in self.symbols

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Answer as the market is; fail while it is out of order."""
        failed = self.out_of_order is not None and self.out_of_order[0] <= now < self.out_of_order[1]
        self.calls.append(now)
        self.fetches += [Fetch(now, stock.symbol, stock.mic, failed) for stock in instruments]
        self.clock.moment += TRIP
        if failed:
            raise ProviderError(ErrorKind.UNREACHABLE, f"{self.title} cannot be reached.")
        return [self._quote(stock, now, sessions) for stock in instruments]

    def _quote(self, stock: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        if self.delay is State.END_OF_DAY:
            ended = max(end for _start, end in self.hours.regular[stock.mic] if end <= now)
            times = times_of_day(ended.date(), State.END_OF_DAY, now, sessions, stock.mic)
        else:
            read = times_of_trade if self.extended_hours else times_of_regular
            times = read(self._last_trade(stock.mic, now), State.LIVE, now, sessions, stock.mic)
        price = str(100 + Decimal((times.as_of - utc("2026-10-01")).total_seconds()) / 1_000_000)
        return make_quote(stock, price, as_of=times.as_of, day=times.day, source=self.name, state=times.state,
                          session=times.session, stale_at=times.stale_at, previous_close=None, open=None,
                          as_of_is_day=self.delay is State.END_OF_DAY)

    def _last_trade(self, mic: str, now: dt.datetime) -> dt.datetime:
        before = now - dt.timedelta(seconds=1)
        if rest := self.hours.break_at(mic, before):
            before = min(before, rest[0] + AUCTION)
        ended = [min(before, end + AUCTION) for start, end in self.hours.of(mic, extended=self.extended_hours)
                 if start <= before]
        return max(ended)


@dataclass
class Week:
    """What happened in the week. `seen` holds how the rows were at moments that somebody chose, by symbol."""

    hours: Hours
    vendors: list[Edge]
    seen: dict[tuple[str, dt.datetime], LiveQuote] = field(default_factory=dict)
    paces: dict[tuple[str, dt.datetime], float | None] = field(default_factory=dict)

    def state(self, symbol: str, moment: dt.datetime) -> State:
        """Return what a page said of a stock at a moment that was looked at."""
        return self.seen[symbol, moment].state_at(moment)


@dataclass
class Stage:
    """The application, its clock, the vendors, and the moments at which the rows are looked at."""

    clock: Clock
    vendors: list[Edge]
    hours: Hours
    looks: Sequence[dt.datetime]

    def play(self, start: dt.datetime, end: dt.datetime) -> Week:
        """Run each vendor's refresh from `start` to `end` in each slot in which something may be due.

        The rows are looked at in between; in the moment of a slot, before the refresh.
        """
        week = Week(self.hours, self.vendors)
        looks = sorted({look for look in self.looks if start <= look < end}, reverse=True)
        fixed = self._fixed(start, end)
        queue = [(start, place) for place in range(len(self.vendors))]
        while queue:
            slot, place = heapq.heappop(queue)
            while looks and looks[-1] <= slot:
                self._look(week, looks.pop())
            self.clock.moment = slot
            vendor = self.vendors[place]
            before = len(vendor.calls)
            quotes.refresh_quotes(vendor.name)
            # Whoever has fetched says in the next slot when it will again.
            following = slot + SLOT if len(vendor.calls) > before else self._next(vendor, fixed)
            following = max(_slot_after(following), _slot_after(self.clock.moment))
            if following < end:
                heapq.heappush(queue, (following, place))
        for look in reversed(looks):
            self._look(week, look)
        return week

    def _look(self, week: Week, moment: dt.datetime) -> None:
        plans = {row.instrument_id: row.interval_s for row in db.session.scalars(select(RefreshPlan))}
        for row in load_live(list(db.session.scalars(select(InstrumentRow.id)))):
            week.seen[row.instrument.symbol, moment] = row
            week.paces[row.instrument.symbol, moment] = plans.get(row.instrument.id)
        db.session.rollback()

    def _fixed(self, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
        """Return moments at which nothing may be missed: around every opening and close, and now and then."""
        steps = range(1, (end - start) // LOOK)
        return sorted(self.hours.edges() | {start + step * LOOK for step in steps})

    def _next(self, vendor: Edge, fixed: Sequence[dt.datetime]) -> dt.datetime:
        """Return when one of a vendor's stocks is due, as its plan says, or the next fixed moment.

        For one that is due and was not fetched it is looked again soon; or when the limit, which is reached, is not.
        """
        now = self.clock.moment
        due = db.session.scalar(select(func.min(RefreshPlan.next_at)).where(RefreshPlan.provider == vendor.name))
        refusal = quota.refusal_now(vendor)
        db.session.rollback()
        place = bisect_right(fixed, now)
        following = [now + LOOK, *fixed[place:place + 1]]
        if due is not None:
            following.append(max(due, refusal.until if refusal else now + AGAIN))
        return min(following)


def _slot_after(moment: dt.datetime) -> dt.datetime:
    """Return the first slot that is not before a moment; slots stand on whole multiples of their length."""
    seconds = moment.timestamp()
    whole = int(seconds // 5 * 5)
    return dt.datetime.fromtimestamp(whole if whole == seconds else whole + 5, dt.UTC)


def put_on_stage(patch: pytest.MonkeyPatch, stage: Stage, stocks: dict[str, tuple[str, str]],
                 start: dt.datetime) -> None:
    """Make the stocks (symbol -> exchange, vendor), put them on a list, write the days, put the vendors in place."""
    patch.setattr(clock, "now", stage.clock)
    stage.clock.moment = start
    patch.setattr(quotes, "time", _job_time(stage.clock))
    patch.setattr(quotes, "active_providers", lambda settings: stage.vendors)
    patch.setattr(calendar, "ALWAYS", set())
    patch.setattr(calendar, "trading_days", trading_days)
    watch(*(make_instrument(symbol, mic) for symbol, (mic, _vendor) in stocks.items()))
    for vendor in stage.vendors:
        vendor.symbols = {symbol for symbol, (_mic, name) in stocks.items() if name == vendor.name}
    calendar.write_sessions()


def _job_time(own: Clock) -> Any:
    """Return a stand-in for the module time: who sleeps moves the clock."""
    def sleep(seconds: float) -> None:
        own.moment += dt.timedelta(seconds=seconds)

    def monotonic() -> float:
        return own.moment.timestamp()

    return SimpleNamespace(sleep=sleep, monotonic=monotonic)
