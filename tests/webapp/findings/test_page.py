"""The admin's page of what waits and of what was found."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import AS_OF
from tests.webapp.findings.conftest import add_hold, finding
from tests.webapp.people import Browser
from webapp.extensions import db
from webapp.findings.queries import MOST_HOLDS, PER_PAGE
from webapp.models import Finding, InstrumentRow, User

PAGE = "/admin/findings"


def cells(page: str) -> list[str]:
    """Return the rows of the tables as a person reads them."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows if "<td" in row]


def test_a_visitor_is_asked_to_log_in_and_comes_back(visitor: Browser) -> None:
    for answer in (visitor.get(PAGE), visitor.post(f"{PAGE}/splits"), visitor.post(f"{PAGE}/holds/1", {"do": "take"})):
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login")
    assert visitor.get(PAGE).headers["Location"] == "/login?next=/admin/findings"


def test_a_person_without_the_right_sees_no_such_page_and_no_link_to_it(
        stranger: Browser, stocks: list[InstrumentRow]) -> None:
    add_hold(stocks[0], "150")
    for answer in (stranger.get(PAGE), stranger.post(f"{PAGE}/splits"),
                   stranger.post(f"{PAGE}/holds/{stocks[0].id}", {"do": "take", "price": "150"})):
        assert answer.status_code == 404
        assert "Held" not in answer.text
    assert PAGE not in stranger.get("/account").text


def test_an_admin_who_is_one_no_longer_is_shut_out_at_once(browser: Browser, admin: User) -> None:
    assert browser.get(PAGE).status_code == 200
    assert 'href="/admin"' in browser.get("/account").text
    admin.admin = False
    db.session.commit()
    assert browser.get(PAGE).status_code == 404


@pytest.mark.both_databases
def test_where_nothing_is_wrong_the_page_says_so(browser: Browser) -> None:
    page = browser.get(PAGE).text
    assert "No price waits." in page
    assert "Nothing was found wrong with any price yet." in page
    assert not cells(page)


@pytest.mark.both_databases
def test_what_waits_stands_first_with_all_that_one_must_know_to_decide(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    add_hold(stocks[0], "150.0000", readings=3)
    add_hold(stocks[2], "0.0042", reason="<b>odd</b>", source="alpha-vantage",
             first_at=AS_OF + dt.timedelta(minutes=1))
    db.session.add(finding(stocks[1]))
    db.session.commit()
    page = browser.get(PAGE).text
    newest, oldest, _found = cells(page)
    assert oldest == ("AAPL XNAS 150.00 USD \N{MINUS SIGN}25 % 200.00 far from the last price Finnhub 3 "
                      "2026-11-20 19:02:11 UTC Take it… Drop it…")
    assert newest.startswith("SHEL XLON 0.0042 GBP")
    assert "Alpha Vantage" in newest
    assert "<b>odd</b>" not in page
    assert "Waiting to be confirmed: 2" in page
    assert page.index("Waiting to be confirmed") < page.index("All that was found")


@pytest.mark.parametrize(("price", "reason", "shown"), [
    ("280", "+40 % from the last price", "USD +40 % 200.00 far from the last price Finnhub"),
    ("150", "-25 % after hours from the last price",
     "USD \N{MINUS SIGN}25 % 200.00 far after hours from the last price Finnhub"),
    ("100", "it looks like a 2:1 split", "USD \N{MINUS SIGN}50 % 200.00 it looks like a 2:1 split Finnhub")])
def test_how_far_a_price_is_stands_once_and_beside_the_price_that_waits(
        browser: Browser, stocks: list[InstrumentRow], price: str, reason: str, shown: str) -> None:
    add_hold(stocks[0], price, reason=reason)
    [row] = cells(browser.get(PAGE).text)
    assert f"{price}.00 {shown}" in row


@pytest.mark.both_databases
def test_findings_come_newest_first_with_how_often_and_what_became_of_them(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    db.session.add_all([
        finding(stocks[0], 5, price="NaN", count=1204, first_at=AS_OF - dt.timedelta(hours=2)),
        finding(stocks[1], 1, kind=Finding.UNCONFIRMED.value, price="150.5", ended_at=AS_OF,
                outcome="confirmed by a second reading")])
    db.session.commit()
    first, second = cells(browser.get(PAGE).text)
    assert first.startswith("SHEL XNYS Unconfirmed 150.5 reason 1 Tiingo")
    assert "confirmed by a second reading 2026-11-20 19:02:11 UTC" in first
    assert second.startswith("AAPL XNAS Rejected NaN reason 5 Tiingo")
    assert "1204 2026-11-20 17:02:11 UTC 2026-11-20 18:57:11 UTC —" in second


@pytest.mark.both_databases
@pytest.mark.parametrize(("query", "reasons"), [
    ("kind=rejected", {0, 2}), ("kind=possible+split", {1}), ("kind=nonsense", {0, 1, 2, 3}),
    ("symbol=AAPL", {0}), ("symbol=aapl+", {0}), ("symbol=SHEL", {1, 2, 3}), ("symbol=SHEL.L", {3}),
    ("symbol=SHEL&kind=rejected", {2}), ("symbol=NOPE", set()), ("symbol=%00", set()),
    ("symbol=AAPL&kind=older", set()),
])
def test_findings_are_filtered_by_kind_and_by_stock(
        browser: Browser, stocks: list[InstrumentRow], query: str, reasons: set[int]) -> None:
    db.session.add_all([
        finding(stocks[0], 0), finding(stocks[1], 1, kind=Finding.SPLIT.value), finding(stocks[1], 2),
        finding(stocks[2], 3, kind=Finding.UNCONFIRMED.value)])
    db.session.commit()
    page = browser.get(f"{PAGE}?{query}")
    assert page.status_code == 200
    assert {int(number) for number in re.findall(r"reason (\d+)", page.text)} == reasons
    if not reasons:
        assert "No stock here is called" in page.text or "Nothing of that kind was found." in page.text


def test_what_was_typed_stays_in_the_filter_and_in_the_links_to_other_pages(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    db.session.add_all(finding(stocks[1], number) for number in range(2 * PER_PAGE + 1))
    db.session.commit()
    page = browser.get(f"{PAGE}?kind=rejected&symbol=SHEL&page=2").text
    assert '<option value="rejected" selected>' in page
    assert 'name="symbol" value="SHEL"' in page
    assert "51 to 100 of 101" in page
    links = re.findall(r'rel="(prev|next)" href="([^"]+)"', page)
    assert links == [("prev", f"{PAGE}?page=1&amp;kind=rejected&amp;symbol=SHEL"),
                     ("next", f"{PAGE}?page=3&amp;kind=rejected&amp;symbol=SHEL")]


@pytest.mark.parametrize(("number", "shown"), [
    ("1", "1 to 50"), ("3", "101 to 101"), ("9" * 20, "101 to 101"), ("-1", "1 to 50"), ("x", "1 to 50")])
def test_any_number_of_a_page_leads_to_one_that_there_is(
        browser: Browser, stocks: list[InstrumentRow], number: str, shown: str) -> None:
    db.session.add_all(finding(stocks[0], each) for each in range(2 * PER_PAGE + 1))
    db.session.commit()
    assert f"{shown} of 101" in browser.get(f"{PAGE}?page={number}").text


def test_of_very_many_that_wait_the_newest_are_shown_and_all_are_counted(app: Flask, browser: Browser) -> None:
    many = MOST_HOLDS + 5
    rows = [InstrumentRow(symbol=f"S{number}", mic="XNAS", name="", currency="USD", country="US")
            for number in range(many)]
    db.session.add_all(rows)
    db.session.commit()
    for row in rows:
        add_hold(row, "150")
    page = browser.get(PAGE).text
    assert f"Waiting to be confirmed: {many}" in page
    assert len(cells(page)) == MOST_HOLDS


@pytest.mark.both_databases
def test_ten_thousand_findings_cost_a_handful_of_queries_and_no_time(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    db.session.add_all(finding(stocks[number % 3], number) for number in range(10_000))
    db.session.commit()
    for stock in stocks:
        add_hold(stock, "150")
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    assert browser.get(f"{PAGE}?page=150").status_code == 200
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) == 4, "the person, the holds, the number of findings, a page of them"
    times = []
    for _ in range(5):
        began = time.perf_counter()
        browser.get(f"{PAGE}?page=150")
        times.append(time.perf_counter() - began)
    assert min(times) < 0.1
