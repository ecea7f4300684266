"""The RQ worker and job of Stagewatch: an application context around each job, its session removed after it."""

import logging
import os
import secrets
import socket
from functools import cache
from importlib import import_module
from typing import Any

from flask import Flask
from redis import Redis
from rq import Worker
from rq.job import Job

from config import Config
from webapp.app import create_app
from webapp.extensions import db
from webapp.job_names import QUEUES, key_of
from worker import locks, runs
from worker.providers.yahoo_browser import preload
from worker.schedule import Periodic, table

log = logging.getLogger(__name__)


@cache
def application() -> Flask:
    """Return the process's application."""
    return create_app()


@cache
def periodic_jobs() -> dict[str, Periodic]:
    """Return the schedule's rows by what they run."""
    settings: Config = application().config["SETTINGS"]
    return {periodic.key: periodic for periodic in table(settings)}


class AppJob(Job):
    """A job that runs inside the application; one of the schedule runs alone and leaves a record."""

    def perform(self) -> Any:
        """Run the job's function."""
        app = application()
        with app.app_context():
            try:
                periodic = periodic_jobs().get(key_of(self.func_name or "", self.args))
                return self._perform_alone(app, periodic) if periodic else super().perform()
            finally:
                # The job's process ends with _exit(), which would leave the database to notice by itself.
                db.session.remove()
                db.engine.dispose()

    def _perform_alone(self, app: Flask, periodic: Periodic) -> Any:
        """Run it unless another run of the same is alive, whoever asked for that one."""
        with locks.alone(app.extensions["redis"], periodic.key) as free:
            return runs.recorded(periodic.name, super().perform) if free else "skipped: a run is still going on"


class AppWorker(Worker):
    """RQ's worker, set to notice in seconds what it would notice in minutes."""

    job_class = AppJob
    # While Redis is away, ask once a second.
    max_connection_wait_time = 1.0
    log_result_lifespan = False

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log a failure; of a periodic job in one line, for it may fail every other second."""
        if key_of(job.func_name or "", job.args) in periodic_jobs():
            log.error("%s failed: %s", job.id, runs.describe(exc_info[1]))
        else:
            super().handle_exception(job, *exc_info)


def load_jobs() -> None:
    """Load the application and the jobs: a job's process is a copy of this one, and need not load them each time."""
    for periodic in periodic_jobs().values():
        import_module(periodic.function.rpartition(".")[0])
    preload(application().config["SETTINGS"])


def make_worker(connection: Redis) -> AppWorker:
    """Return a worker for every queue, under a name that no other has."""
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    return AppWorker(QUEUES, name=name, connection=connection, worker_ttl=30, job_monitoring_interval=5,
                     maintenance_interval=30)
