"""Who gets a stream of what."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.webapp.live.watchers import make_hub, row
from webapp.extensions import db
from webapp.live.hub import Hub
from webapp.models import InstrumentRow


@pytest.fixture
def hub(app: Flask) -> Iterator[Hub]:
    """The application's hub, with room for two streams of one address."""
    hub = app.extensions["hub"] = make_hub(per_address=2)
    yield hub
    hub.close()


def stream(app: Flask, ids: str, address: str = "192.0.2.1") -> int:
    """Ask for a stream as gunicorn passes it on; return the status."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            return app.test_client().get(f"/live/stream?ids={ids}", environ_overrides={
                "gunicorn.socket": theirs, "REMOTE_ADDR": address}).status_code
        except StopIteration:  # how the connection is handed over
            return 200


@pytest.fixture(autouse=True)
def no_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair of sockets has no TCP to set up."""
    monkeypatch.setattr(socket.socket, "setsockopt", lambda *_: None)


def test_numbers_that_no_stock_has_are_not_carried_along(app: Flask, hub: Hub) -> None:
    new = InstrumentRow(symbol="IBM", mic="XNYS", name="IBM", currency="USD", country="US")
    db.session.add(new)
    db.session.commit()
    hub.apply([row(77, 1)], 1)
    assert stream(app, f"{new.id},77,{','.join(str(number) for number in range(1000, 1900))}") == 200
    assert {number for _, number in hub.watchers} == {new.id, 77}


def test_a_network_of_ipv6_counts_as_one_address(app: Flask, hub: Hub) -> None:
    assert [stream(app, "1", f"2001:db8:0:1::{host}") for host in (1, 2, 3)] == [200, 200, 503]
    assert stream(app, "1", "2001:db8:0:2::1") == 200


def test_who_waits_for_the_database_to_be_read_holds_no_connection(app: Flask, hub: Hub) -> None:
    """The pool is small: those who wait must leave it to the one who reads."""
    taken: list[int] = []

    class Feed:
        def reach(self, version: int) -> None:
            taken.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]

    app.extensions["feed"] = Feed()
    db.session.remove()
    assert stream(app, "1&signed_in=1&since=5") == 200
    assert taken == [0]
