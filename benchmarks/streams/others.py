"""The peers that are written in Python, in an environment of their own: the seed's consumer, and flask-sse."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

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
from benchmarks.streams.site import RedisServer

LOCK = ROOT / "requirements-bench.txt"
VENV = ROOT / "instance" / "bench-venv"
PEERS = "benchmarks.streams.peers"
PYTHON = VENV / "bin" / "python"


def install_peers() -> None:
    """Install what the lock names, if that has not been done."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    done = VENV / "installed"
    if done.exists() and done.read_text() == wanted:
        return
    print("Installing the peers; this takes a minute.", file=sys.stderr, flush=True)
    for command in ([sys.executable, "-m", "venv", "--clear", VENV],
                    [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                     "--disable-pip-version-check", "-r", LOCK]):
        if subprocess.run(list(map(str, command)), timeout=600, check=False).returncode:
            raise BenchmarkError("the peers cannot be installed")
    done.write_text(wanted)


def _environment(**more: str) -> dict[str, str]:
    """Return the environment of a peer."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


class FlaskSse:
    """flask-sse under gunicorn's gevent worker."""

    name = "flask-sse"
    stamp_mark, row_mark, conflates = "v=", "<li id=t", False

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.port = free_port()
        log = folder / "flask-sse.txt"
        self._process = Process(
            [PYTHON, "-m", "gunicorn", "-k", "gevent", "--worker-connections", "20000", "--bind",
             f"127.0.0.1:{self.port}", "--log-level", "error", f"{PEERS}.flask_sse_site:app"], SERVER_CORE, log,
            environment=_environment(REDIS_URL=redis.url))
        wait_until(lambda: listens(self.port), 20, f"flask-sse did not start: {log}")
        self.web = self._process.child()

    def request(self, ids: list[int]) -> list[str]:
        """Return what a viewer of these stocks sends."""
        return [f"GET /stream?ids={','.join(map(str, ids))} HTTP/1.1", "Host: 127.0.0.1", "Accept: text/event-stream"]

    def stop(self) -> None:
        """End it."""
        self._process.stop()


class Seed:
    """The consumer of this project's seed, served by daphne over WebSockets."""

    name = "seed (Channels, daphne)"
    stamp_mark, row_mark, conflates = '"version": ', '"Quote Price"', False

    def __init__(self, folder: Path, redis: RedisServer, viewers: int, picks: int, stocks: int) -> None:
        self.port, self._stocks, self._log = free_port(), stocks, folder / "seed.txt"
        self._environment = _environment(SEED_DATABASE=str(folder / "seed.db"),
                                         SEED_REDIS=f"redis://127.0.0.1:{redis.port}/1")
        subprocess.run([PYTHON, "-m", f"{PEERS}.seed_site", "prepare", str(viewers), str(picks), str(stocks)],
                       check=True, timeout=60, cwd=ROOT, env=self._environment)
        self._process = Process(
            [PYTHON, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "-v", "0", "--ping-interval", "600",
             "--ping-timeout", "1200", f"{PEERS}.seed_site:application"], SERVER_CORE, self._log,
            environment=self._environment)
        wait_until(lambda: listens(self.port), 20, f"daphne did not start: {self._log}")
        self.web = self._process.pid

    def publish(self, rate: float, stamps: Path) -> Process:
        """Start to send ticks of all stocks; stop() ends it."""
        return Process([PYTHON, "-m", f"{PEERS}.seed_site", "publish", str(self._stocks), str(rate), "7200", stamps],
                       LOAD_CORE, self._log, environment=self._environment)

    def request(self, viewer: int) -> list[str]:
        """Return what a viewer sends to open its WebSocket."""
        return [f"GET /lists/{viewer} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]

    def stop(self) -> None:
        """End it."""
        self._process.stop()
