"""The image's entry point, run as it is: against a real PostgreSQL and a real Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests

from deploy.entrypoint import write_secrets
from deploy.install import ROOT
from deploy.processes import end_session
from tests.conftest import RedisServer
from tests.site import free_port, wait_until

COMMAND = (sys.executable, "-m", "deploy.entrypoint")


def run_entrypoint(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "REDIS_URL", "APP_ENV"}}
    return subprocess.run((*COMMAND, *arguments), cwd=ROOT, env=kept | settings, capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.mark.parametrize("arguments", [(), ("wab",), ("web", "worker")])
def test_an_unknown_role_is_one_line_that_names_the_roles(arguments: tuple[str, ...]) -> None:
    done = run_entrypoint(*arguments)
    assert done.returncode == 2
    assert done.stderr == "Say which role this container has: web, worker, scheduler, stream, secrets.\n"


@pytest.mark.parametrize(("settings", "words"), [
    ({}, "SECRET_KEY is missing"),
    ({"SECRET_KEY": "x"}, "REDIS_URL is missing"),
    ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE names /nowhere"),
])
def test_what_production_lacks_is_one_line(settings: dict[str, str], words: str) -> None:
    done = run_entrypoint("web", APP_ENV="production", **settings)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_secrets_are_written_once(tmp_path: Path) -> None:
    assert run_entrypoint("secrets", SECRETS_DIR=str(tmp_path)).returncode == 0
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(first) == {"database_password", "database_url", "secret_key"}
    assert first["database_password"] in first["database_url"]
    write_secrets(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """A database of its own in the test's PostgreSQL, without a table."""
    server = postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS entry WITH (FORCE)")
        connection.execute("CREATE DATABASE entry")
        yield urlunsplit(urlsplit(server)._replace(path="/entry"))
        connection.execute("DROP DATABASE entry WITH (FORCE)")


@pytest.mark.server
def test_containers_that_start_at_once_all_come_up(empty_database: str, redis_server: RedisServer,
                                                   tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    common = os.environ | {"APP_ENV": "production", "SECRET_KEY": "x" * 32, "DATABASE_URL": empty_database,
                           "REDIS_URL": redis_server.url, "INSTANCE_DIR": str(tmp_path), "HOST": "127.0.0.1"}
    roles = [("web", ports[0]), ("web", ports[1]), ("worker", 1), ("scheduler", 1), ("stream", 1)]
    containers = [subprocess.Popen((*COMMAND, role), cwd=ROOT, env=common | {"PORT": str(port)},
                                   start_new_session=True, stdout=subprocess.DEVNULL) for role, port in roles]

    def is_up(port: int) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def is_healthy(role: str) -> bool:
        check = (sys.executable, "-m", "deploy.healthcheck", role)
        return subprocess.run(check, cwd=ROOT, env=common | {"PORT": str(ports[0])}, check=False,
                              stdout=subprocess.DEVNULL).returncode == 0

    try:
        wait_until(lambda: all(map(is_up, ports)), 60, "the web servers do not answer")
        for role in ("web", "worker", "scheduler", "stream"):
            wait_until(lambda role=role: is_healthy(role), 30, f"{role} is not healthy")
        assert all(container.poll() is None for container in containers)
        for container in containers:
            container.terminate()
        for container in containers:
            container.wait(20)
    finally:
        for container in containers:
            end_session(container.pid)
