"""Browsers that watch a hub over real sockets, and rows to show them."""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
from decimal import Decimal

from webapp.live.hub import Hub
from webapp.live.viewers import Viewer
from webapp.records import Instrument, LiveQuote, Quote, Session, State

NOON = dt.datetime(2026, 3, 9, 16, tzinfo=dt.UTC)


def row(number: int, version: int, price: int = 100) -> LiveQuote:
    quote = Quote(number, Decimal(price), NOON, NOON.date(), "test", State.LIVE, Session.REGULAR)
    return LiveQuote(Instrument(number, f"S{number}", "XNAS", "", "USD", "US"), version, quote)


def draw(kind: str, live: LiveQuote) -> bytes:
    padding = b"." * 3000  # a few rows fill a small socket
    if kind == "json":
        return b'["[%d=%d]","%b"]' % (live.instrument.id, live.version, padding)
    return b"[%d=%d]%b" % (live.instrument.id, live.version, padding)


def make_hub(**limits: int) -> Hub:
    return Hub(draw, window=0.0, **limits)


class Client:
    """A browser: reads when it is told to, remembers what it was shown and the last event id it had whole."""

    def __init__(self, hub: Hub, ids: tuple[int, ...], since: int | None = None, kind: str = "table") -> None:
        self.hub = hub
        self.kind = kind
        self.ids = ids
        self.shown: dict[int, int] = {}
        self.last_id = since
        self.events: list[str] = []
        self.connect(since)

    def connect(self, since: int | None) -> None:
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ours.setblocking(False)
        theirs.setblocking(False)
        self.socket, self.buffer, self.open = ours, b"", True
        self.viewer: Viewer = self.hub.join(os.dup(theirs.fileno()), b"", self.kind, self.ids, since=since)
        theirs.close()

    def read(self, most: int = 1 << 20) -> None:
        while most > 0 and self.open:
            try:
                data = self.socket.recv(min(most, 65536))
            except BlockingIOError:
                break
            if not data:
                self.close()
                break
            most -= len(data)
            self.buffer += data
        *events, self.buffer = self.buffer.split(b"\n\n")
        for event in events:
            self.take(event.decode())

    def take(self, event: str) -> None:
        self.events.append(event)
        for number, version in re.findall(r"\[(\d+)=(\d+)\]", event):
            assert int(number) in self.ids, "a viewer gets only what it watches"
            assert self.shown.get(int(number), 0) <= int(version), "never back in time"
            self.shown[int(number)] = int(version)
        if found := re.search(r"^id: (\d+)$", event, re.M):
            self.last_id = int(found[1])

    def close(self) -> None:
        self.socket.close()
        self.open = False
