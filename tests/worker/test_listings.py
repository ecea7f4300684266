"""Taking a provider's directory over: what is new, what is better known, and what may be said of what is missing."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import RECORDINGS
from tests.factories import add_quote, add_stock
from tests.worker.conftest import Vendor
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.notation import canonical
from webapp.records import Listing
from worker.listings import take_over

pytestmark = pytest.mark.both_databases

MONDAY = dt.date(2026, 3, 9)
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + dt.timedelta(days=days) for days in (1, 2, 3))
VENDOR = Vendor()
OTHER = Vendor(name="other", title="The Other")
FIGI = "BBG001SQCQC5"


def listing(symbol: str, mic: str = "XNAS", **fields: Any) -> Listing:
    given: dict[str, Any] = {"name": f"{symbol} Inc", "unit": "USD", "country": "US"} | fields
    return Listing(symbol, mic, **given)


def many(*others: Listing, without: str = "") -> list[Listing]:
    """A list of ten stocks, S0 to S9, and these."""
    return [*(listing(f"S{number}") for number in range(10) if f"S{number}" != without), *others]


def row(symbol: str, mic: str = "XNAS") -> InstrumentRow:
    db.session.expire_all()
    return db.session.query(InstrumentRow).filter_by(symbol=symbol, mic=mic).one()


def status(symbol: str, mic: str = "XNAS") -> tuple[str, dt.date | None, str]:
    found = row(symbol, mic)
    return found.status, found.status_day, found.renamed_to


# What is new, and what is better known


def test_new_symbols_become_instruments(app: Flask) -> None:
    said = take_over([listing("AAPL", name="Apple Inc", figi=FIGI, listed_on=dt.date(1980, 12, 12), kind="etf")],
                     VENDOR, MONDAY)
    assert said == "The Vendor: 1 listed, 1 new, 0 renamed, 0 delisted, 0 missing"
    found = row("AAPL")
    assert (found.name, found.folded_name, found.currency, found.unit) == ("Apple Inc", "apple inc", "USD", "")
    assert (found.country, found.kind, found.decimals, found.starter) == ("US", "etf", 2, False)
    assert (found.figi, found.listed_on, found.listed_by) == (FIGI, dt.date(1980, 12, 12), "vendor")


def test_a_second_list_changes_nothing(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    assert take_over(many(), VENDOR, TUESDAY) == "The Vendor: 10 listed, 0 new, 0 renamed, 0 delisted, 0 missing"


def test_what_the_directory_knows_better_is_taken_over(app: Flask) -> None:
    add_stock("AAA", name="Old name")
    take_over([listing("AAA", name="Nestlé", kind="etf", figi=FIGI, listed_on=MONDAY)], VENDOR, MONDAY)
    found = row("AAA")
    assert (found.name, found.folded_name, found.kind) == ("Nestlé", "nestle", "etf")
    assert (found.figi, found.listed_on) == (FIGI, MONDAY)


@pytest.mark.parametrize(("new", "kept"), [
    ("APPLE INC.", "Apple Inc."), ("", "Apple Inc."), ("AAPL", "Apple Inc."), ("Apple Computer", "Apple Computer")])
def test_a_worse_name_is_not_taken_over(app: Flask, new: str, kept: str) -> None:
    add_stock("AAPL", name="Apple Inc.")
    take_over([listing("AAPL", name=new)], VENDOR, MONDAY)
    assert row("AAPL").name == kept


def test_the_starter_list_keeps_its_names_and_its_place(app: Flask) -> None:
    add_stock("AAPL", name="Apple Inc.", starter=True)
    take_over([listing("AAPL", name="Apple Inc - Common Stock", figi=FIGI)], VENDOR, MONDAY)
    found = row("AAPL")
    assert (found.name, found.starter, found.figi) == ("Apple Inc.", True, FIGI)


def test_what_does_not_fit_is_left_out(app: Flask) -> None:
    said = take_over([listing("AAA", mic="OOTC"), listing("B" * 30), listing("CCC")], VENDOR, MONDAY)
    assert said.startswith("The Vendor: 1 listed, 1 new")


def test_an_empty_list_changes_nothing(app: Flask) -> None:
    add_stock("AAPL")
    assert "nothing was changed" in take_over([], VENDOR, MONDAY)
    assert status("AAPL") == ("listed", None, "")


# What is missing


def test_a_stock_that_is_missing_on_two_days_is_delisted_since_the_first(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    assert take_over(many(without="S3"), VENDOR, TUESDAY).endswith("0 delisted, 1 missing")
    assert status("S3") == ("listed", None, "")
    take_over(many(without="S3"), VENDOR, TUESDAY)  # the same day once more is no second day
    assert status("S3") == ("listed", None, "")
    assert "1 delisted" in take_over(many(without="S3"), VENDOR, WEDNESDAY)
    assert status("S3") == ("delisted", TUESDAY, "")
    assert "0 delisted" in take_over(many(without="S3"), VENDOR, THURSDAY)


def test_a_stock_that_was_missing_for_a_day_only_is_not(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    take_over(many(without="S3"), VENDOR, TUESDAY)
    take_over(many(), VENDOR, WEDNESDAY)
    take_over(many(without="S3"), VENDOR, THURSDAY)
    assert status("S3") == ("listed", None, "")
    assert row("S3").missing_since == THURSDAY


def test_a_stock_that_comes_back_is_listed_again(app: Flask) -> None:
    for day, without in ((MONDAY, ""), (TUESDAY, "S3"), (WEDNESDAY, "S3")):
        take_over(many(without=without), VENDOR, day)
    assert status("S3")[0] == "delisted"
    assert take_over(many(), VENDOR, THURSDAY).endswith(", 1 back")
    assert status("S3") == ("listed", None, "")


def test_what_the_vendor_says_is_delisted_is_marked_at_once(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    take_over(many(listing("S3", delisted_on=MONDAY), without="S3"), VENDOR, TUESDAY)
    assert status("S3") == ("delisted", MONDAY, "")
    take_over(many(listing("S4", delisted_on=THURSDAY), without="S4"), VENDOR, WEDNESDAY)
    assert status("S4") == ("listed", None, "")


@pytest.mark.parametrize("count", [0, 3, 7])
def test_of_a_list_that_is_not_whole_nothing_is_concluded(app: Flask, count: int) -> None:
    take_over(many(), VENDOR, MONDAY)
    short = [*many()[:count], listing("NEW")]
    for day in (TUESDAY, WEDNESDAY):
        said = take_over(short, VENDOR, day)
        assert "; nothing was marked on XNAS: the list is not whole (" in said
    assert db.session.query(InstrumentRow).filter(InstrumentRow.status != "listed").count() == 0
    assert db.session.query(InstrumentRow).filter(InstrumentRow.missing_since.is_not(None)).count() == 0


def test_a_large_exchange_that_is_cut_short_is_doubted_by_itself(app: Flask) -> None:
    nasdaq = [listing(f"N{number}") for number in range(400)]
    arca = [listing(f"A{number}", "ARCX") for number in range(60)]
    take_over([*nasdaq, *arca], VENDOR, MONDAY)
    for day in (TUESDAY, WEDNESDAY):
        said = take_over([*nasdaq[1:], *arca[:30]], VENDOR, day)
    assert "nothing was marked on ARCX" in said
    assert status("N0")[0] == "delisted"
    assert status("A59", "ARCX")[0] == "listed"


def test_an_exchange_that_the_list_does_not_have_is_left_alone(app: Flask) -> None:
    add_stock("TSCO", "XLON", currency="GBP")
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        take_over(many(), VENDOR, day)
    assert status("TSCO", "XLON")[0] == "listed"


def test_another_providers_directory_says_nothing_of_what_it_never_had(app: Flask) -> None:
    take_over(many(listing("WARR.WS")), VENDOR, MONDAY)
    for day in (TUESDAY, WEDNESDAY, THURSDAY):
        take_over(many(), OTHER, day)
    assert status("WARR.WS") == ("listed", None, "")
    assert row("S3").listed_by == "other"


def test_a_stock_that_still_trades_is_not_delisted(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "10", day=TUESDAY)
    for day in (TUESDAY, WEDNESDAY):
        take_over(many(), VENDOR, day)
    assert status("AAPL")[0] == "listed"
    take_over(many(), VENDOR, THURSDAY)
    assert status("AAPL") == ("delisted", WEDNESDAY, "")


# What goes by another name


def test_the_same_share_class_under_another_symbol_is_a_new_name(app: Flask) -> None:
    take_over(many(listing("FB", figi=FIGI, name="Facebook Inc")), VENDOR, MONDAY)
    said = take_over(many(listing("META", figi=FIGI, name="Meta Platforms")), VENDOR, TUESDAY)
    assert "1 new, 1 renamed, 0 delisted, 0 missing" in said
    assert status("FB") == ("renamed", TUESDAY, "XNAS:META")


def test_without_a_figi_the_same_name_and_first_day_are_a_new_name(app: Flask) -> None:
    first = dt.date(2015, 5, 5)
    take_over(many(listing("OLD", name="Same Inc.", listed_on=first)), VENDOR, MONDAY)
    take_over(many(listing("NEW", name="SAME INC", listed_on=first)), VENDOR, TUESDAY)
    assert status("OLD") == ("renamed", TUESDAY, "XNAS:NEW")


def test_a_stock_that_moved_to_another_exchange_is_known_there(app: Flask) -> None:
    first = dt.date(2020, 9, 30)
    ours = [listing(f"Y{number}", "XNYS") for number in range(10)]
    take_over(many(*ours, listing("PLTR", "XNYS", listed_on=first)), VENDOR, MONDAY)
    take_over(many(*ours, listing("PLTR", "XNAS", listed_on=first)), VENDOR, TUESDAY)
    assert status("PLTR", "XNYS") == ("renamed", TUESDAY, "XNAS:PLTR")


@pytest.mark.parametrize("changes", [
    {"listed_on": dt.date(2015, 5, 6)}, {"listed_on": None}, {"name": "Other Inc"}, {"kind": "warrant"},
    {"mic": "XNYS"}])
def test_what_is_not_the_same_is_no_new_name(app: Flask, changes: dict[str, Any]) -> None:
    old = listing("OLD", name="Same Inc", listed_on=dt.date(2015, 5, 5))
    take_over(many(old), VENDOR, MONDAY)
    take_over(many(dataclasses.replace(old, symbol="NEW", **changes)), VENDOR, TUESDAY)
    assert status("OLD") == ("listed", None, "")


def test_of_two_possible_successors_none_is_guessed(app: Flask) -> None:
    first = dt.date(2015, 5, 5)
    take_over(many(listing("OLD", name="Same", listed_on=first)), VENDOR, MONDAY)
    take_over(many(*(listing(symbol, name="Same", listed_on=first) for symbol in ("N1", "N2"))), VENDOR, TUESDAY)
    assert status("OLD") == ("listed", None, "")


# A whole directory


def test_thirteen_thousand_symbols_are_taken_over_in_seconds(app: Flask) -> None:
    whole = [listing(f"Z{number}", ("XNAS", "XNYS")[number % 2], name=f"Company number {number}")
             for number in range(13_000)]
    began = time.perf_counter()
    assert "13,000 new" in take_over(whole, VENDOR, MONDAY)
    take_over(whole, OTHER, TUESDAY)  # the largest change there is: of every row
    assert time.perf_counter() - began < 20
    assert db.session.scalar(select(func.count()).select_from(InstrumentRow)) == 13_000


def test_a_real_directory_is_taken_over_twice_without_a_mark(app: Flask) -> None:
    path = RECORDINGS / "alphavantage" / "listing_status_2026_excerpt.csv"
    if not path.exists():
        pytest.skip("needs ../shared")
    mics = {"NASDAQ": "XNAS", "NYSE": "XNYS", "NYSE MKT": "XASE", "NYSE ARCA": "ARCX"}
    with path.open(encoding="utf-8-sig") as file:
        found = [listing(canonical(line["symbol"]), mics[line["exchange"]], name=line["name"].strip())
                 for line in csv.DictReader(file) if line["exchange"] in mics]
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        said = take_over(found, VENDOR, day)
    assert said.endswith("0 new, 0 renamed, 0 delisted, 0 missing")
