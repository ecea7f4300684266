"""The admin's page about jobs: queues, what runs, periodic jobs, what failed and why."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry, StartedJobRegistry

from tests.conftest import RedisServer
from tests.webapp.admin.conftest import Browser, actions, log
from webapp import clock, jobs
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.job_names import KEPT, PERIODIC_KEPT, QUEUES, SCHEDULED, lock_name
from webapp.jobs import State
from webapp.models import JobRun
from webapp.redaction import without_people
from worker import schedule
from worker.schedule import Periodic
from worker.scheduler import PeriodicScheduler

PAGE = "/admin/jobs"
FAIL, MAIL = "tests.webapp.admin.chores.fail", "tests.webapp.admin.chores.mail"
ROWS = (Periodic("analyse", "worker.jobs.analysis.analyse", "default", every=3600, timeout=10, retry=(30,)),
        Periodic("refresh-quotes-finnhub", "worker.jobs.quotes.refresh_quotes", "refresh", every=3600, timeout=10,
                 retry=(), arguments=("finnhub",)))


def enqueue(redis: Redis, function: str, *arguments: object, queue: str = "default", **options: Any) -> Job:
    given: dict[str, Any] = {"failure_ttl": KEPT} | options
    return Queue(queue, connection=redis).enqueue(function, args=arguments, description=function, **given)


def work(redis: Redis) -> None:
    """Work off all that waits."""
    worker = SimpleWorker([Queue(name, connection=redis) for name in QUEUES], connection=redis)
    worker.work(burst=True, logging_level="ERROR")


def failed(redis: Redis, function: str = FAIL, *arguments: object, **options: Any) -> Job:
    """Return a job that has failed."""
    job = enqueue(redis, function, *arguments, **options)
    work(redis)
    return job


def pretend_running(redis: Redis, job: Job) -> None:
    """Let a job that waits look as if a worker had it."""
    Queue(job.origin, connection=redis).remove(job)
    redis.hset(job.key, mapping={"status": "started", "worker_name": "host-1-abcd",
                                 "started_at": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    redis.zadd(StartedJobRegistry(job.origin, connection=redis).key, {f"{job.id}:1": time.time() + 60})


def begin_schedule(redis: Redis) -> PeriodicScheduler:
    """Write the periodic jobs as the scheduler does."""
    scheduler = PeriodicScheduler(redis, ROWS)
    scheduler.register()
    return scheduler


def waiting(redis: Redis) -> list[str]:
    return [job_id for name in QUEUES for job_id in Queue(name, connection=redis).get_job_ids()]


def ask_and_confirm(browser: Browser, path: str) -> int:
    """Open the page that asks, and say yes with what it shows; return the status of the answer."""
    page = browser.get(path).text
    fields = dict(re.findall(r'<input type="hidden" name="(state|until)" value="([^"]*)"', page))
    return browser.post(path, fields).status_code


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/failed", f"{PAGE}/waiting", f"{PAGE}/failed/empty"])
def test_only_admins_see_jobs(visitor: Browser, stranger: Browser, path: str) -> None:
    assert visitor.get(path).headers["Location"].startswith("/login")
    assert stranger.get(path).status_code == 404


def test_only_admins_change_jobs(visitor: Browser, stranger: Browser, redis: Redis) -> None:
    begin_schedule(redis)
    job = failed(redis)
    for path in (f"job/{job.id}/retry", f"job/{job.id}/delete", "failed/empty", "periodic/analyse/run"):
        assert stranger.post(f"{PAGE}/{path}").status_code == 404
        assert visitor.post(f"{PAGE}/{path}").status_code == 303
    assert (waiting(redis), FailedJobRegistry(connection=redis).get_job_count(cleanup=False)) == ([], 1)


def test_the_queues_are_counted(browser: Browser, redis: Redis) -> None:
    for _ in range(3):
        enqueue(redis, FAIL)
    pretend_running(redis, enqueue(redis, "worker.jobs.minutes.fetch_minutes", 7))
    Queue("refresh", connection=redis).enqueue_in(dt.timedelta(hours=1), FAIL)
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert 'aria-label="Waiting in default: 3">3</a>' in page.text
    assert 'aria-label="Running in default: 1">1</a>' in page.text
    assert 'aria-label="Tried later in refresh: 1">1</a>' in page.text
    assert "minutes.fetch_minutes" in page.text
    assert "<small>7</small>" in page.text
    assert "host-1-abcd" in page.text
    assert 'aria-current="page">Jobs' in page.text


def test_an_empty_redis_says_that_no_scheduler_has_run(browser: Browser) -> None:
    page = browser.get(PAGE).text
    assert "no scheduler has run" in page
    assert "Nothing runs at this moment." in page


def test_periodic_jobs_are_shown_with_their_last_run_and_their_next(browser: Browser, redis: Redis) -> None:
    begin_schedule(redis)
    now = clock.now()
    db.session.add(JobRun(name="analyse", started_at=now - dt.timedelta(minutes=5), finished_at=now, failures=3,
                          outcome="ValueError: no such thing as redis://:hush@host"))
    db.session.add(JobRun(name="refresh-quotes-finnhub", started_at=now, finished_at=now, outcome="2 changed",
                          succeeded_at=now))
    db.session.commit()
    redis.set(lock_name(ROWS[1].key), "x", ex=4)
    page = browser.get(PAGE).text
    for words in ("✕ ValueError: no such thing as redis://***@host", "5 min ago", "2 changed", ">Runs</span>",
                  dt.datetime.fromtimestamp(ROWS[0].next_slot(time.time()), dt.UTC).isoformat()[:16]):
        assert words in page
    # What runs cannot be run.
    assert f'action="{PAGE}/periodic/analyse/run"' in page
    assert "refresh-quotes-finnhub/run" not in page
    assert "seems that no scheduler" not in page
    redis.zadd(SCHEDULED, {"periodic-analyse": time.time() - 60})
    assert "it seems that no scheduler runs" in browser.get(PAGE).text


def test_the_part_that_changes_is_asked_for_alone(browser: Browser, redis: Redis) -> None:
    begin_schedule(redis)
    part = browser.get(PAGE, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert part.count('id="jobs-now"') == 1
    assert 'id="run-analyse"' in part  # by which the focus comes back to it


def test_run_now_goes_through_the_scheduler_so_that_no_two_overlap(browser: Browser, redis: Redis) -> None:
    scheduler = begin_schedule(redis)
    assert browser.post(f"{PAGE}/periodic/analyse/run").status_code == 303
    scheduler.enqueue_jobs()
    [job_id] = waiting(redis)
    assert job_id.startswith("analyse-")
    assert redis.zscore(SCHEDULED, "periodic-analyse") == pytest.approx(ROWS[0].next_slot(time.time()))
    [entry] = log()
    assert (entry.action, entry.subject, set(entry.after)) == ("job.run", "analyse", {"next_at"})
    # While it waits, and while it runs, it is refused.
    assert browser.post(f"{PAGE}/periodic/analyse/run").status_code == 409
    redis.delete("rq:queue:default")
    redis.set(lock_name(ROWS[0].key), "x", ex=4)
    refused = browser.post(f"{PAGE}/periodic/analyse/run")
    assert (refused.status_code, "is going on at this moment" in refused.text) == (409, True)
    assert actions() == ["job.run"]


def test_run_now_of_what_is_not_in_the_schedule_is_not_found(browser: Browser, redis: Redis) -> None:
    begin_schedule(redis)
    redis.zadd(SCHEDULED, {"foreign": time.time() + 10})
    for name in ("foreign", "nothing", "periodic-analyse", "ana%00lyse"):
        assert browser.post(f"{PAGE}/periodic/{name}/run").status_code == 404
    assert browser.get(f"{PAGE}/periodic/analyse/run").status_code == 405


def test_what_failed_is_told_without_secrets_and_addresses(app: Flask, browser: Browser, redis: Redis) -> None:
    app.config["SETTINGS"].FINNHUB_API_KEY = "FINNHUBKEY"
    failed(redis, MAIL, "ann@example.org")
    newer = failed(redis, FAIL, "no entry with FINNHUBKEY <b>", job_id="analyse-1700000000", failure_ttl=PERIODIC_KEPT)
    redis.zincrby("rq:failed:default", 1, newer.id)  # a second later
    page = browser.get(f"{PAGE}/failed").text
    assert "RuntimeError: 550 (an address) is refused" in page
    assert "[parameters: ...]" in page
    assert "ValueError: no entry with *** &lt;b&gt;" in page
    assert "Traceback (most recent call last)" in page
    for hidden in ("ann@example", "FINNHUBKEY", "hush"):
        assert hidden not in page
    # The newest stands first.
    assert page.index("ValueError: ") < page.index("RuntimeError: 550")


@pytest.mark.parametrize("address", ["ann@example.org", "ann@bücher.example", "ann@例え.テスト"])
def test_an_address_of_any_script_is_left_out(address: str) -> None:
    assert without_people(f"refused {{'{address}': 550}}") == "refused {'(an address)': 550}"


def test_arguments_are_shown_of_known_jobs_only(browser: Browser, redis: Redis) -> None:
    enqueue(redis, "worker.jobs.mail.send_password_reset", "ann@example.org")
    enqueue(redis, "worker.jobs.trust.settle_hold", 5, True, 1, "a <b>")
    page = browser.get(f"{PAGE}/waiting").text
    assert "mail.send_password_reset" in page
    assert "ann@example.org" not in page
    assert "<small>5, True, 1, …</small>" in page


def test_a_failed_job_is_tried_again(browser: Browser, redis: Redis) -> None:
    job = failed(redis)
    assert browser.post(f"{PAGE}/job/{job.id}/retry").status_code == 303
    assert waiting(redis) == [job.id]
    [entry] = log()
    assert (entry.action, entry.before["reason"]) == ("job.retry", "ValueError: it went wrong")
    assert job.id in entry.subject
    # Once.
    assert browser.post(f"{PAGE}/job/{job.id}/retry").status_code == 409
    assert (waiting(redis), actions()) == ([job.id], ["job.retry"])
    work(redis)
    assert FailedJobRegistry(connection=redis).get_job_count(cleanup=False) == 1


def test_a_waiting_job_is_cancelled_after_it_was_asked(browser: Browser, redis: Redis) -> None:
    job, other = enqueue(redis, FAIL), enqueue(redis, FAIL)
    path = f"{PAGE}/job/{job.id}/cancel"
    assert f"Job {job.id} in the queue default: waiting." in browser.get(path).text
    assert waiting(redis) == [job.id, other.id]
    assert ask_and_confirm(browser, path) == 303
    assert (waiting(redis), Job.exists(job.id, redis)) == ([other.id], False)
    assert actions() == ["job.cancel"]
    assert browser.post(path).status_code == 409


def test_a_job_that_began_since_it_was_asked_is_asked_for_anew(browser: Browser, redis: Redis) -> None:
    job = enqueue(redis, FAIL)
    path = f"{PAGE}/job/{job.id}/cancel"
    pretend_running(redis, job)
    answer = browser.post(path, {"state": "waiting"})
    assert (answer.status_code, "has moved on since you opened the page" in answer.text) == (409, True)
    assert f"Stop {jobs.find_job(redis, job.id).title}?" in answer.text  # type: ignore[union-attr]
    # No worker listens for this one.
    gone = browser.post(path, {"state": "running"})
    assert (gone.status_code, "does not answer" in gone.text) == (409, True)
    assert not actions()


def test_a_job_that_a_worker_takes_in_between_is_not_cancelled(
        app: Flask, browser: Browser, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    job = enqueue(redis, FAIL)
    find = jobs.find_job

    def found_late(*arguments: object) -> object:
        found = find(redis, job.id)
        redis.lrem("rq:queue:default", 1, job.id)
        return found

    monkeypatch.setattr(jobs, "find_job", found_late)
    answer = browser.post(f"{PAGE}/job/{job.id}/cancel", {"state": "waiting"})
    assert answer.status_code == 409
    assert (Job.exists(job.id, redis), actions()) == (True, [])


def test_a_job_that_waits_for_its_next_try_is_cancelled_too(browser: Browser, redis: Redis) -> None:
    job = Queue("default", connection=redis).enqueue_in(dt.timedelta(hours=1), FAIL)
    assert ask_and_confirm(browser, f"{PAGE}/job/{job.id}/cancel") == 303
    assert not ScheduledJobRegistry(connection=redis).get_job_ids()  # type: ignore[no-untyped-call]


def test_a_failed_job_is_deleted_after_it_was_asked_and_others_are_not(browser: Browser, redis: Redis) -> None:
    job, other = failed(redis), failed(redis)
    path = f"{PAGE}/job/{job.id}/delete"
    assert browser.get(f"{PAGE}/job/{job.id}/cancel").status_code == 409
    assert browser.post(path).status_code == 409  # nothing was shown yet
    assert ask_and_confirm(browser, path) == 303
    assert FailedJobRegistry(connection=redis).get_job_ids(cleanup=False) == [other.id]
    assert not list(redis.scan_iter(f"*{job.id}*"))
    assert actions() == ["job.delete"]
    pending = enqueue(redis, FAIL)
    assert browser.get(f"{PAGE}/job/{pending.id}/delete").status_code == 409


def test_all_failed_jobs_are_deleted_but_what_failed_after_it_was_asked(browser: Browser, redis: Redis) -> None:
    for _ in range(3):
        enqueue(redis, FAIL)
    failed(redis, FAIL, queue="refresh")
    page = browser.get(f"{PAGE}/failed/empty").text
    assert "Delete all 4 failed jobs?" in page
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert until
    late = failed(redis)
    assert browser.post(f"{PAGE}/failed/empty", {"until": until[1]}).status_code == 303
    assert "4 failed jobs are deleted." in browser.get(f"{PAGE}/failed").text
    assert FailedJobRegistry(connection=redis).get_job_ids(cleanup=False) == [late.id]
    [entry] = log()
    assert (entry.action, entry.before) == ("job.empty", {"jobs": 4})
    assert browser.post(f"{PAGE}/failed/empty", {"until": "soon"}).status_code == 422


def test_nothing_is_changed_without_the_forms_token(browser: Browser, redis: Redis) -> None:
    begin_schedule(redis)
    job = failed(redis)
    for path in (f"job/{job.id}/retry", f"job/{job.id}/delete", "failed/empty", "periodic/analyse/run"):
        assert browser.open(f"{PAGE}/{path}", "POST").status_code == 400
    assert not actions()


@pytest.mark.parametrize("job_id", ["nothing", "a:b", "a%00b", "x" * 200, "..", "%F0%9F%98%80"])
def test_a_job_that_is_not_there_is_said_to_be_gone(browser: Browser, job_id: str) -> None:
    assert browser.get(f"{PAGE}/job/{job_id}/cancel").status_code in {404, 409}
    assert browser.post(f"{PAGE}/job/{job_id}/retry").status_code in {404, 409}


@pytest.mark.parametrize("state", ["failed", "waiting"])
def test_long_lists_are_paged_and_lose_nothing(
        browser: Browser, redis: Redis, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [enqueue(redis, FAIL).id for _ in range(60)]
    if state == "failed":
        work(redis)
    seen: list[str] = []
    path = f"{PAGE}/{state}"
    while path:
        page = browser.get(path).text
        seen += re.findall(r'<small class="subject">([^<]+)</small>', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == 60
    assert set(seen) == set(ids)


def test_a_page_whose_place_is_gone_goes_on_behind_it(redis: Redis) -> None:
    ids = [enqueue(redis, FAIL).id for _ in range(6)]
    work(redis)
    first = jobs.list_jobs(redis, State.FAILED, size=2)
    for job in first.jobs:
        redis.zrem("rq:failed:default", job.id)
    second = jobs.list_jobs(redis, State.FAILED, first.after, size=4)
    assert {job.id for job in [*first.jobs, *second.jobs]} == set(ids)
    assert jobs.list_jobs(redis, State.FAILED, "nonsense~gone").jobs


def test_what_only_half_is_left_of_is_passed_over(browser: Browser, redis: Redis) -> None:
    job, broken = failed(redis), failed(redis)
    redis.hdel(broken.key, "data")
    unreadable = failed(redis)
    redis.hset(unreadable.key, "data", b"no pickle")
    page = browser.get(f"{PAGE}/failed").text
    assert job.id in page
    assert broken.id not in page
    assert "unreadable" in page


def test_while_redis_is_away_the_page_says_so(
        app: Flask, browser: Browser, own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url, timeout=0.2, retries=0)
    own_redis_server.stop()
    for path in (PAGE, f"{PAGE}/failed", f"{PAGE}/failed/empty", f"{PAGE}/job/x/cancel"):
        answer = browser.get(path)
        assert (answer.status_code, "Redis does not answer" in answer.text) == (503, True)
    part = browser.get(PAGE, headers={"HX-Request": "true"})
    assert (part.status_code, "<html" in part.text) == (503, False)
    assert browser.post(f"{PAGE}/periodic/analyse/run").status_code == 503


def test_the_line_that_says_what_was_raised_is_found() -> None:
    trace = ("Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\n"
             "sqlalchemy.exc.IntegrityError: (sqlite3.IntegrityError) UNIQUE\n[SQL: INSERT]\n(Background on this)")
    assert jobs.last_line(trace) == "sqlalchemy.exc.IntegrityError: (sqlite3.IntegrityError) UNIQUE"
    assert jobs.last_line("Moved to FailedJobRegistry, due to AbandonedJobError, at 2026") == "Its worker was lost."
    assert jobs.last_line("Job stopped by user.") == "Job stopped by user."
    assert jobs.last_line("") == ""


def test_the_schedules_names_are_told_from_those_of_slots() -> None:
    from webapp.job_names import periodic_of, slot_id

    assert periodic_of(slot_id("refresh-quotes-finnhub", 1_700_000_000)) == "refresh-quotes-finnhub"
    assert periodic_of("analyse") == periodic_of("7d1c7a2e-0000-4000-8000-00000000000a") == ""
    assert schedule.Periodic("x", "y", "default", every=1, timeout=1, retry=()).entry_id == "periodic-x"
