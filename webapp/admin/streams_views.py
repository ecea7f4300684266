"""Who is here now: log-ins and open streams."""

from __future__ import annotations

from flask import abort, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts import service, sessions
from webapp.accounts.devices import device_name
from webapp.accounts.emails import MAX_EMAIL
from webapp.admin import streams_queries as queries
from webapp.admin.streams_queries import Everywhere
from webapp.admin.views import actor, bp
from webapp.audit import note
from webapp.errors import Conflict
from webapp.extensions import db
from webapp.filters import utc_time
from webapp.models import UserSession
from webapp.redis import RedisAway
from webapp.rendering import is_fragment_request, render
from webapp.sure import SureForm, ask
from webapp.typed import argument


@bp.get("/streams")
def show_streams() -> ResponseReturnValue:
    """Show who is logged in, what is watched, and which tokens are used; htmx asks for the streams again and again."""
    text, before = argument(request.args, "q", MAX_EMAIL), request.args.get("before", "")
    here, everywhere = queries.streams_here(), load_everywhere()
    if is_fragment_request():
        return render("admin/streams.html", "streams_now", here=here, everywhere=everywhere)
    return render("admin/streams.html", here=here, everywhere=everywhere, text=text, before=before,
                  page=queries.sessions_page(text, before), tokens=queries.tokens_in_use())


@bp.route(f"/streams/sessions/<int(max={queries.MOST_ID}):session_id>/end", methods=["GET", "POST"])
def end_session(session_id: int) -> ResponseReturnValue:
    """Ask whether a log-in shall end, and end it once that is answered."""
    row = queries.find_session(session_id) or abort(404)
    own = row.id == current_user.session_id
    device = device_name(row.agent)
    since = row.created_at.isoformat()
    # SQLite gives the number of one that has ended to the next, which may be the same person's.
    as_shown = request.form.get("person") == row.user.email and request.form.get("since", since) == since
    if not SureForm().validate_on_submit() or not as_shown:
        yours = ["This is the log-in that you use at this moment."] if own else []
        return ask(f"Log {row.user.email} out of {device}?",
                   [f"From {row.address or 'an unknown address'}, logged in at {utc_time(row.created_at)}.",
                    "Its open pages leave at once. Whoever knows the password can log in again.", *yours],
                   "Yes, log out", url_for(".show_streams"), {"person": row.user.email, "since": since})
    email = row.user.email
    end(row, device)
    if own:
        sessions.forget_cookie()
        return redirect(url_for("accounts.login"), 303)
    flash(f"{email} is logged out of {device}.", "success")
    return redirect(url_for(".show_streams"), 303)


def end(row: UserSession, device: str) -> None:
    """End a log-in, write that down, and tell its open pages; raise Conflict where it has ended. Commits."""
    session_id, email = row.id, row.user.email
    before = {"device": device, "address": row.address, "since": row.created_at.isoformat()}
    if not service.end_session(session_id):
        raise Conflict("This log-in has ended meanwhile.")
    note(actor(), "session.end", email, before, {})
    db.session.commit()
    sessions.tell_ended([session_id])


def load_everywhere() -> Everywhere | None:
    """Return what all web processes say; None while Redis is away."""
    try:
        return queries.streams_everywhere(current_app.extensions["redis"])
    except RedisAway:
        return None
