"""Running the analysis on a made-up market, and weighing it."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.streams.machine import ROOT, BenchmarkError

MB = 1024 * 1024


def run_night(database: str, redis: str, folder: Path, now: dt.datetime) -> dict[str, Any]:
    """Run the analysis in a process of its own; return its seconds, what it said, and its peak of memory in MB."""
    command = [sys.executable, "-m", "benchmarks.stages.night", database, redis, str(folder), now.isoformat()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        scale = Scale(process.pid)
        scale.start()
        out = process.communicate()[0]
        scale.stop()
    if process.returncode:
        raise BenchmarkError(f"the analysis ended with {process.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found | {"peak_mb": scale.peak / MB}


class Scale(threading.Thread):
    """Weighs a process with its children, each 50 ms, by their proportional shares: a page counts once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Weigh until stopped."""
        while not self._ended.wait(0.05):
            self.peak = max(self.peak, sum(_share(pid) for pid in _family(self.pid)))

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join()


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return [pid]
    return [pid, *(one for text in texts for child in text.split() for one in _family(int(child)))]


def _share(pid: int) -> int:
    """Return a process's memory in bytes, of pages that it shares only its part; 0 where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def timed(call: Any) -> tuple[float, Any]:
    """Return how many seconds a call took, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result
