"""Bars as they are stored: columns of whole numbers, packed into one value a year (a day, for bars of a minute).

A row a bar would cost many times the time to write and to read: 10,000 stocks have 25 million bars in ten years. A
price is kept in hundred-millionths of the currency, so that eight decimals come back as they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import Days, Floats, Series

Counts = NDArray[np.int64]

SCALE = 100_000_000
UNKNOWN = np.iinfo(np.int64).min
# Above this a price in hundred-millionths is no longer exact in a float.
MOST_PRICE = 90_000_000
FORM = b"b1"
PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")


class DamagedError(Exception):
    """What is stored is not what pack() wrote."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars as stored, oldest first, each column of shape (n,); UNKNOWN stands for what was not given.

    `at` is as in Series; prices are in 1 / SCALE of the currency, `volume` counts shares.
    """

    at: Days
    open: Counts
    high: Counts
    low: Counts
    close: Counts
    volume: Counts

    def __len__(self) -> int:
        """Return n."""
        return len(self.at)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Bars:
        """Return the bars at these places."""
        return Bars(self.at[index], *(getattr(self, name)[index] for name in COLUMNS))

    def series(self) -> Series:
        """Return them as numbers to reckon with."""
        return Series(self.at, _floats(self.open, SCALE), _floats(self.high, SCALE), _floats(self.low, SCALE),
                      _floats(self.close, SCALE), _floats(self.volume, 1))


def joined(parts: list[Bars]) -> Bars:
    """Return parts, oldest first, as one; at least one is given."""
    if len(parts) == 1:
        return parts[0]
    return Bars(np.concatenate([part.at for part in parts]),
                *(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))


def from_series(series: Series) -> Bars:
    """Return numbers as they are stored; raise ValueError where a price is too large to be kept."""
    prices = (_counts(getattr(series, name), SCALE, MOST_PRICE) for name in PRICES)
    return Bars(series.at.astype(np.int32), *(*prices, _counts(series.volume, 1, 2**62)))


def pack(bars: Bars) -> bytes:
    """Return the bars as one value for the database."""
    columns = (np.ascontiguousarray(getattr(bars, name), "<i8").tobytes() for name in COLUMNS)
    return b"".join((FORM, np.ascontiguousarray(bars.at, "<i4").tobytes(), *columns))


def unpack(data: bytes) -> Bars:
    """Return the bars that pack() was given; raise DamagedError where the value is none of its."""
    count, rest = divmod(len(data) - len(FORM), 4 + 8 * len(COLUMNS))
    if rest or not data.startswith(FORM):
        raise DamagedError(f"{len(data)} bytes are no packed bars")
    at = np.frombuffer(data, "<i4", count, len(FORM))
    start = len(FORM) + 4 * count
    return Bars(at, *(np.frombuffer(data, "<i8", count, start + 8 * count * place) for place in range(len(COLUMNS))))


def _floats(values: Counts, scale: int) -> Floats:
    numbers = values / scale
    numbers[values == UNKNOWN] = np.nan
    return numbers


def _counts(values: Floats, scale: int, most: float) -> Counts:
    known = np.isfinite(values)
    if np.any(np.abs(values[known]) > most):
        raise ValueError(f"a figure is above {most}")
    counts = np.full(len(values), UNKNOWN, np.int64)
    counts[known] = np.rint(values[known] * scale)
    return counts
