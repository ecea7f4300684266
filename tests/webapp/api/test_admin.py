"""Running the place over the API: people, the audit log, and how the place is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import RedisServer
from tests.webapp.api.conftest import Program
from webapp import audit
from webapp.accounts import service as accounts
from webapp.audit import Actor
from webapp.extensions import db
from webapp.models import AuditEntry, Scope, User

Make = Callable[..., Program]


@pytest.fixture
def root(admin: User, program: Make) -> Program:
    """The admin's program, which may run the place."""
    return program(admin, Scope.ADMIN)


def fresh(user: User) -> User:
    """Return a person as the database has them now."""
    db.session.expire_all()
    return db.session.get_one(User, user.id)


def entries() -> list[tuple[str, str, str, str]]:
    """Return what is in the audit log."""
    return [(row.who, row.via, row.action, row.subject) for row in db.session.query(AuditEntry).order_by(AuditEntry.id)]


# Health


def test_the_place_says_how_it_is(root: Program) -> None:
    found = root.get("/admin/health").json
    assert found
    lines = {line["name"]: line for line in found["items"]}
    assert found["state"] == "bad"  # no worker lives here
    assert lines["Database"]["state"] == lines["Redis"]["state"] == "good"
    assert lines["Workers"]["state"] == "bad"
    assert lines["Streams"]["state"] == "unknown"


# People


@pytest.mark.both_databases
def test_people_come_by_address_page_by_page(root: Program, admin: User, person: User) -> None:
    accounts.create_user("bob@example.org", "a rather long secret")
    db.session.commit()
    first = root.get("/admin/users?limit=2").json
    assert first
    assert [row["email"] for row in first["items"]] == ["admin@example.com", "bob@example.org"]
    assert first["items"][0] == {
        "id": admin.id, "email": "admin@example.com", "admin": True, "locked": False, "second_factor": False,
        "created_at": admin.created_at.isoformat().replace("+00:00", "Z"), "sessions": 0, "seen_at": None, "lists": 0}
    second = root.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert (second["next"], [row["email"] for row in second["items"]]) == (None, ["person@example.com"])
    csv = root.get("/admin/users.csv?kind=admins").text.splitlines()
    assert (csv[0].split(",")[:3], len(csv)) == (["id", "email", "admin"], 2)


@pytest.mark.both_databases
@pytest.mark.parametrize(("query", "found"), [
    ("q=person", ["person@example.com"]), ("q=%25", []), ("q=_erson", []), ("kind=admins", ["admin@example.com"]),
    ("kind=locked", []), ("q=nobody", [])])
def test_people_are_found(root: Program, person: User, query: str, found: list[str]) -> None:
    assert [row["email"] for row in root.get(f"/admin/users?{query}").json["items"]] == found  # type: ignore[index]


@pytest.mark.parametrize("query", ["kind=moon", "limit=0", "after=x", "after=WzFd", "user=1"])
def test_a_question_that_makes_no_sense_is_refused(root: Program, query: str) -> None:
    assert root.get(f"/admin/users?{query}").status_code == 422


@pytest.mark.both_databases
def test_somebody_is_locked_and_let_in_again(root: Program, person: User, program: Make) -> None:
    theirs = program(person)
    accounts.open_session(person, lasting=False, address="", agent="")
    db.session.commit()
    answer = root.call("PATCH", f"/admin/users/{person.id}", {"locked": True, "email": person.email})
    assert answer.json
    assert (answer.status_code, answer.json["locked"], answer.json["sessions"]) == (200, True, 0)
    assert theirs.get("/account").status_code == 401
    assert root.call("PATCH", f"/admin/users/{person.id}", {"locked": True}).status_code == 200
    again = root.call("PATCH", f"/admin/users/{person.id}", {"locked": False}).json
    assert again
    assert again["locked"] is False
    assert theirs.get("/account").status_code == 200
    assert entries() == [("admin@example.com", "api", "user.lock", "person@example.com"),
                         ("admin@example.com", "api", "user.unlock", "person@example.com")]


@pytest.mark.both_databases
def test_somebody_becomes_an_admin_and_is_none_any_more(root: Program, person: User) -> None:
    path = f"/admin/users/{person.id}"
    assert root.call("PATCH", path, {"admin": True}).json["admin"] is True  # type: ignore[index]
    assert root.call("PATCH", path, {"admin": False, "locked": True}).status_code == 200
    assert (fresh(person).admin, fresh(person).locked) == (False, True)
    assert [action for _who, _via, action, _subject in entries()] == ["user.promote", "user.demote", "user.lock"]


@pytest.mark.both_databases
@pytest.mark.parametrize("body", [{"admin": False}, {"locked": True}, {"locked": True, "admin": False}])
def test_the_last_admin_stays(root: Program, admin: User, body: dict[str, bool]) -> None:
    answer = root.call("PATCH", f"/admin/users/{admin.id}", body)
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, "last-admin")
    assert (fresh(admin).admin, fresh(admin).locked) == (True, False)
    assert entries() == []


def test_an_admin_who_steps_back_has_no_say_any_more(root: Program, admin: User, person: User) -> None:
    person.admin = True
    db.session.commit()
    assert root.call("PATCH", f"/admin/users/{admin.id}", {"admin": False}).status_code == 200
    refused = root.get("/admin/users")
    assert (refused.status_code, refused.json and refused.json["code"]) == (403, "insufficient-scope")


def test_another_account_by_that_number_is_left_alone(root: Program, person: User) -> None:
    answer = root.call("PATCH", f"/admin/users/{person.id}", {"locked": True, "email": "gone@example.org"})
    assert answer.status_code == 409
    assert not fresh(person).locked
    assert root.call("PATCH", "/admin/users/999", {"locked": True}).status_code == 404


@pytest.mark.parametrize("body", [{"locked": "yes"}, {"locked": 1}, {"admin": None}, {"password": "x"}, {"id": 1}])
def test_a_change_of_anything_else_is_refused(root: Program, person: User, body: Any) -> None:
    assert root.call("PATCH", f"/admin/users/{person.id}", body).status_code == 422


# The audit log


@pytest.mark.both_databases
def test_the_audit_log_comes_the_newest_first(root: Program, admin: User, person: User) -> None:
    for number in range(3):
        audit.note(Actor(admin.id, admin.email), "user.lock", f"=p{number}@example.org", {"locked": False},
                   {"locked": True, "why": "ä"})
    audit.note(Actor(None, "", audit.SHELL), "user.promote", "ann@example.org")
    db.session.commit()
    first = root.get("/admin/audit?limit=2").json
    assert first
    assert [(row["action"], row["via"], row["who"]) for row in first["items"]] == [
        ("user.promote", "shell", ""), ("user.lock", "page", "admin@example.com")]
    assert first["items"][1]["after"] == {"locked": True, "why": "ä"}
    second = root.get(first["next"].removeprefix("/api/v1")).json
    assert second
    assert [row["subject"] for row in second["items"]] == ["=p1@example.org", "=p0@example.org"]
    assert second["next"] is None
    csv = root.get("/admin/audit.csv?action=user.lock&subject=p1").text.splitlines()
    assert csv[0] == "id,at,who,via,action,subject,before,after"
    assert csv[1].split(",")[4:6] == ["user.lock", "'=p1@example.org"]
    assert csv[1].endswith('"{""locked"": true, ""why"": ""ä""}"')


# Who may


@pytest.mark.parametrize("scope", [None, Scope.READ, Scope.WRITE])
def test_only_the_admin_scope_runs_the_place(app: Flask, admin: User, program: Make, scope: Scope | None) -> None:
    asker = Program(app) if scope is None else program(admin, scope)
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/admin/")]
    assert len(rules) > 10
    for rule in rules:
        path = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, 1))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert asker.call(method, path.removeprefix("/api/v1")).status_code == (403 if scope else 401), path


def test_an_admins_program_reads_while_redis_is_away(app: Flask, root: Program, own_redis_server: RedisServer,
                                                     redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp.redis import connect

    own_redis_server.stop()
    monkeypatch.setitem(app.extensions, "redis", connect(own_redis_server.url, timeout=0.2, retries=0))
    found = root.get("/admin/health").json
    assert found
    lines = {line["name"]: line["state"] for line in found["items"]}
    assert (lines["Database"], lines["Redis"], lines["Workers"]) == ("good", "bad", "unknown")
    for method, path in (("GET", "/admin/jobs"), ("POST", "/admin/jobs/some-id/retry")):
        answer = root.call(method, path)
        assert (answer.status_code, answer.json and answer.json["code"]) == (503, "busy")
    assert root.get("/admin/users").status_code == 200
