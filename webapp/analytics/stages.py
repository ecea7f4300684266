"""Stages 1 to 4 (basing, advancing, topping, declining) from weekly closes, with memory and confirmation.

The idea is S. Weinstein's, "Secrets for Profiting in Bull and Bear Markets" (1988); the exact rules are in
docs/stages.md. Nothing here looks ahead: what is said of a week follows from it and the weeks before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Floats

WEEKS = 30
SLOPE_WEEKS = 4
# How far the average must have moved in SLOPE_WEEKS to be rising or falling, as a part of it.
FLAT = 0.005
NONE, BASING, ADVANCING, TOPPING, DECLINING = 0, 1, 2, 3, 4
# What a week without a trend is after the last confirmed trend: a top after an advance, a base after a decline.
PAUSE = {NONE: NONE, ADVANCING: TOPPING, DECLINING: BASING}
PAUSES = np.array([PAUSE.get(trend, NONE) for trend in range(DECLINING + 1)], np.int8)
# The last confirmed trend in each stage: a base is only ever entered from a decline, a top from an advance.
TRENDS = np.array([NONE, DECLINING, ADVANCING, ADVANCING, DECLINING], np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """What is known of each week, all of shape (n,).

    `average` is the 30-week average in the closes' unit (NaN before 30 weeks), `slope` its change over 4 weeks in
    percent (NaN before 34). `candidate` and `stage` are 1 to 4, 0 where there is none yet; `since` is the index of the
    week in which the stage was confirmed (-1: none), `weeks` how many weeks it has lasted, that one counted (0: none).
    `trend` is the last confirmed 2 or 4 (0: none yet).
    """

    average: Floats
    slope: Floats
    candidate: NDArray[np.int8]
    stage: NDArray[np.int8]
    since: NDArray[np.int32]
    weeks: NDArray[np.int32]
    trend: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class StageState:
    """All of a completed week that the next one's stage depends on.

    `stage`, `candidate` and `trend` are as in Stages. `closes_29` is the sum of the last 29 weekly closes and
    `average_3` the 30-week average three weeks before, both in the closes' unit.
    """

    stage: int
    candidate: int
    trend: int
    closes_29: float
    average_3: float


def find_stages(close: Floats, place: NDArray[np.intp] | None = None) -> Stages:
    """Return the stage of each week; `close` holds the weekly closes, shape (n,), oldest first, one unit for all.

    There is no stage before 34 weeks, and none until the first week with a trend. Of several stocks laid end to end
    `place`, shape (n,), counts each one's weeks from 0: all begins anew where it is 0. Raise ValueError where a close
    is unknown or not above 0: such a week must be left out, not guessed.
    """
    if not np.all((close > 0) & np.isfinite(close)):
        raise ValueError("a weekly close is unknown or not above 0")
    place = np.arange(len(close)) if place is None else place
    average = _averages(close, place)
    growth = np.full(len(close), np.nan)
    growth[SLOPE_WEEKS:] = average[SLOPE_WEEKS:] / average[:-SLOPE_WEEKS] - 1
    pull = np.zeros(len(close), np.int8)
    pull[(close > average) & (growth > FLAT)] = ADVANCING
    pull[(close < average) & (growth < -FLAT)] = DECLINING
    candidate, stage, since, trend = _remember(pull, place == 0)
    weeks = np.where(since < 0, 0, np.arange(len(close)) - since + 1).astype(np.int32)
    return Stages(average, growth * 100, candidate, stage, since, weeks, trend)


def state_at(stages: Stages, close: Floats, index: int) -> StageState | None:
    """Return what the stage of the week after `index` depends on; None where that week is one of the first 33.

    `close` is what find_stages() was given; a negative index counts from the end.
    """
    index = index + len(close) if index < 0 else index
    if index + 1 < WEEKS + SLOPE_WEEKS - 1:
        return None
    total = 0.0
    for value in close[index - WEEKS + 2:index + 1].tolist():  # in the order of _averages(): the same last digit
        total += value
    return StageState(int(stages.stage[index]), int(stages.candidate[index]), int(stages.trend[index]), total,
                      float(stages.average[index - SLOPE_WEEKS + 1]))


def provisional(state: StageState, price: float) -> int | None:
    """Return the stage that the running week would confirm if it closed at `price`; None where there is none yet.

    `state` is that of the last completed week, `price` in the same unit as its closes. It is what find_stages() says
    once that week is over with this close. A price that is unknown or not above 0 tells nothing: None.
    """
    if not 0 < price < math.inf:
        return None
    average = (state.closes_29 + price) / WEEKS
    growth = average / state.average_3 - 1
    candidate = PAUSE[state.trend]
    if price > average and growth > FLAT:
        candidate = ADVANCING
    elif price < average and growth < -FLAT:
        candidate = DECLINING
    confirmed = state.stage == NONE or candidate == state.candidate
    return (candidate if confirmed else state.stage) or None


def _averages(close: Floats, place: NDArray[np.intp]) -> Floats:
    """Return the means of 30 closes, each summed by itself; NaN before a stock has 30.

    A running sum would be faster and carry the rounding of old prices along: after some reverse splits those are a
    billion times the present ones.
    """
    average = np.full(len(close), np.nan)
    count = len(close) - WEEKS + 1
    if count > 0:
        total = np.zeros(count)
        for week in range(WEEKS):
            total += close[week:week + count]
        average[WEEKS - 1:] = total / WEEKS
    average[place < WEEKS - 1] = np.nan
    return average


def _remember(pull: NDArray[np.int8], first: NDArray[np.bool_]) -> tuple[
        NDArray[np.int8], NDArray[np.int8], NDArray[np.int32], NDArray[np.int8]]:
    """Return candidate, stage, since and trend from each week's own trend; memory begins anew where `first` says so.

    Weeks alike follow each other in runs, and within one the candidate is the same: so two weeks in a row are the first
    two of a run. A run of two leaves its candidate as the stage, whatever was before; one of a single week leaves all
    as it was, but for the very first with a trend, which counts at once.
    """
    turns = first.copy()
    turns[1:] |= pull[1:] != pull[:-1]
    starts = np.flatnonzero(turns)
    lengths, own = np.diff(starts, append=len(pull)), pull[starts]
    trending = own > NONE
    begins = np.maximum.accumulate(np.where(first[starts], np.arange(len(starts)), 0))  # each stock's first run
    opening = trending & (_before(own, trending, begins) == NONE)
    lasting = opening | (lengths > 1)
    candidate = np.where(trending, own, PAUSES[_before(own, lasting & trending, begins)])
    changes = lasting & (candidate != _before(candidate, lasting, begins))
    weeks = starts[changes] + ~opening[changes]
    stage_from = np.zeros(len(pull), np.int8)
    stage_from[weeks] = candidate[changes]
    turning = first.copy()
    turning[weeks] = True
    since = np.maximum.accumulate(np.where(turning, np.arange(len(pull), dtype=np.int32), 0))
    stage = stage_from[since]
    return (np.repeat(candidate, lengths), stage, np.where(stage > NONE, since, np.int32(-1)), TRENDS[stage])


def _before(values: NDArray[np.int8], counts: NDArray[np.bool_], begins: NDArray[np.intp]) -> NDArray[np.int8]:
    """Return for each run the value of the last one before it that counts, of the same stock; NONE without one."""
    place = np.append(-1, np.maximum.accumulate(np.where(counts, np.arange(len(values)), -1)))[:-1]
    return np.where(place >= begins, values[place], np.int8(NONE))
