"""The feed, where the database takes its time and messages come meanwhile."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable

import gevent
import pytest
from flask import Flask

from tests.webapp.live.watchers import NOON, Client, make_hub, row
from webapp.extensions import db
from webapp.live import bus
from webapp.live.feed import Feed
from webapp.live.truth import DatabaseTruth
from webapp.models import FeedVersion, InstrumentRow, QuoteRow
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

    def after(self, version: int, instrument_id: int, most: int) -> list[LiveQuote]:
        return [row(1, self.newest)] if self.newest > version else []

    def ended_sessions(self, ids: Iterable[int]) -> set[int]:
        return set()


def test_a_message_that_overtakes_the_databases_answer_is_no_older_database() -> None:
    hub, database = make_hub(), SlowDatabase(5)
    feed = Feed(hub, None, database)  # type: ignore[arg-type]
    hub.apply([row(1, 5), row(2, 5)], 5)

    def commit() -> None:
        database.newest = 6
        feed.take(bus.QUOTES, {"version": 6, "more": False, "bulk": False, "quotes": [bus.encode(row(1, 6))]})

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


def test_a_commit_counts_only_when_its_last_part_has_come() -> None:
    hub = make_hub()
    feed = Feed(hub, None, SlowDatabase(0))  # type: ignore[arg-type]
    feed.take(bus.QUOTES, {"version": 1, "more": True, "bulk": False, "quotes": [bus.encode(row(1, 1))]})
    hub.flush()
    assert (hub.received, hub.version) == (0, 0), "a reconnect must get the other part too"
    feed.take(bus.QUOTES, {"version": 1, "more": False, "bulk": False, "quotes": [bus.encode(row(2, 1))]})
    hub.flush()
    assert (hub.received, hub.version) == (1, 1)


@pytest.mark.both_databases
def test_a_resync_reads_every_change_in_pieces(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        stocks = [InstrumentRow(symbol=f"S{place}", mic="XNAS", name="", currency="USD", country="US", kind="stock")
                  for place in range(25)]
        db.session.add_all(stocks)
        db.session.flush()
        db.session.add_all([QuoteRow(instrument_id=stock.id, version=1 + place // 20)
                            for place, stock in enumerate(stocks)])
        db.session.merge(FeedVersion(id=1, value=2))
        db.session.commit()
        numbers = {stock.id for stock in stocks}
    monkeypatch.setattr(bus, "PART_ROWS", 10)
    hub = make_hub()
    Feed(hub, None, DatabaseTruth(app)).resync()  # type: ignore[arg-type]
    assert set(hub.rows) == numbers
    assert hub.received == 2


def test_of_many_pages_that_are_ahead_of_the_bus_one_reads_the_database() -> None:
    hub, database = make_hub(), SlowDatabase(5)
    feed = Feed(hub, None, database)  # type: ignore[arg-type]
    asked: list[int] = []

    def answer_late() -> None:
        asked.append(1)
        gevent.sleep(0.01)

    database.meanwhile = answer_late
    gevent.joinall([gevent.spawn(feed.reach, 5) for _ in range(20)], raise_error=True)
    assert (hub.received, len(asked)) == (5, 1)


def test_a_row_is_drawn_again_when_its_market_closes_and_when_it_goes_stale() -> None:
    hub = make_hub()
    feed = Feed(hub, None, SlowDatabase(0))  # type: ignore[arg-type]
    minute = dt.timedelta(minutes=1)
    live = row(1, 1)
    assert live.quote is not None
    quote = dataclasses.replace(live.quote, closes_at=NOON + minute, stale_at=NOON + 2 * minute)
    hub.apply([dataclasses.replace(live, quote=quote), row(2, 1)], 1)
    client = Client(hub, (1,))
    hub.flush()
    drawn = []
    for seconds in (0, 59, 60, 61, 119, 120, 121):
        client.read()
        before = len(client.events)
        feed.age_rows(NOON + dt.timedelta(seconds=seconds))
        hub.flush()
        client.read()
        drawn += [seconds] if len(client.events) > before else []
    assert drawn == [60, 120]
    hub.apply([row(1, 2)], 2)
    hub.flush()
    feed.age_rows(NOON + dt.timedelta(seconds=130))
    assert not hub.rows[1].stale
