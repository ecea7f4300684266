"""No call beyond a provider's limits, whoever makes it and whenever."""

import datetime as dt
import multiprocessing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import Settings
from tests.worker.conftest import NOW, Clock, Vendor
from webapp import clock
from webapp.app import create_app
from webapp.extensions import db
from webapp.models import ProviderCall, ProviderState
from webapp.vendors import Limits
from worker import quota
from worker.providers.base import ErrorKind, ProviderError
from worker.quota import Refusal, claim, refusal_now, settle

FREE = Limits(per_second=1 / 1.1, per_day=25)


def call(vendor: Vendor) -> None:
    """Make a call that is allowed, and see its end."""
    call_id = claim(vendor, "X")
    assert isinstance(call_id, int)
    settle(vendor, call_id)
    db.session.commit()


def claim_many(folder: str, redis_url: str, database: str, ready: Event, results: "Queue[int]") -> None:
    app = create_app(Settings(Path(folder), redis_url, database))
    vendor = Vendor(limits=Limits(per_day=25))
    start = clock.now()
    with app.app_context():
        ready.wait(30)
        calls = 0
        # Each in its own time, so that only the count can refuse.
        for step in range(40):
            clock.now = lambda step=step: start + dt.timedelta(microseconds=step)  # type: ignore[misc]
            calls += isinstance(claim(vendor, "X"), int)
        results.put(calls)
        db.session.remove()
        db.engine.dispose()


@pytest.mark.both_databases
def test_eight_processes_at_once_never_make_more_calls_than_a_day_allows(app: Flask, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, results = context.Event(), context.Queue()
    settings = app.config["SETTINGS"]
    processes = [context.Process(target=claim_many, args=(
        str(tmp_path / str(number)), settings.REDIS_URL, settings.SQLALCHEMY_DATABASE_URI, ready, results))
        for number in range(8)]
    for process in processes:
        process.start()
    ready.set()
    made = sum(results.get(timeout=90) for _ in processes)
    for process in processes:
        process.join()
    assert made == 25
    assert db.session.query(ProviderCall).count() == 25


@pytest.mark.both_databases
def test_the_day_rolls_and_says_when_the_next_call_is_free(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=FREE)
    for _ in range(25):
        call(vendor)
        set_clock.pass_by(minutes=1)
    refusal = claim(vendor, "X")
    assert refusal == Refusal("The Vendor: today's 25 requests are used; the next is free at 15:00 UTC on 12 March.",
                              NOW + dt.timedelta(days=1))
    assert refusal_now(vendor) == refusal
    assert db.session.query(ProviderCall).count() == 25
    set_clock.moment = NOW + dt.timedelta(days=1)
    assert isinstance(claim(vendor, "X"), int)
    refused = claim(vendor, "X")
    assert isinstance(refused, Refusal)


def test_calls_keep_the_pause_of_a_second(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=FREE)
    call(vendor)
    set_clock.pass_by(seconds=1)
    refusal = claim(vendor, "X")
    assert isinstance(refusal, Refusal)
    assert refusal.until == NOW + dt.timedelta(seconds=1.1)
    assert refusal_now(vendor) is None
    set_clock.pass_by(seconds=0.1)
    assert isinstance(claim(vendor, "X"), int)


def test_the_pause_counts_from_the_end_of_a_slow_call(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=FREE)
    call_id = claim(vendor, "X")
    assert isinstance(call_id, int)
    set_clock.pass_by(seconds=5)
    settle(vendor, call_id)
    db.session.commit()
    refusal = claim(vendor, "X")
    assert isinstance(refusal, Refusal)
    assert refusal.until == NOW + dt.timedelta(seconds=6.1)


def test_a_minute_has_its_own_limit(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_minute=3))
    for _ in range(3):
        call(vendor)
        set_clock.pass_by(seconds=10)
    refusal = claim(vendor, "X")
    assert isinstance(refusal, Refusal)
    assert refusal.until == NOW + dt.timedelta(minutes=1)
    set_clock.pass_by(seconds=30)
    assert isinstance(claim(vendor, "X"), int)


def test_a_clock_that_was_set_back_does_not_stop_the_calls(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=FREE)
    claim(vendor, "X")
    set_clock.pass_by(hours=-2)
    assert isinstance(claim(vendor, "X"), int)


def test_a_call_is_counted_even_if_nobody_saw_its_end(app: Flask, set_clock: Clock) -> None:
    call_id = claim(Vendor(limits=FREE), "XNYS:IBM")
    db.session.rollback()
    call = db.session.get_one(ProviderCall, call_id)
    assert (call.subject, call.outcome) == ("XNYS:IBM", "started")


def test_an_answer_and_an_error_are_written_down(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=FREE)
    first = claim(vendor, "A")
    assert isinstance(first, int)
    settle(vendor, first)
    set_clock.pass_by(seconds=2)
    second = claim(vendor, "B")
    assert isinstance(second, int)
    settle(vendor, second, ProviderError(ErrorKind.THROTTLED_DAY, "No calls left.", retry_after=dt.timedelta(hours=3)))
    db.session.commit()
    assert [outcome for *_, outcome in quota.calls_since(vendor, NOW - dt.timedelta(days=1))] == [
        "ok", "throttled for the day: No calls left."]
    state = db.session.get_one(ProviderState, "vendor", populate_existing=True)
    assert (state.last_success_at, state.last_error, state.last_error_at) == (
        NOW, "No calls left.", NOW + dt.timedelta(seconds=2))
    refusal = claim(vendor, "C")
    assert refusal == Refusal("No calls left. The next try is at 18:01 UTC.", NOW + dt.timedelta(hours=3, seconds=2),
                              fault=True)
    assert refusal_now(vendor) == refusal


@pytest.mark.parametrize("kind", [ErrorKind.BROKEN_ANSWER, ErrorKind.UNREACHABLE])
def test_a_fault_of_one_symbol_does_not_stop_the_others_but_many_in_a_row_do(
        app: Flask, set_clock: Clock, kind: ErrorKind) -> None:
    vendor = Vendor(limits=Limits(per_day=100))
    rests = []
    for _ in range(8):
        call_id = claim(vendor, "X")
        assert isinstance(call_id, int)
        settle(vendor, call_id, ProviderError(kind, "Nothing of use."))
        db.session.commit()
        refusal = refusal_now(vendor)
        rests.append((refusal.until - set_clock.moment).total_seconds() if refusal else 0)
        set_clock.pass_by(hours=1.1)
    assert rests == [0, 0, 0, 0, 15, 30, 60, 120]
    call_id = claim(vendor, "X")
    assert isinstance(call_id, int)
    settle(vendor, call_id, ProviderError(ErrorKind.UNKNOWN_SYMBOL, "Unknown."))
    db.session.commit()
    assert refusal_now(vendor) is None


def test_a_provider_without_limits_is_not_counted() -> None:
    assert not quota.is_counted(Vendor())
    assert quota.is_counted(Vendor(limits=FREE))
