"""Twelve Data: a made answer in its form, and what is recorded of it."""

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import ErrorKind
from worker.providers.twelve_data import TwelveData

# Wednesday, 10 June 2026: the day's bar, last changed at 14:59 UTC.
MADE = {
    "symbol": "AAPL", "name": "Apple Inc.", "exchange": "NASDAQ", "mic_code": "XNGS", "currency": "USD",
    "datetime": "2026-06-10", "timestamp": int(at("2026-06-10 13:30").timestamp()),
    "last_quote_at": int(at("2026-06-10 14:59").timestamp()), "open": "210.50000", "high": "213.10000",
    "low": "209.80499", "close": "212.45000", "volume": "18220417", "previous_close": "210.10001",
    "change": "2.34999", "percent_change": "1.11851", "average_volume": "51200344", "is_market_open": True,
    "fifty_two_week": {"low": "170.00000", "high": "260.00000", "range": "170.000000 - 260.000000"},
}

CASE = Case(
    make=TwelveData, keys=("TWELVE_DATA_API_KEY",), url="TWELVE_DATA_URL",
    answer=MADE, price="212.45000", zero={**MADE, "close": "0.00000"}, negative={**MADE, "close": "-212.45000"},
    recordings="twelvedata",
    prices={
        "quote_kanroyal2021.json": (stock("IBM", "XNYS"), "146.84000"),
        "batch_quote_marekskopal.json": (stock("AAPL", "XNAS"), "229.87000"),
    },
    errors={
        "bad_request_response_error_kanroyal2021.json": (200, ErrorKind.UNREACHABLE),
        "error_429_credits.json": (200, ErrorKind.THROTTLED_MINUTE),
        "not_found_response_error_kanroyal2021.json": (404, ErrorKind.UNKNOWN_SYMBOL),
        "unauthorized_response_error_kanroyal2021.json": (401, ErrorKind.BAD_KEY),
    })
