from tests.worker.providers.case import Case
from worker.providers.base import Capability, ErrorKind
from worker.providers.tiingo import Tiingo


def row(ticker: object = "AAPL", **changes: object) -> dict[str, object]:
    """Return one symbol of an answer, as it is in the morning: the trades on IEX are not for this key."""
    moment = "2026-06-10T10:59:58.123456789-04:00"
    return {"ticker": ticker, "timestamp": moment, "quoteTimestamp": None, "lastSaleTimestamp": None, "last": None,
            "lastSize": None, "tngoLast": 201.355, "prevClose": 199.5, "open": 200.1, "high": 202.25, "low": 199.875,
            "mid": None, "volume": 212345, "bidSize": None, "bidPrice": None, "askSize": None, "askPrice": None,
            **changes}


def past(day: str, close: object = 200.44, **changes: object) -> dict[str, object]:
    """Return a day of the past; no dividend, no split."""
    return {"date": f"{day}T00:00:00.000Z", "open": 199.8, "high": 201.7, "low": 199.12, "close": close,
            "volume": 41234567, "adjClose": close, "divCash": 0.0, "splitFactor": 1.0, **changes}


def minute(begins: object, close: object = 200.44, **changes: object) -> dict[str, object]:
    """Return a minute on IEX."""
    return {"date": begins, "open": 200.5, "high": 200.6, "low": 200.3, "close": close, **changes}


PROFILE = {"ticker": "AAPL", "name": "Apple Inc", "description": "Makes telephones.\nSells them, too.",
           "startDate": "1980-12-12", "endDate": "2026-06-09", "exchangeCode": "NASDAQ"}

CASE = Case(
    make=Tiingo,
    keys=["TIINGO_API_KEY"],
    url="TIINGO_URL",
    answer=[row()],
    price="201.355",
    zero=[row(tngoLast=0)],
    negative=[row(tngoLast=-201.355)],
    abilities={
        Capability.DAILY: [past("2026-06-08", divCash=0.26), past("2026-06-09", splitFactor=4.0)],
        Capability.WEEKLY: [past("2026-05-29"), past("2026-06-05")],
        Capability.MINUTES: [minute("2026-06-09T13:30:00.000Z"), minute("2026-06-10T14:58:00.000Z"),
                             minute("2026-06-10T14:59:00.000Z")],
        Capability.SPLITS: [{"date": "2020-08-28T00:00:00.000Z", "splitFactor": 1.0},
                            {"date": "2020-08-31T00:00:00.000Z", "splitFactor": 4.0}],
        Capability.DIVIDENDS: [{"date": "2026-05-08T00:00:00.000Z", "divCash": 0.0},
                               {"date": "2026-05-11T00:00:00.000Z", "divCash": 0.27}],
        Capability.OVERVIEW: PROFILE,
    },
    recordings="tiingo",
    errors={
        "error_429_hourly.json": (429, ErrorKind.THROTTLED_HOUR),
        "error_403_news.json": (403, ErrorKind.NOT_ENTITLED),
    },
)
