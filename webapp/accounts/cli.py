"""Accounts and their tokens from the shell: `flask users create EMAIL`, `flask tokens create EMAIL --name ...`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from webapp import audit, clock
from webapp.accounts import emails, passwords, people, queries, roles, service, sessions, tokens
from webapp.audit import SHELL_ACTOR, Actor
from webapp.commands import DatabaseGroup
from webapp.errors import AppError
from webapp.extensions import db
from webapp.models import ApiToken, Scope, User

MOST_DAYS = 3650

users = DatabaseGroup("users", help="Manage accounts.")
api_tokens = DatabaseGroup("tokens", help="Manage the tokens that programs use the API with.")


@users.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--admin", is_flag=True, help="Let the person run the place.")
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
    audit.note(SHELL_ACTOR, "user.create", address, {}, {"admin": admin})
    db.session.commit()
    click.echo(f"Made the account {address}{', an admin' if admin else ''}.")


@users.command("lock")
@click.argument("email")
def lock(email: str) -> None:
    """Let a person in no more; their sessions end and their tokens stand still."""
    _change(people.lock_user, email, "is locked")


@users.command("unlock")
@click.argument("email")
def unlock(email: str) -> None:
    """Let a locked person in again."""
    _change(people.unlock_user, email, "is not locked any more")


@users.command("promote")
@click.argument("email")
def promote(email: str) -> None:
    """Make a person an admin."""
    _change(people.promote_user, email, "is an admin now")


@users.command("demote")
@click.argument("email")
def demote(email: str) -> None:
    """Make an admin a person like others."""
    _change(people.demote_user, email, "is no admin any more")


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Let a person who lost phone and recovery codes log in with the password alone."""
    _change(people.reset_second_factor, email, "has no second factor any more")


def _change(change: Callable[[Actor, int, str], list[int]], email: str, words: str) -> None:
    """Make one change to somebody's account, and tell their open pages."""
    user = _find(email)
    address, had_admin = user.email, roles.any_admin()
    with _refusals():
        ended = change(SHELL_ACTOR, user.id, address)
    nobody = had_admin and not roles.any_admin()
    db.session.commit()
    sessions.tell_ended(ended)
    click.echo(f"{address} {words}.")
    if nobody:
        click.echo("Nobody who can log in is an admin now: flask users promote makes one.", err=True)


@api_tokens.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.READ.value,
              show_default=True, help="What it may do.")
@click.option("--expires-days", type=click.IntRange(1, MOST_DAYS), help="How long it works; without this for ever.")
def create_token(email: str, name: str, scope: str, expires_days: int | None) -> None:
    """Make a token for a person's programs, and print it, once."""
    user = _find(email)
    expires_at = clock.now() + dt.timedelta(days=expires_days) if expires_days else None
    with _refusals():
        token, text = tokens.create_token(user, name, Scope(scope), expires_at)
    told = {"name": token.name, "scope": token.scope, "expires": f"{expires_at:%Y-%m-%d}" if expires_at else "never"}
    audit.note(SHELL_ACTOR, "token.create", user.email, {}, told)
    db.session.commit()
    click.echo(text)
    click.echo(f"A token of {user.email} to {token.scope}, shown this once.", err=True)
    if user.locked:
        click.echo("The account is locked: the token works only after it is unlocked.", err=True)


@api_tokens.command("list")
@click.argument("email")
def list_tokens(email: str) -> None:
    """List a person's tokens, the newest first: number, beginning, scope, end, last use, name."""
    rows = tokens.list_tokens(_find(email).id)
    for row in rows:
        click.echo(_line(row))
    if not rows:
        click.echo("There are none.", err=True)


@api_tokens.command("revoke")
@click.argument("email")
@click.argument("token_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
def revoke_token(email: str, token_id: int) -> None:
    """Revoke one of a person's tokens, by the number that the list has."""
    user = _find(email)
    with _refusals():
        name = tokens.revoke_token(user.id, token_id)
    audit.note(SHELL_ACTOR, "token.revoke", user.email, {"name": name}, {})
    db.session.commit()
    tokens.hang_up(token_id)
    click.echo(f"Revoked the token “{name}” of {user.email}.")


def _line(row: ApiToken) -> str:
    over = row.expires_at is not None and row.expires_at <= clock.now()
    end = f"{'expired' if over else 'until'} {row.expires_at:%Y-%m-%d}" if row.expires_at else "for ever"
    used = f"used {row.last_used_at:%Y-%m-%d %H:%M} UTC" if row.last_used_at else "never used"
    # Whoever typed the name must not write to this terminal.
    name = "".join(sign if sign.isprintable() else "?" for sign in row.name)
    return f"{row.id}\t{row.prefix}…\t{row.scope}\t{end}\t{used}\t{name}"


def _find(email: str) -> User:
    user = queries.find_user(emails.typed(email))
    if user is None:
        raise click.ClickException(f"There is no account for {email}.")
    return user


@contextmanager
def _refusals() -> Iterator[None]:
    """Say in one line why something is refused."""
    try:
        yield
    except AppError as error:
        raise click.ClickException(error.message) from None
