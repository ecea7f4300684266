"""Keeps account of the times in which a stock's prices were not fetched, so that no hole in the ticks goes unsaid."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import insert, select

from webapp.extensions import db
from webapp.models import JobRun, QuoteGap, QuoteRow

NOBODY_WATCHED = "nobody watched"
NO_REFRESH = "no refresh ran"


def record_gaps(ids: Collection[int], now: dt.datetime, patience: dt.timedelta, last_run: dt.datetime | None) -> None:
    """Write a row for each of these stocks that was fetched before, but not for longer than `patience`.

    It is called before their new prices are stored. `last_run` is when a refresh last succeeded, whatever it fetched.
    """
    rows = db.session.execute(
        select(QuoteRow.instrument_id, QuoteRow.fetched_at, QuoteRow.problem)
        .where(QuoteRow.instrument_id.in_(ids), QuoteRow.fetched_at < now - patience)).all()
    if not rows:
        return
    quiet = NO_REFRESH if last_run is None or last_run < now - patience else NOBODY_WATCHED
    db.session.execute(insert(QuoteGap), [
        {"instrument_id": instrument_id, "started_at": fetched_at, "ended_at": now, "reason": (problem or quiet)[:200]}
        for instrument_id, fetched_at, problem in rows])


def last_success(job: str) -> dt.datetime | None:
    """Return when a run of the job last succeeded."""
    return db.session.scalar(select(JobRun.succeeded_at).where(JobRun.name == job))
