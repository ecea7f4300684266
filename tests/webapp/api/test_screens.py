"""A person's screens by the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.webapp.api.conftest import Program
from webapp.accounts import service as accounts
from webapp.api.v1.screens import ScreenOut, ScreensOut
from webapp.extensions import db
from webapp.models import SavedScreen, Scope, User
from webapp.screener import service

Make = Callable[..., Program]


@pytest.fixture
def mine(person: User, program: Make) -> Program:
    """A program of the person that may write."""
    return program(person, Scope.WRITE)


def keep(program: Program, name: str = "Leaders", query: str = "stage=2&rs_min=90") -> dict[str, Any]:
    answer = program.call("POST", "/screens", {"name": name, "query": query})
    assert answer.status_code == 201, answer.text
    return answer.json or {}


@pytest.mark.both_databases
def test_a_screen_is_kept_found_renamed_and_deleted(client: FlaskClient, mine: Program) -> None:
    made = keep(mine, query="?rs_min=90&stage=2&sort=high")
    ScreenOut.model_validate(made)
    assert (made["query"], made["path"]) == ("stage=2&rs_min=90&sort=high&dir=desc",
                                             "/api/v1/screener?stage=2&rs_min=90&sort=high&dir=desc")
    assert mine.get(made["path"].removeprefix("/api/v1")).status_code == 200
    assert client.get(made["shared"]).headers["Location"].endswith(f"/screener?{made['query']}")
    path = f"/screens/{made['id']}"
    assert mine.call("PATCH", path, {"name": "Best"}).json == made | {"name": "Best"}
    page = mine.get("/screens").json
    ScreensOut.model_validate(page)
    assert page == {"items": [made | {"name": "Best"}], "next": None}
    assert mine.call("DELETE", path).status_code == 204
    assert mine.call("DELETE", path).status_code == 404
    assert mine.get("/screens").json == {"items": [], "next": None}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_somebody_elses_screen_is_none(mine: Program, program: Make, method: str) -> None:
    made = keep(mine)
    other = accounts.create_user("other@example.com", "a rather long secret")
    db.session.commit()
    answer = program(other, Scope.WRITE).call(method, f"/screens/{made['id']}",
                                              {"name": "x"} if method == "PATCH" else None)
    assert answer.status_code == 404
    assert mine.get(f"/screens/{made['id']}").json == made


def test_who_may_only_read_changes_nothing(person: User, mine: Program, program: Make) -> None:
    made, reader = keep(mine), program_named(person, "reader")
    assert reader.get("/screens").status_code == 200
    for method, path in (("POST", "/screens"), ("PATCH", f"/screens/{made['id']}"),
                         ("DELETE", f"/screens/{made['id']}")):
        assert reader.call(method, path, {"name": "x"} if method != "DELETE" else None).status_code == 403


def program_named(user: User, name: str) -> Program:
    """Make one more token of a person, to read."""
    from flask import current_app

    from webapp.accounts import tokens

    _row, text = tokens.create_token(user, name, Scope.READ, None)
    db.session.commit()
    return Program(current_app._get_current_object(), text)  # type: ignore[attr-defined]


@pytest.mark.parametrize("if_match", ['W/"nothing"', '"nothing"'])
def test_a_screen_that_changed_meanwhile_is_not_changed_again(mine: Program, if_match: str) -> None:
    path = f"/screens/{keep(mine)['id']}"
    tag = mine.get(path).headers["ETag"]
    for method, body in (("PATCH", {"name": "Other"}), ("DELETE", None)):
        refused = mine.call(method, path, body, headers={"If-Match": if_match})
        assert (refused.status_code, refused.json and refused.json["code"]) == (412, "changed-meanwhile")
    renamed = mine.call("PATCH", path, {"name": "Other"}, headers={"If-Match": tag})
    assert renamed.status_code == 200
    assert mine.call("DELETE", path, headers={"If-Match": tag}).status_code == 412
    assert mine.call("DELETE", path, headers={"If-Match": renamed.headers["ETag"]}).status_code == 204


@pytest.mark.parametrize(("body", "fields"), [
    ({}, ["name"]), ({"name": ""}, ["name"]), ({"name": " \t"}, ["name"]), ({"name": "x" * 81}, ["name"]),
    ({"name": "x", "user_id": 1, "token": "y"}, ["token", "user_id"]), ({"name": "x\0"}, ["name"]),
    ({"name": "x", "query": "rs_min=x&color=red&sort=beauty"}, ["query", "query", "query"]),
    ({"name": "x", "query": "&".join(["stage=2"] * 501)}, ["query"]), ({"name": "x", "query": 5}, ["query"])])
def test_what_cannot_be_kept_is_refused_with_every_reason(mine: Program, body: dict[str, Any],
                                                          fields: list[str]) -> None:
    answer = mine.call("POST", "/screens", body)
    assert answer.status_code == 422
    assert answer.json
    assert sorted(each["field"] for each in answer.json["errors"]) == fields
    assert not db.session.query(SavedScreen).count()


def test_a_name_in_use_and_one_screen_too_many_are_refused(mine: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keep(mine)
    assert mine.call("POST", "/screens", {"name": "Leaders"}).status_code == 409
    second = keep(mine, "Others")
    assert mine.call("PATCH", f"/screens/{second['id']}", {"name": first["name"]}).status_code == 409
    monkeypatch.setattr(service, "MAX_SCREENS", 2)
    assert mine.call("POST", "/screens", {"name": "Third"}).status_code == 409
    assert [each["name"] for each in (mine.get("/screens").json or {})["items"]] == ["Leaders", "Others"]
