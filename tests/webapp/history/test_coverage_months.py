"""Counting what is there of each month, and drawing it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest

from tests.webapp.history.past import weekdays
from webapp.analytics.series import Days, to_number
from webapp.history.months import Calendar, Month, Year, count_years, empty_year, month_span

FIRST, LAST = dt.date(2020, 1, 1), dt.date(2020, 12, 31)
NOWHERE = Calendar(np.empty(0, np.int32), frozenset())


def numbers(days: Sequence[dt.date]) -> Days:
    return np.array([to_number(day) for day in days], np.int32)


OPEN = Calendar(numbers(weekdays(FIRST, LAST)), frozenset({2020}))


def months(year: Year) -> list[tuple[int, int | None]]:
    return [(month.held, month.possible) for month in year.months]


def test_a_whole_year_has_every_session_of_every_month() -> None:
    [year] = count_years(numbers(weekdays(FIRST, LAST)), OPEN, (FIRST, LAST)).values()
    assert months(year) == [(count, count) for count in (23, 20, 22, 22, 21, 22, 23, 21, 22, 22, 21, 23)]
    assert {month.state for month in year.months} == {"full"}
    assert year.words == "all 262 sessions"
    assert not year.picture.missing
    assert year.picture.held.count("M") == 12


def test_what_is_missing_is_counted_and_said() -> None:
    held = [day for day in weekdays(FIRST, LAST) if day.month not in {2, 11} and day != dt.date(2020, 3, 4)]
    [year] = count_years(numbers(held), OPEN, (FIRST, LAST)).values()
    assert [month.state for month in year.months[:4]] == ["full", "missing", "part", "full"]
    assert (year.months[2].missing, year.months[2].words) == (1, "21 of 22 sessions, 1 missing")
    assert year.words == "220 of 262 sessions, missing in February, March and November"
    assert year.picture.missing.count("M") == 3


def test_nothing_is_missing_before_the_first_day_and_after_the_last() -> None:
    held = weekdays(dt.date(2020, 3, 16), dt.date(2020, 6, 10))
    [year] = count_years(numbers(held), OPEN, (held[0], held[-1])).values()
    assert [month.state for month in year.months] == ["empty"] * 2 + ["full"] * 4 + ["empty"] * 6
    assert months(year)[2] == (12, 12)


def test_a_gap_that_was_explained_is_not_missing_but_its_bars_count() -> None:
    held = [day for day in weekdays(FIRST, LAST) if day.month != 5 or day.day == 4]
    excused = [(dt.date(2020, 5, 1), dt.date(2020, 5, 31))]
    [year] = count_years(numbers(held), OPEN, (FIRST, LAST), excused=excused).values()
    assert months(year)[4] == (1, 1)
    assert year.words == "all 242 sessions"


def test_a_bar_of_a_closed_day_does_not_fill_a_gap() -> None:
    held = [day for day in weekdays(FIRST, LAST) if day != dt.date(2020, 3, 4)] + [dt.date(2020, 3, 7)]
    [year] = count_years(numbers(sorted(held)), OPEN, (FIRST, LAST)).values()
    assert months(year)[2] == (21, 22)


def test_of_years_without_a_calendar_only_the_bars_are_counted() -> None:
    days = weekdays(dt.date(2019, 11, 1), dt.date(2020, 1, 31))
    years = count_years(numbers(days), OPEN, (days[0], days[-1]))
    assert months(years[2019])[10:] == [(21, None), (22, None)]
    assert months(years[2020])[0] == (23, 23)
    assert (years[2019].months[10].state, years[2019].months[10].words) == ("unknown", "21 bars")
    assert years[2019].words == "43 bars"
    assert years[2019].months[0].state == "empty"


def test_without_any_calendar_there_is_no_fault_in_anything() -> None:
    [year] = count_years(numbers([dt.date(2020, 2, 3)]), NOWHERE, (FIRST, LAST)).values()
    assert [month.missing for month in year.months] == [None] * 12
    assert year.picture.missing == ""


def test_findings_mark_each_month_that_they_touch() -> None:
    odd = [(dt.date(2019, 12, 30), dt.date(2020, 2, 3)), (dt.date(2020, 2, 5), dt.date(2020, 2, 5))]
    [year] = count_years(numbers(weekdays(FIRST, LAST)), OPEN, (FIRST, LAST), odd=odd).values()
    assert [month.odd for month in year.months] == [1, 2, *[0] * 10]
    assert year.words.endswith("all 262 sessions, open findings in January and February")
    assert year.months[1].words == "all 20 sessions, 2 open findings"
    assert year.picture.odd.count("M") == 2


def test_a_column_is_as_high_as_the_share_that_is_there_and_never_too_low_to_see() -> None:
    def drawn(held: int) -> str:
        return Year(2020, (Month(2020, 1, held, 20), *empty_year(2020).months[1:])).picture.held

    assert drawn(20) == "M0 21v-16h4v16z"
    assert drawn(10) == "M0 21v-8h4v8z"
    assert drawn(1) == "M0 21v-2h4v2z"
    assert drawn(0) == ""


def test_an_empty_year_expects_nothing() -> None:
    assert not empty_year(1999).expected
    assert not empty_year(1999).picture.held
    assert {month.words for month in empty_year(1999).months} == {"no bars"}


def test_days_before_1970_are_counted_too() -> None:
    days = weekdays(dt.date(1962, 1, 2), dt.date(1962, 1, 31))
    calendar = Calendar(numbers(days), frozenset({1962}))
    assert months(count_years(numbers(days), calendar, (days[0], days[-1]))[1962])[0] == (22, 22)


@pytest.mark.parametrize(("key", "span"), [
    ("2020-02", (dt.date(2020, 2, 1), dt.date(2020, 2, 29))),
    ("2020-12", (dt.date(2020, 12, 1), dt.date(2020, 12, 31))),
    ("", None), ("2020", None), ("2020-13", None), ("20-01", None), ("2020-02-01", None), ("\u0662020-01", None),
    ("9999-12", (dt.date(9999, 12, 1), dt.date(9999, 12, 31)))])
def test_a_month_is_read_as_addresses_write_it(key: str, span: tuple[dt.date, dt.date] | None) -> None:
    assert month_span(key) == span
