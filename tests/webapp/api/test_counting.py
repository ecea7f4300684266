"""Calls are counted in one place, with Redis and without."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask

from tests.conftest import RedisServer
from webapp import redis as redis_clients
from webapp.api import counting


@pytest.fixture
def without_redis(app: Flask, own_redis_server: RedisServer) -> None:
    """A Redis that has just gone."""
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
    assert counting.count("somebody", "5 per minute").left == 4
    own_redis_server.stop(kill=True)


def test_what_does_not_fit_is_not_counted(app: Flask) -> None:
    assert counting.count("somebody", "5 per minute", 3) == counting.Spent(5, 2, 60, fits=True)
    assert counting.count("somebody", "5 per minute", 3) == counting.Spent(5, 2, 60, fits=False)
    assert counting.count("somebody", "5 per minute", 2).left == 0
    assert not counting.count("somebody", "5 per minute").fits
    assert counting.count("somebody else", "5 per minute").left == 4


def test_of_many_at_once_no_more_than_the_limit_get_through(app: Flask) -> None:
    fits: list[bool] = []

    def ask() -> None:
        with app.app_context():
            fits.extend(counting.count("crowd", "50 per minute").fits for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(fits) == 50


def test_the_window_ends(app: Flask) -> None:
    assert counting.count("somebody", "1 per second").fits
    assert not counting.count("somebody", "1 per second").fits
    threading.Event().wait(1.1)
    assert counting.count("somebody", "1 per second").fits


@pytest.mark.usefixtures("without_redis")
def test_without_redis_this_process_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_COUNTED", 2)
    assert [counting.count("somebody", "2 per minute").fits for _ in range(3)] == [True, True, False]
    later = time.monotonic() + 61
    monkeypatch.setattr(counting, "monotonic", lambda: later)
    assert counting.count("somebody", "2 per minute").left == 1
    for number in range(4):
        counting.count(f"other {number}", "2 per minute")
    assert list(app.extensions["api_counter"].tallies) == ["other 2", "other 3"]
