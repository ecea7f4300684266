"""The bus, over a real Redis."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis

from tests.conftest import RedisServer
from webapp import redis as redis_clients
from webapp.live import bus, feed
from webapp.live.feed import Feed
from webapp.live.hub import Hub
from webapp.records import Instrument, LiveQuote, Quote, Session, State
from webapp.redis import RedisAway

NOON = dt.datetime(2026, 3, 9, 16, 0, 0, 250_000, tzinfo=dt.UTC)
STOCK = Instrument(7, "TSCO", "XLON", "Tesco PLC", "GBX", "GB")
FULL = Quote(7, Decimal("301.4500"), NOON, NOON.date(), "test", State.LIVE, Session.REGULAR, Decimal("300"),
             Decimal("299"), Decimal("302"), Decimal("298.5"), 12_345, Decimal("301.4"), Decimal("301.5"),
             Decimal("301.6"), NOON, False, NOON)


def hear(subscription: bus.Subscription) -> tuple[str, dict[str, Any]] | None:
    """Return the next message; the answers to subscribing and to pings come before it."""
    return next((message for _ in range(10) if (message := subscription.next(0.5))), None)


@pytest.mark.parametrize("row", [
    LiveQuote(STOCK, 3, FULL, NOON, "late", ("300", "301.45")),
    LiveQuote(STOCK, 3, Quote(7, Decimal("0.0040"), NOON, NOON.date(), "x", State.END_OF_DAY, Session.CLOSED)),
    LiveQuote(STOCK, 4, dataclasses.replace(FULL, closes_at=NOON)),
    LiveQuote(STOCK, problem="unknown"),
])
def test_a_row_arrives_as_it_was_sent(redis: Redis, row: LiveQuote) -> None:
    subscription = bus.Subscription(redis)
    bus.publish_quotes(redis, 3, [row])
    message = hear(subscription)
    subscription.close()
    assert message is not None
    version, rows = bus.decode_quotes(message[1])
    assert (version, rows) == (3, [row])
    assert rows[0].quote is None or str(rows[0].quote.price) == str(row.quote and row.quote.price)


def test_a_quote_that_an_older_release_kept_is_read() -> None:
    kept = bus.encode_quote(FULL)
    del kept["closes_at"]
    assert bus.decode_quote(kept) == FULL


def test_a_large_commit_comes_in_parts_and_only_the_last_ends_it(redis: Redis) -> None:
    subscription = bus.Subscription(redis)
    rows = [LiveQuote(dataclasses.replace(STOCK, id=number), 3) for number in range(1, bus.PART_ROWS + 3)]
    bus.publish_quotes(redis, 3, rows)
    contents = [message[1] for _ in range(2) if (message := hear(subscription))]
    subscription.close()
    assert [content["more"] for content in contents] == [True, False]
    assert [row for content in contents for row in bus.decode_quotes(content)[1]] == rows


def test_a_bell_names_a_person_or_a_log_in(redis: Redis) -> None:
    subscription = bus.Subscription(redis)
    bus.ring_bell(redis, "watchlists", user_id=4)
    message = hear(subscription)
    subscription.close()
    assert message == (bus.BELLS, {"topic": "watchlists", "user": 4, "session": None})


def test_what_is_on_a_screen_is_watched_for_a_while(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.mark_watched(redis, [1, 2])
    bus.mark_watched(redis, [])
    assert bus.watched_ids(redis) == {1, 2}
    monkeypatch.setattr(bus, "WATCHED_SECONDS", -1)
    bus.mark_watched(redis, [2])
    assert bus.watched_ids(redis) == {1}


def test_a_redis_that_goes_is_noticed(own_redis_server: RedisServer) -> None:
    subscription = bus.Subscription(redis_clients.connect(own_redis_server.url))
    own_redis_server.stop(kill=True)
    with pytest.raises(RedisAway):
        hear(subscription)
    subscription.close()


def test_a_silent_bus_is_asked_for_a_sign_of_life_now_and_then(
        redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SILENCE_S", 0.1)
    hub = Hub(lambda _kind, _row: b"")
    listener = Feed(hub, redis, None)  # type: ignore[arg-type]
    redis.config_resetstat()
    subscription = bus.Subscription(redis)
    thread = threading.Thread(target=listener._hear, args=(subscription,))
    thread.start()
    time.sleep(1)
    hub.closing = True
    thread.join(5)
    subscription.close()
    pings = redis.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"]
    assert 3 <= pings <= 12


def test_viewers_of_all_processes_add_up_and_a_dead_one_is_forgotten(
        redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.count_viewers(redis, "one", {1: 40, 2: 1})
    bus.count_viewers(redis, "two", {1: 2})
    bus.mark_watched(redis, [1, 3])
    assert bus.viewers(redis) == {1: 42, 2: 1, 3: 1}
    bus.count_viewers(redis, "one", {2: 5})
    assert bus.viewers(redis) == {1: 2, 2: 5, 3: 1}
    now = time.time()
    monkeypatch.setattr("webapp.live.bus.time.time", lambda: now + bus.WATCHED_SECONDS + 1)
    bus.count_viewers(redis, "two", {})
    assert bus.viewers(redis) == {}
