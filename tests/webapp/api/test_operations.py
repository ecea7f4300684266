"""Running the place over the API: jobs, providers, prices that wait, ingestion runs and findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job

from tests.factories import AS_OF, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.findings.conftest import add_hold, finding
from tests.worker.conftest import make_quote
from webapp.extensions import db
from webapp.live.bus import encode_quote
from webapp.models import AuditEntry, Finding, IngestRun, InstrumentRow, JobRun, ProviderState, Scope, User
from worker.jobs import trust

Make = Callable[..., Program]


@pytest.fixture
def root(admin: User, program: Make) -> Program:
    """The admin's program, which may run the place."""
    return program(admin, Scope.ADMIN)


@pytest.fixture
def stocks(app: Flask) -> list[InstrumentRow]:
    """Apple and IBM."""
    return [add_stock("AAPL"), add_stock("IBM", "XNYS")]


def fail_some(redis: Redis, count: int = 1) -> list[Job]:
    """Let jobs fail, and return them."""
    queue = Queue("default", connection=redis)
    jobs = [queue.enqueue("operator.truediv", 1, 0, failure_ttl=3600) for _ in range(count)]
    SimpleWorker([queue], connection=redis).work(burst=True, logging_level="ERROR")
    return jobs


# Jobs


def test_queues_and_failed_jobs_are_told(root: Program, redis: Redis) -> None:
    [job] = fail_some(redis)
    found = root.get("/admin/jobs").json
    assert found
    assert {queue["name"]: queue["failed"] for queue in found["queues"]} == {"refresh": 0, "default": 1}
    [row] = found["items"]
    assert (row["id"], row["state"], row["function"], row["arguments"]) == (job.id, "failed", "operator.truediv", "")
    assert row["reason"] == "ZeroDivisionError: division by zero"
    assert root.get("/admin/jobs?state=waiting").json["items"] == []  # type: ignore[index]


def test_failed_jobs_come_page_by_page(root: Program, redis: Redis) -> None:
    ids = {job.id for job in fail_some(redis, 3)}
    first = root.get("/admin/jobs?limit=2").json
    assert first
    second = root.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert second["next"] is None
    assert {row["id"] for row in [*first["items"], *second["items"]]} == ids


def test_periodic_jobs_come_with_their_last_run(app: Flask, root: Program, redis: Redis) -> None:
    job = Job.create("worker.jobs.mail.send_password_reset", id="periodic-purge", connection=redis)
    job.origin = "default"
    job.save()
    redis.zadd("rq:scheduler:scheduled_jobs", {job.id: 1_900_000_000})
    db.session.add(JobRun(name="purge", started_at=AS_OF, finished_at=AS_OF, outcome="3 gone", failures=2))
    db.session.commit()
    [row] = root.get("/admin/jobs").json["periodic"]  # type: ignore[index]
    assert (row["name"], row["next_at"], row["outcome"], row["failures"], row["succeeded_at"]) == (
        "purge", "2030-03-17T17:46:40Z", "3 gone", 2, None)


def test_a_failed_job_is_tried_again_once(root: Program, redis: Redis) -> None:
    [job] = fail_some(redis)
    assert root.call("POST", f"/admin/jobs/{job.id}/retry").status_code == 204
    assert Queue("default", connection=redis).get_job_ids() == [job.id]
    assert root.call("POST", f"/admin/jobs/{job.id}/retry").status_code == 409
    assert [(row.via, row.action) for row in db.session.query(AuditEntry)] == [("api", "job.retry")]
    for unknown in ("none", "a b", "..", "x" * 200):
        assert root.call("POST", f"/admin/jobs/{unknown}/retry").status_code == 404


# Providers


@pytest.mark.both_databases
def test_a_provider_is_paused_and_goes_on(root: Program) -> None:
    path = "/admin/providers/simulator"
    for changed in (True, False):
        assert root.call("POST", f"{path}/pause").json == {"provider": "simulator", "paused": True, "changed": changed}
    state = db.session.get(ProviderState, "simulator")
    assert state is not None
    assert state.stopped_at is not None
    for changed in (True, False):
        answer = root.call("POST", f"{path}/resume")
        assert answer.json == {"provider": "simulator", "paused": False, "changed": changed}
    assert [(row.via, row.action) for row in db.session.query(AuditEntry).order_by(AuditEntry.id)] == [
        ("api", "provider.pause"), ("api", "provider.resume")]


def test_of_a_provider_without_a_key_there_is_nothing_to_pause(root: Program) -> None:
    for name in ("finnhub", "moon", "%00"):
        assert root.call("POST", f"/admin/providers/{name}/pause").status_code == 404
    assert db.session.query(ProviderState).count() == 0


# Prices that wait


@pytest.mark.both_databases
def test_prices_that_wait_come_page_by_page(root: Program, stocks: list[InstrumentRow]) -> None:
    add_hold(stocks[0], "150.0000", ratio=Decimal("0.75"))
    add_hold(stocks[1], "90", first_at=AS_OF - dt.timedelta(hours=1))
    first = root.get("/admin/holds?limit=1").json
    assert first
    assert first["items"] == [{
        "key": "XNAS:AAPL", "price": "150.0000", "against": "200", "source": "finnhub",
        "as_of": "2026-11-20T19:02:11Z", "reason": "far from the last price", "ratio": "0.75", "readings": 1,
        "first_at": "2026-11-20T19:02:11Z", "last_at": "2026-11-20T19:02:11Z"}]
    second = root.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert (second["next"], [row["key"] for row in second["items"]]) == (None, ["XNYS:IBM"])


@pytest.mark.parametrize("after", ["x", "WzFd", "WyJub25lIiwxXQ", "WyIyMDI2LTExLTIwVDE5OjAyOjExIiwxXQ"])
def test_a_place_that_nobody_gave_out_is_refused(root: Program, after: str) -> None:
    for path in ("/admin/holds", "/admin/findings"):
        answer = root.get(f"{path}?after={after}")
        assert (answer.status_code, answer.json and answer.json["code"]) == (422, "bad-cursor")


@pytest.mark.parametrize(("do", "price"), [("take", "150"), ("drop", "150.0")])
def test_a_worker_is_asked_to_take_or_drop_a_price(root: Program, admin: User, stocks: list[InstrumentRow],
                                                   redis: Redis, do: str, price: str) -> None:
    add_hold(stocks[0], "150.0000")
    answer = root.call("POST", "/admin/holds/AAPL", {"do": do, "price": price})
    assert (answer.status_code, answer.json) == (202, {"key": "XNAS:AAPL", "do": do, "price": "150.0000"})
    [job] = Queue("default", connection=redis).jobs
    assert (job.func_name, job.args[:3]) == ("worker.jobs.trust.settle_hold", (stocks[0].id, do == "take", admin.id))
    assert job.args[3:] == ("150.0000", "api")


def test_a_price_that_was_dropped_over_the_api_says_so_in_the_log(app: Flask, admin: User,
                                                                  stocks: list[InstrumentRow]) -> None:
    add_hold(stocks[0], "150", quote=encode_quote(make_quote(stocks[0].record(), "150")))
    trust.settle_hold(stocks[0].id, False, admin.id, "", "api")
    assert [(row.via, row.action, row.who) for row in db.session.query(AuditEntry)] == [
        ("api", "price.drop", admin.email)]


@pytest.mark.parametrize("price", ["149", "150.00001", "0150.1"])
def test_a_price_that_does_not_wait_is_not_decided_on(root: Program, stocks: list[InstrumentRow], redis: Redis,
                                                      price: str) -> None:
    add_hold(stocks[0], "150")
    for stock in ("AAPL", "IBM"):
        answer = root.call("POST", f"/admin/holds/{stock}", {"do": "take", "price": price})
        assert (answer.status_code, answer.json and answer.json["code"]) == (409, "not-waiting")
    assert Queue("default", connection=redis).count == 0


@pytest.mark.parametrize("body", [{"do": "keep", "price": "1"}, {"do": "take"}, {"do": "take", "price": "1e2"},
                                  {"do": "take", "price": 150}, {"do": "take", "price": "-150"},
                                  {"do": "take", "price": "NaN"}, {"do": "take", "price": "\u0661\u0665\u0660"},
                                  {"do": "take", "price": "1", "user_id": 1}])
def test_a_decision_that_is_none_is_refused(root: Program, stocks: list[InstrumentRow], body: dict[str, Any]) -> None:
    add_hold(stocks[0], "150")
    assert root.call("POST", "/admin/holds/AAPL", body).status_code == 422


# Runs and findings


@pytest.mark.both_databases
def test_runs_come_the_newest_first(root: Program, stocks: list[InstrumentRow]) -> None:
    for number in range(3):
        db.session.add(IngestRun(kind="bars" if number else "upload", source="tiingo", subject=f"file{number}.csv",
                                 instrument_id=stocks[0].id if number else None, started_at=AS_OF, state="done",
                                 added=number))
    db.session.commit()
    first = root.get("/admin/runs?limit=2").json
    assert first
    assert [(row["subject"], row["key"], row["added"]) for row in first["items"]] == [
        ("file2.csv", "XNAS:AAPL", 2), ("file1.csv", "XNAS:AAPL", 1)]
    second = root.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert (second["next"], [row["key"] for row in second["items"]]) == (None, [None])
    files = root.get("/admin/runs?kind=files").json
    assert files
    assert [row["subject"] for row in files["items"]] == ["file0.csv"]
    assert root.get("/admin/runs?state=failed&q=AAPL").json["items"] == []  # type: ignore[index]
    assert root.get("/admin/runs.csv").text.splitlines()[0].startswith("id,kind,source,subject,key,state")
    assert root.get("/admin/runs?state=moon").status_code == 422


@pytest.mark.both_databases
def test_findings_come_the_newest_first(root: Program, stocks: list[InstrumentRow]) -> None:
    db.session.add_all([finding(stocks[0], number) for number in range(2)])
    db.session.add(finding(stocks[1], 1, kind=Finding.OLDER.value, ended_at=AS_OF, outcome="confirmed"))
    db.session.commit()
    rows, path = [], "/admin/findings?limit=1"
    while path:
        page = root.get(path).json
        assert page
        rows += page["items"]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert [(row["key"], row["reason"], row["outcome"]) for row in rows] == [
        ("XNAS:AAPL", "reason 0", None), ("XNYS:IBM", "reason 1", "confirmed"), ("XNAS:AAPL", "reason 1", None)]
    assert len(root.get("/admin/findings?kind=older").json["items"]) == 1  # type: ignore[index]
    assert len(root.get("/admin/findings?stock=AAPL").json["items"]) == 2  # type: ignore[index]
    assert root.get("/admin/findings?stock=NIX").json["items"] == []  # type: ignore[index]
    assert len(root.get("/admin/findings.csv").text.splitlines()) == 4
