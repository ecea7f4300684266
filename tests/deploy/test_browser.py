"""Finding a browser for the tests, and saying what could not run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import browser, test

REPORT = """<testsuites><testsuite><testcase name="a"><skipped message="no Chrome"/></testcase>
<testcase name="b"><skipped message="no Chrome"/></testcase><testcase name="c"/></testsuite></testsuites>"""


@pytest.fixture
def drivable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take Playwright for granted, and no browser for given."""
    monkeypatch.setattr(browser, "can_drive", lambda: True)
    monkeypatch.delenv("CHROME", raising=False)
    for places in ("on_path", "in_applications", "fetched"):
        monkeypatch.setattr(browser, places, list)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.usefixtures("drivable")
def test_a_browser_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, real = program(tmp_path / "shop", "exit 1"), program(tmp_path / "real", "echo 1.0")
    monkeypatch.setattr(browser, "on_path", lambda: [shop, str(tmp_path / "absent"), real])
    assert browser.find_browser() == real
    monkeypatch.setenv("CHROME", shop)
    assert browser.find_browser() is None


@pytest.mark.usefixtures("drivable")
def test_without_a_browser_none_is_found() -> None:
    assert browser.find_browser() is None


def test_playwright_falls_back_to_the_node_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[dict[str, str]] = []

    def drives(**settings: str) -> bool:
        tried.append(settings)
        return bool(settings)

    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/node")
    monkeypatch.setattr(browser, "drives", drives)
    browser.can_drive.cache_clear()
    assert browser.can_drive()
    assert tried == [{}, {"PLAYWRIGHT_NODEJS_PATH": "/usr/bin/node"}]
    browser.can_drive.cache_clear()


def test_what_could_not_run_is_counted_by_reason(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    assert test.skipped_tests(tmp_path / "report.xml") == {"no Chrome": 2}
    assert not test.skipped_tests(tmp_path / "absent.xml")


def test_the_end_says_loudly_what_could_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.xml"
    monkeypatch.setattr(test, "REPORT", report)
    monkeypatch.setattr(test, "run_tests", lambda _arguments: report.write_text(REPORT) and 0)
    monkeypatch.setattr(test, "can_drive", lambda: False)
    monkeypatch.delenv("STAGEWATCH_REQUIRE_ALL", raising=False)
    assert test.main() == 0
    said = capsys.readouterr().out
    assert "2 TESTS COULD NOT RUN" in said
    assert "2 x no Chrome" in said
    assert "libatomic1" in said
