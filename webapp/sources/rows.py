"""How each stock is refreshed, in the words of the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from webapp.filters import ago, source_title
from webapp.records import Instrument
from webapp.sources import words
from webapp.sources.queries import Refresh
from webapp.vendors import SIMULATOR

# The planner renews each row every minute, and every ten where the provider has no limits. Without that for so long, it
# stands still.
STANDSTILL, UNLIMITED_STANDSTILL = dt.timedelta(minutes=5), dt.timedelta(minutes=20)
# Below this, the time of the next call is gone before it is read.
SOON = dt.timedelta(seconds=60)
UNLIMITED = {SIMULATOR, "csv"}


@dataclass(frozen=True, slots=True)
class Row:
    """One stock: how often and by whom it is refreshed, when next, how old its price is, and what is to be known."""

    instrument: Instrument
    how: str
    source: str
    next: str
    next_at: dt.datetime | None
    age: str
    fetched_at: dt.datetime | None
    notes: tuple[str, ...]


def stands_still(planned_at: dt.datetime | None, names: Iterable[str], now: dt.datetime) -> bool:
    """Tell whether the planner of these providers has not worked for a while; one that never did has not stopped."""
    limited = any(name not in UNLIMITED for name in names)
    return planned_at is not None and planned_at < now - (STANDSTILL if limited else UNLIMITED_STANDSTILL)


def describe(refresh: Refresh, now: dt.datetime, *, own: bool) -> Row:
    """Return the row of a stock; `own` says that it is on the reader's list, so that it is refreshed at any time."""
    plan, stock = refresh.plan, refresh.instrument
    age = ago(refresh.fetched_at, now) if refresh.fetched_at else "never"
    notes = [f"A reading waits to be confirmed: {refresh.held}."] if refresh.held else []
    if plan is None:
        how = "not planned yet" if own else "while somebody looks at it"
        return Row(stock, how, "", "", None, age, refresh.fetched_at, tuple(notes))
    if plan.reason and not refresh.held:
        notes.append(f"{plan.reason[0].upper()}{plan.reason[1:].rstrip('.')}.")
    if stands_still(plan.planned_at, [plan.provider], now):
        notes.append(f"Planned {ago(plan.planned_at, now)}.")
    how = "live over the web socket" if plan.streamed else words.every(plan.interval_s)
    next_at = None if plan.streamed else plan.next_at
    return Row(stock, how, source_title(plan.provider), _next(next_at, now, stock.mic), next_at, age,
               refresh.fetched_at, tuple(notes))


def _next(at: dt.datetime | None, now: dt.datetime, mic: str) -> str:
    """Say when the next call is: the time at the exchange, or that it is any moment now."""
    if at is None:
        return ""
    if at <= now:
        return "due now"
    return f"in {max(1, round((at - now).total_seconds()))} s" if at - now < SOON else words.moment(at, now, mic)
