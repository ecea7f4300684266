"""How each stock of the reader is refreshed: how often, when next, by whom, and why not sooner."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import add_quote, add_stock
from tests.webapp.sources.givens import HOUR, Reader, add_plan, text_of
from webapp.extensions import db
from webapp.models import HeldQuote, InstrumentRow
from webapp.sources import queries

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def settings_changes() -> dict[str, object]:
    return {"FINNHUB_API_KEY": "SECRET-KEY-1", "ALPHA_VANTAGE_API_KEY": "SECRET-KEY-2"}


def row_of(page: str, symbol: str) -> str:
    """Return what a stock's row says."""
    found = re.search(rf'<tr>\s*<th scope="row"><a href="/stocks/\w+/{symbol}">.*?</tr>', page, re.S)
    assert found, symbol
    return text_of(found[0])


def symbols_on(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/stocks/\w+/([^"]+)">', page)


@pytest.mark.both_databases
def test_a_stock_says_how_often_it_is_refreshed_and_when_next(client: FlaskClient, noon: dt.datetime) -> None:
    stock = add_stock("AAPL", starter=True)
    add_plan(stock, interval_s=241.3, next_at=noon + 35 * MINUTE)
    add_quote(stock, "10", fetched_at=noon - 3 * MINUTE)
    row = row_of(client.get("/sources").text, "AAPL")
    assert "about every 4 min Finnhub" in row
    assert "12:35 EST" in row
    assert "3 min ago" in row


def test_the_plan_of_a_vendor_that_is_no_longer_used_is_not_told(
        client: FlaskClient, noon: dt.datetime) -> None:
    add_plan(add_stock("AAPL", starter=True))
    add_plan(add_stock("IBM", starter=True), "tiingo", planned_at=noon + HOUR)
    page = client.get("/sources").text
    assert "Finnhub" in row_of(page, "AAPL")
    assert "while somebody looks at it" in row_of(page, "IBM")
    assert "Tiingo" not in row_of(page, "IBM")
    assert re.search(r'id="stocks"[^>]*value="1"', page)
    assert queries.load_plans(("finnhub",)).planned_at == noon


@pytest.mark.parametrize(("plan", "said"), [
    ({"interval_s": None, "streamed": True}, "live over the web socket"),
    ({"interval_s": 86_400.0, "reason": "the next close has not come yet"}, "once a day"),
    ({"interval_s": 86_400.0, "reason": "the next close has not come yet"}, "The next close has not come yet."),
    ({"interval_s": None, "reason": "the plan's calls do not suffice"}, "no interval promised"),
    ({"interval_s": None, "next_at": None, "reason": "its market is shut"}, "Its market is shut."),
    ({"interval_s": 30.0}, "in 30 s")])
def test_it_says_what_is_not_by_the_clock(app: Flask, client: FlaskClient, noon: dt.datetime,
                                          plan: dict[str, object], said: str) -> None:
    add_plan(add_stock("AAPL", starter=True), **plan)  # type: ignore[arg-type]
    assert said in row_of(client.get("/sources").text, "AAPL")


def test_what_should_have_come_is_due_now(client: FlaskClient, noon: dt.datetime) -> None:
    add_plan(add_stock("AAPL", starter=True), next_at=noon - MINUTE)
    assert "due now" in row_of(client.get("/sources").text, "AAPL")


def test_a_streamed_stock_has_no_next_call(client: FlaskClient, noon: dt.datetime) -> None:
    add_plan(add_stock("AAPL", starter=True), interval_s=None, streamed=True, next_at=noon + HOUR)
    assert "13:00" not in row_of(client.get("/sources").text, "AAPL")


def test_a_reading_that_waits_is_said(client: FlaskClient, noon: dt.datetime) -> None:
    stock = add_stock("AAPL", starter=True)
    add_plan(stock, reason="a reading waits to be confirmed")
    db.session.add(HeldQuote(instrument_id=stock.id, source="finnhub", price=Decimal(312), as_of=noon,
                             against=Decimal(250), reason="+25 % from the last price", quote={}, first_at=noon,
                             last_at=noon))
    db.session.commit()
    row = row_of(client.get("/sources").text, "AAPL")
    assert row.count("A reading waits to be confirmed") == 1
    assert "+25 % from the last price" in row


def test_a_planner_that_stands_still_is_said_so(client: FlaskClient, noon: dt.datetime) -> None:
    add_plan(add_stock("AAPL", starter=True), planned_at=noon - 12 * MINUTE)
    page = text_of(client.get("/sources").text)
    assert "Planning stands still since 16:48 UTC: no worker has planned anything for 12 min." in page
    assert "Planned 12 min ago." in page


def test_one_row_that_is_old_does_not_stand_for_all(client: FlaskClient, noon: dt.datetime) -> None:
    add_plan(add_stock("AAPL", starter=True), planned_at=noon - 12 * MINUTE)
    add_plan(add_stock("MSFT", starter=True), planned_at=noon - 4 * MINUTE)
    page = client.get("/sources").text
    assert "stands still" not in page
    assert "Planned 12 min ago." in row_of(page, "AAPL")
    assert "Planned" not in row_of(page, "MSFT")


def test_before_the_first_plan_it_says_so(client: FlaskClient, noon: dt.datetime) -> None:
    add_stock("AAPL", starter=True)
    page = client.get("/sources").text
    assert "Nothing is planned yet." in page
    assert "while somebody looks at it" in row_of(page, "AAPL")
    assert "never" in row_of(page, "AAPL")


def test_without_a_stock_it_says_so(client: FlaskClient) -> None:
    page = client.get("/sources")
    assert page.status_code == 200
    assert "There are none yet." in page.text


def test_a_visitor_sees_the_front_pages_stocks(client: FlaskClient) -> None:
    add_stock("AAPL", starter=True)
    add_stock("OTHER")
    assert symbols_on(client.get("/sources").text) == ["AAPL"]


def test_a_person_sees_the_stocks_of_their_own_lists_and_of_no_strangers(reader: Reader) -> None:
    mine, theirs, front = (add_stock(symbol, starter=symbol == "FRONT") for symbol in ("MINE", "THEIRS", "FRONT"))
    ann, bob, nobody = reader("ann@example.org", mine.id), reader("bob@example.org", theirs.id), reader("c@example.org")
    assert symbols_on(ann.get("/sources").text) == ["MINE"]
    assert symbols_on(bob.get("/sources").text) == ["THEIRS"]
    assert "not planned yet" in row_of(ann.get("/sources").text, "MINE")
    assert "There are no stocks on your lists yet" in nobody.get("/sources").text
    assert front.starter


@pytest.mark.both_databases
def test_they_are_sorted_by_any_column_with_what_is_unknown_last(client: FlaskClient, noon: dt.datetime) -> None:
    for symbol, interval, minutes in (("A", 900.0, 5), ("B", 60.0, 1), ("C", None, None), ("D", 300.0, 9)):
        stock = add_stock(symbol, starter=True)
        add_plan(stock, interval_s=interval, next_at=noon + minutes * MINUTE if minutes else None)
        add_quote(stock, None if symbol == "C" else "10", fetched_at=noon - minutes * MINUTE if minutes else None)

    def order(sort: str, direction: str = "asc") -> str:
        return "".join(symbols_on(client.get(f"/sources?sort={sort}&dir={direction}").text))

    assert (order("interval"), order("interval", "desc")) == ("BDAC", "ADBC")
    assert (order("next"), order("next", "desc")) == ("BADC", "DABC")
    assert (order("age"), order("age", "desc")) == ("BADC", "DABC")
    assert (order("symbol", "desc"), order("';--"), order("")) == ("DCBA", "ABCD", "ABCD")


def test_the_column_in_order_is_said_and_turns_around(client: FlaskClient) -> None:
    add_stock("A", starter=True)
    page = client.get("/sources?sort=next&dir=asc").text
    assert 'aria-sort="ascending"><a href="/sources?sort=next&amp;dir=desc#your-stocks">Next</a>' in page
    assert page.count("aria-sort") == 1


def test_more_than_two_hundred_come_on_several_pages(app: Flask, client: FlaskClient) -> None:
    db.session.add_all(InstrumentRow(symbol=f"S{number:03}", mic="XNAS", name="Some", currency="USD", country="US",
                                     starter=True) for number in range(queries.MOST_STOCKS + 1))
    db.session.commit()
    first, second = client.get("/sources?sort=symbol&dir=asc"), client.get("/sources?page=2")
    assert len(symbols_on(first.text)) == 200
    assert 'href="/sources?sort=symbol&amp;dir=asc&amp;page=2#your-stocks"' in first.text
    assert symbols_on(second.text) == ["S200"]
    assert "Page 2 of 2" in second.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "٣", "", "50"])
def test_a_page_that_is_none_breaks_nothing(client: FlaskClient, page: str) -> None:
    add_stock("A", starter=True)
    assert client.get("/sources", query_string={"page": page}).status_code == 200
