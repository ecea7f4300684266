"""Stages: what they remember, when they change, and that the running week foretells the completed one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.analytics.series import Floats
from webapp.analytics.stages import StageState, find_stages, provisional, state_at

FIRST = 33  # the index of the 34th week


def phases(*parts: tuple[int, float]) -> Floats:
    """Return closes that grow by a part of themselves each week: (weeks, growth), one phase after the other."""
    steps = np.concatenate([np.full(weeks, 1 + growth) for weeks, growth in parts])
    closes: Floats = 100 * np.cumprod(steps)
    return closes


@st.composite
def closes(draw: st.DrawFn) -> Floats:
    """Draw phases of rise, fall and rest with noise, so that all stages come and go."""
    growth = st.sampled_from([-0.03, -0.01, -0.002, 0.0, 0.002, 0.01, 0.03])
    parts = draw(st.lists(st.tuples(st.integers(1, 40), growth), min_size=1, max_size=12))
    noise = draw(st.sampled_from([0.0, 0.01, 0.05]))
    chance = np.random.default_rng(draw(st.integers(0, 10_000)))
    series = phases(*parts)
    noisy: Floats = series * np.exp(chance.normal(0, noise, len(series)))
    # Whole cents make closes that equal their average, too.
    return np.maximum(np.round(noisy, 2), 0.01) if draw(st.booleans()) else noisy


def naive(close: list[float]) -> list[dict[str, float | int | None]]:
    """Return the same from the definition, week by week, in plain Python."""
    weeks: list[dict[str, float | int | None]] = []
    confirmed, trend, began, previous = None, None, None, None
    averages: list[float | None] = []
    for week, price in enumerate(close):
        averages.append(math.fsum(close[week - 29:week + 1]) / 30 if week >= 29 else None)
        slope = candidate = None
        now, before = averages[week], averages[week - 4] if week >= 4 else None
        if now is not None and before is not None:
            slope = now / before - 1
            if price > now and slope > 0.005:
                candidate = 2
            elif price < now and slope < -0.005:
                candidate = 4
            elif trend == 2:
                candidate = 3
            elif trend == 4:
                candidate = 1
        if candidate is not None and candidate != confirmed and (confirmed is None or candidate == previous):
            confirmed, began = candidate, week
            trend = candidate if candidate in (2, 4) else trend
        weeks.append({"average": now, "slope": slope, "candidate": candidate, "stage": confirmed, "since": began,
                      "trend": trend})
        previous = candidate
    return weeks


def close_call(week: dict[str, float | int | None], price: float) -> bool:
    """Say whether rounding alone may decide: the price at its average, or the slope at half a percent."""
    average, slope = week["average"], week["slope"]
    return average is not None and slope is not None and (
        abs(price / average - 1) < 1e-12 or abs(abs(slope) - 0.005) < 1e-12)


@settings(max_examples=300, deadline=None)
@given(closes())
def test_the_stages_are_those_of_the_definition_taken_word_for_word(close: Floats) -> None:
    stages, expected = find_stages(close), naive(close.tolist())
    for week, (price, truth) in enumerate(zip(close.tolist(), expected, strict=True)):
        if close_call(truth, price):
            return
        assert (stages.candidate[week] or None, stages.stage[week] or None, stages.trend[week] or None) == (
            truth["candidate"], truth["stage"], truth["trend"])
        assert stages.since[week] == (-1 if truth["since"] is None else truth["since"])
        assert stages.weeks[week] == (0 if truth["since"] is None else week - truth["since"] + 1)
        for figure, name in ((stages.average[week], "average"), (stages.slope[week] / 100, "slope")):
            other = truth[name]
            assert math.isnan(figure) if other is None else figure == pytest.approx(other, rel=1e-11, abs=1e-13)


@settings(max_examples=200, deadline=None)
@given(closes())
def test_what_the_running_week_would_confirm_is_what_it_does_confirm(close: Floats) -> None:
    stages = find_stages(close)
    for week in range(1, len(close)):
        state = state_at(stages, close, week - 1)
        assert (state is None) == (week < FIRST)
        if state is not None:
            assert (provisional(state, float(close[week])) or 0) == stages.stage[week]


@settings(max_examples=100, deadline=None)
@given(closes(), st.integers(1, 100))
def test_a_week_is_never_told_by_what_came_after_it(close: Floats, cut: int) -> None:
    early, whole = find_stages(close[:cut]), find_stages(close)
    for name in ("average", "slope", "candidate", "stage", "since", "weeks", "trend"):
        np.testing.assert_array_equal(getattr(early, name), getattr(whole, name)[:cut])


@settings(max_examples=100, deadline=None)
@given(closes())
def test_a_stage_changes_only_to_what_two_weeks_in_a_row_say(close: Floats) -> None:
    stages = find_stages(close)
    changes = np.flatnonzero(np.diff(stages.stage)) + 1
    for week in changes[1:].tolist():
        assert stages.stage[week] == stages.candidate[week] == stages.candidate[week - 1]


@settings(max_examples=100, deadline=None)
@given(closes())
def test_a_top_follows_an_advance_and_a_base_a_decline(close: Floats) -> None:
    stages = find_stages(close)
    for week in (np.flatnonzero(np.diff(stages.stage)) + 1).tolist():
        before, after = int(stages.stage[week - 1]), int(stages.stage[week])
        assert (before, after) in {(0, 2), (0, 4), (1, 2), (1, 4), (2, 3), (2, 4), (3, 2), (3, 4), (4, 1), (4, 2)}


def test_there_is_nothing_before_34_weeks_and_the_first_candidate_counts_at_once() -> None:
    stages = find_stages(phases((60, 0.01)))
    assert stages.stage[:FIRST].tolist() == [0] * FIRST
    assert stages.candidate[:FIRST].tolist() == [0] * FIRST
    assert np.isnan(stages.slope[:FIRST]).all()
    assert not np.isnan(stages.slope[FIRST:]).any()
    assert np.isnan(stages.average[:29]).all()
    assert stages.stage[FIRST:].tolist() == [2] * 27
    assert stages.since[FIRST:].tolist() == [FIRST] * 27
    assert stages.weeks[[FIRST - 1, FIRST, 59]].tolist() == [0, 1, 27]


def test_without_a_trend_there_is_no_stage_however_long_it_lasts() -> None:
    stages = find_stages(np.full(200, 50.0))
    assert not stages.stage.any()
    assert not stages.candidate.any()
    assert (stages.since == -1).all()
    assert provisional(state_at(stages, np.full(200, 50.0), -1) or pytest.fail("no state"), 50.0) is None


def test_a_rest_after_an_advance_is_a_top_and_after_a_decline_a_base() -> None:
    up = find_stages(phases((60, 0.01), (60, 0.0)))
    down = find_stages(phases((60, -0.01), (60, 0.0)))
    assert up.stage[-1] == 3
    assert down.stage[-1] == 1
    assert (up.trend[-1], down.trend[-1]) == (2, 4)


def test_a_cycle_passes_all_four_stages_in_their_order() -> None:
    stages = find_stages(phases((50, -0.01), (60, 0.0), (60, 0.01), (60, 0.0), (60, -0.01), (60, 0.0)))
    changes = [int(stage) for stage in stages.stage[np.append(True, np.diff(stages.stage) != 0)]]
    assert changes == [0, 4, 1, 2, 3, 4, 1]


def test_one_week_below_the_average_changes_nothing_and_a_second_one_does() -> None:
    close = phases((60, 0.01))
    once = np.append(close, [close[-1] * 0.7, close[-1]])
    twice = np.append(close, [close[-1] * 0.7, close[-1] * 0.7])
    assert find_stages(once).candidate[-3:].tolist() == [2, 3, 2]
    assert find_stages(once).stage[-3:].tolist() == [2, 2, 2]
    assert find_stages(twice).stage[-3:].tolist() == [2, 2, 3]
    assert find_stages(twice).weeks[-3:].tolist() == [27, 28, 1]
    assert find_stages(twice).since[-1] == 61


def test_half_a_percent_in_four_weeks_is_still_flat() -> None:
    # A straight line: the average rises by four weeks' steps in four weeks.
    def line(step: float) -> Floats:
        return np.array([1000 + step * (week - 14.5) for week in range(34)])

    # The average of 4 weeks ago is 1000: 1.25 a week is half a percent in four.
    assert find_stages(line(1.24)).slope[-1] == pytest.approx(0.496)
    assert find_stages(line(1.24)).stage[-1] == 0
    assert find_stages(line(1.26)).slope[-1] == pytest.approx(0.504)
    assert find_stages(line(1.26)).stage[-1] == 2
    assert find_stages(line(-1.24)).stage[-1] == 0
    assert find_stages(line(-1.26)).stage[-1] == 4


@pytest.mark.parametrize("bad", [float("nan"), 0.0, -1.0, float("inf")])
def test_a_close_that_cannot_be_is_refused(bad: float) -> None:
    close = np.full(50, 10.0)
    close[20] = bad
    with pytest.raises(ValueError, match="weekly close"):
        find_stages(close)


@pytest.mark.parametrize("weeks", [0, 1, 3, 4, 5, 29, 30, 33, 34])
def test_short_series_have_their_shape_and_no_state_before_33_weeks(weeks: int) -> None:
    close = phases((weeks, 0.01)) if weeks else np.empty(0)
    stages = find_stages(close)
    for name, kind in (("average", np.float64), ("slope", np.float64), ("candidate", np.int8), ("stage", np.int8),
                       ("since", np.int32), ("weeks", np.int32), ("trend", np.int8)):
        assert getattr(stages, name).shape == (weeks,)
        assert getattr(stages, name).dtype == kind
    assert (state_at(stages, close, weeks - 1) is not None) == (weeks >= 33)


def test_the_state_holds_numbers_of_pythons_own_and_may_be_counted_from_the_end() -> None:
    close = phases((60, 0.01))
    stages = find_stages(close)
    state = state_at(stages, close, -1)
    assert state == state_at(stages, close, 59)
    assert state is not None
    assert [type(value) for value in (state.stage, state.candidate, state.trend, state.closes_29, state.average_3)] == [
        int, int, int, float, float]
    assert state.closes_29 == pytest.approx(close[-29:].sum())
    assert state.average_3 == stages.average[-4]


@pytest.mark.parametrize("price", [0.0, -5.0, float("nan"), float("inf")])
def test_a_price_that_cannot_be_foretells_nothing(price: float) -> None:
    assert provisional(StageState(2, 2, 2, 2900.0, 99.0), price) is None


def test_the_running_week_confirms_a_change_that_the_week_before_began() -> None:
    advancing = StageState(stage=2, candidate=2, trend=2, closes_29=2900.0, average_3=99.0)
    doubted = StageState(stage=2, candidate=3, trend=2, closes_29=2900.0, average_3=99.0)
    assert provisional(advancing, 120.0) == 2
    assert provisional(advancing, 80.0) == 2  # the first week that says otherwise
    assert provisional(doubted, 80.0) == 3
    assert provisional(doubted, 120.0) == 2


def test_old_prices_a_billion_times_higher_leave_no_rounding_behind() -> None:
    tail = phases((80, 0.01))
    close = np.append(np.linspace(1e12, 1e9, 60), tail)
    alone, after = find_stages(tail), find_stages(close)
    np.testing.assert_array_equal(after.average[60 + 29:], alone.average[29:])
