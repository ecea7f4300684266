"""A stream as a test reads it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.site import Site


class Stream:
    """An open event stream, read in the background as a browser does."""

    def __init__(self, url: str, cookies: dict[str, str] | None = None, last_id: str | None = None) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        self.response = requests.get(url, stream=True, timeout=(5, 60), cookies=cookies, headers=headers)
        self.events: list[dict[str, str]] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self.response.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif event:
                    self.events.append(event)
                    event = {}
        except (requests.RequestException, AttributeError):
            pass
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
        self.response.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A whole Stagewatch, of which a test starts what it needs."""
    with Site(tmp_path) as running:
        yield running
