"""The formulas alone, from bars in memory to snapshots and weeks: ours, and pandas's, found to be equal."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.stages import peer
from benchmarks.stages.universe import BATCH, LAST_DAY, make_stocks, trading_days
from benchmarks.streams.machine import BenchmarkError
from webapp.analytics.adjust import adjusted, split_factors
from webapp.analytics.series import Series, to_day, to_number
from webapp.analytics.weeks import weekly
from worker.analysis.batches import BATCH as AT_ONCE
from worker.analysis.figures import WEEK_COLUMNS, Figures, Stock, reckon

ROUNDS = 3
# Every so manieth stock is compared, figure by figure.
COMPARED_EVERY = 10
THROUGH = to_number(LAST_DAY) - 6  # the Friday before that Thursday
FIGURES = ("close", "strength", "high_52", "low_52", "from_high", "from_average", "relative_volume", "average",
           "slope", "mansfield", "week_volume", "closes_29", "average_3", "stage", "weeks", "candidate", "trend",
           "base_high", "evidence", "template")


def compare(symbols: int, years: int) -> dict[str, dict[str, Any]]:
    """Measure ours and pandas in turns, each in one process; the round in the middle counts."""
    series = _series(symbols, years)
    against = weekly(series[0])
    stocks = [Stock(one, THROUGH, against) for one in series]
    batches = [stocks[start:start + AT_ONCE] for start in range(0, len(stocks), AT_ONCE)]
    bars = _table(series)
    benchmark = peer.weeks_of(bars[bars["symbol"] == 0])
    ways: dict[str, Callable[[], Any]] = {
        "Stagewatch": lambda: [figures for batch in batches for figures in reckon(batch)],
        "pandas": lambda: peer.reckon_all(bars, benchmark, pd.Timestamp(to_day(THROUGH)))}
    _check(ways["Stagewatch"](), *ways["pandas"]())
    rounds = [{name: _measured(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    middle = {name: [statistics.median(one[name][place] for one in rounds) / symbols * 1000 for place in (0, 1)]
              for name in ways}
    return {name: {"ms": wall, "cpu_ms": cpu, "times": round(cpu / middle["Stagewatch"][1], 1)}
            for name, (wall, cpu) in middle.items()}


def _measured(call: Callable[[], object]) -> tuple[float, float]:
    """Return a call's seconds, and those that the processor worked for it."""
    began, before = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - before


def _series(symbols: int, years: int) -> Sequence[Series]:
    """Return the stocks' bars, split-adjusted."""
    days = trading_days(years)
    found = []
    for first in range(0, symbols, BATCH):
        for made in make_stocks(first, min(BATCH, symbols - first), days):
            series = made.bars.series()
            if made.split:
                factors = split_factors(series.at, [int(series.at[made.split[0]])], [made.split[1]])
                series = adjusted(series, 1 / factors, factors)
            found.append(series)
    return found


def _table(series: Sequence[Series]) -> pd.DataFrame:
    """Return all bars as pandas wants them: one long table."""
    columns = {name: np.concatenate([getattr(one, name) for one in series])
               for name in ("at", "high", "low", "close", "volume")}
    dates = pd.to_datetime(columns.pop("at"), unit="D")
    return pd.DataFrame({"symbol": np.repeat(np.arange(len(series)), [len(one) for one in series]), "date": dates,
                         **columns})


def _check(ours: Sequence[Figures], snapshots: pd.DataFrame, weeks: pd.DataFrame) -> None:
    """Raise BenchmarkError where pandas finds another figure."""
    by_symbol = dict(tuple(weeks.groupby("symbol")))
    for symbol in range(0, len(ours), COMPARED_EVERY):
        mine, row = ours[symbol], snapshots.loc[symbol]
        for name in FIGURES:
            if not _equal(mine.snapshot[name], float(str(row[name])), name):
                raise BenchmarkError(f"{name} of stock {symbol}: {mine.snapshot[name]} here, {row[name]} with pandas")
        theirs = by_symbol[symbol]
        for place, name in enumerate(WEEK_COLUMNS):
            if name in {"stage", "close", "average", "slope", "mansfield", "week_volume"} and not np.allclose(
                    mine.weeks[:, place], theirs[name].to_numpy(np.float64), rtol=1e-8, atol=1e-8, equal_nan=True):
                raise BenchmarkError(f"{name} of the weeks of stock {symbol} is another one with pandas")


def _equal(one: float | None, other: float, name: str) -> bool:
    """Tell whether two figures are the same; pandas has 0 or NaN for what is not known."""
    if one is None:
        return name == "template" or not other or math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-8)
