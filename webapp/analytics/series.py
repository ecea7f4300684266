"""Bars as columns, the form in which everything in this package takes and gives them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int32]

EPOCH = dt.date(1970, 1, 1)


def to_number(day: dt.date) -> int:
    """Return a day as it stands in `Series.at`: days since 1970-01-01."""
    return (day - EPOCH).days


def to_day(number: int) -> dt.date:
    """Return the day of a number in `Series.at`."""
    return EPOCH + dt.timedelta(days=int(number))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Bars of one instrument, oldest first, each column of shape (n,).

    `at` counts days since 1970-01-01 (minutes since then, in UTC, in bars of a minute); a week bears its Friday. Prices
    are in the instrument's currency, `volume` counts shares. NaN is unknown; a close is always known.
    """

    at: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        """Return n."""
        return len(self.at)

    def part(self, start: int, stop: int | None = None) -> Series:
        """Return the bars from index `start` up to, without, `stop`."""
        return Series(*(getattr(self, field.name)[start:stop] for field in fields(self)))

    def since(self, day: dt.date) -> Series:
        """Return the bars from `day` on; only for bars of days and weeks."""
        return self.part(int(np.searchsorted(self.at, to_number(day))))


EMPTY = Series(np.empty(0, np.int32), *(np.empty(0, np.float64) for _ in range(5)))
