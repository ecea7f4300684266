"""Ties log-ins to requests: the cookie holds a random token, the database knows its session."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from webapp import clock
from webapp.accounts import queries, second_factor, service
from webapp.errors import answer
from webapp.extensions import db, login_manager
from webapp.live.watching import ring_bell
from webapp.models import User
from webapp.rendering import go_to, is_fragment_request

# How long a right password waits for its code, and a new secret for the first one.
CODE_SECONDS = 300
OFFER_SECONDS = 900
_HELD, _OFFER = "held_log_in", "offered_factor"


@dataclass(frozen=True, slots=True)
class Held:
    """A log-in whose password was right and whose code is still to come."""

    user_id: int
    fingerprint: str
    remember: bool


@login_manager.user_loader
def load_user(token: str) -> User | None:
    """Return the person whom the cookie's token stands for."""
    row = queries.find_session(token)
    if row is None:
        return None
    row.user.session_token, row.user.session_id = token, row.id
    return row.user


@login_manager.unauthorized_handler
def ask_to_log_in() -> ResponseReturnValue:
    """Send a visitor to the log-in page, and back to where they were after it."""
    if request.path.endswith((".json", ".csv")) or request.accept_mimetypes.best == "application/json":
        return answer(401, "Please log in first.")
    asked_for_page = request.method == "GET" and not is_fragment_request()
    came_from = request.full_path.rstrip("?") if asked_for_page else _path_of_page()
    return go_to(url_for("accounts.login", next=came_from))


def _path_of_page() -> str | None:
    """Return the path of the page whose form or script asked, if it is one of ours."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return None
    if parts.netloc != request.host:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def log_in(user: User, *, remember: bool) -> None:
    """Start a session of its own; the cookie keeps nothing of what was before. Commits."""
    row, token = service.open_session(user, lasting=remember, address=request.remote_addr or "",
                                      agent=request.user_agent.string)
    db.session.commit()
    session.clear()
    user.session_token, user.session_id = token, row.id
    login_user(user, remember=remember, duration=dt.timedelta(days=current_app.config["REMEMBER_DAYS"]))


def hold_log_in(user: User, *, remember: bool) -> None:
    """Note in the signed cookie that the password was right. It opens nothing but the page that asks for the code."""
    note = [user.id, service.fingerprint(user.password_hash), remember, _in_seconds(CODE_SECONDS)]
    session.clear()
    session[_HELD] = note


def held_log_in() -> Held | None:
    """Return what the cookie says of a right password; None where it says nothing, or said it too long ago."""
    *known, ends = session.get(_HELD, (0,))
    return Held(*known) if ends > _in_seconds(0) else None


def note_offer(secret: str) -> None:
    """Note that this browser may see a new secret for a while: its person just typed the password."""
    session[_OFFER] = [_digest(secret), _in_seconds(OFFER_SECONDS)]


def offered_secret() -> str:
    """Return the secret that this browser may see; "" where another one was offered since, or it took too long."""
    digest, ends = session.get(_OFFER, ("", 0))
    secret: str = current_user.totp_secret
    allowed = ends > _in_seconds(0) and digest == _digest(secret) and not second_factor.is_on(current_user)
    return secret if allowed else ""


def forget_offer() -> None:
    """Never show the secret again."""
    session.pop(_OFFER, None)


def log_out() -> None:
    """End this session, here and on the server, and tell its other tabs. Commits."""
    ended = current_user.session_id
    service.end_session(ended)
    db.session.commit()
    forget_cookie()
    tell_ended([ended])


def forget_cookie() -> None:
    """Take the log-in out of this browser."""
    session.clear()
    logout_user()


def tell_ended(session_ids: list[int]) -> None:
    """Tell the open pages of ended sessions to leave; call it after the commit."""
    for session_id in session_ids:
        ring_bell("signed-out", session_id=session_id)


def _in_seconds(seconds: int) -> int:
    return int(clock.now().timestamp()) + seconds


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:32]
