"""A vendor's listing becomes an instrument: its currency and unit, its decimals, and no guess where it matters."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.markets import EXCHANGES
from webapp.records import Listing
from webapp.symbols.listings import USUAL_UNITS, columns_of, decode, encode, fits, make_row, unit_for

DAYS = st.none() | st.dates()
LISTINGS = st.builds(Listing, symbol=st.text(max_size=9), mic=st.sampled_from(sorted(EXCHANGES)), name=st.text(),
                     unit=st.sampled_from(["", "USD", "GBX"]), listed_on=DAYS, delisted_on=DAYS)


@pytest.mark.parametrize(("mic", "unit", "expected"), [
    ("XNAS", "USD", ("USD", "", 2)), ("XLON", "GBX", ("GBP", "GBX", 4)), ("XLON", "GBp", ("GBP", "GBX", 4)),
    ("XLON", "USD", ("USD", "", 2)), ("XJSE", "ZAc", ("ZAR", "ZAC", 4)), ("XTKS", "JPY", ("JPY", "", 0)),
    ("XKRX", "KRW", ("KRW", "", 0)), ("XTKS", "", ("JPY", "", 0)), ("XLON", "", ("GBP", "GBX", 4)),
    ("XETR", "", ("EUR", "", 2))])
def test_a_listing_is_kept_in_its_currency_with_the_places_of_its_unit(
        mic: str, unit: str, expected: tuple[str, str, int]) -> None:
    columns = columns_of(Listing("AAA", mic, "A", unit))
    assert (columns["currency"], columns["unit"], columns["decimals"]) == expected


def test_every_exchange_has_a_usual_unit() -> None:
    assert {exchange.country for exchange in EXCHANGES.values()} == set(USUAL_UNITS)


@pytest.mark.parametrize(("mic", "expected"), [("XLON", ""), ("XSWX", ""), ("XNAS", "USD"), ("ARCX", "USD")])
def test_a_fund_of_unknown_currency_is_guessed_only_where_there_is_one_currency(mic: str, expected: str) -> None:
    assert unit_for(Listing("AAA", mic, "A", kind="etf")) == expected


@pytest.mark.parametrize("listing", [
    Listing("AAA", "XXXX", "On an exchange that is not known here", "USD"),
    Listing("", "XNAS", "Without symbol", "USD"), Listing("A" * 25, "XNAS", "Too long", "USD"),
    Listing("AAA", "XLON", "A fund", kind="etf"), Listing("AAA", "XNAS", "Odd", "DOLLARS")])
def test_what_cannot_be_stored_truly_does_not_fit(listing: Listing) -> None:
    assert not fits(listing)


def test_what_a_vendor_leaves_out_is_filled_from_the_exchange() -> None:
    row = make_row(Listing("AAA", "XETR", "", "EUR", figi="BBG000000001", listed_on=dt.date(2020, 1, 2)))
    assert (row.name, row.folded_name, row.country, row.kind) == ("AAA", "aaa", "DE", "stock")
    assert (row.figi, row.listed_on) == ("BBG000000001", dt.date(2020, 1, 2))


def test_a_long_name_is_cut_to_the_column() -> None:
    assert len(columns_of(Listing("AAA", "XNAS", "x" * 500, "USD"))["name"]) == 120


@given(LISTINGS)
def test_a_listing_comes_back_from_json_as_it_was(listing: Listing) -> None:
    assert decode(json.loads(json.dumps(encode(listing)))) == listing
