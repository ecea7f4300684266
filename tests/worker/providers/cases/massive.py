"""Massive: the bar of the day before."""

from typing import Any

from config import Config
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import Capability, ErrorKind
from worker.providers.http import Client
from worker.providers.massive import Massive


def make(config: Config, client: Client | None = None) -> Massive:
    """Make the provider."""
    return Massive(config, client)


def previous(symbol: str = "AAPL", **changes: object) -> dict[str, object]:
    """Return an answer in the vendor's form, with changes to its bar; that is of 9 June 2026."""
    row: dict[str, object] = {"T": symbol, "v": 48_123_456.0, "vw": 200.7712, "o": 199.8, "c": 200.445, "h": 201.7,
                              "l": 199.12, "t": int(at("2026-06-09 20:00").timestamp()) * 1000, "n": 512_345}
    return {"ticker": symbol, "queryCount": 1, "resultsCount": 1, "adjusted": True, "results": [row | changes],
            "status": "OK", "request_id": "0f1e2d3c", "count": 1}


def bar(begins: str, first: float, high: float, low: float, close: float, volume: float) -> dict[str, object]:
    """Return a bar of an answer with several; `begins` is New York's midnight."""
    return {"v": volume, "vw": 200.7712, "o": first, "c": close, "h": high, "l": low,
            "t": int(at(f"{begins} 04:00").timestamp()) * 1000, "n": 512_345}


def minute(begins: str) -> dict[str, object]:
    """Return a minute that began at a moment of UTC."""
    return {"v": 4123.0, "vw": 210.3, "o": 210.25, "c": 210.1, "h": 211.0, "l": 209.2, "n": 51,
            "t": int(at(begins).timestamp()) * 1000}


def answer_with(*bars: dict[str, object], **changes: object) -> dict[str, Any]:
    """Return an answer with these bars."""
    return {"ticker": "AAPL", "queryCount": 3, "resultsCount": len(bars), "adjusted": False, "results": list(bars),
            "status": "OK", "request_id": "0f1e2d3c", "count": len(bars)} | changes


# The last day, and the last week, still run; weeks begin on Sunday.
DAYS = answer_with(bar("2026-06-08", 209.0, 211.4, 208.1, 210.2, 40_123_456.0),
                   bar("2026-06-09", 210.25, 211.0, 209.2, 210.1, 38_111_222.512),
                   bar("2026-06-10", 210.5, 213.1, 209.805, 212.45, 18_220_417.0))
WEEKS = answer_with(bar("2026-05-31", 205.0, 210.1, 204.5, 208.77, 201_123_456.0),
                    bar("2026-06-07", 209.0, 213.1, 208.1, 212.45, 96_455_095.0))
SPLITS: dict[str, Any] = {"status": "OK", "request_id": "1", "results": [
    {"id": "E1", "execution_date": "2020-08-31", "split_from": 1, "split_to": 4, "ticker": "AAPL"},
    {"id": "E2", "execution_date": "2014-06-09", "split_from": 1, "split_to": 7, "ticker": "AAPL"}]}
DIVIDENDS: dict[str, Any] = {"status": "OK", "request_id": "1", "results": [
    {"cash_amount": 0.27, "currency": "USD", "declaration_date": "2026-04-30", "dividend_type": "CD",
     "ex_dividend_date": "2026-05-11", "frequency": 4, "pay_date": "2026-05-14", "record_date": "2026-05-11",
     "ticker": "AAPL"}]}
SEARCH: dict[str, Any] = {"status": "OK", "request_id": "1", "count": 3, "results": [
    {"ticker": "AAPL", "name": "Apple Inc.", "market": "stocks", "locale": "us", "primary_exchange": "XNAS",
     "type": "CS", "active": True, "currency_name": "usd", "cik": "0000320193", "composite_figi": "BBG000B9XRY4",
     "share_class_figi": "BBG001S5N8V8", "last_updated_utc": "2026-06-09T00:00:00Z"},
    {"ticker": "APLpA", "name": "A preferred one", "primary_exchange": "XNYS", "type": "PFD", "active": True,
     "currency_name": "usd"},
    {"ticker": "AAPD", "name": "A fund on Cboe", "primary_exchange": "XZZZ", "type": "ETF", "active": True}]}
COMPANY: dict[str, Any] = {"status": "OK", "request_id": "1", "results": {
    "ticker": "AAPL", "name": "Apple Inc.", "market": "stocks", "locale": "us", "primary_exchange": "XNAS",
    "type": "CS", "active": True, "currency_name": "usd", "market_cap": 3011234567890.12, "sic_code": "3571",
    "description": "It makes telephones.", "sic_description": "ELECTRONIC COMPUTERS", "total_employees": 164000,
    "homepage_url": "https://www.apple.com", "list_date": "1980-12-12",
    "share_class_shares_outstanding": 14687356000, "weighted_shares_outstanding": 14687356000}}

# The free plan has them until yesterday.
MINUTES = answer_with(minute("2026-06-08 13:30"), minute("2026-06-09 13:30"), minute("2026-06-09 13:31"),
                      minute("2026-06-09 23:59"))

CASE = Case(
    make=make, keys=("MASSIVE_API_KEY",), url="MASSIVE_URL", price="200.445",
    answer=previous(), zero=previous(c=0), negative=previous(c=-200.445),
    abilities={Capability.DAILY: DAYS, Capability.WEEKLY: WEEKS, Capability.MINUTES: MINUTES, Capability.SPLITS: SPLITS,
               Capability.DIVIDENDS: DIVIDENDS, Capability.SEARCH: SEARCH, Capability.OVERVIEW: COMPANY},
    recordings="polygon", prices={"prev_AAPL.json": (stock("AAPL", "XNAS"), "156.8")},
    errors={"error_404_ticker.json": (404, ErrorKind.UNKNOWN_SYMBOL),
            "error_429.json": (429, ErrorKind.THROTTLED_MINUTE)})
