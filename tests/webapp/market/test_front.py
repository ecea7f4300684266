"""The market page: the starter list, live, for anybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event

from tests.factories import add_quote, add_stock
from webapp.extensions import db
from webapp.live.bus import watched_ids


def symbols_on(page: str) -> list[str]:
    return re.findall(r'data-symbol="([^"]+)"', page)


def add_starter_list(count: int) -> list[int]:
    stocks = [add_stock(f"S{number:03}", starter=True) for number in range(count)]
    for stock in stocks:
        add_quote(stock, "10.25", previous_close="10", open="10", low="9", high="11", volume=12345,
                  spark={"prices": [str(9 + (place * 37 % 20) / 10) for place in range(64)]})
    return [stock.id for stock in stocks]


def test_anybody_sees_the_starter_list_live(client: FlaskClient) -> None:
    ids = add_starter_list(3)
    add_stock("OTHER")
    answer = client.get("/")
    assert answer.status_code == 200
    assert symbols_on(answer.text) == ["S000", "S001", "S002"]
    assert f'ids={ids[0]},{ids[1]},{ids[2]}&amp;since=0"' in answer.text
    assert ">10.25" in answer.text


def test_symbols_that_are_numbers_come_last(client: FlaskClient) -> None:
    for symbol in ("7203", "ZZZ", "0700", "AAA"):
        add_stock(symbol, starter=True)
    assert symbols_on(client.get("/").text) == ["AAA", "ZZZ", "0700", "7203"]


def test_it_sorts_by_any_column(client: FlaskClient) -> None:
    for symbol, price in (("A", "5"), ("B", None), ("C", "7")):
        stock = add_stock(symbol, starter=True)
        if price:
            add_quote(stock, price)
    assert symbols_on(client.get("/?sort=price&dir=desc").text) == ["C", "A", "B"]
    assert symbols_on(client.get("/?sort=price&dir=asc").text) == ["A", "C", "B"]
    assert symbols_on(client.get("/?sort=';--&dir=<").text) == ["A", "B", "C"]


def test_what_is_shown_counts_as_watched(client: FlaskClient, redis: Redis) -> None:
    ids = add_starter_list(2)
    client.head("/")
    assert watched_ids(redis) == set()
    client.get("/")
    assert watched_ids(redis) == set(ids)


def test_an_empty_market_says_how_to_fill_it(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "No stocks yet" in page


@pytest.mark.both_databases
def test_the_number_of_queries_is_five_however_long_the_list(app: Flask, client: FlaskClient) -> None:
    add_starter_list(30)
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    assert client.get("/").status_code == 200
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) == 5, "version, stocks, quotes, stages, and whether the page offers to sign up"


def test_the_page_has_no_inline_script_or_style(client: FlaskClient) -> None:
    add_starter_list(2)
    page = client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
