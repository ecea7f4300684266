"""Symbols that an admin maps: every road to a vendor takes them, and what is answered comes back to the stock."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, current_app

from config import Config
from tests.worker.conftest import make_instrument, watch
from tests.worker.history.archive import TUESDAY
from tests.worker.providers.conftest import KEY, Vendor, at
from webapp import clock
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import BarSeries, MarketSession, QuoteRow
from webapp.records import Instrument
from webapp.stocks.symbols import map_symbols, symbols_of, symbols_version
from worker import spelling
from worker.jobs import bars, quotes
from worker.providers.base import GivesDaily

# A Wednesday, New York 11:00.
NOW = at("2026-03-11 15:00")


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """A key of one vendor."""
    return {"FINNHUB_API_KEY": KEY, "FINNHUB_STREAM_SYMBOLS": 0}


@pytest.fixture
def finnhub(app: Flask, sessions: SessionBook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Finnhub on loopback, which knows one symbol: what is asked for is in its calls."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = time.monotonic()
    monkeypatch.setattr(clock, "now", lambda: NOW + dt.timedelta(seconds=time.monotonic() - began))
    server = Vendor()
    current_app.config["SETTINGS"].FINNHUB_URL = server.url
    knows(server, "FB.US")
    yield server
    server.stop()


def knows(server: Vendor, symbol: str) -> None:
    """Let the vendor have a price of this symbol, and of no other."""
    says: dict[str, Any] = {}
    price = {"c": 101.5, "d": 1.5, "dp": 1.5, "h": 102, "l": 99, "o": 100, "pc": 100,
             "t": int((NOW - dt.timedelta(seconds=20)).timestamp())}
    days = [dt.datetime.combine(TUESDAY - dt.timedelta(days=back), dt.time(), dt.UTC) for back in (1, 0)]
    candles = {"s": "ok", "t": [int(day.timestamp()) for day in days], "o": [99, 100], "h": [101, 102],
               "l": [98, 99], "c": [100, 101], "v": [1000, 2000]}

    def act(handler: Any) -> None:
        known = server.calls[-1].get("symbol") == symbol
        if handler.path.startswith("/quote") or "/quote" in handler.path:
            says["body"] = price if known else dict.fromkeys(price, 0)
        elif "/stock/candle" in handler.path:
            says["body"] = candles if known else {"s": "no_data"}
        else:
            says["body"] = []
        server.say(says["body"])
        act_now, server.act = server.act, act
        act_now(handler)

    server.act = act


def set_symbols(stock: Instrument, **symbols: str) -> None:
    map_symbols(stock.id, symbols_version(symbols_of(stock.id)), symbols, SHELL_ACTOR)
    db.session.commit()


def price_of(stock: Instrument) -> Decimal | None:
    row = db.session.get(QuoteRow, stock.id, populate_existing=True)
    return row.price if row else None


def test_a_price_is_asked_for_under_the_mapped_symbol_as_soon_as_it_is_mapped(finnhub: Vendor) -> None:
    stock = make_instrument("META", "XNAS")
    watch(stock)
    quotes.refresh_quotes("finnhub")
    assert price_of(stock) is None
    quotes.refresh_quotes("finnhub")
    assert [call["symbol"] for call in finnhub.calls] == ["META"], "what a vendor does not know is left alone"
    set_symbols(stock, finnhub="FB.US")
    quotes.refresh_quotes("finnhub")
    assert [call["symbol"] for call in finnhub.calls] == ["META", "FB.US"]
    assert price_of(stock) == Decimal("101.5")


def test_a_stock_that_a_vendor_does_not_have_costs_no_call(finnhub: Vendor) -> None:
    stock = make_instrument("META", "XNAS")
    watch(stock)
    set_symbols(stock, finnhub="")
    quotes.refresh_quotes("finnhub")
    bars.fetch_bars()
    assert [call for call in finnhub.calls if call.get("symbol") != "SPY"] == []
    row = db.session.get(QuoteRow, stock.id)
    assert row is not None
    assert row.problem == "Finnhub has no prices from this exchange."


def test_an_exchange_that_a_vendor_lacks_is_asked_for_where_an_admin_says_so(finnhub: Vendor) -> None:
    stock = make_instrument("VOD", "XLON")
    day = NOW.replace(hour=8, minute=0)
    db.session.add(MarketSession(mic="XLON", day=NOW.date(), opens_at=day, closes_at=day.replace(hour=16)))
    db.session.commit()
    watch(stock)
    set_symbols(stock, finnhub="FB.US")
    quotes.refresh_quotes("finnhub")
    assert [call["symbol"] for call in finnhub.calls] == ["FB.US"]
    assert price_of(stock) == Decimal("101.5")


def test_past_days_are_asked_for_under_the_mapped_symbol(finnhub: Vendor) -> None:
    stock = make_instrument("META", "XNAS")
    watch(stock)
    set_symbols(stock, finnhub="FB.US")
    bars.fetch_bars()
    candles = [call["symbol"] for path, call in zip(finnhub.paths, finnhub.calls, strict=True) if "candle" in path]
    assert "FB.US" in candles
    assert "META" not in candles
    [series] = db.session.query(BarSeries).filter_by(instrument_id=stock.id)
    assert (series.source, series.bars) == ("finnhub", 2)


@pytest.mark.both_databases
def test_each_provider_is_told_what_is_written_for_it(app: Flask) -> None:
    one, two = make_instrument("META", "XNAS"), make_instrument("IBM")
    set_symbols(one, finnhub="FB.US", tiingo="FB-OLD")
    set_symbols(two, finnhub="")
    settings: Config = app.config["SETTINGS"]
    [provider] = spelling.providers_with(settings, GivesDaily)
    assert isinstance(provider, spelling.Spells)
    assert provider.written == {one.id: "FB.US", two.id: ""}
    assert (provider.covers(one), provider.covers(two)) == (True, False)


def test_the_simulator_makes_up_whatever_it_is_called(app: Flask) -> None:
    settings: Config = app.config["SETTINGS"]
    settings.FINNHUB_API_KEY = ""
    makers: Callable[..., Any] = spelling.active_providers
    [provider] = makers(settings)
    assert provider.covers(make_instrument("META", "XNAS"))
