"""Tokens from the shell."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.webapp.accounts.conftest import EMAIL, count
from webapp import clock
from webapp.accounts import tokens
from webapp.extensions import db
from webapp.models import ApiToken, AuditEntry, Scope, User


def run(app: Flask, *arguments: str) -> Result:
    """Run one of `flask tokens`."""
    return app.test_cli_runner().invoke(args=["tokens", *arguments])


def only_token() -> ApiToken:
    """Return the one token there is."""
    db.session.rollback()
    return db.session.query(ApiToken).one()


def test_a_token_is_printed_once_alone_on_its_line(app: Flask, person: User) -> None:
    result = run(app, "create", " ADA@example.com", "--name", "a script")
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"sw_[\w-]{43}\n", result.stdout)
    assert "shown this once" in result.stderr
    token = tokens.find_token(result.stdout.strip())
    assert token is not None
    assert (token.name, token.scope, token.expires_at, token.user_id) == ("a script", "read", None, person.id)
    assert result.stdout.strip() not in run(app, "list", EMAIL).output


def test_a_token_has_scope_and_end(app: Flask, person: User) -> None:
    result = run(app, "create", EMAIL, "--name", "x", "--scope", "write", "--expires-days", "30")
    assert result.exit_code == 0
    token = only_token()
    assert token.scope == "write"
    assert token.expires_at is not None
    assert abs(token.expires_at - clock.now() - dt.timedelta(days=30)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(("arguments", "code", "sentence"), [
    (["--name", "x", "--scope", "admin"], 1, "Only an admin's token can have the admin scope."),
    (["--name", " "], 1, "Give the token a name"), (["--name", "x", "--scope", "all"], 2, "Invalid value"),
    (["--name", "x", "--expires-days", "0"], 2, "Invalid value"),
    (["--name", "x", "--expires-days", "999999999999"], 2, "Invalid value"), ([], 2, "Missing option '--name'")])
def test_what_cannot_be_made_is_said(app: Flask, person: User, arguments: list[str], code: int,
                                     sentence: str) -> None:
    result = run(app, "create", EMAIL, *arguments)
    assert result.exit_code == code
    assert sentence in result.output
    assert "sw_" not in result.output
    assert (count(ApiToken), count(AuditEntry)) == (0, 0)


def test_a_locked_person_s_token_is_made_and_said_not_to_work(app: Flask, person: User) -> None:
    person.locked = True
    db.session.commit()
    result = run(app, "create", EMAIL, "--name", "x")
    assert "The account is locked" in result.stderr
    assert tokens.find_token(result.stdout.strip()) is None


@pytest.mark.parametrize("command", [["create", "eve@example.com", "--name", "x"], ["list", "eve@example.com"],
                                     ["revoke", "eve@example.com", "1"]])
def test_an_unknown_person_has_no_tokens(app: Flask, person: User, command: list[str]) -> None:
    result = run(app, *command)
    assert result.exit_code == 1
    assert "There is no account for eve@example.com." in result.output


def test_tokens_are_listed_the_newest_first(app: Flask, person: User) -> None:
    now = clock.now()
    db.session.add_all([
        ApiToken(user_id=person.id, name="old\x1b[2J", token_hash="a", prefix="sw_aaaaaaa", scope="read",
                 created_at=now - dt.timedelta(days=9), expires_at=now - dt.timedelta(days=1)),
        ApiToken(user_id=person.id, name="new", token_hash="b", prefix="sw_bbbbbbb", scope="write", last_used_at=now)])
    db.session.commit()
    lines = run(app, "list", EMAIL).stdout.splitlines()
    assert [line.split("\t")[1:3] for line in lines] == [["sw_bbbbbbb…", "write"], ["sw_aaaaaaa…", "read"]]
    assert "for ever\tused 2" in lines[0]
    assert "\texpired " in lines[1]
    assert lines[1].endswith("never used\told?[2J"), "no name writes to the terminal"


def test_without_tokens_the_list_says_so(app: Flask, person: User) -> None:
    result = run(app, "list", EMAIL)
    assert (result.stdout, result.stderr) == ("", "There are none.\n")


@pytest.mark.both_databases
def test_a_token_is_revoked_by_its_number_and_its_streams_end(app: Flask, person: User,
                                                              bells: Callable[[], list[dict[str, Any]]]) -> None:
    token, text = tokens.create_token(person, "x", Scope.READ, None)
    number = token.id
    db.session.commit()
    result = run(app, "revoke", EMAIL, str(number))
    assert (result.exit_code, result.output) == (0, f"Revoked the token “x” of {EMAIL}.\n")
    assert tokens.find_token(text) is None
    assert [bell["session"] for bell in bells()] == [tokens.stream_of(number)]
    assert run(app, "revoke", EMAIL, str(number)).exit_code == 1


def test_nobody_revokes_a_stranger_s_token(app: Flask, person: User) -> None:
    other = User(email="eve@example.com", password_hash="x")
    db.session.add(other)
    db.session.flush()
    tokens.create_token(other, "hers", Scope.READ, None)
    db.session.commit()
    assert run(app, "revoke", EMAIL, str(only_token().id)).exit_code == 1
    assert count(ApiToken) == 1


def test_what_is_done_with_tokens_is_in_the_audit_log_without_their_text(app: Flask, person: User) -> None:
    text = run(app, "create", EMAIL, "--name", "x", "--expires-days", "1").stdout.strip()
    run(app, "revoke", EMAIL, str(only_token().id))
    entries = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
    assert [(entry.action, entry.subject, entry.via) for entry in entries] == [
        ("token.create", EMAIL, "shell"), ("token.revoke", EMAIL, "shell")]
    assert entries[0].after["name"] == "x"
    assert text not in str([(entry.before, entry.after) for entry in entries])
