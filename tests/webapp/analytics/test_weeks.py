"""Weeks made of days."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.analytics.series import EMPTY, Series, to_day, to_number
from webapp.analytics.weeks import friday_of, weekly

NAN = float("nan")


def days(*rows: tuple[str, float, float, float, float, float]) -> Series:
    at = np.array([to_number(dt.date.fromisoformat(row[0])) for row in rows], np.int32)
    return Series(at, *(np.array(column, np.float64) for column in list(zip(*rows, strict=True))[1:]))


TWO_WEEKS = days(("2024-03-25", 10, 12, 9, 11, 100), ("2024-03-26", 11, 15, 10, 12, 200),
                 ("2024-03-28", 12, 13, 8, 9, 300),  # the 29th was Good Friday
                 ("2024-04-01", 9, 10, 7, 8, 400), ("2024-04-03", 8, 11, 8, 10, 500))


@settings(deadline=None)
@given(st.integers(-30_000, 60_000))
def test_a_week_bears_the_friday_on_or_after_each_of_its_days(number: int) -> None:
    friday = to_day(int(friday_of(np.array([number], np.int32))[0]))
    assert friday.weekday() == 4
    assert 0 <= (friday - to_day(number)).days <= 6


def test_a_session_on_a_sunday_counts_to_the_week_that_follows() -> None:
    sunday = np.array([to_number(dt.date(2024, 3, 24))], np.int32)
    assert to_day(int(friday_of(sunday)[0])) == dt.date(2024, 3, 29)


def test_a_week_is_the_first_open_the_extremes_the_last_close_and_the_sum_of_volumes() -> None:
    weeks = weekly(TWO_WEEKS)
    assert [to_day(int(day)) for day in weeks.at] == [dt.date(2024, 3, 29), dt.date(2024, 4, 5)]
    assert weeks.open.tolist() == [10, 9]
    assert weeks.high.tolist() == [15, 11]
    assert weeks.low.tolist() == [8, 7]
    assert weeks.close.tolist() == [9, 10]
    assert weeks.volume.tolist() == [600, 900]


def test_a_week_that_is_not_over_is_left_out_when_the_last_complete_friday_is_said() -> None:
    through = to_number(dt.date(2024, 3, 29))
    assert weekly(TWO_WEEKS, through).close.tolist() == [9]
    assert weekly(TWO_WEEKS, through + 6).close.tolist() == [9, 10]
    assert len(weekly(TWO_WEEKS, through - 7)) == 0


def test_what_one_session_lacks_its_week_lacks_and_no_other() -> None:
    weeks = weekly(days(("2024-03-25", NAN, NAN, NAN, 11, NAN), ("2024-03-26", 11, 15, 10, 12, 200),
                        ("2024-04-01", 9, 10, 7, 8, 400)))
    for column in (weeks.open, weeks.high, weeks.low, weeks.volume):
        assert np.isnan(column).tolist() == [True, False]
    assert weeks.close.tolist() == [12, 8]


def test_a_week_without_a_session_is_left_out() -> None:
    weeks = weekly(days(("2001-09-10", 1, 1, 1, 1, 1), ("2001-09-24", 2, 2, 2, 2, 2)))
    assert np.diff(weeks.at).tolist() == [14]


def test_no_days_make_no_weeks() -> None:
    assert len(weekly(EMPTY)) == 0
    assert len(weekly(EMPTY, 0)) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.floats(1, 1000), st.floats(0, 1e9)), min_size=1, max_size=200))
def test_weeks_agree_with_days_put_together_one_by_one(rows: list[tuple[int, float, float]]) -> None:
    at = np.cumsum([step for step, _, _ in rows]).astype(np.int32)
    close, volume = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    daily = Series(at, close + 1, close + 2, close - 0.5, close, volume)
    groups: dict[int, list[int]] = {}
    for index, day in enumerate(at.tolist()):
        date = to_day(day)
        friday = to_number(date + dt.timedelta((4 - date.weekday()) % 7))
        groups.setdefault(friday, []).append(index)
    weeks = weekly(daily)
    assert weeks.at.tolist() == list(groups)
    assert weeks.close.tolist() == [close[group[-1]] for group in groups.values()]
    assert weeks.open.tolist() == [close[group[0]] + 1 for group in groups.values()]
    assert weeks.high.tolist() == [max(close[group]) + 2 for group in groups.values()]
    assert weeks.low.tolist() == [min(close[group]) - 0.5 for group in groups.values()]
    assert weeks.volume.tolist() == pytest.approx([sum(volume[group]) for group in groups.values()])
