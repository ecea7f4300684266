"""The list of stocks: who may see it, how it is searched, filtered and paged."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import add_quote, add_stock
from tests.webapp.people import Browser
from webapp.extensions import db
from webapp.models import InstrumentRow, VendorSymbol
from webapp.stocks import browsing
from webapp.stocks.browsing import Asked, stocks_page

PAGE = "/admin/stocks"


@pytest.fixture
def stocks(app: Flask) -> list[InstrumentRow]:
    """One with a price, one without, one that was delisted, one that a provider writes otherwise."""
    rows = [add_stock("AAPL", name="Apple Inc."), add_stock("MSFT", name="Microsoft"),
            add_stock("OLD", status="delisted", status_day=dt.date(2026, 11, 3), set_by_admin="status"),
            add_stock("BRK.B", "XNYS", name="Berkshire Hathaway")]
    add_quote(rows[0], "200.10")
    db.session.add(VendorSymbol(instrument_id=rows[3].id, provider="finnhub", symbol="BRK/B"))
    db.session.commit()
    return rows


def shown(text: str, *symbols: str) -> list[str]:
    """Return which of these stocks are on a page."""
    return [name for name in symbols or ("AAPL", "BRK.B", "MSFT", "OLD") if f">{name}</a>" in text]


def test_all_stocks_stand_in_the_order_of_their_symbols(browser: Browser, stocks: list[InstrumentRow]) -> None:
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert shown(page.text) == ["AAPL", "BRK.B", "MSFT", "OLD"]
    assert f'href="{PAGE}/XNYS/BRK.B"' in page.text
    assert "Delisted since 3 Nov 2026" in page.text
    assert "set by an admin: status" in page.text
    assert 'aria-current="page">Stocks</a>' in page.text


@pytest.mark.parametrize(("words", "found"), [
    ("kind=ended", ["OLD"]), ("kind=priceless", ["BRK.B", "MSFT"]), ("kind=mapped", ["BRK.B"]), ("kind=set", ["OLD"]),
    ("q=berk", ["BRK.B"]), ("q=old&kind=priceless", []), ("q=nothing-like-it", []), ("q=%00", []),
    ("kind=nonsense", ["AAPL", "BRK.B", "MSFT", "OLD"]), ("after=%00", ["AAPL", "BRK.B", "MSFT", "OLD"])])
def test_it_is_searched_and_filtered(
        browser: Browser, stocks: list[InstrumentRow], words: str, found: list[str]) -> None:
    page = browser.get(f"{PAGE}?{words}")
    assert page.status_code == 200
    if words != "q=%00":
        assert shown(page.text) == found
    assert ("No stock is like that" in page.text) == (not found and words != "q=%00")


def test_a_text_finds_the_stocks_of_a_kind_also_behind_many_likelier_ones_of_another(
        browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PER_PAGE", 2)
    for symbol in ("ZA", "ZB", "ZC"):
        add_quote(add_stock(symbol), "1")
    add_stock("ZZZZZ", status="delisted")
    db.session.commit()
    assert shown(browser.get(f"{PAGE}?q=z&kind=ended").text, "ZZZZZ") == ["ZZZZZ"]


def test_an_admin_s_pages_are_nobody_else_s(visitor: Browser, stranger: Browser, stocks: list[InstrumentRow]) -> None:
    for path in (PAGE, f"{PAGE}/XNAS/AAPL", f"{PAGE}/XNAS/AAPL/merge"):
        assert stranger.get(path).status_code == 404
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Location"][:6]) == (303, "/login")
    for name in ("edit", "mark", "symbols", "directories", "merge"):
        assert stranger.post(f"{PAGE}/XNAS/AAPL/{name}").status_code == 404
        assert visitor.post(f"{PAGE}/XNAS/AAPL/{name}").status_code == 303


@pytest.mark.both_databases
def test_pages_of_many_stocks_meet_without_a_gap(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PER_PAGE", 3)
    for number in range(8):
        add_stock(f"S{number}")
    seen, page = [], stocks_page(Asked())
    while True:
        seen += [one.row.symbol for one in page.stocks]
        if not page.after:
            break
        page = stocks_page(Asked(after=page.after))
    assert seen == [f"S{number}" for number in range(8)]
    back = stocks_page(Asked(before=page.before))
    assert [one.row.symbol for one in back.stocks] == ["S3", "S4", "S5"]
    first = stocks_page(Asked(before=back.before))
    assert ([one.row.symbol for one in first.stocks], first.before) == (["S0", "S1", "S2"], "")


def test_a_page_takes_a_handful_of_statements_however_many_it_shows(app: Flask) -> None:
    for number in range(30):
        add_stock(f"S{number}", status="delisted" if number % 2 else "listed")
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    db.session.expire_all()
    stocks_page(Asked())
    assert len(statements) <= 6
