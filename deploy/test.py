"""`make test`: runs every test in a browser that it finds or fetches, and says loudly which tests could not run."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from config import ROOT
from deploy.browser import can_drive, fetch_browser, find_browser
from deploy.programs import raise_file_limit

REPORT = ROOT / "test-results" / "tests.xml"


def run_tests(arguments: list[str]) -> int:
    """Run pytest and return its exit status."""
    browser = find_browser() or fetch_browser()
    environment = {**os.environ, "CHROME": browser} if browser else dict(os.environ)
    # Not the files with the most tests first: those with few wait for servers and browsers, and would all come last.
    command = (sys.executable, "-m", "pytest", "-n", str(processes()), "--dist", "loadfile",
               "--no-loadscope-reorder", f"--junitxml={REPORT}", *arguments)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def processes() -> int:
    """Return how many files of tests to run at a time: the longest of them wait more than they compute."""
    return min(max(2, (os.cpu_count() or 1) * 3 // 2), 8)


def skipped_tests(report: Path) -> Counter[str]:
    """Return how many tests were skipped, by reason."""
    if not report.exists():
        return Counter()
    marks = ElementTree.parse(report).iter("skipped")  # noqa: S314 - written by our own pytest
    return Counter(mark.get("message", "") for mark in marks)


def main() -> int:
    """Run the tests; where some could not run, end with the reasons."""
    REPORT.unlink(missing_ok=True)
    raise_file_limit()
    status = run_tests(sys.argv[1:])
    skipped = skipped_tests(REPORT)
    if skipped and not os.environ.get("STAGEWATCH_REQUIRE_ALL"):  # where all are required, pytest itself complains
        print(f"\n{'=' * 78}\n{skipped.total()} TESTS COULD NOT RUN ON THIS MACHINE:")
        for reason, count in skipped.most_common():
            print(f"  {count} x {reason}")
        if not can_drive():
            print("Playwright does not start. On Debian and Ubuntu this may help: sudo apt install libatomic1")
        print("=" * 78)
    return status


if __name__ == "__main__":
    sys.exit(main())
