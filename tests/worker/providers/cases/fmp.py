from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import ErrorKind
from worker.providers.fmp import Fmp

EVENING = int(at("2026-06-09 20:00:01").timestamp())


def quote(symbol: object = "AAPL", **changes: object) -> dict[str, object]:
    """Return the quote of an answer, with the close of the day before."""
    return {"symbol": symbol, "name": "Apple Inc.", "price": 201.36, "changePercentage": 0.93233, "change": 1.86,
            "volume": 41234567, "dayLow": 199.88, "dayHigh": 202.25, "yearHigh": 260.1, "yearLow": 169.21,
            "marketCap": 3007500000000, "priceAvg50": 201.9, "priceAvg200": 222.4, "exchange": "NASDAQ",
            "open": 200.1, "previousClose": 199.5, "timestamp": EVENING, **changes}


CASE = Case(
    make=Fmp,
    keys=["FMP_API_KEY"],
    url="FMP_URL",
    answer=[quote()],
    price="201.36",
    zero=[quote(price=0)],
    negative=[quote(price=-201.36)],
    recordings="fmp",
    prices={"v3_quote_AAPL_openbb2023.json": (stock("AAPL", "XNAS"), "191.31")},
    errors={
        "error_limit_reached.json": (429, ErrorKind.THROTTLED_DAY),
        "error_exclusive_endpoint.json": (402, ErrorKind.NOT_ENTITLED),
        "error_legacy_endpoint.json": (403, ErrorKind.NOT_ENTITLED),
    },
)
