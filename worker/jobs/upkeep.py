"""Throws away what is past its time, a few rows at a time, so that no writer waits long for the database."""

import datetime as dt
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, select

from config import Config
from webapp import clock
from webapp.bars.minutes_due import KIND
from webapp.extensions import db
from webapp.models import (
    IngestRun,
    ProviderCall,
    QuoteFinding,
    QuoteGap,
    RefreshPlan,
    SymbolSearch,
    Tick,
    UserSession,
)
from webapp.vendors import SIMULATOR
from worker.history import runs
from worker.history.minutes import purge_minutes

BATCH = 5_000
CALLS_KEPT = dt.timedelta(days=8)
FINDINGS_KEPT = dt.timedelta(days=90)
SEARCHES_KEPT = dt.timedelta(days=8)
RUNS_KEPT = dt.timedelta(days=90)
# A try to fetch minutes that is as old was cut short: its job is ended after one minute.
MINUTES_END = dt.timedelta(minutes=5)


def purge_old_rows() -> str:
    """Delete old ticks, minutes, gaps, log-ins, calls, findings, searches, runs and left plans; say how many."""
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    runs.end_cut_short((KIND,), MINUTES_END)
    oldest = now - dt.timedelta(days=settings.TICK_DAYS)
    ticks = purge(Tick, Tick.as_of < oldest) + purge(Tick, Tick.id <= _last_surplus_tick(settings.TICK_ROWS))
    others = (purge(QuoteGap, QuoteGap.ended_at < oldest) + purge(UserSession, UserSession.expires_at < now)
              + purge(ProviderCall, ProviderCall.started_at < now - CALLS_KEPT)
              + purge(QuoteFinding, QuoteFinding.last_at < now - FINDINGS_KEPT)
              + purge(SymbolSearch, SymbolSearch.asked_at < now - SEARCHES_KEPT, SymbolSearch.text)
              + purge(IngestRun, IngestRun.started_at < now - RUNS_KEPT)
              + purge_minutes((now - dt.timedelta(days=settings.MINUTE_DAYS)).date())
              + purge(RefreshPlan, RefreshPlan.provider.not_in(settings.vendors or (SIMULATOR,)),
                      RefreshPlan.instrument_id))
    return f"{ticks} ticks and {others} other rows deleted"


def purge(model: type[Any], old: ColumnElement[bool], key: Any = None) -> int:
    """Delete the old rows in batches, each a transaction of its own; return how many there were.

    `key` is the column that tells them apart, the id where it is not given.
    """
    key = model.id if key is None else key
    total = 0
    while True:
        batch = select(key).where(old).limit(BATCH)
        gone = delete(model).where(key.in_(batch)).returning(key)
        count = len(db.session.scalars(gone, execution_options={"synchronize_session": False}).all())
        db.session.commit()
        total += count
        if count < BATCH:
            return total


def _last_surplus_tick(most: int) -> int:
    """Return the id up to which ticks are too many; ids grow with time. 0 if there are not too many."""
    newest_surplus = select(Tick.id).order_by(Tick.id.desc()).offset(most).limit(1)
    return db.session.scalar(newest_surplus) or 0
