"""The record of each periodic job's runs: one row that says when the last was and how it ended."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.extensions import db
from webapp.models import JobRun

log = logging.getLogger(__name__)

OUTCOME_LENGTH = 300


def recorded(name: str, run: Callable[[], Any]) -> Any:
    """Run the job and keep in its row when it ran and how it ended; a failure is passed on.

    Of failures in a row only the first is logged with its traceback; each has its line from the worker.
    """
    try:
        begin(name)
        result = run()
    except Exception as error:
        db.session.rollback()
        failures = 0
        with suppress(SQLAlchemyError):  # the database may be what failed
            failures = end(name, describe(error), failed=True)
        if failures == 1:
            log.exception("%s failed for the first time since it succeeded", name)
        raise
    end(name, result if isinstance(result, str) else "done")
    return result


def begin(name: str) -> None:
    """Note that a run begins. A run before it that has no end was killed: that counts as a failure."""
    row = db.session.get(JobRun, name)
    if row is None:
        row = JobRun(name=name, outcome="", failures=0)
        db.session.add(row)
    elif row.finished_at is None:
        row.failures += 1
        log.warning("The run of %s that began at %s did not end", name, row.started_at.isoformat())
    row.started_at = clock.now()
    row.finished_at = None
    db.session.commit()


def end(name: str, outcome: str, *, failed: bool = False) -> int:
    """Note how the run ended; return the failures since the last success."""
    row = db.session.get_one(JobRun, name)
    row.finished_at = clock.now()
    row.outcome = outcome[:OUTCOME_LENGTH]
    if failed:
        row.failures += 1
    else:
        row.failures = 0
        row.succeeded_at = row.finished_at
    failures = row.failures
    db.session.commit()
    return failures


def describe(error: BaseException) -> str:
    """Say in one line what went wrong, without the statement and the values that a database error carries."""
    cause = error.orig if hasattr(error, "orig") and error.orig is not None else error
    lines = str(cause).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
