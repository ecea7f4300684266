"""Asking the providers for what is not here: who may, how often, and what the page shows meanwhile."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.job import Job

from tests.conftest import RedisServer
from tests.factories import add_stock
from tests.webapp.watchlists.conftest import HTMX, Browser
from webapp import clock
from webapp import redis as redis_clients
from webapp.extensions import db
from webapp.models import InstrumentRow, SymbolSearch
from webapp.records import Listing
from webapp.symbols import service
from webapp.symbols.queries import ANSWER_HOLDS, FAILURE_HOLDS, PATIENCE, Step, load_answer, search_key

NOW = dt.datetime(2026, 11, 20, 19, 0, tzinfo=dt.UTC)
ASK, ASKED, CHOOSE = "/stocks/search/ask", "/stocks/search/asked", "/stocks/search/choose"
SIEMENS = Listing("SIE", "XETR", "Siemens AG", "EUR", "DE")
TESCO = Listing("TSCO", "XLON", "Tesco PLC", "GBX", "GB")
FUND = Listing("FND", "XLON", "A Fund", kind="etf")


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """An installation with one provider that can be searched."""
    return {"FINNHUB_API_KEY": "only-for-tests"}


def queued(redis: Redis) -> list[Job]:
    return list(Queue("default", connection=redis).get_jobs())


def answer(text: str, *listings: Listing) -> None:
    """Let a provider have answered."""
    service.ask(text, clock.now())
    service.keep_answer(text, "finnhub", listings, clock.now())
    db.session.commit()


def age(text: str, length: dt.timedelta) -> None:
    """Let some time have passed since a question."""
    row = db.session.get_one(SymbolSearch, search_key(text))
    row.asked_at -= length
    if row.answered_at is not None:
        row.answered_at -= length
    db.session.commit()


# Who may ask


def test_somebody_with_few_results_is_offered_to_ask_a_provider(browser: Browser) -> None:
    page = browser.get("/stocks/search?q=siemens").text
    assert "Ask Finnhub" in page
    assert f'action="{ASK}"' in page
    option = browser.get("/stocks/search?q=siemens", headers=HTMX).text
    assert "Ask Finnhub" in option
    assert "<a " not in option


def test_somebody_with_enough_results_is_not(browser: Browser) -> None:
    for number in range(6):
        add_stock(f"SIE{number}")
    assert "Ask Finnhub" not in browser.get("/stocks/search?q=sie").text


@pytest.mark.parametrize("text", ["", "s", " s ", "%", "..", "\0\0", "\0s"])
def test_too_little_to_search_for_is_not_asked(browser: Browser, redis: Redis, text: str) -> None:
    assert "Ask Finnhub" not in browser.get("/stocks/search", query_string={"q": text}).text
    assert browser.post(ASK, {"q": text}).status_code == 422
    assert queued(redis) == []


def test_a_visitor_is_led_to_the_log_in_and_cannot_ask(visitor: Browser, redis: Redis) -> None:
    page = visitor.get("/stocks/search?q=siemens").text
    assert "Log in to ask Finnhub" in page
    assert "/login?next=/stocks/search?q%3Dsiemens" in page
    for path in (ASK, CHOOSE):
        answered = visitor.post(path, {"q": "siemens", "key": "XETR:SIE"})
        assert (answered.status_code, "/login" in answered.location) == (303, True)
    assert visitor.get(ASKED + "?q=siemens").status_code == 303
    assert queued(redis) == []


def test_a_visitor_sees_no_providers_answer(visitor: Browser) -> None:
    answer("siemens", SIEMENS)
    assert "Siemens AG" not in visitor.get("/stocks/search?q=siemens").text


def test_a_question_from_another_site_is_refused(browser: Browser, redis: Redis) -> None:
    assert browser.open(ASK, "POST", data={"q": "siemens"}).status_code == 400
    assert browser.open(CHOOSE, "POST", data={"q": "siemens", "key": "XETR:SIE"}).status_code == 400
    assert queued(redis) == []


def test_where_no_provider_can_be_searched_nothing_is_offered(app: Flask, browser: Browser, redis: Redis) -> None:
    app.config["SETTINGS"].FINNHUB_API_KEY = ""
    page = browser.get("/stocks/search?q=siemens").text
    assert "asked-title" in page
    asked = page.split('id="asked"')[1]
    assert "Ask " not in asked
    for words in ("no provider with a search is set up", "Finnhub, Twelve Data", "FINNHUB_API_KEY", 'href="/sources"'):
        assert words in asked
    assert browser.post(ASK, {"q": "siemens"}).status_code == 422
    assert queued(redis) == []


# Asking


@pytest.mark.both_databases
def test_a_question_queues_one_job_and_the_page_waits(browser: Browser, redis: Redis) -> None:
    answered = browser.post(ASK, {"q": "Siemens AG"})
    assert (answered.status_code, answered.location) == (303, "/stocks/search?q=Siemens+AG")
    [job] = queued(redis)
    assert (job.func_name, job.args) == ("worker.jobs.directory.search_symbols", ("Siemens AG",))
    page = browser.get("/stocks/search?q=Siemens AG").text
    assert "Asking the providers" in page
    assert f'hx-get="{ASKED}?q=Siemens+AG"' in page
    assert ">Reload</a>" in page


def test_the_fragment_waits_and_then_has_the_answer(browser: Browser) -> None:
    part = browser.post(ASK, {"q": "siemens"}, headers=HTMX).text
    assert "<html" not in part
    assert "Asking the providers" in part
    waiting = browser.get(ASKED + "?q=siemens", headers=HTMX)
    assert (waiting.status_code, waiting.text) == (204, "")
    service.keep_answer("siemens", "finnhub", [SIEMENS], clock.now())
    db.session.commit()
    part = browser.get(ASKED + "?q=siemens", headers=HTMX).text
    assert "<html" not in part
    assert "hx-get" not in part
    for fact in ("Finnhub found 1", "Siemens AG", "Xetra", "DE · EUR · stock", "Choose SIE on Xetra"):
        assert fact in part


def test_the_fragments_address_leads_a_plain_browser_to_the_page(browser: Browser) -> None:
    answered = browser.get(ASKED + "?q=siemens")
    assert (answered.status_code, answered.location) == (303, "/stocks/search?q=siemens")


@pytest.mark.parametrize("again", ["siemens", "SIEMENS", "  Siemens "])
def test_the_same_text_is_asked_once(browser: Browser, stranger: Browser, redis: Redis, again: str) -> None:
    browser.post(ASK, {"q": "siemens"})
    stranger.post(ASK, {"q": again})
    assert len(queued(redis)) == 1
    service.keep_answer("siemens", "finnhub", [], clock.now())
    db.session.commit()
    stranger.post(ASK, {"q": again})
    assert len(queued(redis)) == 1
    assert "knows nothing by that name" in browser.get("/stocks/search?q=siemens").text


def test_a_dot_makes_another_question(browser: Browser, redis: Redis) -> None:
    browser.post(ASK, {"q": "brk.b"})
    browser.post(ASK, {"q": "brkb"})
    assert len(queued(redis)) == 2


@pytest.mark.both_databases
def test_of_two_who_ask_again_at_once_one_is_told_to_queue_it(app: Flask) -> None:
    assert service.ask("siemens", NOW)
    db.session.commit()
    assert not service.ask("siemens", NOW + PATIENCE / 2)
    assert service.ask("siemens", NOW + PATIENCE)
    db.session.commit()
    assert not service.ask("siemens", NOW + PATIENCE)


@pytest.mark.both_databases
@pytest.mark.parametrize(("problem", "holds"), [("", ANSWER_HOLDS), ("Throttled.", FAILURE_HOLDS)])
def test_an_answer_holds_for_a_week_and_a_failure_for_minutes(app: Flask, problem: str, holds: dt.timedelta) -> None:
    service.ask("siemens", NOW)
    if problem:
        service.keep_problem("siemens", problem, NOW)
    else:
        service.keep_answer("siemens", "finnhub", [SIEMENS], NOW)
    db.session.commit()
    before = load_answer("siemens", NOW + holds - dt.timedelta(seconds=1))
    assert before is not None
    assert before.step is (Step.FAILED if problem else Step.ANSWERED)
    assert not service.ask("siemens", NOW + holds - dt.timedelta(seconds=1))
    assert load_answer("siemens", NOW + holds) is None
    assert service.ask("siemens", NOW + holds)


def test_a_failure_is_said_in_its_words(browser: Browser) -> None:
    service.ask("siemens", clock.now())
    service.keep_problem("siemens", "Finnhub: searches have used their share of the day.", clock.now())
    db.session.commit()
    page = browser.get("/stocks/search?q=siemens").text
    assert "Finnhub: searches have used their share of the day." in page
    assert "Ask Finnhub" not in page.split("<main")[1]


def test_a_question_that_nobody_answered_can_be_asked_again(browser: Browser, redis: Redis) -> None:
    browser.post(ASK, {"q": "siemens"})
    age("siemens", PATIENCE)
    part = browser.get(ASKED + "?q=siemens", headers=HTMX).text
    assert "No answer came" in part
    assert "Ask again" in part
    browser.post(ASK, {"q": "siemens"})
    assert len(queued(redis)) == 2


def test_one_account_cannot_ask_without_end(browser: Browser, stranger: Browser, redis: Redis) -> None:
    statuses = [browser.post(ASK, {"q": f"text {number}"}).status_code for number in range(21)]
    assert statuses == [303] * 20 + [429]
    assert stranger.post(ASK, {"q": "something else"}).status_code == 303
    assert len(queued(redis)) == 21


class TestLogInsAreNotThrottled:
    """LOGIN_THROTTLE=no."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"FINNHUB_API_KEY": "only-for-tests", "LOGIN_THROTTLE": False}

    def test_questions_are_limited_all_the_same(self, browser: Browser, redis: Redis) -> None:
        statuses = [browser.post(ASK, {"q": f"company {number}"}).status_code for number in range(21)]
        assert statuses == [303] * 20 + [429]
        assert len(queued(redis)) == 20


def test_without_redis_the_question_is_taken_back(
        app: Flask, browser: Browser, own_redis_server: RedisServer) -> None:
    browser.get("/")
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
    own_redis_server.stop()
    answered = browser.post(ASK, {"q": "siemens"})
    assert answered.status_code == 503
    assert "cannot be reached" in answered.text
    assert db.session.query(SymbolSearch).count() == 0


# Choosing


@pytest.mark.both_databases
def test_choosing_makes_the_instrument_and_leads_to_its_page(browser: Browser) -> None:
    answer("tesco", TESCO, SIEMENS)
    answered = browser.post(CHOOSE, {"q": "tesco", "key": "XLON:TSCO"})
    assert (answered.status_code, answered.location) == (303, "/stocks/XLON/TSCO")
    row = db.session.query(InstrumentRow).one()
    assert (row.symbol, row.mic, row.name, row.currency, row.unit) == ("TSCO", "XLON", "Tesco PLC", "GBP", "GBX")
    assert (row.decimals, row.country, row.kind, row.starter, row.status) == (4, "GB", "stock", False, "listed")
    page = browser.get(answered.location).text
    assert "TSCO is in the directory now" in page
    assert "GBP" in page


@pytest.mark.both_databases
def test_choosing_what_is_here_already_changes_nothing(browser: Browser) -> None:
    stock = add_stock("SIE", "XETR", name="Ours", currency="EUR")
    answer("siemens", SIEMENS)
    page = browser.get("/stocks/search?q=siemens").text
    assert 'href="/stocks/XETR/SIE"' in page
    assert "Choose SIE" not in page
    assert browser.post(CHOOSE, {"q": "siemens", "key": "XETR:SIE"}).location == "/stocks/XETR/SIE"
    row = db.session.query(InstrumentRow).one()
    assert (row.id, row.name) == (stock.id, "Ours")


@pytest.mark.parametrize(("text", "key", "status"), [
    ("siemens", "XETR:NOPE", 404), ("other", "XETR:SIE", 404), ("", "XETR:SIE", 404), ("siemens", "", 404),
    ("siemens", "SIE", 404), ("sie\0mens", "XETR:SI\0E", 404), ("x" * 9999, "y" * 9999, 404),
    ("siemens", "XLON:FND", 422)])
def test_only_what_was_found_can_be_chosen(browser: Browser, text: str, key: str, status: int) -> None:
    answer("siemens", SIEMENS, FUND)
    assert browser.post(CHOOSE, {"q": text, "key": key}).status_code == status
    assert db.session.query(InstrumentRow).count() == 0


def test_a_result_says_what_the_vendor_did_not(browser: Browser) -> None:
    answer("siemens", Listing("SIE", "XETR", "Siemens <AG>"), FUND,
           Listing("OLD", "XNAS", "Old", "USD", delisted_on=dt.date(2026, 11, 3)))
    page = browser.get("/stocks/search?q=siemens").text
    assert "EUR (assumed)" in page
    assert "currency not known" in page
    assert "Choose FND" not in page
    assert "Delisted since 3 Nov 2026" in page
    assert "Siemens &lt;AG&gt;" in page


def test_a_listing_that_came_twice_is_kept_once(app: Flask) -> None:
    answer("siemens", SIEMENS, TESCO, SIEMENS)
    found = load_answer("siemens", clock.now())
    assert found is not None
    assert [hit.listing.key for hit in found.hits] == ["XETR:SIE", "XLON:TSCO"]
