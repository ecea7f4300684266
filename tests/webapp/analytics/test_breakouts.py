"""What speaks for a breakout."""

from __future__ import annotations

import math

import numpy as np
import pytest

from webapp.analytics.breakouts import Evidence, breakout_at, volume_ratios
from webapp.analytics.series import Floats, Series
from webapp.analytics.stages import Stages, find_stages

NAN = math.nan


def series(close: Floats, volume: Floats) -> Series:
    return Series(np.arange(len(close), dtype=np.int32) * 7 + 1, close, close, close, close, volume)


def base_and_rise(volume_at_breakout: float = 3000.0) -> tuple[Series, Stages, int]:
    """Return a decline, a base between 48 and 52, and a rise out of it; and the week that turned to stage 2."""
    decline = np.linspace(100, 50, 60)
    base = 50 + 2 * np.sin(np.arange(60))
    close = np.concatenate([decline, base, np.linspace(53, 90, 30)])
    stages = find_stages(close)
    week = int(np.flatnonzero((stages.stage[1:] == 2) & (stages.stage[:-1] == 1))[0]) + 1
    volume = np.full(len(close), 1000.0)
    volume[week] = volume_at_breakout
    return series(close, volume), stages, week


def test_a_rise_out_of_a_base_with_volume_has_all_three_signs() -> None:
    weekly, stages, week = base_and_rise()
    found = breakout_at(weekly, stages, week)
    base = weekly.close[stages.stage == 1]
    assert found == Evidence(above=True, flat_or_rising=True, volume=True, base_high=float(base.max()),
                             volume_ratio=3.0)


def test_the_base_is_all_of_the_stage_just_left_and_nothing_before() -> None:
    weekly, stages, week = base_and_rise()
    found = breakout_at(weekly, stages, week)
    assert found is not None
    began = int(stages.since[week - 1])
    assert stages.stage[began - 1:week].tolist() == [4] + [1] * (week - began)
    assert weekly.close[:began].max() > weekly.close[week] > found.base_high
    # The highest close put into the week before the turn, then into the week before the base.
    for place, counts in ((week - 1, True), (began, True), (began - 1, False)):
        close = weekly.close.copy()
        close[place] = 500.0
        other = breakout_at(series(close, weekly.volume), stages, week)
        assert other is not None
        assert (other.base_high == 500.0) is counts
        assert other.above is not counts


def test_a_close_at_the_highest_of_the_base_is_not_above_it() -> None:
    weekly, stages, week = base_and_rise()
    close = weekly.close.copy()
    close[week] = close[stages.since[week - 1]:week].max()
    found = breakout_at(series(close, weekly.volume), stages, week)
    assert found is not None
    assert not found.above


@pytest.mark.parametrize(("volume", "met"), [(2000.0, True), (1999.0, False), (0.0, False)])
def test_twice_the_volume_is_enough_and_less_is_not(volume: float, met: bool) -> None:
    weekly, stages, week = base_and_rise(volume)
    found = breakout_at(weekly, stages, week)
    assert found is not None
    assert found.volume is met
    assert found.volume_ratio == volume / 1000


def test_an_unknown_volume_is_no_sign() -> None:
    weekly, stages, week = base_and_rise(NAN)
    found = breakout_at(weekly, stages, week)
    assert found is not None
    assert found.volume is False
    assert math.isnan(found.volume_ratio)
    assert found.above


def test_a_flat_average_is_good_enough_and_a_falling_one_is_not() -> None:
    weekly, stages, week = base_and_rise()
    for slope, met in ((0.0, True), (-0.5, True), (-0.51, False), (2.0, True)):
        stages.slope[week] = slope
        found = breakout_at(weekly, stages, week)
        assert found is not None
        assert found.flat_or_rising is met


def test_no_other_week_is_a_breakout() -> None:
    weekly, stages, week = base_and_rise()
    assert [index for index in range(len(weekly)) if breakout_at(weekly, stages, index)] == [week]


def test_the_first_stage_and_a_turn_from_decline_to_advance_are_none() -> None:
    close = np.concatenate([np.linspace(100, 50, 40), np.full(40, 500.0)])
    stages = find_stages(close)
    turns = [(int(stages.stage[week - 1]), int(stages.stage[week])) for week in range(1, 80)
             if stages.stage[week] != stages.stage[week - 1]]
    assert (4, 2) in turns
    assert (1, 2) not in turns
    assert not any(breakout_at(series(close, close), stages, week) for week in range(80))


def test_an_advance_that_goes_on_after_a_top_is_a_breakout_too() -> None:
    close = np.concatenate([np.geomspace(50, 100, 50), np.full(40, 100.0), np.geomspace(103, 160, 20)])
    stages = find_stages(close)
    weeks = [week for week in range(len(close)) if breakout_at(series(close, close), stages, week)]
    assert len(weeks) == 1
    assert stages.stage[weeks[0] - 1] == 3


def test_volume_is_held_against_the_four_weeks_before() -> None:
    result = volume_ratios(np.array([100.0, 200, 300, 400, 500, 0, 700]))
    np.testing.assert_allclose(result, [NAN] * 4 + [2.0, 0.0, 700 / 300])


def test_volume_without_a_measure_cannot_be_told() -> None:
    assert np.isnan(volume_ratios(np.array([0.0, 0, 0, 0, 5]))).all()
    unknown = volume_ratios(np.array([1.0, NAN, 1, 1, 1, 1, 1]))
    assert np.isnan(unknown).tolist() == [True] * 6 + [False]
    for count in range(5):
        assert volume_ratios(np.ones(count)).shape == (count,)
        assert np.isnan(volume_ratios(np.ones(count))).all()
