import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.providers.figures import (
    FigureError,
    parse_count,
    parse_day,
    parse_decimal,
    parse_epoch,
    parse_instant,
    parse_price,
)

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e14"), max_value=Decimal("1e14"),
                      places=4)


@given(NUMBERS)
def test_a_number_keeps_every_digit(number: Decimal) -> None:
    text = format(number, "f")
    assert str(parse_decimal(text, "x")) == str(Decimal(text))


@given(st.text(max_size=30))
def test_any_text_is_a_finite_number_or_missing_or_refused(text: str) -> None:
    try:
        number = parse_decimal(text, "x")
    except FigureError:
        number = None
    assert number is None or number.is_finite()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "1e400", "1e16", "1,234.50", " 1", "1 ", "1.", ".5",
                                  "+-1", "0x10", "١٢", "1_000", "12.3.4", "9" * 16, "1." + "0" * 31, "--1", "$1", "1%",
                                  True, 1.5, [], {}])
def test_what_is_not_written_as_a_plain_number_is_refused(text: object) -> None:
    with pytest.raises(FigureError):
        parse_decimal(text, "x")


@pytest.mark.parametrize("text", ["", "-", "None", "N/A", "null", None])
def test_words_for_missing_are_no_number(text: object) -> None:
    assert parse_decimal(text, "x") is None
    assert parse_price(text, "x") is None
    assert parse_count(text, "x") is None
    assert parse_day(text, "x") is None


def test_a_number_of_json_may_have_an_exponent_and_many_decimals() -> None:
    assert str(parse_decimal("1.5e3", "x")) == "1500"
    assert str(parse_decimal("3e-05", "x")) == "0.00003"
    assert str(parse_decimal("187.44000244140625", "x")) == "187.440002441406"


def test_a_moment_is_aware_and_sound() -> None:
    moment = dt.datetime(2026, 5, 15, 19, 59, 59, 123_000, tzinfo=dt.UTC)
    assert parse_epoch("1778875199123", "x", per_second=1000) == moment
    assert parse_epoch("1778875199.123", "x") == moment
    assert parse_instant("2026-05-15T19:59:59.123000789Z", "x") == moment
    assert parse_instant("2026-05-15T15:59:59.123-04:00", "x") == moment
    assert parse_epoch("0", "x") is None
    assert parse_instant("", "x") is None


@pytest.mark.parametrize("text", ["-1", "99999999999999", "1", "yesterday", True, [], "1e14"])
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(FigureError):
        parse_epoch(text, "x")


@pytest.mark.parametrize("text", ["2026-05-15", "2026-05-15T19:59:59", "2026-13-15T19:59:59Z", "0001-01-01T00:00:00Z",
                                  "2026-05-15T25:59:59Z", 7, {}])
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises(FigureError):
        parse_instant(text, "x")


def test_a_price_keeps_its_zeros() -> None:
    assert str(parse_price("121.7400", "x")) == "121.7400"
    assert str(parse_price("+5", "x")) == "5"


@pytest.mark.parametrize("text", ["0", "0.0000", "-0.00"])
def test_zero_is_no_price(text: str) -> None:
    assert parse_price(text, "x") is None


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(FigureError, match="the low is negative"):
        parse_price("-1.00", "the low")


def test_a_count_is_whole_and_not_negative() -> None:
    assert parse_count("0", "x") == 0
    assert parse_count("2528814.0", "x") == 2_528_814
    for text in ("-1", "1.5"):
        with pytest.raises(FigureError):
            parse_count(text, "x")


def test_a_day_is_written_in_one_way_only() -> None:
    assert parse_day("2020-05-08", "x") == dt.date(2020, 5, 8)
    for text in ("20200508", "2020-W19-5", "2020-02-30", "08/05/2020", "2020-05-08 16:00", 20200508):
        with pytest.raises(FigureError):
            parse_day(text, "x")
