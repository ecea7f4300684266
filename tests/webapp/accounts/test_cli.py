"""Accounts from the shell."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.models import User


def run(app: Flask, *arguments: str, typed: str) -> Result:
    """Run `flask users create`."""
    return app.test_cli_runner().invoke(args=["users", "create", *arguments], input=typed)


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
