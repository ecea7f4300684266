"""One small function per job that the web may ask for; jobs are named by string, never imported."""

import datetime as dt
import logging
from decimal import Decimal

from flask import current_app
from rq import Queue, Retry

from webapp.redis import RedisAway

log = logging.getLogger(__name__)


def send_password_reset(email: str) -> None:
    """Ask a worker to mail a link for a new password, if there is an account; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.mail.send_password_reset", email, job_id=None, retry=Retry(3, [10, 60, 300]))


def search_symbols(text: str) -> None:
    """Ask a worker to ask the providers for the symbols that a text may mean; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.directory.search_symbols", text, job_id=None, retry=None)


def settle_hold(instrument_id: int, take: bool, user_id: int, price: str) -> None:
    """Ask a worker to take or to drop a price that waits to be confirmed; raise RedisAway where it cannot.

    `price` is the one that the person saw, with all its digits: no other is taken. To drop asks for none, "".
    It is not tried again: a later price may wait by then.
    """
    _enqueue("worker.jobs.trust.settle_hold", instrument_id, take, user_id, price, job_id=None, retry=None)


def note_split(instrument_id: int, day: dt.date, ratio: Decimal, user_id: int) -> None:
    """Ask a worker to keep a split, `ratio` shares for each one before; raise RedisAway where it cannot.

    The job is given the day as ISO 8601 and the ratio as text.
    """
    _enqueue("worker.jobs.trust.note_split", instrument_id, day.isoformat(), format(ratio, "f"), user_id, job_id=None,
             retry=Retry(3, [10, 60, 300]))


def _enqueue(function: str, *args: object, job_id: str | None, retry: Retry | None) -> None:
    """Put a job on the default queue; raise RedisAway where that cannot be."""
    queue = Queue("default", connection=current_app.extensions["redis"])
    try:
        # Without a description RQ would log the arguments, and with them a person's address.
        queue.enqueue(function, *args, description=function, job_id=job_id, retry=retry, job_timeout=60,
                      result_ttl=60, failure_ttl=86_400)
    except RedisAway:
        log.exception("Redis is away: %s was not queued", function)
        raise
