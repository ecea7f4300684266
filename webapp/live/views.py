"""The stream: who may have it, of what; then the connection is the hub's."""

from __future__ import annotations

import random

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.instruments import load_instruments
from webapp.live.frames import PAGES
from webapp.live.handover import MIMETYPE, Handover, asked_since
from webapp.live.hub import Hub
from webapp.live.viewers import SIGNED_OUT, Full
from webapp.throttle import address_key

bp = Blueprint("live", __name__, url_prefix="/live")

MOST_STOCKS = 1000


@bp.get("/stream")
def stream() -> ResponseReturnValue:
    """Give this connection to the hub, which writes it what changes of the asked stocks."""
    hub: Hub | None = current_app.extensions.get("hub")
    connection = request.environ.get("gunicorn.socket")
    if hub is None or connection is None:
        abort(501)
    kind, ids, since = request.args.get("view", "table"), asked_ids(), asked_since()
    if kind not in PAGES:
        abort(400)
    if since is not None and since > hub.received:
        # The page was drawn from a commit that has not come over the bus yet. It must not see older prices now.
        # Before anything else is asked of the database: who waits here must hold none of its few connections.
        current_app.extensions["feed"].reach(since)
    ids = known(ids, hub)
    if "signed_in" in request.args and not current_user.is_authenticated:
        return Response(SIGNED_OUT, mimetype=MIMETYPE)
    hub.prepare(kind, ids)
    user_id, session_id = signed_in()
    address = address_key()
    try:
        hub.admit(user_id, address)
    except Full:
        return Response("Too many streams", 503, {"Retry-After": str(random.randint(5, 15))})
    return Handover(connection, hub, kind=kind, ids=ids, since=since, read_at=asked_read_at(), user_id=user_id,
                    session_id=session_id, address=address)


def asked_ids() -> list[int]:
    """Return the instruments the page shows; the prices are public, so whoever asks may have them."""
    parts = [part for part in request.args.get("ids", "").split(",") if part]
    if len(parts) > MOST_STOCKS or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        abort(400)
    return [int(part) for part in parts]


def known(ids: list[int], hub: Hub) -> list[int]:
    """Leave out numbers that no stock has: hub and workers would carry along whatever anybody makes up."""
    new = [each for each in ids if each not in hub.rows]
    stocks = {stock.id for stock in load_instruments(new)} if new else set()
    return [each for each in ids if each in hub.rows or each in stocks]


def asked_read_at() -> float | None:
    """Return when the page's list was read, in Unix seconds; None for a page without a list of the person's own."""
    said = request.args.get("read_at", "")
    return int(said) / 1000 if said.isascii() and said.isdigit() and len(said) < 19 else None


def signed_in() -> tuple[int, int]:
    """Return the person and the log-in behind the request; zeros for nobody."""
    if not current_user.is_authenticated:
        return 0, 0
    return current_user.id, current_user.session_id
