"""Who calls the API: nobody known, or a person's token; what it may do, and how often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from flask import abort, current_app, g, request
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from webapp import clock
from webapp.accounts import tokens
from webapp.api import counting
from webapp.audit import API, Actor
from webapp.errors import AppError
from webapp.extensions import db
from webapp.models import ApiToken, Scope
from webapp.throttle import address_key

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])
ORDER = (Scope.READ, Scope.WRITE, Scope.ADMIN)
BEARER = "bearer"
# The quotes of so many stocks are as much work as some other calls.
STOCKS_A_CALL = 100


class NoToken(AppError):
    """A token is needed, or the one that was sent is no good."""

    status = 401


class NotEnough(AppError):
    """The token is good, but not for this."""

    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """The person whose token it is (`user_id`, `email`), and what it may do."""

    user_id: int
    email: str
    token_id: int
    scope: Scope

    @property
    def actor(self) -> Actor:
        """Return who is written into the audit log."""
        return Actor(self.user_id, self.email, API)


def caller() -> Caller:
    """Return who calls; raise NoToken where nobody is known. Views behind needs() always have one."""
    found = find_caller()
    if found is None:
        raise NoToken("Send a token: Authorization: Bearer sw_… You make one on your account's page.")
    return found


def find_caller() -> Caller | None:
    """Return who calls, None where no token was sent."""
    found: Caller | None = g.get("caller")
    return found


def public(view: View) -> View:
    """Let anybody call a view that reads what pages show to everybody, if the place's settings allow that."""
    return _annotated(view, None)


def needs(scope: Scope) -> Callable[[View], View]:
    """Let only tokens of at least this scope call a view."""
    return lambda view: _annotated(view, scope)


def _annotated(view: View, scope: Scope | None) -> View:
    view.api_scope = scope  # type: ignore[attr-defined]
    return view


def scope_of_view(view: Callable[..., Any]) -> Scope | None:
    """Return what a view needs, None where it is public; a view that says neither is a fault of ours."""
    while not hasattr(view, "api_scope"):
        view = view.__wrapped__  # type: ignore[attr-defined]
    scope: Scope | None = view.api_scope
    return scope


def admit() -> None:
    """Find out who calls and count the call; raise NoToken, NotEnough, or the limiter's error."""
    g.caller = None
    if request.method == "OPTIONS":  # a browser asks before it sends the token
        return
    try:
        g.caller = _identify()
    finally:
        # Whoever guesses tokens is counted like nobody known.
        _count()
    scope = scope_of_view(current_app.view_functions[request.endpoint or ""])
    if scope is None and current_app.config["API_PUBLIC"]:
        return
    held = caller().scope
    if ORDER.index(held) < ORDER.index(scope or Scope.READ):
        raise NotEnough(f"This token may {held}; this call needs the scope {scope}.", code="insufficient-scope",
                        scope=scope)


def _identify() -> Caller | None:
    """Return whose token was sent; raise NoToken for one that is unknown, expired, revoked or of a locked person."""
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    scheme, _, text = header.partition(" ")
    token = tokens.find_token(text.strip()) if scheme.lower() == BEARER else None
    if token is None:
        raise NoToken("This token is unknown, expired or revoked.", code="bad-token")
    found = Caller(token.user_id, token.user.email, token.id, tokens.scope_of(token))
    if tokens.needs_use_noted(token):
        _note_use(token.id)
    return found


def _note_use(token_id: int) -> None:
    """Keep when the token was used; while the database is busy that can wait."""
    try:
        db.session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=clock.now()))
        db.session.commit()
    except OperationalError:
        db.session.rollback()
        log.info("the use of a token was not noted: the database is busy")


def _key() -> str:
    found = find_caller()
    return f"token {found.token_id}" if found else address_key()


def _limit() -> str:
    return str(current_app.config["API_LIMIT_TOKEN" if find_caller() else "API_LIMIT_ADDRESS"])


def _count(cost: int = 1) -> None:
    """Count one call, or what it costs; end it with 429 where that is too much."""
    g.spent = counting.count(_key(), _limit(), cost)
    if not g.spent.fits:
        abort(HTTPStatus.TOO_MANY_REQUESTS)


def weigh(stocks: int) -> None:
    """Count a call once more for each further hundred stocks that it is about; end it with 429 where that is too much.

    However many they are, it is possible once in the time that the limit is for.
    """
    more = -(-stocks // STOCKS_A_CALL) - 1
    if more > 0:
        _count(min(more, g.spent.most - 1))
