"""Search, listing and companies of Alpha Vantage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.alpha_vantage import LISTING, OVERVIEW, SEARCH
from tests.worker.providers.conftest import KEY, Vendor, at, stock
from webapp.records import Company, Listing
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.alpha_vantage_directory import kind_from
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import MAX_BYTES

NOW = at("2026-06-10 15:00")
HEAD = "symbol,name,exchange,assetType,ipoDate,delistingDate,status\n"


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> AlphaVantage:
    """The provider on its free plan."""
    return AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url))


def refusal(ask: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask()
    assert caught.value.__context__ is None
    return caught.value


def match(symbol: str, **changes: object) -> dict[str, object]:
    """Return one match of a search."""
    fields: dict[str, object] = {"1. symbol": symbol, "2. name": "Tesco PLC", "3. type": "Equity",
                                 "4. region": "United Kingdom", "8. currency": "GBX", "9. matchScore": "0.7"}
    return fields | {name: changes[name[3:]] for name in fields if name[3:] in changes}


def test_a_search_names_exchange_country_currency_and_kind(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say(SEARCH)
    assert provider.search("tesco plc", NOW) == [Listing("TSCO", "XLON", "Tesco PLC", "GBX", "GB", "stock")]
    assert vendor.calls == [{"function": "SYMBOL_SEARCH", "keywords": "tesco plc", "apikey": KEY}]


@pytest.mark.parametrize(("symbol", "key"), [
    ("TSCO.LON", "XLON:TSCO"), ("BP..LON", "XLON:BP"), ("BBD-B.TRT", "XTSE:BBD.B"), ("A.TRV", "XTSX:A"),
    ("SAP.DEX", "XETR:SAP"), ("TL0.FRK", "XFRA:TL0"), ("RELIANCE.BSE", "XBOM:RELIANCE"), ("600519.SHH", "XSHG:600519"),
    ("300135.SHZ", "XSHE:300135"), ("0700.HKG", "XHKG:0700"), ("700.HKG", "XHKG:0700"), ("MC.PAR", "XPAR:MC"),
    ("ASML.AMS", "XAMS:ASML"), ("VOLV-B.STO", "XSTO:VOLV.B"), ("PETR4.SAO", "BVMF:PETR4")])
def test_the_end_of_a_symbol_names_the_exchange(provider: AlphaVantage, vendor: Vendor, symbol: str, key: str) -> None:
    vendor.say({"bestMatches": [match(symbol)]})
    assert [listing.key for listing in provider.search("x", NOW)] == [key]


@pytest.mark.parametrize("symbol", ["TSCDF", "IBM", "BRK-B", "X.XYZ", "", ".LON", "É.LON", None, 7, ["TSCO.LON"]])
def test_a_match_whose_exchange_is_not_said_is_left_out(provider: AlphaVantage, vendor: Vendor,
                                                        symbol: object) -> None:
    vendor.say({"bestMatches": [match("TSCO.LON"), match("TSCO.LON") | {"1. symbol": symbol}, match("TSCO.LON")]})
    assert [listing.key for listing in provider.search("x", NOW)] == ["XLON:TSCO"]


@pytest.mark.parametrize(("changes", "unit", "kind"), [
    ({"currency": "GBp"}, "GBX", "stock"), ({"currency": "USD", "type": "ETF"}, "USD", "etf"),
    ({"currency": None, "type": "Mutual Fund"}, "", "fund"), ({"currency": "-", "type": "Spaceship"}, "", "other")])
def test_unit_and_kind_are_as_the_vendor_says(provider: AlphaVantage, vendor: Vendor, changes: dict[str, object],
                                              unit: str, kind: str) -> None:
    vendor.say({"bestMatches": [match("TSCO.LON", **changes)]})
    [listing] = provider.search("x", NOW)
    assert (listing.unit, listing.kind) == (unit, kind)


@pytest.mark.parametrize("body", [{"bestMatches": []}, "symbol,name,type,region,currency\n"])
def test_a_search_without_a_match_finds_nothing(provider: AlphaVantage, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert provider.search("x", NOW) == []


@pytest.mark.parametrize("body", [{}, {"bestMatches": {}}, {"bestMatches": ["IBM"]}, "symbol,name\nIBM,IBM\n", LISTING])
def test_what_is_no_search_is_an_error(provider: AlphaVantage, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: provider.search("x", NOW)).kind is ErrorKind.BROKEN_ANSWER


def test_the_listing_has_all_that_is_listed_in_the_united_states(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say("\ufeff" + LISTING.replace("\n", "\r\n"))
    assert provider.listing(NOW) == [
        Listing("IBM", "XNYS", "International Business Machines Corp", "USD", "US", "stock",
                listed_on=dt.date(1962, 1, 2)),
        Listing("BRK.B", "XNYS", "Berkshire Hathaway Inc", "USD", "US", "stock", listed_on=dt.date(1996, 5, 9)),
        Listing("SPY", "ARCX", "SPDR S&P 500 ETF Trust", "USD", "US", "etf", listed_on=dt.date(1993, 1, 29))]
    assert vendor.calls == [{"function": "LISTING_STATUS", "state": "active", "apikey": KEY}]


def test_the_delisted_are_a_list_of_their_own(provider: AlphaVantage, vendor: Vendor) -> None:
    rows = ("OLD,Old Co,NYSE,Stock,1990-01-01,2020-01-02,Delisted\nOLD,Older Co,NYSE,Stock,1970-01-01,1985-03-04,"
            "Delisted\nNEVER,Never Co,NYSE,Stock,1990-01-01,null,Delisted\nIBM,IBM,NYSE,Stock,1962-01-02,null,Active\n")
    vendor.say(HEAD + rows)
    [listing] = provider.listing(NOW, "delisted")
    assert (listing.key, listing.name, listing.delisted_on) == ("XNYS:OLD", "Old Co", dt.date(2020, 1, 2))
    assert vendor.calls == [{"function": "LISTING_STATUS", "state": "delisted", "apikey": KEY}]
    assert [listing.key for listing in provider.listing(NOW)] == ["XNYS:IBM"]


@pytest.mark.parametrize(("row", "left"), [
    ("T,AT&T Inc,NYSE,Stock,1983-11-21,null,Active", ["XNYS:T"]), ("T,,NYSE,Stock,null,null,Active", ["XNYS:T"]),
    ("T,x,NYSE MKT,Stock,soon,null,Active", ["XASE:T"]), ("T,x,AMEX,Stock,,,active", ["XASE:T"]),
    ("T,x,NYSE ARCA,ETF,null,null,Active", ["ARCX:T"]), ("T,x,OTC,Stock,null,null,Active", []),
    ("T,x,,Stock,null,null,Active", []), ("T:BAT,x,NYSE,Stock,null,null,Active", []),
    ("-P-T,x,NYSE,Stock,null,null,Active", []), (",x,NYSE,Stock,null,null,Active", []),
    ("T,x,NYSE,Stock,null,2020-01-01,Active", []), ("T,x,NYSE,Stock,null,null,Halted", []),
    ('T,"AT&T, Inc",NYSE,Stock,null,null,Active', ["XNYS:T"]), ("T,AT&T, Inc,NYSE,Stock,null,null,Active", [])])
def test_a_row_is_a_listing_or_left_out(provider: AlphaVantage, vendor: Vendor, row: str, left: list[str]) -> None:
    vendor.say(f"{HEAD}IBM,IBM,NYSE,Stock,1962-01-02,null,Active\n{row}\n")
    assert [listing.key for listing in provider.listing(NOW)] == ["XNYS:IBM", *left]


@pytest.mark.parametrize("body", [
    "", HEAD, "{}", '{"symbol": []}', HEAD + "IBM,IBM,NYSE,Stock,1962-01-02,null,Active\nT,AT&T I",
    "symbol,name,status\nIBM,IBM,Active\n", HEAD + "IBM,IBM,NYSE,Stock,1962-01-02,null,Delisted\n",
    "<html>symbol,name,exchange,assetType,ipoDate,delistingDate,status</html>"], ids=range(8))
def test_a_listing_that_is_cut_off_or_empty_is_an_error(provider: AlphaVantage, vendor: Vendor, body: str) -> None:
    vendor.say(body)
    assert refusal(lambda: provider.listing(NOW)).kind is ErrorKind.BROKEN_ANSWER


def test_a_notice_in_place_of_the_listing_is_understood(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say({"Information": "Our standard API rate limit is 25 requests per day."})
    assert refusal(lambda: provider.listing(NOW)).kind is ErrorKind.THROTTLED_DAY


def test_a_listing_may_be_larger_than_a_quote_but_not_endless(provider: AlphaVantage, vendor: Vendor) -> None:
    line = "IBM,International Business Machines Corp,NYSE,Stock,1962-01-02,null,Active\n"
    vendor.say(HEAD + line * (MAX_BYTES // len(line) + 1000))
    assert len(provider.listing(NOW)) == 1
    vendor.say(HEAD + line * (4 * MAX_BYTES // len(line) + 1000))
    assert "far more" in refusal(lambda: provider.listing(NOW)).message


@pytest.mark.parametrize(("symbol", "name", "asset", "kind"), [
    ("IBM", "International Business Machines", "Stock", "stock"), ("SPY", "SPDR", "ETF", "etf"),
    ("AAM.WS", "AA Mission", "Stock", "warrant"), ("GM.WS.B", "General Motors", "Stock", "warrant"),
    ("AAC.U", "Ares (1 Ord & 1/5 War)", "Stock", "unit"), ("BIT.R", "BlackRock Rights", "Stock", "right"),
    ("GGT.R.W", "Gabelli Rights when issued", "Stock", "right"), ("ARMK.W", "Aramark WhenIssued", "Stock", "stock"),
    ("BAC.P.B", "Bank Of America Corp", "Stock", "preferred"), ("HWM.P", "Howmet", "Stock", "preferred"),
    ("BAYAU", "Bayview - Units (1 Ord & 1 Right)", "Stock", "unit"), ("BCTXZ", "BriaCell Warrant", "Stock", "warrant"),
    ("BRSPX", "BrightSpire United", "Stock", "stock"), ("XYZPR", "Xyz Inc Pfd Ser D", "Stock", "preferred"),
    ("PBRA", "Petrobras ADR each representing 2 preferred shares", "Stock", "stock"),
    ("BRK.B", "Berkshire Hathaway Inc", "Stock", "stock")])
def test_kinds_are_told_by_symbol_and_name(symbol: str, name: str, asset: str, kind: str) -> None:
    assert kind_from(symbol, name, asset) == kind


def test_a_company_is_read_whole(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say(OVERVIEW)
    assert provider.overview(stock(), NOW) == Company(
        1, "alpha-vantage", name="International Business Machines", description="Makes computers.",
        sector="Technology", industry="Computer & Office Equipment", country="US", website="https://www.ibm.com",
        market_cap=Decimal("119909687000"), shares=896_320_000, dividend_yield=Decimal("0.0486"),
        pe_ratio=Decimal("22.61"))
    assert vendor.calls == [{"function": "OVERVIEW", "symbol": "IBM", "apikey": KEY}]


@pytest.mark.parametrize("missing", ["None", "-", "0", "", None, "lots", [], "-5"])
def test_what_is_not_known_of_a_company_is_unknown(provider: AlphaVantage, vendor: Vendor, missing: object) -> None:
    names = ("MarketCapitalization", "PERatio", "DividendYield", "SharesOutstanding")
    vendor.say(OVERVIEW | dict.fromkeys(names, missing))
    company = provider.overview(stock(), NOW)
    assert (company.market_cap, company.pe_ratio, company.dividend_yield, company.shares) == (None,) * 4


def test_a_company_of_which_only_the_name_is_known_is_one(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say({"Symbol": "IBM", "Name": "IBM", "OfficialSite": "javascript:alert(1)", "Country": "-"})
    assert provider.overview(stock(), NOW) == Company(1, "alpha-vantage", name="IBM")


def test_a_market_value_in_another_currency_is_not_taken(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say(OVERVIEW | {"Currency": "EUR"})
    company = provider.overview(stock(), NOW)
    assert (company.market_cap, company.shares) == (None, 896_320_000)


def test_an_empty_overview_is_an_unknown_symbol(provider: AlphaVantage, vendor: Vendor) -> None:
    vendor.say({})
    assert refusal(lambda: provider.overview(stock(), NOW)).kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize("body", [OVERVIEW | {"Symbol": "IBN"}, {"Symbol": "IBM"}, {"symbol": "IBM", "Name": "IBM"},
                                  {"symbol": "IBM", "annualReports": []}, "Symbol,Name\nIBM,IBM\n", "[]"])
def test_what_is_no_company_is_an_error(provider: AlphaVantage, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: provider.overview(stock(), NOW)).kind is ErrorKind.BROKEN_ANSWER
