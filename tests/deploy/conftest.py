"""Supervisors that a test starts, stopped at its end whatever happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.processes import end_session
from tests.deploy.supervised import Run
from tests.site import free_port


@pytest.fixture
def start_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start supervisors on a folder and a port of the test's own."""
    runs: list[Run] = []
    defaults = {"INSTANCE_DIR": str(tmp_path / "instance"), "PORT": str(free_port()), "HOST": "127.0.0.1"}

    def start(*command: str, **settings: str) -> Run:
        runs.append(Run(*command, **defaults | settings))
        return runs[-1]

    yield start
    for run in runs:
        left = run.sessions()
        if run.process.poll() is None:
            run.stop()
        for session in left:
            end_session(session)
