"""How often each stock should be asked for, so that the prices on people's screens are as right as a quota allows.

A price that is a seconds old is wrong by a variance of s² a, where s² is the stock's variance a second. Asked for every
T seconds, its mean age is T / 2. The sum of w s² T / 2 over all stocks, under a total of R calls a second (the sum of
1 / T), is least where T is proportional to 1 / (s √w): Lagrange's multiplier makes w s² T² the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def best_intervals(demand: Mapping[int, float], rate: float, floor: float) -> dict[int, float]:
    """Return the seconds between two calls for each stock; infinite where nothing is to be spent.

    `demand` is s √w of each stock, `rate` the calls a second for all of them, `floor` the least interval that makes
    sense. A stock at the floor takes 1 / floor; what it leaves is shared by the others in the same way.
    """
    intervals: dict[int, float] = {}
    # From the greatest demand on: once one is above the floor, all that follow are.
    waiting = sorted((number for number in demand if demand[number] > 0), key=lambda number: -demand[number])
    total = sum(demand[number] for number in waiting)
    for number in waiting:
        share = rate * demand[number] / total if rate > 0 else 0.0
        if share * floor >= 1:
            intervals[number] = floor
            rate -= 1 / floor
            total -= demand[number]
        else:
            intervals[number] = 1 / share if share > 0 else math.inf
    return {number: intervals.get(number, math.inf) for number in demand}


def weighted_error(demand: Mapping[int, float], intervals: Mapping[int, float]) -> float:
    """Return the sum of w s² T / 2, the mean squared error on the screens, in units of the demand's square."""
    return sum(demand[number] ** 2 * intervals[number] / 2 for number in demand)
