"""Massive: the bar of the day before."""

from config import Config
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import ErrorKind
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


CASE = Case(
    make=make, keys=("MASSIVE_API_KEY",), url="MASSIVE_URL", price="200.445",
    answer=previous(), zero=previous(c=0), negative=previous(c=-200.445),
    recordings="polygon", prices={"prev_AAPL.json": (stock("AAPL", "XNAS"), "156.8")},
    errors={"error_404_ticker.json": (404, ErrorKind.UNKNOWN_SYMBOL),
            "error_429.json": (429, ErrorKind.THROTTLED_MINUTE)})
