"""Accounts from the shell."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.extensions import db
from webapp.models import User


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
    assert (result.exit_code, result.output) == (0, f"{EMAIL} is no admin any more.\n")
    assert browser.get("/admin/findings").status_code == 404


@pytest.mark.parametrize("command", ["promote", "demote"])
def test_nobody_is_promoted_or_demoted_by_an_unknown_address(app: Flask, person: User, command: str) -> None:
    result = run(app, "bob@example.com", command=command)
    assert result.exit_code == 1
    assert "There is no account for bob@example.com." in result.output
    assert not is_admin()
