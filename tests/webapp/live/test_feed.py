"""The feed, where the database takes its time and messages come meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.webapp.live.watchers import make_hub, row
from webapp.live import bus
from webapp.live.feed import Feed
from webapp.records import LiveQuote


class SlowDatabase:
    """Answers with what was true when it was asked; `meanwhile` happens before the answer arrives."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self.meanwhile: Callable[[], None] = lambda: None

    def version(self) -> int:
        newest = self.newest
        self.meanwhile()
        return newest

    def since(self, version: int) -> tuple[int, list[LiveQuote]]:
        return self.newest, [row(1, self.newest)] if self.newest > version else []

    def ended_sessions(self, ids: Iterable[int]) -> set[int]:
        return set()


def test_a_message_that_overtakes_the_databases_answer_is_no_older_database() -> None:
    hub, database = make_hub(), SlowDatabase(5)
    feed = Feed(hub, None, database)  # type: ignore[arg-type]
    hub.apply([row(1, 5), row(2, 5)], 5)

    def commit() -> None:
        database.newest = 6
        feed.take(bus.QUOTES, {"version": 6, "quotes": [bus.encode(row(1, 6))]})

    database.meanwhile = commit
    feed.resync()
    assert {number: each.version for number, each in hub.rows.items()} == {1: 6, 2: 5}
    assert hub.received == 6


def test_a_database_that_was_put_back_is_read_anew() -> None:
    hub = make_hub()
    hub.apply([row(1, 9), row(2, 9)], 9)
    Feed(hub, None, SlowDatabase(4)).resync()  # type: ignore[arg-type]
    assert {number: each.version for number, each in hub.rows.items()} == {1: 4}
    assert hub.received == 4
