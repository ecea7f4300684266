"""Notes, If-Match and strangers: what else holds of a person's lists over the API."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from tests.webapp.api.conftest import Program
from tests.webapp.api.lists import Make, mine, stocks, tech
from tests.webapp.people import Bells, bells
from webapp.accounts import service as accounts
from webapp.extensions import db
from webapp.models import InstrumentRow, Scope, User, Watchlist
from webapp.watchlists import service

__all__ = ["bells", "mine", "stocks", "tech"]


# If-Match


def changes(path: str) -> list[tuple[str, str, Any]]:
    """Return every change of a list that honours If-Match."""
    item = f"{path}/items/XNAS:MSFT"
    return [("PATCH", path, {"name": "X"}), ("PUT", f"{path}/order", {"symbols": ["IBM", "AAPL", "MSFT"]}),
            ("POST", f"{path}/items", {"symbols": ["XLON:SHEL"]}), ("PATCH", item, {"note": "x"}),
            ("PUT", f"{item}/note", {"text": "x"}), ("DELETE", f"{item}/note", None), ("DELETE", item, None),
            ("DELETE", path, None)]


def test_who_saw_another_state_changes_nothing(mine: Program, tech: Watchlist, stocks: list[InstrumentRow],
                                               bells: Bells) -> None:
    path = f"/watchlists/{tech.id}"
    seen = mine.get(path)
    service.write_note(tech, stocks[0].id, "changed in the browser")
    db.session.commit()
    now = mine.get(path).json
    for method, place, body in changes(path):
        answer = mine.call(method, place, body, headers={"If-Match": seen.headers["ETag"]})
        assert (answer.status_code, answer.json and answer.json["code"]) == (412, "changed-meanwhile"), place
    assert mine.get(path).json == now
    assert len(bells()) == 0


def test_who_saw_this_state_changes_it_and_goes_on_from_the_answer(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}"
    tag = mine.get(f"{path}?with=quotes").headers["ETag"]
    for method, place, body in changes(path):
        answer = mine.call(method, place, body, headers={"If-Match": tag})
        assert answer.status_code in {200, 204}, (method, place, answer.text)
        tag = answer.headers.get("ETag", "")
        if place == path and method == "PATCH":
            assert tag == mine.get(path).headers["ETag"]


def test_a_star_means_any_state(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}"
    assert mine.call("PATCH", path, {"name": "X"}, headers={"If-Match": "*"}).status_code == 200
    assert mine.call("PATCH", f"{path}9", {"name": "X"}, headers={"If-Match": "*"}).status_code == 404


@pytest.mark.both_databases
def test_of_two_programs_that_saw_the_same_one_wins(app: Flask, mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}"
    tag = mine.get(path).headers["ETag"]
    together = threading.Barrier(2)
    statuses: list[int] = []
    db.session.remove()

    def change(name: str) -> None:
        program = Program(app, mine.token)
        together.wait()
        statuses.append(program.call("PATCH", path, {"name": name}, headers={"If-Match": tag}).status_code)

    threads = [threading.Thread(target=change, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200, 412]


# Notes


@pytest.mark.both_databases
def test_a_note_is_written_read_and_deleted_once(mine: Program, tech: Watchlist) -> None:
    path = f"/watchlists/{tech.id}/items/AAPL/note"
    answer = mine.call("PUT", path, {"text": "fruit"})
    assert answer.json == {"key": "XNAS:AAPL", "position": 1, "note": "fruit", "quote": None}
    assert mine.call("DELETE", path).status_code == 204
    assert mine.call("DELETE", path).status_code == 404
    assert mine.call("PUT", path, {"text": "x" * 2001}).status_code == 422
    assert mine.call("PUT", f"/watchlists/{tech.id}/items/XLON:SHEL/note", {"text": "x"}).status_code == 404


@pytest.mark.both_databases
def test_all_notes_come_page_by_page(mine: Program, tech: Watchlist, person: User, stocks: list[InstrumentRow]) -> None:
    other = service.create_watchlist(person.id, "Other")
    service.add_symbols(other, [stocks[0].id])
    service.write_note(other, stocks[0].id, "-2+3")
    db.session.commit()
    first = mine.get("/notes?limit=1").json
    assert first
    assert first["items"] == [{"list": tech.id, "list_name": "Tech", "key": "XNAS:MSFT", "text": "cloud"}]
    second = mine.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert (second["next"], [item["text"] for item in second["items"]]) == (None, ["-2+3"])
    assert mine.get("/notes.csv").text == (f"list,list_name,key,text\r\n{tech.id},Tech,XNAS:MSFT,cloud\r\n"
                                           f"{other.id},Other,XNAS:AAPL,'-2+3\r\n")
    assert mine.get("/notes?after=nonsense").status_code == 422


# Whose


def test_a_strangers_list_is_as_unknown_as_none(app: Flask, tech: Watchlist, program: Make) -> None:
    stranger = accounts.create_user("bob@example.org", "a rather long secret")
    db.session.commit()
    theirs = program(stranger, Scope.WRITE)
    path = f"/watchlists/{tech.id}"
    for method, place, body in [("GET", path, None), ("GET", f"{path}/quotes", None), *changes(path)]:
        stranger_sees, nobody_has = (theirs.call(method, place.replace(path, mine), body)
                                     for mine in (path, "/watchlists/999"))
        assert stranger_sees.status_code == nobody_has.status_code == 404, place
        assert stranger_sees.json == nobody_has.json
    assert theirs.get("/notes").json == {"items": [], "next": None}
    assert [row.note for row in db.session.get_one(Watchlist, tech.id).items] == ["", "cloud", ""]


def test_a_token_that_only_reads_changes_nothing(person: User, tech: Watchlist, program: Make) -> None:
    reader = program(person, Scope.READ)
    path = f"/watchlists/{tech.id}"
    for method, place, body in [("POST", "/watchlists", {"name": "X"}), *changes(path)]:
        answer = reader.call(method, place, body)
        assert (answer.status_code, answer.json and answer.json["code"]) == (403, "insufficient-scope")
    assert reader.get(path).status_code == 200


def test_a_number_that_no_database_holds_is_no_list(mine: Program) -> None:
    for number in ("0", "99999999999999999999", "-1", "one"):
        answer = mine.get(f"/watchlists/{number}")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
