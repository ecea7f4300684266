"""The two servers over one database: Stagewatch as users run it, and the same answers from Django REST framework."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.streams.machine import LOAD_CORE, ROOT, SERVER_CORE, Process, free_port, listens, wait_until
from benchmarks.streams.others import PYTHON
from benchmarks.streams.site import KEPT_OUT

NO_LIMIT = "999999999 per minute"


class Server:
    """A server on a core of its own; it has one process that answers."""

    name = ""

    def __init__(self, folder: Path, command: list[str | Path], environment: dict[str, str], port: int) -> None:
        self.port, self._log = port, folder / f"{self.name.split()[0]}.txt"
        self._process = Process(command, SERVER_CORE, self._log, environment=environment)
        wait_until(lambda: listens(self.port), 30, f"{self.name} does not answer: {self._log}")
        self.web = self._process.child()

    def get(self, path: str) -> Any:
        """Return what it answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return json.load(answer)

    def load(self, paths: list[str], connections: int, seconds: float) -> dict[str, Any]:
        """Ask it for these in turn for so long; return the client's figures."""
        words = [str(self.port), json.dumps(paths), str(connections), str(seconds)]
        client = Process([sys.executable, "-m", "benchmarks.rest.load", *words], LOAD_CORE, self._log, talks=True)
        try:
            return client.ask()
        finally:
            client.stop()

    def stop(self) -> None:
        """End it."""
        self._process.stop()


class Stagewatch(Server):
    """Stagewatch."""

    name = "Stagewatch"

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        port = free_port()
        kept = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
        instance = folder / "instance"
        instance.mkdir(exist_ok=True)
        super().__init__(folder, [sys.executable, "-m", "gunicorn", "-c", "python:webapp.serving", "wsgi:app"], kept | {
            "INSTANCE_DIR": str(instance), "SECRET_KEY": "only for a benchmark", "HOST": "127.0.0.1",
            "PORT": str(port), "DATABASE_URL": database, "REDIS_URL": redis, "LOG_LEVEL": "warning",
            "API_LIMIT_ADDRESS": NO_LIMIT}, port)


class RestFramework(Server):
    """Django REST framework, under gunicorn with the same kind of worker."""

    name = "Django REST framework"

    def __init__(self, folder: Path, database: str) -> None:
        port = free_port()
        super().__init__(folder, [
            PYTHON, "-m", "gunicorn", "-k", "gevent", "--bind", f"127.0.0.1:{port}", "--log-level", "error",
            "--keep-alive", "5", "benchmarks.rest.drf_site:application"],
            os.environ | {"PYTHONPATH": str(ROOT), "PEER_DATABASE": database.replace("+psycopg", "")}, port)
