"""Pages of other sites: which may call the API from a browser."""

from __future__ import annotations

import pytest
from flask import Flask

from config import ConfigError
from tests.webapp.api.conftest import Program
from tests.worker.conftest import make_instrument

THEIRS = "https://charts.example.org"


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """One site that is allowed."""
    return {"API_CORS_ORIGINS": (THEIRS,)}


def test_an_allowed_site_reads_answers_and_their_limits_without_cookies(nobody: Program) -> None:
    make_instrument("AAPL", "XNAS")
    answer = nobody.get("/quotes/AAPL", headers={"Origin": THEIRS})
    assert answer.headers["Access-Control-Allow-Origin"] == THEIRS
    assert "RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_an_allowed_site_may_ask_before_it_sends_a_token(nobody: Program) -> None:
    answer = nobody.call("OPTIONS", "/watchlists", headers={
        "Origin": THEIRS, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Authorization, Content-Type"})
    assert answer.status_code == 200
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_an_allowed_site_reads_errors_too(nobody: Program) -> None:
    answer = nobody.get("/quotes/NIX", headers={"Origin": THEIRS})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, THEIRS)


@pytest.mark.parametrize("origin", ["https://other.example.org", "https://charts.example.org.evil.example", "null",
                                    "http://charts.example.org"])
def test_other_sites_read_nothing(nobody: Program, origin: str) -> None:
    make_instrument("AAPL", "XNAS")
    assert "Access-Control-Allow-Origin" not in nobody.get("/quotes/AAPL", headers={"Origin": origin}).headers


def test_pages_are_read_by_no_other_site(app: Flask) -> None:
    for path in ("/", "/login", "/screener.json"):
        assert "Access-Control-Allow-Origin" not in app.test_client().get(path, headers={"Origin": THEIRS}).headers


@pytest.mark.parametrize("text", ["charts.example.org", "https://charts.example.org/", "https://a b", "ftp://x.example"])
def test_an_origin_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    import config

    monkeypatch.setenv("API_CORS_ORIGINS", text)
    with pytest.raises(ConfigError, match="API_CORS_ORIGINS"):
        config.env_origins("API_CORS_ORIGINS")


@pytest.mark.parametrize("text", ["many", "0 per minute", "5 per", "5/minute; 3/second", "-1 per hour"])
def test_a_limit_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    import config

    monkeypatch.setenv("API_LIMIT_TOKEN", text)
    with pytest.raises(ConfigError, match="API_LIMIT_TOKEN"):
        config.env_limit("API_LIMIT_TOKEN", "600 per minute")
