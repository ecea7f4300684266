"""Accounts from the shell: `flask users create EMAIL`."""

import sys

import click
from flask.cli import AppGroup

from webapp.accounts import emails, passwords, service
from webapp.extensions import db

users = AppGroup("users", help="Manage accounts.")


@users.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def create(email: str, password_stdin: bool) -> None:
    """Make an account; asks for its password."""
    try:
        address = emails.checked(email)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    problem = passwords.problem_with(password, address)
    if problem:
        raise click.ClickException(problem)
    try:
        service.create_user(address, password)
    except service.EmailTaken:
        raise click.ClickException(f"There is already an account for {address}.") from None
    db.session.commit()
    click.echo(f"Made the account {address}.")
