"""What the page says of each provider: its limits, how they went, whether calls go through, what it can do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config import Config
from webapp.analytics.intervals import sustainable_rate
from webapp.markets import SessionBook
from webapp.models import ProviderState, StreamState
from webapp.records import Session, State
from webapp.sources import charts, queries, usage, words
from webapp.sources.queries import Calls, Demand
from webapp.sources.usage import Quarter, Spending, Window
from webapp.vendors import SIMULATOR, Limits, Vendor, as_set

# A day's limit lasts this long at least, as it does for the planner.
LEAST_SPREAD = dt.timedelta(minutes=30)
# So far ahead the chart looks where no session runs.
AHEAD = dt.timedelta(hours=12)
AMERICA = "the United States"
MARKETS = {
    "alpaca": f"{AMERICA}, as traded on IEX", "finnhub": AMERICA, "twelve-data": f"{AMERICA}; others on paid plans",
    "tiingo": AMERICA, "massive": AMERICA, "fmp": f"{AMERICA}; the free plan has a part of the symbols",
    "alpha-vantage": f"{AMERICA}, Canada, London, Germany, Paris, Amsterdam, Stockholm, Bombay, China, Hong Kong and "
                     "São Paulo",
    "yahoo": "most of the world", "csv": "those with a file in CSV_DIR", SIMULATOR: "all, made up"}
PRICES = {State.LIVE: "live", State.DELAYED: "15 minutes late", State.END_OF_DAY: "one a day, after the close",
          State.SIMULATED: "made up"}


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether calls go through, in a word for the badge and in a sentence; `tone` colours the badge."""

    tone: str
    badge: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One provider as the page shows it."""

    name: str
    title: str
    vendor: Vendor
    streams: int
    calls: Calls
    windows: list[Window]
    breaker: Breaker
    chart: charts.Chart | None
    outlook: str
    stocks: int
    shortest: float | None
    refused: int
    state: ProviderState | None
    stream: StreamState | None

    @property
    def simulated(self) -> bool:
        """Tell whether its prices are made up."""
        return self.vendor.delay is State.SIMULATED

    @property
    def stopped(self) -> bool:
        """Tell whether an admin lets it make no call."""
        return self.state is not None and self.state.stopped_at is not None

    @property
    def day(self) -> Window | None:
        """Return the limit of a day, where there is one."""
        return next((window for window in self.windows if window.unit == "day"), None)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return what it can do."""
        batch = self.vendor.batch_size
        hours = "before and after the regular session too" if self.vendor.extended_hours else "the regular session"
        found = [("Prices", PRICES.get(self.vendor.delay, "")), ("Hours", hours),
                 ("Exchanges", MARKETS.get(self.name, "")),
                 ("Stocks a call", f"up to {batch:,}" if batch > 1 else "one")]
        return [*found, ("Web socket", f"up to {words.stocks(self.streams)}")] if self.streams else found


def active_names(settings: Config) -> tuple[str, ...]:
    """Return the providers in use, in the order in which they are asked."""
    return settings.vendors or (SIMULATOR,)


def trading(vendor: Vendor, mics: Iterable[str], book: SessionBook, now: dt.datetime
            ) -> tuple[dt.datetime, dt.datetime] | None:
    """Return since when and until when the vendor has new prices on one of the exchanges; None while all are shut."""
    running = []
    for mic in mics:
        part, session = book.current(mic, now)
        if session is not None and (part is Session.REGULAR or vendor.extended_hours):
            running.append((session.starts_at, session.ends_at) if vendor.extended_hours
                           else (session.opens_at, session.closes_at))
    return (min(began for began, _ in running), max(ends for _, ends in running)) if running else None


def seconds_left(ends: dt.datetime, now: dt.datetime) -> float:
    """Return how long a day's limit has to last."""
    return max(ends - now, LEAST_SPREAD).total_seconds()


def load_panels(settings: Config, plans: queries.Plans, book: SessionBook, now: dt.datetime,
                quarters: Mapping[str, dict[int, Quarter]]) -> list[Panel]:
    """Return what the page says of each active provider, in order."""
    names = active_names(settings)
    calls = queries.load_calls(names, now)
    states, streams = queries.load_states(names)
    refused = queries.load_findings(names, now)
    due = queries.load_due([name for name in names if as_set(name, settings).delay is State.END_OF_DAY], now)
    found = []
    for name in names:
        vendor, demand = as_set(name, settings), queries.demand_of(plans, name)
        limits = vendor.limits(settings)
        windows = [queries.with_overdraft(name, window, now)
                   for window in usage.windows_of(limits, calls[name].past, now)]
        state = states.get(name)
        spending, outlook = (
            (Spending(now + AHEAD), "Nothing is planned while it is paused.") if state and state.stopped_at else
            plan_ahead(vendor, limits, demand, book, now, quarters.get(name, {}), due.get(name, {})))
        binding = usage.binding(windows)
        burn = usage.burn_down(binding, quarters.get(name, {}), spending, now) if binding else None
        found.append(Panel(
            name, vendor.title, vendor, settings.stream_places(name), calls[name], windows,
            breaker(state, calls[name].failed, windows, now),
            charts.draw(burn, vendor.title, now) if burn else None, outlook, demand.stocks, demand.shortest,
            refused.get(name, 0), state, streams.get(name)))
    return found


def plan_ahead(vendor: Vendor, limits: Limits, demand: Demand, book: SessionBook, now: dt.datetime,
               quarters: Mapping[int, Quarter], due: Mapping[int, int]) -> tuple[Spending, str]:
    """Return what the provider's stocks are planned to use from now on, and the same in a sentence."""
    if vendor.delay is State.END_OF_DAY:
        return (Spending(now + AHEAD, by_quarter=due), "One call for each stock after the close of its market, "
                f"{sum(due.values()):,} of them in the next 24 hours.")
    if not demand.stocks:
        return Spending(now + AHEAD), "No stock is planned to be fetched from here."
    open_now = trading(vendor, demand.mics, book, now)
    if open_now is None:
        opens = min((at for mic in demand.mics if (at := book.next_open(mic, now))), default=None)
        until = min(opens or now + AHEAD, now + AHEAD)
        when = f" before {words.moment(opens, now)}" if opens else ""
        return Spending(until), f"Nothing is planned{when}: the markets of its stocks are shut."
    began, ends = open_now
    used = usage.used_since(quarters, began) if limits.per_day else 0
    rate = min(sustainable_rate(limits, used, seconds_left(ends, now)), wanted(vendor, demand))
    said = words.calls(rate * 60)
    return (Spending(ends, rate),
            f"{said} a minute {'is' if said == '1 call' else 'are'} planned until {words.moment(ends, now)}.")


def wanted(vendor: Vendor, demand: Demand) -> float:
    """Return the calls a second that the intervals of a provider's stocks come to."""
    fewest = 1 / demand.shortest if demand.shortest else 0.0
    return max(demand.rate / vendor.batch_size, fewest if vendor.batch_size > 1 else 0.0)


def breaker(state: ProviderState | None, failed: int, windows: Iterable[Window], now: dt.datetime) -> Breaker:
    """Say whether calls go through, and if not, why and until when."""
    if state and state.stopped_at:
        since = words.moment(state.stopped_at, now)
        return Breaker("warn", "Paused", f"Paused by an admin since {since}: no call of any kind is made. Other "
                                         "providers take over what they can.")
    failures = f"{failed} failed {'call' if failed == 1 else 'calls'} since its last price"
    if state and state.paused_until and state.paused_until > now:
        why = f"after {failures}" if failed else "as it asked for, or because of its last error"
        return Breaker("warn", "Resting", f"No calls until {words.moment(state.paused_until, now)}, {why}. "
                                          "Then one call tries again.")
    full = [window for window in windows if window.frees_at and window.unit in {"hour", "day"}]
    for window in full[-1:]:
        used = f"All {window.limit:,} calls of {words.length(window.length)} are used"
        return Breaker("warn", "No calls left",
                       f"{used}; the next is possible at {words.moment(window.frees_at or now, now)}.")
    return Breaker("live", "In use", f"Calls go through, after {failures}." if failed else "Calls go through.")
