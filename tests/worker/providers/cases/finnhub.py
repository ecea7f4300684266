"""Finnhub: a made answer in its form, and what is recorded of it."""

from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import ErrorKind
from worker.providers.finnhub import Finnhub

# Wednesday, 10 June 2026, at 14:59:30 UTC.
MADE = {"c": 212.45, "d": 2.35, "dp": 1.1185, "h": 213.1, "l": 209.805, "o": 210.5, "pc": 210.1,
        "t": int(at("2026-06-10 14:59:30").timestamp())}

CASE = Case(
    make=Finnhub, keys=("FINNHUB_API_KEY",), url="FINNHUB_URL",
    answer=MADE, price="212.45", zero={**MADE, "c": 0}, negative={**MADE, "c": -212.45},
    recordings="finnhub",
    prices={"quote_AAPL_salzaki2026.json": (stock("AAPL", "XNAS"), "308.82")},
    errors={
        "quote_unknown_salzaki2026.json": (200, ErrorKind.UNKNOWN_SYMBOL),
        "error_429_limit.json": (429, ErrorKind.THROTTLED_MINUTE),
        "error_missing_key.json": (401, ErrorKind.BAD_KEY),
        "candle_AAPL_salzaki2026.json": (403, ErrorKind.NOT_ENTITLED),
    })
