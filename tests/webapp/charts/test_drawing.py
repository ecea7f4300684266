from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webapp.charts.past import series_of, walk, weekdays
from webapp.charts.axes import axis_of, percent_text
from webapp.charts.content import decimals_of, runs, split_words
from webapp.charts.grouping import MOST_CANDLES, grouped


@given(st.floats(0.0001, 1e6), st.floats(0.0001, 1e6), st.booleans())
def test_an_axis_names_numbers_between_its_ends(one: float, other: float, log: bool) -> None:
    low, high = sorted((one, other))
    axis = axis_of(low, high, 10, 300, log=log, decimals=6)
    heights = axis.y(np.array([low, high]))
    assert 10 <= heights[1] <= heights[0] <= 300
    assert all(9.9 <= tick.y <= 300.1 for tick in axis.ticks)
    assert 1 <= len(axis.ticks) <= 40


def test_an_axis_has_round_numbers() -> None:
    assert [tick.name for tick in axis_of(97, 263, 0, 300).ticks] == ["100", "150", "200", "250"]
    assert [tick.name for tick in axis_of(1.1, 130, 0, 300, log=True).ticks] == ["2", "5", "10", "20", "50", "100"]
    assert [tick.name for tick in axis_of(10.12, 10.31, 0, 300).ticks] == ["10.15", "10.20", "10.25", "10.30"]
    names = [tick.name for tick in axis_of(80, 220, 0, 300, percent_of=100).ticks]
    assert names == ["0%", "+50%", "+100%"]


def test_a_change_has_its_sign() -> None:
    assert [percent_text(value) for value in (1.234, -1.236, 0.0, -0.001, None)] == [
        "+1.23%", "\N{MINUS SIGN}1.24%", "0.00%", "0.00%", "—"]


@pytest.mark.parametrize(("count", "span"), [(10, "a day"), (300, "a day"), (1300, "a week"), (5000, "a month"),
                                             (9000, "a quarter of a year")])
def test_days_are_put_together_until_they_can_be_seen(count: int, span: str) -> None:
    series = series_of(weekdays(count), walk(count))
    groups = grouped(series, minutes=False)
    assert groups.span == span
    assert len(groups.series) <= MOST_CANDLES
    assert groups.series.volume.sum() == series.volume.sum()
    assert groups.series.high.max() == series.high.max()
    assert groups.series.close[-1] == series.close[-1]
    assert groups.series.open[0] == series.open[0]
    assert [groups.of(int(index)) for index in groups.last[:5]] == list(range(min(5, len(groups.last))))


def test_bands_in_groups_follow_each_other_without_overlap() -> None:
    series = series_of(weekdays(5000), walk(5000))
    groups = grouped(series, minutes=False)
    for index in range(0, 4999, 7):
        assert groups.place(index, after=True) == pytest.approx(groups.place(index + 1))


def test_stretches_of_equal_values() -> None:
    found = runs(np.array([0, 0, 2, 2, 3, 0, 2], np.int8))
    assert [(band.first, band.last, band.name) for band in found] == [(2, 3, "2"), (4, 4, "3"), (6, 6, "2")]
    assert runs(np.zeros(0, np.int8)) == ()


@pytest.mark.parametrize(("ratio", "words"), [("4", "4:1"), ("7.00000700001", "7:1"), ("1.49999925000037", "3:2"),
                                              ("0.1", "1:10"), ("1.0460", "1.046:1"), ("0.0333333333", "1:30")])
def test_splits_are_written_as_people_do(ratio: str, words: str) -> None:
    assert split_words(Decimal(ratio)) == words


@pytest.mark.parametrize(("prices", "decimals"), [
    ([10.25, 99.0], 2), ([10.125, 1.0], 3), ([12.185714285, 13.0], 4), ([0.1 + 0.2], 2), ([0.012345678], 5),
    ([0.00001234], 8), ([5.0], 2), ([np.nan, 3.5], 2), ([], 2)])
def test_prices_keep_their_decimals_or_enough_of_them(prices: list[float], decimals: int) -> None:
    assert decimals_of(np.array(prices), 2) == decimals


def test_a_picture_has_each_candle_once() -> None:
    from webapp.charts.choices import Choices
    from webapp.charts.content import Content
    from webapp.charts.drawing import draw
    from webapp.records import Adjustment, Instrument

    series = series_of(weekdays(200, dt.date(2026, 11, 20)), walk(200))
    content = Content(Instrument(1, "ACME", "XNAS", "Acme", "USD", "US"), Choices(), series, Adjustment.SPLITS,
                      ("tiingo",), np.zeros(200, np.int8), (), {})
    shapes = {shape.kind: shape.path for shape in draw(content).shapes}
    bodies = {kind: len(re.findall("z", shapes[f"candle-{kind}"])) for kind in ("up", "down")}
    up = int(np.sum(series.close >= series.open))
    assert bodies == {"up": up, "down": 200 - up}
