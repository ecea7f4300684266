"""Addresses of screens: what they mean, how they are written, and what is said of bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tests.webapp.screener.conftest import asked, screen
from webapp.screener.criteria import CHOICES, END_KEYS, KNOWN, SORTS, Criteria, read, untidy
from webapp.screener.ready import READY


def reread(criteria: Criteria) -> Criteria:
    return read(MultiDict(criteria.params)).criteria


def test_an_empty_address_asks_for_all_strongest_first() -> None:
    found = asked()
    assert found.criteria == Criteria() == screen(sort="rs", dir="desc")
    assert found.criteria.query == ""
    assert found.criteria.filters == 0


def test_filters_are_written_in_one_order_however_they_came() -> None:
    one = screen(rs_min="80", stage=["3", "2", "2"], sort="high")
    assert one == screen(sort="high", dir="desc", stage=["2", "3"], rs_min="80.0")
    assert one.query == "stage=2&stage=3&rs_min=80&sort=high&dir=desc"
    assert one.filters == 2


def test_numbers_may_have_signs_of_print_and_of_percent() -> None:
    assert screen(high_min="\u22125 %").ends == {"high_min": -5.0}
    assert screen(avg_max="+2.50%").ends == {"avg_max": 2.5}
    assert screen(avg_max="-0").query == "avg_max=0"


@pytest.mark.parametrize(("param", "text", "words"), [
    ("rs_min", "high", "“high” is not a number"),
    ("rs_min", "1e3", "not a number"),
    ("rs_min", "12.5", "not a whole number"),
    ("rs_max", "100", "from 1 to 99"),
    ("tt_min", "9", "from 0 to 8"),
    ("vol_min", "-1", "“-1” is below 0"),
    ("price_min", "nan", "not a number"),
    ("price_min", "9" * 400, "not a number"),
    ("weeks_min", "٣", "not a number"),
    ("brk_max", "0", "from 1 to 9999"),
    ("stage", "5", "“5” is none of these"),
    ("from", "two", "none of these"),
    ("ev", "x", "none of these"),
    ("sector", "a\0b", "none of these"),
    ("sector", "x" * 61, "at most 60"),
])
def test_a_bad_value_is_told_at_its_field_and_the_rest_is_kept(param: str, text: str, words: str) -> None:
    found = asked(**{param: text, "high_min": "-5", "mic": "XNAS"})
    key = param.partition("_")[0]
    assert words in found.errors[key]
    assert len(found.errors) == 1
    assert found.criteria.ends == {"high_min": -5.0}
    assert found.criteria.words == {"mic": ("XNAS",)}
    if "_" in param:
        assert found.typed[param] == text[:60]


def test_ends_that_cross_are_told() -> None:
    found = asked(rs_min="80", rs_max="20")
    assert found.errors == {"rs": "The lower end is above the upper one."}
    assert found.typed == {"rs_min": "80", "rs_max": "20"}


def test_only_one_currency_can_be_chosen_and_not_too_many_exchanges() -> None:
    assert asked(cur=["USD", "GBP"]).errors == {"cur": "Choose only one."}
    assert asked(mic=[f"X{number:03}" for number in range(41)]).errors == {"mic": "Choose at most 40."}


def test_an_order_that_there_is_none_of_is_said_and_the_usual_one_taken() -> None:
    found = asked(sort="beauty", dir="asc", stage="2")
    assert (found.criteria.sort, found.criteria.direction) == ("rs", "desc")
    assert found.criteria.words == {"stage": ("2",)}
    assert not found.errors
    assert "“beauty”" in found.remarks[0]
    assert "“up”" in asked(dir="up").remarks[0]


def test_a_click_on_a_title_sorts_and_a_second_one_turns_it_round() -> None:
    by_high = screen(stage="2").sorted_by("high")
    assert (by_high.sort, by_high.direction, by_high.words) == ("high", "desc", {"stage": ("2",)})
    assert by_high.sorted_by("high").direction == "asc"
    assert by_high.sorted_by("high").sorted_by("high").direction == "desc"
    assert by_high.sorted_by("symbol").direction == "asc"


def test_what_a_form_sends_of_empty_fields_is_untidy() -> None:
    assert untidy(MultiDict({"rs_min": " ", "stage": "2"}))
    assert untidy(MultiDict({"utm_source": "mail"}))
    assert not untidy(MultiDict([("stage", "2"), ("stage", "3"), ("after", "~1"), ("rs_min", "80")]))


@pytest.mark.parametrize("ready", READY, ids=lambda one: one.name)
def test_a_ready_made_screen_is_an_address_that_can_be_read(ready: object) -> None:
    criteria = ready.criteria  # type: ignore[attr-defined]
    assert criteria.query
    assert reread(criteria) == criteria


def test_ready_made_screens_differ() -> None:
    assert len({one.criteria.query for one in READY}) == len({one.name for one in READY}) == len(READY)


TEXTS = st.one_of(st.text(max_size=80), st.sampled_from(["2", "-5", "80", "rs", "asc", "c", "1.25", "XNAS", "0", "99"]))


@given(st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), TEXTS), max_size=12))
def test_no_address_raises_and_what_was_understood_is_read_again_alike(pairs: list[tuple[str, str]]) -> None:
    found = read(MultiDict(pairs))
    assert set(found.errors) <= {key.rpartition("_")[0] for key in END_KEYS} | {choice.key for choice in CHOICES}
    assert found.criteria.sort in SORTS
    assert reread(found.criteria) == found.criteria
