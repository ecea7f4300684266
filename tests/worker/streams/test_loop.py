"""Sockets against a server that speaks the vendors' protocols: what comes is stored, marked, and survives bad days."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import RedisServer
from tests.worker.conftest import make_instrument, watch
from tests.worker.streams.conftest import (
    FAST,
    Running,
    await_subscription,
    day_of,
    open_market,
    poll,
    price_of,
    settings_for,
    stored,
    today,
)
from tests.worker.streams.server import AlpacaServer, FinnhubServer, Vendor, wait_until
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.models import StreamState, Tick
from webapp.records import Instrument, Session, State

Start = Callable[..., Running]


def state_of(vendor: Vendor) -> StreamState | None:
    db.session.rollback()
    return db.session.get(StreamState, vendor.title.lower(), populate_existing=True)


@pytest.mark.both_databases
def test_a_trade_becomes_the_stored_price_and_is_published(start: Start, vendor: Vendor, apple: Instrument,
                                                           redis: Redis) -> None:
    heard = bus.Subscription(redis)
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    at = time.time()
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102.5, at)))
    wait_until(price_of(apple)("102.5"))
    quote = stored(apple)
    assert abs(quote.as_of.timestamp() - at) < 0.002
    assert (quote.source, quote.state, quote.session) == (vendor.title.lower(), State.LIVE, Session.REGULAR)
    assert (quote.previous_close, quote.open, quote.high, quote.low) == (
        Decimal("99.00"), Decimal("99.50"), Decimal("102.5"), Decimal("98.00"))
    assert (quote.volume, quote.delay, quote.unit) == (1234, State.LIVE, "USD")
    wait_until(lambda: running.marked() == {apple.id})
    messages: list[str] = []

    def listen() -> bool:
        message = heard.next(0.1)
        messages.append(json.dumps(message[1]) if message else "")
        return '"price": "102.5"' in "".join(messages)

    wait_until(listen)
    heard.close()
    assert [str(tick.price) for tick in db.session.query(Tick).order_by(Tick.as_of)][1:] == ["102.5"]


def test_what_is_not_seeded_is_left_to_polling_until_it_is(start: Start, vendor: Vendor, app: Flask) -> None:
    open_market(today())
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    yesterday = clock.now() - dt.timedelta(days=1)
    poll(stock, as_of=yesterday, day=day_of(yesterday))
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 103, time.time())))
    wait_until(lambda: running.streams.links[0].trades == 1)
    wait_until(lambda: running.streams.links[0].folder.waiting({stock.id}, 9))
    assert stored(stock).price == Decimal("100.00")
    assert not running.marked()
    poll(stock, "102.00", high=Decimal("102.00"))
    wait_until(price_of(stock)("103"))
    wait_until(lambda: running.marked() == {stock.id})


def test_a_reset_socket_is_left_to_polling_at_once_and_made_anew(start: Start, vendor: Vendor,
                                                                 apple: Instrument) -> None:
    running = start(vendor, pace={"first_wait": 1.0, "longest_wait": 1.0})
    await_subscription(vendor, "AAPL")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, time.time())))
    wait_until(lambda: running.marked() == {apple.id})
    vendor.peer.reset()
    wait_until(lambda: not running.marked(), 1)
    wait_until(lambda: len(vendor.peers) == 2)
    await_subscription(vendor, "AAPL")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102.25, time.time())))
    wait_until(price_of(apple)("102.25"))
    wait_until(lambda: running.marked() == {apple.id})


def test_a_socket_that_stalls_in_the_session_is_noticed_and_made_anew(start: Start, vendor: Vendor,
                                                                    apple: Instrument) -> None:
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, time.time())))
    wait_until(lambda: running.marked() == {apple.id})
    vendor.answers_pings = False
    began = time.monotonic()
    wait_until(lambda: not running.marked(), 2)
    assert time.monotonic() - began < 4.0  # quiet, before it counts as dead
    wait_until(lambda: len(vendor.peers) >= 2, 5)
    assert "no sign of life" in running.streams.links[0].error


def test_a_socket_that_only_answers_pings_is_made_anew_once(start: Start, vendor: Vendor, apple: Instrument) -> None:
    running = start(vendor)
    wait_until(lambda: len(vendor.peers) == 2)
    assert "no trade" in running.streams.links[0].error
    await_subscription(vendor, "AAPL")
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 2.5)  # longer than it took the first time
    assert len(vendor.peers) == 2
    assert not running.marked()

    def trade() -> bool:
        vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, time.time())))
        return running.marked() == {apple.id}

    wait_until(trade)


@pytest.mark.parametrize("part", ["pre", "closed"])
def test_a_socket_that_is_dead_is_noticed_outside_the_session_too(start: Start, vendor: Vendor, app: Flask,
                                                                 part: str) -> None:
    open_market(today(part))
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    poll(stock)
    vendor.answers_pings = False
    running = start(vendor)
    wait_until(lambda: len(vendor.peers) >= 2, 5)
    assert "no sign of life" in running.streams.links[0].error
    vendor.answers_pings = True
    wait_until(running.streams.links[0].is_connected)
    await_subscription(vendor, "AAPL")


def test_a_socket_that_nobody_needs_is_noticed_when_it_is_dead(start: Start, vendor: Vendor, app: Flask) -> None:
    vendor.answers_pings = False
    running = start(vendor)
    wait_until(lambda: len(vendor.peers) >= 2, 5)
    assert "no sign of life" in running.streams.links[0].error


@pytest.mark.parametrize("part", ["pre", "closed"])
def test_no_trades_outside_the_session_are_no_fault(start: Start, vendor: Vendor, app: Flask, part: str) -> None:
    open_market(today(part))
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    poll(stock)
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 2.0)
    assert len(vendor.peers) == 1
    assert running.streams.links[0].is_connected()
    if part == "closed":
        assert not running.marked()


def test_before_the_opening_only_a_vendor_with_extended_hours_moves_the_price(start: Start, vendor: Vendor,
                                                                             app: Flask) -> None:
    open_market(today("pre"))
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    poll(stock, open=None, high=None, low=None, session=Session.PRE, state=State.PRE)
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 105, time.time())))
    wait_until(lambda: running.streams.links[0].trades == 1)
    if vendor.title == "Alpaca":
        wait_until(price_of(stock)("105"))
        quote = stored(stock)
        assert (quote.session, quote.state, quote.high) == (Session.PRE, State.PRE, None)
        wait_until(lambda: running.marked() == {stock.id})
    else:
        wait_until(lambda: running.streams.links[0].folder.ignored["outside the day"] == 1)
        assert stored(stock).price == Decimal("100.00")
        assert not running.marked()


def test_after_the_close_a_trade_does_not_widen_the_day(start: Start, alpaca: AlpacaServer, app: Flask) -> None:
    open_market(today("post"))
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    poll(stock, as_of=clock.now() - dt.timedelta(hours=2))
    start(alpaca)
    await_subscription(alpaca, "AAPL")
    alpaca.peer.tell(alpaca.trades(alpaca.trade("AAPL", 104, time.time(), ["@", "T"])))
    wait_until(price_of(stock)("104"))
    quote = stored(stock)
    assert (quote.session, quote.high) == (Session.POST, Decimal("101.00"))


def test_only_what_alpaca_confirms_is_marked(start: Start, alpaca: AlpacaServer, apple: Instrument) -> None:
    alpaca.confirms = False
    running = start(alpaca)
    await_subscription(alpaca, "AAPL")
    alpaca.peer.tell(alpaca.trades(alpaca.trade("AAPL", 102, time.time())))
    wait_until(price_of(apple)("102"))
    assert not running.marked()
    alpaca.peer.tell([{"T": "subscription", "trades": ["AAPL"]}])
    wait_until(lambda: running.marked() == {apple.id})


def test_a_stock_that_nobody_trades_is_fetched_once_in_a_while(start: Start, vendor: Vendor, apple: Instrument) -> None:
    thin = make_instrument("THIN", "XNAS")
    watch(thin)
    poll(thin)
    running = start(vendor, pace={"confirmed": 1.0, "quiet": 30})
    await_subscription(vendor, "AAPL", "THIN")
    ended = threading.Event()

    def trade() -> None:
        while not ended.wait(0.1):
            vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, time.time())))

    threading.Thread(target=trade, daemon=True).start()
    wait_until(lambda: running.marked() == {apple.id})  # the other one was fetched too long ago
    poll(thin, "100.01", as_of=clock.now())
    wait_until(lambda: running.marked() == {apple.id, thin.id})
    wait_until(lambda: running.marked() == {apple.id})
    ended.set()


def test_a_killed_socket_process_is_forgotten_by_itself(redis: Redis) -> None:
    from worker.streams import marks

    marks.mark(redis, "alpaca", {1, 2})
    marks.mark(redis, "finnhub", {3})
    assert marks.streamed_ids(redis) == {1, 2, 3}
    assert 0 < int(redis.pttl("stagewatch:streamed:alpaca")) <= 15_000
    marks.mark(redis, "alpaca", ())
    assert marks.streamed_ids(redis) == {3}


def test_without_redis_nothing_counts_as_streamed(own_redis_server: RedisServer) -> None:
    from webapp import redis as clients
    from worker.streams import marks

    client = clients.connect(own_redis_server.url, retries=0)
    marks.mark(client, "alpaca", {1})
    own_redis_server.stop()
    assert marks.streamed_ids(client) == set()


def test_prices_are_stored_while_redis_is_away(finnhub: FinnhubServer, apple: Instrument,
                                               own_redis_server: RedisServer, app: Flask) -> None:
    from webapp import redis as clients

    client = clients.connect(own_redis_server.url, retries=0)
    running = Running(app, client, settings_for(app, [finnhub]), FAST)
    await_subscription(finnhub, "AAPL")
    own_redis_server.stop()
    finnhub.peer.tell(finnhub.trades(finnhub.trade("AAPL", 102, time.time())))
    wait_until(price_of(apple)("102"))
    own_redis_server.start()
    finnhub.peer.tell(finnhub.trades(finnhub.trade("AAPL", 102.5, time.time())))
    wait_until(lambda: running.marked() == {apple.id})
    running.stop()
    assert not running.marked()


def test_a_locked_out_database_loses_nothing_that_is_newest(start: Start, vendor: Vendor, apple: Instrument,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    from worker import store

    running = start(vendor)
    await_subscription(vendor, "AAPL")
    real = store.store_readings
    failures: list[int] = []

    def fail(*arguments: object, streamed: bool) -> object:
        failures.append(1)
        raise OperationalError("x", {}, Exception("gone"))

    monkeypatch.setattr(store, "store_readings", fail)
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, time.time())))
    wait_until(lambda: len(failures) > 2)
    monkeypatch.setattr(store, "store_readings", real)
    wait_until(price_of(apple)("102"))
    wait_until(lambda: running.marked() == {apple.id})


def test_a_second_process_waits_until_the_first_is_gone(start: Start, vendor: Vendor, apple: Instrument) -> None:
    first = start(vendor)
    await_subscription(vendor, "AAPL")
    second = start(vendor)
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 0.5)
    assert len(vendor.peers) == 1
    first.stop()
    wait_until(lambda: len(vendor.peers) == 2)
    await_subscription(vendor, "AAPL")
    assert second.streams.links[0].is_connected()


def test_the_row_for_people_says_how_the_socket_is(start: Start, vendor: Vendor, apple: Instrument) -> None:
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    now = time.time()
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 102, now), vendor.trade("AAPL", 102, now, ["I", "12"])))
    wait_until(lambda: (state := state_of(vendor)) and state.trades == 2)
    state = state_of(vendor)
    assert state is not None
    assert (state.status, state.symbols, state.last_error, state.last_error_at) == ("connected", 1, "", None)
    assert state.heard_at is not None
    running.stop()
    state = state_of(vendor)
    assert state is not None
    assert state.status == "off"
