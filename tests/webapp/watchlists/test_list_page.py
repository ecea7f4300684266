"""The live page of one list: rows, order, notes, and what a click on it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import event

from tests.factories import add_quote, add_stock
from tests.webapp.watchlists.conftest import HTMX, Browser, Maker
from webapp.extensions import db
from webapp.live.bus import watched_ids
from webapp.models import InstrumentRow, User
from webapp.watchlists import queries

Bells = Callable[[], list[dict[str, Any]]]


def rows_of(page: str) -> list[str]:
    return re.findall(r'data-symbol="([^"]+)"', page)


def notes_of(watchlist_id: int) -> dict[int, str]:
    db.session.rollback()
    return queries.load_notes(watchlist_id)


@pytest.fixture
def priced(stocks: list[InstrumentRow]) -> list[InstrumentRow]:
    """Three stocks, the third without a price."""
    add_quote(stocks[0], "180.50", previous_close="181", volume=500)
    add_quote(stocks[1], "420", previous_close="400")
    return stocks[:3]


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Return the statements that reach the database from now on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def test_the_page_shows_the_stocks_in_the_persons_order(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced[::-1])
    page = browser.get(f"/watchlists/{watchlist.id}").text
    assert rows_of(page) == ["IBM", "MSFT", "AAPL"]
    assert ">180.50" in page
    assert "No price yet" in page


def test_the_stream_asks_for_these_stocks_since_the_version_shown(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced)
    page = browser.get(f"/watchlists/{watchlist.id}").text
    ids = ",".join(str(stock.id) for stock in priced)
    address = rf"/live/stream\?view=table&amp;ids={ids}&amp;since=0&amp;read_at=\d+&amp;signed_in=1"
    assert re.search(f'sse-connect="{address}"', page)
    assert 'hx-trigger="sse:watchlists"' in page


@pytest.mark.parametrize(("query", "expected"), [
    ("sort=price&dir=asc", ["AAPL", "MSFT", "IBM"]), ("sort=price&dir=desc", ["MSFT", "AAPL", "IBM"]),
    ("sort=percent&dir=asc", ["AAPL", "MSFT", "IBM"]), ("sort=volume&dir=desc", ["AAPL", "IBM", "MSFT"]),
    ("sort=symbol&dir=desc", ["MSFT", "IBM", "AAPL"]), ("sort=moon&dir=up", ["IBM", "AAPL", "MSFT"]),
    ("sort=state", ["IBM", "AAPL", "MSFT"]), ("", ["IBM", "AAPL", "MSFT"])])
def test_any_column_sorts_with_missing_values_last(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow], query: str, expected: list[str]) -> None:
    watchlist = make_list("Tech", [priced[2], priced[0], priced[1]])
    assert rows_of(browser.get(f"/watchlists/{watchlist.id}?{query}").text) == expected


def test_the_stocks_on_the_page_count_as_watched(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow], redis: Redis) -> None:
    watchlist = make_list("Tech", priced)
    browser.get(f"/watchlists/{watchlist.id}")
    assert watched_ids(redis) == {stock.id for stock in priced}


def test_an_empty_list_points_to_the_picker_and_still_hears_the_bell(browser: Browser, make_list: Maker) -> None:
    watchlist = make_list("Tech")
    page = browser.get(f"/watchlists/{watchlist.id}").text
    assert "This list is empty" in page
    assert f'href="/watchlists/{watchlist.id}/pick">Choose stocks' in page
    assert 'hx-trigger="sse:watchlists"' in page


def test_a_stock_is_removed_by_a_plain_form(
        browser: Browser, person: User, make_list: Maker, priced: list[InstrumentRow], bells: Bells) -> None:
    watchlist = make_list("Tech", priced)
    path = f"/watchlists/{watchlist.id}"
    answer = browser.post(f"{path}/symbols/{priced[0].id}/remove?sort=price&dir=desc")
    assert (answer.status_code, answer.location) == (303, f"{path}?sort=price&dir=desc")
    assert list(notes_of(watchlist.id)) == [priced[1].id, priced[2].id]
    assert bells() == [{"topic": "watchlists", "user": person.id, "session": None}]


def test_htmx_gets_the_list_as_it_is_after_the_removal(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced)
    answer = browser.post(f"/watchlists/{watchlist.id}/symbols/{priced[0].id}/remove", headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert rows_of(answer.text) == ["MSFT", "IBM"]


@pytest.mark.parametrize(("fields", "expected"), [
    ({"step": "up"}, ["AAPL", "IBM", "MSFT"]), ({"step": "down"}, ["AAPL", "MSFT", "IBM"]),
    ({"place": "1"}, ["IBM", "AAPL", "MSFT"]), ({"place": "77"}, ["AAPL", "MSFT", "IBM"])])
def test_a_stock_moves_by_button_or_to_a_place(browser: Browser, make_list: Maker, priced: list[InstrumentRow],
                                               fields: dict[str, str], expected: list[str]) -> None:
    watchlist = make_list("Tech", priced)
    answer = browser.post(f"/watchlists/{watchlist.id}/symbols/{priced[2].id}/move", fields)
    assert answer.status_code == 303
    assert rows_of(browser.get(answer.location).text) == expected


@pytest.mark.parametrize("place", ["first", "1.5", "9" * 400])
def test_a_place_that_is_no_number_is_said(browser: Browser, make_list: Maker, priced: list[InstrumentRow],
                                           place: str) -> None:
    watchlist = make_list("Tech", priced)
    answer = browser.post(f"/watchlists/{watchlist.id}/symbols/{priced[0].id}/move", {"place": place})
    assert answer.status_code == 422
    assert "Type the place as a whole number" in answer.text
    assert rows_of(answer.text) == ["AAPL", "MSFT", "IBM"]


def test_the_n_key_has_a_control_on_each_row_that_works_as_a_link(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced)
    page = browser.get(f"/watchlists/{watchlist.id}").text
    links = re.findall(r'data-key="n" data-note href="([^"]+)"', page)
    assert len(links) == 3
    note_page = browser.get(links[0]).text
    assert "<html" in note_page
    assert 'name="note"' in note_page


def test_a_note_is_written_shown_and_kept_as_text(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced)
    path = f"/watchlists/{watchlist.id}/symbols/{priced[0].id}/note"
    answer = browser.post(path, {"note": "buy <b>below</b> 170\r\nsell at 240 "})
    assert (answer.status_code, answer.location) == (303, f"/watchlists/{watchlist.id}")
    assert notes_of(watchlist.id)[priced[0].id] == "buy <b>below</b> 170\nsell at 240"
    assert "buy &lt;b&gt;below" in browser.get(answer.location).text


def test_htmx_opens_the_note_above_the_list_and_closes_it_when_saved(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced)
    path = f"/watchlists/{watchlist.id}/symbols/{priced[0].id}/note"
    opened = browser.get(path, headers=HTMX).text
    assert opened.strip().startswith('<div id="item">')
    saved = browser.post(path, {"note": "good"}, headers=HTMX)
    assert saved.status_code == 200
    assert re.search(r'<div id="item">\s*</div>', saved.text)
    assert rows_of(saved.text) == ["AAPL", "MSFT", "IBM"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_note_that_is_too_long_is_refused_and_stays_in_the_form(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow], headers: dict[str, str]) -> None:
    watchlist = make_list("Tech", priced)
    words = "long " * 500
    answer = browser.post(f"/watchlists/{watchlist.id}/symbols/{priced[0].id}/note", {"note": words}, headers=headers)
    assert answer.status_code == 422
    assert "A note has at most 2,000 characters; this one has 2,499." in answer.text
    assert words in answer.text
    assert notes_of(watchlist.id)[priced[0].id] == ""


def test_a_note_on_a_stock_that_has_left_the_list_is_404(
        browser: Browser, make_list: Maker, priced: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", priced[:1])
    path = f"/watchlists/{watchlist.id}/symbols/{priced[1].id}/note"
    assert browser.get(path).status_code == 404
    assert browser.post(path, {"note": "x"}, headers=HTMX).status_code == 404


def many_stocks(count: int) -> list[InstrumentRow]:
    stocks = [add_stock(f"S{number}") for number in range(count)]
    for stock in stocks:
        add_quote(stock, "10.25", previous_close="10", open="10", low="9", high="11", volume=12345,
                  spark={"prices": [str(9 + (place * 37 % 20) / 10) for place in range(64)]})
    return stocks


def test_the_number_of_queries_does_not_grow_with_the_list(
        browser: Browser, make_list: Maker, statements: list[str]) -> None:
    stocks = many_stocks(12)
    counts = []
    for watchlist in (make_list("Short", stocks[:2]), make_list("Long", stocks)):
        path = f"/watchlists/{watchlist.id}"
        statements.clear()
        assert browser.get(path).status_code == 200
        counts.append(len(statements))
    assert counts == [8, 8]
