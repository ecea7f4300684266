"""One small function per job that the web may ask for; jobs are named by string, never imported."""

import datetime as dt
import logging
from contextlib import suppress
from decimal import Decimal

from flask import current_app
from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError

from webapp.audit import PAGE
from webapp.job_names import KEPT
from webapp.redis import PREFIX, RedisAway

log = logging.getLogger(__name__)

# A slow machine takes a file of 64 MB in minutes.
IMPORT_SECONDS = 1800
# Minutes of one stock are asked for once in so long, however many look at them.
MINUTES_SECONDS = 60
# Ten thousand stocks with ten years each are reckoned in a minute; a slow machine may take many.
ANALYSIS_SECONDS = 1800


def send_password_reset(email: str) -> None:
    """Ask a worker to mail a link for a new password, if there is an account; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.mail.send_password_reset", email, job_id=None, retry=Retry(3, [10, 60, 300]))


def send_invitation(invitation_id: int) -> None:
    """Ask a worker to mail the link of an invitation; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.mail.send_invitation", invitation_id, job_id=None, retry=Retry(3, [10, 60, 300]))


def search_symbols(text: str) -> None:
    """Ask a worker to ask the providers for the symbols that a text may mean; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.directory.search_symbols", text, job_id=None, retry=None)


def settle_hold(instrument_id: int, take: bool, user_id: int, price: str, via: str = PAGE) -> None:
    """Ask a worker to take or to drop a price that waits to be confirmed; raise RedisAway where it cannot.

    `price` is the one that the person saw, with all its digits: no other is taken, or dropped.
    `via` is for the audit log. It is not tried again: a later price may wait by then.
    """
    by = () if via == PAGE else (via,)
    _enqueue("worker.jobs.trust.settle_hold", instrument_id, take, user_id, price, *by, job_id=None, retry=None)


def note_split(instrument_id: int, day: dt.date, ratio: Decimal, user_id: int) -> None:
    """Ask a worker to keep a split, `ratio` shares for each one before; raise RedisAway where it cannot.

    The job is given the day as ISO 8601 and the ratio as text.
    """
    _enqueue("worker.jobs.trust.note_split", instrument_id, day.isoformat(), format(ratio, "f"), user_id, job_id=None,
             retry=Retry(3, [10, 60, 300]))


def try_provider(name: str, instrument_id: int, asked_at: str) -> None:
    """Ask a worker to make one call to a provider for a stock, as a test; raise RedisAway where it cannot.

    `asked_at` is when that was wanted, in ISO 8601. It is not tried again: who asked sees what came of it.
    """
    _enqueue("worker.jobs.vendors.try_call", name, instrument_id, asked_at, job_id=None, retry=None)


def import_file(run_id: int) -> None:
    """Ask a worker to import the file of a run; raise RedisAway where it cannot.

    A run that is lost on the way is found again by the schedule's resume-imports.
    """
    _enqueue("worker.jobs.bars_import.import_file", run_id, job_id=None, retry=None, timeout=IMPORT_SECONDS)


def analyse() -> None:
    """Ask a worker to bring up to date where the stocks stand; raise RedisAway where it cannot.

    While one waits or runs there is no second one: what a run no longer sees is left to that of the next minute.
    """
    with suppress(DuplicateJobError):
        _enqueue("worker.jobs.analysis.analyse", job_id="analyse", retry=None, timeout=ANALYSIS_SECONDS, unique=True)


def fetch_minutes(instrument_id: int) -> None:
    """Ask a worker for a stock's prices by the minute, unless that was done within a minute; raise RedisAway."""
    redis: Redis = current_app.extensions["redis"]
    if redis.set(f"{PREFIX}minutes:{instrument_id}", 1, nx=True, ex=MINUTES_SECONDS):
        _enqueue("worker.jobs.minutes.fetch_minutes", instrument_id, job_id=None, retry=None)


def _enqueue(function: str, *args: object, job_id: str | None, retry: Retry | None, timeout: int = 60,
             unique: bool = False) -> None:
    """Put a job on the default queue; raise RedisAway where that cannot be, DuplicateJobError if `unique` and there.

    One that is `unique` leaves nothing behind that would keep the next one out.
    """
    queue = Queue("default", connection=current_app.extensions["redis"])
    try:
        # Without a description RQ would log the arguments, and with them a person's address.
        queue.enqueue(function, *args, description=function, job_id=job_id, retry=retry, job_timeout=timeout,
                      unique=unique, result_ttl=0 if unique else 60, failure_ttl=1 if unique else KEPT)
    except RedisAway:
        log.exception("Redis is away: %s was not queued", function)
        raise
