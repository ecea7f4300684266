"""One program of Stagewatch: started, read, found dead, started again."""

import logging
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from config import ROOT
from deploy.processes import end_session, tied

LOG_BYTES = 5_000_000
# What somebody at the terminal should see; the last is where a mail went that no server takes.
LOUD = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|the mail is in ")
# A program that ends sooner than this waits longer each time before it is started again.
QUICK_S = 3.0
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0


class Child:
    """A program, its log file and its restarts."""

    def __init__(self, name: str, command: tuple[str, ...], log: Path, say: Callable[[str], None],
                 loud: re.Pattern[str]) -> None:
        self.name = name
        self.command = command
        self.log_path = log
        self.say = say
        self.loud = loud
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.delay = FIRST_DELAY_S
        self.due = 0.0

    def start(self, environment: dict[str, str]) -> None:
        """Start the program in a session of its own."""
        self.process = subprocess.Popen(tied(self.command), cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.started = time.monotonic()
        self.due = 0.0
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        """Keep what the program writes, and show what somebody should see."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        log = RotatingFileHandler(self.log_path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8",
                                  delay=True)
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            log.emit(logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None))
            if self.loud.search(line):
                self.say(f"{self.name}: {line}")
        log.close()

    def is_running(self) -> bool:
        """Tell whether the program runs."""
        return self.process is not None and self.process.poll() is None

    def plan_restart(self) -> None:
        """After the program has ended: clear away what it forked, and set when it starts again."""
        assert self.process is not None  # noqa: S101 - it has ended
        end_session(self.process.pid)
        quick = time.monotonic() - self.started < QUICK_S
        self.delay = min(self.delay * 2, LONGEST_DELAY_S) if quick else FIRST_DELAY_S
        self.due = time.monotonic() + self.delay

    def ending(self) -> str:
        """Say how the program ended."""
        code = self.process.returncode if self.process else 0
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def ask_to_stop(self) -> None:
        """Ask the program to finish; a second time, a worker gives up its job."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self) -> None:
        """End the program and whatever it forked."""
        if self.process is not None:
            end_session(self.process.pid)
            self.process.wait()

    def last_lines(self, count: int = 5) -> list[str]:
        """Return the end of the log."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        except OSError:
            return []
