"""Finds the Chrome or Chromium that the browser tests drive, or fetches one."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = ("Google Chrome", "Chromium", "Google Chrome for Testing")


def find_browser() -> str | None:
    """Return the path of a browser that starts, or None; CHROME names one."""
    if not can_drive():
        return None
    named = os.environ.get("CHROME")
    if named:
        return named if starts(named) else None
    return next((path for places in (on_path, in_applications, fetched) for path in places() if starts(path)), None)


@cache
def can_drive() -> bool:
    """Tell whether Playwright itself starts, if need be on the machine's own Node.js."""
    own = shutil.which("node")
    return drives() or (own is not None and drives(PLAYWRIGHT_NODEJS_PATH=own))


def drives(**settings: str) -> bool:
    """Tell whether Playwright starts with these variables; keep them if it does."""
    done = subprocess.run((sys.executable, "-m", "playwright", "--version"), env=os.environ | settings,
                          capture_output=True, check=False)
    if done.returncode == 0:
        os.environ.update(settings)
    return done.returncode == 0


def on_path() -> list[str]:
    """Return the browsers of the search path."""
    return [path for path in map(shutil.which, NAMES) if path]


def in_applications() -> list[str]:
    """Return the places where macOS keeps its applications."""
    folders = (Path("/Applications"), Path.home() / "Applications")
    return [str(folder / f"{name}.app/Contents/MacOS/{name}") for folder in folders for name in MAC_APPS]


def fetched() -> list[str]:
    """Return the browser that Playwright has fetched, if it has."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow, and only needed where no other is found

    with sync_playwright() as playwright:
        return [playwright.chromium.executable_path]


def starts(path: str) -> bool:
    """Tell whether there is a browser at `path` that can say its version: Ubuntu has one that only points to a shop."""
    if not os.access(path, os.X_OK):
        return False
    try:
        return subprocess.run((path, "--version"), capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def fetch_browser() -> str | None:
    """Let Playwright fetch a Chromium; return its path, or None where that does not work."""
    if not can_drive():
        return None
    print("No Chrome or Chromium was found: fetching one (150 MB).", flush=True)
    subprocess.run((sys.executable, "-m", "playwright", "install", "chromium"), check=False)
    return find_browser()
