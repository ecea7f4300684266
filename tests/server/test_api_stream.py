"""The stream of JSON events, from the real processes, read by other people's programs."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import playwright
import pytest
import requests
import sseclient

from tests.server.conftest import Stream
from tests.server.people import PASSWORD, Person
from tests.server.vendor import run_sql
from tests.site import ROOT, Site, wait_until

pytestmark = pytest.mark.server

READER = """
import { EventSource } from "eventsource";
const [url, token] = process.argv.slice(-2);
const Authorization = `Bearer ${token}`;
const withToken = (input, init) => fetch(input, {...init, headers: {...init.headers, Authorization}});
const source = new EventSource(url, {fetch: withToken});
const tell = (what) => console.log(JSON.stringify(what));
source.addEventListener("open", () => tell({event: "open"}));
source.addEventListener("error", (error) => tell({event: "error", code: error.code ?? null}));
for (const name of ["quotes", "status", "signed-out"])
  source.addEventListener(name, (it) => tell({event: name, id: it.lastEventId, data: JSON.parse(it.data)}));
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of this file, whose prices move."""
    with Site(tmp_path_factory.mktemp("stream")) as site:
        yield site.start("web", "worker", "scheduler")


@pytest.fixture
def site(running: Site) -> Site:
    """The site with its web server up."""
    if "web" not in running.processes:
        running.start("web")
    return running


def keys(site: Site) -> list[str]:
    return [key for [key] in run_sql(site, "SELECT mic || ':' || symbol FROM instruments WHERE starter ORDER BY id")]


def url_of(site: Site, *names: str) -> str:
    return f"{site.url}/api/v1/stream?symbols={','.join(names)}"


def make_token(site: Site) -> str:
    """Have somebody sign up and make a token."""
    page = Person(site.url).join().send("/account/tokens/new", name="mine", scope="write", expires="30",
                                        password=PASSWORD).text
    found = re.search(r"sw_[\w-]{43}", page)
    assert found, page
    return found[0]


def told(stream: Stream) -> dict[str, tuple[int, str | None]]:
    """Return the last version and price of each stock."""
    return {row["key"]: (row["version"], row["price"]) for event in stream.named("quotes")
            for row in json.loads(event["data"])}


class Reader:
    """A program of somebody else that reads events in the background."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def rows(self) -> list[dict[str, Any]]:
        """Return every row so far."""
        return [row for event in list(self.events) if event["event"] == "quotes" for row in event["data"]]

    def newest(self) -> dict[str, tuple[int, str | None]]:
        """Return the last version and price of each stock."""
        return {row["key"]: (row["version"], row["price"]) for row in self.rows()}

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the events of one name."""
        return [event for event in list(self.events) if event["event"] == name]


class PythonReader(Reader):
    """sseclient-py on top of requests."""

    def __init__(self, url: str, **headers: str) -> None:
        super().__init__()
        self.answer = requests.get(url, stream=True, headers={"Accept": "text/event-stream"} | headers, timeout=60)
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(requests.RequestException, AttributeError, ValueError):
            for event in sseclient.SSEClient(iter(self.answer)).events():
                self.events.append({"event": event.event, "id": event.id, "data": json.loads(event.data)})
        self.ended.set()

    def close(self) -> None:
        """Hang up."""
        raw: Any = self.answer.raw
        with contextlib.suppress(OSError, AttributeError):
            raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # close() would wait for who reads
        self.answer.close()


def find_node() -> str:
    """Return a Node.js: the one that comes with Playwright, or the machine's own; skip without any."""
    own = Path(playwright.__file__).parent / "driver" / "node"
    for path in (str(own), shutil.which("node") or ""):
        if path and Path(path).exists() and not subprocess.run([path, "--version"], capture_output=True, check=False,
                                                               timeout=30).returncode:
            return path
    pytest.skip("there is no Node.js")


class NodeReader(Reader):
    """The npm package eventsource."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        if not (ROOT / "node_modules" / "eventsource").is_dir():
            pytest.skip("the npm package eventsource is not installed")
        self.process = subprocess.Popen([find_node(), "--input-type=module", "-e", READER, "--", url, token], cwd=ROOT,
                                        stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.events.extend(json.loads(line) for line in iter(self.process.stdout.readline, ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait(10)


def test_a_client_from_pypi_sees_every_stock_at_once_and_then_its_changes(site: Site) -> None:
    names = keys(site)
    reader = PythonReader(url_of(site, *names))
    wait_until(lambda: set(reader.newest()) == set(names), 10, "a stock is missing")
    wait_until(lambda: len(reader.named("quotes")) >= 4, 20, "no changes came")
    first = reader.named("quotes")[0]["data"][0]
    assert reader.named("status")[0]["data"] == {"stream": "live"}
    assert set(first) == set(requests.get(f"{site.url}/api/v1/quotes/{names[0]}", timeout=5).json())
    ids = [int(event["id"]) for event in reader.named("quotes") if event["id"]]
    assert ids == sorted(ids)
    assert reader.answer.headers["RateLimit-Limit"] == "120"
    reader.close()


def test_what_the_stream_says_last_is_what_the_database_holds(site: Site) -> None:
    names = keys(site)
    readers = [Stream(url_of(site, *names)) for _ in range(2)]
    wait_until(lambda: all(len(reader.named("quotes")) >= 3 for reader in readers), 20, "no changes came")
    site.stop("scheduler")

    def agrees() -> bool:
        answer = requests.get(f"{site.url}/api/v1/quotes", {"symbols": ",".join(names)}, timeout=5).json()["items"]
        kept = {row["key"]: (row["version"], row["price"]) for row in answer}
        return all(told(reader) == kept for reader in readers)

    try:
        wait_until(agrees, 10, "the stream and the database differ")
    finally:
        site.start("scheduler")
    for reader in readers:
        reader.close()


def test_a_reconnect_gets_only_what_changed_since(site: Site) -> None:
    names = keys(site)
    reader = Stream(url_of(site, *names))
    wait_until(lambda: len(reader.named("quotes")) >= 2, 20, "no changes came")
    site.stop("scheduler")
    try:
        time.sleep(3)
        last = reader.named("quotes")[-1]["id"]
        reader.close()
        again, fresh = Stream(url_of(site, *names), last_id=last), Stream(url_of(site, *names))
        wait_until(lambda: fresh.named("quotes"), 5, "a stream without an id gets all rows")
        assert not again.named("quotes")
        assert len(json.loads(fresh.named("quotes")[0]["data"])) == len(names)
    finally:
        site.start("scheduler")
    for each in (again, fresh):
        each.close()


def test_a_slow_reader_holds_nobody_back_and_ends_on_the_newest_prices(site: Site) -> None:
    names = keys(site)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect(("127.0.0.1", site.port))
    slow.sendall(f"GET /api/v1/stream?symbols={','.join(names)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    fast = Stream(url_of(site, *names))
    wait_until(lambda: len(fast.named("quotes")) >= 4, 30, "the other reader is held back")
    slow.settimeout(0.5)
    text, newest = "", {}
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            text += slow.recv(65536).decode()
        events = text.split("\r\n\r\n", 1)[-1].split("\n\n")[:-1]
        arrays = [json.loads(event.rpartition("data: ")[2]) for event in events if "event: quotes" in event]
        newest = {row["key"]: row["version"] for rows in arrays for row in rows}
        if newest and max(newest.values()) >= int(fast.named("quotes")[3]["id"]):
            break
    assert set(newest) == set(names)
    assert max(newest.values()) >= int(fast.named("quotes")[3]["id"])
    slow.close()
    fast.close()


def test_a_revoked_token_ends_its_stream_at_once(site: Site) -> None:
    token = make_token(site)
    reader = Stream(url_of(site, *keys(site)[:1]))
    mine = PythonReader(url_of(site, *keys(site)[:1]), Authorization=f"Bearer {token}")
    wait_until(lambda: mine.named("quotes"), 10, "no price came")
    bearer = {"Authorization": f"Bearer {token}"}
    [row] = requests.get(f"{site.url}/api/v1/tokens", headers=bearer, timeout=5).json()["items"]
    assert requests.delete(f"{site.url}/api/v1/tokens/{row['id']}", headers=bearer, timeout=5).status_code == 204
    assert mine.ended.wait(5), "the stream of a revoked token goes on"
    assert mine.named("signed-out")
    assert not reader.ended.is_set()
    assert requests.get(url_of(site, "A"), headers=bearer, timeout=5).status_code == 401
    reader.close()


def test_a_client_from_npm_comes_back_by_itself_and_goes_on_where_it_was(site: Site) -> None:
    names = keys(site)
    with NodeReader(url_of(site, *names), make_token(site)) as reader:
        wait_until(lambda: set(reader.newest()) == set(names), 15, "a stock is missing")
        site.kill("web", signal.SIGTERM)
        wait_until(lambda: reader.named("error"), 10, "the client did not notice")
        seen, rows = int(reader.named("quotes")[-1]["id"]), len(reader.named("quotes"))
        site.start("web")
        wait_until(lambda: len(reader.named("quotes")) >= rows + 2, 20, "the client did not come back")
        later = [row["version"] for event in reader.named("quotes")[rows:] for row in event["data"]]
        assert min(later) > seen, "what it had was sent again"
        assert len(reader.named("open")) == 2
