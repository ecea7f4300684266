"""The supervisor with small programs in place of the real ones: as a script it runs them, imported it watches them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A worker whose job runs in a process group of its own, as RQ's does, and does not listen.
WORKER = """
import os, signal, time
if os.fork() == 0:
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
print("WARNING the worker works")
time.sleep(600)
"""

STREAM = "print('WARNING the sockets are kept'); import time; time.sleep(600)"


def main() -> int:
    """Run the supervisor with small programs."""
    from deploy import programs, run

    web = (sys.executable, "-m", "http.server", os.environ["PORT"], "--bind", "127.0.0.1",
           "--directory", os.environ["INSTANCE_DIR"] + "/log")
    programs.ROLES = {"web": web, "worker": (sys.executable, "-c", WORKER),
                 "scheduler": (sys.executable, "-c", "import time; time.sleep(600)"),
                 "stream": (sys.executable, "-c", STREAM)}
    programs.PREPARE = (sys.executable, "-c", PREPARE + os.environ.get("FAKE_PREPARE", "pass"))
    return run.main()


# Makes the database, if need be, and notes whether the web server answered meanwhile.
PREPARE = """
import os, pathlib, socket, time
folder = pathlib.Path(os.environ["INSTANCE_DIR"])
time.sleep(float(os.environ.get("SLOW_PREPARE", "0")))
taken = socket.socket().connect_ex(("127.0.0.1", int(os.environ["PORT"]))) == 0
(folder / "stagewatch.db").touch()
(folder / "web-was-up").write_text(str(taken))
"""


class Run:
    """A supervisor that runs: what it prints, which processes it has."""

    def __init__(self, *command: str, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items()
                if name not in {"FINNHUB_API_KEY", "ALPACA_API_KEY", "DATABASE_URL",
                                "REDIS_URL", "SECRET_KEY", "APP_ENV", "MAKELEVEL", "MAKEFLAGS"}}
        self.process = subprocess.Popen(command or (sys.executable, __file__), cwd=ROOT, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                        env=kept | {"PYTHONPATH": str(ROOT), "JOB_WORKERS": "1"} | settings)
        self.folder = Path(settings["INSTANCE_DIR"])
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        """What was printed so far."""
        return "\n".join(self.lines)

    def await_line(self, pattern: str, seconds: float = 30) -> str:
        """Return the first line that matches, once it is printed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            for line in list(self.lines):
                if re.search(pattern, line):
                    return line
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"no line with {pattern!r} in:\n{self.output}")

    def sessions(self) -> list[int]:
        """Return the sessions of the programs, in the order of their start."""
        if not (self.folder / "run" / "pids").exists():
            return []
        return [int(line.split()[0]) for line in (self.folder / "run" / "pids").read_text().splitlines()]

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: interrupt the whole process group, and wait for its end."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(25)

    def stop(self, number: signal.Signals = signal.SIGINT, seconds: float = 25) -> int:
        """Send a signal and wait for the end; return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


if __name__ == "__main__":
    sys.exit(main())
