"""Splits and dividends taken out of past prices."""

from __future__ import annotations

import csv
import datetime as dt
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webapp.analytics.real_bars import BARS, as_traded, needs_bars, split_adjusted
from webapp.analytics.adjust import adjusted, dividend_factors, split_factors
from webapp.analytics.series import Days, Series, to_number


def days(*numbers: int) -> Days:
    return np.array(numbers, np.int32)


def test_prices_before_a_split_are_divided_and_those_of_its_day_are_not() -> None:
    assert split_factors(days(1, 2, 3, 4), [3], [4.0]).tolist() == [4, 4, 1, 1]


def test_splits_multiply_in_whatever_order_they_come() -> None:
    assert split_factors(days(1, 2, 3, 4), [4, 2], [0.5, 6.0]).tolist() == [3, 0.5, 0.5, 1]
    assert split_factors(days(1, 2, 3, 4), [2, 4], [6.0, 0.5]).tolist() == [3, 0.5, 0.5, 1]


def test_a_split_on_a_day_without_a_bar_counts_for_all_bars_before_it() -> None:
    assert split_factors(days(1, 5), [3], [2.0]).tolist() == [2, 1]
    assert split_factors(days(1, 5), [9], [2.0]).tolist() == [2, 2]
    assert split_factors(days(1, 5), [0], [2.0]).tolist() == [1, 1]


def test_without_events_nothing_is_changed() -> None:
    assert split_factors(days(1, 2), [], []).tolist() == [1, 1]
    assert dividend_factors(days(1, 2), np.array([5.0, 6.0]), [], []).tolist() == [1, 1]
    assert split_factors(days(), [3], [2.0]).shape == (0,)
    assert dividend_factors(days(), np.empty(0), [3], [2.0]).shape == (0,)


@pytest.mark.parametrize("ratio", [0.0, -2.0, math.nan, math.inf])
def test_a_ratio_that_cannot_be_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratio"):
        split_factors(days(1, 2), [2], [ratio])


def test_a_dividend_takes_its_part_of_the_close_before_the_ex_date() -> None:
    close = np.array([100.0, 50.0, 49.0, 40.0])
    assert dividend_factors(days(1, 2, 3, 4), close, [3], [1.0]).tolist() == [0.98, 0.98, 1, 1]
    both = dividend_factors(days(1, 2, 3, 4), close, [4, 3], [4.9, 1.0])
    np.testing.assert_allclose(both, [0.98 * 0.9, 0.98 * 0.9, 0.9, 1])


def test_an_ex_date_without_a_bar_takes_the_last_close_before_it() -> None:
    assert dividend_factors(days(1, 5), np.array([10.0, 20.0]), [3], [1.0]).tolist() == [0.9, 1]
    assert dividend_factors(days(1, 5), np.array([10.0, 20.0]), [6], [1.0]).tolist() == [0.95, 0.95]


@pytest.mark.parametrize(("day", "amount"), [(1, 1.0), (0, 1.0), (2, 10.0), (2, 11.0), (2, 0.0), (2, -1.0),
                                             (2, math.nan)])
def test_a_dividend_that_cannot_be_reckoned_is_left_out(day: int, amount: float) -> None:
    factors = dividend_factors(days(1, 2, 3), np.array([10.0, 9.0, 8.0]), [day, 3], [amount, 0.9])
    np.testing.assert_allclose(factors, [0.9, 0.9, 1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([2, 3, 7, Fraction(1, 10), Fraction(3, 2)])), max_size=6),
       st.sets(st.integers(0, 40), min_size=1))
def test_the_factors_are_the_products_of_all_later_splits(splits: list[tuple[int, Fraction]], at: set[int]) -> None:
    bars = sorted(at)
    got = split_factors(days(*bars), [day for day, _ in splits], [float(ratio) for _, ratio in splits])
    expected = [float(math.prod([Fraction(ratio) for day, ratio in splits if day > bar], start=Fraction(1)))
                for bar in bars]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_prices_and_volumes_are_adjusted_apart_and_what_is_unknown_stays_unknown() -> None:
    column = np.array([8.0, math.nan])
    series = Series(days(1, 2), column, column * 2, column / 2, np.array([8.0, 4.0]), np.array([100.0, math.nan]))
    factors = np.array([2.0, 1.0])
    result = adjusted(series, 1 / factors, factors)
    assert result.at.tolist() == [1, 2]
    assert result.close.tolist() == [4, 4]
    for values, first in ((result.open, 4), (result.high, 8), (result.low, 2), (result.volume, 200)):
        assert values[0] == first
        assert math.isnan(values[1])
    assert adjusted(series, 0.5).volume[0] == 100


@needs_bars
def test_real_splits_leave_no_jump_and_keep_the_money_traded() -> None:
    raw, _, _ = as_traded("AAPL", dt.date(2020, 11, 25))
    clean = split_adjusted("AAPL", dt.date(2020, 11, 25))
    assert (raw.close[1:] / raw.close[:-1]).min() < 0.2
    for day in (dt.date(2000, 6, 21), dt.date(2005, 2, 28), dt.date(2014, 6, 9), dt.date(2020, 8, 31)):
        place = int(np.searchsorted(clean.at, to_number(day)))
        assert clean.close[place] == pytest.approx(clean.close[place - 1], rel=0.11)
    np.testing.assert_allclose(clean.close * clean.volume, raw.close * raw.volume, rtol=1e-12)


@needs_bars
@pytest.mark.parametrize("symbol", ["IBM", "SPY", "AAPL"])
def test_real_dividends_come_out_as_a_vendors_own_adjusted_close_to_within_its_other_formula(symbol: str) -> None:
    path = BARS / "av_daily_adjusted" / f"daily_adjusted_{symbol}.csv"
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[::-1]
    raw, split_days, ratios = as_traded(symbol, dt.date(2020, 11, 25))
    splits = split_factors(raw.at, split_days, ratios)
    paid = np.array([float(row["dividend_amount"]) for row in rows])
    clean = adjusted(raw, 1 / splits, splits)
    factors = dividend_factors(raw.at, clean.close, raw.at[paid > 0], (paid / splits)[paid > 0])
    theirs = np.array([float(row["adjusted_close"]) for row in rows])
    assert factors[-1] == 1
    assert factors[0] < 0.9
    # They divide by the ex-date's own close, P / (P + D): up to 2e-3 apart over twenty years.
    np.testing.assert_allclose(clean.close * factors, theirs, rtol=4e-3)
    steps = np.diff(np.log(clean.close * factors)) - np.diff(np.log(theirs))
    assert np.abs(steps).max() < 2e-3
