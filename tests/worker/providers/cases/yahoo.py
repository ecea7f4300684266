"""Yahoo Finance: made answers in its form, and what is recorded of it."""

import datetime as dt

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import Capability, ErrorKind
from worker.providers.yahoo import Yahoo

OPENINGS = [at("2026-06-05 13:30"), at("2026-06-08 13:30"), at("2026-06-09 13:30"), at("2026-06-10 13:30")]
MONDAYS = [at("2026-05-25 04:00"), at("2026-06-01 04:00"), at("2026-06-08 04:00")]


def row(symbol: object = "AAPL", **changes: object) -> dict[str, object]:
    """Return one quote of an answer, on Wednesday, 10 June 2026, at 14:59:30 UTC."""
    return {"language": "en-US", "region": "US", "quoteType": "EQUITY", "currency": "USD", "marketState": "REGULAR",
            "regularMarketPrice": 212.45, "regularMarketTime": int(at("2026-06-10 14:59:30").timestamp()),
            "regularMarketChange": 2.3499908, "regularMarketPreviousClose": 210.1, "regularMarketOpen": 210.5,
            "regularMarketDayHigh": 213.1, "regularMarketDayLow": 209.805, "regularMarketVolume": 21234567,
            "bid": 212.44, "ask": 212.46, "exchange": "NMS", "exchangeDataDelayedBy": 0, "symbol": symbol, **changes}


def quotes(*rows: object) -> dict[str, object]:
    """Return an answer with these quotes."""
    return {"quoteResponse": {"result": list(rows), "error": None}}


def chart(stamps: list[dt.datetime], closes: list[float | None], **changes: object) -> dict[str, object]:
    """Return a chart with these closes; `changes` are of its head, "events" and "indicators" of its body."""
    own = {name: changes.pop(name) for name in ("events", "indicators", "timestamp") if name in changes}

    def moved(by: float) -> list[float | None]:
        return [None if close is None else close + by for close in closes]

    figures = {"open": moved(-0.5), "high": moved(1), "low": moved(-1), "close": closes,
               "volume": [None if close is None else 41_000_000 for close in closes]}
    meta = {"currency": "USD", "symbol": "AAPL", "exchangeName": "NMS", "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d", **changes}
    return {"chart": {"result": [{"meta": meta, "timestamp": [int(stamp.timestamp()) for stamp in stamps],
                                  "indicators": {"quote": [figures], "adjclose": [{"adjclose": moved(-2)}]}, **own}],
                      "error": None}}


EVENTS = {"dividends": {"1780925400": {"amount": 0.26, "date": 1780925400}},
          "splits": {"1598880600": {"date": 1598880600, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}}}
DAYS = chart(OPENINGS, [203.25, 204.5, 210.1, 212.45], events=EVENTS)
WEEKS = chart(MONDAYS, [198.5, 203.25, 212.45], dataGranularity="1wk")
FOUND = {"explains": [], "count": 3, "quotes": [
    {"exchange": "NMS", "shortname": "Apple Inc.", "longname": "Apple Inc.", "quoteType": "EQUITY", "symbol": "AAPL",
     "isYahooFinance": True},
    {"exchange": "OPR", "shortname": "AAPL Dec 2026 120.000 call", "quoteType": "OPTION",
     "symbol": "AAPL261219C00120000", "isYahooFinance": True},
    {"index": "78ddc", "name": "AAPlasma", "permalink": "aaplasma", "isYahooFinance": False}], "news": []}

# The last one is the newest price, and no minute.
STAMPS = [at("2026-06-09 08:00"), at("2026-06-09 13:30"), at("2026-06-10 14:58"), at("2026-06-10 14:59"),
          at("2026-06-10 14:59:41")]
MINUTES = chart(STAMPS, [203.25, 204.5, None, 212.45, 212.5], dataGranularity="1m")

CASE = Case(
    make=Yahoo, keys=("YAHOO",), url="YAHOO_URL",
    answer=quotes(row()), price="212.45", zero=quotes(row(regularMarketPrice=0)),
    negative=quotes(row(regularMarketPrice=-212.45)),
    abilities={Capability.DAILY: DAYS, Capability.WEEKLY: WEEKS, Capability.MINUTES: MINUTES,
               Capability.SPLITS: DAYS, Capability.DIVIDENDS: DAYS,
               Capability.SEARCH: FOUND},
    recordings="yahoo",
    prices={
        "quote_AAPL-BABA_PREPRE_2021.json": (stock("AAPL", "XNAS"), "136.76"),
        "quote_AAPL_closed_2025.json": (stock("AAPL", "XNAS"), "244.6"),
        "quote_QQQ_etf.json": (stock("QQQ", "XNAS"), "538.15"),
        "quote_GS2C.DE_yfinancers2025.json": (stock("GS2C", "XETR", "EUR"), "19.948"),
        "quote_ORSTED.CO_DKK.json": (stock("ORSTED", "XCSE", "DKK"), "299.7"),
        "quote_0P000071W8.TO_mutualfund.json": (stock("0P000071W8", "XTSE", "CAD"), "152.63"),
    },
    errors={
        "error_401_invalid_crumb.json": (401, ErrorKind.BAD_KEY),
        "error_404_chart_not_found.json": (404, ErrorKind.UNKNOWN_SYMBOL),
        "error_429_too_many_requests.txt": (429, ErrorKind.THROTTLED_MINUTE),
        "error_historical_400_no_data_range.txt": (400, ErrorKind.UNKNOWN_SYMBOL),
        "error_search_missing_q.json": (400, ErrorKind.UNREACHABLE),
        "quote_GS2C_unknown_yfinancers.json": (200, ErrorKind.UNKNOWN_SYMBOL),
        "quote_SIX_delisted_empty.json": (200, ErrorKind.UNKNOWN_SYMBOL),
    })
