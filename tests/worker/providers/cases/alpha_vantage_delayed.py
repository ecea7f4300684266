"""Alpha Vantage with an entitlement to delayed prices: it has minutes besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from config import Config
from tests.worker.providers.cases.alpha_vantage import CASE as FREE
from tests.worker.providers.conftest import global_quote
from worker.providers.alpha_vantage_minutes import EntitledAlphaVantage
from worker.providers.base import Capability
from worker.providers.http import Client


def make(config: Config, client: Client | None = None) -> EntitledAlphaVantage:
    """Make the provider."""
    config.ALPHA_VANTAGE_ENTITLEMENT = "delayed"
    return EntitledAlphaVantage(config, client)


def delayed(**changes: object) -> dict[str, object]:
    """Return a delayed quote."""
    return {"Global Quote - DATA DELAYED BY 15 MINUTES": global_quote(**changes)["Global Quote"]}


def minutes(rows: Mapping[str, Mapping[str, object]], symbol: str = "IBM", **changes: object) -> dict[str, object]:
    """Return an answer with these rows, by their times, with changes to its head."""
    head: dict[str, object] = {
        "1. Information": "Intraday (1min) open, high, low, close prices and volume", "2. Symbol": symbol,
        "3. Last Refreshed": next(iter(rows), ""), "4. Interval": "1min", "5. Output Size": "Full size",
        "6. Time Zone": "US/Eastern", **changes}
    return {"Meta Data": head, "Time Series (1min)": rows}


def row(close: str = "121.7400", volume: str = "1200") -> dict[str, object]:
    """Return a minute."""
    return {"1. open": "121.7000", "2. high": "121.8000", "3. low": "121.6000", "4. close": close,
            "5. volume": volume}


MINUTES = minutes({"2020-05-08 15:59:00": row(), "2020-05-08 09:31:00": row(),
                   "2020-05-08 09:30:00": row("121.7", "9000"), "2020-05-08 04:00:00": row("121.65", "30")})
CASE = replace(FREE, make=make, answer=delayed(), zero=delayed(price="0.0000"), negative=delayed(price="-121.7400"),
               abilities={**FREE.abilities, Capability.MINUTES: MINUTES})
