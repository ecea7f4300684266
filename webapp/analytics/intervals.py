"""How often each stock should be asked for, so that the prices on people's screens are as right as a quota allows.

A price that is a seconds old is wrong by a variance of s² a, where s² is the stock's variance a second. Asked for every
T seconds, its mean age is T / 2. The sum of w s² T / 2 over all stocks, under a total of R calls a second (the sum of
1 / T), is least where T is proportional to 1 / (s √w): Lagrange's multiplier makes w s² T² the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from webapp.vendors import Limits

# This part of every limit is kept for what nobody has planned: a new pick, a page that is opened.
RESERVE = 0.1
# Asked for more often than this, no page would show the difference.
FLOOR_S = 5.0
# How often a price comes that is published once a day.
DAILY_S = 86_400.0
# How much a stock on an open page weighs against one that is only on somebody's list, or on the front page's.
ON_SCREEN, LISTED, STARTER = 4.0, 1.0, 0.25


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


def sustainable_rate(limits: Limits, used_today: int, seconds_left: float) -> float:
    """Return the calls a second that every limit bears until the trading day is over, its reserve left alone."""
    rates = [math.inf]
    if limits.per_second:
        rates.append(limits.per_second * (1 - RESERVE))
    if limits.per_minute:
        rates.append(limits.per_minute / 60 * (1 - RESERVE))
    if limits.per_hour:
        rates.append(limits.per_hour / 3600 * (1 - RESERVE))
    if limits.per_day:
        rates.append(max(limits.per_day * (1 - RESERVE) - used_today, 0.0) / seconds_left)
    return min(rates)
