"""What the page about jobs shows: queues, what runs, and the periodic jobs with their last runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from redis import Redis
from sqlalchemy import select

from config import Config
from webapp import jobs
from webapp.extensions import db
from webapp.jobs import JobPage, Periodic, QueueCounts, Shown, State
from webapp.models import JobRun
from webapp.redaction import secrets_of

# A job that is due for so long has no scheduler that would queue it.
OVERDUE = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Line:
    """A periodic job and its last run; None where it never ran. `outcome` is what came of that."""

    job: Periodic
    run: JobRun | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the page about jobs. `overdue` says that nobody queues what is due."""

    queues: list[QueueCounts]
    running: JobPage
    lines: list[Line]
    overdue: bool

    @property
    def totals(self) -> dict[State, int]:
        """Return how many jobs of all queues are in each state."""
        return {state: sum(queue.counts[state] for queue in self.queues) for state in State}


def load_overview(redis: Redis, now: dt.datetime) -> Overview:
    """Return what is in Redis of jobs now, and in the database of their last runs."""
    periodic = jobs.list_periodic(redis)
    runs = {run.name: run for run in db.session.scalars(
        select(JobRun).where(JobRun.name.in_([one.name for one in periodic])))}
    secrets = hidden()
    lines = [_line(one, runs.get(one.name), secrets) for one in periodic]
    return Overview(jobs.count_jobs(redis), jobs.list_jobs(redis, State.RUNNING), lines,
                    any(one.next_at < now - OVERDUE for one in periodic))


def load_page(redis: Redis, state: State, after: str) -> JobPage:
    """Return one page of the jobs in a state."""
    return jobs.list_jobs(redis, state, after, hidden())


def load_job(redis: Redis, job_id: str) -> Shown | None:
    """Return one job, None where it is gone."""
    return jobs.find_job(redis, job_id, hidden())


def _line(job: Periodic, run: JobRun | None, secrets: Sequence[str]) -> Line:
    return Line(job, run, jobs.redact(run.outcome, secrets) if run else "")


def hidden() -> Sequence[str]:
    """Return what no page may show."""
    settings: Config = current_app.config["SETTINGS"]
    return secrets_of(settings)
