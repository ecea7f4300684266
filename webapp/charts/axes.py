"""Heights of numbers in a picture, even or logarithmic, and the round numbers that name them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from webapp.analytics.series import Floats

TICKS = 5
UNKNOWN, MINUS = "—", "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number at its height."""

    y: float
    name: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers from `low`, at `bottom`, to `high`, at `top`."""

    low: float
    high: float
    top: float
    bottom: float
    log: bool
    ticks: tuple[Tick, ...] = ()

    def y(self, values: Floats) -> Floats:
        """Return how far below the top of the picture numbers stand; what is unknown stays so."""
        low, high = self.low, self.high
        if self.log:
            values, low, high = np.log(values), math.log(low), math.log(high)
        heights: Floats = self.bottom - (values - low) / (high - low) * (self.bottom - self.top)
        return heights


def axis_of(low: float, high: float, top: float, bottom: float, *, log: bool = False, percent_of: float | None = None,
            decimals: int = 2) -> Axis:
    """Return an axis with some room above and below; with `percent_of` its names are changes against that number."""
    log = log and low > 0
    room = (high - low) * 0.04 or abs(high) * 0.01 or 1.0
    low, high = (low * 0.98, high * 1.02) if log else (low - room, high + room)
    axis = Axis(low, high, top, bottom, log)
    if percent_of is not None:
        steps = _even((low / percent_of - 1) * 100, (high / percent_of - 1) * 100)
        numbers, names = [(1 + step / 100) * percent_of for step in steps], [percent_text(step, 0) for step in steps]
    else:
        numbers = _round(low, high) if log else _even(low, high)
        needed = max((_needed(number, decimals) for number in numbers), default=0)
        names = [_name(number, needed) for number in numbers]
    heights = axis.y(np.array(numbers)).tolist() if numbers else []
    ticks = tuple(Tick(round(y, 1), name) for y, name in zip(heights, names, strict=True))
    return Axis(low, high, top, bottom, log, ticks)


def percent_text(value: float | None, decimals: int = 2) -> str:
    """Write a change in percent with its sign."""
    if value is None:
        return UNKNOWN
    text = f"{abs(value):.{decimals}f}%"
    return text if not float(text[:-1]) else f"{'+' if value > 0 else MINUS}{text}"


def _even(low: float, high: float) -> list[float]:
    """Return round numbers in equal steps within a range."""
    step = (high - low) / TICKS
    size = 10 ** math.floor(math.log10(step))
    step = next(size * part for part in (1, 2, 5, 10) if size * part >= step)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _round(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10, ... within a range; where these are too few, equal steps."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found = [part * 10.0**power for power in range(first, last + 1) for part in (1, 2, 5)
             if low <= part * 10.0**power <= high]
    return found if len(found) >= 3 else _even(low, high)


def _needed(number: float, most: int) -> int:
    """Return how many decimals a number has, not counting noise behind `most`."""
    return len(f"{number:.{most}f}".partition(".")[2].rstrip("0"))


def _name(number: float, decimals: int) -> str:
    text = f"{abs(number):,.{decimals}f}"
    return f"{MINUS}{text}" if number < 0 and float(text.replace(",", "")) else text
