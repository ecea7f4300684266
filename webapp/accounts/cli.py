"""Accounts from the shell: `flask users create EMAIL`, `promote` and `demote`."""

import sys

import click

from webapp.accounts import emails, passwords, service
from webapp.commands import DatabaseGroup
from webapp.extensions import db

users = DatabaseGroup("users", help="Manage accounts.")


@users.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--admin", is_flag=True, help="Let the person see how the place is run.")
def create(email: str, password_stdin: bool, admin: bool) -> None:
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
        service.create_user(address, password, admin=admin)
    except service.EmailTaken:
        raise click.ClickException(f"There is already an account for {address}.") from None
    db.session.commit()
    click.echo(f"Made the account {address}{', an admin' if admin else ''}.")


@users.command("promote")
@click.argument("email")
def promote(email: str) -> None:
    """Make a person an admin."""
    _set_admin(email, admin=True)


@users.command("demote")
@click.argument("email")
def demote(email: str) -> None:
    """Make an admin a person like others."""
    _set_admin(email, admin=False)


def _set_admin(email: str, *, admin: bool) -> None:
    user = service.set_admin(email, admin=admin)
    if user is None:
        raise click.ClickException(f"There is no account for {email}.")
    db.session.commit()
    click.echo(f"{user.email} is {'an admin now' if admin else 'no admin any more'}.")
