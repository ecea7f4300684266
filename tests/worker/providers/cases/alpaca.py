"""Alpaca: a snapshot during the session."""

from config import Config
from tests.worker.providers.case import Case
from worker.providers.alpaca import Alpaca
from worker.providers.base import Capability, ErrorKind
from worker.providers.http import Client


def make(config: Config, client: Client | None = None) -> Alpaca:
    """Make the provider."""
    return Alpaca(config, client)


def bar(day: str, first: float, high: float, low: float, close: float) -> dict[str, object]:
    """Return a day's bar in the vendor's form."""
    return {"t": f"{day}T04:00:00Z", "o": first, "h": high, "l": low, "c": close, "v": 412_345, "n": 5_678,
            "vw": round((high + low) / 2, 4)}


def snapshot(price: float = 202.615, made_at: str = "2026-06-10T14:59:58.123456789Z",
             **changes: object) -> dict[str, object]:
    """Return a snapshot in the vendor's form, with changes to its parts."""
    parts: dict[str, object] = {
        "latestTrade": {"t": made_at, "x": "V", "p": price, "s": 20, "c": ["@"], "i": 9_071, "z": "C"},
        "latestQuote": {"t": made_at, "ax": "V", "ap": 202.63, "as": 1, "bx": "V", "bp": 202.60, "bs": 3,
                        "c": ["R"], "z": "C"},
        "minuteBar": bar("2026-06-10", 202.5, 202.7, 202.48, 202.615),
        "dailyBar": bar("2026-06-10", 201.25, 203.1, 200.905, 202.615),
        "prevDailyBar": bar("2026-06-09", 199.8, 201.7, 199.12, 200.44),
    }
    return parts | changes


def bars(*rows: dict[str, object], symbol: str = "AAPL", token: str | None = None) -> dict[str, object]:
    """Return an answer with bars in the vendor's form."""
    return {"bars": {symbol: list(rows)}, "next_page_token": token}


def minute(begins: str, close: object, **changes: object) -> dict[str, object]:
    """Return the bar of a minute in the vendor's form."""
    return {"t": begins, "o": 201.95, "h": 202.5, "l": 199.5, "c": close, "v": 4_123, "n": 56, "vw": 201.9, **changes}


def actions(**kinds: list[dict[str, object]]) -> dict[str, object]:
    """Return an answer with corporate actions in the vendor's form."""
    return {"corporate_actions": kinds, "next_page_token": None}


SPLIT: dict[str, object] = {"symbol": "AAPL", "cusip": "037833100", "new_rate": 4, "old_rate": 1,
                            "process_date": "2020-08-31", "ex_date": "2020-08-31", "record_date": "2020-08-24",
                            "payable_date": "2020-08-28"}
DIVIDEND: dict[str, object] = {"symbol": "AAPL", "cusip": "037833100", "rate": 0.27, "special": False,
                               "foreign": False, "process_date": "2026-05-14", "ex_date": "2026-05-11",
                               "record_date": "2026-05-11", "payable_date": "2026-05-14"}

CASE = Case(
    make=make, keys=("ALPACA_API_KEY", "ALPACA_API_SECRET"), url="ALPACA_URL", price="202.615",
    answer={"AAPL": snapshot()}, zero={"AAPL": snapshot(0)}, negative={"AAPL": snapshot(-202.615)},
    abilities={
        Capability.DAILY: bars(bar("2026-06-09", 199.8, 201.7, 199.12, 200.44),
                               bar("2026-06-08", 198.1, 199.9, 197.5, 199.01)),
        Capability.WEEKLY: bars(bar("2026-06-01", 190.0, 199.0, 189.0, 198.11)),
        Capability.MINUTES: bars(minute("2026-06-10T14:41:00Z", 202.0), minute("2026-06-10T14:40:00Z", 201.9),
                                 minute("2026-06-09T08:00:00Z", 199.9)),
        Capability.SPLITS: actions(forward_splits=[SPLIT]),
        Capability.DIVIDENDS: actions(cash_dividends=[DIVIDEND]),
    },
    recordings="alpaca",
    errors={"error_403_sip.json": (403, ErrorKind.NOT_ENTITLED),
            "error_429_trading.json": (429, ErrorKind.THROTTLED_MINUTE),
            "snapshot_empty.json": (200, ErrorKind.UNKNOWN_SYMBOL)})
