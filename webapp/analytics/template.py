"""The trend template of M. Minervini, "Trade Like a Stock Market Wizard" (2013): eight conditions of an uptrend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from webapp.analytics.indicators import YEAR_DAYS
from webapp.analytics.series import Days, Floats

MONTH = 22  # sessions over which the 200-day average must have risen
ABOVE_LOW, NEAR_HIGH, LEAST_RATING = 1.30, 0.75, 70

CONDITIONS = (
    "Close above the 150-day and the 200-day average",
    "150-day average above the 200-day average",
    "200-day average above its value 22 sessions ago",
    "50-day average above the 150-day and the 200-day average",
    "Close above the 50-day average",
    "Close at least 30 % above the 52-week low",
    "Close within 25 % of the 52-week high",
    "Relative strength of 70 or more",
)


@dataclass(frozen=True, slots=True)
class Template:
    """Which of CONDITIONS are met, in their order; None is one that cannot be told."""

    met: tuple[bool | None, ...]

    @property
    def bits(self) -> int | None:
        """Return a number with bit i set where condition i is met; None where one cannot be told."""
        if None in self.met:
            return None
        return sum(1 << place for place, met in enumerate(self.met) if met)

    @property
    def passed(self) -> bool | None:
        """Say whether all are met: False as soon as one is not, None where the rest cannot be told."""
        if False in self.met:
            return False
        return None if None in self.met else True


def trend_template(at: Days, close: Floats, high: Floats, low: Floats, rs: int | None) -> Template:
    """Return the conditions for the last day of daily bars, shapes (n,), split-adjusted; `rs` is 1 to 99.

    An average cannot be told before it has all its closes, the 52-week range before the bars reach back 364 days
    (unknown highs and lows are passed over), and the last condition without `rs`.
    """
    if not len(close):
        return Template((None,) * len(CONDITIONS))
    last = float(close[-1])
    fifty, middle, long = (_mean(close, n) for n in (50, 150, 200))
    earlier = _mean(close[:-MONTH], 200)
    top, bottom = _year(at, high, low)
    return Template((
        _both(_above(last, middle), _above(last, long)),
        _above(middle, long),
        _above(long, earlier),
        _both(_above(fifty, middle), _above(fifty, long)),
        _above(last, fifty),
        None if bottom is None else last >= ABOVE_LOW * bottom,
        None if top is None else last >= NEAR_HIGH * top,
        None if rs is None else rs >= LEAST_RATING,
    ))


def _mean(close: Floats, n: int) -> float | None:
    """Return the mean of the last n closes; None where there are fewer, or one is unknown."""
    return _known(close[-n:].mean()) if len(close) >= n else None


def _year(at: Days, high: Floats, low: Floats) -> tuple[float | None, float | None]:
    """Return what range_52w() gives for the last day, without reckoning the other days."""
    if at[-1] - at[0] < YEAR_DAYS - 1:
        return None, None
    start = int(np.searchsorted(at, at[-1] - YEAR_DAYS, "right"))
    return _known(np.fmax.reduce(high[start:])), _known(np.fmin.reduce(low[start:]))


def _known(value: np.float64) -> float | None:
    """Return a number of Python's own; None where it is NaN."""
    return None if np.isnan(value) else float(value)


def _above(one: float | None, other: float | None) -> bool | None:
    """Say whether one is above the other."""
    return None if one is None or other is None else one > other


def _both(one: bool | None, other: bool | None) -> bool | None:
    """Say whether both hold: False as soon as one does not."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
