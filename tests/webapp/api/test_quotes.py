"""Quotes in the API: one, and many at once."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import add_quote, add_snapshot, add_stock
from tests.webapp.api.conftest import Program
from webapp.api.v1.quotes import COLUMNS, QuoteOut, QuotesOut
from webapp.extensions import db


@pytest.fixture
def priced(app: Flask) -> None:
    """Two stocks with a price, one without."""
    stock = add_stock("ACME")
    add_quote(stock, "101.50", previous_close="100.00", open="99", volume=1234, version=7)
    add_snapshot(stock)
    add_quote(add_stock("BRK.B", "XNYS"), "0.000012")
    add_stock("NEW")


def body(program: Program, path: str) -> dict[str, Any]:
    answer = program.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json or {}
    return found


@pytest.mark.both_databases
def test_a_quote_has_every_digit_and_says_how_fresh_it_is(priced: None, nobody: Program) -> None:
    quote = body(nobody, "/quotes/ACME")
    QuoteOut.model_validate(quote)
    assert tuple(quote) == COLUMNS
    figures = ("key", "price", "previous_close", "open", "high", "change", "change_percent", "volume", "as_of", "stage")
    assert [quote[name] for name in figures] == [
        "XNAS:ACME", "101.50", "100.00", "99", None, "1.50", "1.5000", 1234, "2026-11-20T19:02:11Z", 2]


def test_a_tiny_price_is_written_out(priced: None, nobody: Program) -> None:
    assert body(nobody, "/quotes/BRK-B")["price"] == "0.000012"


def test_a_stock_without_a_price_has_nulls(priced: None, nobody: Program) -> None:
    quote = body(nobody, "/quotes/NEW")
    QuoteOut.model_validate(quote)
    assert (quote["price"], quote["as_of"], quote["state"]) == (None, None, "No price yet")


def test_quotes_come_once_each_in_the_order_they_were_asked_for(priced: None, nobody: Program) -> None:
    found = body(nobody, "/quotes?symbols=NEW,,XNYS:BRK.B, acme ,NASDAQ:ACME")
    QuotesOut.model_validate(found)
    assert [item["key"] for item in found["items"]] == ["XNAS:NEW", "XNYS:BRK.B", "XNAS:ACME"]
    assert found["next"] is None


def test_quotes_come_as_csv(priced: None, nobody: Program) -> None:
    for options in ({"path": "/quotes.csv?symbols=ACME,NEW"},
                    {"path": "/quotes?symbols=ACME,NEW", "headers": {"Accept": "text/csv"}}):
        rows = list(csv.DictReader(io.StringIO(nobody.get(**options).text)))
        assert [(row["key"], row["price"]) for row in rows] == [("XNAS:ACME", "101.50"), ("XNAS:NEW", "")]


@pytest.mark.parametrize(("path", "status", "code"), [
    ("/quotes/NIX", 404, "unknown-symbol"), ("/quotes?symbols=ACME,NIX", 404, "unknown-symbol"),
    ("/quotes", 422, "invalid"), ("/quotes?symbols=", 422, "invalid"),
    ("/quotes?symbols=" + ",".join(f"S{number}" for number in range(501)), 422, "invalid"),
    ("/quotes?symbols=ACME&page=2", 422, "invalid")])
def test_what_cannot_be_answered_says_why(priced: None, nobody: Program, path: str, status: int, code: str) -> None:
    answer = nobody.get(path)
    assert (answer.status_code, answer.json and answer.json["code"]) == (status, code)


def test_a_form_that_there_is_not_is_refused(priced: None, nobody: Program) -> None:
    for path in ("/quotes/ACME", "/quotes?symbols=ACME"):
        assert nobody.get(path, headers={"Accept": "application/xml"}).status_code == 406


def test_who_has_the_quote_is_told_so_until_it_changes(priced: None, nobody: Program) -> None:
    from webapp.models import QuoteRow

    tag = nobody.get("/quotes/ACME").headers["ETag"]
    assert nobody.get("/quotes/ACME", headers={"If-None-Match": tag}).status_code == 304
    db.session.query(QuoteRow).filter(QuoteRow.version == 7).one().version = 8
    db.session.commit()
    assert nobody.get("/quotes/ACME", headers={"If-None-Match": tag}).status_code == 200


def test_many_quotes_take_no_more_statements_than_few(priced: None, nobody: Program) -> None:
    seen: list[object] = []

    def note(*found: object) -> None:
        seen.append(found[2])

    names = ["ACME"]
    for number in range(40):
        add_quote(add_stock(f"S{number}"), "5", version=10 + number)
        names.append(f"S{number}")
    event.listen(db.engine, "before_cursor_execute", note)
    body(nobody, "/quotes?symbols=ACME")
    few, many = len(seen), body(nobody, f"/quotes?symbols={','.join(names)}")
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(many["items"]) == 41
    assert len(seen) == 2 * few
