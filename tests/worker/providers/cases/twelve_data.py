"""Twelve Data: a made answer in its form, and what is recorded of it."""

from typing import Any

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import Capability, ErrorKind
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

META: dict[str, Any] = {
    "symbol": "AAPL", "interval": "1day", "currency": "USD", "exchange_timezone": "America/New_York",
    "exchange": "NASDAQ", "mic_code": "XNGS", "type": "Common Stock"}
# Newest first; the first day still runs.
DAYS: dict[str, Any] = {"meta": META, "status": "ok", "values": [
    {"datetime": "2026-06-10", "open": "210.50000", "high": "213.10000", "low": "209.80499", "close": "212.45000",
     "volume": "18220417"},
    {"datetime": "2026-06-09", "open": "210.25000", "high": "211.00000", "low": "209.20000", "close": "210.10001",
     "volume": "38111222"},
    {"datetime": "2026-06-08", "open": "209.00000", "high": "211.39999", "low": "208.10001", "close": "210.20000",
     "volume": "40123456"}]}
WEEKS: dict[str, Any] = {"meta": {**META, "interval": "1week"}, "status": "ok", "values": [
    {"datetime": "2026-06-08", "open": "209.00000", "high": "213.10000", "low": "208.10001", "close": "212.45000",
     "volume": "96455095"},
    {"datetime": "2026-06-01", "open": "205.00000", "high": "210.10001", "low": "204.50000", "close": "208.77000",
     "volume": "201123456"}]}
SPLITS: dict[str, Any] = {"meta": META, "splits": [
    {"date": "2020-08-31", "description": "4-for-1 split", "ratio": 0.25, "from_factor": 4, "to_factor": 1},
    {"date": "2014-06-09", "description": "7-for-1 split", "ratio": 0.14286, "from_factor": 7, "to_factor": 1}]}
DIVIDENDS: dict[str, Any] = {"meta": META, "dividends": [
    {"ex_date": "2026-05-11", "amount": 0.27}, {"ex_date": "2026-02-09", "amount": 0.26}]}
SEARCH: dict[str, Any] = {"status": "ok", "data": [
    {"symbol": "AAPL", "instrument_name": "Apple Inc.", "exchange": "NASDAQ", "mic_code": "XNGS",
     "exchange_timezone": "America/New_York", "instrument_type": "Common Stock", "country": "United States",
     "currency": "USD"},
    {"symbol": "TSCO", "instrument_name": "Tesco PLC", "exchange": "LSE", "mic_code": "XLON",
     "exchange_timezone": "Europe/London", "instrument_type": "Common Stock", "country": "United Kingdom",
     "currency": "GBp"},
    {"symbol": "AAPL", "instrument_name": "Apple Inc.", "exchange": "VSE", "mic_code": "XWBO",
     "exchange_timezone": "Europe/Vienna", "instrument_type": "Common Stock", "country": "Austria", "currency": "EUR"}]}
COMPANY: dict[str, Any] = {
    "symbol": "AAPL", "name": "Apple Inc.", "exchange": "NASDAQ", "mic_code": "XNGS", "sector": "Technology",
    "industry": "Consumer Electronics", "employees": 164000, "website": "https://www.apple.com",
    "description": "It makes telephones.", "type": "Common Stock", "country": "United States"}

# Newest first, in the exchange's time; the first minute still runs.
MINUTES: dict[str, Any] = {"meta": {**META, "interval": "1min"}, "status": "ok", "values": [
    {"datetime": f"2026-06-10 {time}:00", "open": "212.50000", "high": "213.10000", "low": "212.10499",
     "close": "212.45000", "volume": "81204"} for time in ("11:00", "10:59", "10:58", "09:30")]}

CASE = Case(
    make=TwelveData, keys=("TWELVE_DATA_API_KEY",), url="TWELVE_DATA_URL",
    answer=MADE, price="212.45000", zero={**MADE, "close": "0.00000"}, negative={**MADE, "close": "-212.45000"},
    abilities={Capability.DAILY: DAYS, Capability.WEEKLY: WEEKS, Capability.MINUTES: MINUTES, Capability.SPLITS: SPLITS,
               Capability.DIVIDENDS: DIVIDENDS, Capability.SEARCH: SEARCH, Capability.OVERVIEW: COMPANY},
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
