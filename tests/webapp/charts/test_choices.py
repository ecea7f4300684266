from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from webapp.charts.choices import (
    ADJUSTMENTS,
    EXTRAS,
    MOST_OTHERS,
    RANGES,
    SCALES,
    Choices,
    first_day,
    months_before,
    read_choices,
)

CHOICES = st.builds(
    Choices, st.sampled_from(list(RANGES)), st.sampled_from(list(SCALES)), st.sampled_from(list(ADJUSTMENTS)),
    st.sets(st.sampled_from(list(EXTRAS))).map(lambda names: tuple(name for name in EXTRAS if name in names)),
    st.lists(st.from_regex("[A-Z]{4}:[A-Z.]{1,5}", fullmatch=True), unique=True, max_size=MOST_OTHERS).map(tuple),
    st.integers(1, 900))


def read(query: str) -> Choices:
    """Return what an address's query says."""
    return read_choices(MultiDict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


@given(CHOICES)
def test_what_is_chosen_comes_back_from_its_address(choices: Choices) -> None:
    assert read(choices.query(page=choices.page)) == choices


def test_what_is_usual_is_not_in_the_address() -> None:
    assert Choices().query() == ""
    assert read("") == Choices()
    assert Choices(page=3).query(range="max") == "?range=max"


def test_a_form_without_a_tick_chooses_no_lines() -> None:
    assert read("with=").extras == ()
    assert read("with=&with=rsi&with=sma50").extras == ("sma50", "rsi")
    assert read("with=rsi,rs").extras == ("rs", "rsi")


@pytest.mark.parametrize("query", ["range=2y", "scale=cubic", "adjusted=maybe", "page=0", "page=-1", "page=x",
                                   "page=99999999999999", "page=\u00b2"])
def test_nonsense_is_as_usual(query: str) -> None:
    assert read(query) == Choices()


def test_no_more_than_four_others_are_compared() -> None:
    assert read("compare=a,b c,a&compare=d,e,f").others == ("A", "B", "C", "D")


@pytest.mark.parametrize(("day", "months", "before"), [
    (dt.date(2026, 3, 31), 1, dt.date(2026, 2, 28)), (dt.date(2024, 3, 31), 1, dt.date(2024, 2, 29)),
    (dt.date(2026, 1, 15), 1, dt.date(2025, 12, 15)), (dt.date(2026, 12, 31), 12, dt.date(2025, 12, 31)),
    (dt.date(2024, 2, 29), 12, dt.date(2023, 2, 28)), (dt.date(2026, 11, 20), 60, dt.date(2021, 11, 20))])
def test_months_are_counted_back(day: dt.date, months: int, before: dt.date) -> None:
    assert months_before(day, months) == before


def test_a_range_begins_where_its_name_says() -> None:
    last = dt.date(2026, 11, 20)
    assert first_day("ytd", last) == dt.date(2026, 1, 1)
    assert first_day("6m", last) == dt.date(2026, 5, 20)
    assert first_day("max", last) == dt.date.min
