"""A person's tokens for the API: made, found, revoked. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select

from webapp import clock, lists
from webapp.accounts.queries import token_hash
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.live.watching import ring_bell
from webapp.models import ApiToken, Scope, User
from webapp.typed import one_line

# What every token begins with: scanners of commits and logs know it by that.
PREFIX = "sw_"
SHOWN = 10
MAX_TOKENS = 50
MAX_NAME = 80
# When it was used is kept to the minute: not each request writes.
USED = dt.timedelta(minutes=1)
NO_TOKEN = "There is no such token, or it is not yours. It may have been revoked already."  # noqa: S105 - a sentence
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


class NameTaken(Refused):
    """The person has a token of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"You already have a token named “{name}”. The text of a token is shown only once: "
                         "if you do not have it, revoke that token, then make it again.")


def create_token(user: User, name: str, scope: Scope, expires_at: dt.datetime | None) -> tuple[ApiToken, str]:
    """Add a token; return it with its text, which exists nowhere else.

    Raise Refused at the limit, for a bad name, for a time that is over, and for an admin's scope of somebody else;
    NameTaken for a name in use, so that a form that is sent twice makes one token.
    """
    lists.lock_person(user.id)
    name = one_line(name)
    if not name or len(name) > MAX_NAME:
        raise Refused(f"Give the token a name of 1 to {MAX_NAME} characters.")
    if scope is Scope.ADMIN and not user.admin:
        raise Refused("Only an admin's token can have the admin scope.")
    if expires_at is not None and expires_at <= clock.now():
        raise Refused("The token would have expired already.")
    if db.session.scalar(select(ApiToken.id).where(ApiToken.user_id == user.id, ApiToken.name == name)) is not None:
        raise NameTaken(name)
    if count_tokens(user.id) >= MAX_TOKENS:
        raise Refused(f"You have {MAX_TOKENS} tokens, which is the most one person can have. Revoke one first.")
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(user_id=user.id, name=name, token_hash=token_hash(text), prefix=text[:SHOWN], scope=scope.value,
                     expires_at=expires_at)
    db.session.add(token)
    db.session.flush()
    return token, text


def find_token(text: str) -> ApiToken | None:
    """Return the token with its person, in one query; None where it is unknown, expired, or the person is locked."""
    if not _FORM.fullmatch(text):
        return None
    token = db.session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash(text)))
    if token is None or token.user.locked or (token.expires_at is not None and token.expires_at <= clock.now()):
        return None
    return token


def scope_of(token: ApiToken) -> Scope:
    """Return what a token may do now: an admin's scope of somebody who is none any more only reads and writes."""
    scope = Scope(token.scope)
    return Scope.WRITE if scope is Scope.ADMIN and not token.user.admin else scope


def needs_use_noted(token: ApiToken) -> bool:
    """Tell whether the row's last use is old enough to be written again."""
    return token.last_used_at is None or token.last_used_at <= clock.now() - USED


def list_tokens(user_id: int) -> Sequence[ApiToken]:
    """Return a person's tokens, the newest first; expired ones too."""
    return db.session.scalars(select(ApiToken).where(ApiToken.user_id == user_id)
                              .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())).all()


def count_tokens(user_id: int) -> int:
    """Return how many tokens a person has, expired ones too."""
    return db.session.scalar(select(func.count()).select_from(ApiToken).where(ApiToken.user_id == user_id)) or 0


def count_working(user_id: int) -> int:
    """Return how many of a person's tokens have not expired."""
    working = select(func.count()).select_from(ApiToken).where(
        ApiToken.user_id == user_id, or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > clock.now()))
    return db.session.scalar(working) or 0


def own_token(user_id: int, token_id: int) -> ApiToken:
    """Return one of the person's tokens; raise NotFound for a stranger's as for none."""
    token = db.session.scalar(select(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id))
    if token is None:
        raise NotFound(NO_TOKEN)
    return token


def revoke_token(user_id: int, token_id: int) -> str:
    """Delete one of the person's tokens and return its name; raise NotFound for a stranger's as for none."""
    name: str | None = db.session.scalar(delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id)
                                         .returning(ApiToken.name))
    if name is None:
        raise NotFound(NO_TOKEN)
    return name


def stream_of(token_id: int) -> int:
    """Return the number by which live streams know a token as they know log-ins: below zero, where no log-in is."""
    return -token_id


def streams_of(user_id: int) -> list[int]:
    """Return the numbers of all tokens of a person; they end as log-ins do."""
    return [stream_of(each) for each in db.session.scalars(select(ApiToken.id).where(ApiToken.user_id == user_id))]


def hang_up(token_id: int) -> None:
    """End the live streams of a token that is revoked; call it after the commit."""
    ring_bell("signed-out", session_id=stream_of(token_id))
