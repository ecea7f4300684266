"""Jobs as they are in Redis now: queues, what runs, what waits, what failed and why, and when periodic ones are due.

Everything here raises RedisAway where Redis does not answer.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from redis import Redis
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.results import Result

from webapp import clock
from webapp.job_names import ENTRY, KEPT, PERIODIC_KEPT, QUEUES, SCHEDULED, key_of, lock_name, periodic_of
from webapp.redaction import redacted, without_people

PER_PAGE = 25
# No more of a queue is looked through: a page must not hold up Redis.
MOST = 10_000
# These functions are asked for with ids and short words only; the arguments of others may be of a person.
TOLD = {"quotes.refresh_quotes", "minutes.fetch_minutes", "bars_import.import_file", "trust.settle_hold",
        "trust.note_split", "vendors.try_call"}
_WORD = re.compile(r"[A-Za-z0-9.:+-]{1,40}", re.ASCII)
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,120}", re.ASCII)
_RAISED = re.compile(r"[A-Za-z_][\w.]*(: .*)?$")
LOST = "AbandonedJobError"
# Place, id and queue of a job.
Entry = tuple[float, str, str]


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    SCHEDULED = "scheduled"
    DEFERRED = "deferred"
    FAILED = "failed"


# Where RQ keeps the jobs of a queue in each state: a list for those that wait, sorted sets for the others.
KEYS = {State.WAITING: "rq:queue:{}", State.RUNNING: "rq:wip:{}", State.SCHEDULED: "rq:scheduled:{}",
        State.DEFERRED: "rq:deferred:{}", State.FAILED: "rq:failed:{}"}


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many jobs of a queue are in each state."""

    name: str
    counts: dict[State, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """One job as people may see it: without the arguments that may be of a person, and without secrets.

    `state` is where it was found. `periodic` names the periodic job it is a run of, "" for others. `reason` is in one
    line why it failed last, `trace` all that is known of it.
    """

    id: str
    queue: str
    state: State
    function: str
    arguments: str
    periodic: str
    worker: str
    enqueued_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    reason: str = ""
    trace: str = ""

    @property
    def title(self) -> str:
        """Return what people know it by."""
        return self.periodic or self.function

    @property
    def subject(self) -> str:
        """Return what the audit log calls it."""
        return f"{self.title} {self.id}" if self.title != self.id else self.id


@dataclass(frozen=True, slots=True)
class JobPage:
    """A part of the jobs in one state. `after` is the place of its last one, "" where no more follow."""

    jobs: list[Shown]
    after: str


@dataclass(frozen=True, slots=True)
class Periodic:
    """A periodic job: when it is due next, and whether a run of it is alive or waits."""

    name: str
    function: str
    queue: str
    next_at: dt.datetime
    running: bool
    waiting: bool


def count_jobs(redis: Redis) -> list[QueueCounts]:
    """Return how many jobs of each queue are in each state."""
    with redis.pipeline(transaction=False) as pipe:
        for name in QUEUES:
            for state, key in KEYS.items():
                if state is State.WAITING:
                    pipe.llen(key.format(name))
                elif state in {State.RUNNING, State.FAILED}:  # what is over stays there until a worker cleans up
                    pipe.zcount(key.format(name), clock.now().timestamp(), "+inf")
                else:
                    pipe.zcard(key.format(name))
        found = pipe.execute()
    size = len(KEYS)
    return [QueueCounts(name, dict(zip(KEYS, found[place * size:(place + 1) * size], strict=True)))
            for place, name in enumerate(QUEUES)]


def list_jobs(redis: Redis, state: State, after: str = "", secrets: Sequence[str] = (),
              size: int = PER_PAGE) -> JobPage:
    """Return one page of the jobs in a state: those that failed the newest first, others as they will come.

    A job that is gone meanwhile is left out.
    """
    every = entries(redis, state)
    start = _start(every, state, after)
    part = every[start:start + size]
    found = fetch(redis, [job_id for _place, job_id, _queue in part])
    shown = [_shown(job, queue, state) for job, (_place, _id, queue) in zip(found, part, strict=True) if job]
    if state is State.FAILED:
        shown = _with_reasons(redis, shown, secrets)
    more = start + size < len(every)
    return JobPage(shown, _cursor(part[-1]) if more and part else "")


def find_job(redis: Redis, job_id: str, secrets: Sequence[str] = ()) -> Shown | None:
    """Return a job that waits, runs, is scheduled, deferred or failed; None where it is not there any more."""
    if not _JOB_ID.fullmatch(job_id):
        return None
    [job] = fetch(redis, [job_id])
    if job is None:
        return None
    status = str(job.get_status(refresh=False).value)
    state = {"queued": State.WAITING, "started": State.RUNNING, "scheduled": State.SCHEDULED,
             "deferred": State.DEFERRED, "failed": State.FAILED, "stopped": State.FAILED}.get(status)
    if state is None:
        return None
    shown = _shown(job, job.origin, state)
    return _with_reasons(redis, [shown], secrets)[0] if state is State.FAILED else shown


def list_periodic(redis: Redis) -> list[Periodic]:
    """Return the periodic jobs by name; none until a scheduler has written its table."""
    rows = cast(list[tuple[bytes, float]], redis.zrange(SCHEDULED, 0, -1, withscores=True))
    due = {name.decode(): moment for name, moment in rows if name.startswith(ENTRY.encode())}
    jobs = [job for job in fetch(redis, list(due)) if job is not None]
    if not jobs:
        return []
    keys = [lock_name(_key_of(job)) for job in jobs]
    alive = cast(list[bytes | None], redis.mget(keys))
    waiting = _waiting_periodic(redis)
    found = []
    for job, lock in zip(jobs, alive, strict=True):
        name = job.id.removeprefix(ENTRY)
        found.append(Periodic(name, _function(job), job.origin, dt.datetime.fromtimestamp(due[job.id], dt.UTC),
                              lock is not None, name in waiting))
    return sorted(found, key=lambda one: one.name)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return what a job said without secrets, and without what may be of a person."""
    return without_people(redacted(text, secrets))


def last_line(trace: str) -> str:
    """Return the line of a traceback that says what was raised."""
    lines = [line for line in trace.splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line) and not line.startswith("Traceback ")]
    found = (raised or lines or [""])[-1].strip()
    return "Its worker was lost." if LOST in found else found


def entries(redis: Redis, state: State) -> list[Entry]:
    """Return place, id and queue of the jobs in a state, in the order in which they are listed."""
    found: list[Entry] = []
    now = clock.now().timestamp()
    for number, name in enumerate(QUEUES):
        key = KEYS[state].format(name)
        if state is State.WAITING:
            members = cast(list[bytes], redis.lrange(key, 0, MOST - 1))
            found += [(float(number), member.decode(), name) for member in members]
            continue
        least: float | str = now if state in {State.RUNNING, State.FAILED} else "-inf"
        rows = cast(list[tuple[bytes, float]], redis.zrangebyscore(key, least, "+inf", start=0, num=MOST,
                                                                   withscores=True))
        for member, score in rows:
            job_id = member.decode().partition(":")[0]
            found.append((_failed_at(job_id, score) if state is State.FAILED else score, job_id, name))
    if state is not State.WAITING:
        found.sort(reverse=state is State.FAILED)
    return found


def _failed_at(job_id: str, kept_until: float) -> float:
    return kept_until - (PERIODIC_KEPT if periodic_of(job_id) else KEPT)


def _start(every: Sequence[Entry], state: State, after: str) -> int:
    """Return where a page begins that follows a place, also where the job at that place is gone."""
    text, _, job_id = after.partition("~")
    ids = [each for _place, each, _queue in every]
    if not job_id:
        return 0
    if job_id in ids:
        return ids.index(job_id) + 1
    if state is State.WAITING:  # all that came before it are gone, too
        return 0
    try:
        place = float(text)
    except ValueError:
        return 0
    return sum((score, each) > (place, job_id) if state is State.FAILED else (score, each) < (place, job_id)
               for score, each, _queue in every)


def _cursor(entry: Entry) -> str:
    return f"{entry[0]!r}~{entry[1]}"


def fetch(redis: Redis, ids: Sequence[str]) -> list[Job | None]:
    """Return the jobs; None in the place of one that is gone, or of which only a part is left."""
    with redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hgetall(Job.key_for(job_id))
        rows = pipe.execute() if ids else []
    return [_restored(redis, job_id, row) for job_id, row in zip(ids, rows, strict=True)]


def _restored(redis: Redis, job_id: str, row: dict[Any, Any]) -> Job | None:
    job = Job(job_id, connection=redis)
    try:
        job.restore(row)
    except NoSuchJobError:
        return None
    return job


def _shown(job: Job, queue: str, state: State) -> Shown:
    function = _function(job)
    return Shown(job.id, queue, state, function, _arguments(job) if function in TOLD else "", periodic_of(job.id),
                 job.worker_name or "", aware(job.enqueued_at), aware(job.started_at), aware(job.ended_at))


def _with_reasons(redis: Redis, shown: Sequence[Shown], secrets: Sequence[str]) -> list[Shown]:
    """Return the jobs with what is known of why they failed."""
    with redis.pipeline(transaction=False) as pipe:
        for one in shown:
            pipe.xrevrange(Result.get_key(one.id), "+", "-", count=1)  # type: ignore[no-untyped-call]
        found = pipe.execute() if shown else []
    told = []
    for one, answer in zip(shown, found, strict=True):
        trace = redact(_trace(redis, one.id, answer), secrets)
        told.append(replace(one, reason=last_line(trace) or "No reason is known.", trace=trace))
    return told


def _trace(redis: Redis, job_id: str, answer: Sequence[tuple[bytes, dict[Any, Any]]]) -> str:
    if not answer:
        return ""
    result_id, payload = answer[0]
    return str(Result.restore(job_id, result_id.decode(), payload, connection=redis).exc_string or "")


def _function(job: Job) -> str:
    """Return the name of what a job runs, without the folder that all have in common."""
    try:
        return (job.func_name or "").removeprefix("worker.jobs.")
    except DeserializationError:
        return "unreadable"


def _arguments(job: Job) -> str:
    """Return the arguments of a job that has ids and short words only."""
    words = [str(each) for each in job.args]
    return ", ".join(word if _WORD.fullmatch(word) else "…" for word in words)


def _key_of(job: Job) -> str:
    try:
        return key_of(job.func_name or "", job.args)
    except DeserializationError:
        return ""


def _waiting_periodic(redis: Redis) -> set[str]:
    """Return the names of the periodic jobs that wait in their queue, or for their next try."""
    waiting = [*entries(redis, State.WAITING), *entries(redis, State.SCHEDULED)]
    return {periodic_of(job_id) for _place, job_id, _queue in waiting}


def aware(moment: dt.datetime | None) -> dt.datetime | None:
    """Return a moment of RQ, which leaves its zone out at times, as one of UTC."""
    return moment.replace(tzinfo=dt.UTC) if moment is not None and moment.tzinfo is None else moment
