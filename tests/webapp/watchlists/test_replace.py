"""What a list shows of a stock that is no longer listed, and its successor in its place."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from flask import Flask

from tests.webapp.watchlists.conftest import HTMX, Browser, Maker
from webapp.extensions import db
from webapp.models import InstrumentRow, Watchlist, WatchlistItem
from webapp.watchlists import service

DAY = dt.date(2026, 11, 3)


@pytest.fixture
def renamed(stocks: list[InstrumentRow], make_list: Maker) -> Watchlist:
    """A list with AAPL, which is called MSFT now, and IBM, which is delisted."""
    apple, _, ibm = stocks[:3]
    apple.status, apple.status_day, apple.renamed_to = "renamed", DAY, "XNAS:MSFT"
    ibm.status, ibm.status_day = "delisted", DAY
    return make_list("Mine", [stocks[3], apple, ibm])


def items(watchlist: Watchlist) -> list[tuple[str, str, int]]:
    """Return symbol, note and place of each stock on the list."""
    db.session.expire_all()
    query = db.session.query(WatchlistItem).filter_by(watchlist_id=watchlist.id).order_by(WatchlistItem.position)
    return [(item.instrument.symbol, item.note, item.position) for item in query]


def address(watchlist: Watchlist, symbol: str, action: str = "replace") -> str:
    number = db.session.query(InstrumentRow.id).filter_by(symbol=symbol).first()
    assert number is not None
    return f"/watchlists/{watchlist.id}/symbols/{number[0]}/{action}"


@pytest.mark.both_databases
def test_the_list_says_what_became_of_its_stocks(browser: Browser, renamed: Watchlist) -> None:
    page = browser.get(f"/watchlists/{renamed.id}").text
    assert "Renamed to MSFT" in page
    assert "Delisted since 3 Nov 2026" in page
    assert "Replace AAPL by MSFT" in page
    assert "Replace IBM" not in page
    assert page.count('class="gone"') == 2


def test_a_list_without_such_stocks_shows_no_mark(
        browser: Browser, stocks: list[InstrumentRow], make_list: Maker) -> None:
    assert 'class="gone"' not in browser.get(f"/watchlists/{make_list('Mine', stocks).id}").text


def test_a_stock_that_is_gone_stays_on_the_list_and_in_its_export(browser: Browser, renamed: Watchlist) -> None:
    rows = json.loads(browser.get(f"/watchlists/{renamed.id}.json").text)["quotes"]
    assert [row["symbol"] for row in rows] == ["SHEL", "AAPL", "IBM"]


@pytest.mark.both_databases
def test_the_successor_takes_place_and_note(browser: Browser, renamed: Watchlist) -> None:
    browser.post(address(renamed, "AAPL", "note"), {"note": "long term"})
    before = items(renamed)
    answered = browser.post(address(renamed, "AAPL"))
    assert (answered.status_code, answered.location) == (303, f"/watchlists/{renamed.id}")
    assert items(renamed) == [("MSFT" if symbol == "AAPL" else symbol, note, place) for symbol, note, place in before]
    assert ("MSFT", "long term", 2) in items(renamed)


def test_htmx_gets_the_list_as_it_is_then(browser: Browser, renamed: Watchlist) -> None:
    part = browser.post(address(renamed, "AAPL"), headers=HTMX).text
    assert "<html" not in part
    assert 'data-symbol="MSFT"' in part
    assert 'data-symbol="AAPL"' not in part


@pytest.mark.both_databases
def test_a_successor_that_is_there_already_keeps_its_place_and_gets_both_notes(
        browser: Browser, renamed: Watchlist, stocks: list[InstrumentRow]) -> None:
    service.add_symbols(renamed, [stocks[1].id])
    service.write_note(renamed, stocks[1].id, "new")
    service.write_note(renamed, stocks[0].id, "old")
    db.session.commit()
    browser.post(address(renamed, "AAPL"))
    assert items(renamed) == [("SHEL", "", 1), ("IBM", "", 3), ("MSFT", "new\nold", 4)]


@pytest.mark.parametrize("symbol", ["IBM", "SHEL", "BRK.B"])
def test_a_stock_without_successor_is_not_replaced(browser: Browser, renamed: Watchlist, symbol: str) -> None:
    before = items(renamed)
    assert browser.post(address(renamed, symbol)).status_code == 404
    assert items(renamed) == before


def test_a_stock_that_is_not_on_the_list_is_not_replaced(browser: Browser, renamed: Watchlist) -> None:
    browser.post(address(renamed, "AAPL", "remove"))
    assert browser.post(address(renamed, "AAPL")).status_code == 404
    assert [symbol for symbol, _, _ in items(renamed)] == ["SHEL", "IBM"]


def test_a_stranger_and_a_visitor_cannot_replace_it(
        stranger: Browser, visitor: Browser, browser: Browser, renamed: Watchlist) -> None:
    before = items(renamed)
    assert stranger.post(address(renamed, "AAPL")).status_code == 404
    assert visitor.post(address(renamed, "AAPL")).status_code == 303
    assert browser.open(address(renamed, "AAPL"), "POST").status_code == 400  # without a token
    assert items(renamed) == before


def test_the_picker_shows_the_mark_and_leads_to_the_providers(
        app: Flask, browser: Browser, renamed: Watchlist) -> None:
    app.config["SETTINGS"].FINNHUB_API_KEY = "only-for-tests"
    page = browser.post("/watchlists/pick", {"do": "search", "q": "ibm"}).text
    assert "Delisted since 3 Nov 2026" in page
    assert 'href="/stocks/search?q=ibm"' in page


# The stock's own page


def test_the_stocks_page_says_what_became_of_it(browser: Browser, renamed: Watchlist) -> None:
    page = browser.get("/stocks/XNAS/AAPL").text
    assert "Renamed to MSFT on 3 Nov 2026." in page
    assert 'href="/stocks/XNAS/MSFT">Go to MSFT' in page
    assert "Delisted since 3 Nov 2026." in browser.get("/stocks/XNYS/IBM").text
    assert "No newer price is fetched" not in browser.get("/stocks/XNAS/MSFT").text


def test_a_stock_is_added_from_its_page(browser: Browser, renamed: Watchlist) -> None:
    page = browser.get("/stocks/XNAS/MSFT").text
    assert "Add to “Mine”" in page
    number = page.split('name="instrument_id" value="')[1].split('"')[0]
    answered = browser.post("/watchlists/symbols", {"watchlist_id": renamed.id, "instrument_id": number})
    assert (answered.status_code, answered.location) == (303, f"/watchlists/{renamed.id}")
    assert [symbol for symbol, _, _ in items(renamed)] == ["SHEL", "AAPL", "IBM", "MSFT"]
    page = browser.get("/stocks/XNAS/MSFT").text
    assert "Add to" not in page
    assert f'On <a href="/watchlists/{renamed.id}">“Mine”</a>' in page


def test_a_list_that_has_the_stock_is_not_offered_beside_others(
        browser: Browser, stranger: Browser, renamed: Watchlist, make_list: Maker) -> None:
    other = make_list("Other")
    page = browser.get("/stocks/XNAS/AAPL").text
    assert "“Mine”</a>" in page
    assert "Add to “Other”" in page
    assert f'name="watchlist_id" value="{other.id}"' in page
    assert "Mine" not in stranger.get("/stocks/XNAS/AAPL").text


def test_of_several_lists_the_person_chooses(browser: Browser, renamed: Watchlist, make_list: Maker) -> None:
    other = make_list("Other")
    page = browser.get("/stocks/XNAS/MSFT").text
    assert f'<option value="{other.id}">Other</option>' in page


def test_a_visitors_page_of_a_stock_offers_no_list(visitor: Browser, renamed: Watchlist) -> None:
    assert "/watchlists/symbols" not in visitor.get("/stocks/XNAS/MSFT").text
    assert visitor.post("/watchlists/symbols", {"watchlist_id": renamed.id, "instrument_id": 1}).status_code == 303


@pytest.mark.parametrize(("watchlist", "stock", "status"), [
    ("x", "1", 422), ("", "", 422), ("1", "99999999999", 422), ("1", "-1", 422), ("2000", "1", 404), ("1", "999", 422),
    ("1", "9" * 400, 422), ("9" * 400, "1", 422)])
def test_only_a_stock_and_a_list_that_are_there_are_taken(
        browser: Browser, renamed: Watchlist, watchlist: str, stock: str, status: int) -> None:
    fields = {"watchlist_id": watchlist, "instrument_id": stock}
    assert browser.post("/watchlists/symbols", fields).status_code == status


def test_nobody_adds_to_a_strangers_list(stranger: Browser, renamed: Watchlist) -> None:
    assert stranger.post("/watchlists/symbols", {"watchlist_id": renamed.id, "instrument_id": 2}).status_code == 404
    assert len(items(renamed)) == 3
