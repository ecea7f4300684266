"""Ties log-ins to requests: the cookie holds a random token, the database knows its session."""

import datetime as dt
from urllib.parse import urlsplit

from flask import current_app, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from webapp.accounts import queries, service
from webapp.errors import answer
from webapp.extensions import db, login_manager
from webapp.live.watching import ring_bell
from webapp.models import User
from webapp.rendering import go_to, is_fragment_request


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
