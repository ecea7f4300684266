"""Quotes for machines, by symbol."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from redis import Redis

from tests.factories import add_quote, add_stock
from webapp.live.bus import watched_ids
from webapp.models import InstrumentRow


@pytest.fixture
def stocks(client: FlaskClient) -> list[InstrumentRow]:
    """Apple with a price, and Shell on two exchanges."""
    rows = [add_stock("AAPL"), add_stock("SHEL", "XLON", currency="GBX"), add_stock("SHEL", "XNYS")]
    add_quote(rows[0], "180.50", previous_close="181")
    return rows


def test_quotes_come_in_the_order_they_are_asked_for(client: FlaskClient, stocks: list[InstrumentRow]) -> None:
    answer = client.get("/quotes.json?symbols=XLON:SHEL,%20aapl,NASDAQ:AAPL")
    assert answer.status_code == 200
    content = json.loads(answer.data)
    assert [(row["mic"], row["symbol"], row["price"]) for row in content["quotes"]] == [
        ("XLON", "SHEL", None), ("XNAS", "AAPL", "180.50")]
    assert content["errors"] == []


def test_unknown_and_ambiguous_symbols_are_said_beside_the_rest(
        client: FlaskClient, stocks: list[InstrumentRow]) -> None:
    content = json.loads(client.get("/quotes.json?symbols=AAPL,SHEL,NOPE").data)
    assert [row["symbol"] for row in content["quotes"]] == ["AAPL"]
    assert content["errors"] == [
        {"symbol": "SHEL", "error": "ambiguous", "candidates": ["XLON:SHEL", "XNYS:SHEL"]},
        {"symbol": "NOPE", "error": "unknown"}]


def test_nothing_found_is_404_and_says_why(client: FlaskClient) -> None:
    answer = client.get("/quotes.json?symbols=NOPE")
    assert answer.status_code == 404
    assert json.loads(answer.data) == {"quotes": [], "errors": [{"symbol": "NOPE", "error": "unknown"}]}


@pytest.mark.parametrize("symbols", ["", ",,", ",".join(f"S{number}" for number in range(201))])
def test_none_or_too_many_symbols_are_refused_in_json(client: FlaskClient, symbols: str) -> None:
    answer = client.get(f"/quotes.json?symbols={symbols}")
    assert answer.status_code == 400
    assert "Name 1 to 200 symbols" in json.loads(answer.data)["error"]["message"]


def test_it_is_not_sent_again_until_it_changes(client: FlaskClient, stocks: list[InstrumentRow]) -> None:
    path = "/quotes.json?symbols=AAPL,XNYS:SHEL"
    headers = {"If-None-Match": client.get(path).headers["ETag"]}
    assert client.get(path, headers=headers).status_code == 304
    add_quote(stocks[2], "70")
    assert client.get(path, headers=headers).status_code == 200


def test_what_is_asked_for_counts_as_watched(client: FlaskClient, stocks: list[InstrumentRow], redis: Redis) -> None:
    client.get("/quotes.json?symbols=AAPL")
    assert watched_ids(redis) == {stocks[0].id}
