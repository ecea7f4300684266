"""Who gets a place on a socket, and that nobody loses it again within a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import make_instrument, watch
from tests.worker.streams.conftest import CALM, Running, await_subscription, open_market, poll, price_of, today
from tests.worker.streams.server import AlpacaServer, FinnhubServer, Vendor, wait_until
from webapp.extensions import db
from webapp.live import bus
from webapp.models import InstrumentRow
from worker.streams.demand import choose, ranked_ids

Start = Callable[..., Running]


def test_the_most_wanted_have_the_places() -> None:
    assert choose([3, 1, 2], {}, 2, now=100, place=60) == {3: 100, 1: 100}


def test_a_place_is_kept_for_a_minute_and_no_longer() -> None:
    held = {9: 50.0, 8: 10.0}
    assert choose([3, 1, 2], held, 2, now=100, place=60) == {9: 50, 3: 100}
    assert choose([3, 1, 2], held, 2, now=111, place=60) == {3: 111, 1: 111}


def test_who_is_wanted_still_keeps_the_time_since_when() -> None:
    assert choose([1, 8], {8: 10.0}, 2, now=100, place=60) == {1: 100, 8: 10}


def test_who_nobody_wants_goes_after_a_minute_though_there_is_room() -> None:
    assert choose([], {8: 10.0}, 5, now=60, place=60) == {8: 10}
    assert choose([], {8: 10.0}, 5, now=80, place=60) == {}


def test_two_that_are_wanted_in_turn_change_places_once_a_minute_at_most() -> None:
    held: dict[int, float] = {}
    changes = 0
    for second in range(600):
        before = set(held)
        held = choose([1, 2] if second % 2 else [2, 1], held, 1, now=second, place=60)
        changes += before != set(held)
    assert changes <= 10


@pytest.mark.both_databases
def test_on_screen_comes_before_lists_and_many_lists_before_few(app: Flask) -> None:
    shown, often, seldom, nobody, london, pence, gone, odd = (
        make_instrument(symbol, mic) for symbol, mic in (
            ("SHOWN", "XNAS"), ("OFTEN", "XNYS"), ("SELDOM", "XNAS"), ("NOBODY", "XNAS"), ("VOD", "XLON"),
            ("PENCE", "XNAS"), ("GONE", "XNAS"), ("A+B", "XNAS")))
    db.session.get_one(InstrumentRow, pence.id).unit = "GBX"
    db.session.get_one(InstrumentRow, gone.id).status = "delisted"
    db.session.commit()
    watch(often, london, pence, gone, odd)
    watch(seldom, often)
    assert ranked_ids({shown.id: 1, london.id: 1}, ()) == [shown.id, often.id, seldom.id]
    assert nobody.id not in ranked_ids({shown.id: 1}, ())


def test_of_two_that_are_wanted_as_much_the_one_with_a_place_goes_first(app: Flask) -> None:
    one, two = make_instrument("A", "XNAS"), make_instrument("B", "XNAS")
    watch(one, two)
    assert ranked_ids({}, {two.id}) == [two.id, one.id]
    assert ranked_ids({one.id: 1}, {two.id}) == [one.id, two.id]
    assert ranked_ids({one.id: 1, two.id: 1}, {two.id}) == [two.id, one.id]
    watch(make_instrument("C", "XNAS"), one)
    assert ranked_ids({}, {two.id})[:2] == [one.id, two.id]


def test_a_page_that_opens_gets_its_stock_a_place(start: Start, vendor: Vendor, app: Flask, redis: Redis) -> None:
    open_market(today())
    listed, shown = make_instrument("LISTED", "XNAS"), make_instrument("SHOWN", "XNAS")
    watch(listed)
    setting = f"{vendor.title.upper()}_STREAM_SYMBOLS"
    start(vendor, pace=CALM, **{setting: 1})
    await_subscription(vendor, "LISTED")
    bus.mark_watched(redis, [shown.id])
    opened = time.monotonic()
    await_subscription(vendor, "SHOWN")
    assert time.monotonic() - opened < 10
    redis.delete(bus.WATCHED)
    await_subscription(vendor, "LISTED")
    assert len(vendor.peers) == 1


def test_no_more_are_asked_for_than_the_plan_has(start: Start, vendor: Vendor, app: Flask) -> None:
    stocks = [make_instrument(f"QQ{letter}", "XNAS") for letter in "ABCDE"]
    watch(*stocks)
    start(vendor, **{f"{vendor.title.upper()}_STREAM_SYMBOLS": 3})
    await_subscription(vendor, "QQA", "QQB", "QQC")
    asked = [message for message in vendor.peer.said if "QQD" in str(message) or "QQE" in str(message)]
    assert not asked


def test_two_vendors_share_the_stocks_and_stand_in_for_each_other(start: Start, alpaca: AlpacaServer,
                                                                  finnhub: FinnhubServer, app: Flask) -> None:
    open_market(today())
    stocks = [make_instrument(f"S{letter}", "XNAS") for letter in "ABC"]
    watch(*stocks)
    for stock in stocks:
        poll(stock)
    running = start(alpaca, finnhub, ALPACA_STREAM_SYMBOLS=1, FINNHUB_STREAM_SYMBOLS=3)
    await_subscription(alpaca, "SA")
    await_subscription(finnhub, "SB", "SC")
    alpaca.peer.tell(alpaca.trades(alpaca.trade("SA", 102, time.time())))
    finnhub.peer.tell(finnhub.trades(finnhub.trade("SB", 103, time.time()), finnhub.trade("SC", 99, time.time())))
    wait_until(price_of(stocks[0])("102"))
    wait_until(price_of(stocks[1])("103"))
    wait_until(lambda: running.marked() == {stock.id for stock in stocks})
    alpaca.status = 503
    alpaca.peer.reset()
    wait_until(lambda: finnhub.peer.symbols == {"SA", "SB", "SC"})
    alpaca.status = 101
    await_subscription(alpaca, "SA")
    await_subscription(finnhub, "SB", "SC")


def test_without_a_vendor_there_is_nothing_to_do(start: Start, app: Flask, redis: Redis) -> None:
    running = start()
    wait_until(lambda: redis.exists("stagewatch:stream-process:test"))
    assert running.streams.links == []
    assert not running.marked()


@pytest.mark.both_databases
def test_the_most_watched_go_first_and_a_few_viewers_more_move_nobody(app: Flask) -> None:
    few, crowd = make_instrument("FEW", "XNAS"), make_instrument("CROWD", "XNAS")
    assert ranked_ids({few.id: 3, crowd.id: 400}, {few.id}) == [crowd.id, few.id]
    assert ranked_ids({few.id: 300, crowd.id: 400}, {few.id}) == [few.id, crowd.id]
