"""The socket of a vendor that an admin has paused: closed within seconds, and made anew when it may be again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis

from tests.worker.streams.conftest import CALM, Running, await_subscription
from tests.worker.streams.server import FinnhubServer, Vendor, wait_until
from webapp import providers_control
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.models import StreamState
from webapp.records import Instrument

Start = Callable[..., Running]


def stop(vendor: Vendor) -> None:
    providers_control.stop(vendor.title.lower(), SHELL_ACTOR)
    db.session.commit()


def resume(vendor: Vendor) -> None:
    providers_control.resume(vendor.title.lower(), SHELL_ACTOR)
    db.session.commit()


def status_of(vendor: Vendor) -> str:
    db.session.rollback()
    row = db.session.get(StreamState, vendor.title.lower(), populate_existing=True)
    return row.status if row else ""


@pytest.mark.both_databases
def test_a_pause_closes_the_socket_and_to_resume_opens_it(start: Start, vendor: Vendor, apple: Instrument,
                                                         redis: Redis) -> None:
    running = start(vendor, pace=CALM)
    await_subscription(vendor, "AAPL")
    wait_until(lambda: status_of(vendor) == "connected")
    peers = len(vendor.peers)
    stop(vendor)
    wait_until(lambda: status_of(vendor) == "off")
    wait_until(lambda: running.marked() == set())
    time.sleep(0.5)  # longer than all its pauses between two tries
    assert len(vendor.peers) == peers
    resume(vendor)
    wait_until(lambda: len(vendor.peers) > peers)
    await_subscription(vendor, "AAPL")
    wait_until(lambda: status_of(vendor) == "connected")


def test_a_paused_vendor_is_not_connected_to_at_the_start(start: Start, finnhub: FinnhubServer,
                                                          apple: Instrument) -> None:
    stop(finnhub)
    start(finnhub)
    wait_until(lambda: status_of(finnhub) == "off")
    assert not finnhub.peers


def test_to_resume_ends_the_long_wait_after_a_refusal(start: Start, finnhub: FinnhubServer, apple: Instrument) -> None:
    finnhub.status = 401
    running = start(finnhub, pace={"refused": 600.0})
    wait_until(lambda: status_of(finnhub) == "refused")
    finnhub.status = 101
    stop(finnhub)
    wait_until(lambda: not running.streams.links[0].allowed)
    resume(finnhub)
    await_subscription(finnhub, "AAPL")
