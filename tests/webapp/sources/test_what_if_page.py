"""The what-if: a form that works by its address alone, and the part of the page that htmx asks for."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event

from tests.factories import add_stock
from tests.webapp.sources.givens import Reader, add_calls, add_plan, add_session, text_of
from webapp.extensions import db
from webapp.live import bus
from webapp.sources.usage import HOUR

HTMX = {"HX-Request": "true"}


def ask(client: FlaskClient, **question: object) -> str:
    """Return the intervals that are answered."""
    answer = client.get("/sources", query_string=question, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return answer.text


def cells(page: str, kind: str) -> list[str]:
    """Return the four cells of a kind of stock."""
    row = re.search(rf'<tr><th scope="row">{kind}</th>(.*?)</tr>', page, re.S)
    assert row, kind
    return [text_of(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.S)]


class TestSimulated:
    """No vendor has a key."""

    def test_as_it_is_prices_are_made_up_and_the_free_plans_can_be_tried(self, client: FlaskClient) -> None:
        page = client.get("/sources").text
        assert cells(page, "On a list") == ["every 2 s Simulator"] * 4
        assert page.count('<input type="checkbox" name="vendors"') == 9
        assert "checked>" not in page[page.index('id="what-if"'):]

    def test_a_vendor_that_is_ticked_answers_with_its_free_plan(self, client: FlaskClient, noon: object) -> None:
        add_session()
        page = ask(client, stocks=100, on_screen=10, vendors="twelve-data")
        before_now, after_now, before, after = cells(page, "On a list")
        assert (before_now, before) == ("every 2 s Simulator", "every 2 s Simulator")
        # 110 parts of 720 calls in 6.5 hours, and in the 4 that are left of this session.
        assert after == "about every 60 min Twelve Data"
        assert after_now == "about every 37 min Twelve Data"
        assert cells(page, "On an open page")[3] == "about every 30 min Twelve Data"
        assert cells(page, "On the front page only")[3] == "about every 2 h Twelve Data"

    def test_while_markets_are_shut_only_a_whole_session_has_intervals(self, client: FlaskClient, noon: object) -> None:
        page = ask(client, stocks=100, on_screen=10, vendors="finnhub")
        assert cells(page, "On a list")[1] == "not while markets are shut Finnhub"
        assert cells(page, "On a list")[3].startswith("40 live over the web socket Finnhub 50 about every ")

    def test_several_are_asked_in_order_whatever_the_order_of_the_boxes(self, client: FlaskClient) -> None:
        page = text_of(ask(client, stocks=100, on_screen=10, vendors=["alpha-vantage", "tiingo", "alpaca"]))
        assert "The first provider takes all the stocks that it can: Alpaca, Tiingo, Alpha Vantage." in page
        assert "Alpaca: 30 over its web socket; 70 asked for, with 162 calls a minute of up to 100 stocks." in page
        assert "Tiingo: nothing is left for it" in page

    def test_daily_prices_say_how_many_stocks_their_calls_suffice_for(self, client: FlaskClient) -> None:
        page = ask(client, stocks=40, on_screen=0, vendors="alpha-vantage")
        assert cells(page, "On a list")[3] == "once a day, after the close Alpha Vantage"
        assert "its calls of a day suffice for 22 stocks; the others follow on the next days." in page
        assert "suffice for any number" in ask(client, stocks=40, on_screen=0, vendors="csv")

    def test_what_daily_prices_do_not_suffice_for_goes_to_the_next(self, client: FlaskClient) -> None:
        page = ask(client, stocks=300, on_screen=0, vendors=["fmp", "alpha-vantage"])
        assert cells(page, "On a list")[3] == ("225 once a day, after the close Financial Modeling Prep "
                                               "75 once a day, after the close Alpha Vantage")

    def test_no_vendor_at_all_is_the_simulator(self, client: FlaskClient) -> None:
        assert cells(ask(client, stocks=7, on_screen=0), "On a list")[3] == "every 2 s Simulator"


class TestWithKeys:
    """Tiingo first, then Finnhub, whose socket is not used."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"FINNHUB_API_KEY": "SECRET-1", "TIINGO_API_KEY": "SECRET-2", "PROVIDERS": ("tiingo",),
                "FINNHUB_STREAM_SYMBOLS": 0}

    def test_it_starts_with_the_mix_as_it_is(self, client: FlaskClient, redis: Redis, noon: object) -> None:
        add_session()
        stocks = [add_stock(f"S{number}") for number in range(3)]
        for stock in stocks:
            add_plan(stock, "tiingo")
        bus.mark_watched(redis, [stocks[0].id])
        page = client.get("/sources").text
        assert re.search(r'id="stocks"[^>]*value="3"', page)
        assert re.search(r'id="on_screen"[^>]*value="1"', page)
        assert re.findall(r'name="vendors" value="([\w-]+)" checked', page) == ["tiingo", "finnhub"]
        assert cells(page, "On a list") == ["every 80 s Tiingo"] * 4
        assert "As it is: 3 stocks, 1 on an open page. If: 3 stocks, 1 on an open page." in text_of(page)

    def test_calls_of_this_session_are_gone_for_the_rest_of_it(self, client: FlaskClient, noon: object) -> None:
        add_session()
        add_plan(add_stock("A"), "tiingo")
        add_calls("tiingo", 850, HOUR)
        # 900 of 1,000 are planned: 50 are left for 8 hours, 900 would be for 16.
        assert cells(client.get("/sources").text, "On a list") == ["about every 10 min Tiingo"] * 2 + [
            "every 80 s Tiingo"] * 2

    def test_calls_of_the_day_before_are_not(self, client: FlaskClient, noon: object) -> None:
        add_session()
        add_plan(add_stock("A"), "tiingo")
        add_calls("tiingo", 850, 9 * HOUR)
        assert cells(client.get("/sources").text, "On a list") == ["every 80 s Tiingo"] * 4

    def test_without_a_plan_it_counts_what_is_on_lists(self, reader: Reader) -> None:
        stocks = [add_stock(f"S{number}").id for number in range(3)]
        page = reader("ann@example.org", *stocks).get("/sources").text
        assert re.search(r'id="stocks"[^>]*value="3"', page)


BAD = [({"stocks": "0", "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "10001", "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "many", "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "", "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "1.5", "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "9" * 5000, "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "9" * 400, "on_screen": "0"}, "stocks", "Write a whole number from 1 to 10,000."),
       ({"stocks": "12", "on_screen": "-" + "9" * 400}, "on_screen", "Write a whole number from 0 to 10,000."),
       ({"stocks": "12", "on_screen": "-1"}, "on_screen", "Write a whole number from 0 to 10,000."),
       ({"stocks": "12"}, "on_screen", "Write a whole number from 0 to 10,000."),
       ({"stocks": "12", "on_screen": "13"}, "on_screen", "Only 12 stocks are asked about: write that many or fewer."),
       ({"stocks": "12", "on_screen": "1", "vendors": "nobody"}, "vendors",
        "One of these providers is not known here. Tick those that you mean.")]


@pytest.mark.parametrize(("question", "field", "message"), BAD)
def test_bad_input_is_said_at_its_field_and_nothing_is_lost(
        client: FlaskClient, question: dict[str, str], field: str, message: str) -> None:
    answer = client.get("/sources", query_string=question | {"vendors": question.get("vendors", "tiingo")})
    assert answer.status_code == 422
    assert f'<p class="error" id="{field}-error">{message}</p>' in answer.text
    for name in ("stocks", "on_screen"):
        value = re.search(rf'id="{name}"[^>]*?value="([^"]*)"', answer.text)
        assert value
        assert value[1] == question.get(name, "0")
    assert answer.text.count('aria-invalid="true"') == (field != "vendors")
    assert ('value="tiingo" checked' in answer.text) == (field != "vendors")
    assert "<h2 id=\"words-title\">" in answer.text, "the rest of the page stands"


@pytest.mark.parametrize(("question", "field", "message"), BAD[:1] + BAD[-2:])
def test_the_part_brings_the_errors_to_their_fields(client: FlaskClient, question: dict[str, str], field: str,
                                                    message: str) -> None:
    answer = client.get("/sources", query_string=question, headers=HTMX)
    assert answer.status_code == 422
    assert f'<p id="{field}-error" hx-swap-oob="innerHTML">{message}</p>' in answer.text
    assert answer.text.count("-error\" hx-swap-oob=\"innerHTML\"></p>") == 2
    assert f'<p id="intervals-said" hx-swap-oob="innerHTML">{message}</p>' in answer.text


def test_the_part_alone_is_no_page(client: FlaskClient) -> None:
    part = ask(client, stocks=60, on_screen=3, vendors="finnhub")
    assert "<html" not in part
    assert "<form" not in part
    assert '<div id="intervals"' in part
    said = re.search(r'id="intervals-said" hx-swap-oob="innerHTML">([^<]*)<', part)
    assert said
    assert said[1] == ("60 stocks, 3 on an open page: on an open page live over the web socket, Finnhub; "
                       "on a list live over the web socket, Finnhub.")


def test_the_whole_page_answers_without_scripts(client: FlaskClient) -> None:
    page = client.get("/sources?stocks=60&on_screen=3&vendors=finnhub").text
    assert "<html" in page
    assert '<form class="form" action="/sources#what-if" novalidate' in page
    assert cells(page, "On a list")[3] == "47 live over the web socket Finnhub 10 about every 11 s Finnhub"
    assert "hx-swap-oob" not in page


def test_ten_thousand_stocks_are_worked_out(client: FlaskClient) -> None:
    page = ask(client, stocks=10_000, on_screen=500, vendors=["finnhub", "fmp", "massive"])
    assert "9,950 asked for, with 54 calls a minute" in page


class TestLimited:
    """Sixty questions a minute from an address, whether or not log-ins are throttled."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_THROTTLE": False}

    def test_an_address_may_ask_so_often_and_still_reads_the_page(self, client: FlaskClient, reader: Reader) -> None:
        somebody, question = reader("ann@example.org"), "/sources?stocks=3&on_screen=1"
        statuses = {client.get(question, headers=HTMX).status_code for _ in range(60)}
        assert statuses == {200}
        for headers in ({}, HTMX):
            answer = client.get(question, headers=headers)
            assert answer.status_code == 429
            assert "Your address has asked this 60 times in a minute. Please wait a minute" in answer.text
            assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert client.get("/sources").status_code == 200
        assert client.get(question, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200
        assert somebody.get(question).status_code == 200


@pytest.mark.both_databases
def test_more_stocks_and_more_calls_need_no_more_queries(app: Flask, client: FlaskClient) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: statements.append(statement))
    add_plan(add_stock("A", starter=True), "simulator")
    client.get("/sources")
    few = len(statements)
    for number in range(30):
        add_plan(add_stock(f"S{number}", starter=True), "simulator")
    add_calls("finnhub", 300, HOUR)
    statements.clear()
    client.get("/sources")
    assert 0 < len(statements) <= few
