"""How a request becomes a viewer: what it has already, that the hub holds its rows, and the connection moves."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, current_app, request

from webapp.extensions import db
from webapp.live.hub import Hub
from webapp.live.viewers import BEAT
from webapp.quotes import current_version, load_live
from webapp.records import LiveQuote

MIMETYPE = "text/event-stream"


def asked_since() -> int | None:
    """Return the version the asker has: what is said on a reconnect, else what the page was drawn with."""
    said = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def hold_rows(hub: Hub, ids: Sequence[int]) -> list[LiveQuote]:
    """Have the hub hold these stocks as they are now, for who has no page to begin with; return those without a quote.

    The hub knows none of those. A row that it gets here is not replaced by an older one that is still on its way.
    """
    newest = current_version()
    db.session.remove()  # who waits here must hold none of the few connections
    if newest > hub.received:
        current_app.extensions["feed"].reach(newest)
    missing = [each for each in ids if each not in hub.rows]
    rows = load_live(missing) if missing else []
    hub.apply([row for row in rows if row.version], hub.received)
    return [row for row in rows if not row.version]


class Handover(Response):
    """An answer that is not written here: the connection moves to the hub, and the web server lets go of it.

    `told` names headers of this answer that are sent; `first` is what is written before anything of the hub.
    """

    def __init__(self, connection: socket.socket, hub: Hub, *, told: Sequence[str] = (), first: bytes = b"",
                 **viewer: Any) -> None:
        super().__init__(status=200, mimetype=MIMETYPE)
        self._connection, self._hub, self._viewer = connection, hub, viewer
        self._told, self._first = told, first

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Hand the descriptor over and leave."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = os.dup(self._connection.fileno())
        os.set_blocking(fd, False)
        lines = "".join(f"{name}: {self.headers[name]}\r\n" for name in self._told if name in self.headers)
        self._hub.join(fd, head(lines.encode("latin-1")) + self._first, **self._viewer)
        # For gunicorn's workers this ends the request and closes their own descriptor, without waiting for another
        # request on a connection that is no longer theirs.
        raise StopIteration


def head(lines: bytes = b"") -> bytes:
    """Return the start of every stream, with more header lines; browsers come back after a loss at different times."""
    return (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"
            b"X-Content-Type-Options: nosniff\r\nConnection: close\r\n" + lines + b"\r\n"
            b"retry: %d\n\n" % random.randrange(500, 2500, 100)) + BEAT
