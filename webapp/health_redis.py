"""How the place is: what Redis tells of workers, queues and the schedule, this process's streams, and all together."""

from __future__ import annotations

import datetime as dt
from typing import cast

from flask import current_app
from redis import Redis
from rq import Queue, Worker
from rq.job import Job

from webapp.filters import ago
from webapp.health_queries import Health, Line, database_lines, plural, worst_of
from webapp.job_names import QUEUES, SCHEDULED
from webapp.jobs import aware
from webapp.jobs_queries import OVERDUE
from webapp.redis import RedisAway

# A worker says that it lives every few seconds.
SILENT = dt.timedelta(seconds=60)
WAITING_WARN_S, WAITING_BAD_S = 60, 600
JOBS = "/admin/jobs", "Jobs"
AWAY = "Redis is away, so nobody knows."


def load_health(now: dt.datetime) -> tuple[list[Line], Health]:
    """Return every line, and the worst of them; a process that carries no streams is as it should be."""
    database, *others = database_lines(now)
    redis = redis_lines(now)
    return [database, *redis, streams_line(), *others], worst_of([database, *redis, *others])


def redis_lines(now: dt.datetime) -> list[Line]:
    """Return what Redis tells; where it is away, that."""
    redis: Redis = current_app.extensions["redis"]
    try:
        redis.ping()
        return [Line("Redis", Health.GOOD, "Answers."), _workers(redis, now), _schedule(redis, now),
                _waiting(redis, now)]
    except RedisAway:
        away = Line("Redis", Health.BAD, "Does not answer. Pages stay as they are, no price comes, and no job can be "
                                         "asked for. Start it again; what was missed is made up for.")
        return [away, *(Line(name, Health.UNKNOWN, AWAY) for name in ("Workers", "Scheduler", "Waiting jobs"))]


def streams_line() -> Line:
    """Return how many streams this process has open."""
    hub = current_app.extensions.get("hub")
    if hub is None:
        return Line("Streams", Health.UNKNOWN, "This process carries none.", "/admin/streams", "Here now")
    return Line("Streams", Health.GOOD, f"{plural(len(hub.viewers), 'open page')} on this process.", "/admin/streams",
                "Here now")


def _workers(redis: Redis, now: dt.datetime) -> Line:
    beats = [worker.last_heartbeat for worker in Worker.all(connection=redis)]
    alive = [beat for beat in beats if beat is not None and now - beat < SILENT]
    if alive:
        return Line("Workers", Health.GOOD, f"{plural(len(alive), 'worker')}; the last sign of life came "
                                            f"{ago(max(alive), now)}.", *JOBS)
    return Line("Workers", Health.BAD, "None is alive: no job is done. Start one with python -m worker.", *JOBS)


def _schedule(redis: Redis, now: dt.datetime) -> Line:
    first = cast("list[tuple[bytes, float]]", redis.zrange(SCHEDULED, 0, 0, withscores=True))
    if not first:
        return Line("Scheduler", Health.BAD, "There is no schedule: start one with python -m worker scheduler.", *JOBS)
    late = int(now.timestamp() - first[0][1])
    if late > OVERDUE.total_seconds():
        return Line("Scheduler", Health.BAD, f"Stands still: a job was due {late:,} s ago. Start it with "
                                             "python -m worker scheduler.", *JOBS)
    return Line("Scheduler", Health.GOOD, "Keeps the time.", *JOBS)


def _waiting(redis: Redis, now: dt.datetime) -> Line:
    queues = [Queue(name, connection=redis) for name in QUEUES]
    first = [job_id for queue in queues for job_id in queue.get_job_ids(0, 1)]
    count = sum(len(queue) for queue in queues)
    moments = [moment for job in Job.fetch_many(first, connection=redis) if job and (moment := aware(job.enqueued_at))]
    if not moments:
        return Line("Waiting jobs", Health.GOOD, "None.", *JOBS)
    age = (now - min(moments)).total_seconds()
    health = Health.BAD if age > WAITING_BAD_S else Health.WARN if age > WAITING_WARN_S else Health.GOOD
    return Line("Waiting jobs", health, f"{plural(count, 'job')}; the oldest was asked for "
                                        f"{ago(now - dt.timedelta(seconds=age), now)}.", *JOBS)
