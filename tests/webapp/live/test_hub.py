"""The hub against a model: random viewers, stalls, resets, lost messages; everybody ends on the newest values."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.webapp.live.watchers import Client, draw, make_hub, row
from webapp.live import hub as hub_module
from webapp.live.feed import Feed
from webapp.live.hub import Hub
from webapp.live.viewers import Full
from webapp.records import LiveQuote

INSTRUMENTS = 6


class Model:
    """The database of the test: one row an instrument, versions counted by commit."""

    def __init__(self) -> None:
        self.newest = 0
        self.rows: dict[int, LiveQuote] = {}

    def commit(self, numbers: set[int]) -> list[LiveQuote]:
        self.newest += 1
        changed = [row(number, self.newest) for number in sorted(numbers)]
        self.rows.update({each.instrument.id: each for each in changed})
        return changed

    def version(self) -> int:
        return self.newest

    def after(self, version: int, instrument_id: int, most: int) -> list[LiveQuote]:
        places = {(each.version, each.instrument.id): each for each in self.rows.values()}
        return [places[place] for place in sorted(places) if place > (version, instrument_id)][:2]

    def ended_sessions(self, ids: object) -> set[int]:
        return set()


class HubMachine(RuleBasedStateMachine):
    """Random viewers, stalls, resets and lost messages."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.hub = make_hub()
        self.feed = Feed(self.hub, None, self.model)  # type: ignore[arg-type]
        self.clients: list[Client] = []
        self.held: list[tuple[int, list[LiveQuote]]] = []

    def client(self, index: int) -> Client | None:
        return self.clients[index % len(self.clients)] if self.clients else None

    @rule(ids=st.sets(st.integers(1, INSTRUMENTS), min_size=1))
    def join(self, ids: set[int]) -> None:
        """A page drawn from the database; its stream opens as the view opens it."""
        if self.model.newest > self.hub.received:
            self.feed.resync()
        client = Client(self.hub, tuple(sorted(ids)), since=self.model.newest)
        client.shown = {each: self.model.rows[each].version for each in ids if each in self.model.rows}
        self.clients.append(client)

    @rule(numbers=st.sets(st.integers(1, INSTRUMENTS), min_size=1), fate=st.sampled_from(["now", "late", "lost"]))
    def commit(self, numbers: set[int], fate: str) -> None:
        message = (self.model.newest + 1, self.model.commit(numbers))
        if fate == "now":
            self.deliver(message)
        elif fate == "late":
            self.held.append(message)

    def deliver(self, message: tuple[int, list[LiveQuote]]) -> None:
        self.hub.apply(message[1], self.feed._count(message[0]))

    @rule()
    def deliver_late(self) -> None:
        if self.held:
            self.deliver(self.held.pop())

    @rule()
    def flush(self) -> None:
        self.hub.flush()

    @rule()
    def compare_with_the_database(self) -> None:
        self.feed.resync()

    @rule(index=st.integers(0, 99), most=st.sampled_from([1, 100, 5000, 1 << 20]))
    def read(self, index: int, most: int) -> None:
        if client := self.client(index):
            client.read(most)

    @rule(index=st.integers(0, 99))
    def reset(self, index: int) -> None:
        """The connection breaks; what was not whole is thrown away, and the browser comes back with its last id."""
        if client := self.client(index):
            client.close()
            client.connect(client.last_id)

    @rule(index=st.integers(0, 99))
    def leave(self, index: int) -> None:
        if client := self.client(index):
            client.close()
            self.clients.remove(client)

    @invariant()
    def books_are_right(self) -> None:
        hub = self.hub
        for audience in hub.audiences.values():
            stalled = [viewer for viewer in hub.stalled if viewer.audience is audience]
            assert audience.size == len(audience.ready) + len(stalled) > 0
        assert all(viewer.rest is not None for viewer in hub.stalled)
        assert sum(each.size for each in hub.audiences.values()) == len(hub.viewers)

    def teardown(self) -> None:
        self.feed.resync()
        for _ in range(60):
            self.hub.flush()
            for client in self.clients:
                client.read()
        for client in self.clients:
            wanted = {each: self.model.rows[each].version for each in client.ids if each in self.model.rows}
            assert client.shown == wanted, "everybody ends on the newest value of each of its stocks"
            client.close()
        self.hub.flush()
        assert not self.hub.viewers
        assert not self.hub.audiences
        assert not self.hub.watchers


TestHubAgainstModel = HubMachine.TestCase
TestHubAgainstModel.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = make_hub()
    yield hub
    for viewer in list(hub.viewers.values()):
        hub.drop(viewer)


def test_a_row_is_drawn_once_whoever_watches_it() -> None:
    drawn: list[int] = []

    def count(kind: str, live: LiveQuote) -> bytes:
        drawn.append(live.instrument.id)
        return draw(kind, live)

    hub = Hub(count, window=0.0)
    clients = [Client(hub, (1, 2)), Client(hub, (1,)), Client(hub, (2, 1))]
    hub.apply([row(1, 1), row(2, 1)], 1)
    hub.flush()
    assert sorted(drawn) == [1, 2]
    for client in clients:
        client.read()
        assert client.shown == dict.fromkeys(client.ids, 1)


def test_viewers_with_the_same_stocks_share_one_audience(hub: Hub) -> None:
    clients = [Client(hub, (1, 2)), Client(hub, (2, 1))]
    assert len(hub.audiences) == 1
    assert clients[0].viewer.audience is clients[1].viewer.audience


def test_two_changes_in_one_window_make_one_write_with_the_newest(hub: Hub) -> None:
    client = Client(hub, (1,))
    client.read()
    hub.apply([row(1, 1)], 1)
    hub.apply([row(1, 2)], 2)
    hub.flush()
    client.read()
    frames = [event for event in client.events if "quotes" in event]
    assert len(frames) == 1
    assert "[1=2]" in frames[0]


def test_a_reconnect_gets_only_what_changed_since(hub: Hub) -> None:
    hub.apply([row(1, 1), row(2, 2)], 2)
    hub.flush()
    client = Client(hub, (1, 2), since=1)
    client.read()
    assert client.shown == {2: 2}


def test_a_stream_without_an_id_gets_every_row(hub: Hub) -> None:
    hub.apply([row(1, 1), row(2, 2)], 2)
    hub.flush()
    client = Client(hub, (1, 2), since=None)
    client.read()
    assert client.shown == {1: 1, 2: 2}


def test_a_stalled_viewer_keeps_one_rest_however_long_it_stalls(hub: Hub) -> None:
    client = Client(hub, (1, 2, 3))
    for version in range(1, 200):
        hub.apply([row(number, version) for number in (1, 2, 3)], version)
        hub.flush()
    assert client.viewer.rest is not None
    assert len(client.viewer.rest) < 3 * 3100
    for _ in range(10):
        client.read()
        hub.flush()
    assert client.shown == {1: 199, 2: 199, 3: 199}


def test_a_viewer_that_takes_nothing_is_closed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "STALLED_S", -1.0)
    Client(hub, (1, 2, 3))
    for version in range(1, 30):
        hub.apply([row(number, version) for number in (1, 2, 3)], version)
        hub.flush()
    assert not hub.viewers


def test_a_bell_reaches_a_stalled_viewer_once_it_can_take_it(hub: Hub) -> None:
    client = Client(hub, (1, 2, 3))
    hub.drop(client.viewer)
    client.close()
    client.connect(None)
    client.viewer.user_id = 7
    hub.accounts[7] = {client.viewer}
    for version in range(1, 30):
        hub.apply([row(number, version) for number in (1, 2, 3)], version)
        hub.flush()
    hub.ring("watchlists", user_id=7)
    hub.ring("watchlists", user_id=7)
    for _ in range(10):
        client.read()
        hub.flush()
    assert [event for event in client.events if "watchlists" in event] == ["event: watchlists\ndata: 1"]


def test_a_bell_that_rang_between_page_and_stream_rings_again(hub: Hub) -> None:
    before = time.time()
    hub.ring("watchlists", user_id=7)
    after = time.time() + 1
    for read_at, user_id, rings in ((before, 7, True), (after, 7, False), (before, 8, False), (None, 7, False)):
        ours, theirs = socket.socketpair()
        hub.join(os.dup(theirs.fileno()), b"head", "table", [1], read_at=read_at, user_id=user_id)
        assert (b"event: watchlists" in ours.recv(65536)) is rings
        ours.close()
        theirs.close()


def test_a_log_out_ends_the_streams_of_that_log_in_only(hub: Hub) -> None:
    client, other = Client(hub, (1,)), Client(hub, (1,))
    client.viewer.session_id, other.viewer.session_id = 4, 5
    hub.ring("signed-out", session_id=4)
    client.read()
    other.read()
    assert "event: signed-out\ndata: 1" in client.events
    assert not client.open
    assert other.open


def test_every_viewer_hears_that_the_stream_is_away(hub: Hub) -> None:
    client = Client(hub, (1,))
    hub.say(b"Reconnecting")
    hub.flush()
    late = Client(hub, (2,))
    for each in (client, late):
        each.read()
        assert "event: status\ndata: Reconnecting" in each.events


def test_a_row_whose_price_did_not_change_has_no_tick(hub: Hub) -> None:
    client = Client(hub, (1,))
    hub.apply([row(1, 1, 100)], 1)
    hub.flush()
    hub.apply([row(1, 2, 101)], 2)
    assert hub.rows[1].tick == 1
    hub.apply([row(1, 3, 100)], 3)
    assert hub.rows[1].tick == 0, "nobody has seen 101"
    hub.flush()
    client.close()


def test_a_tick_is_against_what_the_page_shows_though_nobody_watched_the_price_before(hub: Hub) -> None:
    hub.apply([row(1, 1, 100)], 1)
    hub.flush()
    client = Client(hub, (1,), since=1)
    hub.apply([row(1, 2, 100)], 2)
    assert hub.rows[1].tick == 0
    hub.flush()
    client.close()
    hub.apply([row(1, 3, 200)], 3)
    hub.flush()
    client = Client(hub, (1,), since=3)
    hub.apply([row(1, 4, 150)], 4)
    assert hub.rows[1].tick == -1, "the page was loaded with 200"
    client.close()


@pytest.mark.parametrize(("limit", "address", "user"), [("per_process", "c", 0), ("per_address", "a", 0),
                                                       ("per_account", "c", 9)])
def test_one_stream_too_many_is_refused(limit: str, address: str, user: int) -> None:
    hub = make_hub(**{limit: 1})
    pair = socket.socketpair()
    hub.join(os.dup(pair[0].fileno()), b"", "table", [1], user_id=9, address="a")
    with pytest.raises(Full):
        hub.admit(user, address)
    hub.drop(next(iter(hub.viewers.values())))
    hub.admit(user, address)
    for each in pair:
        each.close()


def test_a_viewer_that_left_is_forgotten_at_the_next_window(hub: Hub) -> None:
    client = Client(hub, (1,))
    client.close()
    hub.flush()
    assert not hub.viewers


def test_closing_tells_browsers_different_times_to_come_back(hub: Hub) -> None:
    clients = [Client(hub, (1,)) for _ in range(40)]
    hub.close()
    for client in clients:
        client.read()
    assert not any(client.open for client in clients)
    assert len({event for client in clients for event in client.events if event.startswith("retry: ")}) > 5


def test_a_large_burst_does_not_hold_back_a_small_change(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BULK_S", 0.0005)
    crowd = Client(hub, tuple(range(100, 1000)))
    client = Client(hub, (1,))
    hub.apply([row(number, 1) for number in range(100, 1000)], 1, bulk=True)
    hub.apply([row(1, 2)], 2)
    hub.flush()
    client.read()
    assert client.shown == {1: 2}
    assert hub.version < 2, "the id does not promise what has not been written"
    monkeypatch.setattr(hub_module, "BULK_S", 1.0)
    for _ in range(400):
        hub.flush()
        crowd.read()
    assert set(crowd.shown) == set(range(100, 1000))
    assert hub.version == 2
