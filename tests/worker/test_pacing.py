"""How fast a plan's limits may be spent, and which stocks a call is filled with."""

import datetime as dt
import math

import pytest

from tests.worker.conftest import NOW, Vendor, new_york_days
from webapp.analytics.intervals import sustainable_rate
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, State
from webapp.vendors import Limits
from worker.pacing import Candidate, best_paces, choose, due_at, holds_until, planned_rate, waiting


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


# Tokyo in UTC: 00:00 to 02:30 and 03:30 to 06:30.
DAY = dt.datetime(2026, 3, 11, tzinfo=dt.UTC)
TOKYO = SessionBook([
    SessionTimes("XTKS", start.date(), start, start + dt.timedelta(hours=6.5),
                 break_starts_at=start + dt.timedelta(hours=2.5), break_ends_at=start + dt.timedelta(hours=3.5))
    for start in (DAY, DAY + dt.timedelta(days=1))])


def tokyo(text: str) -> dt.datetime:
    return dt.datetime.combine(DAY, dt.time.fromisoformat(text), dt.UTC)


def fetched(text: str) -> Candidate:
    return Candidate(Instrument(1, "7203", "XTKS", "", "JPY", "JP"), tokyo(text), 1, 1, tokyo(text))


@pytest.mark.parametrize(("now", "runs"), [
    ("02:29:59", True), ("02:30", False), ("02:50", False), ("03:29:59", False), ("03:30", True)])
def test_nothing_is_due_in_a_midday_break(now: str, runs: bool) -> None:
    vendor, moment = Vendor(limits=Limits(per_minute=60)), tokyo(now)
    paces = best_paces(vendor, [fetched("00:10")], TOKYO, moment, 1.0)
    assert bool(paces) is runs
    assert bool(waiting(vendor, [fetched("00:10")], paces, TOKYO, moment)) is runs
    due = due_at(vendor, fetched("00:10"), paces.get(1), TOKYO, moment)
    assert due == (moment if runs else tokyo("03:30"))


@pytest.mark.parametrize(("pace", "at", "due"), [
    (20, "02:25", "03:45"), (20, "02:05", "03:30"), (40, "02:20", "04:00"), (90, "01:30", "04:00"),
    (10, "03:35", "03:45")])
def test_a_price_does_not_age_in_the_break(pace: float, at: str, due: str) -> None:
    vendor, stock = Vendor(limits=Limits(per_minute=60)), fetched(at)
    found = due_at(vendor, stock, pace * 60.0, TOKYO, max(tokyo("03:30"), tokyo(at)))
    assert found is not None
    assert abs(found - tokyo(due)) <= dt.timedelta(minutes=pace / 8), found
    if at != "02:05":
        [(waited, _)] = waiting(vendor, [stock], {1: pace * 60.0}, TOKYO, found - dt.timedelta(minutes=1))
        assert waited < 1
    [(waited, _)] = waiting(vendor, [stock], {1: pace * 60.0}, TOKYO, found)
    assert waited >= 1


def test_before_the_break_a_stock_that_would_be_due_in_it_is_said_to_be_due_after_it() -> None:
    assert due_at(Vendor(), fetched("02:20"), 1800.0, TOKYO, tokyo("02:25")) == tokyo("03:30")


@pytest.mark.parametrize(("delay", "now", "until"), [
    (State.LIVE, "02:29", "02:30"), (State.LIVE, "02:30", None), (State.LIVE, "03:30", "06:30"),
    (State.DELAYED, "02:29", "02:45")])
def test_a_price_may_pass_for_one_of_the_session_until_the_break(delay: State, now: str, until: str | None) -> None:
    assert holds_until(Vendor(delay=delay), "XTKS", tokyo(now), TOKYO) == (until and tokyo(until))


def test_what_a_day_has_left_is_kept_for_the_time_after_a_break() -> None:
    sydney = SessionTimes("XASX", DAY.date(), DAY - dt.timedelta(hours=1), DAY + dt.timedelta(hours=5))
    book = SessionBook([sydney, *(day for start in (DAY, DAY + dt.timedelta(days=1))
                                  if (day := TOKYO.session_on("XTKS", start.date())))])
    stocks = [fetched("02:25"), Candidate(Instrument(2, "CBA", "XASX", "", "AUD", "AU"), tokyo("03:00"), 1, 1,
                                          tokyo("03:00"))]
    rate = planned_rate(Vendor(limits=Limits(per_day=1000)), stocks, book, tokyo("03:00"), lambda since: 0)
    # 900 calls for two hours of Sydney and three of Tokyo.
    assert rate == pytest.approx(900 / (5 * 3600))
