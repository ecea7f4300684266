"""A stream as a test reads it."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.site import Site


class Stream:
    """An open event stream, read in the background as a browser does."""

    def __init__(self, url: str, cookie: str = "", last_id: str | None = None) -> None:
        where = urlsplit(url)
        self.connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        headers = {"Accept": "text/event-stream", "Cookie": cookie}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.connection.request("GET", f"{where.path}?{where.query}", headers=headers)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.events: list[dict[str, str]] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        buffer = b""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while data := self.response.read1(65536):
                *events, buffer = (buffer + data).split(b"\n\n")
                self.events += [dict(line.split(": ", 1) for line in event.decode().split("\n")) for event in events]
        self.ended.set()

    def named(self, name: str) -> list[dict[str, str]]:
        """Return the events of one name so far."""
        return [event for event in self.events if event.get("event") == name]

    def shown(self) -> dict[int, str]:
        """Return the newest price cell of each stock."""
        found: dict[int, str] = {}
        for event in self.named("quotes"):
            for number, cell in re.findall(r"<td id=q(\d+)-price[^>]*>([^<]*)", event["data"]):
                found[int(number)] = cell.strip()
        return found

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A whole Stagewatch, of which a test starts what it needs."""
    with Site(tmp_path) as running:
        yield running
