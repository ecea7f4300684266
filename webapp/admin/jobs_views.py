"""Jobs and queues."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from redis import Redis

from webapp import clock, jobs_control
from webapp import jobs_queries as queries
from webapp.admin.views import actor, bp
from webapp.errors import Busy, Conflict
from webapp.extensions import db
from webapp.jobs import Shown, State, count_jobs
from webapp.redis import RedisAway
from webapp.rendering import is_fragment_request, render
from webapp.sure import SureForm, ask

P = ParamSpec("P")
JOB = "/jobs/job/<job_id>"
AWAY = ("Redis does not answer. It keeps the jobs, so what waits, runs and failed cannot be shown or changed now. "
        "Please try again in a minute.")
TITLES = {State.WAITING: "Waiting jobs", State.RUNNING: "Running jobs", State.SCHEDULED: "Jobs that are tried again",
          State.DEFERRED: "Deferred jobs", State.FAILED: "Failed jobs"}


def needs_redis(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Have a view say so where Redis is away."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        try:
            return view(*args, **kwargs)
        except RedisAway:
            raise Busy(AWAY) from None

    return guarded


@bp.get("/jobs")
@needs_redis
def show_jobs() -> ResponseReturnValue:
    """Show queues, what runs, and the periodic jobs; htmx asks for this part again and again."""
    return render("admin/jobs.html", "jobs_now" if is_fragment_request() else None, State=State,
                  overview=queries.load_overview(redis(), clock.now()))


@bp.get("/jobs/<any(waiting, running, scheduled, deferred, failed):state>")
@needs_redis
def list_jobs(state: str) -> ResponseReturnValue:
    """List the jobs in one state."""
    found = State(state)
    after = request.args.get("after", "")
    return render_template("admin/jobs_list.html", state=found, title=TITLES[found], after=after,
                           page=queries.load_page(redis(), found, after))


@bp.post("/jobs/periodic/<name>/run")
@needs_redis
def run_now(name: str) -> ResponseReturnValue:
    """Have a periodic job queued before its slot."""
    jobs_control.run_now(redis(), name, actor())
    db.session.commit()
    flash(f"{name} is queued within a second, where a scheduler runs.", "success")
    return redirect(url_for(".show_jobs"), 303)


@bp.post(f"{JOB}/retry")
@needs_redis
def retry_job(job_id: str) -> ResponseReturnValue:
    """Put a failed job back into its queue."""
    job = job_or_409(job_id)
    jobs_control.retry(redis(), job, actor())
    db.session.commit()
    flash(f"{job.title} waits for a worker again.", "success")
    return redirect(url_for(".list_jobs", state=State.FAILED.value), 303)


@bp.route(f"{JOB}/cancel", methods=["GET", "POST"])
@needs_redis
def cancel_job(job_id: str) -> ResponseReturnValue:
    """Ask whether a job shall not be done, and see to it once that is answered."""
    job = job_or_409(job_id)
    if job.state is State.FAILED:
        raise Conflict("This job has failed already; there is nothing to cancel.")
    answer = decided(job, "Stop" if job.state is State.RUNNING else "Cancel", [
        "Its worker stops it at once. What it has committed stays; a job that is safe to run twice may be run again."
        if job.state is State.RUNNING else "It is taken out of its queue and not done.",
        "A periodic job comes again with its next slot; an import that waits is taken up again within a minute."])
    if answer is not None:
        return answer
    jobs_control.cancel(redis(), job, actor())
    db.session.commit()
    flash(f"{job.title} is {'told to stop' if job.state is State.RUNNING else 'cancelled'}.", "success")
    return redirect(url_for(".show_jobs"), 303)


@bp.route(f"{JOB}/delete", methods=["GET", "POST"])
@needs_redis
def delete_job(job_id: str) -> ResponseReturnValue:
    """Ask whether a failed job shall be forgotten, and forget it once that is answered."""
    job = job_or_409(job_id)
    if job.state is not State.FAILED:
        raise Conflict(jobs_control.MOVED)
    answer = decided(job, "Delete", ["It is not tried again, and why it failed is not known any more.", job.reason])
    if answer is not None:
        return answer
    jobs_control.delete(redis(), job, actor())
    db.session.commit()
    flash(f"{job.title} is deleted.", "success")
    return redirect(url_for(".list_jobs", state=State.FAILED.value), 303)


@bp.route("/jobs/failed/empty", methods=["GET", "POST"])
@needs_redis
def empty_failed() -> ResponseReturnValue:
    """Ask whether all failed jobs shall be forgotten, and forget those that were there when it was asked."""
    back = url_for(".list_jobs", state=State.FAILED.value)
    if not SureForm().validate_on_submit():
        failed = sum(queue.counts[State.FAILED] for queue in count_jobs(redis()))
        return ask(f"Delete all {failed:,} failed jobs?",
                   ["None of them is tried again, and why they failed is not known any more. What fails from now on is "
                    "kept."], "Yes, delete them", back, {"until": clock.now().isoformat()})
    gone = jobs_control.empty_failed(redis(), asked_until(), actor())
    db.session.commit()
    flash(f"{gone:,} failed {'job is' if gone == 1 else 'jobs are'} deleted.", "success")
    return redirect(back, 303)


def decided(job: Shown, verb: str, comes_to: list[str]) -> ResponseReturnValue | None:
    """Return the page that asks about a job; None where a yes has come and the job is still as it was shown."""
    back = url_for(".show_jobs") if job.state is not State.FAILED else url_for(".list_jobs", state=State.FAILED.value)
    page = (f"{verb} {job.title}?", [f"Job {job.id} in the queue {job.queue}: {job.state.value}.", *comes_to],
            f"Yes, {verb.lower()} it", back, {"state": job.state.value})
    if not SureForm().validate_on_submit():
        return ask(*page)
    if request.form.get("state") != job.state.value:
        return ask(*page, problem="The job has moved on since you opened the page. This is how it is now."), 409
    return None


def asked_until() -> dt.datetime:
    """Return when the page that asked was made; never a moment to come."""
    try:
        until = dt.datetime.fromisoformat(request.form.get("until", ""))
    except ValueError:
        abort(422)
    return min(until if until.tzinfo else until.replace(tzinfo=dt.UTC), clock.now())


def job_or_409(job_id: str) -> Shown:
    """Return a job that an address names; one that is gone has ended or was removed meanwhile."""
    job = queries.load_job(redis(), job_id)
    if job is None:
        raise Conflict("This job is not there any more: it is done, or was removed.")
    return job


def redis() -> Redis:
    """Return the application's client."""
    client: Redis = current_app.extensions["redis"]
    return client
