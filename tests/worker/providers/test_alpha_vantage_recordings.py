"""Every recorded answer of Alpha Vantage, given to every method: the right one makes records of it, no other does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.conftest import KEY, Vendor, at, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Listing
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client

NOW = at("2026-11-20 12:00")
NO_BOOK = SessionBook([])
FOLDER = RECORDINGS / "alphavantage"
needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared")

Ask = Callable[[AlphaVantage, Instrument], Any]
METHODS: dict[str, Ask] = {
    "quotes": lambda provider, stock: provider.quotes([stock], NOW, NO_BOOK),
    "daily": lambda provider, stock: provider.daily(stock, NOW, NO_BOOK),
    "weekly": lambda provider, stock: provider.weekly(stock, NOW, NO_BOOK),
    "splits": lambda provider, stock: provider.splits(stock, NOW),
    "dividends": lambda provider, stock: provider.dividends(stock, NOW),
    "search": lambda provider, stock: provider.search("ibm", NOW),
    "listing": lambda provider, stock: provider.listing(NOW),
    "delisted": lambda provider, stock: provider.listing(NOW, "delisted"),
    "overview": lambda provider, stock: provider.overview(stock, NOW),
}

# Which method makes something of a file, of which stock, and what in short.
RECORDS: dict[str, tuple[str, Instrument, str]] = {
    "global_quote_IBM_crazzyghost2020.json": ("quotes", stock(), "121.7400 on 2020-05-08, 0.5100"),
    "global_quote_IBM_negative_2021.json": ("quotes", stock(), "142.7600 on 2021-08-04, -1.3100"),
    "global_quote_IBM_portfoliotree2026.csv": ("quotes", stock(), "219.3000 on 2026-05-15, 0.9300"),
    "global_quote_codespore2021.json": ("quotes", stock("TSLA", "XNAS"), "729.4000 on 2021-04-23, 9.7100"),
    "global_quote_GSAC_zero_volume_2021.json": ("quotes", stock("GSAC", "XNAS"), "0.0040 on 2021-01-29, 0.0000"),
    "realtime_bulk_quotes_entitled_6symbols_2024-10-30.json": (
        "bulk", stock("BA", "XNYS"), "154.24 on 2024-10-30, 1.26"),
    "daily_MSFT_asmarques2018.json": (
        "daily", stock("MSFT", "XNAS"), "100 bars to 2018-06-08 101.6300, 0 splits, 0 dividends"),
    "daily_IBM_compact_portfoliotree2026.csv": (
        "daily", stock(), "100 bars to 2026-05-15 219.3000, 0 splits, 0 dividends"),
    "daily_adjusted_crazzyghost.json": ("daily", stock(), "2 bars to 2020-05-08 121.8050, 0 splits, 1 dividends"),
    "pricehist_ibm_partial_adj.json": ("daily", stock(), "7 bars to 2021-01-11 128.58, 0 splits, 0 dividends"),
    "splits_IBM_portfoliotree2026.csv": ("splits", stock(), "1999-05-27 2, 2021-11-04 1.046"),
    "pricehist_search_ibm.json": ("search", stock(), "XFRA:IBM EUR, XLON:IBM USD, XETR:IBM EUR"),
    "symbol_search_BA_romeltorres.json": ("search", stock(), "XHKG:6190 HKD"),
    "symbol_search_codespore.json": ("search", stock(), "XETR:TL0 EUR, XFRA:TL0 EUR, BVMF:TSLA34 BRL"),
    "symbol_search_results_portfoliotree.csv": (
        "search", stock(), "XLON:BA GBX, XFRA:BA3 EUR, BVMF:BABA34 BRL, BVMF:BAAX39 BRL"),
    "symbol_search_tencent_asmarques.json": ("search", stock(), "XFRA:NNND EUR, XFRA:NNN1 EUR, XFRA:63TA EUR"),
    "listing_status_2026_excerpt.csv": ("listing", stock(), "2682 from XNAS:AACBR to ARCX:ZZZ"),
    "listing_status_sample_portfoliotree.csv": ("listing", stock(), "8 from XNYS:A to XNAS:AACG"),
    "overview_codespore2021.json": (
        "overview", stock("TSLA", "XNAS"), "Tesla, Inc, Consumer Cyclical, US, 723882803200, 959854016, None"),
    "overview_portfoliotree_older.json": (
        "overview", stock(), "International Business Machines Corporation, Technology, US, 119909687000, 896320000, "
                             "0.0486"),
}

# What is an error, whatever was asked for.
ERRORS = {
    "error_information_1persecond.json": ErrorKind.THROTTLED_SECOND,
    "error_information_burst_5persecond.json": ErrorKind.THROTTLED_SECOND,
    "error_note_5permin_kevwk314.json": ErrorKind.THROTTLED_MINUTE,
    "error_information_higher_volume_kevwk314.json": ErrorKind.THROTTLED_MINUTE,
    "error_information_25perday.json": ErrorKind.THROTTLED_DAY,
    "error_information_premium_endpoint.json": ErrorKind.NOT_ENTITLED,
    "error_information_outputsize_full_premium.json": ErrorKind.NOT_ENTITLED,
    "error_invalid_call_CMO_kevwk314.json": ErrorKind.UNKNOWN_SYMBOL,
    "error_message_invalid_call_daily.json": ErrorKind.UNKNOWN_SYMBOL,
}

# What answers a question that is not asked here, or says too little: no method makes anything of it.
USELESS = {
    "empty_global_quote.json", "global_quote_delayed_key_partial.json",
    "currency_exchange_rate_USDJPY_portfoliotree2026.json", "currency_exchange_rate_asmarques.json",
    "currency_exchange_rate_dash_bid_ask_crazzyghost.json", "earnings_IBM_portfoliotree2026.json",
    "earnings_crazzyghost.json", "income_statement_romeltorres.json", "intraday_1min_MSFT_asmarques2018.json",
    "intraday_1min_romeltorres.json", "intraday_5min_IBM_portfoliotree2026.csv",
    "intraday_5min_IBM_portfoliotree_older.csv", "intraday_5min_TSLA_codespore2021.json",
    "intraday_extended_codespore2021.csv", "ipo_calendar_portfoliotree2026.csv",
    "market_status_all_portfoliotree2026.json", "monthly_MSFT_asmarques2018.json",
    "monthly_adjusted_IBM_portfoliotree2026.csv", "sector_romeltorres.json",
    "shares_outstanding_MSFT_portfoliotree2026.csv", "top_gainers_losers_portfoliotree2026.json",
}


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Callable[[str, str, Instrument], Any]:
    """Give a file to a method, as if it had been asked for a stock."""
    settings: dict[str, object] = {"ALPHA_VANTAGE_API_KEY": KEY, "ALPHA_VANTAGE_URL": vendor.url}
    free = AlphaVantage(config(**settings), Client("Alpha Vantage"))
    entitled = AlphaVantage(config(ALPHA_VANTAGE_ENTITLEMENT="realtime", **settings), Client("Alpha Vantage"))

    def give(name: str, method: str, instrument: Instrument) -> Any:
        vendor.say((FOLDER / name).read_bytes())
        if method == "bulk":
            return METHODS["quotes"](entitled, instrument)
        return METHODS[method](free, instrument)

    return give


def in_short(method: str, found: Any) -> str:
    """Say what came, so that a line of the table can hold it."""
    if method in {"quotes", "bulk"}:
        return ", ".join(f"{quote.price} on {quote.day}, {quote.stated_change}" for quote in found)
    if method in {"daily", "weekly"}:
        newest = found.bars[-1]
        return (f"{len(found.bars)} bars to {newest.day} {newest.close}, {len(found.splits)} splits, "
                f"{len(found.dividends)} dividends")
    if method == "splits":
        return ", ".join(f"{split.day} {split.ratio}" for split in found)
    if method == "search":
        return ", ".join(f"{listing.key} {listing.unit}" for listing in found)
    if method == "listing":
        return f"{len(found)} from {found[0].key} to {found[-1].key}"
    return f"{found.name}, {found.sector}, {found.country}, {found.market_cap}, {found.shares}, {found.dividend_yield}"


@needs_recordings
def test_every_recording_has_its_line_in_a_table() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*RECORDS, *ERRORS, *USELESS}


@needs_recordings
@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_recording_becomes_the_right_records(name: str, ask: Callable[[str, str, Instrument], Any]) -> None:
    method, instrument, said = RECORDS[name]
    assert in_short(method, ask(name, method, instrument)) == said


@needs_recordings
@pytest.mark.parametrize("method", [*METHODS, "bulk"])
@pytest.mark.parametrize("name", sorted(ERRORS))
def test_a_recorded_error_is_the_same_error_for_every_method(name: str, method: str,
                                                             ask: Callable[[str, str, Instrument], Any]) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(name, method, stock())
    assert caught.value.kind is ERRORS[name]


@needs_recordings
@pytest.mark.parametrize("method", [*METHODS, "bulk"])
@pytest.mark.parametrize("name", sorted({*RECORDS, *USELESS}))
def test_what_answers_another_question_is_an_error(name: str, method: str,
                                                   ask: Callable[[str, str, Instrument], Any]) -> None:
    right, instrument, _said = RECORDS.get(name, ("", stock(), ""))
    if method == right:
        return
    with pytest.raises(ProviderError) as caught:
        ask(name, method, instrument)
    assert caught.value.kind in {ErrorKind.BROKEN_ANSWER, ErrorKind.UNKNOWN_SYMBOL}


@needs_recordings
def test_the_listing_tells_kinds_and_classes_apart(ask: Callable[[str, str, Instrument], Any]) -> None:
    listings: list[Listing] = ask("listing_status_2026_excerpt.csv", "listing", stock())
    found = {listing.symbol: listing for listing in listings}
    kinds = {symbol: found[symbol].kind for symbol in (
        "AAL", "AKO.B", "ACHR.WS", "ABR.P.D", "AACBR", "ALDFU", "BEBE.U", "BIT.R", "CBOA", "ABLVW", "BRW")}
    assert kinds == {"AAL": "stock", "AKO.B": "stock", "ACHR.WS": "warrant", "ABR.P.D": "preferred", "AACBR": "right",
                     "ALDFU": "unit", "BEBE.U": "unit", "BIT.R": "right", "CBOA": "etf", "ABLVW": "warrant",
                     "BRW": "stock"}
    assert found["AMEH"].name == "AMEH", "a blank name is the symbol"
    assert found["AAL"] == Listing("AAL", "XNAS", "American Airlines Group Inc", "USD", "US", "stock",
                                   listed_on=dt.date(2005, 9, 27))
    assert {listing.mic for listing in listings} == {"XNAS", "XNYS", "XASE", "ARCX", "BATS"}
    assert not [symbol for symbol in found if ":" in symbol or symbol.startswith(".")]


@needs_recordings
def test_a_recorded_adjusted_series_brings_adjusted_closes_and_events(
        ask: Callable[[str, str, Instrument], Any]) -> None:
    history = ask("daily_adjusted_crazzyghost.json", "daily", stock())
    assert [(str(bar.close), str(bar.adjusted_close)) for bar in history.bars] == [
        ("121.2300", "121.2300"), ("121.8050", "121.8050")]
    assert [(str(dividend.day), str(dividend.amount)) for dividend in history.dividends] == [("2020-05-07", "1.6300")]


@needs_recordings
@pytest.mark.parametrize(("name", "days", "splits", "dividends"), [
    ("AAPL", 5303, "2000-06-21 2, 2005-02-28 2, 2014-06-09 7.00000700001, 2020-08-31 4", 34),
    ("IBM", 5303, "", 85), ("SPY", 5303, "", 85)])
def test_twenty_years_of_recorded_days_are_read(name: str, days: int, splits: str, dividends: int,
                                                vendor: Vendor, config: Callable[..., Config]) -> None:
    body = (RECORDINGS.parent / "bars" / "av_daily_adjusted" / f"daily_adjusted_{name}.csv").read_bytes()
    provider = AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url), Client("Alpha Vantage"))
    vendor.say(body)
    history = provider.daily(stock(name), NOW, NO_BOOK)
    assert (len(history.bars), in_short("splits", history.splits)) == (days, splits)
    assert len(history.dividends) == dividends
    assert all(bar.adjusted_close is not None for bar in history.bars)
