"""Minutes of each vendor: what is asked for, and how its answers are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config import Config
from tests.worker.providers.cases import alpaca, massive, tiingo, twelve_data, yahoo
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, refusal, stock
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Adjustment, MinuteBar
from worker.providers.base import ErrorKind

BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NOW = at("2026-06-10 15:00:30")
AAPL = stock("AAPL", "XNAS")
Make = Callable[..., Any]


@pytest.fixture
def make(vendor: Vendor, config: Callable[..., Config]) -> Make:
    """Make a vendor's provider, with a key, against the server."""
    def made(case: Any, **changes: object) -> Any:
        return case.CASE.make(config(**dict.fromkeys(case.CASE.keys, KEY), **{case.CASE.url: vendor.url}, **changes),
                              None)

    return made


def moments(minutes: Any) -> list[str]:
    return [f"{bar.at:%m-%d %H:%M}" for bar in minutes.bars]


def test_alpacas_are_of_all_exchanges_with_their_volume(make: Make, vendor: Vendor) -> None:
    vendor.say(alpaca.bars(alpaca.minute("2026-06-10T14:43:00Z", 202.0), alpaca.minute("2026-06-09T08:00:00Z", 199.9)))
    minutes = make(alpaca).minutes(AAPL, NOW, BOOK)
    assert (minutes.adjusted, minutes.unit, moments(minutes)) == (Adjustment.NONE, "", ["06-09 08:00", "06-10 14:43"])
    assert minutes.bars[1] == MinuteBar(at("2026-06-10 14:43"), Decimal("202.0"), Decimal("201.95"), Decimal("202.5"),
                                        Decimal("199.5"), 4_123)
    assert vendor.calls == [{"symbols": "AAPL", "timeframe": "1Min", "adjustment": "raw", "feed": "sip",
                             "limit": "10000", "sort": "desc", "start": "2026-06-04", "end": "2026-06-10T14:44:30Z"}]


def test_tiingos_are_without_the_volume_of_iex(make: Make, vendor: Vendor) -> None:
    vendor.say([tiingo.minute("2026-06-10T14:59:00.000Z", volume=345)])
    minutes = make(tiingo).minutes(stock("BRK.B", "XNAS"), NOW, BOOK)
    assert [(bar.close, bar.volume) for bar in minutes.bars] == [(Decimal("200.44"), None)]
    assert vendor.paths == ["/iex/BRK-B/prices"]
    assert vendor.calls == [{"startDate": "2026-06-04", "resampleFreq": "1min", "afterHours": "true",
                             "columns": "open,high,low,close", "format": "json"}]


def test_tiingos_rows_of_days_are_no_minutes(make: Make, vendor: Vendor) -> None:
    vendor.say([tiingo.past("2026-06-09")])
    assert refusal(lambda: make(tiingo).minutes(AAPL, NOW, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_twelve_datas_are_told_from_the_exchanges_time_to_utc(make: Make, vendor: Vendor) -> None:
    vendor.say(twelve_data.MINUTES)
    minutes = make(twelve_data).minutes(AAPL, NOW, BOOK)
    assert moments(minutes) == ["06-10 13:30", "06-10 14:58", "06-10 14:59"]
    assert (minutes.adjusted, minutes.unit) == (Adjustment.NONE, "USD")
    asked = vendor.calls[0]
    assert (asked["interval"], asked["start_date"], asked["adjust"]) == ("1min", "2026-06-04 00:00:00", "none")


def test_twelve_datas_of_london_are_in_pence_and_in_summer_time(make: Make, vendor: Vendor) -> None:
    meta = {"symbol": "TSCO", "interval": "1min", "currency": "GBp", "exchange_timezone": "Europe/London",
            "exchange": "LSE", "mic_code": "XLON"}
    row = {"datetime": "2026-06-10 08:00:00", "open": "410.1", "high": "411", "low": "410", "close": "410.5"}
    vendor.say({"meta": meta, "status": "ok", "values": [row]})
    opens = at("2026-06-10 07:00")
    book = SessionBook([SessionTimes("XLON", opens.date(), opens, opens + dt.timedelta(hours=8.5))])
    minutes = make(twelve_data, TWELVE_DATA_CALLS_PER_DAY=0).minutes(stock("TSCO", "XLON", "GBX"), NOW, book)
    assert (moments(minutes), minutes.unit, minutes.bars[0].volume) == (["06-10 07:00"], "GBX", None)


def test_twelve_datas_in_another_place_time_are_refused(make: Make, vendor: Vendor) -> None:
    vendor.say({**twelve_data.MINUTES, "meta": {**twelve_data.MINUTES["meta"], "exchange_timezone": "Asia/Tokyo"}})
    assert refusal(lambda: make(twelve_data).minutes(AAPL, NOW, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_twelve_datas_days_are_no_minutes(make: Make, vendor: Vendor) -> None:
    vendor.say(twelve_data.DAYS)
    assert refusal(lambda: make(twelve_data).minutes(AAPL, NOW, BOOK)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("calls", "days"), [(5, "2026-06-03/2026-06-09"), (0, "2026-06-04/2026-06-10")])
def test_massives_free_plan_is_asked_until_yesterday(make: Make, vendor: Vendor, calls: int, days: str) -> None:
    vendor.say(massive.MINUTES)
    minutes = make(massive, MASSIVE_CALLS_PER_MINUTE=calls).minutes(AAPL, NOW, BOOK)
    assert moments(minutes) == ["06-08 13:30", "06-09 13:30", "06-09 13:31", "06-09 23:59"]
    assert (minutes.adjusted, minutes.bars[0].volume) == (Adjustment.NONE, 4123)
    assert vendor.paths == [f"/v2/aggs/ticker/AAPL/range/1/minute/{days}"]


def test_massives_bar_of_a_day_is_no_minute(make: Make, vendor: Vendor) -> None:
    vendor.say(massive.previous())
    assert refusal(lambda: make(massive).minutes(AAPL, NOW, BOOK)).kind is ErrorKind.BROKEN_ANSWER
    vendor.say(massive.DAYS)
    assert refusal(lambda: make(massive).minutes(AAPL, NOW, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_yahoos_null_rows_and_its_newest_price_are_no_minutes(make: Make, vendor: Vendor) -> None:
    vendor.say(yahoo.MINUTES)
    minutes = make(yahoo).minutes(AAPL, NOW, BOOK)
    assert moments(minutes) == ["06-09 08:00", "06-09 13:30", "06-10 14:59"]
    assert (minutes.adjusted, minutes.unit) == (Adjustment.SPLITS, "USD")
    assert vendor.paths == ["/v8/finance/chart/AAPL"]
    assert vendor.calls == [{"interval": "1m", "range": "5d", "includePrePost": "true"}]


def test_yahoos_volume_of_0_is_unknown(make: Make, vendor: Vendor) -> None:
    body: Any = yahoo.chart(yahoo.STAMPS[:2], [203.25, 204.5], dataGranularity="1m")
    body["chart"]["result"][0]["indicators"]["quote"][0]["volume"] = [0, 900]
    vendor.say(body)
    assert [bar.volume for bar in make(yahoo).minutes(AAPL, NOW, BOOK).bars] == [None, 900]


def test_yahoos_newest_price_on_the_whole_minute_is_no_second_bar(make: Make, vendor: Vendor) -> None:
    stamps = [at("2026-06-10 14:58"), at("2026-06-10 14:59"), at("2026-06-10 14:59")]
    vendor.say(yahoo.chart(stamps, [1.0, 1.01, 1.02], dataGranularity="1m", indicators={"quote": [
        {"open": [1.0] * 3, "high": [1.1] * 3, "low": [0.9] * 3, "close": [1.0, 1.01, 1.02], "volume": [1, 2, 0]}]}))
    assert [bar.close for bar in make(yahoo).minutes(AAPL, NOW, BOOK).bars] == [Decimal("1.0"), Decimal("1.01")]


def test_yahoos_days_without_prices_are_no_minutes(make: Make, vendor: Vendor) -> None:
    vendor.say({"chart": {"result": None, "error": {
        "code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"}}}, 400)
    assert make(yahoo).minutes(AAPL, NOW, BOOK).bars == ()


@pytest.mark.parametrize("case", [alpaca, tiingo, twelve_data, massive, yahoo])
def test_a_stock_of_an_exchange_that_it_has_not_costs_no_call(case: Any, make: Make, vendor: Vendor) -> None:
    assert refusal(lambda: make(case).minutes(stock("X", "XXXX"), NOW, BOOK)).kind is ErrorKind.UNKNOWN_SYMBOL
    assert vendor.calls == []
