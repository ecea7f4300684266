"""Bulk quotes of Alpha Vantage: live prices where the plan has them, and never the made-up ones of a plan without."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config, ConfigError
from tests.worker.providers.conftest import FIELDS, KEY, Vendor, at, new_york, stock
from tests.worker.providers.test_contract import ODD, spoil
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client

BOOK = new_york("2026-06-01", "2026-06-20")
IBM, BRK = stock(), stock("BRK.B", number=2)
NOON = at("2026-06-10 16:00")


def row(symbol: object = "IBM", **changes: object) -> dict[str, object]:
    """Return a row of the answer; a change of None leaves the field out."""
    fields: dict[str, object] = {
        "symbol": symbol, "timestamp": "2026-06-10 11:59:57.644", "open": "218.2", "high": "220.91", "low": "217.615",
        "close": "219.3", "volume": "6154450", "previous_close": "218.37", "change": "0.93", "change_percent": "0.4259",
        "extended_hours_quote": "", "extended_hours_change": "", "extended_hours_change_percent": ""} | changes
    return {name: value for name, value in fields.items() if value is not None}


def answer(*rows: dict[str, object], message: object = "success") -> dict[str, object]:
    """Return an answer with these rows."""
    return {"endpoint": "Realtime Bulk Quotes", "message": message, "data": list(rows)}


Ask = Callable[..., list[Quote]]


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Ask:
    """Ask the vendor for quotes on a plan with realtime prices."""
    made = config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url, ALPHA_VANTAGE_ENTITLEMENT="realtime")
    provider = AlphaVantage(made, Client("Alpha Vantage", timeouts=(0.5, 0.4), deadline=1.0))

    def ask_once(*instruments: Instrument, now: dt.datetime = NOON, book: SessionBook = BOOK) -> list[Quote]:
        return provider.quotes(instruments or [IBM], now, book)

    return ask_once


def refusal(ask: Ask, *instruments: Instrument) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(*instruments)
    return caught.value


def test_many_stocks_are_one_call(ask: Ask, vendor: Vendor) -> None:
    vendor.say(answer(row("BRK-B", close="218.9"), row()))
    first, second = ask(IBM, BRK)
    assert vendor.calls == [{"function": "REALTIME_BULK_QUOTES", "symbol": "IBM,BRK-B", "apikey": KEY}]
    assert (first.instrument_id, second.instrument_id, str(second.price)) == (1, 2, "218.9")
    assert first == Quote(
        instrument_id=1, price=Decimal("219.3"), as_of=at("2026-06-10 15:59:57.644"), day=dt.date(2026, 6, 10),
        source="alpha-vantage", state=State.LIVE, session=Session.REGULAR, previous_close=Decimal("218.37"),
        open=Decimal("218.2"), high=Decimal("220.91"), low=Decimal("217.615"), volume=6_154_450,
        stale_at=at("2026-06-10 16:02"), stated_change=Decimal("0.93"))


@pytest.mark.parametrize(("entitlement", "batch_size", "delay", "extended", "london"), [
    ("none", 1, State.END_OF_DAY, False, True), ("delayed", 1, State.DELAYED, False, False),
    ("realtime", 100, State.LIVE, True, False)])
def test_what_the_plan_has_is_known_beforehand(config: Callable[..., Config], entitlement: str, batch_size: int,
                                               delay: State, extended: bool, london: bool) -> None:
    provider = AlphaVantage(config(ALPHA_VANTAGE_ENTITLEMENT=entitlement))
    assert (provider.batch_size, provider.delay, provider.extended_hours) == (batch_size, delay, extended)
    assert provider.covers(IBM)
    assert provider.covers(stock("TSCO", "XLON", "GBX")) is london


def test_a_call_for_more_than_a_hundred_is_a_mistake(ask: Ask, vendor: Vendor) -> None:
    with pytest.raises(ValueError, match="100 instruments a call"):
        ask(*(stock(f"A{number}", number=number) for number in range(101)))
    assert vendor.calls == []


def test_one_stock_from_elsewhere_is_asked_for_alone(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"Global Quote": FIELDS | {"01. symbol": "TSCO.LON"}})
    [quote] = ask(stock("TSCO", "XLON", "GBX"))
    assert (quote.state, str(quote.price)) == (State.END_OF_DAY, "121.7400")
    assert vendor.calls == [{"function": "GLOBAL_QUOTE", "symbol": "TSCO.LON", "apikey": KEY}]


def test_a_delayed_plan_says_so_in_its_call(vendor: Vendor, config: Callable[..., Config]) -> None:
    made = config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url, ALPHA_VANTAGE_ENTITLEMENT="delayed")
    vendor.say({"Global Quote - DATA DELAYED BY 15 MINUTES": FIELDS})
    [quote] = AlphaVantage(made).quotes([stock()], at("2020-05-08 15:00"), new_york("2020-05-01", "2020-05-15"))
    assert quote.state is State.DELAYED
    assert vendor.calls == [{"function": "GLOBAL_QUOTE", "symbol": "IBM", "entitlement": "delayed", "apikey": KEY}]


def test_an_entitlement_that_is_none_of_these_stops_the_start(
        config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_ENTITLEMENT", "gold")
    with pytest.raises(ConfigError, match="none or delayed or realtime"):
        config()


MADE_UP = ("This is a premium endpoint. The data below is ARTIFICIAL and only shows the form of the answer.",
           "ARTIFICIAL data", "Sample data for demo purposes", "You are not entitled to this data.",
           "success: please subscribe to any premium plan for real prices")


@pytest.mark.parametrize("message", MADE_UP)
def test_made_up_prices_are_never_prices(ask: Ask, vendor: Vendor, message: str) -> None:
    vendor.say(answer(row(), message=message))
    error = refusal(ask)
    assert (error.kind, error.permanent) == (ErrorKind.NOT_ENTITLED, True)
    assert "ALPHA_VANTAGE_ENTITLEMENT" in error.message


@pytest.mark.parametrize("message", [None, "", 0, "unsuccessful", "successor", "Data of yesterday", ["success"]])
def test_an_answer_that_does_not_say_success_is_not_believed(ask: Ask, vendor: Vendor, message: object) -> None:
    vendor.say(answer(row(), message=message))
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("body", [
    "symbol,timestamp,close\nIBM,2026-06-10 11:59:57,219.3\n", {"data": [row()]}, answer(row()) | {"data": None},
    answer(row()) | {"data": [7]}, answer(row()) | {"data": {"IBM": row()}}, answer(row("MSFT"))], ids=range(6))
def test_an_answer_in_another_form_has_no_prices(ask: Ask, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


def test_what_the_vendor_does_not_know_spoils_no_other(ask: Ask, vendor: Vendor) -> None:
    unknown = dict.fromkeys(("timestamp", "open", "high", "low", "close", "previous_close", "volume"), "N/A")
    vendor.say(answer(row(), row("BRK-B", **unknown)))
    assert [quote.instrument_id for quote in ask(IBM, BRK, stock("T", number=3))] == [1]
    vendor.say(answer(row("BRK-B", **unknown)))
    assert refusal(ask, BRK).kind is ErrorKind.UNKNOWN_SYMBOL
    vendor.say(answer())
    assert refusal(ask).kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize(("changes", "reason"), [
    ({"close": "0.0"}, "missing"), ({"close": None}, "missing"), ({"close": "-1"}, "negative"),
    ({"close": "221"}, "contradict"), ({"close": "NaN"}, "not a number"), ({"timestamp": None}, "missing"),
    ({"timestamp": "2026-06-10"}, "not one"), ({"timestamp": "0001-01-01 00:00:00"}, "not one"),
    ({"timestamp": "2026-02-30 10:00:00"}, "not one"), ({"timestamp": "2026-06-10 12:10:00"}, "not come yet"),
    ({"extended_hours_quote": "-5"}, "negative"), ({"volume": "-5"}, "negative")])
def test_a_row_that_cannot_be_right_is_no_price(ask: Ask, vendor: Vendor, changes: dict[str, object],
                                                reason: str) -> None:
    vendor.say(answer(row(**changes)))
    error = refusal(ask)
    assert (error.kind, error.permanent) == (ErrorKind.BROKEN_ANSWER, False)
    assert reason in error.message


def test_a_symbol_that_stands_twice_is_no_price(ask: Ask, vendor: Vendor) -> None:
    vendor.say(answer(row(), row()))
    assert "twice" in refusal(ask).message


# When the row says it is from (New York), when it is asked for (UTC): the regular price's time, its state, and what
# stands beside it.
HOURS = [
    ("2026-06-10 11:59:57", "2026-06-10 16:00", "2026-06-10 15:59:57", State.LIVE, None),
    ("2026-06-10 16:00:00", "2026-06-10 20:00", "2026-06-10 20:00", State.CLOSED, None),
    ("2026-06-10 17:30:00", "2026-06-10 21:31", "2026-06-10 20:00", State.POST, "2026-06-10 21:30"),
    ("2026-06-10 19:59:58", "2026-06-11 03:00", "2026-06-10 20:00", State.CLOSED, "2026-06-10 23:59:58"),
    ("2026-06-11 08:00:00", "2026-06-11 12:01", "2026-06-10 20:00", State.PRE, "2026-06-11 12:00"),
]


@pytest.mark.parametrize(("stamp", "now", "as_of", "state", "extended_as_of"), HOURS)
def test_the_price_is_that_of_regular_hours_and_the_other_stands_beside_it(
        ask: Ask, vendor: Vendor, stamp: str, now: str, as_of: str, state: State, extended_as_of: str | None) -> None:
    vendor.say(answer(row(timestamp=stamp, extended_hours_quote="221.5")))
    [quote] = ask(now=at(now))
    assert (str(quote.price), quote.as_of, quote.day) == ("219.3", at(as_of), dt.date(2026, 6, 10))
    assert quote.state is state
    assert quote.extended_as_of == (at(extended_as_of) if extended_as_of else None)
    assert quote.extended_price == (Decimal("221.5") if extended_as_of else None)


def test_a_close_without_a_price_beside_it_is_closed_after_hours(ask: Ask, vendor: Vendor) -> None:
    vendor.say(answer(row(timestamp="2026-06-10 17:30:00")))
    [quote] = ask(now=at("2026-06-10 21:31"))
    assert (quote.state, quote.as_of, quote.extended_price) == (State.CLOSED, at("2026-06-10 20:00"), None)


def test_the_clocks_of_new_york_are_read_in_winter_too(ask: Ask, vendor: Vendor) -> None:
    vendor.say(answer(row(timestamp="2026-01-14 11:00:00")))
    assert ask(now=at("2026-01-14 16:01"), book=SessionBook([]))[0].as_of == at("2026-01-14 16:00")


def test_any_answer_is_sound_quotes_or_the_one_error(ask: Ask, vendor: Vendor) -> None:
    good = answer(row(), row("BRK-B"))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.data())
    def check(chance: random.Random, data: st.DataObject) -> None:
        body = json.dumps(spoil(good, chance, lambda: data.draw(ODD))).encode()
        vendor.say(body[:chance.randrange(len(body) + 1)] if chance.random() < 0.2 else body)
        quotes: Sequence[Any] = ()
        with suppress(ProviderError):
            quotes = ask(IBM, BRK)
        for quote in quotes:
            assert quote.price.is_finite()
            assert quote.price > 0
            assert quote.as_of <= NOON

    check()
