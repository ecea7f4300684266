import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.twelve_data import CASE, COMPANY, DAYS, DIVIDENDS, META, SEARCH, SPLITS, WEEKS
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.records import Adjustment, Bar, Company, Dividend, History, Listing, Split
from worker.providers.base import ErrorKind, ProviderError

AAPL, NOW, BOOK = CASE.instrument, CASE.now, CASE.book
VODAFONE = stock("VOD", "XLON", "GBX")


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> Any:
    """The provider on a paid plan, which asks the vendor on loopback."""
    return CASE.provider(lambda **settings: config(**settings, TWELVE_DATA_CALLS_PER_DAY=0), vendor.url)


def refused(ask: Callable[[], object]) -> ErrorKind:
    with pytest.raises(ProviderError) as caught:
        ask()
    return caught.value.kind


def test_a_history_is_as_it_was_traded(provider: Any, vendor: Vendor) -> None:
    vendor.say(DAYS)
    history = provider.daily(AAPL, NOW, BOOK)
    assert history == History(1, "twelve-data", Adjustment.NONE, (
        Bar(dt.date(2026, 6, 8), Decimal("210.2"), Decimal(209), Decimal("211.39999"), Decimal("208.10001"), 40123456),
        Bar(dt.date(2026, 6, 9), Decimal("210.10001"), Decimal("210.25"), Decimal(211), Decimal("209.2"), 38111222)),
        unit="USD")
    assert str(history.bars[0].close) == "210.20000"
    assert vendor.paths == ["/time_series"]
    assert vendor.calls == [{"symbol": "AAPL", "country": "United States", "interval": "1day", "outputsize": "5000",
                             "adjust": "none"}]
    assert vendor.headers[0]["Authorization"] == f"apikey {KEY}"


def test_a_history_is_asked_for_from_a_day_on(provider: Any, vendor: Vendor) -> None:
    vendor.say(DAYS)
    provider.daily(AAPL, NOW, BOOK, dt.date(2026, 6, 8))
    assert vendor.calls[0]["start_date"] == "2026-06-08"


def test_a_week_is_named_by_its_last_session(provider: Any, vendor: Vendor) -> None:
    vendor.say(WEEKS)
    assert [(str(bar.day), str(bar.close)) for bar in provider.weekly(AAPL, NOW, BOOK).bars] == [
        ("2026-06-05", "208.77000")]
    assert vendor.calls[0]["interval"] == "1week"
    friday = provider.weekly(AAPL, at("2026-06-12 20:00"), BOOK).bars
    assert [str(bar.day) for bar in friday] == ["2026-06-05", "2026-06-12"]


def test_pence_stay_pence(provider: Any, vendor: Vendor) -> None:
    vendor.say({**DAYS, "meta": {**META, "symbol": "VOD", "exchange": "LSE", "mic_code": "XLON", "currency": "GBp"}})
    assert provider.daily(VODAFONE, NOW, new_york("2026-06-01", "2026-06-20", "XLON")).unit == "GBX"
    assert vendor.calls[0]["mic_code"] == "XLON"


def test_a_history_may_have_no_days(provider: Any, vendor: Vendor) -> None:
    vendor.say({**DAYS, "values": []})
    assert provider.daily(AAPL, NOW, BOOK).bars == ()
    vendor.say({**DAYS, "values": None})
    assert provider.daily(AAPL, NOW, BOOK).bars == ()


@pytest.mark.parametrize("meta", [
    {"symbol": "MSFT"}, {"mic_code": "XLON"}, {"currency": "EUR"}, {"interval": "1min"}, {"symbol": None}])
def test_a_history_of_something_else_is_refused(provider: Any, vendor: Vendor, meta: dict[str, object]) -> None:
    vendor.say({**DAYS, "meta": {**META, **meta}})
    assert refused(lambda: provider.daily(AAPL, NOW, BOOK)) is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("row", [
    {"datetime": "2026-06-08"}, {"close": "0"}, {"close": "-1"}, {"high": "1"}, {"datetime": None},
    {"datetime": "yesterday"}, {"volume": "-5"}])
def test_a_row_that_cannot_be_right_spoils_the_history(provider: Any, vendor: Vendor, row: dict[str, object]) -> None:
    first, second, third = DAYS["values"]
    vendor.say({**DAYS, "values": [first, {**second, **row}, third]})
    assert refused(lambda: provider.daily(AAPL, NOW, BOOK)) is ErrorKind.BROKEN_ANSWER


def test_a_row_without_a_close_is_left_out(provider: Any, vendor: Vendor) -> None:
    first, second, third = DAYS["values"]
    vendor.say({**DAYS, "values": [first, {**second, "close": None}, third]})
    assert [str(bar.day) for bar in provider.daily(AAPL, NOW, BOOK).bars] == ["2026-06-08"]


def test_a_split_is_read_from_its_factors(provider: Any, vendor: Vendor) -> None:
    vendor.say(SPLITS)
    assert provider.splits(AAPL, NOW) == [
        Split(dt.date(2014, 6, 9), Decimal(7)), Split(dt.date(2020, 8, 31), Decimal(4))]
    assert vendor.calls == [{"symbol": "AAPL", "country": "United States", "range": "full"}]


def test_a_reverse_split_is_below_one(provider: Any, vendor: Vendor) -> None:
    row = {"date": "2025-08-07", "description": "1-for-8 split", "ratio": 8, "from_factor": 1, "to_factor": 8}
    vendor.say({"meta": META, "splits": [row]})
    assert provider.splits(AAPL, NOW) == [Split(dt.date(2025, 8, 7), Decimal("0.125"))]


def test_a_split_without_factors_is_read_from_its_ratio(provider: Any, vendor: Vendor) -> None:
    vendor.say({"meta": META, "splits": [{"date": "2020-08-31", "ratio": 0.25}]})
    assert provider.splits(AAPL, NOW) == [Split(dt.date(2020, 8, 31), Decimal(4))]


def test_dividends_are_asked_for_as_they_were_paid(provider: Any, vendor: Vendor) -> None:
    vendor.say(DIVIDENDS)
    assert provider.dividends(AAPL, NOW) == [
        Dividend(dt.date(2026, 2, 9), Decimal("0.26")), Dividend(dt.date(2026, 5, 11), Decimal("0.27"))]
    assert vendor.calls[0]["adjust"] == "false"


def test_what_the_plan_lacks_is_told_of(provider: Any, vendor: Vendor) -> None:
    vendor.say({"code": 403, "message": "/splits is available exclusively with grow plans.", "status": "error"})
    assert refused(lambda: provider.splits(AAPL, NOW)) is ErrorKind.NOT_ENTITLED


def test_a_search_shows_where_and_in_what_unit(provider: Any, vendor: Vendor) -> None:
    vendor.say(SEARCH)
    assert provider.search("apple", NOW) == [
        Listing("AAPL", "XNAS", "Apple Inc.", "USD", "US"), Listing("TSCO", "XLON", "Tesco PLC", "GBX", "GB")]
    assert (vendor.paths, vendor.calls) == (["/symbol_search"], [{"symbol": "apple", "outputsize": "60"}])


def test_a_search_that_finds_nothing_is_no_error(provider: Any, vendor: Vendor) -> None:
    vendor.say({"data": [], "status": "ok"})
    assert provider.search("zzz", NOW) == []
    vendor.say({"code": 404, "message": "nothing found from your very strict query.", "status": "error"}, 404)
    assert provider.search("zzz", NOW) == []


@pytest.mark.parametrize(("word", "kind", "country", "mic"), [
    ("NYSE", "Common Stock", "United States", "XNYS"), ("NYSE", "ETF", "United States", None),
    ("Euronext", "Common Stock", "France", "XPAR"), ("Euronext", "Common Stock", "Norway", None),
    ("CBOE", "ETF", "United States", None), ("XETR", "Common Stock", "Germany", "XETR")])
def test_an_exchange_without_a_code_is_named_where_it_is_sure(provider: Any, vendor: Vendor, word: str, kind: str,
                                                              country: str, mic: str | None) -> None:
    vendor.say({"data": [{"symbol": "X", "instrument_name": "X", "exchange": word, "instrument_type": kind,
                          "country": country, "currency": "USD"}]})
    assert [found.mic for found in provider.search("x", NOW)] == ([mic] if mic else [])


def test_a_company_is_described(provider: Any, vendor: Vendor) -> None:
    vendor.say(COMPANY)
    assert provider.overview(AAPL, NOW) == Company(
        1, "twelve-data", "Apple Inc.", "It makes telephones.", "Technology", "Consumer Electronics", "US",
        "https://www.apple.com")
    vendor.say({**COMPANY, "symbol": "MSFT"})
    assert refused(lambda: provider.overview(AAPL, NOW)) is ErrorKind.BROKEN_ANSWER


def test_a_link_that_is_none_is_left_out(provider: Any, vendor: Vendor) -> None:
    vendor.say({**COMPANY, "website": "javascript:alert(1)"})
    assert provider.overview(AAPL, NOW).website == ""


@needs_recordings
def test_recorded_days_are_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "twelvedata/time_series_kanroyal2021.json").read_bytes())
    history = provider.daily(stock(), at("2021-07-01 21:00"), new_york("2021-06-01", "2021-07-09"))
    assert (len(history.bars), history.unit) == (30, "USD")
    first, last = history.bars[0], history.bars[-1]
    assert (str(first.day), str(first.close), first.volume) == ("2021-05-20", "143.87000", 3666726)
    assert (str(last.day), str(last.open), str(last.high)) == ("2021-07-01", "146.96001", "147.50000")


@needs_recordings
def test_a_recorded_search_is_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "twelvedata/symbol_search_kanroyal2021.json").read_bytes())
    found = provider.search("ibm", NOW)
    assert [(one.key, one.unit) for one in found if one.symbol == "IBM"] == [
        ("XMEX:IBM", "MXN"), ("XFRA:IBM", "EUR"), ("XETR:IBM", "EUR"), ("XLON:IBM", "USD"), ("XNYS:IBM", "USD")]


@needs_recordings
def test_a_recorded_company_is_read(provider: Any, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "twelvedata/profile_marekskopal.json").read_bytes())
    company = provider.overview(AAPL, NOW)
    assert (company.name, company.sector, company.country) == ("Apple Inc.", "Technology", "US")


@needs_recordings
def test_recordings_of_something_else_are_no_history(provider: Any, vendor: Vendor) -> None:
    for path in sorted((RECORDINGS / "twelvedata").iterdir()):
        if path.name != "time_series_kanroyal2021.json":
            vendor.say(path.read_bytes())
            refused(lambda: provider.daily(AAPL, NOW, BOOK))
