"""The trend template of M. Minervini, "Trade Like a Stock Market Wizard" (2013): eight conditions of an uptrend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.indicators import last_range_52w
from webapp.analytics.series import Days, Floats

Compare = Callable[[Any, Any], Any]

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


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What the first seven conditions compare, a number each or shape (n,): closes, their means, the 52-week range.

    `earlier` is the 200-day mean of MONTH sessions before.
    """

    last: Any
    fifty: Any
    middle: Any
    long: Any
    earlier: Any
    top: Any
    bottom: Any


def trend_template(at: Days, close: Floats, high: Floats, low: Floats, rs: int | None) -> Template:
    """Return the conditions for the last day of daily bars, shapes (n,), split-adjusted; `rs` is 1 to 99.

    An average cannot be told before it has all its closes, the 52-week range before the bars reach back 364 days
    (unknown highs and lows are passed over), and the last condition without `rs`.
    """
    if not len(close):
        return Template((None,) * len(CONDITIONS))
    top, bottom = last_range_52w(at, high, low)
    measures = Measures(float(close[-1]), _mean(close, 50), _mean(close, 150), _mean(close, 200),
                        _mean(close[:-MONTH], 200), top, bottom)
    return Template((*_conditions(measures, _above, _at_least, _both), None if rs is None else rs >= LEAST_RATING))


def template_bits(closes: Floats, high: Floats, low: Floats) -> NDArray[np.int64]:
    """Return Template.bits of several stocks but for the last condition, shape (n,); nothing may be unknown.

    `closes`, shape (n, m), are the last m of each, enough for all averages; `high` and `low` the 52-week range.
    """
    fifty, middle, long = (_means(closes, n) for n in (50, 150, 200))
    measures = Measures(closes[:, -1], fifty, middle, long, _means(closes[:, :-MONTH], 200), high, low)
    met = _conditions(measures, np.greater, np.greater_equal, np.logical_and)
    bits: NDArray[np.int64] = sum(sign.astype(np.int64) << place for place, sign in enumerate(met))
    return bits


def _conditions(of: Measures, above: Compare, at_least: Compare, both: Compare) -> tuple[Any, ...]:
    """Return the first seven conditions, told by these comparisons: of numbers that may be NaN, or of whole columns."""
    return (
        both(above(of.last, of.middle), above(of.last, of.long)),
        above(of.middle, of.long),
        above(of.long, of.earlier),
        both(above(of.fifty, of.middle), above(of.fifty, of.long)),
        above(of.last, of.fifty),
        at_least(of.last, ABOVE_LOW * of.bottom),
        at_least(of.last, NEAR_HIGH * of.top),
    )


def _mean(close: Floats, n: int) -> float:
    """Return the mean of the last n closes; NaN where there are fewer, or one is unknown."""
    return float(_means(close, n)) if len(close) >= n else math.nan


def _means(closes: Floats, n: int) -> Floats:
    """Return the mean of the last n closes, along the last axis."""
    result: Floats = np.add.reduce(closes[..., -n:], axis=-1) / n
    return result


def _above(one: float, other: float) -> bool | None:
    """Say whether one is above the other; None where one is unknown."""
    return None if math.isnan(one) or math.isnan(other) else bool(one > other)


def _at_least(one: float, other: float) -> bool | None:
    """Say whether one is the other or above it; None where one is unknown."""
    return None if math.isnan(one) or math.isnan(other) else bool(one >= other)


def _both(one: bool | None, other: bool | None) -> bool | None:
    """Say whether both hold: False as soon as one does not."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
