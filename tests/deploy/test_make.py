"""The two commands on a machine that lacks something."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import install
from deploy.install import ROOT, InstallError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with nothing installed: what `make install` needs, and no more."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.txt", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "PYTHON"))}
    return subprocess.run(("make", *arguments), cwd=folder, env=kept | environment, capture_output=True, text=True,
                          check=False)


def test_without_network_one_line_says_so(copy: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": "/dev/null"}
    done = make(copy, "install", f"PYTHON={sys.executable}", **nowhere)
    assert done.returncode
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(complaints) == 1
    assert "no network" in complaints[0]


def test_an_old_python_is_refused_in_one_line(copy: Path) -> None:
    old = copy / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(copy, "run", f"PYTHON={old}")
    assert done.returncode
    assert "needs Python 3.11 or newer" in done.stderr.splitlines()[0]


def test_a_python_without_venv_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InstallError, match=r"sudo apt install python3\.\d+-venv"):
        install.make_environment()


def test_an_unchanged_lock_is_not_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "VENV", tmp_path)
    assert not install.is_installed("requirements.txt")
    install.remember("requirements.txt")
    assert install.is_installed("requirements.txt")
    install.stamp("requirements.txt").write_text("of another lock")
    assert not install.is_installed("requirements.txt")


def test_without_npm_one_is_fetched_for_the_set_up_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, ...]] = []
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "NODE", tmp_path / "node")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(install, "run", lambda *step, **_: steps.append(step))
    (tmp_path / "node").mkdir()
    install.install_front_end()
    assert "--require-hashes" in steps[0]
    assert steps[0][-1] == "deploy/node.txt"
    assert [step[:2] for step in steps[1:]] == [("npm", "ci"), ("npm", "run")]
    assert not (tmp_path / "node").exists()
