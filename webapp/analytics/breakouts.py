"""What speaks for a breakout: the week in which stage 1 or 3 turned into 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from webapp.analytics.series import Floats, Series
from webapp.analytics.stages import ADVANCING, BASING, FLAT, TOPPING, Stages

VOLUME_WEEKS = 4
VOLUME_TIMES = 2.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The three signs of a breakout, met or not, and the figures behind them.

    `above`: the week closed above `base_high`, the highest weekly close of the base (in the closes' unit).
    `flat_or_rising`: the 30-week average was not falling. `volume`: the week's volume was at least twice the mean of
    the four weeks before; `volume_ratio` is that quotient, NaN (and the sign not met) where a volume is unknown.
    """

    above: bool
    flat_or_rising: bool
    volume: bool
    base_high: float
    volume_ratio: float


def breakout_at(weekly: Series, stages: Stages, index: int) -> Evidence | None:
    """Return what speaks for the breakout in the week `index` (0 or more); None where stage 1 or 3 did not turn into 2.

    The base is all weeks of the stage just left, from the one that confirmed it to the one before `index`, both
    included. `stages` is find_stages(weekly.close).
    """
    if index < 1 or stages.stage[index] != ADVANCING or stages.stage[index - 1] not in (BASING, TOPPING):
        return None
    base_high = float(weekly.close[stages.since[index - 1]:index].max())
    ratio = float(volume_ratios(weekly.volume[index - VOLUME_WEEKS:index + 1])[-1])
    above, flat_or_rising, volume = signs(float(weekly.close[index]), base_high, float(stages.slope[index]), ratio)
    return Evidence(above, flat_or_rising, volume, base_high, ratio)


def signs(close: Any, base_high: Any, slope: Any, volume_ratio: Any) -> tuple[Any, Any, Any]:
    """Return which of the three are met, of numbers or of columns of equal shape; units as in Evidence and Stages."""
    return close > base_high, slope >= -FLAT * 100, volume_ratio >= VOLUME_TIMES


def volume_ratios(volume: Floats) -> Floats:
    """Return each week's volume over the mean of the four before it, shape (n,).

    NaN for the first four weeks, where one of the five volumes is unknown, and where the four are 0.
    """
    result = np.full(len(volume), np.nan)
    count = len(volume) - VOLUME_WEEKS
    if count > 0:
        before = np.zeros(count)
        for week in range(VOLUME_WEEKS):
            before += volume[week:week + count]
        np.divide(volume[VOLUME_WEEKS:], before / VOLUME_WEEKS, out=result[VOLUME_WEEKS:], where=before > 0)
    return result
