"""The admin's page of providers: how they are, pause and resume, and a test of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.conftest import RedisServer
from tests.factories import add_stock
from tests.webapp.admin.conftest import Browser, actions, log
from webapp import clock, providers_control, queue
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.models import ProviderCall, ProviderState, StreamState, User, Watchlist, WatchlistItem
from webapp.providers_control import Trial, TrialState
from webapp.redis import RedisAway

PAGE = "/admin/providers"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def keys(app: Flask) -> None:
    """Finnhub and Alpha Vantage have keys."""
    settings = app.config["SETTINGS"]
    settings.FINNHUB_API_KEY = settings.ALPHA_VANTAGE_API_KEY = "KEYKEYKEY"


def state_of(name: str) -> ProviderState | None:
    db.session.rollback()
    return db.session.get(ProviderState, name, populate_existing=True)


def keep(redis: Redis, state: TrialState = TrialState.ANSWERED, **fields: Any) -> None:
    given: dict[str, Any] = {"at": clock.now().isoformat()} | fields
    providers_control.keep_test(redis, "finnhub", Trial("XNAS:AAPL", state.value, **given))


def jobs(redis: Redis) -> list[tuple[str | None, tuple[Any, ...]]]:
    return [(job.func_name, tuple(job.args)) for job in Queue("default", connection=redis).jobs]


@pytest.mark.usefixtures("keys")
def test_each_provider_with_a_key_is_shown_with_its_quota(browser: Browser) -> None:
    now = clock.now()
    db.session.add_all(ProviderCall(provider="alpha-vantage", started_at=now - HOUR, outcome="ok") for _ in range(7))
    db.session.add(ProviderState(provider="finnhub", last_success_at=now - HOUR, last_error="It was away.",
                                 last_error_at=now - 2 * HOUR))
    db.session.add(StreamState(provider="finnhub", status="connected", since=now - HOUR, symbols=3))
    db.session.commit()
    page = browser.get(PAGE)
    assert page.status_code == 200
    for words in ("Finnhub</h2>", "Alpha Vantage</h2>", "It was away.", "connected with 3 stocks", "25 in 24 h",
                  "Calls go through", 'aria-current="page">Providers'):
        assert words in page.text
    assert '<td class="num">7</td><td class="num">18</td>' in page.text
    assert "Simulator" not in page.text
    assert "KEYKEYKEY" not in page.text


def test_without_a_key_the_simulator_is_shown(browser: Browser) -> None:
    page = browser.get(PAGE).text
    assert "Simulator</h2>" in page
    assert "Finnhub</h2>" not in page


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/finnhub/pause", f"{PAGE}/finnhub/test"])
@pytest.mark.usefixtures("keys")
def test_only_admins_see_them(visitor: Browser, stranger: Browser, path: str) -> None:
    assert visitor.get(path).headers["Location"].startswith("/login")
    assert stranger.get(path).status_code == 404


@pytest.mark.parametrize("what", ["pause", "resume", "test"])
@pytest.mark.usefixtures("keys")
def test_nobody_else_changes_them(visitor: Browser, stranger: Browser, what: str) -> None:
    assert stranger.post(f"{PAGE}/finnhub/{what}").status_code == 404
    assert visitor.post(f"{PAGE}/finnhub/{what}").status_code == 303
    assert state_of("finnhub") is None


@pytest.mark.usefixtures("keys")
def test_a_pause_is_asked_for_done_written_down_and_shown(browser: Browser, admin: User) -> None:
    asked = browser.get(f"{PAGE}/finnhub/pause")
    assert "Pause Finnhub?" in asked.text
    assert state_of("finnhub") is None
    done = browser.post(f"{PAGE}/finnhub/pause")
    assert (done.status_code, done.headers["Location"]) == (303, f"{PAGE}#provider-finnhub")
    state = state_of("finnhub")
    assert state is not None
    assert state.stopped_at is not None
    page = browser.get(PAGE).text
    assert "Finnhub is paused." in page
    assert "Paused by an admin since" in page
    assert f'action="{PAGE}/finnhub/resume"' in page
    [entry] = log()
    assert (entry.action, entry.subject, entry.before, entry.after, entry.user_id) == (
        "provider.pause", "finnhub", {"paused": False}, {"paused": True}, admin.id)


@pytest.mark.usefixtures("keys")
def test_a_second_pause_says_so_and_writes_nothing(browser: Browser) -> None:
    browser.post(f"{PAGE}/finnhub/pause")
    browser.post(f"{PAGE}/finnhub/pause")
    assert "Finnhub is paused already." in browser.get(PAGE).text
    assert actions() == ["provider.pause"]


@pytest.mark.usefixtures("keys")
def test_everybody_reads_of_a_pause_on_the_page_of_sources(browser: Browser, visitor: Browser) -> None:
    browser.post(f"{PAGE}/finnhub/pause")
    page = visitor.get("/sources").text
    assert ">Paused</span>" in page
    assert "Paused by an admin since" in page
    assert "Nothing is planned while it is paused." in page


def test_a_paused_simulator_says_so_too(browser: Browser) -> None:
    browser.post(f"{PAGE}/simulator/pause")
    assert ">Paused</span>" in browser.get("/sources").text
    browser.post(f"{PAGE}/simulator/resume")
    assert ">Paused</span>" not in browser.get("/sources").text


@pytest.mark.usefixtures("keys")
def test_to_resume_ends_the_pause_and_any_rest(browser: Browser) -> None:
    until = clock.now() + HOUR
    db.session.add(ProviderState(provider="finnhub", stopped_at=clock.now() - HOUR, paused_until=until))
    db.session.commit()
    assert browser.post(f"{PAGE}/finnhub/resume").status_code == 303
    state = state_of("finnhub")
    assert state is not None
    assert (state.stopped_at, state.paused_until) == (None, None)
    [entry] = log()
    assert (entry.action, entry.before) == ("provider.resume", {"paused": True, "resting_until": until.isoformat()})


@pytest.mark.usefixtures("keys")
def test_one_that_rests_after_an_error_may_try_again_now(browser: Browser) -> None:
    assert "Try again now" not in browser.get(PAGE).text
    db.session.add(ProviderState(provider="finnhub", paused_until=clock.now() + HOUR))
    db.session.commit()
    assert "Try again now" in browser.get(PAGE).text
    browser.post(f"{PAGE}/finnhub/resume")
    assert "Finnhub may make calls again." in browser.get(PAGE).text
    browser.post(f"{PAGE}/finnhub/resume")
    assert "Nothing holds Finnhub back." in browser.get(PAGE).text
    assert actions() == ["provider.resume"]


@pytest.mark.parametrize("name", ["tiingo", "simulator", "nothing", "csv"])
@pytest.mark.usefixtures("keys")
def test_what_is_not_in_use_is_not_there(browser: Browser, name: str) -> None:
    assert browser.get(f"{PAGE}/{name}/pause").status_code == 404
    for what in ("pause", "resume", "test"):
        assert browser.post(f"{PAGE}/{name}/{what}", {"symbol": "AAPL"}).status_code == 404
    assert not actions()


@pytest.mark.usefixtures("keys")
def test_no_change_comes_by_a_link_or_without_the_forms_token(browser: Browser) -> None:
    assert browser.get(f"{PAGE}/finnhub/resume").status_code == 405
    for what in ("pause", "resume", "test"):
        assert browser.open(f"{PAGE}/finnhub/{what}", "POST", data={"symbol": "AAPL"}).status_code == 400
    assert state_of("finnhub") is None


@pytest.mark.usefixtures("keys")
def test_a_test_is_asked_of_a_worker_and_written_down(browser: Browser, redis: Redis) -> None:
    stock = add_stock("AAPL")
    assert 'value="XNAS:AAPL"' in browser.get(PAGE).text
    assert browser.post(f"{PAGE}/finnhub/test", {"symbol": "XNAS:AAPL"}).status_code == 303
    [(function, (name, number, asked_at))] = jobs(redis)
    assert (function, name, number) == ("worker.jobs.vendors.try_call", "finnhub", stock.id)
    assert providers_control.last_tests(redis, ("finnhub",))["finnhub"].at == asked_at
    page = browser.get(PAGE).text
    assert "Under way" in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    [entry] = log()
    assert (entry.action, entry.subject, entry.after) == ("provider.test", "finnhub", {"stock": "XNAS:AAPL"})
    # A second one waits until the first has ended.
    browser.post(f"{PAGE}/finnhub/test", {"symbol": "XNAS:AAPL"})
    assert "under way already" in browser.get(PAGE).text
    assert (len(jobs(redis)), actions()) == (1, ["provider.test"])


@pytest.mark.usefixtures("keys")
def test_the_part_with_the_outcome_is_asked_for_until_it_is_there(browser: Browser, redis: Redis) -> None:
    htmx = {"HX-Request": "true"}
    keep(redis, TrialState.ASKED)
    part = browser.get(f"{PAGE}/finnhub/test", headers=htmx).text
    assert "<html" not in part
    assert f'hx-get="{PAGE}/finnhub/test" hx-trigger="every 1s"' in part
    keep(redis, price="189.5000", unit="USD", as_of="2026-03-11T15:00:00+00:00", ms=42)
    part = browser.get(f"{PAGE}/finnhub/test", headers=htmx).text
    assert "hx-get" not in part
    assert "<b>189.5000</b> USD, made" in part
    assert "in 42 ms" in part
    assert browser.get(f"{PAGE}/finnhub/test").headers["Location"] == f"{PAGE}#provider-finnhub"


@pytest.mark.parametrize(("state", "fields", "words"), [
    (TrialState.REFUSED, {"words": "Finnhub: today's 3 requests are used."}, "today&#39;s 3 requests are used."),
    (TrialState.FAILED, {"words": "Finnhub <b> did not answer.", "ms": 10_000}, "Finnhub &lt;b&gt; did not answer."),
    (TrialState.ASKED, {"at": "2020-01-01T00:00:00+00:00"}, "no worker took it up"),
    (TrialState.ANSWERED, {"price": "1", "as_of": "2026-03-11", "ms": 3}, "made on 2026-03-11"),
])
@pytest.mark.usefixtures("keys")
def test_whatever_came_of_it_is_said_in_words(
        browser: Browser, redis: Redis, state: TrialState, fields: dict[str, Any], words: str) -> None:
    keep(redis, state, **fields)
    page = browser.get(PAGE).text
    assert words in page
    assert "noscript" not in page


@pytest.mark.parametrize(("symbol", "sentence"), [
    ("", "With which stock?"), ("NOPE", "No stock here is called so."), ("SHEL", "Which one: XLON:SHEL, XNYS:SHEL?"),
    ("A\0B", "No stock here is called so.")])
@pytest.mark.usefixtures("keys")
def test_a_stock_that_cannot_be_is_said_at_its_field(
        browser: Browser, redis: Redis, symbol: str, sentence: str) -> None:
    add_stock("SHEL", "XNYS")
    add_stock("SHEL", "XLON")
    answer = browser.post(f"{PAGE}/finnhub/test", {"symbol": symbol})
    assert answer.status_code == 422
    assert f'id="symbol-finnhub-error">{sentence}</p>' in answer.text
    assert "symbol-alpha-vantage-error" not in answer.text
    assert (jobs(redis), actions()) == ([], [])


def test_the_usual_stock_is_apple_or_what_most_lists_have(app: Flask, person: User) -> None:
    assert providers_control.usual_stock() == ""
    add_stock("ZZZ", starter=True)
    listed = add_stock("IBM", "XNYS")
    db.session.add(Watchlist(name="Mine", user_id=person.id, items=[WatchlistItem(instrument_id=listed.id)]))
    db.session.commit()
    assert providers_control.usual_stock() == "XNYS:IBM"
    add_stock("AAPL")
    assert providers_control.usual_stock() == "XNAS:AAPL"


@pytest.mark.usefixtures("keys")
def test_while_redis_is_away_the_page_is_there_and_says_so(
        app: Flask, browser: Browser, own_redis_server: RedisServer) -> None:
    add_stock("AAPL")
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url, timeout=0.2, retries=0)
    own_redis_server.stop()
    page = browser.get(PAGE)
    assert (page.status_code, "Redis is away: nothing can be tested now" in page.text) == (200, True)
    assert browser.post(f"{PAGE}/finnhub/test", {"symbol": "AAPL"}).status_code == 503
    assert browser.get(f"{PAGE}/finnhub/test", headers={"HX-Request": "true"}).status_code == 503
    # A pause needs the database only.
    assert browser.post(f"{PAGE}/finnhub/pause").status_code == 303
    assert actions() == ["provider.pause"]


@pytest.mark.usefixtures("keys")
def test_a_test_that_cannot_be_queued_is_not_written_down(
        browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    add_stock("AAPL")

    def away(*_args: object) -> None:
        raise RedisAway[0]

    monkeypatch.setattr(queue, "try_provider", away)
    assert browser.post(f"{PAGE}/finnhub/test", {"symbol": "AAPL"}).status_code == 503
    assert not actions()


@pytest.mark.usefixtures("keys")
def test_the_page_asks_the_database_as_often_for_many_calls_as_for_none(
        browser: Browser, count_statements: Callable[[str], int]) -> None:
    browser.get(PAGE)
    few = count_statements(PAGE)
    db.session.add_all(ProviderCall(provider="finnhub", started_at=clock.now(), outcome="ok") for _ in range(10))
    db.session.commit()
    assert count_statements(PAGE) == few
    assert few < 25


@pytest.fixture
def count_statements(browser: Browser) -> Callable[[str], int]:
    """Return how many statements a page takes."""
    from sqlalchemy import event

    def count(path: str) -> int:
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert browser.get(path).status_code == 200
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    return count
