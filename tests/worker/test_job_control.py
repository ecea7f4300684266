"""What an admin asks of a real worker: to stop what it runs, and to go on with the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.worker.streams.server import wait_until
from webapp import jobs, jobs_control
from webapp.audit import SHELL_ACTOR
from webapp.errors import Conflict
from webapp.extensions import db
from webapp.jobs import Shown, State
from webapp.models import AuditEntry

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def worker(app: Flask, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker on the test's database and Redis."""
    settings = app.config["SETTINGS"]
    environment = {key: value for key, value in os.environ.items() if "_API_KEY" not in key} | {
        "DATABASE_URL": settings.SQLALCHEMY_DATABASE_URI, "REDIS_URL": settings.REDIS_URL, "SECRET_KEY": "of a test",
        "INSTANCE_DIR": str(settings.INSTANCE_DIR)}
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    yield process
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # the second one does not wait for a job
    try:
        process.wait(20)
    finally:
        process.kill()


def running(redis: Redis) -> list[Shown]:
    return jobs.list_jobs(redis, State.RUNNING).jobs


def test_a_running_job_is_stopped_and_its_worker_goes_on(
        app: Flask, redis: Redis, worker: subprocess.Popen[bytes]) -> None:
    long = Queue("default", connection=redis).enqueue("time.sleep", 60, job_timeout=90)
    wait_until(lambda: [job.id for job in running(redis) if job.worker and job.started_at] == [long.id], 30)
    [job] = running(redis)
    assert (job.function, job.state) == ("time.sleep", "running")
    began = time.monotonic()
    jobs_control.cancel(redis, job, SHELL_ACTOR)
    db.session.commit()
    wait_until(lambda: not running(redis), 20)
    assert time.monotonic() - began < 15
    wait_until(lambda: len(jobs.list_jobs(redis, State.FAILED).jobs) == 1)
    [stopped] = jobs.list_jobs(redis, State.FAILED).jobs
    assert (stopped.id, "stopped by user" in stopped.reason) == (long.id, True)
    # It may be tried again, and the worker takes the next.
    jobs_control.delete(redis, stopped, SHELL_ACTOR)
    after = Queue("default", connection=redis).enqueue("time.sleep", 0, result_ttl=60)
    wait_until(lambda: after.get_status() == "finished", 20)
    with pytest.raises(Conflict):
        jobs_control.cancel(redis, job, SHELL_ACTOR)
    db.session.rollback()
    assert [entry.action for entry in db.session.query(AuditEntry)] == ["job.cancel"]
