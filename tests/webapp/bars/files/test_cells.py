"""Days, prices, volumes and ratios as files write them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pytest

from webapp.analytics.series import to_number
from webapp.bars.files.cells import (
    CellError,
    read_dividend,
    read_number,
    read_price,
    read_ratio,
    read_volume,
)
from webapp.bars.files.days import Days, read_day
from webapp.bars.files.formats import FileRefused

LATEST = dt.date(2026, 11, 21)
NOVEMBER_5 = dt.date(2020, 11, 5)


@pytest.mark.parametrize("text", ["2020-11-05", "2020-11-5", "2020/11/05", "2020.11.05", "20201105", "11/5/2020",
                                  "11/05/2020", "11/5/20", "Nov 5, 2020", "November 5, 2020", " 2020-11-05 ",
                                  "2020-11-05 00:00:00", "2020-11-05T00:00:00.000Z", "2020-11-05 00:00:00-05:00",
                                  "11/5/2020 16:00", "11/5/2020 4:00 PM"])
def test_a_day_may_be_written_in_many_ways(text: str) -> None:
    assert read_day(text, LATEST)[0] == NOVEMBER_5


def test_of_two_digits_the_newest_year_that_has_been_is_meant() -> None:
    assert read_day("1/2/26", LATEST)[0] == dt.date(2026, 1, 2)
    assert read_day("1/2/99", LATEST)[0] == dt.date(1999, 1, 2)


@pytest.mark.parametrize(("text", "why"), [
    ("2020-02-30", "there is no day"), ("13/01/2020", "the month stands first"), ("2020-11-2x", "is no day"),
    ("", "the day is missing"), ("2026-11-22", "in the future"), ("1700-01-01", "before any stock exchange"),
    ("115.55", "is no day"), ("=cmd|' /C calc'!A0", "is no day"), ("\u0662\u0660\u0662\u0660-01-01", "is no day")])
def test_what_is_no_possible_day_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        read_day(text, LATEST)


def test_several_times_of_one_day_are_no_bars_of_days() -> None:
    days = Days(LATEST)
    assert days["2020-11-05 16:00:00"] == to_number(NOVEMBER_5)
    assert days["2020-11-05 16:00:00"] == days["2020-11-05"]
    with pytest.raises(FileRefused, match="several times of 2020-11-05"):
        days["2020-11-05 15:59:00"]


@pytest.mark.parametrize(("text", "value"), [("115.55", 115.55), (" 1 ", 1.0), ("+2.5", 2.5), ("1e3", 1000.0),
                                             ("1,234.56", 1234.56), ("1,234,567", 1234567.0), ("12 345.5", 12345.5),
                                             (".5", .5), ("5.", 5.0)])
def test_a_figure_may_be_written_in_many_ways(text: str, value: float) -> None:
    assert read_number(text, "close") == value


@pytest.mark.parametrize("text", ["", "null", "NaN", "N/A", "-", "None", "n/d"])
def test_nothing_may_be_written_in_many_ways(text: str) -> None:
    assert math.isnan(read_price(text, "close"))


@pytest.mark.parametrize("text", ["1_000", "0x10", "inf", "-inf", "1,23,456", "12.34.56", "ten", "=1+1"])
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="the close is no number"):
        read_price(text, "close")


def test_one_group_of_thousands_is_ambiguous_in_a_price_but_not_in_a_volume() -> None:
    assert read_volume("1,234") == 1234
    with pytest.raises(CellError, match="two ways"):
        read_price("1,234", "close")


def test_decimals_behind_a_comma_are_read_where_the_file_has_them() -> None:
    assert read_price("1234,5", "close", comma=True) == 1234.5
    assert read_price("1.234,5", "close", comma=True) == 1234.5


@pytest.mark.parametrize(("text", "why"), [("0", "zero"), ("0.00", "zero"), ("-3.2", "negative"),
                                           ("90000001", "too large"), ("1e999", "too large")])
def test_a_price_that_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(CellError, match=f"the low is {why}"):
        read_price(text, "low")


@pytest.mark.parametrize("text", ["-1", "1e17"])
def test_a_volume_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="the volume is"):
        read_volume(text)


@pytest.mark.parametrize(("text", "ratio"), [
    ("7.00000700001", "7"), ("1.49999925000037", "1.5"), ("1.0460", "1.046"), ("4", "4"), ("0.1", "0.1"),
    ("0.0333333", "0.033333333333"), ("1.3333", "1.333333333333"), ("0.02857143", "0.028571428571"), ("1.05", "1.05")])
def test_a_ratio_near_a_usual_one_is_that_one_and_an_odd_one_stays(text: str, ratio: str) -> None:
    assert read_ratio(text) == Decimal(ratio)


@pytest.mark.parametrize("text", ["1.0", "1", "0", "0.0", "", "null", "1.00001"])
def test_a_ratio_of_one_or_of_nothing_is_no_split(text: str) -> None:
    assert read_ratio(text) is None


@pytest.mark.parametrize("text", ["-2", "1000001", "four", "1e300"])
def test_a_ratio_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="the split"):
        read_ratio(text)


def test_a_dividend_keeps_its_digits() -> None:
    assert read_dividend("0.2200") == Decimal("0.22")
    assert read_dividend("1.123456789012345") == Decimal("1.123456789012")
    assert read_dividend("0.0000") is None
    with pytest.raises(CellError, match="negative"):
        read_dividend("-0.1")
