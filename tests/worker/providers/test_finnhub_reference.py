import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.finnhub import CANDLES, CASE, COMPANY, DIVIDENDS, LISTING, SEARCH, SPLITS
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.records import Adjustment, Bar, Company, Dividend, History, Listing, Split
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import MAX_BYTES

AAPL, NOW, BOOK = CASE.instrument, CASE.now, CASE.book


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> Any:
    """The provider, which asks the vendor on loopback."""
    return CASE.provider(config, vendor.url)


def refused(ask: Callable[[], object]) -> ErrorKind:
    with pytest.raises(ProviderError) as caught:
        ask()
    return caught.value.kind


def test_a_history_has_every_digit_and_says_that_splits_are_in_it(provider: Any, vendor: Vendor) -> None:
    vendor.say(CANDLES)
    history = provider.daily(AAPL, NOW, BOOK)
    assert history == History(1, "finnhub", Adjustment.SPLITS, (
        Bar(dt.date(2026, 6, 8), Decimal("210.2"), Decimal("209.0"), Decimal("211.4"), Decimal("208.1"), 40123456),
        Bar(dt.date(2026, 6, 9), Decimal("210.1"), Decimal("210.25"), Decimal("211.0"), Decimal("209.2"), 38111222)))
    assert vendor.paths == ["/stock/candle"]
    assert vendor.headers[0]["X-Finnhub-Token"] == KEY
    assert KEY not in str(vendor.calls)


def test_a_history_is_asked_for_from_a_day_on(provider: Any, vendor: Vendor) -> None:
    vendor.say(CANDLES)
    provider.daily(AAPL, NOW, BOOK, dt.date(2026, 6, 8))
    assert vendor.calls == [{"symbol": "AAPL", "resolution": "D", "from": str(int(at("2026-06-08 00:00").timestamp())),
                             "to": str(int(NOW.timestamp()))}]


def test_the_running_day_comes_after_its_close(provider: Any, vendor: Vendor) -> None:
    vendor.say(CANDLES)
    assert provider.daily(AAPL, at("2026-06-10 20:00"), BOOK).bars[-1].close == Decimal("212.45")


def test_a_day_that_is_midnight_in_new_york_is_that_day(provider: Any, vendor: Vendor) -> None:
    midnight = int(at("2026-06-08 04:00").timestamp())
    vendor.say({"s": "ok", "t": [midnight], "c": [210.2]})
    [bar] = provider.daily(AAPL, NOW, BOOK).bars
    assert bar == Bar(dt.date(2026, 6, 8), Decimal("210.2"))


def test_no_data_is_a_history_without_days(provider: Any, vendor: Vendor) -> None:
    vendor.say({"s": "no_data"})
    assert provider.daily(AAPL, NOW, BOOK).bars == ()
    vendor.say({"s": "no_data", "t": None, "c": None, "o": [], "h": [], "l": [], "v": []})
    assert provider.daily(AAPL, NOW, BOOK).bars == ()


@pytest.mark.parametrize("change", [
    {"c": [1.0]}, {"v": [1]}, {"t": [None, None, None]}, {"s": "odd"}, {"t": [], "c": []}, {"c": [0, 0, 0]},
    {"h": [1, 1, 1]}, {"t": {}, "c": "x"}, {"s": ["ok"]}])
def test_lists_that_do_not_fit_are_no_history(provider: Any, vendor: Vendor, change: dict[str, object]) -> None:
    vendor.say(CANDLES | change)
    assert refused(lambda: provider.daily(AAPL, NOW, BOOK)) is ErrorKind.BROKEN_ANSWER


def test_a_plan_without_history_is_told_of(provider: Any, vendor: Vendor) -> None:
    vendor.say({"error": "You don't have access to this resource."}, 403)
    for ask in (lambda: provider.daily(AAPL, NOW, BOOK), lambda: provider.splits(AAPL, NOW),
                lambda: provider.dividends(AAPL, NOW)):
        assert refused(ask) is ErrorKind.NOT_ENTITLED


def test_splits_are_how_many_shares_stand_for_one(provider: Any, vendor: Vendor) -> None:
    vendor.say(SPLITS)
    assert provider.splits(AAPL, NOW) == [
        Split(dt.date(2014, 6, 9), Decimal(7)), Split(dt.date(2020, 8, 31), Decimal(4))]
    assert vendor.calls == [{"symbol": "AAPL", "from": "1970-01-02", "to": "2027-06-10"}]
    vendor.say([])
    assert provider.splits(AAPL, NOW) == []


def test_dividends_are_as_they_were_paid(provider: Any, vendor: Vendor) -> None:
    vendor.say([DIVIDENDS[0] | {"date": "2014-05-08", "amount": 3.29, "adjustedAmount": 0.1175}])
    assert provider.dividends(AAPL, NOW) == [Dividend(dt.date(2014, 5, 8), Decimal("3.29"))]
    assert vendor.paths == ["/stock/dividend"]


def test_a_dividend_in_another_currency_is_left_out(provider: Any, vendor: Vendor) -> None:
    vendor.say([DIVIDENDS[0] | {"currency": "CAD"}])
    assert provider.dividends(AAPL, NOW) == []


@pytest.mark.parametrize("rows", [[SPLITS[0] | {"symbol": "MSFT"}], [SPLITS[0], "x"], {}, [{"symbol": "AAPL"}]])
def test_events_of_another_stock_are_refused(provider: Any, vendor: Vendor, rows: object) -> None:
    vendor.say(rows)
    assert refused(lambda: provider.splits(AAPL, NOW)) is ErrorKind.BROKEN_ANSWER


def test_a_search_does_not_guess_an_exchange(provider: Any, vendor: Vendor) -> None:
    vendor.say(SEARCH)
    assert provider.search("apple", NOW) == [Listing("2788", "XTKS", "APPLE INTERNATIONAL", country="JP")]
    assert vendor.calls == [{"q": "apple"}]
    vendor.say({"count": 0, "result": []})
    assert provider.search("zzz", NOW) == []


def test_a_directory_has_what_our_exchanges_list(provider: Any, vendor: Vendor) -> None:
    vendor.say(LISTING)
    assert provider.listing(NOW) == [
        Listing("AAPL", "XNAS", "APPLE INC", "USD", "US", "stock", "BBG001S5N8V8"),
        Listing("SPY", "ARCX", "SPDR S&P 500 ETF", "USD", "US", "etf", "BBG000BDTBL9")]
    assert vendor.calls == [{"exchange": "US"}]


def test_a_directory_may_be_large(provider: Any, vendor: Vendor) -> None:
    letters = [first + second + third + fourth for first in "ABCDEFGHIJKLMNOP" for second in "ABCDEFGHIJKLMNOP"
               for third in "ABCDEFGHIJKLMNOP" for fourth in "ABC"]
    body = json.dumps([{**LISTING[0], "symbol": symbol} for symbol in letters])
    assert len(body) > MAX_BYTES
    vendor.say(body)
    provider._client._deadline = 30.0
    assert len(provider.listing(NOW)) == len(letters)


def test_an_empty_directory_is_no_directory(provider: Any, vendor: Vendor) -> None:
    for rows in ([], [LISTING[2]], [None, "x"]):
        vendor.say(rows)
        assert refused(lambda: provider.listing(NOW)) is ErrorKind.BROKEN_ANSWER


def test_a_company_has_its_millions(provider: Any, vendor: Vendor) -> None:
    vendor.say(COMPANY)
    assert provider.overview(AAPL, NOW) == Company(
        1, "finnhub", "Apple Inc", industry="Technology", country="US", website="https://www.apple.com/",
        market_cap=Decimal("3011234567800.0000"), shares=14_687_356_000)
    assert vendor.paths == ["/stock/profile2"]


def test_a_value_in_another_currency_is_left_out(provider: Any, vendor: Vendor) -> None:
    vendor.say(COMPANY | {"currency": "TWD"})
    assert provider.overview(stock("TSM", "XNYS"), NOW).market_cap is None


def test_a_company_that_is_not_known_is_an_unknown_symbol(provider: Any, vendor: Vendor) -> None:
    vendor.say({})
    assert refused(lambda: provider.overview(AAPL, NOW)) is ErrorKind.UNKNOWN_SYMBOL


@needs_recordings
def test_recorded_days_are_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "finnhub/candles_kevwk314.json").read_bytes())
    history = provider.daily(AAPL, at("2019-09-27 12:00"), new_york("2019-09-16", "2019-10-04", "XNAS"))
    assert [(str(bar.day), str(bar.close), bar.volume) for bar in history.bars] == [
        ("2019-09-24", "217.68", 33463820), ("2019-09-25", "221.03", 24018876), ("2019-09-26", "219.89", 20730608)]


@needs_recordings
def test_a_recorded_search_is_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "finnhub/search_apple_salzaki2026.json").read_bytes())
    assert [found.key for found in provider.search("apple", NOW)] == [
        "XSHG:603020", "XTKS:2788", "XTKS:164A", "XLON:PNPL"]


@needs_recordings
def test_recorded_companies_are_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "finnhub/profile_AAPL_salzaki2026.json").read_bytes())
    company = provider.overview(AAPL, NOW)
    assert (company.name, company.industry, company.shares) == ("Apple Inc", "Technology", 14_687_360_000)
    assert company.market_cap == Decimal("4535749272209.372")
    vendor.say((RECORDINGS / "finnhub/company_kevwk314.json").read_bytes())
    company = provider.overview(AAPL, NOW)
    assert (company.name, company.sector, company.country) == ("APPLE INC", "Information Technology", "US")
    assert company.description.startswith("Apple Inc. designs")
    assert company.website == "https://www.apple.com"
