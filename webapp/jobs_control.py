"""What an admin may do with jobs: run, retry, cancel, delete. Nothing here commits; RedisAway is passed on.

Each change is in the audit log's transaction before Redis is told of it: what cannot be written down is not done.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from redis import Redis
from rq.command import PUBSUB_CHANNEL_TEMPLATE, send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.executions import ExecutionRegistry
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.results import Result

from webapp import clock, jobs
from webapp.audit import Actor, note
from webapp.errors import Conflict, NotFound
from webapp.extensions import db
from webapp.job_names import ENTRY, QUEUES, SCHEDULED
from webapp.jobs import KEYS, Shown, State

MOVED = "This job is not where it was: it has begun, ended or been removed meanwhile. Nothing was changed."
# So many failed jobs are removed at once.
MOST_AT_ONCE = 1000


def run_now(redis: Redis, name: str, actor: Actor) -> None:
    """Have the scheduler queue a periodic job at once, as if its slot had come: so no two runs overlap.

    Raise NotFound where there is none, Conflict where a run of it is alive or waits.
    """
    known = next((one for one in jobs.list_periodic(redis) if one.name == name), None)
    if known is None:
        raise NotFound("There is no periodic job of this name.")
    if known.running:
        raise Conflict(f"A run of {name} is going on at this moment.")
    if known.waiting:
        raise Conflict(f"A run of {name} waits already, for a worker or for its next try.")
    now = clock.now().replace(microsecond=0)  # a slot begins with a second
    _note(actor, "job.run", name, {"next_at": known.next_at.isoformat()}, {"next_at": now.isoformat()})
    redis.zadd(SCHEDULED, {ENTRY + name: now.timestamp()}, xx=True, lt=True)


def retry(redis: Redis, job: Shown, actor: Actor) -> None:
    """Put a failed job back into its queue; raise Conflict where it is not among the failed ones any more."""
    if job.state is not State.FAILED:
        raise Conflict(MOVED)
    _note(actor, "job.retry", job.subject, {"state": job.state.value, "reason": job.reason},
          {"state": State.WAITING.value})
    try:
        FailedJobRegistry(job.queue, connection=redis).requeue(job.id)
    except (InvalidJobOperation, NoSuchJobError):
        raise Conflict(MOVED) from None


def cancel(redis: Redis, job: Shown, actor: Actor) -> None:
    """Take a job out that has not begun, or have its worker stop one that runs; raise Conflict where it moved on."""
    _note(actor, "job.cancel", job.subject, {"state": job.state.value}, {"state": "cancelled"})
    if job.state is State.RUNNING:
        _stop(redis, job)
        return
    key = KEYS[job.state].format(job.queue)
    if job.state is State.WAITING:
        taken = redis.lrem(key, 1, job.id)
    elif job.state in {State.SCHEDULED, State.DEFERRED}:
        taken = redis.zrem(key, job.id)
    else:
        taken = 0
    if not taken:
        raise Conflict(MOVED)
    _forget(redis, [job.id])


def delete(redis: Redis, job: Shown, actor: Actor) -> None:
    """Forget a failed job; raise Conflict where it is not among the failed ones any more."""
    _note(actor, "job.delete", job.subject, {"state": job.state.value, "reason": job.reason}, {})
    if job.state is not State.FAILED or not redis.zrem(KEYS[State.FAILED].format(job.queue), job.id):
        raise Conflict(MOVED)
    _forget(redis, [job.id])


def empty_failed(redis: Redis, until: dt.datetime, actor: Actor) -> int:
    """Forget the jobs that had failed by then, MOST_AT_ONCE at most; return how many."""
    doomed = [(name, job_id) for name in QUEUES for job_id in _failed_by(redis, name, until)][:MOST_AT_ONCE]
    if not doomed:
        return 0
    _note(actor, "job.empty", "failed jobs", {"jobs": len(doomed)}, {"jobs": 0})
    with redis.pipeline(transaction=False) as pipe:
        for name, job_id in doomed:
            pipe.zrem(KEYS[State.FAILED].format(name), job_id)
        taken = pipe.execute()
    # One that is retried meanwhile is not among them any more, and keeps what it needs.
    gone = [job_id for (_name, job_id), was_there in zip(doomed, taken, strict=True) if was_there]
    _forget(redis, gone)
    return len(gone)


def _note(actor: Actor, action: str, subject: str, before: dict[str, object], after: dict[str, object]) -> None:
    """Write the change down, so far that only the commit is left."""
    note(actor, action, subject, before, after)
    db.session.flush()


def _stop(redis: Redis, job: Shown) -> None:
    """Tell a worker to stop its job; raise Conflict where none has it, or none listens."""
    [(_channel, listening)] = redis.pubsub_numsub(PUBSUB_CHANNEL_TEMPLATE % job.worker)
    if not job.worker or not listening:
        raise Conflict("The worker of this job does not answer; if it is gone, the job is given up within a minute.")
    try:
        send_stop_job_command(redis, job.id)
    except (InvalidJobOperation, NoSuchJobError):
        raise Conflict(MOVED) from None


def _failed_by(redis: Redis, queue: str, until: dt.datetime) -> list[str]:
    """Return the ids of a queue's jobs that had failed by then, also of those of which nothing else is left."""
    ids = [job_id for _place, job_id, name in jobs.entries(redis, State.FAILED) if name == queue]
    found = jobs.fetch(redis, ids)
    return [job_id for job_id, job in zip(ids, found, strict=True)
            if job is None or (ended := jobs.aware(job.ended_at)) is None or ended <= until]


def _forget(redis: Redis, ids: Sequence[str]) -> None:
    """Delete all that is kept of jobs that are in no queue and no registry any more."""
    with redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            job = Job(job_id, connection=redis)
            pipe.delete(job.key, job.dependents_key, job.dependencies_key, Result.get_key(job_id),  # type: ignore[no-untyped-call]
                        ExecutionRegistry(job_id, connection=redis).key)
        pipe.execute()
