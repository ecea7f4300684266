from tests.worker.providers.case import Case
from worker.providers.base import ErrorKind
from worker.providers.tiingo import Tiingo


def row(ticker: object = "AAPL", **changes: object) -> dict[str, object]:
    """Return one symbol of an answer, as it is in the morning: the trades on IEX are not for this key."""
    moment = "2026-06-10T10:59:58.123456789-04:00"
    return {"ticker": ticker, "timestamp": moment, "quoteTimestamp": None, "lastSaleTimestamp": None, "last": None,
            "lastSize": None, "tngoLast": 201.355, "prevClose": 199.5, "open": 200.1, "high": 202.25, "low": 199.875,
            "mid": None, "volume": 212345, "bidSize": None, "bidPrice": None, "askSize": None, "askPrice": None,
            **changes}


CASE = Case(
    make=Tiingo,
    keys=["TIINGO_API_KEY"],
    url="TIINGO_URL",
    answer=[row()],
    price="201.355",
    zero=[row(tngoLast=0)],
    negative=[row(tngoLast=-201.355)],
    recordings="tiingo",
    errors={
        "error_429_hourly.json": (429, ErrorKind.THROTTLED_HOUR),
        "error_403_news.json": (403, ErrorKind.NOT_ENTITLED),
    },
)
