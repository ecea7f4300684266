"""The burn-down chart: coordinates, names and the table that says the same."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from tests.webapp.sources.givens import HOUR, NOON
from webapp.sources import charts, usage
from webapp.sources.usage import BurnDown, Past, Point
from webapp.vendors import Limits

NEXT_YEAR_END = dt.datetime(2026, 12, 31, 23, 50, tzinfo=dt.UTC)
[WINDOW] = usage.windows_of(Limits(per_day=20), {"day": Past(10, NOON - HOUR, NOON - HOUR)}, NOON)
PAST = (Point(NOON - 4 * HOUR, 20), Point(NOON - 3 * HOUR, 20), Point(NOON - HOUR, 15), Point(NOON, 10))
BURN = BurnDown(WINDOW, PAST, (Point(NOON, 10), Point(NOON + 4 * HOUR, 2)))


def test_what_was_left_goes_in_steps_and_what_is_planned_in_a_line() -> None:
    chart = charts.draw(BURN, "Some", NOON)
    # 8 hours are 1000 wide, 20 calls are 100 high; a level stretch needs no point of its own.
    assert chart.past == "0,0 375,0 375,25 500,25 500,50 500,50"
    assert chart.planned == "500,50 1000,90"
    assert (chart.now, chart.reserve) == (500, 90)


def test_its_name_says_the_figures() -> None:
    assert charts.draw(BURN, "Some", NOON).name == (
        "Some, calls left of 20 a day: 10 now, at least 10 in the last 24 hours; planned to be 2 at 21:00 UTC.")


def test_the_table_says_the_least_of_each_hour() -> None:
    hours = charts.draw(BURN, "Some", NOON).hours
    assert [(hour.name, hour.left, hour.planned) for hour in hours] == [
        ("13:00", "20", False), ("14:00", "20", False), ("16:00", "15", False), ("17:00", "10", False),
        ("17:00", "10", True), ("21:00", "2", True)]


def test_hours_of_another_day_name_it() -> None:
    burn = BurnDown(WINDOW, (Point(NOON - 24 * HOUR, 20), Point(NOON, 10)), (Point(NOON, 10),))
    assert charts.draw(burn, "Some", NOON).hours[0].name == "19 Nov, 17:00"


def test_names_of_times_keep_apart() -> None:
    past = (Point(NOON - 24 * HOUR, 20), Point(NOON, 10))
    for hours in range(24):
        now = NOON + hours * HOUR
        shifted = BurnDown(WINDOW, tuple(Point(point.at + hours * HOUR, point.left) for point in past),
                           (Point(now, 10), Point(now + 6 * HOUR, 2)))
        places = sorted(tick.place for tick in charts.draw(shifted, "Some", now).ticks)
        assert all(later - earlier >= charts.APART for earlier, later in pairwise(places))
        assert len(places) >= 4


def test_a_session_that_is_nearly_over_still_has_room_for_now() -> None:
    past = (Point(NEXT_YEAR_END - 24 * HOUR, 20), Point(NEXT_YEAR_END, 10))
    chart = charts.draw(BurnDown(WINDOW, past, (Point(NEXT_YEAR_END, 10),)), "Some", NEXT_YEAR_END)
    assert chart.now < 1000
    assert chart.ticks[0].anchor == "end"
