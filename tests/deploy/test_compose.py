"""The files of the container way in, as far as they can be checked without an engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.install import ROOT
from deploy.programs import ROLES


@pytest.fixture(scope="module")
def compose() -> Any:
    """The parsed compose file."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_every_part_has_its_service(compose: Any) -> None:
    assert set(compose["services"]) == {"secrets", "database", "redis", "web", "worker", "scheduler", "stream", "proxy"}
    for role in ROLES:
        assert compose["services"][role]["command"] == [role]


def test_only_the_proxy_has_ports(compose: Any) -> None:
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert compose["services"]["proxy"]["networks"] == ["outside"]
    assert compose["networks"]["data"]["internal"] is True
    assert compose["services"]["database"]["networks"] == compose["services"]["redis"]["networks"] == ["data"]


def test_each_service_comes_back_and_is_looked_after(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert service["restart"] == ("no" if name == "secrets" else "unless-stopped")
    unasked = {"web", "secrets"}  # the web server has the check of the image, the secrets end at once
    assert all("healthcheck" in service for name, service in compose["services"].items() if name not in unasked)


def test_secrets_are_files_and_data_is_in_named_volumes(compose: Any) -> None:
    web = compose["services"]["web"]["environment"]
    assert web["APP_ENV"] == "production"
    assert web["TRUSTED_PROXIES"] == "1"
    assert web["SECRET_KEY_FILE"].startswith("/secrets/")
    assert web["DATABASE_URL_FILE"].startswith("/secrets/")
    assert compose["services"]["database"]["environment"]["POSTGRES_PASSWORD_FILE"].startswith("/secrets/")
    named = {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])


def test_redis_keeps_what_it_is_given(compose: Any) -> None:
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "noeviction" in command


def test_the_image_runs_as_nobody_special_from_the_locks() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(":" in stage for stage in stages)
    assert stages[-1] == "python:3.13-slim"
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    for line in re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", text, re.MULTILINE):
        assert json.loads(line)


def test_what_the_image_copies_is_there_and_let_in() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
              for word in line.split()]
    assert set(copied) == set(allowed)
    assert all(Path(ROOT / name).exists() for name in copied)


def test_the_proxy_passes_each_frame_on_at_once() -> None:
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    assert "reverse_proxy web:8000" in text
    assert "flush_interval -1" in text
    assert "read_body 10s" in text, "a form that comes byte by byte takes a place in the web server"
    caddy = shutil.which("caddy")
    if caddy:
        subprocess.run((caddy, "validate", "--adapter", "caddyfile", "--config", "deploy/Caddyfile"), cwd=ROOT,
                       check=True, capture_output=True)
