"""An open page: loaded once, then moved by its stream alone, which it opens again as a browser does."""

from __future__ import annotations

import html
import re
from http.client import HTTPException
from urllib.parse import urljoin

import requests

from tests.server.conftest import Stream

CELL = re.compile(r"<td id=q(\d+)-price[^>]*>([^<]*)")


def price_cells(text: str) -> dict[int, str]:
    """Return the price of each stock as a page or a frame shows it."""
    return {int(number): cell.strip() for number, cell in CELL.findall(text)}


class LivePage:
    """A page in a browser, whose session it may be, that nobody reloads."""

    def __init__(self, address: str, session: requests.Session | None = None) -> None:
        session = session or requests.Session()
        text = session.get(address, timeout=10).text
        connect = re.search(r'sse-connect="([^"]+)"', text)
        assert connect, text[:2000]
        self.stream_url = urljoin(address, html.unescape(connect[1]))
        self.cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
        self.cells = price_cells(text)
        self.last_id: str | None = None
        self.status = ""
        self.frames = self.bells = self.opened = self.read = 0
        self.stream: Stream | None = None

    def look(self) -> dict[int, str]:
        """Return the prices on the page now; open its stream again where that has ended."""
        if self.stream is not None:
            for event in self.stream.events[self.read:]:
                self.read += 1
                self._take(event)
            if self.stream.ended.is_set():
                self.close()
        if self.stream is None:
            self._open()
        return self.cells

    def _open(self) -> None:
        try:
            stream = Stream(self.stream_url, self.cookie, self.last_id)
        except (OSError, HTTPException):
            return
        if stream.response.status == requests.codes.ok:
            self.stream, self.read = stream, 0
            self.opened += 1

    def _take(self, event: dict[str, str]) -> None:
        self.last_id = event.get("id", self.last_id)
        kind = event.get("event")
        if kind == "status":
            self.status = event["data"]
        elif kind == "watchlists":
            self.bells += 1
        elif kind == "quotes":
            self.frames += 1
            self.cells |= price_cells(event["data"])

    def close(self) -> None:
        """Leave the page."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
