"""Yahoo's past days and weeks, with exact figures."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.yahoo import CASE, DAYS, MONDAYS, OPENINGS, WEEKS, chart
from tests.worker.providers.conftest import Vendor, at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Dividend, History, Instrument, Split
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.yahoo import Yahoo

NOW = at("2026-06-10 15:00")
EVENING = at("2026-06-10 21:00")
BOOK = new_york("2026-05-01", "2026-06-20", "XNAS")
APPLE = stock("AAPL", "XNAS")


@pytest.fixture
def yahoo(vendor: Vendor, config: Callable[..., Config]) -> Yahoo:
    """The provider, against the vendor on loopback."""
    return Yahoo(config(YAHOO=True, YAHOO_URL=vendor.url))


def days_of(history: History) -> list[str]:
    return [str(bar.day) for bar in history.bars]


def test_days_come_with_their_events_and_without_the_one_that_runs(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(DAYS)
    history = yahoo.daily(APPLE, NOW, BOOK)
    assert history.bars[-1] == Bar(dt.date(2026, 6, 9), Decimal("210.1"), Decimal("209.6"), Decimal("211.1"),
                                   Decimal("209.1"), 41_000_000, Decimal("208.1"))
    assert days_of(history) == ["2026-06-05", "2026-06-08", "2026-06-09"]
    assert (history.adjusted, history.unit, history.source) == (Adjustment.SPLITS, "USD", "yahoo")
    assert history.splits == (Split(dt.date(2020, 8, 31), Decimal(4)),)
    assert history.dividends == (Dividend(dt.date(2026, 6, 8), Decimal("0.26")),)
    assert days_of(yahoo.daily(APPLE, EVENING, BOOK))[-1] == "2026-06-10"


def test_the_call_asks_from_a_day_on_with_the_events(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(DAYS)
    assert days_of(yahoo.daily(APPLE, NOW, BOOK, dt.date(2026, 6, 8))) == ["2026-06-08", "2026-06-09"]
    [call] = vendor.calls
    assert (call["interval"], call["events"], call["includePrePost"]) == ("1d", "div,splits", "false")
    assert dt.datetime.fromtimestamp(int(call["period1"]), dt.UTC) <= at("2026-06-08 00:00")
    assert dt.datetime.fromtimestamp(int(call["period2"]), dt.UTC) == NOW
    assert vendor.paths == ["/v8/finance/chart/AAPL"]


def test_splits_and_dividends_can_be_asked_for_alone(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(DAYS)
    assert yahoo.splits(APPLE, NOW) == [Split(dt.date(2020, 8, 31), Decimal(4))]
    assert yahoo.dividends(APPLE, NOW) == [Dividend(dt.date(2026, 6, 8), Decimal("0.26"))]
    assert len(vendor.calls) == 2


def test_dividends_asked_for_alone_are_in_the_shares_of_their_day_and_the_exchanges_unit(
        yahoo: Yahoo, vendor: Vendor) -> None:
    body: Any = copy.deepcopy(DAYS)
    entry = body["chart"]["result"][0]
    entry["events"]["dividends"]["1588944600"] = {"amount": 0.205, "date": 1588944600}  # 2020-05-08, before the split
    vendor.say(body)
    old, new = yahoo.dividends(APPLE, NOW)
    assert old == Dividend(dt.date(2020, 5, 8), Decimal("0.82"))
    assert new == Dividend(dt.date(2026, 6, 8), Decimal("0.26"))
    entry["meta"] |= {"currency": "GBP", "symbol": "AAPL.L"}
    vendor.say(body)
    [_, new] = yahoo.dividends(replace(APPLE, mic="XLON", currency="GBP", unit="GBX"), NOW)
    assert new.amount == 26


@pytest.mark.parametrize(("split", "ratio"), [
    ({"numerator": 3, "denominator": 2}, "1.5"), ({"splitRatio": "1:10"}, "0.1"), ({"splitRatio": "4/1"}, "4"),
    ({"numerator": 1000.0, "denominator": 1046.0}, "0.956022944551")])
def test_a_split_is_new_shares_for_old_ones(yahoo: Yahoo, vendor: Vendor, split: dict[str, object],
                                            ratio: str) -> None:
    vendor.say(chart(OPENINGS, [1, 2, 3, 4], events={"splits": {"1": {"date": 1598880600, **split}}}))
    assert yahoo.splits(APPLE, NOW) == [Split(dt.date(2020, 8, 31), Decimal(ratio))]


def test_days_on_which_nothing_was_traded_are_left_out(yahoo: Yahoo, vendor: Vendor) -> None:
    body = chart(OPENINGS, [203.25, None, 210.1, 212.45])
    figures = body["chart"]["result"][0]["indicators"]["quote"][0]  # type: ignore[index]
    for name in ("open", "high", "low", "close"):
        figures[name][2] = 0
    vendor.say(body)
    assert days_of(yahoo.daily(APPLE, EVENING, BOOK)) == ["2026-06-05", "2026-06-10"]


def test_a_newest_price_beside_the_days_own_row_is_one_day(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(chart([*OPENINGS, at("2026-06-10 20:00:01")], [203.25, 204.5, 210.1, 212.4, 212.45]))
    history = yahoo.daily(APPLE, EVENING, BOOK)
    assert (days_of(history)[-1], history.bars[-1].close) == ("2026-06-10", Decimal("212.45"))
    assert days_of(yahoo.daily(APPLE, NOW, BOOK))[-1] == "2026-06-09"


def test_a_day_that_stands_twice_in_the_middle_is_an_error(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(chart([OPENINGS[0], *OPENINGS], [203.25, 203.25, 204.5, 210.1, 212.45]))
    with pytest.raises(ProviderError, match="stands twice"):
        yahoo.daily(APPLE, NOW, BOOK)


def test_weeks_bear_their_last_session_and_the_one_that_runs_is_left_out(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(WEEKS)
    history = yahoo.weekly(APPLE, NOW, BOOK)
    assert [(str(bar.day), str(bar.close)) for bar in history.bars] == [("2026-05-29", "198.5"),
                                                                       ("2026-06-05", "203.25")]
    assert vendor.calls[0]["interval"] == "1wk"


def test_a_weeks_newest_day_in_a_row_of_its_own_is_made_a_part_of_it(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(chart([*MONDAYS, at("2026-06-12 20:00:01")], [198.5, 203.25, 212.5, 209], dataGranularity="1wk"))
    [week] = yahoo.weekly(APPLE, at("2026-06-13 12:00"), BOOK).bars[2:]
    assert (str(week.day), week.close, week.open) == ("2026-06-12", Decimal(209), Decimal("212.0"))
    assert (week.high, week.low, week.volume) == (Decimal("213.5"), Decimal(208), None)


@pytest.mark.parametrize(("changes", "words"), [
    ({"symbol": "MSFT"}, "another symbol"), ({"dataGranularity": "3mo"}, "another length"),
    ({"currency": "EUR"}, "another currency"), ({"timestamp": [1]}, "same length"),
    ({"timestamp": [None] * 4}, "a time is missing"), ({"timestamp": [10**12] * 4}, "a time is not one")])
def test_a_chart_of_something_else_is_refused(yahoo: Yahoo, vendor: Vendor, changes: dict[str, object],
                                              words: str) -> None:
    vendor.say(chart(OPENINGS, [1, 2, 3, 4], **changes))
    with pytest.raises(ProviderError, match=words) as caught:
        yahoo.daily(APPLE, NOW, BOOK)
    assert caught.value.kind is ErrorKind.BROKEN_ANSWER


def test_a_range_without_days_is_an_empty_history(yahoo: Yahoo, vendor: Vendor) -> None:
    body = chart([], [], indicators={"quote": [{}], "adjclose": [{}]})
    del body["chart"]["result"][0]["timestamp"]  # type: ignore[index]
    vendor.say(body)
    assert yahoo.daily(APPLE, NOW, BOOK).bars == ()
    vendor.say({"chart": {"result": None, "error": {"code": "Bad Request", "description":
                "Data doesn't exist for startDate = 1577836800, endDate = 1578009600"}}}, 400)
    assert yahoo.daily(APPLE, NOW, BOOK, dt.date(2026, 6, 10)).bars == ()


def test_a_close_that_dividends_ate_up_is_no_reason_to_refuse_the_day(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(chart(OPENINGS, [1.5, 2, 3, 4]))
    bars = yahoo.daily(APPLE, EVENING, BOOK).bars
    assert [bar.adjusted_close for bar in bars] == [None, None, Decimal(1), Decimal(2)]


def test_a_zone_that_nobody_knows_gives_way_to_the_exchanges_own(yahoo: Yahoo, vendor: Vendor) -> None:
    sydney = stock("CBA", "XASX", "AUD")
    # Sydney's 10 June opens while it is still the 9th in London.
    body = chart([at("2026-06-09 23:00")], [170.5], symbol="CBA.AX", currency="AUD", exchangeTimezoneName="../Mars")
    vendor.say(body)
    assert days_of(yahoo.daily(sydney, at("2026-06-11 00:00"), SessionBook([]))) == ["2026-06-10"]


RECORDED = [
    ("chart_MSFT_2021_dividends.json", stock("MSFT", "XNAS"), 252, "2021-02-01", "239.64999389648", "USD"),
    ("chart_TSLA_recent_pricehist.json", stock("TSLA", "XNAS"), 5, "2021-01-04", "243.25666809082", "USD"),
    ("chart_IBM_1962_pricehist.json", stock("IBM", "XNYS"), 10, "1962-01-02", "7.2912678718567", "USD"),
    ("chart_OCDO.L_GBp.json", stock("OCDO", "XLON", "GBX"), 1, "2020-01-02", "1259.5", "GBX"),
    ("chart_WSU.DE_nulls.json", stock("WSU", "XETR", "EUR"), 3, "2023-08-04", "34.45000076294", "EUR"),
    ("chart_0P000071W8.TO_fund.json", stock("0P000071W8", "XTSE", "CAD"), 1, "2020-01-02", "73.720001220703", "CAD"),
]


@needs_recordings
@pytest.mark.parametrize(("name", "instrument", "count", "first", "close", "unit"), RECORDED)
def test_a_recorded_chart_is_read(yahoo: Yahoo, vendor: Vendor, name: str, instrument: Instrument, count: int,
                                  first: str, close: str, unit: str) -> None:
    vendor.say((RECORDINGS / "yahoo" / name).read_bytes())
    history = yahoo.daily(instrument, CASE.recorded_at, SessionBook([]), dt.date(1960, 1, 1))
    assert (len(history.bars), str(history.bars[0].day), history.unit) == (count, first, unit)
    assert float(history.bars[0].close) == pytest.approx(float(close), abs=1e-9)


@needs_recordings
def test_the_recorded_events_are_read(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "yahoo" / "chart_MSFT_2021_dividends.json").read_bytes())
    paid = yahoo.dividends(stock("MSFT", "XNAS"), CASE.recorded_at)
    assert [(str(one.day), str(one.amount)) for one in paid] == [
        ("2021-02-17", "0.56"), ("2021-05-19", "0.56"), ("2021-08-18", "0.56"), ("2021-11-17", "0.62")]
    vendor.say((RECORDINGS / "yahoo" / "chart_IBM_1962_pricehist.json").read_bytes())
    splits = yahoo.splits(stock("IBM", "XNYS"), CASE.recorded_at)
    assert [(str(one.day), str(one.ratio)) for one in splits][:2] == [("1964-05-18", "1.25"), ("1966-05-18", "1.5")]
    assert len(splits) == 7


@needs_recordings
def test_a_recorded_row_of_nulls_is_left_out(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "yahoo" / "chart_INRX_null_row_pricehist.json").read_bytes().replace(b"INR=X", b"INRX"))
    history = yahoo.daily(stock("INRX", "XNAS", "INR"), CASE.recorded_at, SessionBook([]), dt.date(2017, 1, 1))
    assert days_of(history) == ["2017-07-10", "2017-07-12", "2017-07-13"]
