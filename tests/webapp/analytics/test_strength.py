"""Strength against a benchmark and against all others."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.analytics.series import EMPTY, Floats, Series
from webapp.analytics.strength import BEST, UNIVERSE, mansfield, ratings, relative_price, strength


def bars(at: list[int], close: list[float]) -> Series:
    column = np.array(close, np.float64)
    return Series(np.array(at, np.int32), column, column, column, column, column)


def test_prices_are_compared_on_the_days_that_both_have() -> None:
    at, price = relative_price(bars([1, 2, 4, 5, 9], [10, 20, 30, 40, 50]), bars([2, 3, 5, 8], [40, 1, 20, 1]))
    assert at.tolist() == [2, 5]
    assert price.tolist() == [50, 200]


def test_without_a_day_in_common_there_is_nothing_to_compare() -> None:
    some = bars([1, 2], [1, 1])
    for stock, benchmark in ((some, bars([3, 4], [1, 1])), (EMPTY, some), (some, EMPTY), (EMPTY, EMPTY)):
        at, price = relative_price(stock, benchmark)
        assert at.shape == price.shape == (0,)


@settings(deadline=None)
@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_the_days_in_common_are_those_of_the_two_sets(one: set[int], other: set[int]) -> None:
    at, price = relative_price(bars(sorted(one), [float(day + 1) for day in sorted(one)]),
                               bars(sorted(other), [2.0 * (day + 1) for day in sorted(other)]))
    assert at.tolist() == sorted(one & other)
    assert price.tolist() == [50.0] * len(at)


def test_mansfields_strength_is_the_distance_to_a_year_of_weeks() -> None:
    price = np.append(np.full(51, 50.0), [50.0, 102.0])
    result = mansfield(price)
    assert np.isnan(result[:51]).all()
    assert result[51] == 0
    assert result[52] == pytest.approx((102 / 51 - 1) * 100)  # the mean is (51 x 50 + 102) / 52 = 51
    assert np.isnan(mansfield(price[:51])).all()
    assert mansfield(price, 2)[-1] == pytest.approx((102 / 76 - 1) * 100)


def test_a_stock_that_goes_with_its_benchmark_has_no_strength_of_its_own() -> None:
    close = [100 * 1.01 ** week for week in range(120)]
    _, price = relative_price(bars(list(range(120)), close), bars(list(range(120)), [5 * value for value in close]))
    np.testing.assert_allclose(mansfield(price)[51:], 0, atol=1e-10)


def test_the_last_quarter_counts_double() -> None:
    close = np.full(253, 100.0)
    close[-1 - 252], close[-1 - 189], close[-1 - 126], close[-1 - 63], close[-1] = 50, 80, 125, 160, 200
    # 0.4 x 25 % + 0.2 x 60 % + 0.2 x 150 % + 0.2 x 300 %
    assert strength(close) == pytest.approx(0.1 + 0.12 + 0.3 + 0.6)


def test_strength_needs_253_sessions_with_a_price() -> None:
    assert strength(np.full(253, 5.0)) == 0
    assert math.isnan(strength(np.full(252, 5.0)))
    assert math.isnan(strength(np.empty(0)))
    for bad in (math.nan, 0.0):
        close = np.full(300, 5.0)
        close[-253] = bad
        assert math.isnan(strength(close))


def test_the_weakest_has_1_the_strongest_99_and_one_alone_50() -> None:
    assert ratings(np.array([0.5])).tolist() == [50]
    assert ratings(np.array([0.5, -0.5])).tolist() == [99, 1]
    assert ratings(np.array([0.1, 0.9, 0.5])).tolist() == [1, 99, 50]


def test_those_without_a_strength_have_no_rating_and_do_not_count() -> None:
    assert ratings(np.array([math.nan, 0.1, math.nan, 0.9])).tolist() == [0, 1, 0, 99]
    assert ratings(np.array([math.nan, math.nan])).tolist() == [0, 0]
    assert ratings(np.empty(0)).shape == (0,)


def test_equals_share_the_middle_of_their_places() -> None:
    assert ratings(np.array([0.3, 0.3, 0.3])).tolist() == [50, 50, 50]
    assert ratings(np.array([0.1, 0.3, 0.3, 0.9])).tolist() == [1, 50, 50, 99]


def test_in_a_large_universe_each_percentile_holds_as_many() -> None:
    chance = np.random.default_rng(3)
    values = chance.permutation(9901) / 9900
    result = ratings(values)
    assert result.dtype == np.int8
    counts = np.bincount(result, minlength=100)
    assert counts[0] == 0
    assert counts[1:99].tolist() == [100] * 98
    assert counts[99] == 101
    assert UNIVERSE == 500


STRENGTHS = st.lists(st.one_of(st.floats(-1, 10), st.just(math.nan), st.sampled_from([0.0, 0.5])), max_size=60)


@settings(deadline=None)
@given(STRENGTHS)
def test_a_rating_is_the_part_of_the_others_that_are_weaker(values: list[float]) -> None:
    known = [value for value in values if not math.isnan(value)]
    result = ratings(np.array(values, np.float64)).tolist()
    for value, rating in zip(values, result, strict=True):
        if math.isnan(value):
            assert rating == 0
            continue
        others = max(len(known) - 1, 1)
        # In whole numbers: doubled, so that halves are exact.
        points = sum(2 * (other < value) + (other == value) for other in known) - 1 if len(known) > 1 else 1
        assert rating == min(BEST, 1 + BEST * points // (2 * others))


@settings(deadline=None)
@given(STRENGTHS)
def test_who_is_stronger_is_never_rated_lower(values: list[float]) -> None:
    array: Floats = np.array(values, np.float64)
    result = ratings(array)
    order = np.argsort(array[~np.isnan(array)])
    rated = result[~np.isnan(array)][order]
    assert (np.diff(rated) >= 0).all()
    assert not len(rated) or (rated.min() >= 1 and rated.max() <= BEST)


def test_a_strength_of_more_than_any_price_can_gain_is_not_needed_for_the_best() -> None:
    assert ratings(np.array([sys.float_info.max, 0.0, -1.0])).tolist() == [99, 50, 1]
