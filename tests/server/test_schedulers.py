"""Schedulers at once, killed and stopped: each slot's job runs once, and none is missing."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.results import Result

from tests.conftest import Settings
from tests.site import Site, wait_until
from webapp import redis as redis_clients
from worker.schedule import REFRESH, table
from worker.scheduler import INTERVAL_SECONDS, LOCK_SECONDS

pytestmark = pytest.mark.server

PHASE_SECONDS = 5
# A pass comes once a second, and takes a moment.
PASS_SECONDS = INTERVAL_SECONDS + 1


def jobs_by_slot(redis: Redis) -> dict[int, Job]:
    """Return the refreshes of the last minute by their slot."""
    keys: Any = redis.scan_iter(f"rq:job:{REFRESH}-*")
    ids = [key.decode().removeprefix("rq:job:") for key in keys if not key.endswith(b":dependents")]
    return {int(job_id.rpartition("-")[2]): Job.fetch(job_id, connection=redis) for job_id in ids}


def was_held_back(slot: int, jobs: dict[int, Job]) -> bool:
    """Tell whether a run before the slot was still waiting or going on when the slot's turn came."""
    return any(job.enqueued_at and job.ended_at and earlier < slot
               and job.ended_at.replace(tzinfo=dt.UTC).timestamp() >= slot for earlier, job in jobs.items())


def test_two_schedulers_a_kill_and_a_restart_leave_no_double_and_no_missing_job(site: Site) -> None:
    redis = redis_clients.connect(site.redis.url)
    site.start("worker", "worker-2", "scheduler", "scheduler-2")  # one of them is busy with the past
    wait_until(lambda: len(jobs_by_slot(redis)) > 1, 30, "nothing is scheduled")
    first = max(jobs_by_slot(redis))
    time.sleep(PHASE_SECONDS)
    killed_at = time.time()
    site.kill("scheduler")
    time.sleep(PHASE_SECONDS)
    site.start("scheduler")
    site.stop("scheduler-2")
    wait_until(lambda: max(jobs_by_slot(redis)) > time.time() - 2, 20, "nothing is scheduled any more")
    site.stop("scheduler")
    time.sleep(PASS_SECONDS)
    jobs = jobs_by_slot(redis)
    runs = {slot: len(Result.all(job)) for slot, job in jobs.items()}
    assert set(runs.values()) == {1}, runs
    without = {slot for one, two in itertools.pairwise(sorted(slot for slot in jobs if slot >= first))
               for slot in range(one + 2, two, 2)}
    paused = range(int(killed_at) - 2, int(killed_at + LOCK_SECONDS + PASS_SECONDS) + 1)
    assert not {slot for slot in without if slot not in paused and not was_held_back(slot, jobs)}
    assert len(without & set(paused)) <= 3


def test_every_row_of_the_table_stands_once_whatever_happened(site: Site) -> None:
    redis = redis_clients.connect(site.redis.url)
    site.start("scheduler", "scheduler-2")
    for name in ("scheduler", "scheduler-2", "scheduler"):
        wait_until(lambda: redis.zcard("rq:scheduler:scheduled_jobs"), 20, "nothing is scheduled")
        time.sleep(0.3)
        site.kill(name)
        redis.zpopmin("rq:scheduler:scheduled_jobs")
        site.start(name)
    rows = table(Settings(site.folder / "other", site.redis.url, "sqlite://"))
    names = {row.entry_id.encode() for row in rows}

    def is_whole() -> bool:
        found: Any = redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)
        return {member for member, _ in found} == names and all(moment > time.time() - 5 for _, moment in found)

    wait_until(is_whole, 15, "the schedule is not whole again")
    assert len(list(redis.scan_iter("rq:job:periodic-*"))) == len(rows)
