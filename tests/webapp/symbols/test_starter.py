"""The starter list: right in itself, and loaded without doubles."""

from __future__ import annotations

from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import SHARED
from webapp.extensions import db
from webapp.markets import EXCHANGES
from webapp.models import InstrumentRow
from webapp.notation import canonical
from webapp.symbols.starter import load_starter_list, read_starter_list

LINES = read_starter_list()
# What a listing's prices are quoted in, exchange by exchange.
CURRENCIES = {"US": "USD", "CA": "CAD", "GB": "GBX", "DE": "EUR", "FR": "EUR", "NL": "EUR", "CH": "CHF", "JP": "JPY",
              "HK": "HKD", "AU": "AUD"}


def test_the_list_has_at_least_a_hundred_and_twenty_companies_from_many_exchanges() -> None:
    assert len(LINES) >= 120
    assert len({line["mic"] for line in LINES}) >= 8


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['mic']}-{line['symbol']}")
def test_every_company_is_written_as_the_table_needs_it(line: dict[str, str]) -> None:
    assert line["symbol"] == canonical(line["symbol"])
    assert line["unit"] == CURRENCIES[EXCHANGES[line["mic"]].country]
    assert 0 < len(line["name"]) <= 120
    assert line["name"] == line["name"].strip()
    assert len(line["country"]) == 2
    assert line["decimals"] in {"0", "1", "2"}


def test_no_listing_stands_twice_and_some_tickers_are_on_two_exchanges() -> None:
    assert max(Counter((line["symbol"], line["mic"]) for line in LINES).values()) == 1
    twice = {symbol for symbol, count in Counter(line["symbol"] for line in LINES).items() if count > 1}
    assert {"T", "BP", "BA", "SHEL", "SHOP", "SAP", "ASML"} <= twice


def test_no_company_goes_by_a_name_it_has_given_up() -> None:
    gone = {"FB", "TWTR", "SQ", "ATVI", "VMW", "CELG", "WBA", "HES", "PARA", "ANSS", "JNPR", "DFS", "FISV", "MMC", "K"}
    assert not gone & {line["symbol"] for line in LINES}


def test_new_yorks_listings_agree_with_a_directory_of_2026() -> None:
    path = SHARED / "recordings" / "alphavantage" / "listing_status_2026_excerpt.csv"
    if not path.exists():
        pytest.skip("needs ../shared")
    listed = dict(line.split(",")[::2][:2] for line in path.read_text(encoding="utf-8").splitlines()[1:])
    ours = {line["symbol"].replace(".", "-"): EXCHANGES[line["mic"]].name for line in LINES
            if EXCHANGES[line["mic"]].country == "US"}
    both = ours.keys() & listed.keys()
    assert len(both) >= 10
    assert {symbol: ours[symbol] for symbol in both} == {symbol: listed[symbol] for symbol in both}


@pytest.mark.both_databases
def test_loading_twice_changes_nothing(app: Flask) -> None:
    assert load_starter_list() == len(LINES)
    db.session.commit()
    assert load_starter_list() == 0
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(InstrumentRow)) == len(LINES)


def test_loading_mends_what_differs_and_keeps_the_id(app: Flask) -> None:
    db.session.add(InstrumentRow(symbol="TSCO", mic="XLON", name="Old name", currency="GBP", country="GB"))
    db.session.commit()
    row = db.session.query(InstrumentRow).one()
    before = row.id
    load_starter_list()
    db.session.commit()
    assert (row.id, row.name, row.currency, row.decimals, row.starter) == (before, "Tesco PLC", "GBP", 3, True)
    assert row.unit == "GBX"
    assert row.folded_name == "tesco plc"


def test_a_company_that_left_the_list_stays_known(app: Flask) -> None:
    db.session.add(InstrumentRow(symbol="OLD", mic="XNYS", name="Old", currency="USD", country="US", starter=True))
    db.session.add(InstrumentRow(symbol="OWN", mic="XNYS", name="Own", currency="USD", country="US", starter=False))
    db.session.commit()
    load_starter_list()
    db.session.commit()
    assert db.session.query(InstrumentRow).filter_by(symbol="OLD").one().starter is False
    assert db.session.query(InstrumentRow).filter_by(symbol="OWN").one().starter is False
