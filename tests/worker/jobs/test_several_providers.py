"""The refresh with live prices of several providers, each with limits of its own."""

import datetime as dt

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, Vendor, make_instrument, make_quote, refresh, watch
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import QuoteRow
from webapp.quotes import load_live
from webapp.records import Instrument, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError

LIVE = Limits(per_minute=60)
CLOSE = NOW.replace(hour=20)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> tuple[Vendor, Vendor]:
    """Two providers in order: the first with live prices, the second with those of a day."""
    first = Vendor(limits=LIVE, name="first", title="The First", uncovered={"XSWX"})
    second = Vendor(limits=Limits(per_day=25), name="second", title="The Second", delay=State.END_OF_DAY)
    monkeypatch.setattr("worker.jobs.quotes.active_providers", lambda settings: [first, second])
    return first, second


@pytest.fixture
def live(vendor: Vendor) -> Vendor:
    """One provider with live prices."""
    vendor.limits = LIVE
    return vendor


def problem_of(stock: Instrument) -> str:
    return load_live([stock.id])[0].problem


def stale_at(stock: Instrument) -> dt.datetime | None:
    return db.session.get_one(QuoteRow, stock.id).stale_at


def test_each_stock_is_fetched_from_the_first_that_covers_it(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    ours, swiss = make_instrument("IBM"), make_instrument("NESN", "XSWX")
    watch(ours, swiss)
    refresh()
    assert (two[0].asked, two[1].asked) == (["IBM"], ["NESN"])
    assert (problem_of(ours), problem_of(swiss)) == ("", "")


def test_the_next_provider_goes_on_where_one_is_out_of_order(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    stock = make_instrument("IBM")
    watch(stock)
    two[0].answers["IBM"] = ProviderError(ErrorKind.BAD_KEY, "The First does not accept the key.")
    refresh()
    assert (two[0].asked, two[1].asked) == (["IBM"], ["IBM"])
    assert problem_of(stock) == ""


def test_a_stock_that_no_provider_covers_says_so(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    stock = make_instrument("NESN", "XSWX")
    watch(stock)
    two[1].uncovered = {"XSWX"}
    refresh()
    assert problem_of(stock) == "The Second has no prices from this exchange."


def test_a_live_price_is_asked_for_again_when_its_interval_is_over(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock) -> None:
    stocks = [make_instrument(f"S{number}") for number in range(20)]
    watch(*stocks)
    live.answers = {stock.symbol: lambda instrument, now: make_quote(
        instrument, as_of=now, stale_at=now + dt.timedelta(minutes=2)) for stock in stocks}
    refresh()
    assert len(live.asked) == 20
    set_clock.pass_by(seconds=15)  # 20 stocks at 0.9 calls a second: one each 22 seconds
    refresh()
    assert len(live.asked) == 20
    set_clock.pass_by(seconds=10)
    refresh()
    assert len(live.asked) == 40


def test_a_price_holds_for_two_of_its_intervals(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock) -> None:
    stock = make_instrument("IBM")
    watch(stock)
    live.limits = Limits(per_hour=4)
    live.answers["IBM"] = lambda instrument, now: make_quote(
        instrument, as_of=now, stale_at=now + dt.timedelta(minutes=2))
    refresh()
    expected = NOW + 2 * dt.timedelta(hours=1) / (4 * 0.9)
    found = stale_at(stock)
    assert found is not None
    assert abs(found - expected) < dt.timedelta(seconds=1)


def test_nothing_is_fetched_while_the_market_is_shut_but_the_last_prices_once(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock) -> None:
    stock = make_instrument("IBM")
    watch(stock)
    set_clock.moment = CLOSE - dt.timedelta(minutes=1)
    refresh()
    for minutes in (5, 15, 30, 60, 300, 600):
        set_clock.moment = CLOSE + dt.timedelta(minutes=minutes)
        refresh()
    assert len(live.asked) == 2
    set_clock.moment = CLOSE + dt.timedelta(hours=17.6)  # Thursday's session has begun
    refresh()
    assert len(live.asked) == 3


def test_a_stock_left_out_of_an_answer_says_so(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    known, unknown = make_instrument("IBM"), make_instrument("NOPE")
    watch(known, unknown)
    live.batch_size = 2
    usual = Vendor.quotes
    monkeypatch.setattr(Vendor, "quotes", lambda self, stocks, now, book: [
        quote for quote in usual(self, stocks, now, book) if quote.instrument_id == known.id])
    refresh()
    assert (problem_of(known), problem_of(unknown)) == ("", "The Vendor has no price of it.")


def test_a_stock_for_whose_sake_a_call_was_refused_is_left_out_of_the_next(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock) -> None:
    good, bad = make_instrument("IBM"), make_instrument("NOPE")
    watch(good, bad)
    live.batch_size = 2
    live.answers["NOPE"] = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "Nobody knows it.", blames=bad)
    refresh()
    assert (problem_of(good), problem_of(bad)) == ("", "Nobody knows it.")
    set_clock.pass_by(seconds=5)
    refresh()
    assert live.asked == ["IBM", "NOPE", "IBM"]
    assert load_live([good.id])[0].quote is not None


def test_a_stock_whose_only_provider_rests_says_why(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    ours, swiss = make_instrument("IBM"), make_instrument("NESN", "XSWX")
    watch(ours, swiss)
    two[0].uncovered, two[1].uncovered = set(), {"XSWX"}
    two[0].answers["IBM"] = ProviderError(ErrorKind.BAD_KEY, "The First does not accept the key.")
    refresh()
    set_clock.pass_by(seconds=5)
    refresh()
    assert problem_of(swiss).startswith("The First does not accept the key.")


def test_the_next_provider_goes_on_soon_after_one_went_down(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    stocks = [make_instrument(f"S{number}") for number in range(5)]
    watch(*stocks)
    for stock in stocks:
        two[0].answers[stock.symbol] = ProviderError(ErrorKind.UNREACHABLE, "The First could not be reached.")
    refresh()
    assert len(two[0].asked) == 5
    set_clock.pass_by(seconds=1)
    refresh()
    assert len(two[0].asked) == 5
    assert len(two[1].asked) == 5


def test_a_day_whose_calls_are_spent_asks_for_nothing_and_says_nothing(
        app: Flask, sessions: SessionBook, live: Vendor, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    live.limits = Limits(per_day=1)
    refresh()
    assert live.asked == ["IBM"]
    for _ in range(3):
        set_clock.pass_by(minutes=30)
        refresh()
    assert live.asked == ["IBM"]
