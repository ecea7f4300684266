"""One small function per job that the web may ask for; jobs are named by string, never imported."""

import logging

from flask import current_app
from rq import Queue, Retry

from webapp.redis import RedisAway

log = logging.getLogger(__name__)


def send_password_reset(email: str) -> None:
    """Ask a worker to mail a link for a new password, if there is an account; raise RedisAway where it cannot."""
    _enqueue("worker.jobs.mail.send_password_reset", email, job_id=None, retry=Retry(3, [10, 60, 300]))


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
