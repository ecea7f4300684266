"""The last day of many stocks at once: the formulas of strength.py, template.py and range_52w() over rows of closes.

As with many.py the figures are those of the single forms, and tests hold both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.indicators import last_range_52w
from webapp.analytics.series import Floats, Series
from webapp.analytics.strength import SESSIONS, strength, strengths_of
from webapp.analytics.template import template_bits, trend_template

VOLUME_DAYS = 50


@dataclass(frozen=True, slots=True, eq=False)
class LastDays:
    """What is known of each stock's last day, shape (stocks,); NaN is unknown.

    `high_52` and `low_52` are those of 364 days, in the prices' unit; `relative_volume` is the day's volume over the
    mean of the 50 before it. `template` has the bits of the trend template without its last condition, which needs a
    rating; -1 where another one cannot be told.
    """

    close: Floats
    strength: Floats
    high_52: Floats
    low_52: Floats
    relative_volume: Floats
    template: NDArray[np.int64]


def last_days(dailies: Sequence[Series]) -> LastDays:
    """Return the last day of daily series, split-adjusted, oldest first, each with a bar and all closes above 0."""
    close = np.array([daily.close[-1] for daily in dailies])
    ranges = np.array([last_range_52w(daily.at, daily.high, daily.low) for daily in dailies]).reshape(-1, 2)
    high, low = ranges[:, 0], ranges[:, 1]
    long = np.array([len(daily) >= SESSIONS for daily in dailies], np.bool_) & np.isfinite(high) & np.isfinite(low)
    power, template = np.full(len(close), np.nan), np.full(len(close), -1, np.int64)
    rows = [daily.close[-SESSIONS:] for daily, is_long in zip(dailies, long.tolist(), strict=True) if is_long]
    if rows:
        closes = np.array(rows)
        power[long], template[long] = strengths_of(closes), template_bits(closes, high[long], low[long])
    for place in np.flatnonzero(~long).tolist():
        daily = dailies[place]
        bits = trend_template(daily.at, daily.close, daily.high, daily.low, 1).bits
        power[place], template[place] = strength(daily.close), -1 if bits is None else bits
    return LastDays(close, power, high, low, np.array([_relative_volume(daily.volume) for daily in dailies]), template)


def _relative_volume(volume: Floats) -> float:
    if len(volume) <= VOLUME_DAYS:
        return np.nan
    usual = np.add.reduce(volume[-1 - VOLUME_DAYS:-1]) / VOLUME_DAYS
    return float(volume[-1] / usual) if usual > 0 else np.nan
