"""The indicators against series worked out by hand, with gaps, and where there is too little to tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.analytics.indicators import (
    YEAR_DAYS,
    atr,
    bollinger,
    ema,
    macd,
    obv,
    range_52w,
    rsi,
    sma,
    vwap,
)
from webapp.analytics.series import Floats, to_number

NAN = float("nan")
INDICATORS: dict[str, Callable[[Floats], tuple[Floats, ...]]] = {
    "sma": lambda values: (sma(values, 5),),
    "ema": lambda values: (ema(values, 5),),
    "rsi": lambda values: (rsi(values),),
    "macd": lambda values: tuple(macd(values)),
    "bollinger": lambda values: tuple(bollinger(values)),
    "atr": lambda values: (atr(values + 1, values - 1, values),),
}
# The bars that each needs for its first value.
NEEDS = {"sma": 5, "ema": 5, "rsi": 15, "macd": 34, "bollinger": 20, "atr": 15}


def numbers(*values: float) -> Floats:
    return np.array(values, np.float64)


def walk(count: int, seed: int = 1) -> Floats:
    steps: Floats = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))
    return steps


def same(got: Floats, *expected: float) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_a_simple_average() -> None:
    same(sma(numbers(1, 2, 3, 4, 8), 3), NAN, NAN, 2, 3, 5)
    same(sma(numbers(3, 4), 1), 3, 4)


def test_an_exponential_average_begins_with_a_simple_one() -> None:
    # The weight is 2 / 4: 2, then half of the way to 6 and to 0.
    same(ema(numbers(1, 2, 3, 6, 0), 3), NAN, NAN, 2, 4, 2)


def test_the_relative_strength_index() -> None:
    # Rises of 1 and 1, then a fall of 2: averages of 1 and 0, then (1 + 0) / 2 and (0 + 2) / 2.
    same(rsi(numbers(1, 2, 3, 1), 2), NAN, NAN, 100, 100 - 100 / (1 + 0.5 / 1))


def test_the_relative_strength_index_of_prices_that_only_rise_or_fall() -> None:
    same(rsi(numbers(1, 2, 3, 4), 2), NAN, NAN, 100, 100)
    same(rsi(numbers(4, 3, 2, 1), 2), NAN, NAN, 0, 0)


def test_the_relative_strength_index_of_prices_that_never_move_cannot_be_told() -> None:
    assert np.isnan(rsi(np.full(50, 7.0))).all()
    same(rsi(numbers(7, 7, 7, 6), 2), NAN, NAN, NAN, 0)


def test_the_macd_is_the_difference_of_two_averages_and_its_own_average() -> None:
    close = walk(2000)
    line, signal, histogram = macd(close)
    assert np.isnan(line[:33]).all()
    assert not np.isnan(line[33:]).any()
    np.testing.assert_allclose(line[300:], (ema(close, 12) - ema(close, 26))[300:], rtol=0, atol=1e-9)
    np.testing.assert_allclose(histogram[33:], (line - signal)[33:], rtol=0, atol=1e-12)
    np.testing.assert_allclose(signal[34:], signal[33:-1] + 0.2 * (line[34:] - signal[33:-1]), rtol=0, atol=1e-12)


def test_the_bands_of_bollinger_lie_two_deviations_from_the_mean() -> None:
    upper, middle, lower = bollinger(numbers(2, 4, 4, 4, 5, 5, 7, 9), 8)
    assert [band[-1] for band in (upper, middle, lower)] == pytest.approx([9, 5, 1])  # the deviation is 2
    assert np.isnan(middle[:-1]).all()
    assert bollinger(numbers(2, 4, 4, 4, 5, 5, 7, 9), 8, 3.0).upper[-1] == pytest.approx(11)


def test_the_bands_of_a_price_that_stands_still_are_one_line() -> None:
    for band in bollinger(np.full(30, 700_000.1)):
        np.testing.assert_allclose(band[19:], 700_000.1, rtol=1e-12)


def test_the_bands_do_not_remember_prices_a_billion_times_higher() -> None:
    close = np.append(np.linspace(1e9, 1e3, 300), walk(300))
    bands = bollinger(close)
    window = np.lib.stride_tricks.sliding_window_view(close, 20)[-200:]
    np.testing.assert_allclose((bands.upper - bands.middle)[-200:] / 2, window.std(axis=1), rtol=1e-5)


def test_the_average_true_range_counts_the_gap_over_night() -> None:
    # True ranges: none for the first bar, 3 (within), 6 (from the close of 11 up to 17), 5 (from 16 down to 11).
    result = atr(numbers(10, 12, 17, 13), numbers(8, 9, 15, 11), numbers(9, 11, 16, 12), 2)
    same(result, NAN, NAN, 4.5, 4.75)


def test_the_balance_of_volume() -> None:
    same(obv(numbers(10, 11, 11, 9), numbers(100, 20, 30, 50)), 100, 120, 120, 70)


def test_the_balance_of_volume_goes_on_after_a_volume_that_is_unknown() -> None:
    same(obv(numbers(10, 11, 12, 13), numbers(100, NAN, 30, 50)), 100, NAN, 130, 180)
    same(obv(numbers(NAN, 11, 12), numbers(5, 20, 30)), NAN, 20, 50)


def test_the_volume_weighted_price_starts_anew_with_each_session() -> None:
    high, low, close = numbers(11, 13, 21, 23), numbers(9, 11, 19, 21), numbers(10, 12, 20, 22)
    same(vwap(high, low, close, numbers(100, 300, 50, 50), np.array([1, 1, 2, 2])), 10, 11.5, 20, 21)


def test_the_volume_weighted_price_passes_over_what_is_unknown_and_waits_for_volume() -> None:
    high, low, close = numbers(10, NAN, 14, 16), numbers(10, 1, 14, 16), numbers(10, 1, 14, 16)
    session = np.array([5, 5, 5, 5])
    same(vwap(high, low, close, numbers(0, 900, 100, NAN), session), NAN, NAN, 14, 14)


def test_a_session_does_not_feel_the_volumes_of_the_one_before() -> None:
    price, volume = np.append(walk(50) * 1e9, walk(50, 2)), np.append(np.full(50, 1e12), np.full(50, 3.0))
    session = np.repeat([1, 2], 50)
    alone = vwap(price[50:], price[50:], price[50:], volume[50:], session[50:])
    np.testing.assert_array_equal(vwap(price, price, price, volume, session)[50:], alone)


def test_the_range_of_52_weeks_holds_364_days_with_the_last_one() -> None:
    start = to_number(dt.date(2023, 1, 2))
    at = np.array([start, start + 1, start + 363, start + 364, start + 365], np.int32)
    high, low = range_52w(at, numbers(90, 50, 60, 70, 20), numbers(10, 5, 30, 40, 15))
    same(high, NAN, NAN, 90, 70, 70)
    same(low, NAN, NAN, 5, 5, 15)


def test_the_range_of_52_weeks_passes_over_what_is_unknown() -> None:
    at = np.array([0, 363, 364, 800], np.int32)
    high, low = range_52w(at, numbers(5, NAN, 3, NAN), numbers(NAN, NAN, 2, 1))
    same(high, NAN, 5, 3, NAN)
    same(low, NAN, NAN, 2, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=400), st.integers(0, 1000))
def test_the_range_of_52_weeks_is_that_of_each_window_looked_at_by_itself(steps: list[int], seed: int) -> None:
    at = np.cumsum(steps).astype(np.int32)
    high = np.random.default_rng(seed).uniform(1, 100, len(at))
    low = high / 2
    got = range_52w(at, high, low)
    for index, day in enumerate(at.tolist()):
        inside = (at > day - YEAR_DAYS) & (at <= day)
        whole = at[0] <= day - YEAR_DAYS + 1
        expected = (high[inside].max(), low[inside].min()) if whole else (NAN, NAN)
        np.testing.assert_array_equal([got[0][index], got[1][index]], expected)


@pytest.mark.parametrize("name", INDICATORS)
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_bars_have_no_values_and_keep_their_shape(name: str, count: int) -> None:
    for result in INDICATORS[name](walk(count)):
        assert result.shape == (count,)
        assert result.dtype == np.float64
        assert np.isnan(result).all()


@pytest.mark.parametrize("name", INDICATORS)
def test_the_first_value_comes_with_the_bar_that_completes_it(name: str) -> None:
    for result in INDICATORS[name](walk(100)):
        assert np.isnan(result[:NEEDS[name] - 1]).all()
        assert not np.isnan(result[NEEDS[name] - 1:]).any()


@pytest.mark.parametrize("name", INDICATORS)
@pytest.mark.parametrize("missing", [NAN, np.inf, -np.inf])
def test_after_a_gap_all_is_as_if_the_series_began_there(name: str, missing: float) -> None:
    values = walk(200)
    values[[0, 80, 81, 90]] = missing
    whole = INDICATORS[name](values)
    for start, stop in ((1, 80), (82, 90), (91, 200)):
        for result, alone in zip(whole, INDICATORS[name](values[start:stop]), strict=True):
            np.testing.assert_array_equal(result[start:stop], alone)
    for result in whole:
        assert np.isnan(result[[0, 80, 81, 90]]).all()
    assert all(np.isnan(result).all() for result in INDICATORS[name](np.full(50, missing)))


def test_a_bar_without_its_high_or_low_ends_the_average_true_range() -> None:
    high, low, close = walk(60) + 1, walk(60) - 1, walk(60)
    high[30] = NAN
    result = atr(high, low, close)
    assert not np.isnan(result[14:30]).any()
    assert np.isnan(result[30:45]).all()
    assert not np.isnan(result[45:]).any()


@pytest.mark.parametrize("name", INDICATORS)
def test_what_is_given_is_left_as_it_was(name: str) -> None:
    values = walk(100)
    values[50] = NAN
    before = values.copy()
    values.flags.writeable = False
    INDICATORS[name](values)
    np.testing.assert_array_equal(values, before)


def test_no_bars_at_all_are_no_error() -> None:
    none, sessions = np.empty(0), np.empty(0, np.int32)
    assert obv(none, none).shape == vwap(none, none, none, none, sessions).shape == (0,)
    assert [column.shape for column in range_52w(sessions, none, none)] == [(0,), (0,)]
