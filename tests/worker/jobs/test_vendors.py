"""A test of a provider: one counted call, whose outcome an admin reads and that becomes no price."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import NOW, Clock, Vendor, make_instrument, make_quote
from tests.worker.providers.conftest import KEY
from tests.worker.providers.conftest import Vendor as Server
from webapp import providers_control
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import ProviderCall, ProviderState, QuoteRow, Tick
from webapp.providers_control import Trial
from webapp.records import Instrument
from webapp.vendors import Limits
from worker import quota
from worker.jobs.vendors import try_call
from worker.providers.base import ErrorKind, ProviderError

AT = NOW.isoformat()


@pytest.fixture
def stock(app: Flask, sessions: SessionBook) -> Instrument:
    return make_instrument("IBM")


@pytest.fixture
def tried(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, set_clock: Clock) -> Vendor:
    """The provider that is tried."""
    vendor.limits = Limits(per_day=3)
    monkeypatch.setattr("worker.jobs.vendors.active_providers", lambda settings: [vendor])
    return vendor


def outcome(redis: Redis, name: str = "vendor") -> Trial:
    return providers_control.last_tests(redis, (name,))[name]


def calls() -> list[tuple[str, str]]:
    return [(call.subject, call.outcome) for call in db.session.query(ProviderCall).order_by(ProviderCall.id)]


def test_a_test_says_the_price_and_how_long_it_took_and_stores_none(
        stock: Instrument, tried: Vendor, redis: Redis) -> None:
    assert try_call("vendor", stock.id, AT) == "answered"
    trial = outcome(redis)
    assert (trial.stock, trial.state, trial.price, trial.unit, trial.made_at) == (
        "XNYS:IBM", "answered", "10.00", "USD", NOW)
    assert trial.ms is not None
    assert (trial.asked_at, trial.words) == (NOW, "")
    assert calls() == [("test XNYS:IBM", "ok")]
    assert db.session.query(QuoteRow).count() == db.session.query(Tick).count() == 0


def test_a_price_of_a_day_says_the_day_only(stock: Instrument, tried: Vendor, redis: Redis) -> None:
    tried.answers["IBM"] = lambda instrument, now: make_quote(instrument, as_of=now, as_of_is_day=True)
    try_call("vendor", stock.id, AT)
    assert (outcome(redis).made_at, outcome(redis).as_of) == (None, "2026-03-11")


def test_a_failure_is_said_and_only_a_limit_or_a_bad_key_makes_it_rest(
        stock: Instrument, tried: Vendor, redis: Redis) -> None:
    tried.answers["IBM"] = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "The Vendor does not know it.")
    assert try_call("vendor", stock.id, AT) == "failed"
    assert outcome(redis).words == "The Vendor does not know it."
    assert db.session.get_one(ProviderState, "vendor").last_error == ""
    tried.answers["IBM"] = ProviderError(ErrorKind.BAD_KEY, "The Vendor does not accept the key.")
    try_call("vendor", stock.id, AT)
    db.session.expire_all()
    assert db.session.get_one(ProviderState, "vendor").paused_until is not None
    assert try_call("vendor", stock.id, AT) == "refused"
    assert outcome(redis).words.startswith("The Vendor does not accept the key. The next try is at")


def test_it_counts_and_is_refused_where_the_quota_is_used(stock: Instrument, tried: Vendor, redis: Redis) -> None:
    assert [try_call("vendor", stock.id, AT) for _ in range(4)] == ["answered"] * 3 + ["refused"]
    assert "today's 3 requests are used" in outcome(redis).words
    assert (len(tried.asked), len(calls())) == (3, 3)


def test_a_paused_provider_and_a_foreign_exchange_are_not_asked(
        stock: Instrument, tried: Vendor, redis: Redis) -> None:
    tried.uncovered = {"XNYS"}
    assert try_call("vendor", stock.id, AT) == "refused"
    assert outcome(redis).words == "The Vendor has no prices from this exchange."
    tried.uncovered, tried.limits = set(), Limits()
    providers_control.stop("vendor", SHELL_ACTOR)
    db.session.commit()
    assert try_call("vendor", stock.id, AT) == "refused"
    assert outcome(redis).words == "The Vendor is paused by an admin."
    assert (tried.asked, calls()) == ([], [])


def test_a_fault_of_the_program_is_settled_said_and_passed_on(
        stock: Instrument, tried: Vendor, redis: Redis) -> None:
    def fail() -> None:
        raise ZeroDivisionError("api key SECRET")

    tried.on_call = fail
    with pytest.raises(ZeroDivisionError):
        try_call("vendor", stock.id, AT)
    assert (outcome(redis).state, "SECRET" in outcome(redis).words) == ("failed", False)
    assert [said.partition(":")[0] for _subject, said in calls()] == ["broken answer"]


def test_the_stocks_turn_is_not_lost_by_a_test(stock: Instrument, tried: Vendor) -> None:
    try_call("vendor", stock.id, AT)
    assert quota.failures_since(tried, NOW - quota.DAY) == []
    assert [subject for subject, _at, _outcome in quota.calls_since(tried, NOW - quota.DAY)] == ["test XNYS:IBM"]


def test_another_test_may_begin_when_one_has_ended_and_none_before(
        app: Flask, stock: Instrument, tried: Vendor, redis: Redis) -> None:
    asked_at = providers_control.begin_test(redis, "vendor", stock.key)
    assert (asked_at, providers_control.begin_test(redis, "vendor", stock.key)) == (AT, "")
    assert (outcome(redis).is_open(NOW), outcome(redis).is_lost(NOW)) == (True, False)
    assert outcome(redis).is_lost(NOW + quota.MINUTE)
    try_call("vendor", stock.id, asked_at)
    assert not outcome(redis).is_open(NOW)
    assert providers_control.begin_test(redis, "vendor", stock.key)


def test_a_vendor_and_a_stock_that_are_gone_end_the_job(app: Flask, tried: Vendor, stock: Instrument) -> None:
    assert try_call("gone", stock.id, AT) == try_call("vendor", 99, AT) == "no such provider or stock"


@pytest.fixture
def server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Finnhub on loopback, the only provider with a key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    settings = app.config["SETTINGS"]
    settings.FINNHUB_API_KEY, settings.FINNHUB_URL = KEY, made.url
    yield made
    made.stop()


def test_over_the_network_no_key_is_in_what_is_said(stock: Instrument, server: Server, redis: Redis) -> None:
    server.say({"error": f"Invalid API key {KEY}"}, 401)
    assert try_call("finnhub", stock.id, AT) == "failed"
    trial = outcome(redis, "finnhub")
    assert (len(server.calls), trial.words) == (1, "Finnhub does not accept the API key. Check FINNHUB_API_KEY.")
    assert not any(KEY.encode() in (redis.get(key) or b"") for key in redis.keys("stagewatch:*"))
