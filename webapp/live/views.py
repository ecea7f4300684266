"""The stream: who may have it, of what; then the connection is the hub's."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.instruments import load_instruments
from webapp.live.hub import KINDS, Hub
from webapp.live.viewers import BEAT, SIGNED_OUT, Full
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
    if kind not in KINDS:
        abort(400)
    if since is not None and since > hub.received:
        # The page was drawn from a commit that has not come over the bus yet. It must not see older prices now.
        # Before anything else is asked of the database: who waits here must hold none of its few connections.
        current_app.extensions["feed"].reach(since)
    ids = known(ids, hub)
    if "signed_in" in request.args and not current_user.is_authenticated:
        return Response(SIGNED_OUT, mimetype="text/event-stream")
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


def asked_since() -> int | None:
    """Return the version the page has: what the browser says on a reconnect, else what the page was drawn with."""
    said = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def asked_read_at() -> float | None:
    """Return when the page's list was read, in Unix seconds; None for a page without a list of the person's own."""
    said = request.args.get("read_at", "")
    return int(said) / 1000 if said.isascii() and said.isdigit() and len(said) < 19 else None


def signed_in() -> tuple[int, int]:
    """Return the person and the log-in behind the request; zeros for nobody."""
    if not current_user.is_authenticated:
        return 0, 0
    return current_user.id, current_user.session_id


class Handover(Response):
    """An answer that is not written here: the connection moves to the hub, and the web server lets go of it."""

    def __init__(self, connection: socket.socket, hub: Hub, **viewer: Any) -> None:
        super().__init__(status=200, mimetype="text/event-stream")
        self._connection, self._hub, self._viewer = connection, hub, viewer

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Hand the descriptor over and leave."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = os.dup(self._connection.fileno())
        os.set_blocking(fd, False)
        self._hub.join(fd, head(), **self._viewer)
        # For gunicorn's workers this ends the request and closes their own descriptor, without waiting for another
        # request on a connection that is no longer theirs.
        raise StopIteration


def head() -> bytes:
    """Return the start of every stream; browsers come back after a loss at different times."""
    return (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"
            b"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
            b"retry: %d\n\n" % random.randrange(500, 2500, 100)) + BEAT
