"""A whole Stagewatch for a test: its own folder, Redis, web server, worker and scheduler, as users run them."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from config import VENDORS
from deploy.processes import end_session, signal_session
from tests.conftest import RedisServer

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "web": [sys.executable, "-m", "gunicorn", "-c", "python:webapp.serving", "wsgi:app"],
    "worker": [sys.executable, "-m", "worker"],
    "scheduler": [sys.executable, "-m", "worker", "scheduler"],
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def prepared_database() -> Path:
    """Prepare one SQLite file for all sites of a run: the calendars of a dozen exchanges take seconds to compute."""
    folder = Path(tempfile.mkdtemp(prefix="sw-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    site = Site(folder)
    (folder / "instance").mkdir()
    site.flask("prepare")
    return folder / "instance" / "stagewatch.db"


class Site:
    """Real processes; each can be killed and started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis = RedisServer(folder)
        self.log = folder / "log.txt"
        kept = {name: value for name, value in os.environ.items()
                if name not in {"DATABASE_URL", "APP_ENV", "SMTP_HOST", "BASE_URL", *VENDORS.values()}}
        self.environment = kept | {
            "INSTANCE_DIR": str(folder / "instance"), "SECRET_KEY": "only for tests", "PORT": str(self.port),
            "HOST": "127.0.0.1", "REDIS_URL": self.redis.url, "PYTHONUNBUFFERED": "1"} | settings
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        (self.folder / "instance").mkdir(exist_ok=True)
        self.redis.start()
        if "DATABASE_URL" in self.environment:
            self.flask("prepare")
        else:
            shutil.copyfile(prepared_database(), self.folder / "instance" / "stagewatch.db")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for process in self.processes.values():
            process.terminate()  # all at once: each takes its time
        for name in list(self.processes):
            self.stop(name)
        self.redis.stop()

    def flask(self, *arguments: str, stdin: str = "") -> str:
        """Run a flask command and return what it prints."""
        done = subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", *arguments], cwd=ROOT, text=True,
                              env=self.environment, input=stdin, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *names: str) -> Self:
        """Start processes, a second one of a kind as "worker-2"; return when the web server answers."""
        for name in names:
            with self.log.open("ab") as log:
                command = COMMANDS[name.partition("-")[0]]
                self.processes[name] = subprocess.Popen(
                    command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        if "web" in names:
            wait_until(self.answers, 20, f"the web server does not answer: {self.log.read_text()[-2000:]}")
        return self

    def answers(self) -> bool:
        """Tell whether the web server answers."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill one process and all that it started."""
        process = self.processes.pop(name)
        signal_session(process.pid, number)
        process.wait(20)

    def stop(self, name: str) -> None:
        """Stop one process as an administrator would; what does not listen is killed."""
        process = self.processes.pop(name)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(8)
        end_session(process.pid)
        process.wait(5)


def wait_until(condition: object, seconds: float, failure: str) -> None:
    """Wait for `condition()` to be true; fail with `failure` after `seconds`."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(failure)
