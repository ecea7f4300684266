"""What is stored of stocks: a snapshot each, and a row for each completed week. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.many import (
    Breakouts,
    Laid,
    all_mansfield,
    all_volume_ratios,
    find_all_stages,
    lay,
    newest_breakouts,
)
from webapp.analytics.many_days import last_days
from webapp.analytics.series import Floats, Series, to_day
from webapp.analytics.stages import SLOPE_WEEKS, WEEKS, Stages, state_at
from webapp.analytics.template import CONDITIONS, LEAST_RATING

# The columns of `Figures.weeks`. Week and since are days as in Series.at; a stage of 0 and a since of NaN are none.
WEEK_COLUMNS = ("week", "stage", "since", "close", "average", "slope", "mansfield", "week_volume")
WEEK, STAGE, SINCE, CLOSE, AVERAGE = range(5)
PATH_WEEKS = 52
# Fewer weeks say nothing of the stage of the next one; see state_at().
LEAST_WEEKS = WEEKS + SLOPE_WEEKS - 1
# The last condition of the trend template waits for the ratings, which need all stocks.
RATING_BIT = 1 << (len(CONDITIONS) - 1)
# What follows from a stock's days, in the order of _of_days().
DAY_FIGURES = ("close", "strength", "high_52", "low_52", "from_high", "from_average", "relative_volume")

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What a stock's figures follow from: its daily bars, split-adjusted, oldest first, each with a close above 0.

    `through` is the last Friday whose week is complete; `benchmark` has the weekly bars of what relative strength is
    measured against.
    """

    daily: Series
    through: int
    benchmark: Series | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """A stock's snapshot by the names of its columns, and its completed weeks, shape (n, len(WEEK_COLUMNS)).

    What follows from other stocks is missing: rs, rated, and of `template` the last condition.
    """

    snapshot: dict[str, Any]
    weeks: Rows


def usable(daily: Series) -> Series:
    """Return the days that have a close above 0."""
    keep = daily.close > 0
    return daily if keep.all() else Series(*(getattr(daily, name)[keep] for name in Series.__slots__))


def reckon(stocks: Sequence[Stock]) -> list[Figures]:
    """Return the figures of stocks that have at least one bar each, in their order."""
    laid = lay([stock.daily for stock in stocks], [stock.through for stock in stocks])
    stages, ratios = find_all_stages(laid), all_volume_ratios(laid)
    strengths = all_mansfield(laid, [stock.benchmark for stock in stocks])
    rows = np.empty((len(laid.weeks), len(WEEK_COLUMNS)))
    columns: tuple[Any, ...] = (laid.weeks.at, stages.stage, _since(laid.weeks, stages), laid.weeks.close,
                                stages.average, stages.slope, strengths, ratios)
    for place, column in enumerate(columns):
        rows[:, place] = column
    edges = laid.edges.tolist()
    parts = [rows[start:stop] for start, stop in pairwise(edges)]
    snapshots = zip(_of_days(stocks, [float(part[-1, AVERAGE]) if len(part) else math.nan for part in parts]),
                    _breakouts(laid, newest_breakouts(laid, stages, ratios)), pairwise(edges), parts, strict=True)
    return [Figures(days | turn | _of_weeks(laid.weeks, stages, start, stop) | _newest(part), part)
            for days, turn, (start, stop), part in snapshots]


def digests_of(rows: Rows, known: int) -> tuple[str, str]:
    """Return a digest of the first `known` weeks and one of all: another where any of them is other; "" for none."""
    whole = blake2b(np.ascontiguousarray(rows[:known]).data, digest_size=16)
    first = whole.hexdigest() if known else ""
    whole.update(np.ascontiguousarray(rows[known:]).data)
    return first, whole.hexdigest() if len(rows) else ""


def path_of(rows: Rows) -> str:
    """Return the closes of the last 52 weeks as a sparkline keeps them: text with commas."""
    closes = rows[-PATH_WEEKS:, CLOSE].tolist()
    return ",".join([format(close, ".10g") for close in closes])


def template_with(bits: int | None, rs: int | None) -> int | None:
    """Return the trend template's bits with the last condition, which a rating decides."""
    if bits is None or rs is None:
        return bits
    return bits | RATING_BIT if rs >= LEAST_RATING else bits & ~RATING_BIT


def _of_days(stocks: Sequence[Stock], averages: Sequence[float]) -> list[dict[str, Any]]:
    """Return what follows from each stock's daily bars up to the last one, and from its 30-week average."""
    days = last_days([stock.daily for stock in stocks])
    columns = (days.close, days.strength, days.high_52, days.low_52, (days.close / days.high_52 - 1) * 100,
               (days.close / np.array(averages) - 1) * 100, days.relative_volume)
    rows = np.column_stack(columns).tolist()
    # Without a strength there will be no rating, and the template's last condition cannot be told.
    bits = np.where(np.isnan(days.strength), -1, days.template).tolist()
    return [{name: _known(value) for name, value in zip(DAY_FIGURES, row, strict=True)}
            | {"day": to_day(stock.daily.at[-1]), "template": None if met < 0 else met}
            for stock, row, met in zip(stocks, rows, bits, strict=True)]


def _of_weeks(weeks: Series, stages: Stages, start: int, stop: int) -> dict[str, Any]:
    """Return the stage of one stock, whose weeks are those from `start` to `stop`, and what the next follows from."""
    if start == stop:
        return dict.fromkeys(("week", "stage", "since", "previous_stage", "candidate", "trend", "closes_29",
                              "average_3")) | {"weeks": 0}
    last, since = stop - 1, int(stages.since[stop - 1])
    state = state_at(stages, weeks.close, last) if stop - start >= LEAST_WEEKS else None
    return {"week": to_day(weeks.at[last]), "stage": int(stages.stage[last]) or None,
            "since": to_day(weeks.at[since]) if since >= 0 else None, "weeks": int(stages.weeks[last]),
            "previous_stage": (int(stages.stage[since - 1]) or None) if since > start else None,
            "candidate": (state.candidate or None) if state else None,
            "trend": (state.trend or None) if state else None,
            "closes_29": state.closes_29 if state else None, "average_3": state.average_3 if state else None}


def _newest(rows: Rows) -> dict[str, float | None]:
    """Return the last week's figures."""
    values = rows[-1, CLOSE + 1:].tolist() if len(rows) else [math.nan] * len(WEEK_COLUMNS[CLOSE + 1:])
    return {name: _known(value) for name, value in zip(WEEK_COLUMNS[CLOSE + 1:], values, strict=True)}


def _breakouts(laid: Laid, found: Breakouts) -> list[dict[str, Any]]:
    """Return each stock's newest breakout with its evidence."""
    return [{"breakout": None, "base_high": None, "evidence": None} if week < 0 else
            {"breakout": to_day(laid.weeks.at[week]), "base_high": high, "evidence": bits}
            for week, high, bits in zip(found.week.tolist(), found.base_high.tolist(), found.evidence.tolist(),
                                        strict=True)]


def _since(weeks: Series, stages: Stages) -> Floats:
    """Return since which Friday each week's stage has held, NaN where there is none."""
    since = np.full(len(weeks), np.nan)
    known = stages.since >= 0
    since[known] = weeks.at[stages.since[known]]
    return since


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
