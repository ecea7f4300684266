from tests.worker.providers.case import Case
from tests.worker.providers.conftest import at, stock
from worker.providers.base import Capability, ErrorKind
from worker.providers.fmp import Fmp

EVENING = int(at("2026-06-09 20:00:01").timestamp())


def quote(symbol: object = "AAPL", **changes: object) -> dict[str, object]:
    """Return the quote of an answer, with the close of the day before."""
    return {"symbol": symbol, "name": "Apple Inc.", "price": 201.36, "changePercentage": 0.93233, "change": 1.86,
            "volume": 41234567, "dayLow": 199.88, "dayHigh": 202.25, "yearHigh": 260.1, "yearLow": 169.21,
            "marketCap": 3007500000000, "priceAvg50": 201.9, "priceAvg200": 222.4, "exchange": "NASDAQ",
            "open": 200.1, "previousClose": 199.5, "timestamp": EVENING, **changes}


def traded(day: str, close: object = 200.44, **changes: object) -> dict[str, object]:
    """Return a day as it was traded, the names of whose prices say the opposite."""
    return {"symbol": "AAPL", "date": day, "adjOpen": 199.8, "adjHigh": 201.7, "adjLow": 199.12, "adjClose": close,
            "volume": 41234567, **changes}


def found(symbol: object, exchange: object = "NASDAQ", **changes: object) -> dict[str, object]:
    """Return what a search finds."""
    return {"symbol": symbol, "name": "Apple Inc.", "currency": "USD", "exchangeFullName": "NASDAQ Global Select",
            "exchange": exchange, **changes}


def split(day: str, numerator: object = 4, denominator: object = 1, **changes: object) -> dict[str, object]:
    """Return a split."""
    return {"symbol": "AAPL", "date": day, "numerator": numerator, "denominator": denominator,
            "splitType": "stock-split", **changes}


def dividend(day: str, amount: object = 0.27, **changes: object) -> dict[str, object]:
    """Return a dividend."""
    return {"symbol": "AAPL", "date": day, "recordDate": "2026-05-11", "paymentDate": "2026-05-14",
            "declarationDate": "2026-04-30", "adjDividend": amount, "dividend": amount, "yield": 0.51,
            "frequency": "Quarterly", **changes}


PROFILE: dict[str, object] = {
    "symbol": "AAPL", "price": 201.36, "marketCap": 3007500000000, "beta": 1.1, "lastDividend": 1.04,
    "range": "169.21-260.1", "companyName": "Apple Inc.", "currency": "USD", "cik": "0000320193",
    "exchangeFullName": "NASDAQ Global Select", "exchange": "NASDAQ", "industry": "Consumer Electronics",
    "website": "https://www.apple.com", "description": "Makes telephones.", "sector": "Technology", "country": "US",
    "isEtf": False, "isActivelyTrading": True}

CASE = Case(
    make=Fmp,
    keys=["FMP_API_KEY"],
    url="FMP_URL",
    answer=[quote()],
    price="201.36",
    zero=[quote(price=0)],
    negative=[quote(price=-201.36)],
    abilities={
        Capability.DAILY: [traded("2026-06-09"), traded("2026-06-08", 199.01)],
        Capability.SPLITS: [split("2020-08-31"), split("2014-06-09", 7)],
        Capability.DIVIDENDS: [dividend("2026-05-11"), dividend("2026-02-09", 0.26)],
        Capability.SEARCH: [found("AAPL"), found("AAPL.L", "LSE", currency="GBp")],
        Capability.OVERVIEW: [PROFILE],
    },
    recordings="fmp",
    prices={"v3_quote_AAPL_openbb2023.json": (stock("AAPL", "XNAS"), "191.31")},
    errors={
        "error_limit_reached.json": (429, ErrorKind.THROTTLED_DAY),
        "error_exclusive_endpoint.json": (402, ErrorKind.NOT_ENTITLED),
        "error_legacy_endpoint.json": (403, ErrorKind.NOT_ENTITLED),
    },
)
