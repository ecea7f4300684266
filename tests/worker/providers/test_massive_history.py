import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.massive import (
    CASE,
    COMPANY,
    DAYS,
    DIVIDENDS,
    SEARCH,
    SPLITS,
    WEEKS,
    answer_with,
    bar,
)
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.records import Adjustment, Bar, Company, Dividend, History, Listing, Split
from worker.providers.base import ErrorKind, ProviderError

AAPL, NOW, BOOK = CASE.instrument, CASE.now, CASE.book


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> Any:
    """The provider, which asks the vendor on loopback."""
    return CASE.provider(config, vendor.url)


def refused(ask: Callable[[], object]) -> ErrorKind:
    with pytest.raises(ProviderError) as caught:
        ask()
    return caught.value.kind


def test_a_history_is_as_it_was_traded(provider: Any, vendor: Vendor) -> None:
    vendor.say(DAYS)
    assert provider.daily(AAPL, NOW, BOOK) == History(1, "massive", Adjustment.NONE, (
        Bar(dt.date(2026, 6, 8), Decimal("210.2"), Decimal(209), Decimal("211.4"), Decimal("208.1"), 40123456),
        Bar(dt.date(2026, 6, 9), Decimal("210.1"), Decimal("210.25"), Decimal(211), Decimal("209.2"), 38111222)))
    assert vendor.paths == ["/v2/aggs/ticker/AAPL/range/1/day/2024-06-10/2026-06-10"]
    assert vendor.calls == [{"adjusted": "false", "sort": "asc", "limit": "50000"}]
    assert vendor.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_history_is_asked_for_from_a_day_on(provider: Any, vendor: Vendor) -> None:
    vendor.say(DAYS)
    provider.daily(AAPL, NOW, BOOK, dt.date(2026, 6, 8))
    assert vendor.paths == ["/v2/aggs/ticker/AAPL/range/1/day/2026-06-08/2026-06-10"]


def test_a_paid_plan_is_asked_for_more(vendor: Vendor, config: Callable[..., Config]) -> None:
    provider: Any = CASE.provider(lambda **settings: config(**settings, MASSIVE_CALLS_PER_MINUTE=0), vendor.url)
    vendor.say(DAYS)
    provider.daily(AAPL, NOW, BOOK)
    assert vendor.paths == ["/v2/aggs/ticker/AAPL/range/1/day/2021-06-11/2026-06-10"]


def test_adjusted_prices_are_called_so(provider: Any, vendor: Vendor) -> None:
    vendor.say({**DAYS, "adjusted": True})
    assert provider.daily(AAPL, NOW, BOOK).adjusted is Adjustment.SPLITS


def test_a_week_that_begins_on_sunday_bears_its_friday(provider: Any, vendor: Vendor) -> None:
    vendor.say(WEEKS)
    assert [(str(one.day), str(one.close)) for one in provider.weekly(AAPL, NOW, BOOK).bars] == [
        ("2026-06-05", "208.77")]
    friday = provider.weekly(AAPL, at("2026-06-12 20:00"), BOOK).bars
    assert [str(one.day) for one in friday] == ["2026-06-05", "2026-06-12"]


def test_weeks_are_asked_for_from_a_monday_on(provider: Any, vendor: Vendor) -> None:
    vendor.say(WEEKS)
    provider.weekly(AAPL, NOW, BOOK)
    [path] = vendor.paths
    assert path == "/v2/aggs/ticker/AAPL/range/1/week/2024-06-17/2026-06-10"
    assert dt.date(2024, 6, 17).weekday() == 0


def test_a_day_in_winter_is_its_own(provider: Any, vendor: Vendor) -> None:
    winter = bar("2026-01-05", 1, 1, 1, 1, 5) | {"t": int(at("2026-01-05 05:00").timestamp()) * 1000}
    vendor.say(answer_with(winter))
    assert [str(one.day) for one in provider.daily(AAPL, NOW, BOOK).bars] == ["2026-01-05"]


def test_a_stock_without_trades_has_no_days(provider: Any, vendor: Vendor) -> None:
    vendor.say({"ticker": "AAPL", "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"})
    assert provider.daily(AAPL, NOW, BOOK).bars == ()


@pytest.mark.parametrize("answer", [
    answer_with(bar("2026-06-08", 1, 1, 1, 1, 1), ticker="MSFT"),
    answer_with(bar("2026-06-08", 1, 1, 1, 1, 1) | {"T": "MSFT"}),
    answer_with(bar("2026-06-08", 1, 1, 2, 1, 1)), answer_with(bar("2026-06-08", 1, 1, 1, 0, 1)),
    answer_with(bar("2026-06-08", 1, 1, 1, 1, 1) | {"t": None}),
    answer_with(bar("2026-06-08", 1, 1, 1, 1, 1), bar("2026-06-08", 2, 2, 2, 2, 2)), answer_with(results={"t": 1}),
    answer_with(results=["x"])])
def test_a_history_that_cannot_be_right_is_refused(provider: Any, vendor: Vendor, answer: dict[str, Any]) -> None:
    vendor.say(answer)
    assert refused(lambda: provider.daily(AAPL, NOW, BOOK)) is ErrorKind.BROKEN_ANSWER


def test_what_the_plan_lacks_is_told_of(provider: Any, vendor: Vendor) -> None:
    vendor.say({"status": "NOT_AUTHORIZED", "message": "Your plan doesn't include this data timeframe."}, 403)
    assert refused(lambda: provider.daily(AAPL, NOW, BOOK)) is ErrorKind.NOT_ENTITLED


def test_splits_are_asked_for_newest_first_and_given_oldest_first(provider: Any, vendor: Vendor) -> None:
    vendor.say(SPLITS)
    assert provider.splits(AAPL, NOW) == [
        Split(dt.date(2014, 6, 9), Decimal(7)), Split(dt.date(2020, 8, 31), Decimal(4))]
    assert vendor.paths == ["/v3/reference/splits"]
    assert vendor.calls == [{"ticker": "AAPL", "order": "desc", "sort": "execution_date", "limit": "1000"}]


def test_a_share_class_has_a_dot(provider: Any, vendor: Vendor) -> None:
    vendor.say({"status": "OK", "results": []})
    assert provider.splits(stock("BRK/B", "XNYS"), NOW) == []
    assert vendor.calls[0]["ticker"] == "BRK.B"


def test_dividends_are_as_they_were_paid(provider: Any, vendor: Vendor) -> None:
    vendor.say(DIVIDENDS)
    assert provider.dividends(AAPL, NOW) == [Dividend(dt.date(2026, 5, 11), Decimal("0.27"))]
    [row] = DIVIDENDS["results"]
    vendor.say({**DIVIDENDS, "results": [row, row | {"currency": "CAD", "ex_dividend_date": "2026-02-09"}]})
    assert [str(found.day) for found in provider.dividends(AAPL, NOW)] == ["2026-05-11"]


def test_events_of_another_stock_are_refused(provider: Any, vendor: Vendor) -> None:
    vendor.say(SPLITS)
    assert refused(lambda: provider.splits(stock("MSFT", "XNAS"), NOW)) is ErrorKind.BROKEN_ANSWER
    vendor.say(DIVIDENDS)
    assert refused(lambda: provider.splits(AAPL, NOW)) is ErrorKind.BROKEN_ANSWER


def test_a_search_leaves_out_what_could_not_be_asked_for(provider: Any, vendor: Vendor) -> None:
    vendor.say(SEARCH)
    assert provider.search("apple", NOW) == [
        Listing("AAPL", "XNAS", "Apple Inc.", "USD", "US", "stock", "BBG001S5N8V8")]
    assert vendor.calls == [{"search": "apple", "market": "stocks", "active": "true", "limit": "50"}]
    vendor.say({"status": "OK", "request_id": "1", "count": 0})
    assert provider.search("zzz", NOW) == []


def test_a_company_is_described(provider: Any, vendor: Vendor) -> None:
    vendor.say(COMPANY)
    assert provider.overview(AAPL, NOW) == Company(
        1, "massive", "Apple Inc.", "It makes telephones.", "", "Electronic computers", "", "https://www.apple.com",
        Decimal("3011234567890.12"), 14_687_356_000)
    assert vendor.paths == ["/v3/reference/tickers/AAPL"]


def test_a_company_that_is_not_known_is_an_unknown_symbol(provider: Any, vendor: Vendor) -> None:
    vendor.say({"status": "NOT_FOUND", "request_id": "1", "message": "Ticker not found."}, 404)
    assert refused(lambda: provider.overview(AAPL, NOW)) is ErrorKind.UNKNOWN_SYMBOL


@needs_recordings
def test_recorded_splits_are_those_of_the_stock(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "polygon/reference_splits.json").read_bytes())
    assert provider.splits(stock("GOOGL", "XNAS"), NOW) == [Split(dt.date(2022, 7, 18), Decimal(20))]
    assert provider.splits(stock("BRW", "XNYS"), NOW) == [Split(dt.date(2022, 5, 20), Decimal("0.5"))]
    assert refused(lambda: provider.splits(stock("NONE", "XNYS"), NOW)) is ErrorKind.BROKEN_ANSWER


@needs_recordings
def test_recorded_hits_are_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "polygon/reference_tickers.json").read_bytes())
    assert provider.search("a", NOW) == [
        Listing("A", "XNYS", "Agilent Technologies Inc.", "USD", "US", "stock", "BBG001SCTQY4"),
        Listing("AA", "XNYS", "Alcoa Corporation", "USD", "US", "stock", "BBG00B3T3HF1")]


@needs_recordings
def test_a_recorded_bar_is_read_as_one_day(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "polygon/prev_AAPL.json").read_bytes())
    history = provider.daily(AAPL, at("2022-04-27 12:00"), new_york("2022-04-18", "2022-04-29", "XNAS"))
    assert [(str(one.day), str(one.close), one.volume) for one in history.bars] == [("2022-04-26", "156.8", 95595226)]
    assert history.adjusted is Adjustment.SPLITS
