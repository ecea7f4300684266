"""Sessions: whoever was forked is found, a stranger is not touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.processes import Register, birth, end_session, session_members

FORKING = "import os, time; pid = os.fork(); pid or os.setpgrp(); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session, with a child in a process group of its own."""
    with subprocess.Popen((sys.executable, "-c", FORKING), start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.readline()
        yield process
        end_session(process.pid)


def test_a_child_in_its_own_process_group_is_found_and_ended(leader: subprocess.Popen[bytes]) -> None:
    assert len(session_members(leader.pid)) == 2
    leader.kill()
    leader.wait()
    assert len(session_members(leader.pid)) == 1
    end_session(leader.pid)
    assert not session_members(leader.pid)


def test_what_a_crash_left_is_ended(leader: subprocess.Popen[bytes], tmp_path: Path) -> None:
    Register(tmp_path / "pids").write([leader.pid])
    assert Register(tmp_path / "pids").end_leftovers()
    assert not session_members(leader.pid)
    assert not Register(tmp_path / "pids").end_leftovers()


def test_a_stranger_who_got_the_number_is_left_alone(leader: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "pids").write_text(f"{leader.pid} another-birth\nnot a note at all\n")
    assert not Register(tmp_path / "pids").end_leftovers()
    assert len(session_members(leader.pid)) == 2


def test_a_birth_tells_processes_apart(leader: subprocess.Popen[bytes]) -> None:
    assert birth(leader.pid) == birth(leader.pid) != birth(os.getpid())
    leader.send_signal(signal.SIGKILL)
    leader.wait()
    assert not birth(leader.pid)
