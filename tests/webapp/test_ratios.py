"""Ratios of splits as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from webapp.ratios import in_words, read_ratio


@pytest.mark.parametrize(("text", "ratio"), [("4:1", "4"), ("1:10", "0.1"), (" 3 : 2 ", "1.5"), ("20 for 1", "20"),
                                             ("1/8", "0.125"), ("10000:1", "10000"), ("1.05:1", "1.05")])
def test_a_ratio_is_read_as_people_write_it(text: str, ratio: str) -> None:
    assert read_ratio(text) == Decimal(ratio)


def test_a_third_is_read_as_exactly_as_a_decimal_can_be() -> None:
    assert abs(read_ratio("1:3") * 3 - 1) < Decimal("1e-20")


@pytest.mark.parametrize("text", ["", "4", "0:1", "1:0", "0:0", "-4:1", "4:1:1", "4,1:1", "1e9:1", "99999:1", "1:99999",
                                  "\u0664:1", "4:1\n5", "nan:1"])
def test_what_is_no_ratio_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write it|nothing|more than"):
        read_ratio(text)


@pytest.mark.parametrize(("ratio", "words"), [
    ("4", "4:1"), ("0.1", "1:10"), ("1.5", "3:2"), ("7.00000700001", "7:1"), ("0.33333333", "1:3"), ("0.05", "1:20"),
    ("1.0463", "1.0463:1"), ("100", "100:1"), ("1.1", "11:10"), ("0.0001", "1:10000"), ("1.49999925000037", "3:2")])
def test_a_ratio_is_written_in_small_numbers_where_it_is_of_such(ratio: str, words: str) -> None:
    assert in_words(Decimal(ratio)) == words
