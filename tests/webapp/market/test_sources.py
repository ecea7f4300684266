"""Where prices come from: what the settings choose, what is left of its quota, and what went wrong."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import clock
from webapp.extensions import db
from webapp.models import ProviderCall, ProviderState

AN_HOUR = dt.timedelta(hours=1)


def add_calls(count: int, *, hours_ago: float) -> None:
    started_at = clock.now() - hours_ago * AN_HOUR
    db.session.add_all(ProviderCall(provider="alpha-vantage", started_at=started_at) for _ in range(count))
    db.session.commit()


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
        add_calls(4, hours_ago=23)
        add_calls(9, hours_ago=25)
        page = client.get("/sources").text
        assert "21 of 25 in 24 hours" in page
        assert "Next call possible" not in page

    def test_it_says_when_the_next_call_is_possible(self, app: Flask, client: FlaskClient) -> None:
        add_calls(25, hours_ago=20)
        page = client.get("/sources").text
        assert "0 of 25 in 24 hours" in page
        assert f"{clock.now() + 4 * AN_HOUR:%Y-%m-%d %H:%M}" in page

    def test_it_shows_the_last_error_and_the_pause_in_plain_words(self, client: FlaskClient) -> None:
        until = clock.now() + AN_HOUR
        db.session.add(ProviderState(provider="alpha-vantage", paused_until=until, last_error="The limit is reached.",
                                     last_error_at=clock.now() - AN_HOUR))
        db.session.commit()
        page = client.get("/sources").text
        assert "The limit is reached." in page
        assert "1 h ago" in page
        assert "Paused until" in page

    def test_a_pause_that_is_over_is_not_shown(self, client: FlaskClient) -> None:
        db.session.add(ProviderState(provider="alpha-vantage", paused_until=clock.now() - AN_HOUR))
        db.session.commit()
        assert "Paused" not in client.get("/sources").text

    def test_the_key_is_on_no_page(self, client: FlaskClient) -> None:
        for path in ("/", "/sources", "/healthz"):
            assert "SECRET-KEY-123" not in client.get(path).text


class TestWithoutADailyLimit:
    """A paid plan."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"ALPHA_VANTAGE_API_KEY": "SECRET-KEY-123", "ALPHA_VANTAGE_CALLS_PER_DAY": 0}

    def test_it_counts_and_promises_nothing(self, client: FlaskClient) -> None:
        add_calls(3, hours_ago=1)
        page = client.get("/sources").text
        assert "Calls in 24 hours</dt><dd>3</dd>" in page
        assert "Calls left" not in page


class TestWithSeveralKeys:
    """Finnhub before Alpha Vantage."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"ALPHA_VANTAGE_API_KEY": "SECRET-KEY-123", "FINNHUB_API_KEY": "SECRET-KEY-456"}

    def test_each_is_shown_in_the_order_in_which_they_are_asked(self, client: FlaskClient) -> None:
        add_calls(4, hours_ago=1)
        page = client.get("/sources").text
        assert page.index("<h2 id=\"source-finnhub\">Finnhub</h2>") < page.index("source-alpha-vantage")
        assert "21 of 25 in 24 hours" in page
        assert "SECRET" not in page
        assert "How to get real prices" not in page
