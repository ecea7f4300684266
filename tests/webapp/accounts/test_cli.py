"""Accounts from the shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.extensions import db
from webapp.models import AuditEntry, User


def run(app: Flask, *arguments: str, typed: str = "", command: str = "create") -> Result:
    """Run `flask users create`, or another of its commands."""
    return app.test_cli_runner().invoke(args=["users", command, *arguments], input=typed)


def is_admin() -> bool:
    """Tell whether the one person there is is an admin."""
    db.session.rollback()
    return db.session.query(User).one().admin


def test_an_account_is_made_with_a_password_that_is_asked_twice(app: Flask, browser: Browser) -> None:
    result = run(app, "Ada@example.com", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert f"Made the account {EMAIL}." in result.output
    assert PASSWORD not in result.output
    assert browser.log_in().status_code == 303


def test_a_script_gives_the_password_on_its_standard_input(app: Flask, browser: Browser) -> None:
    result = run(app, EMAIL, "--password-stdin", typed=f"{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert browser.log_in().status_code == 303


@pytest.mark.parametrize(("address", "password", "sentence"), [
    ("ada", PASSWORD, "Error: This is not an e-mail address."),
    (EMAIL, "short", "Error: Use at least 10 characters."),
    (EMAIL, "", "Error: Use at least 10 characters."),
])
def test_what_cannot_be_taken_is_said_in_one_line(app: Flask, address: str, password: str, sentence: str) -> None:
    result = run(app, address, "--password-stdin", typed=f"{password}\n")
    assert result.exit_code == 1
    assert result.output.startswith(sentence)
    assert count(User) == 0


def test_an_account_is_not_made_twice(app: Flask, person: User) -> None:
    result = run(app, EMAIL, "--password-stdin", typed=f"{PASSWORD}\n")
    assert result.exit_code == 1
    assert f"There is already an account for {EMAIL}." in result.output
    assert count(User) == 1


def test_the_first_admin_is_made_from_the_shell(app: Flask, browser: Browser) -> None:
    result = run(app, EMAIL, "--admin", "--password-stdin", typed=f"{PASSWORD}\n")
    assert result.output == f"Made the account {EMAIL}, an admin.\n"
    assert is_admin()
    browser.log_in()
    assert browser.get("/admin/findings").status_code == 200


def test_whoever_signs_up_is_no_admin(app: Flask, browser: Browser) -> None:
    browser.post("/register", email=EMAIL, password=PASSWORD, admin="y")
    assert not is_admin()


@pytest.mark.both_databases
def test_a_person_is_promoted_and_demoted(app: Flask, person: User, browser: Browser) -> None:
    browser.log_in()
    result = run(app, " ADA@Example.com", command="promote")
    assert (result.exit_code, result.output) == (0, f"{EMAIL} is an admin now.\n")
    assert browser.get("/admin/findings").status_code == 200
    result = run(app, EMAIL, command="demote")
    assert (result.exit_code, result.stdout) == (0, f"{EMAIL} is no admin any more.\n")
    assert result.stderr.startswith("Nobody who can log in is an admin now")
    assert browser.get("/admin/findings").status_code == 404


@pytest.mark.both_databases
def test_a_person_is_locked_and_unlocked(app: Flask, person: User, browser: Browser) -> None:
    browser.log_in()
    result = run(app, "ADA@Example.com ", command="lock")
    assert (result.exit_code, result.output) == (0, f"{EMAIL} is locked.\n")
    assert not browser.is_logged_in()
    assert browser.log_in().status_code == 422
    result = run(app, EMAIL, command="lock")
    assert (result.exit_code, result.output) == (1, f"Error: {EMAIL} is locked already.\n")
    result = run(app, EMAIL, command="unlock")
    assert (result.exit_code, result.output) == (0, f"{EMAIL} is not locked any more.\n")
    assert browser.log_in().status_code == 303


def test_open_pages_of_a_locked_person_are_told(app: Flask, person: User, browser: Browser,
                                                bells: Callable[[], list[dict[str, Any]]]) -> None:
    browser.log_in()
    run(app, EMAIL, command="lock")
    assert [bell["topic"] for bell in bells()] == ["signed-out"]


def test_what_is_done_at_the_shell_is_in_the_audit_log(app: Flask) -> None:
    run(app, EMAIL, "--admin", "--password-stdin", typed=f"{PASSWORD}\n")
    for command in ("demote", "lock", "unlock", "promote"):
        assert run(app, EMAIL, command=command).exit_code == 0
    db.session.rollback()
    entries = db.session.query(AuditEntry).order_by(AuditEntry.id).all()
    assert [entry.action for entry in entries] == ["user.create", "user.demote", "user.lock", "user.unlock",
                                                   "user.promote"]
    assert {(entry.who, entry.user_id, entry.via, entry.subject) for entry in entries} == {("", None, "shell", EMAIL)}
    assert PASSWORD not in str([(entry.before, entry.after) for entry in entries])


@pytest.mark.parametrize("command", ["promote", "demote", "lock", "unlock"])
def test_nobody_is_promoted_or_demoted_by_an_unknown_address(app: Flask, person: User, command: str) -> None:
    result = run(app, "bob@example.com", command=command)
    assert result.exit_code == 1
    assert "There is no account for bob@example.com." in result.output
    assert not is_admin()
