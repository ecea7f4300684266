"""What can be said of a stock's next fetch: by whom, how often, when, and why not sooner; kept for the pages."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, delete, or_, select, update

from webapp.analytics.intervals import DAILY_S
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import RefreshPlan
from webapp.upserts import insert
from worker.pacing import Candidate, due_at
from worker.providers.base import Provider
from worker.quota import OK, is_counted

# A row is written anew when it changed by more than this part of its interval, and at least so often; seldom where the
# provider has no limits and nothing changes.
CHANGED, RENEWED, SELDOM = 0.1, dt.timedelta(minutes=1), dt.timedelta(minutes=10)
LEAST_CHANGE_S = 5.0
# A close needs this long to reach the vendor.
SETTLES = dt.timedelta(minutes=30)
REASON_LENGTH = 200
PAUSED = "its provider is paused by an admin"


@dataclass(frozen=True, slots=True)
class Rest:
    """A stock is left alone `until` then, because of what its last call brought."""

    until: dt.datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """See RefreshPlan, whose columns these are."""

    interval_s: float | None
    next_at: dt.datetime | None
    reason: str
    weight: float
    day_range: float
    streamed: bool = False

    @classmethod
    def each_slot(cls, candidate: Candidate, slot_s: float) -> Outlook:
        """Return the outlook of a stock whose provider sets no limits: it is fetched each time."""
        return cls(slot_s, None, "", candidate.weight, candidate.day_range or 0.0)

    @classmethod
    def streamed_one(cls, candidate: Candidate) -> Outlook:
        """Return the outlook of a stock whose trades come over a web socket."""
        return cls(None, None, "", candidate.weight, candidate.day_range or 0.0, streamed=True)


def live_outlook(provider: Provider, candidate: Candidate, pace: float | None, rest: Rest | None,
                 sessions: SessionBook, now: dt.datetime) -> Outlook:
    """Return the outlook of a stock with live prices; `pace` are the seconds between two calls, None while shut."""
    next_at = due_at(provider, candidate, pace, sessions, now)
    reason = ""
    if rest is not None:
        next_at, reason = rest.until, f"the last call brought nothing: {_words(rest)}"
    elif candidate.held_from:
        next_at, reason = now, "a reading waits to be confirmed"
    elif pace is not None and math.isinf(pace):
        reason = "the plan's calls do not suffice"
    elif pace is None and (next_at is None or next_at > now):
        reason = "its market is shut" if next_at else "the days of its exchange are not known"
    interval = pace if pace is not None and math.isfinite(pace) else None
    return Outlook(interval, next_at, reason, candidate.weight, candidate.day_range or 0.0)


def daily_outlook(candidate: Candidate, sessions: SessionBook, now: dt.datetime, *, is_old: bool,
                  rests_until: Rest | None) -> Outlook:
    """Return the outlook of a stock whose price comes once a day."""
    next_at: dt.datetime | None = now
    reason = "waits for its turn"
    if rests_until is not None:
        next_at, reason = rests_until.until, f"asked for lately: {_words(rests_until)}"
    elif not is_old:
        completed = sessions.last_completed(candidate.instrument.mic, now - SETTLES)
        following = sessions.next_after(candidate.instrument.mic, completed.day) if completed else None
        next_at = following.closes_at + SETTLES if following else None
        reason = "the next close has not come yet"
    return Outlook(DAILY_S, next_at, reason, candidate.weight, candidate.day_range or 0.0)


def paused(outlooks: Mapping[int, Outlook]) -> dict[int, Outlook]:
    """Return the outlooks of stocks whose provider an admin has paused, and that no other one takes over.

    Trades of some may still come, over another one's web socket.
    """
    return {number: one if one.streamed else replace(one, interval_s=None, next_at=None, reason=PAUSED)
            for number, one in outlooks.items()}


def pause(provider: Provider, now: dt.datetime) -> None:
    """Say the same of those stocks that are still planned from a paused provider; the caller commits."""
    plan = RefreshPlan
    db.session.execute(
        update(plan).where(plan.provider == provider.name,
                           or_(plan.reason != PAUSED, plan.streamed, plan.planned_at <= now - RENEWED))
        .values(interval_s=None, next_at=None, reason=PAUSED, streamed=False, planned_at=now))


def _words(rest: Rest) -> str:
    """Return what a call brought as a part of a sentence."""
    return "nothing newer came" if rest.outcome == OK else rest.outcome.rstrip(".")


def write(provider: Provider, outlook: Mapping[int, Outlook], now: dt.datetime) -> None:
    """Keep what changed of a provider's plan, and drop the stocks that it no longer has; the caller commits."""
    # Columns, not objects: this is read in every slot, of as many stocks as are watched.
    known = {row.instrument_id: row for row in db.session.execute(
        select(*RefreshPlan.__table__.columns).where(RefreshPlan.provider == provider.name))}
    gone = known.keys() - outlook.keys()
    if gone:
        db.session.execute(delete(RefreshPlan).where(RefreshPlan.instrument_id.in_(gone),
                                                     RefreshPlan.provider == provider.name))
    renewed = RENEWED if is_counted(provider) else SELDOM
    changed = [(number, one) for number, one in outlook.items() if _differs(known.get(number), one, now - renewed)]
    if not changed:
        return
    statement = insert(RefreshPlan)
    names = ("provider", "interval_s", "next_at", "reason", "weight", "day_range", "streamed", "planned_at")
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["instrument_id"],
                                        set_={name: statement.excluded[name] for name in names}),
        [{"instrument_id": number, "provider": provider.name, "interval_s": one.interval_s, "next_at": one.next_at,
          "reason": one.reason[:REASON_LENGTH], "weight": one.weight, "day_range": one.day_range,
          "streamed": one.streamed, "planned_at": now} for number, one in changed])


def _differs(row: Row[Any] | None, one: Outlook, renewed: dt.datetime) -> bool:
    """Tell whether a reader would see a difference, or the row has not been looked at for a while."""
    if row is None or row.planned_at <= renewed:
        return True
    if (row.reason, row.streamed) != (one.reason[:REASON_LENGTH], one.streamed):
        return True
    if (row.interval_s is None) != (one.interval_s is None) or (row.next_at is None) != (one.next_at is None):
        return True
    slack = max(LEAST_CHANGE_S, CHANGED * (one.interval_s or 0.0))
    moved = row.next_at and one.next_at and abs((row.next_at - one.next_at).total_seconds()) > slack
    return bool(moved) or abs((row.interval_s or 0.0) - (one.interval_s or 0.0)) > slack
