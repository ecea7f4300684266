"""A stock's figures: those of the analytics, for its last day and its completed weeks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.webapp.analytics.test_many import a_series
from webapp.analytics.breakouts import breakout_at, volume_ratios
from webapp.analytics.indicators import range_52w
from webapp.analytics.series import Series, to_day
from webapp.analytics.stages import StageState, find_stages, provisional
from webapp.analytics.strength import mansfield, relative_price, strength
from webapp.analytics.template import trend_template
from webapp.analytics.weeks import weekly
from worker.analysis.figures import (
    RATING_BIT,
    WEEK_COLUMNS,
    Figures,
    Stock,
    digests_of,
    path_of,
    reckon,
    template_with,
    usable,
)

DAILY = a_series(3, 1500)
THROUGH = int(DAILY.at[-1]) - 3
BENCHMARK = weekly(a_series(5, 2000, first=14_500))


def figures_of(daily: Series, through: int, benchmark: Series | None = None) -> Figures:
    return reckon([Stock(daily, through, benchmark)])[0]


def test_the_figures_of_the_last_day_are_those_of_the_analytics() -> None:
    found = figures_of(DAILY, THROUGH).snapshot
    high, low = range_52w(DAILY.at, DAILY.high, DAILY.low)
    average = find_stages(weekly(DAILY, THROUGH).close).average[-1]
    assert found["day"] == to_day(DAILY.at[-1])
    assert found["close"] == DAILY.close[-1]
    assert found["strength"] == strength(DAILY.close)
    assert (found["high_52"], found["low_52"]) == (high[-1], low[-1])
    assert found["from_high"] == pytest.approx((DAILY.close[-1] / high[-1] - 1) * 100)
    assert found["from_average"] == pytest.approx((DAILY.close[-1] / average - 1) * 100)
    assert found["template"] == trend_template(DAILY.at, DAILY.close, DAILY.high, DAILY.low, 1).bits


def test_relative_volume_is_against_the_mean_of_the_50_days_before() -> None:
    volume = np.full(len(DAILY), 100.0)
    volume[-1] = 250.0
    daily = Series(DAILY.at, DAILY.open, DAILY.high, DAILY.low, DAILY.close, volume)
    assert figures_of(daily, THROUGH).snapshot["relative_volume"] == pytest.approx(2.5)
    volume[-20] = np.nan
    assert figures_of(daily, THROUGH).snapshot["relative_volume"] is None


def test_the_weeks_are_those_of_the_analytics() -> None:
    weeks = weekly(DAILY, THROUGH)
    stages = find_stages(weeks.close)
    rows = figures_of(DAILY, THROUGH, BENCHMARK).weeks
    at, price = relative_price(weeks, BENCHMARK)
    expected = {"week": weeks.at, "stage": stages.stage, "close": weeks.close, "average": stages.average,
                "slope": stages.slope, "mansfield": mansfield(price), "week_volume": volume_ratios(weeks.volume),
                "since": np.where(stages.since < 0, np.nan, weeks.at[stages.since])}
    assert len(at) == len(weeks)
    for place, name in enumerate(WEEK_COLUMNS):
        np.testing.assert_array_equal(rows[:, place], expected[name], name)


def test_a_week_that_the_benchmark_lacks_has_no_relative_strength_and_the_others_have() -> None:
    lacking = np.ones(len(BENCHMARK), bool)
    lacking[200] = False
    benchmark = Series(*(getattr(BENCHMARK, name)[lacking] for name in Series.__slots__))
    rows = figures_of(DAILY, THROUGH, benchmark).weeks
    place = rows[:, 0].tolist().index(float(BENCHMARK.at[200]))
    assert math.isnan(rows[place, 6])
    assert not math.isnan(rows[place + 1, 6])


def test_the_next_weeks_stage_follows_from_the_snapshot() -> None:
    weeks = weekly(DAILY)
    stages = find_stages(weeks.close)
    told = []
    for index in range(60, len(weeks) - 1):
        found = figures_of(DAILY, int(weeks.at[index])).snapshot
        state = StageState(found["stage"] or 0, found["candidate"] or 0, found["trend"] or 0, found["closes_29"],
                           found["average_3"])
        assert found["closes_29"] == pytest.approx(weeks.close[index - 28:index + 1].sum())
        assert found["average_3"] == stages.average[index - 3]
        told.append(provisional(state, float(weeks.close[index + 1])) or 0)
    assert told == stages.stage[61:].tolist()


def test_the_stage_before_and_the_newest_breakout_are_told() -> None:
    weeks = weekly(DAILY)
    stages = find_stages(weeks.close)
    turns = [index for index in range(len(weeks)) if breakout_at(weeks, stages, index)]
    evidence = breakout_at(weeks, stages, turns[-1])
    found = figures_of(DAILY, int(weeks.at[-1])).snapshot
    assert evidence is not None
    assert (found["breakout"], found["base_high"]) == (to_day(weeks.at[turns[-1]]), evidence.base_high)
    assert found["evidence"] == evidence.above + 2 * evidence.flat_or_rising + 4 * evidence.volume
    in_that_week = figures_of(DAILY, int(weeks.at[turns[-1]])).snapshot
    assert (in_that_week["stage"], in_that_week["weeks"]) == (2, 1)
    assert in_that_week["previous_stage"] == stages.stage[turns[-1] - 1]
    assert in_that_week["since"] == in_that_week["week"] == found["breakout"]


def test_what_is_too_short_for_a_figure_has_none() -> None:
    one_day = figures_of(DAILY.part(0, 1), int(DAILY.at[0]) - 7).snapshot
    assert {name for name, value in one_day.items() if value is not None} == {"day", "close", "weeks"}
    assert one_day["weeks"] == 0
    young = figures_of(DAILY.part(0, 160), 10**6).snapshot
    assert young["stage"] is None
    assert young["closes_29"] is young["average_3"] is None
    assert young["average"] is not None
    assert young["template"] is None


def test_the_path_is_the_last_52_weekly_closes() -> None:
    closes = [float(text) for text in path_of(figures_of(DAILY, THROUGH).weeks).split(",")]
    assert closes == pytest.approx(weekly(DAILY, THROUGH).close[-52:].tolist())
    assert len(path_of(figures_of(DAILY.part(0, 50), 10**6).weeks).split(",")) < 52
    assert path_of(figures_of(DAILY.part(0, 1), 0).weeks) == ""


def test_days_without_a_close_above_0_are_left_out() -> None:
    close = DAILY.close.copy()
    close[5], close[7] = np.nan, 0.0
    daily = usable(Series(DAILY.at, DAILY.open, DAILY.high, DAILY.low, close, DAILY.volume))
    assert len(daily) == len(DAILY) - 2
    assert not {int(DAILY.at[5]), int(DAILY.at[7])} & set(daily.at.tolist())
    assert usable(DAILY) is DAILY


def test_a_digest_differs_where_any_figure_does() -> None:
    rows = figures_of(DAILY, THROUGH).weeks
    other = rows.copy()
    other[7, 5] = np.nextafter(other[7, 5], np.inf)
    changed = rows.copy()
    changed[100, 3] = np.nextafter(changed[100, 3], np.inf)
    first, whole = digests_of(rows, len(rows) - 1)
    assert digests_of(rows.copy(), len(rows)) == (whole, whole)
    assert digests_of(rows[:-1], len(rows) - 1) == (first, first)
    assert len({first, whole, *digests_of(changed, 0)}) == 4
    assert digests_of(rows, 0) == ("", whole)
    assert digests_of(rows[:0], 0) == ("", "")


@pytest.mark.parametrize(("bits", "rs", "expected"), [
    (127, 70, 255), (127, 69, 127), (255, 69, 127), (0, 99, RATING_BIT), (None, 99, None), (127, None, 127)])
def test_the_last_condition_of_the_template_is_the_ratings(bits: int | None, rs: int | None,
                                                           expected: int | None) -> None:
    assert template_with(bits, rs) == expected
