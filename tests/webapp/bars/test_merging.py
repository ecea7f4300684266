"""Bars are cut into years and put together again without one lost or changed."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.analytics.series import EPOCH
from webapp.bars.codec import COLUMNS, Bars, joined, pack
from webapp.bars.merging import MINUTES, in_order, merge, pieces

rows = st.dictionaries(st.integers(-9000, 25_000), st.integers(1, 5), max_size=30)


def bars_of(found: dict[int, int]) -> Bars:
    at = np.array(sorted(found), np.int32)
    return Bars(at, *(np.array([found[day] * place for day in sorted(found)], np.int64) for place in range(1, 6)))


def rows_of(bars: Bars) -> dict[int, tuple[int, ...]]:
    return {int(bars.at[place]): tuple(int(getattr(bars, name)[place]) for name in COLUMNS)
            for place in range(len(bars))}


@given(rows, rows)
def test_merged_bars_are_the_old_ones_with_the_fresh_ones_over_them(old: dict[int, int], fresh: dict[int, int]) -> None:
    if not old or not fresh:
        return
    merged = merge(bars_of(old), bars_of(fresh))
    assert pack(merged.bars) == pack(bars_of(old | fresh))
    assert merged.added == len(fresh.keys() - old.keys())
    assert merged.unchanged == sum(old.get(day) == value for day, value in fresh.items())
    assert merged.changed == len(fresh) - merged.added - merged.unchanged


@given(rows, st.sampled_from([1, MINUTES]))
def test_pieces_are_each_of_one_year_or_day_and_together_all(found: dict[int, int], per_day: int) -> None:
    cut = list(pieces(bars_of(found), per_day))
    for start, piece in cut:
        days = [EPOCH + dt.timedelta(days=int(at) // per_day) for at in piece.at]
        assert {day.replace(month=1, day=1) if per_day == 1 else day for day in days} == {start}
    assert [start for start, _piece in cut] == sorted({start for start, _piece in cut})
    together = joined([piece for _start, piece in cut]) if cut else bars_of({})
    assert rows_of(together) == rows_of(bars_of(found))


def test_bars_in_any_order_are_put_in_order() -> None:
    bars = bars_of({5: 1, 6: 2, 9: 3})
    assert pack(in_order(bars.take(np.array([2, 0, 1])))) == pack(bars)
    assert in_order(bars) is bars
    with pytest.raises(ValueError, match="1970-01-07 stands twice"):
        in_order(bars.take(np.array([1, 0, 1])))
