"""Runs of periodic jobs: alone, recorded, and free again when one is killed."""

import multiprocessing
import os
import signal
import time

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker

from tests.conftest import RedisServer
from tests.worker.conftest import Clock
from webapp import clock
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.models import JobRun
from worker import locks, runs
from worker.app import AppJob

JOB = "worker.jobs.upkeep.purge_old_rows"


def hold(url: str, taken: "multiprocessing.synchronize.Event") -> None:
    with locks.alone(redis_clients.connect(url), JOB):
        taken.set()
        time.sleep(60)


def test_two_runs_of_one_job_never_overlap(redis: Redis) -> None:
    with locks.alone(redis, JOB) as first, locks.alone(redis, JOB) as second, locks.alone(redis, "other") as other:
        assert (first, second, other) == (True, False, True)
    assert not locks.is_running(redis, JOB)


def test_a_long_run_keeps_its_lock(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LOCK_SECONDS", 0.4)
    with locks.alone(redis, JOB) as free:
        assert free
        time.sleep(1)
        assert locks.is_running(redis, JOB)


def test_a_killed_run_frees_the_job_in_seconds(redis: Redis, redis_server: RedisServer) -> None:
    context = multiprocessing.get_context("fork")
    taken = context.Event()
    process = context.Process(target=hold, args=(redis_server.url, taken))
    process.start()
    assert taken.wait(20)
    time.sleep(1.5)
    assert locks.is_running(redis, JOB)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    began = time.monotonic()
    while locks.is_running(redis, JOB):
        assert time.monotonic() - began < locks.LOCK_SECONDS + 1
        time.sleep(0.05)


@pytest.mark.both_databases
def test_a_run_leaves_when_it_ran_and_how_it_ended(app: Flask, set_clock: Clock) -> None:
    def work() -> str:
        set_clock.pass_by(seconds=3)
        return "7 rows"

    began = set_clock.moment
    assert runs.recorded("job", work) == "7 rows"
    row = db.session.get_one(JobRun, "job")
    assert (row.started_at, row.finished_at, row.succeeded_at) == (began, set_clock.moment, set_clock.moment)
    assert (row.outcome, row.failures) == ("7 rows", 0)


def fail() -> None:
    raise RuntimeError("out of paper\nand ink")


def test_failures_are_counted_until_a_run_succeeds(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError):
            runs.recorded("job", fail)
    row = db.session.get_one(JobRun, "job")
    assert (row.outcome, row.failures, row.succeeded_at) == ("RuntimeError: out of paper", 3, None)
    assert caplog.text.count("Traceback") == 1
    runs.recorded("job", int)
    assert (row.outcome, row.failures) == ("done", 0)


def test_a_run_that_was_killed_counts_as_a_failure(app: Flask) -> None:
    runs.begin("job")
    runs.begin("job")
    assert db.session.get_one(JobRun, "job").failures == 1


def test_a_failure_leaves_nothing_half_written(app: Flask) -> None:
    def half() -> None:
        db.session.add(JobRun(name="half", started_at=clock.now()))
        db.session.flush()
        fail()

    with pytest.raises(RuntimeError):
        runs.recorded("job", half)
    assert db.session.get(JobRun, "half") is None


def test_a_database_error_is_described_without_its_statement(app: Flask) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError) as caught:
        db.session.execute(text("SELECT secret FROM nowhere"))
    assert runs.describe(caught.value) == "OperationalError: no such table: nowhere"


@pytest.fixture
def worker(app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> SimpleWorker:
    monkeypatch.setattr("worker.app.application", lambda: app)
    return SimpleWorker(["refresh", "default"], connection=redis, job_class=AppJob)


def test_a_periodic_job_runs_in_the_application_whoever_asks_for_it(redis: Redis, worker: SimpleWorker) -> None:
    job = Queue("default", connection=redis).enqueue(JOB)
    worker.work(burst=True, logging_level="WARNING")
    assert job.return_value() == "0 ticks and 0 other rows deleted"
    assert db.session.get_one(JobRun, "purge-old-rows").outcome == "0 ticks and 0 other rows deleted"


def test_a_periodic_job_that_still_runs_is_skipped(redis: Redis, worker: SimpleWorker) -> None:
    job = Queue("default", connection=redis).enqueue(JOB)
    with locks.alone(redis, JOB):
        worker.work(burst=True, logging_level="WARNING")
    assert job.return_value() == "skipped: a run is still going on"
    assert db.session.get(JobRun, "purge-old-rows") is None


def test_another_job_needs_no_lock_and_leaves_no_record(redis: Redis, worker: SimpleWorker) -> None:
    job = Queue("default", connection=redis).enqueue("tests.worker.test_runs.context_name")
    worker.work(burst=True, logging_level="WARNING")
    assert job.return_value() == "webapp.app"
    assert db.session.query(JobRun).count() == 0


def context_name() -> str:
    from flask import current_app

    return current_app.name


@pytest.mark.parametrize("function", ["worker.jobs.minutes.fetch_minutes", "worker.jobs.bars_import.import_file"])
def test_a_job_that_a_page_asks_for_takes_a_number(redis: Redis, worker: SimpleWorker, function: str) -> None:
    job = Queue("default", connection=redis).enqueue(function, 987_654_321, job_timeout=60)
    worker.work(burst=True)
    assert job.get_status(refresh=True) == "finished", job.exc_info
