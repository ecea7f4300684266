"""The picker: search, tick, submit, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.webapp.watchlists.conftest import HTMX, Browser, Maker
from webapp.extensions import db
from webapp.models import InstrumentRow, User
from webapp.watchlists import queries


def boxes(page: str) -> dict[int, bool]:
    """Return the boxes to tick: id, and whether it is ticked."""
    return {int(value): bool(checked)
            for value, checked in re.findall(r'name="chosen" value="(\d+)"( checked)?', page)}


def on_list(watchlist_id: int) -> list[int]:
    db.session.rollback()
    return list(queries.load_notes(watchlist_id))


def test_the_starter_list_is_there_to_tick_without_a_search(browser: Browser, stocks: list[InstrumentRow]) -> None:
    page = browser.get("/watchlists/pick").text
    assert set(boxes(page)) == {stock.id for stock in stocks}
    assert not any(boxes(page).values())
    assert "The starter list: 6 companies" in page


def test_each_stock_shows_exchange_currency_country_and_type(browser: Browser, stocks: list[InstrumentRow]) -> None:
    page = browser.get("/watchlists/pick").text
    assert "Shell plc<br><small>London · GB · GBX · stock</small>" in page


def test_the_first_list_is_made_with_its_stocks(
        browser: Browser, person: User, stocks: list[InstrumentRow]) -> None:
    answer = browser.post("/watchlists/pick", {"do": "add", "name": "Mine", "chosen": [stocks[1].id, stocks[0].id]})
    assert answer.status_code == 303
    [summary] = queries.list_watchlists(person.id)
    assert (summary.name, answer.location) == ("Mine", f"/watchlists/{summary.id}")
    assert on_list(summary.id) == [stocks[1].id, stocks[0].id]
    assert "2 stocks were added." in browser.get(answer.location).text


def test_looking_at_the_picker_makes_no_list(browser: Browser, person: User, stocks: list[InstrumentRow]) -> None:
    browser.get("/watchlists/pick")
    browser.post("/watchlists/pick", {"do": "search", "q": "apple"})
    assert queries.list_watchlists(person.id) == []


def test_typing_finds_by_symbol_and_by_name_and_sends_only_the_results(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech")
    for text, expected in (("aap", stocks[0]), ("microsoft", stocks[1])):
        answer = browser.post(f"/watchlists/{watchlist.id}/pick", {"do": "search", "q": text}, headers=HTMX)
        assert answer.status_code == 200
        assert answer.text.strip().startswith('<div id="results">')
        assert boxes(answer.text) == {expected.id: False}


def test_what_is_ticked_stays_ticked_in_the_next_search(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    path = f"/watchlists/{make_list('Tech').id}/pick"
    for headers in ({}, HTMX):
        answer = browser.post(path, {"do": "search", "q": "shell", "chosen": [stocks[0].id]}, headers=headers)
        assert boxes(answer.text) == {stocks[0].id: True, stocks[3].id: False, stocks[4].id: False}


def test_without_javascript_the_search_button_shows_a_whole_page(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    answer = browser.post(f"/watchlists/{make_list('Tech').id}/pick", {"do": "search", "q": "apple"})
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert 'value="apple"' in answer.text


def test_the_first_button_of_the_form_searches_so_that_enter_does(browser: Browser) -> None:
    buttons = re.findall(r'<button type="submit"[^>]*name="do" value="(\w+)"', browser.get("/watchlists/pick").text)
    assert buttons == ["search", "add", "add"]


def test_nothing_found_says_what_to_do(browser: Browser, stocks: list[InstrumentRow]) -> None:
    page = browser.post("/watchlists/pick", {"do": "search", "q": "no such thing"}).text
    assert "0 found for “no such thing”." in page
    assert "Check the spelling" in page


def test_the_providers_are_searched_in_another_tab_so_that_the_ticks_stay(
        app: Flask, browser: Browser, stocks: list[InstrumentRow]) -> None:
    app.config["SETTINGS"].FINNHUB_API_KEY = "only-for-tests"
    page = browser.post("/watchlists/pick", {"do": "search", "q": "apple"}).text
    assert '<a href="/stocks/search?q=apple" target="_blank">' in page


def test_where_no_provider_can_be_searched_the_picker_says_what_to_do(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    page = browser.post("/watchlists/pick", {"do": "search", "q": "apple"}).text
    assert "no provider with a search is set up" in page
    assert "FINNHUB_API_KEY" in page
    assert "Search the providers too" not in page
    assert '<a href="/sources" target="_blank">' in page


def test_stocks_on_the_list_cannot_be_ticked_again(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:1])
    path = f"/watchlists/{watchlist.id}/pick"
    page = browser.get(path).text
    assert stocks[0].id not in boxes(page)
    assert "Already on the list" in page
    answer = browser.post(path, {"do": "add", "chosen": [stocks[0].id, stocks[1].id]})
    assert "1 stock was added. 1 was there already." in browser.get(answer.location).text


def test_nothing_ticked_is_said(browser: Browser, person: User, stocks: list[InstrumentRow]) -> None:
    answer = browser.post("/watchlists/pick", {"do": "add", "name": "Mine"})
    assert answer.status_code == 422
    assert "Tick at least one stock." in answer.text
    assert queries.list_watchlists(person.id) == []


@pytest.mark.parametrize("chosen", ["99999", "0", "-1", "x", str(2**40)])
def test_an_invented_stock_is_refused_and_no_list_is_made(
        browser: Browser, person: User, stocks: list[InstrumentRow], chosen: str) -> None:
    answer = browser.post("/watchlists/pick", {"do": "add", "name": "Mine", "chosen": chosen})
    assert answer.status_code == 422
    assert queries.list_watchlists(person.id) == []


def test_a_refused_choice_stays_ticked(browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    make_list("Mine")
    answer = browser.post("/watchlists/pick", {"do": "add", "name": "Mine", "chosen": [stocks[2].id]})
    assert answer.status_code == 422
    assert "You already have a list named “Mine”." in answer.text
    assert boxes(answer.text)[stocks[2].id]
