"""The row that says whether the last run of the analysis came to its end, and when all stocks were looked at."""

from __future__ import annotations

import datetime as dt

from webapp import clock
from webapp.extensions import db
from webapp.models import JobRun

MARK = "analysis"
# Once a day, when New York has closed in summer and winter, all stocks are reckoned, whatever is known of changes.
EVERYTHING_AT = dt.time(22, 30)


def is_everything_due(now: dt.datetime) -> bool:
    """Tell whether all stocks are to be reckoned: the last time was before the last EVERYTHING_AT."""
    due_at = dt.datetime.combine(now.date(), EVERYTHING_AT, dt.UTC)
    due_at -= dt.timedelta(days=1) if due_at > now else dt.timedelta(0)
    mark = db.session.get(JobRun, MARK, populate_existing=True)
    return mark is None or mark.succeeded_at is None or mark.succeeded_at < due_at


def is_cut_short() -> bool:
    """Tell whether stocks were stored, or forgotten, but not rated since, nor the pages told."""
    mark = db.session.get(JobRun, MARK)
    return mark is not None and mark.finished_at is None


def begin(now: dt.datetime) -> None:
    """Note, with the first that is stored or forgotten, that ratings are to follow. The caller commits."""
    mark = _mark(now)
    if mark.finished_at is not None:
        mark.started_at, mark.finished_at = now, None


def end(now: dt.datetime, *, everything: bool) -> None:
    """Note that the run has come to its end, and commit."""
    mark = _mark(now)
    mark.finished_at = clock.now()
    if everything:
        mark.succeeded_at = now
    db.session.commit()


def _mark(now: dt.datetime) -> JobRun:
    mark = db.session.get(JobRun, MARK, populate_existing=True)
    if mark is None:
        mark = JobRun(name=MARK, started_at=now, outcome="", failures=0)
        db.session.add(mark)
    return mark
