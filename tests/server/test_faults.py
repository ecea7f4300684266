"""Kill -9 of each process in turn, under a running refresh: pages come back to the truth, the history stays whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.processes import end_session, session_members
from tests.deploy.supervised import Run
from tests.server.pages import LivePage, price_cells
from tests.server.witness import Database, Witness
from tests.site import free_port, prepared_database, wait_until

pytestmark = pytest.mark.server

# In the order in which the supervisor starts them, which is that of its list of sessions.
PROGRAMS = ("redis", "web", "worker-1", "scheduler")
ROUNDS = int(os.environ.get("STAGEWATCH_KILL_ROUNDS", "8"))
PATIENCE_S = 30


@pytest.fixture
def supervised() -> Iterator[Run]:
    """The real supervisor with the real programs, as `make run` starts them."""
    folder = Path(tempfile.mkdtemp(prefix="sw-kill-"))
    (folder / "instance").mkdir()
    shutil.copyfile(prepared_database(), folder / "instance" / "stagewatch.db")
    run = Run(sys.executable, "-m", "deploy.run", INSTANCE_DIR=str(folder / "instance"), HOST="127.0.0.1",
              PORT=str(free_port()))
    yield run
    left = run.sessions()
    if run.process.poll() is None:
        run.stop()
    for session in left:
        end_session(session)
    shutil.rmtree(folder, ignore_errors=True)


def kill(run: Run, program: str) -> None:
    """Kill one program; the worker in the middle of a job, which lives on until the supervisor clears it away."""
    session = run.sessions()[PROGRAMS.index(program)]
    if program.startswith("worker"):
        wait_until(lambda: len(session_members(session)) > 1, 10, f"no job runs\n{run.output}")
    os.kill(session, signal.SIGKILL)
    wait_until(lambda: session not in run.sessions(), PATIENCE_S, f"{program} does not start again\n{run.output}")


def matches(page: LivePage, database: Database) -> bool:
    """Tell whether the page shows what the database holds, and believes itself live."""
    return page.status == "Live" and page.look() == database.prices()


def loads_right(url: str, database: Database) -> bool:
    """Tell whether a fresh page shows what the database holds."""
    try:
        return price_cells(requests.get(url, timeout=10).text) == database.prices()
    except requests.ConnectionError:
        return False


def say(line: str) -> None:
    """Say how it goes, for whoever runs many rounds with pytest -s."""
    sys.stdout.write(f"{line}\n")


@pytest.mark.timeout(120 + 40 * ROUNDS)
def test_pages_and_history_survive_the_kill_of_each_process_in_turn(
        supervised: Run) -> None:
    run = supervised
    url = run.await_line("Stagewatch runs at").rpartition(" ")[2]
    run.await_line("Stop it with Ctrl-C")
    wait_until(lambda: len(run.sessions()) == len(PROGRAMS), 20, run.output)
    database = Database(run.folder / "stagewatch.db")
    wait_until(lambda: requests.get(url, timeout=5).ok and database.version() > 0, PATIENCE_S, run.output)
    page = LivePage(url)
    with Witness(database, f"unix://{run.folder / 'run' / 'redis.sock'}") as witness:
        for number in range(ROUNDS):
            program = PROGRAMS[number % len(PROGRAMS)]
            time.sleep(random.uniform(0, 1))
            began, version = time.monotonic(), database.version()
            kill(run, program)
            wait_until(lambda: page.look() and database.version() > version + 1, PATIENCE_S,  # noqa: B023
                       f"no refresh after the kill of {program}\n{run.output}")
            wait_until(lambda: matches(page, database), PATIENCE_S, f"the page is wrong after the kill of {program}")
            wait_until(lambda: loads_right(url, database), PATIENCE_S, f"wrong at load after the kill of {program}")
            say(f"{number + 1:3} {program}: right again after {time.monotonic() - began:.1f} s")
    page.close()
    assert not witness.faults
    assert witness.published
    assert not witness.holes_unknown_to_the_database()
    assert not witness.doubles()
    say(f"{witness.published} rows published, {witness.gaps()} gaps known")
