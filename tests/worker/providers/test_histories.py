import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.providers.conftest import at, new_york
from webapp.markets import SessionBook
from webapp.records import Bar, Dividend, Split
from worker.providers.figures import FigureError
from worker.providers.histories import (
    finished,
    finished_weeks,
    known_dividends,
    known_splits,
    make_bar,
    make_dividend,
    make_split,
)

BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
DAY = dt.date(2026, 6, 9)


def bar(text: str, close: str = "10") -> Bar:
    return Bar(dt.date.fromisoformat(text), Decimal(close))


def days(*bars: Bar, now: str, book: SessionBook = BOOK, mic: str = "XNAS") -> list[str]:
    return [one.day.isoformat() for one in finished(bars, mic, at(now), book)]


def weeks(*bars: Bar, now: str, by_first_day: bool = False, book: SessionBook = BOOK) -> list[str]:
    return [one.day.isoformat() for one in finished_weeks(bars, "XNAS", at(now), book, by_first_day=by_first_day)]


def test_a_bar_has_every_digit_that_came() -> None:
    assert make_bar(DAY, "10.10", "11", "9.90001", "10.5", "1200", "5.25") == Bar(
        DAY, Decimal("10.5"), Decimal("10.10"), Decimal("11"), Decimal("9.90001"), 1200, Decimal("5.25"))


def test_a_row_without_a_close_is_no_bar() -> None:
    assert make_bar(DAY, "10", "11", "9", None, "5") is None
    assert make_bar(DAY, None, None, None, "", None) is None


def test_figures_that_are_missing_are_unknown() -> None:
    assert make_bar(DAY, None, "", "0", "10", None) == Bar(DAY, Decimal(10))


@pytest.mark.parametrize("row", [
    ("10", "11", "9", "0", "1"), ("10", "11", "9", "-10", "1"), ("10", "9", "11", "10", "1"),
    ("-1", "11", "9", "10", "1"), ("10", "11", "9", "10", "-1"), ("10", "11", "9", "ten", "1"),
    ("x", "11", "9", "10", "1"), ("10", "11", "9", "1e20", "1"), ("10", "11", "9", True, "1"),
    ("10", "11", "9", [], "1"), ("10", "11", "9", "10", "many")])
def test_a_bar_that_cannot_be_right_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(FigureError):
        make_bar(DAY, *row)


@pytest.mark.parametrize("day", [dt.date.min, dt.date.max, dt.date(1700, 1, 1)])
def test_a_bar_of_a_day_without_trade_in_the_world_is_refused(day: dt.date) -> None:
    with pytest.raises(FigureError):
        make_bar(day, "10", "11", "9", "10", "1")


def test_a_range_that_does_not_hold_the_close_is_unknown() -> None:
    assert make_bar(DAY, "10", "11", "9", "11.01", None) == Bar(DAY, Decimal("11.01"), Decimal(10))


def test_an_open_outside_the_range_is_unknown() -> None:
    assert make_bar(DAY, "8", "11", "9", "10", None) == Bar(DAY, Decimal(10), None, Decimal(11), Decimal(9))


def test_parts_of_shares_are_cut_off() -> None:
    made = make_bar(DAY, None, None, None, "10", "1.0000250071e7")
    assert made is not None
    assert made.volume == 10_000_250


def test_a_day_is_there_once_its_session_has_closed() -> None:
    bars = (bar("2026-06-10"), bar("2026-06-09"))
    assert days(*bars, now="2026-06-10 19:59:59") == ["2026-06-09"]
    assert days(*bars, now="2026-06-10 20:00") == ["2026-06-09", "2026-06-10"]


def test_a_day_before_the_book_is_over() -> None:
    assert days(bar("1962-01-02"), now="2026-06-10 12:00") == ["1962-01-02"]


def test_without_a_calendar_a_day_is_over_when_it_is_past_at_the_exchange() -> None:
    nothing = SessionBook([])
    assert days(bar("2026-06-10"), now="2026-06-11 03:59", book=nothing) == []
    assert days(bar("2026-06-10"), now="2026-06-11 04:00", book=nothing) == ["2026-06-10"]
    assert days(bar("2026-06-10"), now="2026-06-10 15:00", book=nothing, mic="XTKS") == ["2026-06-10"]
    assert days(bar("2026-06-10"), now="2026-06-10 14:59", book=nothing, mic="XTKS") == []


def test_a_day_to_come_is_left_out() -> None:
    assert days(bar("2026-06-11"), bar("2026-12-01"), now="2026-06-10 21:00") == []


def test_rows_that_are_none_are_left_out() -> None:
    assert finished([None, bar("2026-06-09"), None], "XNAS", at("2026-06-10 12:00"), BOOK) == (bar("2026-06-09"),)


def test_a_day_that_stands_twice_is_refused() -> None:
    with pytest.raises(FigureError):
        days(bar("2026-06-09"), bar("2026-06-09", "11"), now="2026-06-10 12:00")


def test_a_week_is_there_once_its_last_session_has_closed() -> None:
    bars = (bar("2026-06-05"), bar("2026-06-10"))
    assert weeks(*bars, now="2026-06-12 19:59") == ["2026-06-05"]
    assert weeks(*bars, now="2026-06-12 20:00") == ["2026-06-05", "2026-06-10"]


def test_a_week_that_is_named_by_its_first_day_bears_its_last() -> None:
    monday = bar("2026-06-08")
    assert weeks(monday, now="2026-06-12 20:00", by_first_day=True) == ["2026-06-12"]
    assert weeks(bar("2001-09-10"), now="2026-06-12 20:00", by_first_day=True) == ["2001-09-14"], "a Friday"


def test_a_week_that_ends_with_a_holiday_bears_the_day_before() -> None:
    short = new_york("2026-06-01", "2026-06-11", "XNAS")
    assert weeks(bar("2026-06-08"), now="2026-06-11 20:00", by_first_day=True, book=short) == ["2026-06-11"]


def test_without_a_calendar_a_week_is_over_when_its_friday_is_past() -> None:
    nothing = SessionBook([])
    assert weeks(bar("2026-06-08"), now="2026-06-13 03:59", book=nothing) == []
    assert weeks(bar("2026-06-08"), now="2026-06-13 04:00", book=nothing) == ["2026-06-08"]


def test_a_week_that_stands_twice_is_refused() -> None:
    with pytest.raises(FigureError):
        weeks(bar("2026-06-03"), bar("2026-06-05"), now="2026-06-12 20:00")


@pytest.mark.parametrize(("new", "old", "ratio"), [
    ("4", "1", "4"), ("1", "10", "0.1"), ("3", "2", "1.5"), ("7.00000700001", "1", "7.00000700001"),
    ("1", "3", "0.333333333333"), ("20.0000", "1", "20")])
def test_a_split_is_how_many_shares_stand_for_one(new: str, old: str, ratio: str) -> None:
    made = make_split(DAY, new, old)
    assert made is not None
    assert (str(made.ratio), made.day) == (ratio, DAY)


def test_a_split_that_says_nothing_is_none() -> None:
    assert make_split(DAY, "1") is None
    assert make_split(DAY, "2", "2") is None
    assert make_split(DAY, "0") is None
    assert make_split(DAY, None) is None


@pytest.mark.parametrize(("new", "old"), [("-2", "1"), ("1e14", "1"), ("1", "1e14"), ("1e14", "1e-12"), ("2:1", "1")])
def test_a_split_that_cannot_be_right_is_refused(new: str, old: str) -> None:
    with pytest.raises(FigureError):
        make_split(DAY, new, old)


def test_a_split_needs_its_day() -> None:
    with pytest.raises(FigureError):
        make_split(None, "2")


@given(st.from_regex(r"[0-9]{1,15}(\.[0-9]{1,12})?", fullmatch=True),
       st.from_regex(r"[0-9]{1,15}(\.[0-9]{1,12})?", fullmatch=True))
def test_any_two_numbers_are_a_split_or_are_refused(new: str, old: str) -> None:
    try:
        made = make_split(DAY, new, old)
    except FigureError:
        return
    assert made is None or 0 < made.ratio <= 100_000


def test_splits_come_oldest_first_and_once() -> None:
    old, new = Split(dt.date(2014, 6, 9), Decimal(7)), Split(dt.date(2020, 8, 31), Decimal(4))
    assert known_splits([new, None, old, old]) == [old, new]
    with pytest.raises(FigureError):
        known_splits([old, Split(old.day, Decimal(2))])


def test_a_dividend_of_nothing_or_of_no_day_is_none() -> None:
    assert make_dividend(DAY, "0.26") == Dividend(DAY, Decimal("0.26"))
    assert make_dividend(DAY, "0.00") is None
    assert make_dividend(None, "0.26") is None
    with pytest.raises(FigureError):
        make_dividend(DAY, "-0.26")


def test_a_day_may_have_two_dividends() -> None:
    special, usual = Dividend(DAY, Decimal(10)), Dividend(DAY, Decimal("0.75"))
    early = Dividend(dt.date(2026, 3, 9), Decimal("0.75"))
    assert known_dividends([special, None, usual, early]) == [early, special, usual]
