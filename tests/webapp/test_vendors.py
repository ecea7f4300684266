"""Which vendors the settings turn on, and in which order they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import VENDORS, Config, ConfigError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PROVIDERS", "ALPACA_API_SECRET", *VENDORS.values()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "only for tests")


def test_without_a_key_prices_are_simulated() -> None:
    assert Config().vendors == ()
    assert Config().simulated


def test_a_key_turns_its_vendor_on_and_live_prices_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_API_KEY", "a")
    monkeypatch.setenv("FINNHUB_API_KEY", "b")
    assert Config().vendors == ("finnhub", "alpha-vantage")
    assert not Config().simulated


def test_the_order_can_be_said_and_need_not_name_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALPHA_VANTAGE_API_KEY", "FINNHUB_API_KEY", "TIINGO_API_KEY"):
        monkeypatch.setenv(name, "a")
    monkeypatch.setenv("PROVIDERS", " Tiingo, fmp,")
    assert Config().vendors == ("tiingo", "finnhub", "alpha-vantage")


def test_an_unknown_vendor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS", "finnhub,bloomberg")
    with pytest.raises(ConfigError, match="'bloomberg'"):
        Config()


def test_alpaca_needs_its_secret_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_API_KEY", "a")
    with pytest.raises(ConfigError, match="ALPACA_API_SECRET"):
        Config()


def test_a_plan_has_its_own_limit_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWELVE_DATA_CALLS_PER_DAY", "0")
    settings = Config()
    assert [settings.calls_per_day(name) for name in ("alpha-vantage", "finnhub", "twelve-data", "simulator")] == [
        25, None, None, None]
