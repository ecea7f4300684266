"""Packed bars come back digit by digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.analytics.series import Series
from webapp.bars import codec

prices = st.one_of(st.just(float("nan")), st.integers(1, 10**12).map(lambda units: units / 10**6))


def series_of(rows: list[tuple[float, ...]]) -> Series:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    return Series(np.arange(len(rows), dtype=np.int32), *columns)


@given(st.lists(st.tuples(prices, prices, prices, prices, st.integers(0, 10**12).map(float)), max_size=40))
def test_what_was_packed_comes_back(rows: list[tuple[float, ...]]) -> None:
    series = series_of(rows)
    back = codec.unpack(codec.pack(codec.from_series(series))).series()
    for name in ("at", *codec.COLUMNS):
        np.testing.assert_array_equal(getattr(back, name), getattr(series, name))


def test_eight_decimals_are_kept() -> None:
    series = series_of([(0.12345678, 1.00000001, 700_000.12345678, 89_999_999.5, 3.0)])
    assert codec.from_series(series).open[0] == 12_345_678
    assert codec.from_series(series).low[0] == 70_000_012_345_678


def test_a_price_that_could_not_be_exact_is_refused() -> None:
    with pytest.raises(ValueError, match="above"):
        codec.from_series(series_of([(1.0, 1.0, 1.0, 1e12, 1.0)]))


@pytest.mark.parametrize("data", [b"", b"b", b"b2" + bytes(44), codec.FORM + bytes(43)])
def test_what_is_damaged_is_not_read(data: bytes) -> None:
    with pytest.raises(codec.DamagedError):
        codec.unpack(data)


def test_parts_join_and_rows_are_taken() -> None:
    bars = codec.from_series(series_of([(1, 2, 0.5, 1.5, 10), (2, 3, 1.5, 2.5, 20), (3, 4, 2.5, 3.5, 30)]))
    both = codec.joined([bars.take(slice(0, 1)), bars.take(np.array([1, 2]))])
    assert codec.pack(both) == codec.pack(bars)
