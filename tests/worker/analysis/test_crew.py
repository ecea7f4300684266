"""Processes that share work: in order, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker.analysis.crew import CrewError, share

ROOT = Path(__file__).resolve().parents[3]
# Takes one result, so that both processes are at work, says their numbers, and takes no more.
PARENT = """
import os, signal
from worker.analysis.crew import share
results = share(list(range(1000)), lambda number: (os.getpid(), bytes(1_000_000)), 2)
print(next(results)[0], next(results)[0], flush=True)
signal.pause()
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_results_come_in_the_order_of_the_batches_from_several_processes() -> None:
    results = list(share(list(range(20)), lambda number: (number, os.getpid()), 3))
    assert [number for number, _pid in results] == list(range(20))
    assert len({pid for _number, pid in results} - {os.getpid()}) == 3


@pytest.mark.parametrize("on_sigterm", [signal.SIG_DFL, signal.SIG_IGN])
def test_no_process_is_left_where_the_results_are_not_all_taken(
        request: pytest.FixtureRequest, on_sigterm: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, on_sigterm)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    results = share(list(range(1000)), lambda number: (os.getpid(), bytes(1_000_000)), 2)
    pids = [next(results)[0], next(results)[0]]
    assert all(is_alive(pid) for pid in pids)
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert not any(is_alive(pid) for pid in pids)


def test_an_error_is_raised_after_the_results_before_it() -> None:
    results = share([1, 1, 0, 1], lambda number: 1 // number, 2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(CrewError, match="ZeroDivisionError"):
        next(results)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_the_processes_end_when_their_parent_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        assert len(set(pids)) == 2
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_alive(pid) for pid in pids)
