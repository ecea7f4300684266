"""Running the place: jobs and providers. For the admin scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from flask import Response, current_app
from pydantic import Field
from redis import Redis

from config import Config
from webapp import clock, jobs_control, jobs_queries, providers_control
from webapp.api import answers
from webapp.api.callers import caller, needs
from webapp.api.schemas import Moment, Out, PageQuery
from webapp.api.surface import blueprint
from webapp.errors import Busy, NotFound
from webapp.extensions import db
from webapp.jobs import Shown, list_jobs
from webapp.jobs import State as JobState
from webapp.models import Scope
from webapp.redis import RedisAway
from webapp.rows import Row, as_moment

bp = blueprint("operations", "Admin")

AWAY = "Redis does not answer, and it keeps the jobs. Please try again in a minute."


class JobOut(Out):
    """A job, without arguments that may be of a person."""

    id: str
    queue: str = Field(examples=["default"])
    state: Literal["waiting", "running", "scheduled", "deferred", "failed"]
    function: str = Field(examples=["quotes.refresh_quotes"])
    arguments: str
    periodic: str | None = Field(description="The periodic job that it is a run of.")
    worker: str | None
    enqueued_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    reason: str | None = Field(description="Why it failed.")


class QueueOut(Out):
    """How many jobs of a queue are in each state."""

    name: str
    waiting: int
    running: int
    scheduled: int
    deferred: int
    failed: int


class PeriodicOut(Out):
    """A periodic job and its last run."""

    name: str
    function: str
    queue: str
    next_at: Moment
    running: bool
    waiting: bool
    started_at: Moment | None
    finished_at: Moment | None
    succeeded_at: Moment | None
    outcome: str | None
    failures: int = Field(description="How often it failed since it last succeeded.")


class JobsOut(Out):
    """The queues, the periodic jobs, and the jobs in one state."""

    queues: list[QueueOut]
    periodic: list[PeriodicOut]
    items: list[JobOut]
    next: str | None


class JobsQuery(PageQuery):
    """Jobs in which state."""

    state: Literal["waiting", "running", "scheduled", "deferred", "failed"] = "failed"


class PausedOut(Out):
    """Whether an admin lets a provider make no call, and whether that is new."""

    provider: str = Field(examples=["finnhub"])
    paused: bool
    changed: bool


@contextmanager
def redis_needed() -> Iterator[Redis]:
    """Give the application's client; raise Busy where Redis does not answer."""
    client: Redis = current_app.extensions["redis"]
    try:
        yield client
    except RedisAway:
        raise Busy(AWAY) from None


@bp.get("/admin/jobs")
@needs(Scope.ADMIN)
@bp.input(JobsQuery, location="query")
@bp.output(JobsOut)
def jobs(query_data: JobsQuery) -> Response:
    """Get the queues, the periodic jobs with their last runs, and the jobs in one state."""
    after = answers.read_text(query_data.after)
    with redis_needed() as redis:
        found = jobs_queries.load_overview(redis, clock.now())
        page = list_jobs(redis, JobState(query_data.state), after, jobs_queries.hidden(), query_data.limit)
    return answers.answer_page(
        [job_row(each) for each in page.jobs], answers.cursor(page.after) if page.after else None,
        queues=[{"name": each.name, **{state.value: count for state, count in each.counts.items()}}
                for each in found.queues], periodic=[periodic_row(line) for line in found.lines])


@bp.post("/admin/jobs/<job_id>/retry")
@needs(Scope.ADMIN)
@bp.output({}, status_code=204)
def retry_job(job_id: str) -> Response:
    """Put a failed job back into its queue."""
    with redis_needed() as redis:
        job = jobs_queries.load_job(redis, job_id)
        if job is None:
            raise NotFound("There is no such job any more: it is done, or was removed.")
        jobs_control.retry(redis, job, caller().actor)
    db.session.commit()
    return answers.nothing()


@bp.post("/admin/providers/<provider>/pause")
@needs(Scope.ADMIN)
@bp.output(PausedOut)
def pause_provider(provider: str) -> Response:
    """Let a provider make no call of any kind until it is resumed."""
    name = active_provider(provider)
    changed = providers_control.stop(name, caller().actor)
    db.session.commit()
    return answers.answer({"provider": name, "paused": True, "changed": changed})


@bp.post("/admin/providers/<provider>/resume")
@needs(Scope.ADMIN)
@bp.output(PausedOut)
def resume_provider(provider: str) -> Response:
    """Let a provider make calls again, at once, also one that rests after an error."""
    name = active_provider(provider)
    changed = providers_control.resume(name, caller().actor)
    db.session.commit()
    return answers.answer({"provider": name, "paused": False, "changed": changed})


def active_provider(name: str) -> str:
    """Return the name of a provider that is in use; raise NotFound."""
    settings: Config = current_app.config["SETTINGS"]
    if not providers_control.is_active(name, settings.vendors):
        raise NotFound("No such provider is in use here.")
    return name


def job_row(job: Shown) -> Row:
    """Return a job as programs get it."""
    return {"id": job.id, "queue": job.queue, "state": job.state.value, "function": job.function,
            "arguments": job.arguments, "periodic": job.periodic or None, "worker": job.worker or None,
            "enqueued_at": as_moment(job.enqueued_at), "started_at": as_moment(job.started_at),
            "ended_at": as_moment(job.ended_at), "reason": job.reason or None}


def periodic_row(line: jobs_queries.Line) -> dict[str, Any]:
    """Return a periodic job as programs get it."""
    job, run = line.job, line.run
    return {"name": job.name, "function": job.function, "queue": job.queue, "next_at": as_moment(job.next_at),
            "running": job.running, "waiting": job.waiting, "outcome": line.outcome or None,
            "started_at": as_moment(run.started_at) if run else None,
            "finished_at": as_moment(run.finished_at) if run else None,
            "succeeded_at": as_moment(run.succeeded_at) if run else None, "failures": run.failures if run else 0}
