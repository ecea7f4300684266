"""The supervisor: what it starts, starts again, refuses and leaves behind (nothing)."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from deploy.processes import all_pids, session_members
from tests.deploy.supervised import Run
from tests.site import wait_until

Start = Callable[..., Run]
READY = "Stop it with Ctrl-C"


def living(sessions: list[int]) -> list[int]:
    return [pid for session in sessions for pid in session_members(session)]


def one_line(run: Run) -> str:
    """Return the single line with which a start fails."""
    assert run.process.wait(30) == 1, run.output
    wait_until(lambda: run.lines, 5, "nothing was printed")
    assert len(run.lines) == 1, run.output
    assert run.lines[0].startswith("Stagewatch cannot start: ")
    return run.lines[0]


def test_the_address_is_printed_when_the_site_answers(start_run: Start) -> None:
    run = start_run()
    line = run.await_line("Stagewatch runs at")
    port = int(line.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        pass
    run.await_line("Prices are simulated")
    assert run.await_line("worker-1: WARNING the worker works")


def test_the_folder_is_for_its_owner_alone(start_run: Start) -> None:
    run = start_run()
    run.await_line(READY)
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert (run.folder / "secret_key").stat().st_mode & 0o777 == 0o600
    assert len((run.folder / "secret_key").read_text().strip()) == 64
    assert (run.folder / "run" / "redis.sock").is_socket()


def test_the_sockets_are_kept_where_a_vendor_with_a_socket_has_a_key(start_run: Start) -> None:
    run = start_run(FINNHUB_API_KEY="a key of a test")
    run.await_line("stream: WARNING the sockets are kept")
    sessions = run.sessions()
    assert len(sessions) == 5
    assert run.stop() == 0
    assert not living(sessions)


def test_no_socket_is_kept_where_the_plan_streams_nothing(start_run: Start) -> None:
    run = start_run(FINNHUB_API_KEY="a key of a test", FINNHUB_STREAM_SYMBOLS="0")
    run.await_line("the worker works")
    wait_until(lambda: len(run.sessions()) == 4, 10, "not all have started")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_leaves_no_process_behind(start_run: Start, number: signal.Signals) -> None:
    run = start_run()
    run.await_line(READY)
    run.await_line("the worker works")
    wait_until(lambda: len(run.sessions()) == 4, 10, "not all have started")
    sessions = run.sessions()
    assert len(living(sessions)) == 5  # Redis, web, worker and its job, scheduler
    assert run.stop(number) == 0
    assert not living(sessions)
    assert not (run.folder / "run" / "pids").exists()


def test_the_web_server_waits_for_migrations_but_not_for_upkeep(start_run: Start, tmp_path: Path) -> None:
    web_was_up = tmp_path / "instance" / "web-was-up"
    for expected, remove in (("False", False), ("True", True), ("False", False)):
        run = start_run(SLOW_PREPARE="2")
        run.await_line(READY)
        assert web_was_up.read_text() == expected
        assert run.stop() == 0
        if remove:
            (tmp_path / "instance" / "stagewatch.db").rename(tmp_path / "moved away")


def test_a_killed_program_starts_again_without_what_it_forked(start_run: Start) -> None:
    run = start_run()
    run.await_line("the worker works")
    wait_until(lambda: len(run.sessions()) == 4, 5, "not all have started")
    before = run.sessions()
    for name, session in zip(("redis", "web", "worker-1", "scheduler"), before, strict=True):
        os.kill(session, signal.SIGKILL)
        run.await_line(f"{name} was ended by SIGKILL; it starts again")
    wait_until(lambda: not set(before) & set(run.sessions()), 10, "not all have started again")
    assert not living(before)
    assert all(session_members(session) for session in run.sessions())


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, a part of Linux")
def test_a_killed_supervisor_takes_its_programs_along(start_run: Start) -> None:
    run = start_run()
    run.await_line(READY)
    leaders = run.sessions()
    run.stop(signal.SIGKILL)
    wait_until(lambda: not set(leaders) & set(all_pids()), 10, "the programs live on")


def test_the_next_start_ends_what_a_crash_left(start_run: Start) -> None:
    run = start_run()
    run.await_line(READY)
    run.await_line("the worker works")
    sessions = run.sessions()
    run.stop(signal.SIGKILL)
    time.sleep(0.5)
    assert living(sessions)  # the worker's job, which does not listen
    again = start_run()
    again.await_line("Stopped what an earlier start had left behind")
    again.await_line(READY)
    assert not living(sessions)


def test_a_second_start_in_the_same_folder_is_refused(start_run: Start) -> None:
    start_run().await_line(READY)
    assert "runs already in this folder" in one_line(start_run())


def test_a_taken_port_is_said_before_anything_starts(start_run: Start, tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as other:
        line = one_line(start_run(PORT=str(other.server_port)))
    assert f"port {other.server_port} of 127.0.0.1 is taken" in line
    assert "PORT" in line
    assert not list((tmp_path / "instance" / "log").iterdir())


def garbage_database(folder: Path) -> dict[str, str]:
    (folder / "instance").mkdir()
    (folder / "instance" / "stagewatch.db").write_bytes(b"no database at all" * 1000)
    return {}


def file_in_the_way(folder: Path) -> dict[str, str]:
    (folder / "file").touch()
    return {"INSTANCE_DIR": str(folder / "file" / "instance")}


FAULTS: dict[str, tuple[Callable[[Path], dict[str, str]], str]] = {
    "garbage database": (garbage_database, "stagewatch.db cannot be read"),
    "folder not writable": (file_in_the_way, "cannot be written"),
    "no PostgreSQL": (lambda _: {"DATABASE_URL": "postgresql://me:hidden@127.0.0.1:1/x"}, "correct DATABASE_URL"),
    "no database address": (lambda _: {"DATABASE_URL": "mysql://me:hidden@x/y"}, "DATABASE_URL must start with"),
    "no Redis": (lambda _: {"REDIS_URL": "redis://:hidden@127.0.0.1:1/0"}, "leave REDIS_URL out"),
    "no Redis address": (lambda _: {"REDIS_URL": "hidden"}, "REDIS_URL cannot be understood"),
    "no secret": (lambda _: {"APP_ENV": "production"}, "set SECRET_KEY"),
    "port is a word": (lambda _: {"PORT": "web"}, "set it to a whole number"),
    "port too high": (lambda _: {"PORT": "70000"}, "65535 or less"),
    "host elsewhere": (lambda _: {"HOST": "192.0.2.1"}, "HOST"),
    "failing migration": (lambda _: {"FAKE_PREPARE": "raise SystemExit('a migration failed')"}, "a migration failed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_line_that_says_what_to_do(start_run: Start, tmp_path: Path, fault: str) -> None:
    cause, words = FAULTS[fault]
    line = one_line(start_run(**cause(tmp_path)))
    assert words in line
    assert "hidden" not in line


def test_a_long_path_still_gets_a_socket(start_run: Start, tmp_path: Path) -> None:
    run = start_run(INSTANCE_DIR=str(tmp_path / ("long" * 30) / "instance"))
    run.await_line(READY)
    before = set(Path("/tmp").glob("stagewatch-*/redis.sock"))
    assert before
    assert run.stop() == 0
    assert set(Path("/tmp").glob("stagewatch-*/redis.sock")) < before


def test_a_log_has_a_largest_size() -> None:
    from deploy.children import LOG_BYTES

    assert LOG_BYTES <= 10_000_000


@pytest.mark.server
def test_make_run_brings_each_killed_part_back_and_ends_without_a_trace(start_run: Start) -> None:
    run = start_run("make", "run", JOB_WORKERS="2")
    address = run.await_line("Stagewatch runs at", 100).split()[-1]
    wait_until(lambda: len(run.sessions()) == 5, 20, "not all have started")
    sessions = run.sessions()
    for session in sessions:
        os.kill(session, signal.SIGKILL)
    wait_until(lambda: len(run.sessions()) == 5 and not set(sessions) & set(run.sessions()), 40, run.output)

    def is_well() -> bool:
        try:
            return requests.get(f"{address}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    wait_until(is_well, 40, run.output)
    sessions += run.sessions()
    run.press_ctrl_c()
    assert not living(sessions)
    assert "Traceback" not in run.output
