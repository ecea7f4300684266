"""The person whose token it is, and their tokens, over the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from tests.webapp.api.conftest import Program
from webapp import clock
from webapp.accounts import service as accounts
from webapp.accounts import tokens
from webapp.extensions import db
from webapp.lists import create_watchlist
from webapp.models import ApiToken, Scope, User

Make = Callable[..., Program]


def make_token(person: User, name: str, scope: Scope = Scope.READ, expires_at: dt.datetime | None = None) -> Program:
    """Make a token of this name, and a program that has it."""
    from flask import current_app

    _row, text = tokens.create_token(person, name, scope, expires_at)
    db.session.commit()
    return Program(current_app._get_current_object(), text)  # type: ignore[attr-defined]


@pytest.mark.both_databases
def test_a_program_learns_whose_it_is(person: User, program: Make) -> None:
    create_watchlist(person.id, "Tech")
    db.session.commit()
    found = program(person).get("/account").json
    assert found == {
        "email": "person@example.com", "admin": False, "second_factor": False, "lists": 1, "tokens": 1,
        "scope": "read", "created_at": person.created_at.isoformat().replace("+00:00", "Z"),
        "limits": {"lists": 50, "stocks_per_list": 500, "note_length": 2000, "tokens": 50}}


def test_no_secret_is_in_an_account(admin: User, program: Make) -> None:
    admin.totp_secret, admin.second_factor_at = "JBSWY3DPEHPK3PXP", clock.now()
    db.session.commit()
    mine = program(admin, Scope.ADMIN)
    for path in ("/account", "/tokens"):
        text = mine.get(path).text
        kept = db.session.query(ApiToken).one().token_hash
        assert not [secret for secret in ("JBSWY3DPEHPK3PXP", admin.password_hash, mine.token, kept) if secret in text]
    assert mine.get("/account").json["second_factor"] is True  # type: ignore[index]


@pytest.mark.both_databases
def test_tokens_come_the_newest_first_and_say_which_one_asks(person: User) -> None:
    make_token(person, "old", Scope.WRITE, clock.now() + dt.timedelta(days=30))
    mine = make_token(person, "new")
    rows = mine.get("/tokens").json["items"]  # type: ignore[index]
    assert [(row["name"], row["scope"], row["current"]) for row in rows] == [("new", "read", True),
                                                                             ("old", "write", False)]
    assert rows[0]["prefix"] == mine.token[:10]
    assert (rows[0]["expires_at"], rows[1]["last_used_at"]) == (None, None)
    assert rows[0]["last_used_at"].endswith("Z")
    assert rows[1]["expires_at"].endswith("Z")


def test_an_admins_token_of_somebody_who_is_none_any_more_says_what_it_may_now(admin: User, program: Make) -> None:
    mine = program(admin, Scope.ADMIN)
    admin.admin = False
    db.session.commit()
    assert mine.get("/account").json["scope"] == "write"  # type: ignore[index]
    assert mine.get("/tokens").json["items"][0]["scope"] == "write"  # type: ignore[index]


@pytest.mark.both_databases
def test_a_token_is_revoked_once_even_the_one_that_asks(person: User) -> None:
    other, mine = make_token(person, "other"), make_token(person, "mine", Scope.WRITE)
    numbers = {row["name"]: row["id"] for row in mine.get("/tokens").json["items"]}  # type: ignore[index]
    assert mine.call("DELETE", f"/tokens/{numbers['other']}").status_code == 204
    assert mine.call("DELETE", f"/tokens/{numbers['other']}").status_code == 404
    assert other.get("/account").status_code == 401
    assert mine.call("DELETE", f"/tokens/{numbers['mine']}").status_code == 204
    assert mine.get("/account").status_code == 401


def test_nobody_revokes_a_strangers_token(app: Flask, person: User, program: Make) -> None:
    stranger = accounts.create_user("bob@example.org", "a rather long secret")
    db.session.commit()
    theirs, mine = program(stranger, Scope.WRITE), program(person, Scope.WRITE)
    number = db.session.query(ApiToken).filter_by(user_id=person.id).one().id
    foreign, none = theirs.call("DELETE", f"/tokens/{number}"), theirs.call("DELETE", "/tokens/999")
    assert foreign.status_code == none.status_code == 404
    assert foreign.json == none.json
    assert mine.get("/account").status_code == 200


def test_a_token_that_only_reads_revokes_none(person: User) -> None:
    mine = make_token(person, "mine")
    number = mine.get("/tokens").json["items"][0]["id"]  # type: ignore[index]
    assert mine.call("DELETE", f"/tokens/{number}").status_code == 403


def test_no_token_makes_another_one(person: User, program: Make) -> None:
    mine = program(person, Scope.WRITE)
    assert mine.call("POST", "/tokens", {"name": "x", "scope": "write"}).status_code == 405
    assert tokens.count_tokens(person.id) == 1


def test_without_a_token_there_is_no_account(nobody: Program) -> None:
    for path in ("/account", "/tokens", "/watchlists", "/notes"):
        answer = nobody.get(path)
        assert (answer.status_code, answer.json and answer.json["code"]) == (401, "no-token")
