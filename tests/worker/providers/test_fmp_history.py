"""Financial Modeling Prep: its past days, splits and dividends, what it finds, and its profiles."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.fmp import PROFILE, dividend, found, quote, split, traded
from tests.worker.providers.conftest import KEY, Vendor, at, day, new_york, refusal, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Company, Dividend, Listing, Quote, Split
from worker.providers.base import ErrorKind
from worker.providers.fmp import Fmp
from worker.providers.http import Client

NOON = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NO_BOOK = SessionBook([])
AAPL = stock("AAPL", "XNAS")


@pytest.fixture
def fmp(vendor: Vendor, config: Callable[..., Config]) -> Fmp:
    """The provider with a key, against the server."""
    made = config(FMP_API_KEY=KEY, FMP_URL=vendor.url)
    return Fmp(made, Client("Financial Modeling Prep", timeouts=(0.5, 0.4), deadline=1.0))


def only(fmp: Fmp, vendor: Vendor, row: dict[str, object]) -> list[Listing]:
    vendor.say([row])
    return fmp.search("AAPL", NOON)


def test_a_day_is_as_it_was_traded(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([traded("2026-06-09"), traded("2026-06-08", 199.5)])
    history = fmp.daily(AAPL, NOON, BOOK)
    assert (history.instrument_id, history.source, history.adjusted) == (1, "fmp", Adjustment.NONE)
    assert [bar.day for bar in history.bars] == [day("2026-06-08"), day("2026-06-09")]
    assert history.bars[1] == Bar(day("2026-06-09"), Decimal("200.44"), Decimal("199.8"), Decimal("201.7"),
                                  Decimal("199.12"), 41234567)


def test_the_call_has_the_symbol_the_first_day_and_the_key(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([traded("2026-06-09", symbol="BRK-B")])
    fmp.daily(stock("BRK.B", "XNYS"), NOON, BOOK)
    fmp.daily(stock("BRK.B", "XNYS"), NOON, BOOK, since=day("2026-06-08"))
    assert set(vendor.paths) == {"/stable/historical-price-eod/non-split-adjusted"}
    assert vendor.calls == [{"symbol": "BRK-B", "apikey": KEY},
                            {"symbol": "BRK-B", "apikey": KEY, "from": "2026-06-08"}]


def test_a_day_that_still_runs_is_left_out(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([traded("2026-06-10"), traded("2026-06-09")])
    assert [bar.day for bar in fmp.daily(AAPL, NOON, BOOK).bars] == [day("2026-06-09")]


def test_prices_that_were_divided_by_splits_say_so(fmp: Fmp, vendor: Vendor) -> None:
    row = {"symbol": "AAPL", "date": "2020-08-28", "open": 126.01, "high": 126.44, "low": 124.58, "close": 124.81,
           "volume": 187_630_000, "change": -1.2, "changePercent": -0.95, "vwap": 125.46}
    vendor.say([row])
    history = fmp.daily(AAPL, NOON, NO_BOOK)
    assert history.adjusted is Adjustment.SPLITS
    assert [(str(bar.close), bar.adjusted_close) for bar in history.bars] == [("124.81", None)]


def test_former_answers_have_their_rows_under_historical(fmp: Fmp, vendor: Vendor) -> None:
    row = {"date": "2023-11-22", "open": 191.49, "high": 192.93, "low": 190.825, "close": 191.31, "adjClose": 190.1,
           "volume": 39_617_700, "unadjustedVolume": 39_617_700, "label": "November 22, 23"}
    vendor.say({"symbol": "AAPL", "historical": [row]})
    history = fmp.daily(AAPL, NOON, NO_BOOK)
    assert history.adjusted is Adjustment.SPLITS
    assert [(str(bar.close), str(bar.adjusted_close)) for bar in history.bars] == [("191.31", "190.1")]


def test_nothing_at_all_is_an_unknown_symbol_but_nothing_new_is_not(fmp: Fmp, vendor: Vendor) -> None:
    for body in ("[]", "{}"):
        vendor.say(body)
        assert refusal(lambda: fmp.daily(AAPL, NOON, BOOK)).kind is ErrorKind.UNKNOWN_SYMBOL
        assert fmp.daily(AAPL, NOON, BOOK, since=day("2026-06-10")).bars == ()


@pytest.mark.parametrize("body", [
    [traded("2026-06-09", symbol="MSFT")], [traded("2026-06-09"), traded("2026-06-08", symbol="MSFT")],
    [{"date": "2026-06-09", "close": 200.44}], {"symbol": "MSFT", "historical": [{"date": "2026-06-09", "close": 1}]},
    [traded("9 June 2026")], [traded("2026-06-09", None)], [traded("2026-06-09"), traded("2026-06-09")],
    [traded("2026-06-09", 0)], [traded("2026-06-09", adjLow=-1)], {"data": []}])
def test_an_answer_that_cannot_be_right_is_refused(fmp: Fmp, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: fmp.daily(AAPL, NOON, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_splits_are_new_shares_for_old_ones_oldest_first(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([split("2026-09-01", 1, 8), split("2020-08-31"), split("2014-06-09", 7), split("2001-01-01", 1, 1)])
    assert fmp.splits(AAPL, NOON) == [Split(day("2014-06-09"), Decimal(7)), Split(day("2020-08-31"), Decimal(4)),
                                      Split(day("2026-09-01"), Decimal("0.125"))]
    assert (vendor.paths, vendor.calls) == (["/stable/splits"], [{"symbol": "AAPL", "apikey": KEY}])


def test_dividends_are_as_they_were_declared(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([dividend("2026-05-11"), dividend("2014-05-08", 3.29, adjDividend=0.1175), dividend("2012-01-02", 0)])
    assert fmp.dividends(AAPL, NOON) == [Dividend(day("2014-05-08"), Decimal("3.29")),
                                         Dividend(day("2026-05-11"), Decimal("0.27"))]
    assert (vendor.paths, vendor.calls) == (["/stable/dividends"], [{"symbol": "AAPL", "apikey": KEY}])


def test_no_rows_are_no_splits_and_no_dividends(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([])
    assert fmp.splits(AAPL, NOON) == []
    assert fmp.dividends(AAPL, NOON) == []


def test_rows_of_something_else_do_not_mean_that_there_were_none(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([traded("2026-06-09")])
    assert refusal(lambda: fmp.splits(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER
    assert refusal(lambda: fmp.dividends(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("symbol", "exchange", "changes", "expected"), [
    ("AAPL", "NASDAQ", {}, ("AAPL", "XNAS", "USD", "US")),
    ("BRK-B", "NYSE", {}, ("BRK.B", "XNYS", "USD", "US")),
    ("IMO", "AMEX", {"exchangeFullName": "New York Stock Exchange American"}, ("IMO", "XASE", "USD", "US")),
    ("VTI", "AMEX", {"exchangeFullName": "New York Stock Exchange Arca"}, ("VTI", "ARCX", "USD", "US")),
    ("TSCO.L", "LSE", {"currency": "GBp"}, ("TSCO", "XLON", "GBX", "GB")),
    ("BT-A.L", "LSE", {"currency": "GBX"}, ("BT.A", "XLON", "GBX", "GB")),
    ("SAP.DE", "XETRA", {"currency": "EUR"}, ("SAP", "XETR", "EUR", "DE")),
    ("0700.HK", "HKSE", {"currency": "HKD"}, ("0700", "XHKG", "HKD", "HK")),
    ("BF.B", "NYSE", {"currency": None}, ("BF.B", "XNYS", "", "US")),
])
def test_a_listing_has_our_symbol_and_exchange(fmp: Fmp, vendor: Vendor, symbol: str, exchange: str,
                                               changes: dict[str, object], expected: tuple[str, ...]) -> None:
    [listing] = only(fmp, vendor, found(symbol, exchange, **changes))
    assert (listing.symbol, listing.mic, listing.unit, listing.country) == expected


@pytest.mark.parametrize(("symbol", "exchange"), [
    ("AAPL.NE", "NEO"), ("AAPLUSD", "CRYPTO"), ("EURUSD", "FOREX"), ("AAPLX", "OTC"), (None, "NASDAQ"),
    ("^GSPC", "INDEX"), ("AAPL", None), ("€", "NASDAQ")])
def test_what_is_on_no_exchange_of_ours_is_left_out(fmp: Fmp, vendor: Vendor, symbol: object, exchange: object) -> None:
    assert only(fmp, vendor, found(symbol, exchange)) == []


def test_former_answers_name_the_exchange_in_other_words(fmp: Fmp, vendor: Vendor) -> None:
    row: dict[str, object] = {"symbol": "AAPL", "name": "Apple Inc.", "currency": "USD",
                              "stockExchange": "NASDAQ Global Select", "exchangeShortName": "NASDAQ"}
    assert only(fmp, vendor, row) == [Listing("AAPL", "XNAS", "Apple Inc.", "USD", "US")]


@pytest.mark.parametrize(("name", "kind"), [
    ("Apple Inc.", "stock"), ("SPDR S&P 500 ETF Trust", "etf"), ("Vanguard Total Stock Market Index Fund", "fund"),
    ("Acme Corp Warrants", "warrant"), ("Unity Software Inc.", "stock")])
def test_only_the_name_tells_what_a_listing_is(fmp: Fmp, vendor: Vendor, name: str, kind: str) -> None:
    [listing] = only(fmp, vendor, found("AAPL", name=name))
    assert (listing.name, listing.kind) == (name, kind)


def test_a_listing_stands_once_and_in_the_vendors_order(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([found("AAPL"), found("AAPL.L", "LSE"), found("AAPL")])
    assert [listing.key for listing in fmp.search("AAPL", NOON)] == ["XNAS:AAPL", "XLON:AAPL"]


def test_a_quote_is_not_a_listing(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([quote()])
    assert refusal(lambda: fmp.search("AAPL", NOON)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("text", "path"), [
    ("AAPL", "search-symbol"), ("aapl", "search-symbol"), ("BRK.B", "search-symbol"), ("googl-a", "search-symbol"),
    ("apple", "search-name"), (" Apple ", "search-name"), ("APPLE INC", "search-name")])
def test_a_name_is_looked_for_among_names(fmp: Fmp, vendor: Vendor, text: str, path: str) -> None:
    vendor.say([])
    assert fmp.search(text, NOON) == []
    assert (vendor.paths, vendor.calls) == ([f"/stable/{path}"], [{"query": text.strip(), "apikey": KEY}])


def test_a_profile_is_read(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([PROFILE])
    assert fmp.overview(AAPL, NOON) == Company(
        1, "fmp", name="Apple Inc.", description="Makes telephones.", sector="Technology",
        industry="Consumer Electronics", country="US", website="https://www.apple.com",
        market_cap=Decimal(3007500000000))


@pytest.mark.parametrize(("changes", "cap", "website"), [
    ({"marketCap": None, "mktCap": 5}, Decimal(5), "https://www.apple.com"),
    ({"currency": "EUR"}, None, "https://www.apple.com"),
    ({"marketCap": 0, "website": "javascript:alert(1)"}, None, ""),
])
def test_a_profile_may_lack_figures(fmp: Fmp, vendor: Vendor, changes: dict[str, object], cap: Decimal | None,
                                    website: str) -> None:
    vendor.say([PROFILE | changes])
    company = fmp.overview(AAPL, NOON)
    assert (company.market_cap, company.website) == (cap, website)


def test_a_quote_is_not_a_profile(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([quote()])
    assert refusal(lambda: fmp.overview(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER


def test_no_profile_is_an_unknown_symbol(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say([])
    assert refusal(lambda: fmp.overview(AAPL, NOON)).kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize(("status", "body", "kind"), [
    (402, "Premium Query Parameter: 'Special Endpoint : This value set for 'symbol' is not available under your "
          "current subscription", ErrorKind.NOT_ENTITLED),
    (402, "Exclusive Endpoint : This endpoint is not available under your current subscription agreement",
     ErrorKind.NOT_ENTITLED),
    (403, {"Error Message": "Legacy Endpoint : Due to Legacy endpoints"}, ErrorKind.NOT_ENTITLED),
    (200, {"Error Message": "Limit Reach . Please upgrade your plan"}, ErrorKind.THROTTLED_DAY),
    (401, {"Error Message": "Invalid API KEY. Please retry"}, ErrorKind.BAD_KEY),
    (200, {"Error Message": "Something new"}, ErrorKind.BROKEN_ANSWER),
])
def test_history_has_the_same_complaints_as_quotes(fmp: Fmp, vendor: Vendor, status: int, body: object,
                                                   kind: ErrorKind) -> None:
    vendor.say(body, status)
    for use in (lambda: fmp.daily(AAPL, NOON, BOOK), lambda: fmp.splits(AAPL, NOON),
                lambda: fmp.dividends(AAPL, NOON), lambda: fmp.search("AAPL", NOON), lambda: fmp.overview(AAPL, NOON)):
        assert refusal(use).kind is kind


@pytest.mark.parametrize(("change", "stated"), [(-0.67, Decimal("-0.67")), (0, Decimal(0)), (None, None), ("x", None)])
def test_a_quote_says_the_days_change_where_it_is_a_number(fmp: Fmp, vendor: Vendor, change: object,
                                                           stated: Decimal | None) -> None:
    vendor.say([quote(change=change)])
    [found_quote] = fmp.quotes([AAPL], NOON, BOOK)
    assert isinstance(found_quote, Quote)
    assert found_quote.stated_change == stated


@needs_recordings
def test_a_recorded_quote_is_neither_a_day_nor_a_listing(fmp: Fmp, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "fmp" / "v3_quote_AAPL_openbb2023.json").read_bytes())
    for use in (lambda: fmp.daily(AAPL, NOON, NO_BOOK), lambda: fmp.search("AAPL", NOON),
                lambda: fmp.splits(AAPL, NOON), lambda: fmp.dividends(AAPL, NOON)):
        assert refusal(use).kind is ErrorKind.BROKEN_ANSWER
