"""How fast a plan's limits may be spent, and which stocks a call is filled with."""

import datetime as dt
import math

import pytest

from tests.worker.conftest import NOW, Vendor, new_york_days
from webapp.analytics.intervals import sustainable_rate
from webapp.markets import SessionBook
from webapp.records import Instrument
from webapp.vendors import Limits
from worker.pacing import Candidate, choose, waiting


def candidate(number: int) -> Candidate:
    return Candidate(Instrument(number, f"S{number}", "XNYS", "", "USD", "US"), NOW, True, True, NOW)


@pytest.mark.parametrize(("limits", "used", "rate"), [
    (Limits(per_minute=60), 0, 0.9), (Limits(per_hour=50), 0, 0.0125), (Limits(per_second=2), 0, 1.8),
    (Limits(per_day=100), 0, 0.09), (Limits(per_day=100), 40, 0.05), (Limits(per_day=100), 95, 0.0),
    (Limits(per_minute=60, per_day=100), 0, 0.09),
])
def test_a_tenth_of_every_limit_is_left_alone(limits: Limits, used: int, rate: float) -> None:
    assert sustainable_rate(limits, used, 1000.0) == pytest.approx(rate)


def test_calls_for_many_wait_for_their_pace_and_are_filled_with_what_is_next() -> None:
    vendor = Vendor(batch_size=3)
    queue = [(1.5, candidate(1)), (0.9, candidate(2)), (0.5, candidate(3)), (0.1, candidate(4))]
    before = NOW - dt.timedelta(seconds=30)
    assert choose(vendor, queue, 1 / 80, before, NOW) == []
    assert [stock.id for stock in choose(vendor, queue, 1 / 30, before, NOW)] == [1, 2, 3]
    assert [stock.id for stock in choose(vendor, queue, 1 / 80, None, NOW)] == [1, 2, 3]
    assert choose(vendor, queue[1:], 1 / 30, before, NOW) == []


def test_a_stock_without_a_price_waits_for_a_moment_only() -> None:
    vendor = Vendor(batch_size=3)
    queue = [(math.inf, candidate(1)), (0.9, candidate(2))]
    assert choose(vendor, queue, 1 / 80, NOW - dt.timedelta(seconds=5), NOW) == []
    assert [stock.id for stock in choose(vendor, queue, 1 / 80, NOW - dt.timedelta(seconds=16), NOW)] == [1, 2]


def test_several_calls_are_made_where_the_pace_allows_and_stocks_wait() -> None:
    queue = [(2.0, candidate(number)) for number in range(10)]
    before = NOW - dt.timedelta(seconds=5)
    assert len(choose(Vendor(batch_size=3), queue, 0.4, before, NOW)) == 6
    assert len(choose(Vendor(batch_size=3), queue, 3.0, before, NOW)) == 10
    assert len(choose(Vendor(), queue, 0.001, before, NOW)) == 10


def test_a_stock_is_due_in_the_slot_that_is_nearest_to_its_moment() -> None:
    vendor, book = Vendor(limits=Limits(per_minute=60)), SessionBook(new_york_days())
    stock = candidate(1)
    for seconds, is_due in ((2.4, False), (2.6, True), (4.9, True)):
        [(waited, _)] = waiting(vendor, [stock], {1: 5.0}, book, NOW + dt.timedelta(seconds=seconds))
        assert (waited >= 1) is is_due
