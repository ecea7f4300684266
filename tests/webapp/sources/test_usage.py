"""What is used of a limit and what is left, and how that went on: counted by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webapp.sources.givens import HOUR, NOON
from webapp.sources import usage
from webapp.sources.usage import Past, Quarter, Spending, Window
from webapp.vendors import Limits

MINUTE = dt.timedelta(minutes=1)
HERE = usage.number_of(NOON)


def day_window(used: int, limit: int = 25, ago: dt.timedelta = HOUR) -> Window:
    past = {"day": Past(used, NOON - ago if used else None, NOON - ago if used else None)}
    return usage.windows_of(Limits(per_day=limit), past, NOON)[0]


def test_each_limit_is_a_window_the_shortest_first_and_what_is_no_limit_is_none() -> None:
    windows = usage.windows_of(Limits(3.0, 200, 50, 1000), {}, NOON)
    assert [(window.unit, window.limit, window.used, window.left) for window in windows] == [
        ("second", 3, 0, 3), ("minute", 200, 0, 200), ("hour", 50, 0, 50), ("day", 1000, 0, 1000)]
    assert usage.windows_of(Limits(), {}, NOON) == []


def test_a_tenth_is_reserved_and_no_more_than_is_left() -> None:
    assert day_window(4).reserved == 2.5
    assert day_window(24).reserved == 1
    assert day_window(25).reserved == 0


def test_a_call_comes_back_when_its_own_window_is_over() -> None:
    window = usage.windows_of(Limits(per_day=25), {"day": Past(2, NOON - 3 * HOUR, NOON - HOUR)}, NOON)[0]
    assert (window.next_back, window.all_back) == (NOON + 21 * HOUR, NOON + 23 * HOUR)
    assert window.frees_at is None, "a call is possible now"
    assert day_window(0).next_back is None


def test_the_next_call_is_possible_when_the_oldest_drops_out() -> None:
    assert day_window(25, ago=20 * HOUR).frees_at == NOON + 4 * HOUR


def test_less_than_one_a_second_is_one_in_a_longer_time() -> None:
    just_now = {"second": Past(0, None, NOON - dt.timedelta(seconds=1.05))}
    [window] = usage.windows_of(Limits(1 / 1.1), just_now, NOON)
    assert window.length.total_seconds() == pytest.approx(1.1)
    assert (window.limit, window.used) == (1, 1)
    long_ago = {"second": Past(0, None, NOON - dt.timedelta(seconds=1.2))}
    assert usage.windows_of(Limits(1 / 1.1), long_ago, NOON)[0].used == 0


def test_the_longest_limit_binds_and_that_of_a_second_never() -> None:
    windows = usage.windows_of(Limits(3.0, 8, None, 800), {}, NOON)
    assert usage.binding(windows) is windows[-1]
    assert usage.binding(windows[:1]) is None
    assert usage.binding([]) is None


def test_a_days_limit_burns_down_and_comes_back_after_24_hours() -> None:
    quarters = {HERE - 4: Quarter(5, 3), HERE - 96 - 8: Quarter(7, 7)}
    burn = usage.burn_down(day_window(5), quarters, Spending(NOON + 6 * HOUR), NOON)
    left = {point.at: point.left for point in burn.past}
    assert left[NOON - 3 * HOUR] == 18, "the calls of the day before count for another hour"
    assert left[NOON - 2 * HOUR] == 18
    assert left[NOON - 2 * HOUR + usage.QUARTER] == 25
    assert left[NOON - HOUR + usage.QUARTER] == 20
    assert burn.past[-1] == usage.Point(NOON, 20)
    assert burn.past[0].at == NOON - 24 * HOUR + usage.QUARTER


def test_what_is_planned_is_used_evenly_until_the_session_ends() -> None:
    rate = 15 / (6 * 3600)
    burn = usage.burn_down(day_window(5), {HERE - 4: Quarter(5, 3)}, Spending(NOON + 6 * HOUR, rate), NOON)
    assert burn.planned[0] == usage.Point(NOON, 20)
    assert burn.planned[-1].at == NOON + 6 * HOUR
    assert burn.planned[-1].left == pytest.approx(5)
    halfway = next(point for point in burn.planned if point.at == NOON + 3 * HOUR)
    assert halfway.left == pytest.approx(12.5)


def test_calls_of_yesterday_come_back_while_todays_are_made() -> None:
    quarters = {HERE - 96 + 4: Quarter(10, 2)}
    burn = usage.burn_down(day_window(10, ago=23 * HOUR), quarters, Spending(NOON + 6 * HOUR), NOON)
    left = {point.at: point.left for point in burn.planned}
    assert (left[NOON + HOUR], left[NOON + HOUR + usage.QUARTER]) == (15, 25)


def test_calls_that_are_due_at_a_time_are_used_then() -> None:
    burn = usage.burn_down(day_window(0), {}, Spending(NOON + 6 * HOUR, by_quarter={HERE + 8: 12}), NOON)
    left = {point.at: point.left for point in burn.planned}
    assert (left[NOON + 2 * HOUR], left[NOON + 2 * HOUR + usage.QUARTER]) == (25, 13)


def test_of_a_minutes_limit_the_busiest_minute_of_each_quarter_is_shown() -> None:
    [window] = usage.windows_of(Limits(per_minute=60), {}, NOON)
    burn = usage.burn_down(window, {HERE - 2: Quarter(100, 45)}, Spending(NOON + HOUR, rate=0.5), NOON)
    left = {point.at: point.left for point in burn.past}
    assert (left[NOON - 3 * usage.QUARTER], left[NOON - 2 * usage.QUARTER]) == (60, 15)
    assert [point.left for point in burn.planned] == [30, 30]


def test_an_hours_limit_counts_four_quarters() -> None:
    [window] = usage.windows_of(Limits(per_hour=50), {"hour": Past(0)}, NOON)
    burn = usage.burn_down(window, {HERE - 8: Quarter(30, 9)}, Spending(NOON + HOUR), NOON)
    left = {point.at: point.left for point in burn.past}
    assert [left[NOON - (8 - count) * usage.QUARTER] for count in range(6)] == [50, 20, 20, 20, 20, 50]


@given(st.dictionaries(st.integers(HERE - 192, HERE), st.integers(1, 40).map(lambda n: Quarter(n, n)), max_size=30),
       st.floats(0, 1), st.integers(0, 24), st.integers(1, 50))
def test_what_is_left_is_never_below_nothing_or_above_the_limit(
        quarters: dict[int, Quarter], rate: float, hours: int, limit: int) -> None:
    used = sum(quarter.used for number, quarter in quarters.items() if number > HERE - 96)
    burn = usage.burn_down(day_window(used, limit), quarters, Spending(NOON + hours * HOUR, rate), NOON)
    points = [*burn.past, *burn.planned]
    assert all(0 <= point.left <= limit for point in points)
    assert [point.at for point in points] == sorted(point.at for point in points)


def test_calls_since_a_moment_are_counted_by_quarters() -> None:
    quarters = {HERE - 4: Quarter(5, 3), HERE: Quarter(2, 2)}
    assert usage.used_since(quarters, NOON - HOUR) == 7
    assert usage.used_since(quarters, NOON - 3 * usage.QUARTER) == 2
    assert usage.start_of(HERE) == NOON
    assert usage.number_of(NOON - MINUTE) == HERE - 1
