"""A person's lists over the API: the same lists that pages show."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import event

from tests.factories import add_quote, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.api.lists import keys, mine, stocks, tech
from tests.webapp.people import Bells, bells
from webapp import lists
from webapp.extensions import db
from webapp.models import InstrumentRow, User, Watchlist
from webapp.watchlists import service

__all__ = ["bells", "mine", "stocks", "tech"]


# Reading


@pytest.mark.both_databases
def test_all_lists_come_in_the_persons_order(mine: Program, tech: Watchlist, person: User) -> None:
    other = service.create_watchlist(person.id, "=1+1")
    service.move_watchlist(person.id, other.id, service.Move(place=1))
    db.session.commit()
    assert mine.get("/watchlists").json == {"items": [
        {"id": other.id, "name": "=1+1", "position": 1, "stocks": 0},
        {"id": tech.id, "name": "Tech", "position": 2, "stocks": 3}], "next": None}
    assert mine.get("/watchlists.csv").text == (
        f"id,name,position,stocks\r\n{other.id},'=1+1,1,0\r\n{tech.id},Tech,2,3\r\n")


def test_who_has_no_list_gets_an_empty_one(mine: Program) -> None:
    assert mine.get("/watchlists").json == {"items": [], "next": None}
    assert mine.get("/watchlists.csv").text == "id,name,position,stocks\r\n"


@pytest.mark.both_databases
def test_one_list_comes_whole(mine: Program, tech: Watchlist) -> None:
    answer = mine.get(f"/watchlists/{tech.id}")
    assert answer.json == {
        "id": tech.id, "name": "Tech", "position": 1, "columns": list(service_columns()),
        "created_at": tech.created_at.isoformat().replace("+00:00", "Z"),
        "items": [{"key": "XNAS:AAPL", "position": 1, "note": None, "quote": None},
                  {"key": "XNAS:MSFT", "position": 2, "note": "cloud", "quote": None},
                  {"key": "XNYS:IBM", "position": 3, "note": None, "quote": None}]}


def service_columns() -> tuple[str, ...]:
    """Return what a new list shows."""
    from webapp.api.v1.watchlists import SHOWN

    return SHOWN


def test_a_list_comes_with_quotes_where_they_are_wanted(mine: Program, tech: Watchlist,
                                                        stocks: list[InstrumentRow]) -> None:
    add_quote(stocks[0], "228.520")
    found = mine.get(f"/watchlists/{tech.id}?with=quotes").json
    assert found
    assert [item["quote"]["price"] for item in found["items"]] == ["228.520", None, None]
    assert found["items"][0]["quote"] == mine.get("/quotes/AAPL").json
    assert mine.get(f"/watchlists/{tech.id}?with=moon").status_code == 422


def test_the_quotes_of_a_list_come_with_its_notes(mine: Program, tech: Watchlist, stocks: list[InstrumentRow],
                                                  redis: Redis) -> None:
    add_quote(stocks[0], "228.52")
    rows = mine.get(f"/watchlists/{tech.id}/quotes").json
    assert rows
    assert [(row["key"], row["price"], row["note"]) for row in rows["items"]] == [
        ("XNAS:AAPL", "228.52", None), ("XNAS:MSFT", None, "cloud"), ("XNYS:IBM", None, None)]
    csv = mine.get(f"/watchlists/{tech.id}/quotes.csv")
    assert csv.mimetype == "text/csv"
    assert csv.text.splitlines()[0].endswith(",note")
    assert csv.text.splitlines()[2].endswith(",cloud")
    assert redis.zcard("stagewatch:watched") == 3


def test_a_whole_list_costs_as_many_queries_as_a_short_one(mine: Program, tech: Watchlist, app: Flask) -> None:
    counted: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    mine.get(f"/watchlists/{tech.id}?with=quotes")
    short = len(counted)
    service.add_symbols(tech, [add_stock(f"S{number}").id for number in range(40)])
    db.session.commit()
    counted.clear()
    assert len(keys(mine.get(f"/watchlists/{tech.id}?with=quotes"))) == 43
    assert len(counted) <= short


def test_a_list_is_not_sent_again_to_who_has_it(mine: Program, tech: Watchlist, stocks: list[InstrumentRow]) -> None:
    path = f"/watchlists/{tech.id}"
    for query in ("", "?with=quotes"):
        tag = mine.get(path + query).headers["ETag"]
        assert mine.get(path + query, headers={"If-None-Match": tag}).status_code == 304
    add_quote(stocks[0], "1")
    assert mine.get(path + "?with=quotes", headers={"If-None-Match": tag}).status_code == 200


# Changing


@pytest.mark.both_databases
def test_a_list_is_made_with_its_stocks(mine: Program, stocks: list[InstrumentRow], bells: Bells) -> None:
    answer = mine.call("POST", "/watchlists", {"name": "  My   list ", "symbols": ["MSFT", "XLON:SHEL"]})
    assert answer.status_code == 201
    assert answer.json
    assert (answer.json["name"], answer.json["position"]) == ("My list", 1)
    assert answer.headers["Location"] == f"/api/v1/watchlists/{answer.json['id']}"
    assert keys(mine.get(answer.headers["Location"].removeprefix("/api/v1"))) == ["XNAS:MSFT", "XLON:SHEL"]
    assert len(bells()) == 1


def test_of_a_list_with_an_unknown_stock_nothing_is_made(mine: Program, stocks: list[InstrumentRow]) -> None:
    answer = mine.call("POST", "/watchlists", {"name": "Tech", "symbols": ["AAPL", "NIX", "SHEL", "NADA"]})
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["code"] == "unknown-symbol"
    assert [error["field"] for error in answer.json["errors"]] == ["symbols.1", "symbols.2", "symbols.3"]
    ambiguous = mine.call("POST", "/watchlists", {"name": "Tech", "symbols": ["AAPL", "SHEL"]})
    assert (ambiguous.status_code, ambiguous.json and ambiguous.json["code"]) == (409, "ambiguous-symbol")
    assert mine.get("/watchlists").json == {"items": [], "next": None}


def test_two_lists_never_have_one_name(mine: Program, tech: Watchlist, person: User) -> None:
    answer = mine.call("POST", "/watchlists", {"name": "Tech"})
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, "name-taken")
    other = mine.call("POST", "/watchlists", {"name": "Other"}).json
    assert other
    answer = mine.call("PATCH", f"/watchlists/{other['id']}", {"name": "Tech", "position": 1})
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, "name-taken")
    assert [row["name"] for row in mine.get("/watchlists").json["items"]] == ["Tech", "Other"]  # type: ignore[index]


def test_there_is_an_end_to_lists_and_to_stocks_on_one(mine: Program, tech: Watchlist, stocks: list[InstrumentRow],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_LISTS", 1)
    monkeypatch.setattr(lists, "MAX_STOCKS", 4)
    for path, body in (("/watchlists", {"name": "More"}),
                       (f"/watchlists/{tech.id}/items", {"symbols": ["XNYS:SHEL", "XLON:SHEL"]})):
        answer = mine.call("POST", path, body)
        assert (answer.status_code, answer.json and answer.json["code"]) == (409, "full")
    assert len(keys(mine.get(f"/watchlists/{tech.id}"))) == 3


@pytest.mark.parametrize(("body", "field"), [
    ({"name": ""}, "name"), ({"name": " \t"}, "name"), ({"name": "x" * 81}, "name"), ({"name": None}, "name"),
    ({"position": 0}, "position"), ({"position": 10**30}, "position"), ({"position": "first"}, "position"),
    ({"columns": ["moon"]}, "columns"), ({"columns": "price"}, "columns"), ({"colour": "red"}, "colour")])
def test_every_wrong_field_of_a_change_is_named(mine: Program, tech: Watchlist, body: Any, field: str) -> None:
    answer = mine.call("PATCH", f"/watchlists/{tech.id}", body)
    assert answer.status_code == 422
    assert answer.json
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.both_databases
def test_a_list_gets_another_name_place_and_columns(mine: Program, tech: Watchlist, person: User,
                                                    bells: Bells) -> None:
    service.create_watchlist(person.id, "Other")
    db.session.commit()
    answer = mine.call("PATCH", f"/watchlists/{tech.id}",
                       {"name": "Big tech", "position": 99, "columns": ["stage", "price", "change"]})
    assert answer.json
    assert {name: answer.json[name] for name in ("name", "position", "columns")} == {
        "name": "Big tech", "position": 2, "columns": ["price", "change", "stage"]}
    assert len(bells()) == 1
    again = mine.call("PATCH", f"/watchlists/{tech.id}", {"columns": answer.json["columns"]})
    assert again.json == answer.json
    assert mine.call("PATCH", f"/watchlists/{tech.id}", {}).json == answer.json


@pytest.mark.both_databases
def test_a_list_is_deleted_once(mine: Program, tech: Watchlist) -> None:
    assert mine.call("DELETE", f"/watchlists/{tech.id}").status_code == 204
    assert mine.call("DELETE", f"/watchlists/{tech.id}").status_code == 404
    assert mine.get(f"/watchlists/{tech.id}").status_code == 404


@pytest.mark.both_databases
def test_stocks_are_added_all_or_none(mine: Program, tech: Watchlist, bells: Bells) -> None:
    path = f"/watchlists/{tech.id}/items"
    assert mine.call("POST", path, {"symbols": ["XLON:SHEL", "NIX"]}).status_code == 404
    assert len(keys(mine.get(f"/watchlists/{tech.id}"))) == 3
    assert len(bells()) == 0
    answer = mine.call("POST", path, {"symbols": ["XLON:SHEL", "MSFT", "SHEL.L"]})
    assert answer.json == {"added": ["XLON:SHEL"], "already_there": ["XNAS:MSFT"]}
    assert len(bells()) == 1
    assert mine.call("POST", path, {"symbols": []}).status_code == 422


@pytest.mark.both_databases
def test_a_stock_is_taken_off_once(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}/items/XNAS:MSFT"
    assert mine.call("DELETE", path).status_code == 204
    assert mine.call("DELETE", path).status_code == 404
    assert keys(mine.get(f"/watchlists/{tech.id}")) == ["XNAS:AAPL", "XNYS:IBM"]


@pytest.mark.both_databases
def test_a_stock_gets_another_place_and_note(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}/items/IBM"
    answer = mine.call("PATCH", path, {"position": 1, "note": "old\r\nblue "})
    assert answer.json == {"key": "XNYS:IBM", "position": 1, "note": "old\nblue", "quote": None}
    assert mine.call("PATCH", path, {"position": 99}).json == answer.json | {"position": 3}
    assert mine.call("PATCH", f"/watchlists/{tech.id}/items/XLON:SHEL", {}).status_code == 404
    assert mine.call("PATCH", path, {"note": None}).status_code == 422


@pytest.mark.both_databases
def test_a_list_is_put_in_order_as_a_whole(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}/order"
    assert keys(mine.call("PUT", path, {"symbols": ["IBM", "AAPL", "MSFT"]})) == ["XNYS:IBM", "XNAS:AAPL", "XNAS:MSFT"]
    for wrong in (["IBM", "AAPL"], ["IBM", "AAPL", "MSFT", "XLON:SHEL"], ["IBM", "AAPL", "MSFT", "XNYS:IBM"], []):
        answer = mine.call("PUT", path, {"symbols": wrong})
        assert (answer.status_code, answer.json and answer.json["code"]) == (409, "not-the-same-stocks")


def test_an_empty_list_is_in_order(mine: Program, person: User) -> None:
    made = mine.call("POST", "/watchlists", {"name": "Empty"}).json
    assert made
    assert keys(mine.call("PUT", f"/watchlists/{made['id']}/order", {"symbols": []})) == []
