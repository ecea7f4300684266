"""The locks: exact, hashed, and without the name of any host."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.install import ROOT, reason

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt", "requirements-yahoo.txt",
         "deploy/node.txt")


def entries(lock: str) -> list[str]:
    """Return the requirements of a lock, each with its hashes."""
    text = (ROOT / lock).read_text()
    return re.split(r"\n(?=[a-z])", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_pinned_with_hashes(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==[^ ]+ ", entry), entry
        assert "--hash=sha256:" in entry


@pytest.mark.parametrize("lock", [*LOCKS, "package-lock.json", ".npmrc"])
def test_no_lock_names_a_host(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_each_wish_is_in_its_lock(lock: str) -> None:
    wishes = Path(ROOT / lock).with_suffix(".in").read_text().splitlines()
    names = {re.split(r"\[|==", entry)[0] for entry in entries(lock)}
    for wish in wishes:
        name = re.split(r"[\[#<]", wish)[0].strip().lower()
        assert not name or name.startswith("-") or name in names


def test_the_front_end_is_pinned_exactly_with_integrity() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    wanted = json.loads((ROOT / "package.json").read_text())
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert lock[f"node_modules/{name}"]["version"] == version
    for name, package in lock.items():
        assert not name or package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_each_setting_of_the_example_is_one_of_the_program() -> None:
    names = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    config = (ROOT / "config.py").read_text()
    assert len(names) > 20
    assert not [name for name in names if f'"{name}"' not in config]


def test_the_reason_of_a_failed_step_is_one_line() -> None:
    assert "no network" in reason("Retrying: Failed to establish a new connection: [Errno -3]\nERROR: no match")
    assert reason("fine\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n\n").startswith("ERROR: THESE PACKAGES")
    assert reason("").startswith("no output")
