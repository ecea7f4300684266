"""Stocks in the API: listed, one, and searched."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import add_stock
from tests.webapp.api.conftest import Program
from webapp.api.v1.instruments import FoundOut, InstrumentOut, InstrumentsOut
from webapp.extensions import db


@pytest.fixture
def stocks(app: Flask) -> None:
    """Six of them, one given up for another."""
    add_stock("SPY", "ARCX", kind="etf", sector="Fund", name="S&P 500 Fund")
    add_stock("AAPL", name="Apple Inc.", sector="Information Technology", figi="BBG001S5N8V8",
              listed_on=dt.date(1980, 12, 12))
    add_stock("META", name="Meta Platforms")
    add_stock("FB", name="Facebook", status="renamed", status_day=dt.date(2022, 6, 9), renamed_to="XNAS:META")
    add_stock("TSCO", "XLON", name="Tesco", currency="GBP", unit="GBX", country="GB", decimals=4)
    add_stock("TSCO", name="Tractor Supply")


def keys(program: Program, path: str) -> list[str]:
    answer = program.get(path)
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json["items"]]  # type: ignore[index]


def body(program: Program, path: str) -> dict[str, Any]:
    found: dict[str, Any] = program.get(path).json or {}
    return found


@pytest.mark.both_databases
def test_all_stocks_come_by_symbol_and_exchange_a_page_at_a_time(stocks: None, nobody: Program) -> None:
    path, found = "/instruments?limit=2", []
    while path:
        page = body(nobody, path)
        InstrumentsOut.model_validate(page)
        found += [item["key"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert found == ["XNAS:AAPL", "XNAS:FB", "XNAS:META", "ARCX:SPY", "XLON:TSCO", "XNAS:TSCO"]


@pytest.mark.parametrize(("query", "expected"), [
    ("mic=XLON", ["XLON:TSCO"]), ("mic=xlon", ["XLON:TSCO"]), ("kind=etf", ["ARCX:SPY"]),
    ("sector=Information+Technology", ["XNAS:AAPL"]), ("status=renamed", ["XNAS:FB"]), ("mic=XETR", []),
    ("symbols=XNAS:TSCO,AAPL", ["XNAS:AAPL", "XNAS:TSCO"]), ("symbols=XNAS:TSCO,AAPL&mic=XNAS&limit=1", ["XNAS:AAPL"]),
])
def test_stocks_are_narrowed_down(stocks: None, nobody: Program, query: str, expected: list[str]) -> None:
    assert keys(nobody, f"/instruments?{query}") == expected


def test_one_stock_is_told_with_all_that_is_known_of_it(stocks: None, nobody: Program) -> None:
    apple = body(nobody, "/instruments/NASDAQ:AAPL")
    InstrumentOut.model_validate(apple)
    assert apple == {
        "key": "XNAS:AAPL", "symbol": "AAPL", "mic": "XNAS", "exchange": "NASDAQ", "name": "Apple Inc.",
        "currency": "USD", "unit": "USD", "country": "US", "kind": "stock", "decimals": 2,
        "sector": "Information Technology", "status": "listed", "status_day": None, "renamed_to": None,
        "figi": "BBG001S5N8V8", "listed_on": "1980-12-12", "benchmark": "ARCX:SPY"}


def test_a_stock_in_pence_says_so_and_has_no_benchmark_of_another_currency(stocks: None, nobody: Program) -> None:
    tesco = body(nobody, "/instruments/TSCO.L")
    assert (tesco["key"], tesco["currency"], tesco["unit"], tesco["benchmark"]) == ("XLON:TSCO", "GBP", "GBX", None)


def test_what_measures_the_others_is_measured_by_nothing(stocks: None, nobody: Program) -> None:
    assert body(nobody, "/instruments/SPY")["benchmark"] is None


def test_a_given_up_symbol_says_what_it_is_called_now(stocks: None, nobody: Program) -> None:
    given_up = body(nobody, "/instruments/FB")
    assert (given_up["status"], given_up["status_day"], given_up["renamed_to"]) == ("renamed", "2022-06-09",
                                                                                  "XNAS:META")


@pytest.mark.parametrize(("path", "status", "code"), [
    ("/instruments/NIX", 404, "unknown-symbol"), ("/instruments/TSCO", 409, "ambiguous-symbol"),
    ("/instruments/%00", 404, "unknown-symbol"), ("/instruments?symbols=NIX", 404, "unknown-symbol"),
    ("/instruments?symbols=,", 422, "invalid"), ("/instruments?mic=NASDAQ", 422, "invalid"),
    ("/instruments?kind=thing", 422, "invalid"), ("/instruments?limit=1001", 422, "invalid"),
    ("/instruments?after=WzFd", 422, "bad-cursor"), ("/instruments?colour=red", 422, "invalid"),
    ("/search", 422, "invalid"), ("/search?q=%00", 422, "invalid"), ("/search?q=a&limit=0", 422, "invalid"),
])
def test_what_cannot_be_answered_says_why(stocks: None, nobody: Program, path: str, status: int, code: str) -> None:
    answer = nobody.get(path)
    assert (answer.status_code, answer.json and answer.json["code"]) == (status, code)


def test_an_ambiguous_symbol_names_what_it_may_mean(stocks: None, nobody: Program) -> None:
    assert body(nobody, "/instruments/TSCO")["candidates"] == ["XLON:TSCO", "XNAS:TSCO"]


@pytest.mark.both_databases
def test_a_search_has_the_likeliest_first(stocks: None, nobody: Program) -> None:
    found = body(nobody, "/search?q=tesco")
    FoundOut.model_validate(found)
    assert [item["key"] for item in found["items"]] == ["XLON:TSCO"]
    assert keys(nobody, "/search?q=TSCO")[:2] == ["XLON:TSCO", "XNAS:TSCO"]
    assert keys(nobody, "/search?q=TSCO&mic=XNAS") == ["XNAS:TSCO"]
    assert keys(nobody, "/search?q=s&kind=etf") == ["ARCX:SPY"]
    assert keys(nobody, "/search?q=s&limit=1") == ["ARCX:SPY"]
    assert keys(nobody, "/search?q=%20%20") == []


def test_stocks_come_as_csv_with_the_next_page_in_a_header(stocks: None, nobody: Program) -> None:
    answer = nobody.get("/instruments.csv?limit=1&mic=XNAS")
    head, row = answer.text.splitlines()
    assert head.split(",")[:3] == ["key", "symbol", "mic"]
    assert row.startswith("XNAS:AAPL,AAPL,XNAS,NASDAQ,Apple Inc.,USD")
    assert 'rel="next"' in answer.headers["Link"]
    assert nobody.get("/search", query_string={"q": "apple"}, headers={"Accept": "text/csv"}).mimetype == "text/csv"


def test_who_has_the_list_already_is_told_so(stocks: None, nobody: Program) -> None:
    for path in ("/instruments", "/instruments/AAPL", "/search?q=apple"):
        tag = nobody.get(path).headers["ETag"]
        assert nobody.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_more_stocks_take_no_more_statements(stocks: None, nobody: Program) -> None:
    few = statements_of(nobody, "/instruments")
    for number in range(30):
        add_stock(f"S{number}")
    assert statements_of(nobody, "/instruments") == few <= 3


def statements_of(program: Program, path: str) -> int:
    """Return how many statements a call sends to the database."""
    seen: list[object] = []

    def note(*found: object) -> None:
        seen.append(found[2])

    event.listen(db.engine, "before_cursor_execute", note)
    assert program.get(path).status_code == 200
    event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)
