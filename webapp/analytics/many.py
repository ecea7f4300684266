"""The weeks of many stocks at once: the formulas of weeks.py, stages.py and breakouts.py over series laid end to end.

numpy needs as long to begin as to reckon a stock's 500 weeks, so a run over thousands of stocks is several times faster
so. The figures are those of the single forms to the last bit; tests hold both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.breakouts import VOLUME_WEEKS, signs, volume_ratios
from webapp.analytics.series import EMPTY, Floats, Series
from webapp.analytics.stages import ADVANCING, BASING, TOPPING, Stages, find_stages
from webapp.analytics.strength import YEAR_WEEKS, mansfield, relative_price
from webapp.analytics.weeks import friday_of

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Weekly bars of several stocks, one after another: stock i has those from edges[i] up to, without, edges[i + 1].

    `place`, shape (n,), counts each stock's weeks from 0. Open, high and low of `weeks` are not reckoned.
    """

    weeks: Series
    edges: Places
    place: Places


def lay(dailies: Sequence[Series], through: Sequence[int]) -> Laid:
    """Return the weeks of several daily series; `through` has the last Friday that is complete for each of them."""
    counts = [int(daily.at.searchsorted(last, "right")) for daily, last in zip(dailies, through, strict=True)]
    bounds = np.append(0, np.cumsum(counts))
    total = int(bounds[-1])
    if not total:
        return Laid(EMPTY, np.zeros(len(bounds), np.intp), np.empty(0, np.intp))
    at, close, volume = (np.concatenate([getattr(daily, name)[:count] for daily, count
                                         in zip(dailies, counts, strict=True)]) for name in ("at", "close", "volume"))
    fridays = friday_of(at)
    ends = fridays[1:] != fridays[:-1]
    # A stock's last week ends where the next stock begins, of whatever week that is.
    ends[bounds[(bounds > 0) & (bounds < total)] - 1] = True
    last = np.append(np.flatnonzero(ends), total - 1)
    closes, volumes = close[last], np.add.reduceat(volume, np.append(0, last[:-1] + 1))
    edges = np.searchsorted(last, bounds)
    place = np.arange(len(last)) - np.repeat(edges[:-1], np.diff(edges))
    return Laid(Series(fridays[last], closes, closes, closes, closes, volumes), edges, place)


def find_all_stages(laid: Laid) -> Stages:
    """Return the stage of each week, as find_stages() does for one stock; `since` counts in the laid weeks."""
    return find_stages(laid.weeks.close, laid.place)


def all_volume_ratios(laid: Laid) -> Floats:
    """Return volume_ratios() of each stock's weeks."""
    ratios = volume_ratios(laid.weeks.volume)
    ratios[laid.place < VOLUME_WEEKS] = np.nan
    return ratios


def all_mansfield(laid: Laid, benchmarks: Sequence[Series | None]) -> Floats:
    """Return mansfield() of each stock's weeks against its benchmark's, which are given; NaN where that has none."""
    result = np.full(len(laid.weeks), np.nan)
    edges = laid.edges.tolist()
    for benchmark in {id(one): one for one in benchmarks if one is not None and len(one)}.values():
        near = np.minimum(np.searchsorted(benchmark.at, laid.weeks.at), len(benchmark) - 1)
        shared = benchmark.at[near] == laid.weeks.at
        price = relative_price(laid.weeks, benchmark)[1]
        bounds = np.append(0, np.cumsum(shared)).tolist()
        for start, stop, own in zip(edges[:-1], edges[1:], benchmarks, strict=True):
            first, last = bounds[start], bounds[stop]
            if own is benchmark and last - first >= YEAR_WEEKS:
                result[start:stop][shared[start:stop]] = mansfield(price[first:last])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Breakouts:
    """The newest breakout of several stocks, shape (stocks,); see breakout_at().

    `week` is its place among the laid weeks, -1 where there was none; `base_high` is in the closes' unit. `evidence`
    has bit 0 set where the week closed above it, bit 1 where the average was not falling, bit 2 for the volume.
    """

    week: NDArray[np.int64]
    base_high: Floats
    evidence: NDArray[np.int64]


def newest_breakouts(laid: Laid, stages: Stages, ratios: Floats) -> Breakouts:
    """Return each stock's newest week in which stage 1 or 3 turned into 2, and what speaks for that breakout."""
    before, now = stages.stage[:-1], stages.stage[1:]
    turns = 1 + np.flatnonzero((now == ADVANCING) & ((before == BASING) | (before == TOPPING)) & (laid.place[1:] > 0))
    week = np.full(len(laid.edges) - 1, -1, np.int64)
    week[np.searchsorted(laid.edges, turns, "right") - 1] = turns  # of several the last one stays
    base_high, evidence = np.full(len(week), np.nan), np.zeros(len(week), np.int64)
    found = week >= 0
    if found.any():
        at = week[found]
        # Each base, and what follows it, which is dropped.
        spans = np.empty(2 * len(at), np.int64)
        spans[::2], spans[1::2] = stages.since[at - 1], at
        high = np.maximum.reduceat(laid.weeks.close, spans)[::2]
        base_high[found] = high
        met = signs(laid.weeks.close[at], high, stages.slope[at], ratios[at])
        evidence[found] = sum(sign.astype(np.int64) << bit for bit, sign in enumerate(met))
    return Breakouts(week, base_high, evidence)
