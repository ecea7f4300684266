"""The person whose token it is, and their tokens."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from webapp import lists
from webapp.accounts import tokens as service
from webapp.accounts.queries import find_user
from webapp.api import answers
from webapp.api.callers import NoToken, caller, needs
from webapp.api.schemas import Moment, Out
from webapp.api.surface import blueprint
from webapp.extensions import db
from webapp.models import ApiToken, Scope
from webapp.rows import Row, as_moment

bp = blueprint("account", "Account")


class AccountLimitsOut(Out):
    """How much one person can have."""

    lists: int
    stocks_per_list: int
    note_length: int
    tokens: int


class AccountOut(Out):
    """A person."""

    email: str = Field(examples=["ann@example.org"])
    admin: bool
    second_factor: bool = Field(description="Whether a log-in asks for a code, too.")
    created_at: Moment
    lists: int = Field(description="How many lists there are.")
    tokens: int = Field(description="How many tokens there are, expired ones too.")
    scope: Literal["read", "write", "admin"] = Field(description="What the token that asks may do now.")
    limits: AccountLimitsOut


class TokenOut(Out):
    """A token. Its text is nowhere: it was shown once."""

    id: int
    name: str = Field(examples=["notebook"])
    prefix: str = Field(description="How its text begins.", examples=["sw_0xQ8dk1"])
    scope: Literal["read", "write", "admin"] = Field(description="What it may do now.")
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None = Field(description="To the minute.")
    current: bool = Field(description="Whether it is the one that asks.")


class TokensOut(Out):
    """Tokens, the newest first."""

    items: list[TokenOut]
    next: str | None


@bp.get("/account")
@needs(Scope.READ)
@bp.output(AccountOut)
def account() -> Response:
    """Get who you are here, and how much you can have."""
    asker = caller()
    user = find_user(asker.email)
    if user is None:
        raise NoToken("This account has been deleted.", code="bad-token")
    return answers.answer({
        "email": user.email, "admin": user.admin, "second_factor": user.second_factor_at is not None,
        "created_at": as_moment(user.created_at), "lists": len(lists.list_watchlists(user.id)),
        "tokens": service.count_tokens(user.id), "scope": asker.scope.value,
        "limits": {"lists": lists.MAX_LISTS, "stocks_per_list": lists.MAX_STOCKS, "note_length": lists.MAX_NOTE,
                   "tokens": service.MAX_TOKENS}})


@bp.get("/tokens")
@needs(Scope.READ)
@bp.output(TokensOut)
def tokens() -> Response:
    """Get your tokens.

    None can be made here, only on your account's page with your password: a token that somebody stole could otherwise
    make itself another one, and outlive being revoked.
    """
    asker = caller()
    return answers.answer_page([token_row(each, asker.token_id) for each in service.list_tokens(asker.user_id)], None)


@bp.delete("/tokens/<number:token_id>")
@needs(Scope.WRITE)
@bp.output({}, status_code=204)
def revoke_token(token_id: int) -> Response:
    """Revoke one of your tokens for good, also the one that asks."""
    service.revoke_token(caller().user_id, token_id)
    db.session.commit()
    service.hang_up(token_id)
    return answers.nothing()


def token_row(token: ApiToken, asking: int) -> Row:
    """Return a token as programs get it."""
    return {"id": token.id, "name": token.name, "prefix": token.prefix, "scope": service.scope_of(token).value,
            "created_at": as_moment(token.created_at), "expires_at": as_moment(token.expires_at),
            "last_used_at": as_moment(token.last_used_at), "current": token.id == asking}
