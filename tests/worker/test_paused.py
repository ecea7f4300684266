"""A provider that an admin has paused makes no call of any kind, until it is resumed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, Vendor, make_instrument, refresh, watch
from tests.worker.providers.conftest import KEY
from tests.worker.providers.conftest import Vendor as Server
from webapp import clock, providers_control
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import AuditEntry, HeldQuote, ProviderCall, ProviderState, RefreshPlan
from webapp.quotes import load_live
from webapp.records import Instrument
from webapp.symbols import service as symbols
from webapp.vendors import Limits
from worker import quota
from worker.history.calls import SHARE_OF_DAYS, claim_within
from worker.jobs import bars, companies, directory, minutes, quotes, trust, vendors
from worker.outlook import PAUSED
from worker.providers.base import ErrorKind, ProviderError

LIVE = Limits(per_minute=60)


def stop(name: str) -> bool:
    """Pause a provider, as the admin's page does."""
    done = providers_control.stop(name, SHELL_ACTOR)
    db.session.commit()
    return done


def stop_it() -> None:
    """Pause the provider of the tests."""
    stop("vendor")


def resume(name: str) -> bool:
    """Let a provider go on, as the admin's page does."""
    done = providers_control.resume(name, SHELL_ACTOR)
    db.session.commit()
    return done


def state_of(name: str) -> ProviderState:
    db.session.rollback()
    return db.session.get_one(ProviderState, name, populate_existing=True)


@pytest.fixture
def server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Twelve Data on loopback, which does nearly all that a provider can do; it is the only one with a key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    made.say({"status": "error", "code": 404, "message": "nothing"}, 404)
    settings = app.config["SETTINGS"]
    settings.TWELVE_DATA_API_KEY, settings.TWELVE_DATA_URL = KEY, made.url
    yield made
    made.stop()


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> tuple[Vendor, Vendor]:
    """Two providers in order."""
    first = Vendor(limits=LIVE, name="first", title="The First")
    second = Vendor(limits=LIVE, name="second", title="The Second", uncovered={"XSWX"})
    monkeypatch.setattr("worker.jobs.quotes.active_providers", lambda settings: [first, second])
    return first, second


def ask_for_everything(stock: Instrument, stopped: Clock, text: str) -> None:
    """Run every job that calls providers, a while after each other."""
    symbols.ask(text, clock.now())
    db.session.commit()
    every: list[Callable[[], str]] = [
        lambda: quotes.refresh_quotes("twelve-data"), bars.fetch_bars, lambda: minutes.fetch_minutes(stock.id),
        lambda: directory.search_symbols(text), directory.sync_listing, companies.fetch_sectors, trust.check_splits,
        lambda: vendors.try_call("twelve-data", stock.id, stopped.moment.isoformat())]
    for job in every:
        job()
        stopped.pass_by(seconds=70)


def test_no_job_calls_a_paused_provider_and_each_does_once_it_is_resumed(
        app: Flask, sessions: SessionBook, server: Server, set_clock: Clock) -> None:
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    db.session.add(HeldQuote(instrument_id=stock.id, source="csv", price=Decimal(50), against=Decimal(200), quote={},
                             ratio=Decimal(4), reason="", as_of=NOW, first_at=NOW, last_at=NOW))
    db.session.commit()
    assert stop("twelve-data")
    ask_for_everything(stock, set_clock, "apple")
    assert (server.calls, db.session.query(ProviderCall).count()) == ([], 0)
    assert load_live([stock.id])[0].problem == "Twelve Data is paused by an admin."
    assert resume("twelve-data")
    ask_for_everything(stock, set_clock, "apple pie")
    assert {"/quote", "/time_series", "/profile", "/symbol_search", "/splits"} <= set(server.paths)


@pytest.mark.both_databases
def test_nothing_can_be_claimed_while_it_is_paused(app: Flask) -> None:
    vendor = Vendor(limits=LIVE)
    assert isinstance(quota.claim(vendor, "X"), int)
    assert (stop("vendor"), stop("vendor")) == (True, False)
    for refusal in (quota.claim(vendor, "X"), quota.refusal_now(vendor), quota.permit(vendor, "X")):
        assert isinstance(refusal, quota.Refusal)
        assert (refusal.reason, refusal.stopped) == ("The Vendor is paused by an admin.", True)
    assert (resume("vendor"), resume("vendor")) == (True, False)
    assert isinstance(quota.claim(vendor, "X"), int)
    assert [entry.action for entry in db.session.query(AuditEntry)] == ["provider.pause", "provider.resume"]


@pytest.mark.parametrize("limits", [LIVE, Limits()])
def test_a_success_of_a_call_under_way_does_not_undo_the_pause(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock, limits: Limits) -> None:
    first, other = make_instrument("IBM"), make_instrument("MMM")
    watch(first, other)
    vendor.limits, vendor.on_call = limits, stop_it
    refresh()
    assert len(vendor.asked) == 1
    assert state_of("vendor").stopped_at == set_clock.moment
    set_clock.pass_by(minutes=10)
    refresh()
    assert len(vendor.asked) == 1
    [unasked] = {"IBM", "MMM"} - set(vendor.asked)
    problems = {live.instrument.symbol: live.problem for live in load_live([first.id, other.id])}
    assert problems[unasked] == "The Vendor is paused by an admin."


def test_an_error_of_a_call_under_way_does_not_undo_the_pause_either(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    watch(make_instrument("IBM"))
    vendor.limits, vendor.on_call = LIVE, stop_it
    vendor.answers["IBM"] = ProviderError(ErrorKind.THROTTLED_HOUR, "Too many calls.")
    refresh()
    state = state_of("vendor")
    assert state.stopped_at is not None
    assert state.paused_until is not None
    refusal = quota.refusal_now(vendor)
    assert refusal is not None
    assert refusal.stopped
    # To resume is to try again at once.
    assert resume("vendor")
    assert quota.refusal_now(vendor) is None


def test_another_provider_takes_over_and_what_none_has_says_why(
        app: Flask, sessions: SessionBook, two: tuple[Vendor, Vendor], set_clock: Clock) -> None:
    ours, swiss = make_instrument("IBM"), make_instrument("NESN", "XSWX")
    watch(ours, swiss)
    refresh()
    assert sorted(two[0].asked) == ["IBM", "NESN"]
    stop("first")
    set_clock.pass_by(minutes=5)
    refresh()
    assert (len(two[0].asked), two[1].asked) == (2, ["IBM"])
    problems = {live.instrument.symbol: live.problem for live in load_live([ours.id, swiss.id])}
    assert problems == {"IBM": "", "NESN": "The First is paused by an admin."}
    plans = {plan.instrument_id: plan for plan in db.session.query(RefreshPlan)}
    assert (plans[ours.id].provider, plans[swiss.id].provider) == ("second", "first")
    assert (plans[swiss.id].reason, plans[swiss.id].next_at, plans[swiss.id].interval_s) == (PAUSED, None, None)


def test_the_last_provider_says_of_its_stocks_that_nothing_is_planned(
        app: Flask, sessions: SessionBook, vendor: Vendor, set_clock: Clock) -> None:
    stock = make_instrument("IBM")
    watch(stock)
    vendor.limits = LIVE
    stop("vendor")
    refresh()
    plan = db.session.get_one(RefreshPlan, stock.id)
    assert (plan.reason, plan.next_at, plan.interval_s) == (PAUSED, None, None)


def test_past_days_of_a_provider_without_limits_are_refused_too(app: Flask) -> None:
    vendor = Vendor()
    assert claim_within(SHARE_OF_DAYS, vendor, "history days XNYS:IBM") is None
    stop("vendor")
    assert isinstance(claim_within(SHARE_OF_DAYS, vendor, "history days XNYS:IBM"), quota.Refusal)


def test_a_paused_simulator_makes_up_neither_prices_nor_a_past(
        app: Flask, sessions: SessionBook, set_clock: Clock) -> None:
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    stop("simulator")
    refresh()
    assert load_live([stock.id])[0].quote is None
    assert bars.fetch_bars() == "Simulator is paused by an admin."
    resume("simulator")
    refresh()
    assert load_live([stock.id])[0].quote is not None


def test_a_restart_clears_rests_but_no_pause(app: Flask, set_clock: Clock) -> None:
    from worker.prepare import prepare_database

    stop("vendor")
    state_of("vendor").paused_until = set_clock.moment + dt.timedelta(hours=1)
    db.session.commit()
    list(prepare_database())
    assert (state_of("vendor").paused_until, state_of("vendor").stopped_at) == (None, set_clock.moment)
