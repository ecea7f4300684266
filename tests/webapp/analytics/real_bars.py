"""The collected real bars, as series in the shares of a chosen day."""

from __future__ import annotations

import csv
import datetime as dt

import numpy as np
import pytest

from tests.conftest import SHARED
from webapp.analytics.adjust import adjusted, split_factors
from webapp.analytics.series import Series, to_number

BARS = SHARED / "bars"
needs_bars = pytest.mark.skipif(not BARS.exists(), reason="needs ../shared")


def as_traded(symbol: str, until: dt.date) -> tuple[Series, list[int], list[float]]:
    """Read a file as it came, oldest first, with the days and the ratios of its splits (7, not 7.00000700001)."""
    path = BARS / "av_daily_adjusted" / f"daily_adjusted_{symbol}.csv"
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["timestamp"] <= until.isoformat()][::-1]
    at = np.array([to_number(dt.date.fromisoformat(row["timestamp"])) for row in rows], np.int32)
    columns = [np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")]
    splits = [(int(day), float(row["split_coefficient"])) for day, row in zip(at, rows, strict=True)
              if float(row["split_coefficient"]) != 1]
    return Series(at, *columns), [day for day, _ in splits], [round(ratio, 4) for _, ratio in splits]


def split_adjusted(symbol: str, until: dt.date) -> Series:
    """Read a file in the shares of the day `until`."""
    raw, days, ratios = as_traded(symbol, until)
    factors = split_factors(raw.at, days, ratios)
    return adjusted(raw, 1 / factors, factors)
