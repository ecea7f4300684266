"""Bars of one source are always in one kind of shares, whatever day it had divided them up to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.bars.conftest import LATER, NOW, bars_of, day, one_bar, row_of, stored, weekdays
from webapp.bars.basis import MismatchError
from webapp.bars.reading import load_past
from webapp.bars.writing import Batch, Written, write_bars, write_events, write_many
from webapp.extensions import db
from webapp.records import Adjustment, Split

pytestmark = pytest.mark.both_databases
SPLITS, NONE, ALL = Adjustment.SPLITS, Adjustment.NONE, Adjustment.ALL
# Eight days; the sixth is the day of a split.
DAYS = weekdays("2025-12-24", 8)
SPLIT = DAYS[5]


def write(stock_id: int, days: list[dt.date], closes: list[float], basis: dt.date | None, now: dt.datetime = NOW,
          adjusted: Adjustment = SPLITS) -> Written:
    written = write_bars(stock_id, "1d", "yahoo", bars_of(days, closes), adjusted=adjusted, basis_day=basis, now=now)
    db.session.commit()
    return written


def learn(stock_id: int, ratio: str = "4") -> None:
    write_events(stock_id, [Split(SPLIT, Decimal(ratio))], [], "yahoo", NOW)
    db.session.commit()


def closes(series_id: int) -> list[float]:
    return list(stored(series_id).values())


def today(stock_id: int) -> list[float]:
    """Return what is read: the past in the shares of today."""
    return [round(close, 6) for close in load_past([stock_id])[stock_id].series.close.tolist()]


def test_what_is_stored_is_brought_to_the_new_basis_after_a_split(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:5], [100, 104, 108, 112, 116], DAYS[4])
    learn(stock.id)
    assert today(stock.id) == [25, 26, 27, 28, 29]
    written = write(stock.id, DAYS[3:7], [28, 29, 30, 31], DAYS[6], LATER)
    assert written == Written(first.series_id, 2, 5, 0)
    assert closes(first.series_id) == [25, 26, 27, 28, 29, 30, 31]
    row = row_of(first.series_id)
    assert (row.basis_day, row.changed_at, row.bars, row.first_day, row.last_day) == (
        DAYS[6], LATER, 7, DAYS[0], DAYS[6])
    past = load_past([stock.id])[stock.id]
    assert past.series.close.tolist() == [25, 26, 27, 28, 29, 30, 31]
    assert past.raw_close.tolist() == [100, 104, 108, 112, 116, 30, 31]
    assert past.series.volume.tolist()[:4] == [4000, 4000, 4000, 1000]
    assert write(stock.id, DAYS[3:7], [28, 29, 30, 31], DAYS[6], LATER).unchanged == 4


def test_a_split_that_nobody_told_of_shows_in_the_days_that_both_have(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:5], [100, 104, 108, 112, 116], DAYS[4])
    write(stock.id, DAYS[4:6], [29, 30], DAYS[5], LATER)
    assert closes(first.series_id) == [25, 26, 27, 28, 29, 30]
    learn(stock.id)  # the event comes later; the bars are in these shares already
    assert today(stock.id) == [25, 26, 27, 28, 29, 30]


def test_an_odd_ratio_is_believed_where_some_days_show_it(app: Flask) -> None:
    stock = add_stock("IBM")
    first = write(stock.id, DAYS[:5], [104.6, 209.2, 104.6, 209.2, 313.8], DAYS[4])
    write(stock.id, DAYS[2:6], [100, 200, 300, 310], DAYS[5], LATER)
    assert closes(first.series_id) == pytest.approx([100, 200, 100, 200, 300, 310])


def test_one_bar_that_was_corrected_is_no_split(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:5], [100, 104, 108, 112, 140], DAYS[4])
    written = write(stock.id, DAYS[4:6], [116, 117], DAYS[5], LATER)
    assert closes(first.series_id) == [100, 104, 108, 112, 116, 117]
    assert (written.added, written.changed) == (1, 1)


def test_a_vendor_that_has_not_divided_yet_is_found_out_by_the_jump_on_the_day(app: Flask) -> None:
    stock = add_stock("AAPL")
    learn(stock.id)
    first = write(stock.id, DAYS[:7], [100, 104, 108, 112, 116, 30, 31], DAYS[6])
    assert row_of(first.series_id).basis_day == SPLIT - dt.timedelta(days=1)
    assert today(stock.id) == [25, 26, 27, 28, 29, 30, 31]
    write(stock.id, DAYS, [25, 26, 27, 28, 29, 30, 31, 32], DAYS[7], LATER)
    assert closes(first.series_id) == today(stock.id) == [25, 26, 27, 28, 29, 30, 31, 32]
    assert row_of(first.series_id).basis_day == DAYS[7]


def test_a_vendor_that_divided_before_the_day_is_found_out_by_the_days_that_both_have(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:5], [25, 26, 27, 28, 29], DAYS[4])
    learn(stock.id)
    written = write(stock.id, DAYS[2:5], [27, 28, 29], DAYS[6], LATER)
    assert written.unchanged == 3
    assert closes(first.series_id) == today(stock.id) == [25, 26, 27, 28, 29]
    row = row_of(first.series_id)
    assert (row.basis_day, row.changed_at) == (DAYS[6], LATER)  # no bar differs, but what is read of them does


def test_without_a_day_in_common_the_splits_that_are_known_count(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:3], [100, 104, 108], DAYS[2])
    learn(stock.id)
    write(stock.id, DAYS[6:], [31, 32], DAYS[7], LATER)
    assert closes(first.series_id) == [25, 26, 27, 31, 32]


def test_an_older_file_is_brought_to_the_basis_of_what_is_stored(app: Flask) -> None:
    stock = add_stock("AAPL")
    learn(stock.id)
    first = write(stock.id, DAYS[3:7], [28, 29, 30, 31], DAYS[6])
    for _time in range(2):
        written = write(stock.id, DAYS[:5], [100, 104, 108, 112, 116], DAYS[4], LATER)
        assert closes(first.series_id) == [25, 26, 27, 28, 29, 30, 31]
    assert written == Written(first.series_id, 0, 0, 5)
    assert row_of(first.series_id).basis_day == DAYS[6]


def test_bars_as_traded_and_divided_ones_of_one_source_come_together_by_the_known_splits(app: Flask) -> None:
    stock, other = add_stock("AAPL"), add_stock("MSFT")
    for one in (stock, other):
        learn(one.id)
    first = write(stock.id, DAYS[:6], [100, 104, 108, 112, 116, 30], None, adjusted=NONE)
    write(stock.id, DAYS[4:7], [29, 30, 31], DAYS[6], LATER)
    assert closes(first.series_id) == [100, 104, 108, 112, 116, 30, 31]
    assert row_of(first.series_id).adjusted == NONE
    second = write(other.id, DAYS[3:7], [28, 29, 30, 31], DAYS[6])
    write(other.id, DAYS[:4], [100, 104, 108, 112], None, LATER, NONE)
    assert closes(second.series_id) == [25, 26, 27, 28, 29, 30, 31]
    assert today(stock.id) == today(other.id)


def test_bars_that_do_not_agree_with_the_stored_ones_are_refused(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, DAYS[:6], [100, 104, 108, 112, 116, 30], None, adjusted=NONE)
    with pytest.raises(MismatchError, match="a split is not known"):
        write(stock.id, DAYS[2:5], [27, 28, 29], DAYS[6])


def test_bars_adjusted_for_dividends_are_moved_by_the_days_that_both_have(app: Flask) -> None:
    stock = add_stock("AAPL")
    first = write(stock.id, DAYS[:5], [100, 101, 102, 103, 104], DAYS[4], adjusted=ALL)
    write(stock.id, DAYS[3:7], [103 * 0.99, 104 * 0.99, 105, 106], DAYS[6], LATER, ALL)
    assert closes(first.series_id) == pytest.approx([99, 99.99, 100.98, 101.97, 102.96, 105, 106], abs=1e-6)
    older = write(stock.id, DAYS[:5], [100, 101, 102, 103, 104], DAYS[4], LATER, ALL)
    assert (older.added, older.changed) == (0, 0)
    assert write(stock.id, DAYS[3:7], [103 * 0.99, 104 * 0.99, 105, 106], DAYS[6], LATER, ALL).changed == 0


def test_bars_adjusted_for_dividends_are_refused_where_nothing_joins_them(app: Flask) -> None:
    stock, other = add_stock("AAPL"), add_stock("MSFT")
    write(stock.id, DAYS[:3], [100, 101, 102], DAYS[7], adjusted=ALL)
    write(stock.id, DAYS[3:4], [103], DAYS[7], adjusted=ALL)  # a second part of the same answer
    with pytest.raises(MismatchError, match="no day in common"):
        write(stock.id, DAYS[4:5], [104], day("2026-02-01"), adjusted=ALL)
    with pytest.raises(MismatchError, match="cannot stand with"):
        write(stock.id, DAYS[4:5], [104], None, adjusted=NONE)
    write(other.id, DAYS[:3], [100, 101, 102], None, adjusted=NONE)
    with pytest.raises(MismatchError, match="stored ones as traded"):
        write(other.id, DAYS[:3], [100, 101, 102], DAYS[7], adjusted=ALL)


def test_parts_of_one_series_must_be_adjusted_alike(app: Flask) -> None:
    stock = add_stock("AAPL")
    with pytest.raises(MismatchError, match="different adjustments"):
        write_many([Batch(stock.id, "file", one_bar("2025-03-03", 1)),
                    Batch(stock.id, "file", one_bar("2025-03-04", 1), SPLITS)], NOW)
