"""Symbols that an admin maps, on the sockets: asked for so, and their trades are the stock's."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask

from tests.worker.conftest import make_instrument, watch
from tests.worker.streams.conftest import Running, await_subscription, price_of
from tests.worker.streams.server import Vendor, wait_until
from webapp.extensions import db
from webapp.models import VendorSymbol
from webapp.records import Instrument
from worker.streams.demand import ranked_ids
from worker.streams.folding import Folder, Stock
from worker.streams.protocol import symbol_at
from worker.streams.trades import Effect, Trade

Start = Callable[..., Running]


def write(stock: Instrument, vendor: Vendor, symbol: str) -> None:
    db.session.merge(VendorSymbol(instrument_id=stock.id, provider=vendor.title.lower(), symbol=symbol))
    db.session.commit()


def test_a_socket_is_asked_for_the_mapped_symbol_also_when_that_changes(
        start: Start, vendor: Vendor, apple: Instrument) -> None:
    write(apple, vendor, "OLD.A")
    start(vendor)
    await_subscription(vendor, "OLD.A")
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 90.5, time.time())))
    vendor.peer.tell(vendor.trades(vendor.trade("OLD.A", 102.5, time.time())))
    wait_until(price_of(apple)("102.5"))
    write(apple, vendor, "NEW")
    await_subscription(vendor, "NEW")
    vendor.peer.tell(vendor.trades(vendor.trade("NEW", 103.5, time.time())))
    wait_until(price_of(apple)("103.5"))


def test_a_stock_that_the_vendor_does_not_have_gets_no_place(start: Start, vendor: Vendor, apple: Instrument) -> None:
    other = make_instrument("MSFT", "XNAS")
    watch(other)
    write(apple, vendor, "")
    start(vendor)
    await_subscription(vendor, "MSFT")


@pytest.mark.both_databases
def test_who_gets_a_place_depends_on_what_is_written_for_the_vendor(app: Flask) -> None:
    apple, odd = make_instrument("AAPL", "XNAS"), make_instrument("A+B", "XNAS")
    watch(apple, odd)
    assert ranked_ids({}, ()) == [apple.id]
    assert ranked_ids({}, (), {odd.id: "AB"}) == [odd.id, apple.id]
    assert ranked_ids({}, (), {odd.id: "A+B", apple.id: ""}) == []


def test_a_symbol_that_no_socket_can_read_is_not_sent() -> None:
    assert [symbol_at(1, "AAPL", {1: said}) for said in ("FB", "BRK/B", "fb", "", "A,B")] == [
        "FB", "BRK/B", None, None, None]
    assert (symbol_at(1, "BRK.B", {}), symbol_at(1, "A+B", {2: "X"})) == ("BRK.B", None)


def test_what_came_under_a_former_symbol_is_forgotten() -> None:
    folder, stock = Folder(), Stock(1, 0, 0, 10_000, 10_000)
    folder.watch({"OLD": stock})
    folder.fold([Trade("OLD", Decimal(5), 100, "a", Effect.ALL)], 200)
    assert [one.price for one in folder.waiting([1], 9)] == [5]
    folder.watch({"OLD": stock})
    assert [one.price for one in folder.waiting([1], 9)] == [5]
    folder.watch({"NEW": stock})
    assert folder.waiting([1], 9) == []
