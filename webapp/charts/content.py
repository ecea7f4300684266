"""What a chart shows, as columns: bars, averages, stages by bar, strength, events. Numbers in, numbers out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Floats, Series, to_day
from webapp.bars.sources import any_made_up
from webapp.charts.choices import Choices
from webapp.records import Adjustment, Instrument

Places = NDArray[np.intp]
# Adjusted prices have endless decimals; so many are kept, or so many figures of the lowest one.
USUAL_DECIMALS, FIGURES = 4, 4
MOST_DECIMALS = 8
# Holidays make stocks begin on different days; so many of them are more than that.
LATER = 7


@dataclass(frozen=True, slots=True)
class Band:
    """Bars from `first` to `last`, both by index: of a stage ("1" to "4"), or of a part of the day ("pre", "post")."""

    first: int
    last: int
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """A split ("4:1") or a dividend (its amount) on the day of the bar with this index."""

    index: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Weeks:
    """Completed weeks, each with the index of its last bar: the 30-week average in the chart's prices, Mansfield RS."""

    index: Places
    average: Floats
    mansfield: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """What the stock is compared with: its closes on its own days (or local minutes) within the chart's range."""

    instrument: Instrument
    at: Days
    close: Floats

    def change(self) -> float | None:
        """Return the change from the first close shown to the last in percent."""
        return float(self.close[-1] / self.close[0] - 1) * 100 if len(self.close) and self.close[0] > 0 else None


@dataclass(frozen=True, slots=True)
class Base:
    """The close that 1D and 5D are drawn against: that of the session before the first one shown."""

    day: dt.date
    close: float


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A chart. All columns have shape (n,); NaN is unknown.

    In a chart of minutes `series.at` counts minutes of the exchange's own time, `utc` the same in UTC, and `shift` is
    by how much the last one is ahead of that. `adjusted` is what prices are adjusted for indeed, which may be more than
    was chosen; without `dividends_known` nobody has ever told a dividend of it. `stage` is 1 to 4, 0 for none. `live`
    says that the last bar is of the newest quote, not of history.
    """

    instrument: Instrument
    choices: Choices
    series: Series
    adjusted: Adjustment
    sources: tuple[str, ...]
    stage: NDArray[np.int8]
    bands: tuple[Band, ...]
    lines: dict[str, Floats]
    weeks: Weeks | None = None
    events: tuple[Event, ...] = ()
    others: tuple[Other, ...] = ()
    base: Base | None = None
    benchmark: str = ""
    shift: int = 0
    utc: Days | None = None
    live: bool = False
    dividends_known: bool = True

    @property
    def simulated(self) -> bool:
        """Tell whether its prices are made up."""
        return any_made_up(self.sources)

    @property
    def measured(self) -> bool:
        """Tell whether there is any week with relative strength."""
        return self.weeks is not None and bool(np.isfinite(self.weeks.mansfield).any())

    @property
    def decimals(self) -> int:
        """Return how many decimals carry its prices: all there are, or enough for every use."""
        return decimals_of(self.series.close, self.instrument.decimals)

    @property
    def places(self) -> int:
        """Return how many decimals its prices are shown with: the instrument's, at least four where one is below 1."""
        lowest = float(self.series.close.min()) if len(self.series) else 1.0
        if not 0 < lowest < 1:
            return self.instrument.decimals
        return max(self.instrument.decimals, 4, 1 - int(np.floor(np.log10(lowest))))

    def later(self, other: Other) -> dt.date | None:
        """Return the first day of another stock that has begun long after the chart, None for others."""
        if self.choices.minutes or not len(other.at) or other.at[0] <= self.series.at[0] + LATER:
            return None
        return to_day(other.at[0])

    def change(self) -> float | None:
        """Return the change from the first close shown to the last in percent."""
        close = self.series.close
        return float(close[-1] / close[0] - 1) * 100 if len(close) and close[0] > 0 else None


def decimals_of(prices: Floats, least: int) -> int:
    """Return how many decimals tell prices exactly, from `least` up to USUAL_DECIMALS, or FIGURES of the lowest."""
    known = prices[np.isfinite(prices) & (prices > 0)]
    if not len(known):
        return least
    lowest = float(known.min())
    most = min(max(FIGURES - 1 - int(np.floor(np.log10(lowest))), USUAL_DECIMALS, least), MOST_DECIMALS)
    for decimals in range(least, most):
        scaled = known * 10**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-6 * lowest * 10**decimals):
            return decimals
    return most


def runs(values: NDArray[np.int8]) -> tuple[Band, ...]:
    """Return the stretches of equal values; those of 0 are left out."""
    if not len(values):
        return ()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    ends = np.concatenate([starts[1:], [len(values)]]) - 1
    return tuple(Band(first, last, str(value)) for first, last, value
                 in zip(starts.tolist(), ends.tolist(), values[starts].tolist(), strict=True) if value)


def split_words(ratio: Decimal) -> str:
    """Write a split: 4:1, 3:2, or 1:10 where shares were joined."""
    if ratio < 1:
        return f"1:{_plain(1 / ratio)}"
    return "3:2" if abs(ratio - Decimal("1.5")) < Decimal("0.0001") else f"{_plain(ratio)}:1"


def _plain(number: Decimal) -> str:
    """Write a number with up to four decimals; vendors' ratios have noise behind those."""
    return f"{number.quantize(Decimal('0.0001')):f}".rstrip("0").rstrip(".")
