"""Counting calls for what is not a price: how long one waits for a free one, and what keeps nobody waiting."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, Vendor, make_instrument
from webapp.extensions import db
from webapp.models import ProviderCall
from webapp.vendors import Limits
from worker import quota
from worker.history import runs
from worker.history.calls import MOST_WAITS, SHARE_OF_DAYS, Share, claim_within, subject_of
from worker.providers.base import ErrorKind, ProviderError

SHARE = Share(0.5, "tests ", "tests")


class Waits:
    """What stands in the place of sleep: it lets time pass and remembers whether a transaction was open."""

    def __init__(self, clock: Clock, passes: float = 1.0) -> None:
        self.clock, self.passes = clock, passes
        self.open: list[bool] = []

    def __call__(self, seconds: float) -> None:
        self.open.append(db.session().in_transaction())
        self.clock.pass_by(seconds=seconds * self.passes)


@pytest.fixture
def waits(app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Waits:
    """No test sleeps."""
    made = Waits(set_clock)
    monkeypatch.setattr("worker.history.calls.time.sleep", made)
    return made


def test_a_pause_that_ends_soon_is_waited_out_without_a_transaction(waits: Waits) -> None:
    vendor = Vendor(Limits(per_second=1))
    first = claim_within(SHARE, vendor, "tests XNYS:IBM")
    assert isinstance(first, int)
    quota.settle(vendor, first)
    db.session.commit()
    assert isinstance(claim_within(SHARE, vendor, "tests XNYS:IBM"), int)
    assert waits.open == [False]


def test_so_is_the_end_of_a_share_that_is_near(waits: Waits, set_clock: Clock) -> None:
    vendor = Vendor(Limits(per_minute=2))
    claim_within(SHARE, vendor, "tests XNYS:IBM")
    set_clock.pass_by(seconds=56)
    assert isinstance(claim_within(SHARE, vendor, "tests XNYS:IBM"), int)
    assert waits.open == [False]


def test_a_pause_that_others_always_use_is_not_waited_for_without_end(waits: Waits) -> None:
    vendor = Vendor(Limits(per_second=1))
    waits.passes = 0  # time stands still: another process was quicker each time
    claim_within(SHARE, vendor, "tests XNYS:IBM")
    assert isinstance(claim_within(SHARE, vendor, "tests XNYS:IBM"), quota.Refusal)
    assert len(waits.open) == MOST_WAITS
    assert not db.session().in_transaction()


def test_a_stock_that_a_vendor_blames_is_still_a_call_of_its_share_and_none_of_a_price(
        app: Flask, set_clock: Clock) -> None:
    vendor, stock = Vendor(Limits(per_minute=5)), make_instrument()
    subject = subject_of(runs.DAILY) + stock.key
    claimed = claim_within(SHARE_OF_DAYS, vendor, subject)
    assert isinstance(claimed, int)
    error = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "The Vendor does not know it.", blames=stock)
    quota.settle(vendor, claimed, error, of_quotes=False)
    db.session.commit()
    assert db.session.query(ProviderCall).one().subject == subject
    refusal = claim_within(SHARE_OF_DAYS, vendor, subject)
    assert isinstance(refusal, quota.Refusal)
    assert refusal.until == NOW + dt.timedelta(minutes=1)
