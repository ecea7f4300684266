"""Where prices come from: what the settings choose, what is left of its quota, and what went wrong."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import add_stock
from tests.webapp.sources.givens import HOUR, Reader, add_calls, add_plan, add_session, add_state, text_of
from webapp import clock
from webapp.extensions import db
from webapp.models import MarketSession, QuoteFinding, StreamState, User

MINUTE, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)


def panel_of(page: str, name: str) -> str:
    """Return what the page says of a provider."""
    found = re.search(rf'<section [^>]*aria-labelledby="source-{name}">.*?</section>', page, re.S)
    assert found, name
    return found[0]


def test_without_a_key_it_says_simulated_and_how_to_get_real_prices(client: FlaskClient) -> None:
    page = client.get("/sources")
    assert page.status_code == 200
    assert "Simulator" in page.text
    assert "How to get real prices" in page.text
    assert "ALPHA_VANTAGE_API_KEY" in page.text


class TestWithAKey:
    """Alpha Vantage."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"ALPHA_VANTAGE_API_KEY": "SECRET-KEY-123", "ALPHA_VANTAGE_CALLS_PER_DAY": 25}

    def test_it_counts_the_calls_of_the_last_24_hours(self, client: FlaskClient) -> None:
        add_calls("alpha-vantage", 4, 23 * HOUR)
        add_calls("alpha-vantage", 9, 25 * HOUR)
        page = client.get("/sources").text
        assert "21 of 25 in 24 hours" in page
        assert "Next call possible" not in page

    def test_it_says_when_the_next_call_is_possible(self, app: Flask, client: FlaskClient) -> None:
        add_calls("alpha-vantage", 25, 20 * HOUR)
        page = client.get("/sources").text
        assert "0 of 25 in 24 hours" in page
        assert f"{clock.now() + 4 * HOUR:%Y-%m-%d %H:%M}" in page
        assert "All 25 calls of 24 h are used; the next is possible at" in page

    def test_it_shows_the_last_error_and_the_pause_in_plain_words(self, client: FlaskClient) -> None:
        until = clock.now() + HOUR
        add_state("alpha-vantage", paused_until=until, last_error="The limit is reached.",
                  last_error_at=clock.now() - HOUR)
        page = client.get("/sources").text
        assert "The limit is reached." in page
        assert "1 h ago" in page
        assert "No calls until" in page

    def test_a_pause_that_is_over_is_not_shown(self, client: FlaskClient) -> None:
        add_state("alpha-vantage", paused_until=clock.now() - HOUR)
        assert "No calls until" not in client.get("/sources").text

    def test_a_limit_says_what_is_used_left_reserved_and_when_it_comes_back(
            self, client: FlaskClient, noon: dt.datetime) -> None:
        add_calls("alpha-vantage", 3, 5 * HOUR)
        add_calls("alpha-vantage", 1, 2 * HOUR)
        panel = text_of(panel_of(client.get("/sources").text, "alpha-vantage"))
        assert "1 in 1.1 s 0 1 0.1 at once" in panel
        assert "25 in 24 h 4 21 2.5 the first at 21 Nov, 12:00 UTC, all by 21 Nov, 15:00 UTC" in panel

    def test_a_limit_that_was_lowered_is_free_when_enough_calls_are_old(
            self, client: FlaskClient, noon: dt.datetime) -> None:
        add_calls("alpha-vantage", 20, 20 * HOUR)
        add_calls("alpha-vantage", 10, 15 * HOUR)
        add_calls("alpha-vantage", 10, HOUR)
        panel = text_of(panel_of(client.get("/sources").text, "alpha-vantage"))
        # 40 are used of 25: the first 16 must drop out.
        assert "All 25 calls of 24 h are used; the next is possible at 21:00 UTC." in panel
        add_calls("alpha-vantage", 5, HOUR)
        panel = text_of(panel_of(client.get("/sources").text, "alpha-vantage"))
        assert "the next is possible at 21 Nov, 02:00 UTC." in panel

    def test_its_chart_has_a_name_a_plan_and_a_table(self, client: FlaskClient, noon: dt.datetime) -> None:
        stock = add_stock("AAPL")
        add_plan(stock, "alpha-vantage", 86_400.0, next_at=noon + 4.6 * HOUR)
        add_calls("alpha-vantage", 4, HOUR + 5 * MINUTE)
        panel = panel_of(client.get("/sources").text, "alpha-vantage")
        assert ('aria-label="Alpha Vantage, calls left of 25 a day: 21 now, at least 21 in the last 24 hours; '
                'planned to be 20 at 21 Nov, 05:00 UTC."') in panel
        assert "One call for each stock after the close of its market, 1 of them in the next 24 hours." in panel
        assert "15:00 25 16:00 21" in text_of(panel)
        assert "21:00 20 planned" in text_of(panel)
        assert " style=" not in panel

    def test_what_it_refused_is_counted(self, client: FlaskClient, noon: dt.datetime) -> None:
        stock = add_stock("AAPL")
        for hours in (1, 2, 30):
            db.session.add(QuoteFinding(instrument_id=stock.id, kind="rejected", source="alpha-vantage", price="0",
                                        as_of=noon, reason="no price", first_at=noon, last_at=noon - hours * HOUR))
        db.session.commit()
        assert "Readings refused or held 2 in 24 hours" in text_of(client.get("/sources").text)

    def test_the_key_is_on_no_page(self, client: FlaskClient) -> None:
        for path in ("/", "/sources", "/healthz"):
            assert "SECRET-KEY-123" not in client.get(path).text


class TestWithoutADailyLimit:
    """A paid plan."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"ALPHA_VANTAGE_API_KEY": "SECRET-KEY-123", "ALPHA_VANTAGE_CALLS_PER_DAY": 0}

    def test_it_counts_and_promises_nothing(self, client: FlaskClient) -> None:
        add_calls("alpha-vantage", 3, HOUR)
        page = client.get("/sources").text
        assert "Calls in 24 hours</dt><dd>3</dd>" in page
        assert "Calls left" not in page


class TestWithSeveralKeys:
    """Finnhub before Alpha Vantage."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"ALPHA_VANTAGE_API_KEY": "SECRET-KEY-123", "FINNHUB_API_KEY": "SECRET-KEY-456"}

    def test_each_is_shown_in_the_order_in_which_they_are_asked(self, client: FlaskClient) -> None:
        add_calls("alpha-vantage", 4, HOUR)
        page = client.get("/sources").text
        assert page.index("<h2 id=\"source-finnhub\">Finnhub</h2>") < page.index("source-alpha-vantage")
        assert "21 of 25 in 24 hours" in page
        assert "SECRET" not in page
        assert "How to get real prices" not in page


class TestALiveProvider:
    """Finnhub, and Twelve Data after it."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"FINNHUB_API_KEY": "SECRET-KEY-123", "TWELVE_DATA_API_KEY": "SECRET-KEY-456"}

    @pytest.mark.both_databases
    def test_its_minute_rolls(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_calls("finnhub", 50, 70 * SECOND)
        add_calls("finnhub", 12, 40 * SECOND)
        add_calls("finnhub", 5, 0 * SECOND)
        panel = text_of(panel_of(client.get("/sources").text, "finnhub"))
        assert "20 in 1 s 5 15 2 at once" in panel
        assert "60 in 1 min 17 43 6 the first at 17:01 UTC, all by 17:01 UTC" in panel
        assert "Calls in 24 hours 67" in panel
        assert "Calls left of 60 a minute, in the busiest minute of each quarter of an hour" in panel

    @pytest.mark.both_databases
    def test_it_rests_after_failures_and_says_until_when(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_state("finnhub", paused_until=noon + 7.5 * MINUTE, last_success_at=noon - HOUR,
                  last_error="Finnhub did not answer.", last_error_at=noon)
        add_calls("finnhub", 2, 2 * HOUR, "unreachable: no answer")
        add_calls("finnhub", 6, MINUTE, "unreachable: no answer")
        add_calls("finnhub", 1, MINUTE, "unknown symbol: none")
        add_calls("finnhub", 1, MINUTE, "started")
        panel = text_of(panel_of(client.get("/sources").text, "finnhub"))
        assert "Resting" in panel
        assert ("No calls until 17:08 UTC, after 6 failed calls since its last price. Then one call tries again."
                in panel)
        assert "Finnhub did not answer. (just now)" in panel

    def test_failures_that_do_not_stop_it_are_said(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_state("finnhub", last_success_at=noon - HOUR)
        add_calls("finnhub", 1, MINUTE, "broken answer: no")
        panel = text_of(panel_of(client.get("/sources").text, "finnhub"))
        assert "Calls go through, after 1 failed call since its last price." in panel

    def test_a_provider_that_is_well_says_so(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_state("finnhub", last_success_at=noon - 3 * SECOND)
        add_calls("finnhub", 3, MINUTE)
        panel = text_of(panel_of(client.get("/sources").text, "finnhub"))
        assert "In use" in panel
        assert "Calls go through." in panel
        assert "3 s ago" in panel

    def test_stocks_that_a_call_did_not_bring_are_no_calls(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_calls("finnhub/stock", 9, MINUTE, "unknown symbol")
        assert "Calls in 24 hours 0" in text_of(panel_of(client.get("/sources").text, "finnhub"))

    def test_the_plan_is_what_its_stocks_need_until_the_session_ends(
            self, client: FlaskClient, noon: dt.datetime) -> None:
        add_session()
        for number in range(3):
            add_plan(add_stock(f"S{number}"), "finnhub", 30.0)
        add_plan(add_stock("STREAMED"), "finnhub", None, streamed=True)
        panel = panel_of(client.get("/sources").text, "finnhub")
        assert "6 calls a minute are planned until 21:00 UTC." in panel
        assert "planned to be 54 at 21:00 UTC." in panel
        assert "No stock is planned to be fetched from here." in panel_of(client.get("/sources").text, "twelve-data")

    def test_no_more_is_planned_than_the_limits_bear(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_session()
        add_calls("twelve-data", 480, HOUR)
        for number in range(9):
            add_plan(add_stock(f"S{number}"), "twelve-data", 10.0)
        panel = panel_of(client.get("/sources").text, "twelve-data")
        # 240 of 720 are left for four hours.
        assert "1 calls a minute are planned" not in panel
        assert "1 call a minute is planned until 21:00 UTC." in panel
        assert "planned to be 80 at 21:00 UTC." in panel

    def test_while_its_markets_are_shut_nothing_is_planned(self, client: FlaskClient, noon: dt.datetime) -> None:
        add_session(opens=2, closes=8.5, pre=-3, post=12)
        add_plan(add_stock("AAPL"), "finnhub", None)
        panel = panel_of(client.get("/sources").text, "finnhub")
        assert "Nothing is planned before 19:00 UTC: the markets of its stocks are shut." in panel

    def test_in_a_midday_break_nothing_is_planned_before_its_end(self, client: FlaskClient,
                                                                 noon: dt.datetime) -> None:
        add_session()
        session = db.session.scalars(select(MarketSession)).one()
        session.break_starts_at, session.break_ends_at = noon - HOUR / 2, noon + HOUR / 2
        db.session.commit()
        add_plan(add_stock("AAPL"), "finnhub", None)
        panel = panel_of(client.get("/sources").text, "finnhub")
        assert "Nothing is planned before 17:30 UTC: the markets of its stocks are shut." in panel

    def test_its_web_socket_says_how_it_is(self, client: FlaskClient, noon: dt.datetime) -> None:
        db.session.add(StreamState(provider="finnhub", status="connected", since=noon - 2 * HOUR,
                                   heard_at=noon - 2 * SECOND, symbols=50, trades=9))
        db.session.add(StreamState(provider="alpaca", status="refused", since=noon, last_error="not shown"))
        db.session.commit()
        page = text_of(client.get("/sources").text)
        assert "Web socket now connected with 50 stocks since 15:00 UTC; last heard 2 s ago" in page
        assert "not shown" not in page

    def test_a_socket_that_is_refused_says_why(self, client: FlaskClient, noon: dt.datetime) -> None:
        db.session.add(StreamState(provider="finnhub", status="refused", since=noon, last_error="The key is wrong.",
                                   last_error_at=noon - MINUTE))
        db.session.commit()
        assert "refused since 17:00 UTC The key is wrong. (1 min ago)" in text_of(client.get("/sources").text)

    def test_what_it_can_do_is_told(self, client: FlaskClient) -> None:
        page = client.get("/sources").text
        finnhub, twelve = (text_of(panel_of(page, name)) for name in ("finnhub", "twelve-data"))
        assert ("Prices live Hours the regular session Exchanges the United States Stocks a call one "
                "Web socket up to 50 stocks") in finnhub
        assert "Web socket" not in twelve


class TestFilesAlone:
    """Only CSV files: no calls, no limits."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"CSV_DIR": "/nowhere"}

    def test_it_has_neither_limits_nor_a_chart(self, client: FlaskClient) -> None:
        panel = panel_of(client.get("/sources").text, "csv")
        assert "It sets no limits." in panel
        assert "<svg" not in panel
        assert "/nowhere" not in panel


def test_no_address_of_a_vendor_is_asked_for_by_the_page(client: FlaskClient) -> None:
    page = client.get("/sources").text
    loaded = re.findall(r'<(?:script|link|img|iframe|use)\b[^>]*(?:src|href)="([^"]+)"', page)
    assert loaded
    assert all(address.startswith("/") for address in loaded)


def test_the_admins_page_of_refused_prices_is_linked_for_admins_only(client: FlaskClient, reader: Reader) -> None:
    somebody, admin = reader("ann@example.org"), reader("root@example.org")
    db.session.execute(update(User).where(User.email == "root@example.org").values(admin=True))
    db.session.commit()
    assert "/admin/findings" in admin.get("/sources").text
    assert "/admin/findings" not in somebody.get("/sources").text + client.get("/sources").text
