"""What is odd in a series is found, what a market really does is not."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.webapp.bars.conftest import alpha_vantage, bars_of, day, weekdays
from webapp.analytics.series import Days, Series, to_number
from webapp.bars.checks import Fault, find_faults
from webapp.bars.codec import UNKNOWN, Bars, from_series
from webapp.bars.histories import bars_of as bars_of_history
from webapp.models import BarFault
from webapp.records import Instrument, Split

LENGTH, FIRST = 200, "2023-01-02"
DAYS = weekdays(FIRST, LENGTH)
APPLE = Instrument(1, "AAPL", "XNAS", "Apple", "USD", "US")


def quiet(seed: int = 7, sigma: float = 0.01) -> Bars:
    """Return bars of a stock that does nothing odd."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, sigma, LENGTH)))
    first = np.append(100.0, close[:-1]) * np.exp(random.normal(0, sigma / 3, LENGTH))
    high, low = np.maximum(first, close) * 1.004, np.minimum(first, close) * 0.996
    return from_series(Series(numbers(DAYS), first, high, low, close, np.rint(random.uniform(8e5, 12e5, LENGTH))))


def numbers(days: list[dt.date]) -> Days:
    return np.array([to_number(one) for one in days], np.int32)


def changed(bars: Bars, place: slice | int, factor: float, *, volume: float = 1.0, names: str = "ohlc") -> Bars:
    """Return the bars with the prices of some places multiplied."""
    columns = {}
    for name in ("open", "high", "low", "close"):
        values = getattr(bars, name).copy()
        if name[0] in names:
            values[place] = np.rint(values[place] * factor)
        columns[name] = values
    volumes = bars.volume.copy()
    volumes[place] = np.rint(volumes[place] * volume)
    return replace(bars, **columns, volume=volumes)


def told(bars: Bars, days: Days | None = None, splits: tuple[Split, ...] = ()) -> list[tuple[str, str, str]]:
    return [(fault.kind.value, fault.day.isoformat(), fault.last_day.isoformat())
            for fault in find_faults(bars, days, splits)]


@pytest.mark.parametrize("seed", range(20))
def test_a_stock_that_does_nothing_odd_has_no_faults(seed: int) -> None:
    assert find_faults(quiet(seed, sigma=0.005 + seed * 0.002), numbers(DAYS), ()) == []


def test_a_series_of_one_bar_or_none_has_no_faults() -> None:
    bars = quiet()
    assert find_faults(bars.take(slice(0, 0)), numbers(DAYS), ()) == []
    assert find_faults(bars.take(slice(0, 1)), numbers(DAYS), ()) == []


def test_missing_sessions_are_told_in_runs() -> None:
    keep = np.ones(LENGTH, np.bool_)
    keep[[0, 50, 51, 52, 70, LENGTH - 1]] = False
    faults = find_faults(quiet().take(keep), numbers(DAYS), ())
    assert faults == [Fault(BarFault.GAP, DAYS[50], DAYS[52], "3 sessions without a bar"),
                      Fault(BarFault.GAP, DAYS[70], DAYS[70], "1 session without a bar")]


def test_nothing_is_missing_where_no_calendar_is_known_or_before_it_begins() -> None:
    bars = quiet().take(np.arange(LENGTH) % 2 == 0)
    assert find_faults(bars, None, ()) == []
    assert find_faults(bars, numbers(DAYS)[195:], ()) == [
        Fault(BarFault.GAP, DAYS[195], DAYS[195], "1 session without a bar"),
        Fault(BarFault.GAP, DAYS[197], DAYS[197], "1 session without a bar")]


def test_a_bar_that_a_person_took_out_is_not_missing() -> None:
    bars = quiet().take(np.arange(LENGTH) != 60)
    assert told(bars, numbers(DAYS)) == [("gap", DAYS[60].isoformat(), DAYS[60].isoformat())]
    assert find_faults(bars, numbers(DAYS), (), removed=[to_number(DAYS[60])]) == []


def test_bars_on_days_without_a_session_are_told() -> None:
    open_days = numbers([one for one in DAYS if one not in (DAYS[10], DAYS[30], DAYS[31])])
    assert told(quiet(), open_days) == [("no session", DAYS[10].isoformat(), DAYS[10].isoformat()),
                                        ("no session", DAYS[30].isoformat(), DAYS[31].isoformat())]


def test_very_many_faults_of_a_kind_are_told_in_one() -> None:
    bars = quiet().take(np.append(np.arange(LENGTH - 1) % 3 != 1, True))
    fault, = find_faults(bars, numbers(DAYS), ())
    assert (fault.kind, fault.day) == (BarFault.GAP, DAYS[1])
    assert fault.detail.startswith("66 times; first: 1 session")
    assert fault.last_day == DAYS[196]


@pytest.mark.parametrize(("names", "factor", "said"), [
    ("h", 0.995, "above the high"), ("l", 1.1, "below the low"), ("o", 1.05, "the open is above the high"),
    ("c", 0.95, "the close is below the low")])
def test_prices_out_of_order_are_told(names: str, factor: float, said: str) -> None:
    faults = [fault for fault in find_faults(changed(quiet(), 40, factor, names=names), None, ())
              if fault.kind is BarFault.ORDER]
    assert [(fault.day, said in fault.detail) for fault in faults] == [(DAYS[40], True)]


def test_a_high_below_the_low_is_told_as_such() -> None:
    fault, = find_faults(changed(quiet(), 40, 0.5, names="h"), None, ())
    assert fault.detail == "the high is below the low"


def test_prices_that_were_divided_may_be_out_of_order_by_their_rounding() -> None:
    bars = changed(quiet(), 40, 1.0)
    bars.high[40] = max(bars.open[40], bars.close[40]) - 2000
    assert [fault.kind for fault in find_faults(bars, None, ())] == [BarFault.ORDER]
    assert find_faults(bars, None, (), rounded=True) == []


@pytest.mark.parametrize("factor", [0.6, 1.5, 10.0, 0.01])
def test_a_close_far_away_for_one_day_is_an_outlier(factor: float) -> None:
    day_told = DAYS[100].isoformat()
    assert told(changed(quiet(), 100, factor)) == [("outlier", day_told, day_told)]


@pytest.mark.parametrize(("names", "factor", "said"), [
    ("h", 10.0, "the high"), ("l", 0.1, "the low"), ("oh", 10.0, "the open"), ("ol", 0.1, "the open")])
def test_a_price_within_the_day_far_from_the_closes_is_an_outlier(names: str, factor: float, said: str) -> None:
    fault, = find_faults(changed(quiet(), 100, factor, names=names), None, ())
    assert (fault.kind, fault.day, said in fault.detail) == (BarFault.OUTLIER, DAYS[100], True)


def test_a_crash_that_is_not_taken_back_is_no_fault() -> None:
    assert find_faults(changed(quiet(), slice(100, None), 0.62, volume=6), None, ()) == []


def test_wild_weeks_have_no_outliers() -> None:
    bars = quiet()
    for place, factor in ((100, 0.91), (101, 1.1), (102, 0.89), (103, 1.07), (104, 0.95), (105, 0.88), (106, 1.13),
                          (107, 0.9), (108, 1.12), (109, 0.93), (110, 1.06), (111, 0.94)):
        bars = changed(bars, slice(place, None), factor)
    assert find_faults(bars, None, ()) == []


@pytest.mark.parametrize("ratio", ["2", "3", "4", "7", "10", "20", "0.1", "0.5", "0.05", "1.5"])
def test_a_jump_by_the_ratio_of_a_split_is_told_unless_the_split_is_known(ratio: str) -> None:
    size = float(ratio)
    bars = changed(quiet(), slice(100, None), 1 / size, volume=size)
    fault, = find_faults(bars, numbers(DAYS), ())
    assert (fault.kind, fault.day) == (BarFault.SPLIT, DAYS[100])
    assert "split that is not known" in fault.detail
    assert find_faults(bars, numbers(DAYS), [Split(DAYS[100], Decimal(ratio))]) == []


@pytest.mark.parametrize(("factor", "volume"), [(0.5, 8.0), (0.25, 40.0), (0.666, 6.0), (0.78, 1.0), (0.57, 1.0)])
def test_a_fall_with_the_volume_of_a_crash_or_by_no_usual_ratio_is_no_split(factor: float, volume: float) -> None:
    assert find_faults(changed(quiet(), slice(100, None), factor, volume=volume), None, ()) == []


def test_without_a_volume_only_a_large_jump_is_a_split() -> None:
    for ratio, expected in ((2.0, [BarFault.SPLIT]), (1.5, [])):
        bars = changed(quiet(), slice(100, None), 1 / ratio)
        bars = replace(bars, volume=np.full(LENGTH, UNKNOWN))
        assert [fault.kind for fault in find_faults(bars, None, ())] == expected


def test_a_known_split_on_whose_day_nothing_jumps_is_told() -> None:
    assert told(quiet(), None, (Split(DAYS[100], Decimal(4)),)) == [
        ("possible split", DAYS[100].isoformat(), DAYS[100].isoformat())]


def test_days_without_volume_are_told_of_a_stock_that_trades_on_all_others() -> None:
    bars = changed(quiet(), slice(80, 82), 1.0, volume=0)
    assert told(bars) == [("no volume", DAYS[80].isoformat(), DAYS[81].isoformat())]
    bars.volume[120] = UNKNOWN
    assert [fault[1] for fault in told(bars)] == [DAYS[80].isoformat(), DAYS[120].isoformat()]


def test_a_stock_that_seldom_trades_and_an_index_may_be_without_volume() -> None:
    assert find_faults(changed(quiet(), slice(0, None, 5), 1.0, volume=0), None, ()) == []
    assert find_faults(changed(quiet(), slice(None), 1.0, volume=0), None, ()) == []
    assert find_faults(replace(quiet(), volume=np.full(LENGTH, UNKNOWN)), None, ()) == []


def test_a_bar_with_a_close_only_is_no_fault() -> None:
    bars = quiet()
    unknown = np.full(LENGTH, UNKNOWN)
    assert find_faults(replace(bars, open=unknown, high=unknown, low=unknown), None, ()) == []


@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "SPY"])
def test_the_real_past_with_its_crashes_has_no_faults(symbol: str) -> None:
    real = alpha_vantage(symbol, 1)
    assert find_faults(bars_of_history(real, APPLE), None, real.splits) == []


def test_the_splits_of_apple_are_found_where_nobody_told_of_them() -> None:
    faults = find_faults(bars_of_history(alpha_vantage("AAPL", 1), APPLE), None, ())
    assert [(fault.kind.value, fault.day) for fault in faults] == [
        ("possible split", day(text)) for text in ("2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31")]
    assert [fault.detail.split(" a ")[1].split()[0] for fault in faults] == ["2:1", "2:1", "7:1", "4:1"]


def test_two_bars_are_enough_to_be_checked() -> None:
    assert told(bars_of(DAYS[:2], [100.0, 25.0])) == [("possible split", DAYS[1].isoformat(), DAYS[1].isoformat())]
