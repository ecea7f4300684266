"""Providers and their quotas by the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.factories import add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.sources.conftest import noon
from tests.webapp.sources.givens import HOUR, NOON, add_calls, add_plan, add_session, add_state
from webapp.api.v1.providers import IntervalsOut, ProvidersOut
from webapp.extensions import db
from webapp.models import StreamState

__all__ = ["noon"]

SECRET = "c0ffee-very-secret"


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """Two providers with keys."""
    return {"FINNHUB_API_KEY": SECRET, "TWELVE_DATA_API_KEY": SECRET}


def found(program: Program) -> dict[str, dict[str, Any]]:
    """Return the providers by name."""
    content = program.get("/providers").json
    ProvidersOut.model_validate(content)
    return {each["name"]: each for each in (content or {})["items"]}


@pytest.mark.both_databases
def test_limits_tell_what_is_used_left_and_when_it_comes_back(noon: dt.datetime, nobody: Program) -> None:
    add_calls("finnhub", 3, dt.timedelta(seconds=20))
    add_calls("twelve-data", 8, dt.timedelta(seconds=10))
    add_state("finnhub", last_success_at=NOON - HOUR, last_error="429 Too Many Requests", last_error_at=NOON - 2 * HOUR)
    sources = found(nobody)
    assert list(sources) == ["finnhub", "twelve-data"]
    minute = {each["unit"]: each for each in sources["finnhub"]["limits"]}["minute"]
    assert (minute["used"], minute["left"], minute["limit"], minute["seconds"]) == (
        3, minute["limit"] - 3, minute["limit"], "60.0")
    assert (minute["first_back_at"], minute["free_at"]) == ("2026-11-20T17:00:40Z", None)
    full = {each["unit"]: each for each in sources["twelve-data"]["limits"]}["minute"]
    assert (full["left"], full["free_at"]) == (0, "2026-11-20T17:00:50Z")
    assert {name: sources["finnhub"][name] for name in ("state", "calls_24h", "last_success_at", "last_error", "prices",
                                                        "paused_at", "resting_until")} == {
        "state": "In use", "calls_24h": 3, "last_success_at": "2026-11-20T16:00:00Z",
        "last_error": "429 Too Many Requests", "prices": "Live", "paused_at": None, "resting_until": None}


def test_a_provider_that_makes_no_calls_says_why_and_until_when(noon: dt.datetime, nobody: Program) -> None:
    add_state("finnhub", paused_until=NOON + HOUR)
    add_state("twelve-data", stopped_at=NOON - HOUR, paused_until=NOON - HOUR)
    sources = found(nobody)
    assert (sources["finnhub"]["state"], sources["finnhub"]["resting_until"]) == ("Resting", "2026-11-20T18:00:00Z")
    assert "No calls until" in sources["finnhub"]["words"]
    assert (sources["twelve-data"]["state"], sources["twelve-data"]["paused_at"]) == ("Paused", "2026-11-20T16:00:00Z")
    assert sources["twelve-data"]["resting_until"] is None


def test_what_is_planned_and_the_web_socket_are_told(noon: dt.datetime, nobody: Program) -> None:
    add_session()
    add_plan(add_stock("AAPL"), interval_s=240.0)
    add_plan(add_stock("MSFT"), interval_s=90.5)
    db.session.add(StreamState(provider="finnhub", status="connected", since=NOON - HOUR, symbols=2, trades=7))
    db.session.commit()
    source = nobody.get("/providers/finnhub").json or {}
    assert source["planned"]["stocks"] == 2
    assert source["planned"]["shortest_interval"] == "90.5"
    assert "planned until" in source["planned"]["words"]
    assert source["socket"] == {"status": "connected", "since": "2026-11-20T16:00:00Z", "heard_at": None, "stocks": 2,
                                "trades": 7, "last_error": None, "last_error_at": None}


def test_how_often_stocks_are_fetched_is_told_in_the_order_asked_for(noon: dt.datetime, nobody: Program) -> None:
    add_stock("IDLE")
    add_plan(add_stock("AAPL"), interval_s=240.0)
    add_plan(add_stock("OLD"), provider="alpaca")
    add_plan(add_stock("LATE"), interval_s=None, reason="the quota is used up", next_at=None)
    content = nobody.get("/providers/intervals?symbols=LATE,IDLE,AAPL,OLD").json or {}
    IntervalsOut.model_validate(content)
    told = ("key", "provider", "interval", "next_at", "reason")
    assert [tuple(row[name] for name in told) for row in content["items"]] == [
        ("XNAS:LATE", "finnhub", None, None, "the quota is used up"), ("XNAS:IDLE", None, None, None, None),
        ("XNAS:AAPL", "finnhub", "240.0", "2026-11-20T17:04:00Z", None), ("XNAS:OLD", None, None, None, None)]
    assert nobody.get("/providers/intervals.csv?symbols=AAPL").text.startswith("key,provider,")
    assert nobody.get("/providers/intervals?symbols=NIX").status_code == 404


def test_no_answer_holds_a_key(noon: dt.datetime, nobody: Program) -> None:
    for path in ("/providers", "/providers/finnhub", "/providers/intervals?symbols=AAPL"):
        add_stock("AAPL") if "AAPL" in path else None
        answer = nobody.get(path)
        assert answer.status_code == 200
        assert SECRET not in answer.text


@pytest.mark.parametrize("name", ["alpaca", "nix", "simulator", "%00", "FINNHUB"])
def test_a_provider_that_is_not_in_use_is_none(noon: dt.datetime, nobody: Program, name: str) -> None:
    assert nobody.get(f"/providers/{name}").status_code == 404
