"""Measures how well the planner spends a vendor's quota: the real worker/pacing.py over days of a virtual clock.

PYTHONPATH=. .venv/bin/python benchmarks/planner.py [--check]

See docs/performance.md. Every error is a sum of w s² times the mean age of the prices, on a clock that stands while the
market is closed: then no price moves. The optimum is the closed form, (sum of s √w)² / 2 R for R calls a second.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import math
import random
import sys
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.streams.report import Bar, print_bars, print_table
from webapp.analytics.intervals import RESERVE, sustainable_rate
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Quote, State
from webapp.vendors import Limits
from worker.jobs.quotes import MOST_CALLS, RUN_SECONDS, SHORT_WAIT
from worker.pacing import (
    SETTLES,
    Candidate,
    best_paces,
    choose,
    planned_rate,
    running_session,
    waiting,
)
from worker.planner import REST_AFTER_LIVE_FAULT
from worker.quota import DOWN_AFTER, FIRST_REST, LONGEST_REST
from worker.schedule import QUOTA_REFRESH_SECONDS as SLOT_S

MIC, HOUR_S, DAY_S = "XNAS", 3600.0, 86_400.0
TRADING_S = 16 * HOUR_S  # New York with its extended hours, from 4 to 20 o'clock
REGULAR_S = 5.5 * HOUR_S, 12 * HOUR_S  # the regular session, counted from 4 o'clock
FIRST_DAY = dt.datetime(2026, 11, 9, 9, tzinfo=dt.UTC)  # a Monday, 4 o'clock in New York
NOON_S = 8 * HOUR_S
BEFORE_S = 2 * HOUR_S  # so long before the first opening everything begins
ANSWER_S = 0.2  # from asking a vendor to its answer
MINUTE_S = 60.0
MOST, MOST_OUT = 1.05, 1.15
SEED = 20_261_121
NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Scenario:
    """A vendor's limits, how many stocks, how many days; what is lost at noon of the first of these.

    A day more goes before them: on it everything begins, and a good part of a small quota goes for first prices.
    """

    limits: Limits
    stocks: int
    days: int
    gone: int = 0
    outage_s: float = 0.0

    @property
    def planned(self) -> float:
        """Return the calls a second that the planner means to spend, its reserve left out."""
        return sustainable_rate(self.limits, 0, TRADING_S)

    @property
    def full(self) -> float:
        """Return the calls a second of trading that the limits allow, the reserve too."""
        return self.planned / (1 - RESERVE)

    @property
    def foreseen(self) -> float:
        """Return the same for one who knows of the loss beforehand."""
        return (self.full - self.gone / TRADING_S / self.days) * (1 - self.outage_s / TRADING_S)


A_DAY_25, A_DAY_800 = Limits(per_second=1 / 1.1, per_day=25), Limits(per_second=5, per_minute=8, per_day=800)
A_MINUTE_60 = Limits(per_second=20, per_minute=60)
SCENARIOS = {"25 a day, 12 stocks": Scenario(A_DAY_25, 12, 5), "800 a day, 60 stocks": Scenario(A_DAY_800, 60, 5),
             "60 a minute, 400 stocks": Scenario(A_MINUTE_60, 400, 1),
             "800 a day, 400 gone at noon": Scenario(A_DAY_800, 60, 1, gone=400),
             "60 a minute, out for an hour": Scenario(A_MINUTE_60, 400, 1, outage_s=HOUR_S)}


@dataclass(frozen=True)
class Vendor:
    """A vendor with live prices, as far as planning asks for it."""

    limits: Limits
    name: str = "vendor"
    title: str = "Vendor"
    batch_size: int = 1
    extended_hours: bool = True
    delay: State = State.LIVE

    def covers(self, instrument: Instrument) -> bool:
        """Say that it has every stock."""
        return bool(instrument)

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Refuse: the simulation has no prices."""
        raise NotImplementedError


def draw_stocks(count: int) -> list[Candidate]:
    """Return stocks of log-normal volatility: a quarter on screens, 60 % on lists only, the rest on the front page."""
    chance, stocks = random.Random(SEED), []
    for number in range(1, count + 1):
        day_range, place = 0.02 * math.exp(chance.gauss(0, 0.6)), chance.random()
        stock = Instrument(number, f"S{number:03}", MIC, f"Stock {number}", "USD", "US")
        stocks.append(Candidate(stock, None, place < 0.85, place < 0.25, None, day_range))
    return stocks


def trading_days(count: int) -> list[SessionTimes]:
    """Return days of New York, five to a week."""
    starts = [FIRST_DAY + dt.timedelta(days=number + number // 5 * 2) for number in range(count)]
    opening, closing = (dt.timedelta(seconds=seconds) for seconds in REGULAR_S)
    return [SessionTimes(MIC, at.date(), at + opening, at + closing, at, at + dt.timedelta(seconds=TRADING_S))
            for at in starts]


class Simulation:
    """The refresh job over trading days: in each slot it plans, calls what is due within the limits, notes when."""

    def __init__(self, scenario: Scenario, policy: str) -> None:
        self.scenario, self.vendor = scenario, Vendor(scenario.limits)
        self.stocks = {stock.instrument.id: stock for stock in draw_stocks(scenario.stocks)}
        self.days = trading_days(scenario.days + 1)
        self.book = SessionBook(self.days)
        self.starts = [day.starts_at.timestamp() for day in self.days]
        self.calls: list[float] = []
        self.answers: dict[int, list[float]] = {number: [] for number in self.stocks}
        self.due = {"planner": self.planned, "in turn": self.in_turn, "each minute": self.each_minute}[policy]
        self.paces: dict[int, float] = {}
        self.rate = 0.0
        self.paced_for: tuple[float, ...] = ()
        self.in_a_row = self.made = 0
        self.paused_until = 0.0
        self.faults: Counter[int] = Counter()
        self.rests: dict[int, float] = {}

    def run(self) -> Simulation:
        """Let all days pass, and return itself."""
        now, end, gone = self.starts[0] - BEFORE_S, self.days[-1].ends_at.timestamp(), self.scenario.gone
        while now < end:
            if gone and now >= self.starts[1] + NOON_S:
                # What others spent is seen by the planner too: it is in the count of the calls.
                self.calls, gone = self.calls + [now] * gone, 0
            due = self.due(now)
            done = self.make_calls(due, now)
            now = max(now + SLOT_S, math.ceil(done / SLOT_S) * SLOT_S)
            if not due and not self.is_open(now):
                now = self.next_event(now)
        return self

    def is_open(self, now: float) -> bool:
        """Tell whether the market is open, extended hours included."""
        return running_session(self.vendor, MIC, _time(now), self.book) is not None

    def next_event(self, now: float) -> float:
        """Return when the next market opens or a day's prices have settled: before that nothing can be due."""
        settled = [day.ends_at.timestamp() + SETTLES.total_seconds() for day in self.days]
        return min(moment for moment in (*self.starts, *settled) if moment >= now)

    def planned(self, now: float) -> Sequence[Candidate]:
        """Return what the real planner says, given the same figures as in worker/planner.py."""
        limits, moment = self.scenario.limits, _time(now)
        used = len(self.calls)
        # Without a limit for the day nothing in the paces changes while the market is open.
        key = (now, used) if limits.per_day else (float(self.is_open(now)),)
        if key != self.paced_for:
            self.rate = planned_rate(self.vendor, self.stocks.values(), self.book, moment, self.used_since)
            self.paces = best_paces(self.vendor, self.stocks.values(), self.book, moment, self.rate)
            self.paced_for = key
        candidates: Iterable[Candidate] = self.stocks.values()
        if self.rests:
            candidates = [stock for number, stock in self.stocks.items() if self.rests.get(number, 0) <= now]
        queue = waiting(self.vendor, candidates, self.paces, self.book, moment)
        chosen = choose(self.vendor, queue, self.rate, None, moment)
        return [self.stocks[instrument.id] for instrument in chosen]

    def used_since(self, moment: dt.datetime) -> int:
        """Return how many calls were made since then."""
        return len(self.calls) - bisect_right(self.calls, moment.timestamp())

    def in_turn(self, now: float) -> Sequence[Candidate]:
        """Return the oldest stocks, so many that all of the quota is spent evenly over the trading day."""
        owed = int(self.clock(now) * self.scenario.full) - self.made
        self.made += owed
        return oldest_first(self.stocks.values())[:owed] if owed else []

    def each_minute(self, now: float) -> Sequence[Candidate]:
        """Return every stock that is a minute old, the oldest first."""
        if not self.is_open(now):
            return []
        old = _time(now - MINUTE_S)
        return oldest_first(stock for stock in self.stocks.values() if (stock.fetched_at or NEVER) <= old)

    def make_calls(self, due: Sequence[Candidate], now: float) -> float:
        """Make the calls of one run, one after the other, as far as the limits go; return when it is over."""
        at, pause = now, self.scenario.limits.pause.total_seconds()
        for stock in due[:MOST_CALLS]:
            free = max(self.free_at(at), self.paused_until)
            if at - now > RUN_SECONDS or free - at >= SHORT_WAIT.total_seconds():
                break
            at = free
            self.calls.append(at)
            self.take(stock, at, at + ANSWER_S)
            at += ANSWER_S + pause
        return at

    def free_at(self, now: float) -> float:
        """Return when the rolling windows have room for a call."""
        limits = self.scenario.limits
        windows = (limits.per_day, DAY_S), (limits.per_hour, HOUR_S), (limits.per_minute, MINUTE_S)
        return max([now, *(self.calls[-limit] + window for limit, window in windows
                           if limit and len(self.calls) >= limit)])

    def take(self, stock: Candidate, asked: float, at: float) -> None:
        """Note an answer; a vendor that is out gives none, and then vendor and stock rest as worker/quota.py has it."""
        number = stock.instrument.id
        noon = self.starts[1] + NOON_S
        if not noon <= asked < noon + self.scenario.outage_s:
            self.in_a_row = 0
            self.stocks[number] = dataclasses.replace(stock, fetched_at=_time(at), as_of=_time(at))
            self.answers[number].append(at)
            return
        self.in_a_row += 1
        if self.in_a_row >= DOWN_AFTER:
            self.paused_until = at + min(FIRST_REST * 2 ** (self.in_a_row - DOWN_AFTER), LONGEST_REST).total_seconds()
        self.rests[number] = at + REST_AFTER_LIVE_FAULT.total_seconds() * 2 ** self.faults[number]
        self.faults[number] += 1

    def clock(self, now: float) -> float:
        """Return how long the market has been open since the first day began."""
        return sum(min(max(now - start, 0), TRADING_S) for start in self.starts)

    def error(self, begins: float, ends: float) -> float:
        """Return the sum of w s² times the mean age between two moments of the market's clock, after the first day."""
        begins, ends = begins + TRADING_S, ends + TRADING_S
        return sum(self.stocks[number].demand ** 2 * summed_age(map(self.clock, times), begins, ends)
                   for number, times in self.answers.items()) / (ends - begins)


def oldest_first(stocks: Iterable[Candidate]) -> list[Candidate]:
    """Return stocks by the age of their price."""
    return sorted(stocks, key=lambda stock: (stock.fetched_at or NEVER, stock.instrument.id))


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def summed_age(times: Iterable[float], begins: float, ends: float) -> float:
    """Return the integral of the age of a price that was fetched at `times`."""
    waiting, newest, total, since = deque(times), 0.0, 0.0, begins
    while waiting and waiting[0] <= begins:
        newest = waiting.popleft()
    for moment in (*(time for time in waiting if time < ends), ends):
        total += ((moment - newest) ** 2 - (since - newest) ** 2) / 2
        newest = since = moment
    return total


def best_error(demands: Sequence[float], rate: float, span: float, hole: float = 0.0) -> float:
    """Return the least error at `rate` calls a second, as the mean over all of `span`, with a `hole` without calls.

    Who knows of a hole asks for each stock right before and right after it, and else as evenly as ever; a stock whose
    intervals are longer than the hole does not feel it. No plan can be better, hardly one as good.
    """
    total, error, open_s = sum(demands), 0.0, span - hole
    for demand in demands:
        interval = total / (rate * demand)
        area = hole ** 2 + open_s * interval * open_s / span if interval < hole else span * interval
        error += demand ** 2 * area / 2 / span
    return error


def measure(name: str, policy: str) -> dict[str, Any]:
    """Run one policy in one scenario; return its error as a multiple of the least ones."""
    scenario = SCENARIOS[name]
    ran = Simulation(scenario, policy).run()
    demands, span = [stock.demand for stock in ran.stocks.values()], scenario.days * TRADING_S
    whole = ran.error(0.0, span)
    # The closing refreshes of the first day are what the second one begins with; those of the last serve no day.
    begun = ran.days[0].ends_at.timestamp()
    made = ran.calls if scenario.outage_s == 0 else [at for times in ran.answers.values() for at in times]
    calls = sum(at > begun for at in made) - scenario.gone

    def against(rate: float, error: float = whole, hole: float = 0.0) -> float:
        return round(error / best_error(demands, rate, span, hole), 3)

    days = [ran.error(day * TRADING_S, (day + 1) * TRADING_S) for day in range(scenario.days)]
    regular = [ran.error(*(day * TRADING_S + edge for edge in REGULAR_S)) for day in range(scenario.days)]
    return {"calls": calls, "same": against(calls / span, hole=scenario.outage_s),
            "foreseen": against(scenario.foreseen, hole=scenario.outage_s),
            "planned": against(scenario.planned), "full": against(scenario.full),
            "regular": against(scenario.planned, sum(regular) / scenario.days),
            "days": [against(scenario.planned, error) for error in days], "worst": against(scenario.planned, max(days))}


COLUMNS = {"calls": "calls", "same": "same calls", "planned": "planned rate", "full": "full quota",
           "foreseen": "loss foreseen", "regular": "regular hours", "worst": "worst day"}
POLICIES = "planner", "in turn", "each minute"


def measure_all() -> dict[str, dict[str, Any]]:
    """Run everything, on all cores."""
    with ProcessPoolExecutor() as pool:
        waiting = {(name, policy): pool.submit(measure, name, policy) for name in SCENARIOS for policy in POLICIES}
    return {name: {policy: waiting[name, policy].result() for policy in POLICIES} for name in SCENARIOS}


def bars_of(found: dict[str, dict[str, Any]]) -> list[Bar]:
    """Return the promises: near the optimum where nothing is lost, and always better than all in turn.

    There is none for calls that are gone: who spent half a day's calls by noon cannot have known.
    """
    bars = [Bar(f"{name}: error against the least of as many calls", MOST, found[name]["planner"]["same"])
            for name, scenario in SCENARIOS.items() if not scenario.gone and not scenario.outage_s]
    bars += [Bar(f"{name}: error against the least of one who foresees it", MOST_OUT, found[name]["planner"]["same"])
             for name, scenario in SCENARIOS.items() if scenario.outage_s]
    return bars + [Bar(f"{name}: error for its calls against all in turn", 1.0,
                       round(policies["planner"]["same"] / policies["in turn"]["same"], 3))
                   for name, policies in found.items()]


def main() -> int:
    """Print tables, bars, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    words = parser.parse_args()
    found = measure_all()
    for name, policies in found.items():
        print(f"\n{name}")
        print_table(COLUMNS, policies)
        if SCENARIOS[name].days > 1:
            print("planner, day by day, against the planned rate:", *policies["planner"]["days"])
    bars = bars_of(found)
    print_bars(bars)
    print(json.dumps({"benchmark": "planner", "found": found, "bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not all(bar.holds for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
