"""The schedule in Redis: never a double, never a hole."""

import threading
import time
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.registry import ScheduledJobRegistry

from tests.conftest import Settings
from worker import locks
from worker.schedule import Periodic, table
from worker.scheduler import LOCK_SECONDS, PeriodicScheduler

FAST = Periodic("fast", "worker.jobs.upkeep.purge_old_rows", "refresh", every=1, timeout=10, retry=(30,))
SLOW = Periodic("slow", "worker.jobs.calendar.write_sessions", "default", every=3600, timeout=10, retry=())


def make_scheduler(redis: Redis, *rows: Periodic) -> PeriodicScheduler:
    return PeriodicScheduler(redis, rows or (FAST, SLOW))


def entries(redis: Redis) -> dict[str, float]:
    found: Any = redis.zrange("rq:scheduler:scheduled_jobs", 0, -1, withscores=True)
    return {member.decode(): score for member, score in found}


def queued(redis: Redis) -> list[str]:
    return Queue("refresh", connection=redis).get_job_ids() + Queue("default", connection=redis).get_job_ids()


def make_due(redis: Redis, periodic: Periodic, moment: float | None = None) -> int:
    """Set the row's next moment into the past, or where the test wants it."""
    slot = int(moment or time.time() - 1)
    redis.zadd("rq:scheduler:scheduled_jobs", {periodic.entry_id: slot})
    return slot


def test_registering_twice_leaves_one_row_of_each(redis: Redis) -> None:
    make_scheduler(redis).register()
    make_scheduler(redis).register()
    assert set(entries(redis)) == {"periodic-fast", "periodic-slow"}
    assert len(redis.keys("rq:job:periodic-*")) == 2


def test_a_row_that_runs_at_the_start_does_so_once(redis: Redis) -> None:
    soon = Periodic("soon", "worker.jobs.calendar.renew_sessions", "default", every=86_400, timeout=10, retry=(),
                    at_start=True)
    scheduler = make_scheduler(redis, soon)
    scheduler.register()
    assert entries(redis)["periodic-soon"] <= time.time()
    scheduler.enqueue_jobs()
    assert len(queued(redis)) == 1
    later = entries(redis)["periodic-soon"]
    assert later > time.time()
    make_scheduler(redis, soon).register()
    assert entries(redis)["periodic-soon"] == later


def test_a_row_that_left_the_table_leaves_redis(redis: Redis) -> None:
    make_scheduler(redis).register()
    make_scheduler(redis, FAST).register()
    assert set(entries(redis)) == {"periodic-fast"}
    assert not redis.exists("rq:job:periodic-slow")


def test_what_others_scheduled_is_left_alone_and_runs(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    foreign = Job.create("time.time", id="foreign", connection=redis, origin="default")
    foreign.save()
    redis.zadd("rq:scheduler:scheduled_jobs", {"foreign": time.time() - 5})
    scheduler.register()
    scheduler.enqueue_jobs()
    assert "foreign" in queued(redis)


def test_a_slot_is_queued_once_and_the_next_one_set(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    slot = make_due(redis, FAST)
    scheduler.enqueue_jobs()
    assert queued(redis) == [f"fast-{slot}"]
    assert entries(redis)["periodic-fast"] > slot
    job = Job.fetch(f"fast-{slot}", connection=redis)
    assert (job.timeout, job.retries_left, job.retry_intervals) == (10, 1, [30])
    assert (job.result_ttl, job.failure_ttl) == (60, 600)


def test_a_changed_interval_takes_effect_at_the_next_start(redis: Redis) -> None:
    make_scheduler(redis).register()
    quicker = Periodic("slow", SLOW.function, "default", every=2, timeout=10, retry=())
    make_scheduler(redis, FAST, quicker).register()
    assert entries(redis)["periodic-slow"] <= time.time() + 2


def test_a_slot_missed_while_no_scheduler_ran_is_made_up_for_once(redis: Redis) -> None:
    make_scheduler(redis).register()
    slot = make_due(redis, SLOW, time.time() - 10_000)
    scheduler = make_scheduler(redis)
    scheduler.enqueue_jobs()
    scheduler.enqueue_jobs()
    assert queued(redis).count(f"slow-{slot}") == 1
    assert [job_id for job_id in queued(redis) if job_id.startswith("slow")] == [f"slow-{slot}"]


def test_a_crash_between_queueing_and_setting_the_next_moment_leaves_no_double(
        redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    slot = make_due(redis, FAST)
    with monkeypatch.context() as patch:
        patch.setattr(Periodic, "next_slot", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            scheduler.enqueue_jobs()
    assert queued(redis) == [f"fast-{slot}"]
    Queue("refresh", connection=redis).remove(f"fast-{slot}")  # a worker has taken it
    successor = make_scheduler(redis)
    successor.enqueue_jobs()
    assert queued(redis) == []
    make_due(redis, FAST, slot + 1)
    successor.enqueue_jobs()
    assert queued(redis) == [f"fast-{slot + 1}"]


def test_an_emptied_redis_is_filled_again_by_the_living_scheduler(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.enqueue_jobs()
    redis.flushall()
    scheduler.enqueue_jobs()
    assert set(entries(redis)) == {"periodic-fast", "periodic-slow"}


def test_a_row_without_its_job_is_written_again(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    redis.delete("rq:job:periodic-fast")
    make_due(redis, FAST)
    for _ in range(2):
        scheduler.enqueue_jobs()
    make_due(redis, FAST)
    scheduler.enqueue_jobs()
    assert len(queued(redis)) == 1


def test_two_schedulers_at_once_queue_each_slot_once(redis: Redis) -> None:
    make_scheduler(redis).register()
    first = int(time.time()) - 100

    def work() -> None:
        own = make_scheduler(redis)
        own.registered = True
        for number in range(20):
            make_due(redis, FAST, first + number)
            own.enqueue_jobs()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = queued(redis)
    assert len(seen) == len(set(seen))


def test_a_job_that_runs_keeps_its_next_slot_from_being_queued(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    make_due(redis, FAST)
    with locks.alone(redis, FAST.function) as free:
        assert free
        scheduler.enqueue_jobs()
        assert queued(redis) == []
    make_due(redis, FAST)
    scheduler.enqueue_jobs()
    assert len(queued(redis)) == 1


def test_without_workers_one_job_waits_not_thousands(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    for number in range(50):
        make_due(redis, FAST, time.time() - 100 + number)
        scheduler.enqueue_jobs()
    assert len(queued(redis)) == 1


def test_a_job_that_waits_for_its_retry_keeps_the_slots_back_until_it_is_lost(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    scheduler.register()
    retries = ScheduledJobRegistry("refresh", connection=redis)  # type: ignore[no-untyped-call]
    redis.zadd(retries.key, {"fast-1": time.time() + 30})
    make_due(redis, FAST)
    scheduler.enqueue_jobs()
    assert queued(redis) == []
    assert not scheduler.is_waiting(SLOW)
    redis.zadd(retries.key, {"fast-1": time.time() - 30})
    assert not scheduler.is_waiting(FAST)


def test_a_retry_is_queued_when_its_moment_has_come(redis: Redis) -> None:
    scheduler = make_scheduler(redis)
    job = Job.create("time.time", id="fast-1", connection=redis, origin="refresh")
    job.save()
    retries = ScheduledJobRegistry("refresh", connection=redis)  # type: ignore[no-untyped-call]
    redis.zadd(retries.key, {"fast-1": time.time() - 1})
    scheduler.enqueue_jobs()
    assert queued(redis) == ["fast-1"]
    assert not redis.zcard(retries.key)


def test_the_lock_of_a_killed_scheduler_is_gone_in_seconds(redis: Redis) -> None:
    killed, successor = make_scheduler(redis), make_scheduler(redis)
    assert killed.acquire_lock()
    assert not successor.acquire_lock()
    assert 0 < redis.ttl(successor.scheduler_lock_key) <= LOCK_SECONDS


def test_slots_lie_on_a_grid_so_that_they_do_not_drift() -> None:
    daily = Periodic("daily", "x", "default", every=86_400, timeout=1, retry=(), offset=3600)
    assert FAST.next_slot(100.9) == 101
    assert Periodic("x", "x", "x", every=2, timeout=1, retry=()).next_slot(101.0) == 102
    assert daily.next_slot(86_400 * 5 + 3599) == 86_400 * 5 + 3600
    assert daily.next_slot(86_400 * 5 + 3600) == 86_400 * 6 + 3600


def test_every_row_names_a_function_that_exists_and_stands_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    from importlib import import_module

    settings = Settings(tmp_path_factory.mktemp("x"), "", "sqlite://")
    rows = table(settings)
    for row in rows:
        module, _, name = row.function.rpartition(".")
        assert callable(getattr(import_module(module), name))
    assert len({row.name for row in rows}) == len({row.key for row in rows}) == len(rows)
    settings.ALPHA_VANTAGE_API_KEY = "key"
    assert [row.every for row in table(settings)][:1] == [5]
