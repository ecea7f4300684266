"""The plan of the intervals, held against the closed form and against every other plan."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.analytics.intervals import best_intervals, weighted_error

DEMANDS = st.dictionaries(st.integers(1, 400), st.floats(0.01, 100), min_size=1, max_size=60)


def spent(intervals: dict[int, float]) -> float:
    return sum(1 / interval for interval in intervals.values())


@given(DEMANDS, st.floats(0.001, 50))
def test_without_a_floor_it_is_the_closed_form(demand: dict[int, float], rate: float) -> None:
    intervals = best_intervals(demand, rate, 1e-9)
    total = sum(demand.values())
    assert intervals == pytest.approx({number: total / (rate * size) for number, size in demand.items()})


@given(DEMANDS, st.floats(0.001, 50), st.floats(0.5, 60))
def test_all_of_the_quota_is_used_and_no_more(demand: dict[int, float], rate: float, floor: float) -> None:
    intervals = best_intervals(demand, rate, floor)
    assert spent(intervals) == pytest.approx(min(rate, len(demand) / floor))
    assert all(interval >= floor * (1 - 1e-9) for interval in intervals.values())


@given(DEMANDS, st.floats(0.01, 5), st.floats(0.5, 20), st.integers(0, 10_000))
def test_no_other_plan_of_the_same_cost_is_better(demand: dict[int, float], rate: float, floor: float,
                                                   seed: int) -> None:
    best = best_intervals(demand, rate, floor)
    chance = random.Random(seed)
    rates = {number: 1 / interval for number, interval in best.items()}
    one, other = chance.choice(list(rates)), chance.choice(list(rates))
    moved = min(rates[one] * 0.3, max(0.0, 1 / floor - rates[other]))
    if one == other or moved <= 0:
        return
    rates[one] -= moved
    rates[other] += moved
    tried = {number: 1 / each for number, each in rates.items()}
    assert weighted_error(demand, tried) >= weighted_error(demand, best) * (1 - 1e-9)


def test_a_stock_that_nobody_wants_is_never_asked_for() -> None:
    assert best_intervals({1: 2.0, 2: 0.0}, 1.0, 1.0) == {1: 1.0, 2: math.inf}
    assert best_intervals({1: 2.0}, 0.0, 1.0) == {1: math.inf}
    assert best_intervals({}, 1.0, 1.0) == {}


def test_four_times_the_weight_is_twice_as_often() -> None:
    intervals = best_intervals({1: 1 * math.sqrt(4), 2: 1 * math.sqrt(1)}, 0.5, 0.01)
    assert intervals[2] == pytest.approx(2 * intervals[1])
