"""What the count of calls promises while others call at the same time, are slow, or are killed."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, Vendor
from webapp.extensions import db
from webapp.models import ProviderState
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError
from worker.quota import ARRIVES, Refusal, claim, refusal_now, settle

PAUSED = Limits(per_second=1 / 1.1, per_day=25)
pytestmark = pytest.mark.both_databases


def claimed(vendor: Vendor) -> int:
    """Claim a call that is allowed."""
    call_id = claim(vendor, "X")
    assert isinstance(call_id, int), call_id
    return call_id


def settled(vendor: Vendor, call_id: int, error: ProviderError | None = None) -> None:
    """Write what came of it, and commit."""
    settle(vendor, call_id, error)
    db.session.commit()


def refused_until(vendor: Vendor) -> dt.timedelta:
    """Return how long after NOW a call is refused."""
    refusal = claim(vendor, "X")
    assert isinstance(refusal, Refusal)
    return refusal.until - NOW


def test_a_call_that_was_slow_to_arrive_is_in_the_vendors_window_for_as_long_as_it_may_be(
        app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_minute=2))
    slow = claimed(vendor)
    set_clock.pass_by(seconds=10)
    settled(vendor, slow)
    settled(vendor, claimed(vendor))
    set_clock.moment = NOW + dt.timedelta(seconds=65)
    assert refused_until(vendor) == dt.timedelta(seconds=70)
    set_clock.moment = NOW + dt.timedelta(seconds=70)
    claimed(vendor)


def test_a_call_whose_end_nobody_saw_may_have_arrived_a_little_later(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_minute=1))
    claimed(vendor)
    set_clock.pass_by(seconds=60)
    assert refused_until(vendor) == dt.timedelta(seconds=60) + ARRIVES
    refusal = refusal_now(vendor)
    assert refusal is not None
    assert refusal.until == NOW + dt.timedelta(seconds=60) + ARRIVES
    set_clock.pass_by(seconds=ARRIVES.total_seconds())
    claimed(vendor)


def test_no_call_begins_while_another_may_still_be_on_its_way(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=PAUSED)
    first = claimed(vendor)
    set_clock.pass_by(seconds=1.5)
    assert refused_until(vendor) == ARRIVES
    set_clock.pass_by(seconds=0.4)
    settled(vendor, first)
    set_clock.pass_by(seconds=1.2)
    claimed(vendor)


def test_a_call_whose_process_was_killed_keeps_the_others_waiting_for_a_moment_only(
        app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=PAUSED)
    claimed(vendor)
    set_clock.pass_by(seconds=1.2)
    assert refused_until(vendor) < dt.timedelta(seconds=2.5), "a refresh does not wait for more"
    set_clock.pass_by(seconds=ARRIVES.total_seconds())
    claimed(vendor)


def test_a_short_rest_does_not_end_a_longer_one(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_day=100))
    first, second = claimed(vendor), 0
    set_clock.pass_by(seconds=1)
    second = claimed(vendor)
    settled(vendor, first, ProviderError(ErrorKind.THROTTLED_DAY, "Nothing left today."))
    settled(vendor, second, ProviderError(ErrorKind.THROTTLED_SECOND, "Slower."))
    state = db.session.get_one(ProviderState, "vendor", populate_existing=True)
    assert state.paused_until == NOW + dt.timedelta(hours=1, seconds=1)


def test_a_longer_rest_replaces_a_shorter_one(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_day=100))
    first = claimed(vendor)
    set_clock.pass_by(seconds=1)
    second = claimed(vendor)
    settled(vendor, first, ProviderError(ErrorKind.THROTTLED_SECOND, "Slower."))
    settled(vendor, second, ProviderError(ErrorKind.THROTTLED_DAY, "Nothing left today."))
    state = db.session.get_one(ProviderState, "vendor", populate_existing=True)
    assert state.paused_until == NOW + dt.timedelta(hours=1, seconds=1)


def test_killed_processes_do_not_make_the_vendor_look_down(app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_day=100))
    for _ in range(6):
        claimed(vendor)
        set_clock.pass_by(minutes=1)
    settled(vendor, claimed(vendor), ProviderError(ErrorKind.BROKEN_ANSWER, "Nothing of use."))
    assert refusal_now(vendor) is None


def test_what_a_plan_does_not_have_is_an_answer_and_no_sign_that_the_vendor_is_down(
        app: Flask, set_clock: Clock) -> None:
    vendor = Vendor(limits=Limits(per_day=100))
    refusal = ProviderError(ErrorKind.NOT_ENTITLED, "This needs another plan.", retry_after=dt.timedelta(seconds=1))
    for error in (*[refusal] * 6, ProviderError(ErrorKind.BROKEN_ANSWER, "Nothing of use.")):
        settled(vendor, claimed(vendor), error)
        set_clock.pass_by(minutes=1)
    assert refusal_now(vendor) is None
    assert db.session.get_one(ProviderState, "vendor").paused_until == NOW + dt.timedelta(minutes=5, seconds=1)


@pytest.mark.parametrize(("limits", "window"), [
    (Limits(per_minute=2), dt.timedelta(minutes=1)), (Limits(per_hour=2), dt.timedelta(hours=1)),
    (Limits(per_day=2), dt.timedelta(days=1)), (Limits(2.0, 2, 2, 2), dt.timedelta(days=1))],
    ids=["minute", "hour", "day", "all"])
def test_each_window_counts_from_the_end_of_its_calls(app: Flask, set_clock: Clock, limits: Limits,
                                                      window: dt.timedelta) -> None:
    vendor = Vendor(limits=limits)
    for _ in range(2):
        call_id = claimed(vendor)
        set_clock.pass_by(seconds=9)
        settled(vendor, call_id)
        set_clock.pass_by(seconds=1)
    set_clock.moment = NOW + window + dt.timedelta(seconds=8)
    assert refused_until(vendor) == window + dt.timedelta(seconds=9)
    set_clock.pass_by(seconds=1)
    settled(vendor, claimed(vendor))
    set_clock.pass_by(seconds=1)
    assert refused_until(vendor) == window + dt.timedelta(seconds=19)
