"""What happens to a viewer while a flush is under way, and after the database was put back."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import gevent
import pytest

from tests.webapp.live.watchers import Client, make_hub, row
from webapp.live import hub as hub_module


def fill(client: Client) -> None:
    """Leave no room in the connection, without the hub's knowledge."""
    with suppress(BlockingIOError):
        while True:
            os.write(client.viewer.fd, b": nothing\n\n")


def test_a_bell_that_rings_into_a_flush_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    first, second = Client(hub, (1,)), Client(hub, (1,))
    second.viewer.user_id = 7
    hub.accounts[7] = {second.viewer}
    fill(second)
    monkeypatch.setattr(hub_module, "CHUNK", 1)
    bells = ["watchlists"]

    def ring_once() -> float:
        if hub.flushes and bells:  # the rows are drawn, and the first viewer has them
            hub.ring(bells.pop(), user_id=7)
        return 0.0

    monkeypatch.setattr(hub, "_breathe", ring_once)
    hub.apply([row(1, 1)], 1)
    hub.flush()
    monkeypatch.undo()
    for _ in range(5):
        second.read()
        hub.flush()
    assert "event: watchlists\ndata: 1" in second.events
    assert second.shown == {1: 1}
    for client in (first, second):
        client.close()
    hub.flush()


def test_a_stalled_viewer_of_a_stock_that_is_gone_stops_nobody() -> None:
    hub = make_hub()
    stalled, other = Client(hub, (1, 2)), Client(hub, (1,))
    fill(stalled)
    hub.apply([row(1, 1), row(2, 1)], 1)
    hub.flush()
    assert hub.stalled
    hub.apply([row(1, 2), row(2, 2)], 2)
    hub.flush()
    hub.forget_rows()
    hub.apply([row(1, 3)], 3)
    for _ in range(5):
        stalled.read()
        other.read()
        hub.flush()
    assert stalled.shown[1] == other.shown[1] == 3
    for client in (stalled, other):
        client.close()
    hub.flush()


def test_a_flush_that_failed_is_done_again_without_a_further_change(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    client = Client(hub, (1,))
    usual, failures = hub.flush, [RuntimeError("once")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()
        usual()

    monkeypatch.setattr(hub, "flush", fail_once)
    running = gevent.spawn(hub.run)
    hub.apply([row(1, 1)], 1)
    deadline = time.monotonic() + 10
    while client.shown != {1: 1} and time.monotonic() < deadline:
        gevent.sleep(0.05)
        client.read()
    assert client.shown == {1: 1}
    running.kill()


def test_who_comes_into_a_flush_with_newer_rows_is_not_sent_the_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    first = Client(hub, (1,))
    comers: list[Client] = []
    usual = hub._render_batch

    def come_meanwhile() -> dict[str, dict[int, bytes]]:
        batch = usual()
        if not comers:
            hub.apply([row(1, 2)], 2)
            comers.append(Client(hub, (1,)))
        return batch

    monkeypatch.setattr(hub, "_render_batch", come_meanwhile)
    hub.apply([row(1, 1)], 1)
    hub.flush()
    comers[0].read()  # it asserts that no version is followed by an older one
    hub.flush()
    for client in (first, comers[0]):
        client.read()
        assert client.shown == {1: 2}
