"""The real processes, killed at the worst moment."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RedisServer
from webapp import redis as redis_clients
from webapp.live import bus

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


class Workers:
    """A worker and a scheduler on a database and a Redis of their own."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.database = folder / "stagewatch.db"
        self.log = folder / "log"
        self.redis = redis_clients.connect(redis.url)
        kept = {name: value for name, value in os.environ.items()
                if name not in {"DATABASE_URL", "ALPHA_VANTAGE_API_KEY"}}
        self.environment = kept | {"INSTANCE_DIR": str(folder), "SECRET_KEY": "only for tests",
                                   "REDIS_URL": redis.url, "REFRESH_SECONDS": "1"}
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *role: str) -> "subprocess.Popen[bytes]":
        """Start one process."""
        process = subprocess.Popen([sys.executable, "-m", "worker", *role], cwd=ROOT, env=self.environment,
                                   stdout=self.log.open("ab"), stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def watch_everything(self) -> None:
        """Put all stocks on a screen that stays open."""
        self.redis.zadd(bus.WATCHED, {str(number): time.time() + 3600 for number in range(1, 61)})

    def stop(self) -> None:
        """End them all, their jobs too."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)

    def ask(self, query: str) -> list[Any]:
        """Query the database beside the processes."""
        with sqlite3.connect(self.database, timeout=5) as connection:
            return connection.execute(query).fetchall()

    def version(self) -> int:
        """Return how far the feed is."""
        return int(self.ask("SELECT value FROM feed_version")[0][0])

    def await_version_after(self, version: int, seconds: float) -> float:
        """Wait until the feed has moved on; return how long that took."""
        began = time.monotonic()
        wait_until(lambda: self.version() > version, seconds, lambda: self.log.read_text()[-2000:])
        return time.monotonic() - began

    def horses(self, worker: "subprocess.Popen[bytes]") -> list[int]:
        """Return the processes of the worker's job."""
        found = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]


def wait_until(ready: Callable[[], object], seconds: float, say: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, say()
        time.sleep(0.02)


@pytest.fixture
def workers(tmp_path: Path, own_redis_server: RedisServer, migrated_sqlite: Path) -> Iterator[Workers]:
    made = Workers(tmp_path, own_redis_server)
    made.database.write_bytes(migrated_sqlite.read_bytes())
    with sqlite3.connect(made.database) as connection:
        connection.executemany(
            "INSERT INTO instruments (symbol, mic, name, currency, country, kind, decimals, starter, folded_name)"
            " VALUES (?, 'XNYS', ?, 'USD', 'US', 'stock', 2, 1, '')", [(f"S{n}", f"S{n}") for n in range(60)])
    made.watch_everything()
    yield made
    made.stop()


def assert_sound(workers: Workers) -> None:
    """Hold the database against its own promises."""
    doubles = workers.ask("SELECT instrument_id, as_of, count(*) FROM ticks GROUP BY 1, 2, source HAVING count(*) > 1")
    assert doubles == []
    newest = workers.ask("SELECT max(version) FROM quotes")[0][0]
    assert newest <= workers.version()
    orphans = workers.ask("SELECT count(*) FROM quotes q WHERE price IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ticks t"
                          " WHERE t.instrument_id = q.instrument_id AND t.as_of = q.as_of AND t.price = q.price)")
    assert orphans == [(0,)]


def test_the_refresh_goes_on_whatever_is_killed(workers: Workers) -> None:
    heard = listen(workers)
    worker, scheduler = workers.start(), workers.start("scheduler")
    workers.await_version_after(0, 60)
    for _ in range(3):  # the job's own process, in the middle of a job
        wait_until(lambda: workers.horses(worker), 20)
        for pid in workers.horses(worker):
            kill(pid)
        workers.await_version_after(workers.version(), 15)
    wait_until(lambda: workers.horses(worker), 20)
    horses = workers.horses(worker)
    kill(worker.pid)
    for pid in horses:
        kill(pid)
    worker.wait()
    version = workers.version()
    worker = workers.start()
    assert workers.await_version_after(version, 30) < 30
    kill(scheduler.pid)
    scheduler.wait()
    workers.start("scheduler")
    workers.await_version_after(workers.version() + 1, 30)
    assert_sound(workers)
    for version, instrument, price in heard():
        assert version <= workers.version()
        found = workers.ask(f"SELECT count(*) FROM ticks WHERE version <= {version} AND instrument_id = {instrument}"
                            f" AND price = '{price}'")
        assert found[0][0] >= 1


def test_an_emptied_and_a_restarted_redis_are_survived(workers: Workers, own_redis_server: RedisServer) -> None:
    roles = {role: workers.start(*role) for role in ((), ("scheduler",))}
    workers.await_version_after(0, 60)
    workers.redis.flushall()
    workers.watch_everything()
    workers.await_version_after(workers.version() + 1, 15)
    own_redis_server.stop(kill=True)
    time.sleep(1)
    own_redis_server.start()
    workers.watch_everything()
    version = workers.version()

    def supervise() -> bool:
        for name, process in roles.items():
            if process.poll() is not None:
                roles[name] = workers.start(*name)
        return workers.version() > version + 1

    wait_until(supervise, 40, lambda: workers.log.read_text()[-2000:])
    assert_sound(workers)


def test_both_stop_when_they_are_told_to(workers: Workers) -> None:
    worker, scheduler = workers.start(), workers.start("scheduler")
    workers.await_version_after(0, 60)
    worker.terminate()
    scheduler.terminate()
    assert (worker.wait(10), scheduler.wait(10)) == (0, 0)
    assert "Traceback" not in workers.log.read_text()


def test_an_unusable_setting_is_said_in_one_line(workers: Workers) -> None:
    workers.environment["REFRESH_SECONDS"] = "often"
    assert workers.start().wait(30) == 2
    assert workers.log.read_text() == "REFRESH_SECONDS is 'often': set it to a whole number.\n"


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def listen(workers: Workers) -> Callable[[], list[tuple[int, int, str]]]:
    """Collect what is published; return it as version, instrument and price."""
    found: list[tuple[int, int, str]] = []
    listener = workers.redis.pubsub()  # type: ignore[no-untyped-call]

    def take(message: dict[str, Any]) -> None:
        body = json.loads(message["data"])
        found.extend((body["version"], item["instrument"]["id"], item["quote"]["price"]) for item in body["quotes"])

    listener.subscribe(**{bus.QUOTES: take})
    thread = listener.run_in_thread(sleep_time=0.1, daemon=True)

    def read() -> list[tuple[int, int, str]]:
        thread.stop()
        thread.join(5)
        assert found
        return found

    return read
