"""The machine: its cores, and processes with what they cost."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORES = sorted(os.sched_getaffinity(0))
# The server has one core for itself; viewers, publisher and Redis share the other.
SERVER_CORE, LOAD_CORE = CORES[0], CORES[1 % len(CORES)]
PATIENCE_S = 180
TICKS = os.sysconf("SC_CLK_TCK")


class BenchmarkError(Exception):
    """A part cannot be measured; the message says why."""


def raise_limits() -> None:
    """Allow as many descriptors as the system lets us; the processes we start inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (65_536, max(most, 65_536)))
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compile_c(name: str, folder: Path) -> Path:
    """Compile NAME.c of this folder into `folder`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BenchmarkError("there is no C compiler: install gcc")
    program = folder / name
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / f"{name}.c")], check=True, timeout=60)
    return program


def wait_until(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    """Wait for `condition()`; raise with `failure` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(failure)
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Tell whether somebody takes connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A process on one core, with its own group, so that all it starts ends with it."""

    def __init__(self, command: Sequence[str | Path], core: int, log: Path, *,
                 environment: dict[str, str] | None = None, talks: bool = False) -> None:
        pipe = subprocess.PIPE if talks else None
        self._log, self._name = log, Path(command[0]).name
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [str(word) for word in command], cwd=ROOT, env=environment, stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or file, stderr=file, start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {core}))  # noqa: PLW1509 - we start no threads
        self.pid = self._process.pid

    def child(self) -> int:
        """Return the first process that it has started: gunicorn's worker, nginx's worker."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.05)
        raise BenchmarkError(f"process {self.pid} started none")

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def ask(self) -> dict[str, Any]:
        """Read one line of JSON from it."""
        assert self._process.stdout is not None
        answers = select.select([self._process.stdout], [], [], PATIENCE_S)[0]
        line = self._process.stdout.readline() if answers else b""
        if not line:
            raise BenchmarkError(f"{self._name} gave no answer: {self._log.read_text()[-1500:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def runs(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it and all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(8)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(pid: int) -> int:
    """Return the memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def descriptors(pid: int) -> int:
    """Return how many descriptors a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextlib.contextmanager
def stopping(*things: Any) -> Iterator[None]:
    """Stop the things at the end, the last first, whatever happens."""
    with contextlib.ExitStack() as stack:
        for thing in things:
            stack.callback(thing.stop)
        yield
