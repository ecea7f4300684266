"""Finnhub: a made answer in its form, and what is recorded of it."""

from typing import Any

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import Capability, ErrorKind
from worker.providers.finnhub import Finnhub

# Wednesday, 10 June 2026, at 14:59:30 UTC.
MADE = {"c": 212.45, "d": 2.35, "dp": 1.1185, "h": 213.1, "l": 209.805, "o": 210.5, "pc": 210.1,
        "t": int(at("2026-06-10 14:59:30").timestamp())}

# Monday to Wednesday; the last day still runs.
CANDLES = {"s": "ok", "t": [int(at(f"2026-06-{day} 00:00").timestamp()) for day in ("08", "09", "10")],
           "o": [209.0, 210.25, 210.5], "h": [211.4, 211.0, 213.1], "l": [208.1, 209.2, 209.805],
           "c": [210.2, 210.1, 212.45], "v": [40123456, 38111222.5, 18220417]}
SPLITS = [{"symbol": "AAPL", "date": "2020-08-31", "fromFactor": 1, "toFactor": 4},
          {"symbol": "AAPL", "date": "2014-06-09", "fromFactor": 1, "toFactor": 7}]
DIVIDENDS = [{"symbol": "AAPL", "date": "2026-05-11", "amount": 0.27, "adjustedAmount": 0.27, "payDate": "2026-05-14",
              "recordDate": "2026-05-11", "declarationDate": "2026-04-30", "currency": "USD", "freq": "4"}]
SEARCH = {"count": 2, "result": [
    {"description": "APPLE INC", "displaySymbol": "AAPL", "symbol": "AAPL", "type": "Common Stock"},
    {"description": "APPLE INTERNATIONAL", "displaySymbol": "2788.T", "symbol": "2788.T", "type": "Common Stock"}]}
LISTING: list[dict[str, Any]] = [
    {"currency": "USD", "description": "APPLE INC", "displaySymbol": "AAPL", "figi": "BBG000B9XRY4", "isin": None,
     "mic": "XNAS", "shareClassFIGI": "BBG001S5N8V8", "symbol": "AAPL", "symbol2": "", "type": "Common Stock"},
    {"currency": "USD", "description": "SPDR S&P 500 ETF", "displaySymbol": "SPY", "figi": "BBG000BDTBL9",
     "mic": "ARCX", "symbol": "SPY", "type": "ETP"},
    {"currency": "USD", "description": "NOBODY KNOWS", "displaySymbol": "NBDY", "mic": "OOTC", "symbol": "NBDY"}]
COMPANY = {"country": "US", "currency": "USD", "exchange": "NASDAQ NMS - GLOBAL MARKET", "ipo": "1980-12-12",
           "finnhubIndustry": "Technology", "marketCapitalization": 3011234.5678, "name": "Apple Inc",
           "shareOutstanding": 14687.356, "ticker": "AAPL", "weburl": "https://www.apple.com/", "logo": "", "phone": ""}

CASE = Case(
    make=Finnhub, keys=("FINNHUB_API_KEY",), url="FINNHUB_URL",
    answer=MADE, price="212.45", zero={**MADE, "c": 0}, negative={**MADE, "c": -212.45},
    abilities={Capability.DAILY: CANDLES, Capability.SPLITS: SPLITS, Capability.DIVIDENDS: DIVIDENDS,
               Capability.SEARCH: SEARCH, Capability.LISTING: LISTING, Capability.OVERVIEW: COMPANY},
    recordings="finnhub",
    prices={"quote_AAPL_salzaki2026.json": (stock("AAPL", "XNAS"), "308.82")},
    errors={
        "quote_unknown_salzaki2026.json": (200, ErrorKind.UNKNOWN_SYMBOL),
        "error_429_limit.json": (429, ErrorKind.THROTTLED_MINUTE),
        "error_missing_key.json": (401, ErrorKind.BAD_KEY),
        "candle_AAPL_salzaki2026.json": (403, ErrorKind.NOT_ENTITLED),
    })
