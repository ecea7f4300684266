"""Many stocks at once have the figures that each has by itself, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.analytics.breakouts import breakout_at, volume_ratios
from webapp.analytics.indicators import range_52w
from webapp.analytics.many import all_mansfield, all_volume_ratios, find_all_stages, lay, newest_breakouts
from webapp.analytics.many_days import last_days
from webapp.analytics.series import EMPTY, Series
from webapp.analytics.stages import find_stages
from webapp.analytics.strength import mansfield, relative_price, strength
from webapp.analytics.template import trend_template
from webapp.analytics.weeks import weekly


def a_series(seed: int, days: int, *, first: int = 15_000, gaps: bool = False) -> Series:
    """Return daily bars, as long as wanted, that rise and fall in long waves."""
    chance = np.random.default_rng(seed)
    drift = 0.02 * np.sin(np.arange(days) / chance.uniform(20, 80))
    close = chance.uniform(1, 500) * np.exp(np.cumsum(drift / 3 + chance.normal(0, 0.01, days)))
    at = first + np.cumsum(chance.choice((1, 1, 1, 1, 3) if not gaps else (1, 2, 9, 20), days))
    volume = np.rint(chance.uniform(0, 1e6, days))
    volume[chance.random(days) < 0.01] = np.nan
    return Series(at.astype(np.int32), close, close * 1.1, close * 0.9, close, volume)


def assert_same(series: list[Series], through: list[int]) -> None:
    laid = lay(series, through)
    stages, ratios = find_all_stages(laid), all_volume_ratios(laid)
    for number, (one, last) in enumerate(zip(series, through, strict=True)):
        start, stop = laid.edges[number], laid.edges[number + 1]
        weeks = weekly(one, last)
        single = find_stages(weeks.close)
        np.testing.assert_array_equal(laid.weeks.at[start:stop], weeks.at)
        np.testing.assert_array_equal(laid.weeks.close[start:stop], weeks.close)
        np.testing.assert_array_equal(laid.weeks.volume[start:stop], weeks.volume)
        np.testing.assert_array_equal(ratios[start:stop], volume_ratios(weeks.volume))
        for name in ("average", "slope", "candidate", "stage", "weeks", "trend"):
            np.testing.assert_array_equal(getattr(stages, name)[start:stop], getattr(single, name), name)
        since = stages.since[start:stop]
        np.testing.assert_array_equal(np.where(since < 0, -1, since - start), single.since)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 900), st.booleans()), min_size=1, max_size=6))
def test_every_stock_has_the_figures_of_the_single_forms(stocks: list[tuple[int, int, bool]]) -> None:
    series = [a_series(seed, days, gaps=gaps) for seed, days, gaps in stocks]
    assert_same(series, [int(one.at[-1]) - 2 if len(one) else 0 for one in series])


def test_all_stages_occur_in_what_is_compared() -> None:
    series = [a_series(seed, 1500) for seed in range(8)]
    found = find_all_stages(lay(series, [10**6] * 8)).stage
    assert set(found.tolist()) == {0, 1, 2, 3, 4}
    assert_same(series, [10**6] * 8)


def test_stocks_without_a_complete_week_have_none() -> None:
    laid = lay([EMPTY, a_series(1, 3), EMPTY], [0, 0, 0])
    assert laid.edges.tolist() == [0, 0, 0, 0]
    assert len(find_all_stages(laid).stage) == len(all_volume_ratios(laid)) == 0


def test_a_close_that_is_not_above_0_is_refused() -> None:
    series = a_series(1, 400)
    series.close[:] = 0
    with pytest.raises(ValueError, match="not above 0"):
        find_all_stages(lay([series], [10**6]))


def test_the_newest_breakout_is_the_last_one_of_the_single_form() -> None:
    series = [a_series(seed, 900 + 200 * (seed % 3)) for seed in range(12)] + [EMPTY, a_series(3, 20)]
    laid = lay(series, [10**6] * len(series))
    found = newest_breakouts(laid, find_all_stages(laid), all_volume_ratios(laid))
    seen = set()
    for number, one in enumerate(series):
        weeks = weekly(one, 10**6)
        stages = find_stages(weeks.close)
        single = [(index, evidence) for index in range(len(weeks)) if (evidence := breakout_at(weeks, stages, index))]
        if not single:
            assert found.week[number] == -1
            continue
        index, evidence = single[-1]
        bits = evidence.above + 2 * evidence.flat_or_rising + 4 * evidence.volume
        assert (found.week[number] - laid.edges[number], found.base_high[number]) == (index, evidence.base_high)
        assert found.evidence[number] == bits
        seen.add(bits)
    assert len(seen) > 1


def test_relative_strength_is_against_each_stocks_own_benchmark() -> None:
    one, other, short = (weekly(a_series(seed, days, first=first), 10**6)
                         for seed, days, first in ((20, 1800, 14_500), (21, 1500, 14_800), (22, 100, 15_000)))
    benchmarks = [one, other, one, None, short, EMPTY, one]
    series = [*(a_series(seed, 1200) for seed in range(6)), a_series(7, 100)]
    laid = lay(series, [10**6] * 7)
    found = all_mansfield(laid, benchmarks)
    known = []
    for number, (daily, benchmark) in enumerate(zip(series, benchmarks, strict=True)):
        weeks = weekly(daily, 10**6)
        at, price = relative_price(weeks, benchmark if benchmark is not None else EMPTY)
        expected = np.full(len(weeks), np.nan)
        if len(at) >= 52:
            expected[np.isin(weeks.at, at)] = mansfield(price)
        np.testing.assert_array_equal(found[laid.edges[number]:laid.edges[number + 1]], expected)
        known.append(bool(np.isfinite(expected).any()))
    assert known == [True, True, True, False, False, False, False]


def test_last_days_are_those_of_the_single_forms() -> None:
    series = [a_series(seed, days) for seed, days in enumerate((1500, 900, 253, 252, 200, 60, 1, 700, 700, 700, 700))]
    series += [a_series(30 + seed, 600, gaps=True) for seed in range(3)]
    series[7].high[-100:] = np.nan
    series[8].low[:] = np.nan
    series[9].volume[-10] = np.nan
    series[10].volume[-51:-1] = 0
    found = last_days(series)
    for number, one in enumerate(series):
        high, low = range_52w(one.at, one.high, one.low)
        bits = trend_template(one.at, one.close, one.high, one.low, 1).bits
        assert found.close[number] == one.close[-1]
        np.testing.assert_array_equal(found.strength[number], strength(one.close))
        np.testing.assert_array_equal((found.high_52[number], found.low_52[number]), (high[-1], low[-1]))
        assert found.template[number] == (-1 if bits is None else bits)
        mean = one.volume[-51:-1].mean() if len(one) > 50 else np.nan
        expected = one.volume[-1] / mean if mean > 0 else np.nan
        np.testing.assert_allclose(found.relative_volume[number], expected, rtol=1e-12)
    assert len(set(found.template.tolist())) > 3
    assert (found.template == -1).any()
