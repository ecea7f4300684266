"""The arrows of docs/architecture.md, read from the code's own imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FEATURES = {"accounts", "charts", "findings", "history", "market", "screener", "sources", "symbols", "watchlists"}
SOURCES = sorted(path for folder in ("webapp", "worker", "deploy") for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """Name a file as import does."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Return every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


IMPORTS = {module_of(path): imports_of(path) for path in SOURCES}


def importers_of(prefix: str) -> set[str]:
    """Return the modules that import `prefix` or something in it."""
    return {module for module, names in IMPORTS.items()
            if any(name == prefix or name.startswith(f"{prefix}.") for name in names)}


def test_the_web_never_imports_the_workers() -> None:
    assert not {module for module in importers_of("worker") if module.startswith("webapp")}


def test_only_the_workers_entry_builds_the_application() -> None:
    assert importers_of("webapp.app") <= {"worker.app"}


@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_features_do_not_import_features(feature: str) -> None:
    others = tuple(f"webapp.{other}." for other in FEATURES - {feature})
    for module, names in IMPORTS.items():
        if f"{module}.".startswith(f"webapp.{feature}."):
            assert not [name for name in names if f"{name}.".startswith(others)], module


@pytest.mark.parametrize("surface", ["admin", "api"])
def test_nobody_imports_the_admin_or_the_api(surface: str) -> None:
    inside = f"webapp.{surface}."
    outside = {module for module in importers_of(f"webapp.{surface}") if not f"{module}.".startswith(inside)}
    assert outside <= {"webapp.app"}


@pytest.mark.parametrize("module", ["webapp.records", "webapp.clock", "webapp.markets", "webapp.live.bus",
                                    "webapp.live.hub", "webapp.live.viewers", "webapp.live.feed",
                                    "webapp.live.fragments", "webapp.live.frames", "webapp.rows", "webapp.drawing",
                                    "webapp.vendors", "webapp.analytics",
                                    "webapp.bars.codec"])
def test_shared_nouns_know_no_flask(module: str) -> None:
    meant = [names for name, names in IMPORTS.items() if f"{name}.".startswith(f"{module}.")]
    assert meant
    for names in meant:
        assert not [name for name in names if name.split(".")[0].startswith("flask")]


def test_providers_know_neither_flask_nor_the_database() -> None:
    for module, names in IMPORTS.items():
        if module.startswith("worker.providers"):
            forbidden = [name for name in names
                         if name.split(".")[0].startswith(("flask", "sqlalchemy"))
                         or name.startswith(("webapp.extensions", "webapp.models"))]
            assert not forbidden, module


def test_models_stand_on_extensions_and_records_only() -> None:
    allowed = ("webapp.extensions", "webapp.clock", "webapp.records", "webapp.models", "webapp.folding")
    for module, names in IMPORTS.items():
        if module.startswith("webapp.models"):
            ours = {name for name in names if name.startswith("webapp.")}
            assert not {name for name in ours if not name.startswith(allowed)} - {"webapp.clock"}, module


def test_only_jobs_load_the_heavy_calendar_library() -> None:
    assert importers_of("exchange_calendars") | importers_of("pandas") <= {"worker.jobs.calendar"}


def test_only_rendering_and_errors_know_htmx_headers() -> None:
    knowing = {module_of(path) for path in SOURCES if "HX-" in path.read_text(encoding="utf-8")}
    assert knowing <= {"webapp.rendering", "webapp.headers"}


def test_services_never_commit() -> None:
    for path in (ROOT / "webapp").rglob("service.py"):
        assert ".commit(" not in path.read_text(encoding="utf-8"), path


def test_no_file_is_longer_than_400_lines() -> None:
    long = {path.name: length for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]
            if (length := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
