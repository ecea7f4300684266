"""Yahoo's quotes and search, with exact figures, and what its errors mean."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.yahoo import CASE, FOUND, quotes, row
from tests.worker.providers.conftest import Vendor, at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Listing, Quote, Session, State
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.yahoo import Yahoo
from worker.providers.yahoo_quotes import read_quote

NOW = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
APPLE = stock("AAPL", "XNAS")
TESCO = stock("TSCO", "XLON", "GBX", number=2)


@pytest.fixture
def yahoo(vendor: Vendor, config: Callable[..., Config]) -> Yahoo:
    """The provider, against the vendor on loopback."""
    return Yahoo(config(YAHOO=True, YAHOO_URL=vendor.url))


def ask(yahoo: Yahoo, instrument: Instrument = APPLE, now: dt.datetime = NOW, book: SessionBook = BOOK) -> Quote:
    [quote] = yahoo.quotes([instrument], now, book)
    return quote


def stamp(text: str) -> int:
    return int(at(text).timestamp())


def london(first: str, days: int) -> SessionBook:
    """Return London's days in winter, 08:00 to 16:30 UTC, weekends included."""
    start = dt.date.fromisoformat(first)
    midnights = [dt.datetime.combine(start + dt.timedelta(days=count), dt.time(), dt.UTC) for count in range(days)]
    return SessionBook(SessionTimes("XLON", midnight.date(), midnight + dt.timedelta(hours=8),
                                    midnight + dt.timedelta(hours=16.5)) for midnight in midnights)


def test_a_live_quote_has_every_figure(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row()))
    quote = ask(yahoo)
    assert quote == Quote(
        instrument_id=1, price=Decimal("212.45"), as_of=at("2026-06-10 14:59:30"), day=dt.date(2026, 6, 10),
        source="yahoo", state=State.LIVE, session=Session.REGULAR, previous_close=Decimal("210.1"),
        open=Decimal("210.5"), high=Decimal("213.1"), low=Decimal("209.805"), volume=21234567, bid=Decimal("212.44"),
        ask=Decimal("212.46"), stale_at=at("2026-06-10 15:02"), delay=State.LIVE, previous_day=dt.date(2026, 6, 9),
        stated_change=Decimal("2.3499908"), unit="USD")
    assert vendor.calls == [{"symbols": "AAPL", "formatted": "false"}]
    assert vendor.paths == ["/v7/finance/quote"]


def test_many_stocks_are_one_call_under_yahoos_own_symbols(yahoo: Yahoo, vendor: Vendor) -> None:
    stocks = [APPLE, stock("BRK.B", "XNYS", number=3), TESCO, stock("0700", "XHKG", "HKD", number=4)]
    vendor.say(quotes(row(), row("BRK-B"), row("TSCO.L", currency="GBp"), row("0700.HK", currency="HKD")))
    assert [quote.instrument_id for quote in yahoo.quotes(stocks, NOW, BOOK)] == [1, 3, 2, 4]
    assert vendor.calls == [{"symbols": "AAPL,BRK-B,TSCO.L,0700.HK", "formatted": "false"}]


def test_one_stock_that_it_does_not_have_spoils_no_other(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(), {"quoteType": "NONE", "symbol": "GONE"}))
    stocks = [stock("GONE", "XNAS", number=2), stock("NEVER", "XNAS", number=3), APPLE]
    assert [quote.instrument_id for quote in yahoo.quotes(stocks, NOW, BOOK)] == [1]


def test_pence_are_said_to_be_pence(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row("TSCO.L", currency="GBp", regularMarketTime=stamp("2026-01-14 14:44"),
                          exchangeDataDelayedBy=15)))
    quote = ask(yahoo, TESCO, at("2026-01-14 15:00"), london("2026-01-01", 30))
    assert (quote.unit, quote.price, quote.state) == ("GBX", Decimal("212.45"), State.DELAYED)
    assert (quote.delay, quote.previous_day) == (State.DELAYED, dt.date(2026, 1, 13))


@pytest.mark.parametrize("currency", ["EUR", "GBX", "ZAc"])
def test_a_price_in_another_currency_is_refused(yahoo: Yahoo, vendor: Vendor, currency: str) -> None:
    vendor.say(quotes(row(currency=currency)))
    with pytest.raises(ProviderError, match="another currency") as caught:
        ask(yahoo)
    assert caught.value.kind is ErrorKind.BROKEN_ANSWER


def test_a_unit_that_is_not_said_is_refused_where_it_is_in_doubt(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row("TSCO.L", currency=None)))
    with pytest.raises(ProviderError, match="its unit is missing"):
        ask(yahoo, TESCO)
    vendor.say(quotes(row(currency=None)))
    assert ask(yahoo).unit == ""


def test_a_price_among_figures_of_another_unit_is_refused(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(regularMarketPrice=2.1245)))
    with pytest.raises(ProviderError, match="contradict each other"):
        ask(yahoo)


def test_a_price_a_little_outside_the_range_widens_it(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(regularMarketPrice=213.4)))
    quote = ask(yahoo)
    assert (quote.low, quote.high) == (Decimal("209.805"), Decimal("213.4"))


def test_a_price_after_hours_stands_beside_the_close(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(marketState="POST", regularMarketTime=stamp("2026-06-10 20:00:02"), postMarketPrice=213.9,
                          postMarketTime=stamp("2026-06-10 21:04:30"), preMarketPrice=211.0,
                          preMarketTime=stamp("2026-06-10 13:29:58"))))
    quote = ask(yahoo, now=at("2026-06-10 21:05"))
    assert (quote.price, quote.as_of) == (Decimal("212.45"), at("2026-06-10 20:00:02"))
    assert (quote.extended_price, quote.extended_as_of) == (Decimal("213.9"), at("2026-06-10 21:04:30"))
    assert (quote.state, quote.session, quote.stale_at) == (State.POST, Session.POST, at("2026-06-10 21:07"))


def test_a_price_before_hours_stands_beside_the_close_of_the_day_before(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(marketState="PRE", regularMarketTime=stamp("2026-06-09 20:00:01"), preMarketPrice=211.0,
                          preMarketTime=stamp("2026-06-10 11:59:58"))))
    quote = ask(yahoo, now=at("2026-06-10 12:00"))
    assert (quote.day, quote.previous_day) == (dt.date(2026, 6, 9), dt.date(2026, 6, 8))
    assert (quote.extended_price, quote.state, quote.session) == (Decimal("211.0"), State.PRE, Session.PRE)
    assert quote.bid is not None


def test_an_old_price_before_hours_makes_no_close_stale(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(marketState="PRE", regularMarketTime=stamp("2026-06-09 20:00:01"), preMarketPrice=211.0,
                          preMarketTime=stamp("2026-06-10 08:30"))))
    quote = ask(yahoo, now=at("2026-06-10 12:00"))
    assert (quote.extended_price, quote.state, quote.session) == (Decimal("211.0"), State.CLOSED, Session.PRE)
    assert quote.stale_at == at("2026-06-10 14:00")


def test_a_price_from_before_the_opening_is_dropped_once_it_is_open(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(preMarketPrice=211.0, preMarketTime=stamp("2026-06-10 13:29:58"))))
    assert ask(yahoo).extended_price is None


def test_at_night_the_close_is_closed_and_without_bid_and_ask(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(marketState="PREPRE", regularMarketTime=stamp("2026-06-09 20:00:01"), postMarketPrice=213.9,
                          postMarketTime=stamp("2026-06-09 23:59:58"))))
    quote = ask(yahoo, now=at("2026-06-10 07:00"))
    assert (quote.state, quote.bid, quote.ask) == (State.CLOSED, None, None)
    assert quote.extended_price == Decimal("213.9")


def test_a_previous_close_that_is_already_the_next_days_is_none(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(marketState="PREPRE", regularMarketTime=stamp("2026-06-09 20:00:01"),
                          regularMarketPreviousClose=212.45, regularMarketChange=0)))
    quote = ask(yahoo, now=at("2026-06-10 07:00"))
    assert (quote.previous_close, quote.stated_change) == (None, None)
    vendor.say(quotes(row(regularMarketPreviousClose=212.45, regularMarketChange=0)))
    assert ask(yahoo).previous_close == Decimal("212.45"), "a day without a change has one"


def test_a_broken_change_is_no_error(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(regularMarketChange="soon", regularMarketVolume="many")))
    quote = ask(yahoo)
    assert (quote.stated_change, quote.volume) == (None, None)


def test_figures_with_a_written_form_are_read_too(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(regularMarketPrice={"raw": 212.45, "fmt": "212.45"})))
    assert ask(yahoo).price == Decimal("212.45")


def test_a_delay_that_is_not_said_counts_as_one(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(exchangeDataDelayedBy=None)))
    assert ask(yahoo).state is State.DELAYED


def test_a_fund_has_the_price_of_a_day(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say(quotes(row(quoteType="MUTUALFUND", marketState="CLOSED", regularMarketTime=stamp("2026-06-09 19:00"))))
    quote = ask(yahoo)
    assert (quote.state, quote.as_of, quote.stale_at) == (State.END_OF_DAY, at("2026-06-09 19:00"),
                                                          at("2026-06-11 02:00"))


def test_without_a_calendar_yahoos_word_says_that_the_market_is_shut(yahoo: Yahoo, vendor: Vendor) -> None:
    for state, shown in (("CLOSED", State.CLOSED), ("POSTPOST", State.CLOSED), ("REGULAR", State.LIVE)):
        vendor.say(quotes(row(marketState=state)))
        assert ask(yahoo, book=SessionBook([])).state is shown


@pytest.mark.parametrize(("body", "status", "kind"), [
    ("Too Many Requests\r\n", 200, ErrorKind.THROTTLED_MINUTE),
    ("<html><title>Yahoo</title>Will be right back...</html>", 200, ErrorKind.UNREACHABLE),
    ("<html>Sign in</html>", 200, ErrorKind.BROKEN_ANSWER),
    ("Forbidden", 403, ErrorKind.UNREACHABLE),
    ("", 999, ErrorKind.THROTTLED_MINUTE),
    ({"finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}, 200,
     ErrorKind.BAD_KEY),
    ({"finance": {"result": None, "error": {"code": "Unauthorized", "description": "User is unable to access this "
                                            "feature"}}}, 401, ErrorKind.BAD_KEY),
    ({"quoteResponse": {"result": None, "error": {"code": "Oops", "description": ""}}}, 200, ErrorKind.BROKEN_ANSWER),
    ({"quoteResponse": {"result": [row()], "error": {"code": "internal-error"}}}, 500, ErrorKind.UNREACHABLE),
    (quotes(row(), row()), 200, ErrorKind.BROKEN_ANSWER), (quotes(row("MSFT")), 200, ErrorKind.BROKEN_ANSWER),
    (quotes(), 200, ErrorKind.UNKNOWN_SYMBOL),
])
def test_an_error_is_told_from_the_others(yahoo: Yahoo, vendor: Vendor, body: object, status: int,
                                          kind: ErrorKind) -> None:
    vendor.say(body, status)
    with pytest.raises(ProviderError) as caught:
        ask(yahoo)
    assert caught.value.kind is kind


def test_a_session_that_is_not_accepted_is_tried_again_soon(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say("", 401)
    with pytest.raises(ProviderError, match="begins a new one") as caught:
        ask(yahoo)
    assert caught.value.retry_after == dt.timedelta(minutes=1)


def test_the_search_finds_listings_of_our_exchanges(yahoo: Yahoo, vendor: Vendor) -> None:
    others = [{"symbol": "TSCO.L", "exchange": "LSE", "quoteType": "EQUITY", "shortname": "TESCO  PLC "},
              {"symbol": "BRK-B", "exchange": "NYQ", "quoteType": "EQUITY", "longName": "Berkshire Hathaway"},
              {"symbol": "SPY", "exchange": "PCX", "quoteType": "ETF"}, {"symbol": "EURUSD=X", "exchange": "CCY"},
              {"symbol": "^IXIC", "exchange": "NIM"}, {"symbol": "AAPL.XX"}, {"symbol": 7}, {"symbol": "BTC-USD"}, 3]
    vendor.say({**FOUND, "quotes": [*FOUND["quotes"], *others]})  # type: ignore[misc]
    assert yahoo.search("apple", NOW) == [
        Listing("AAPL", "XNAS", "Apple Inc.", country="US"), Listing("TSCO", "XLON", "TESCO PLC", country="GB"),
        Listing("BRK.B", "XNYS", "Berkshire Hathaway", country="US"),
        Listing("SPY", "ARCX", "", country="US", kind="etf")]
    assert vendor.paths == ["/v1/finance/search"]
    assert vendor.calls[0]["q"] == "apple"


@needs_recordings
@pytest.mark.parametrize(("name", "symbol", "mic", "currency", "price", "previous"), [
    ("quote_AZT.OL_POSTPOST_2021.json", "AZT.OL", "XOSL", "NOK", "69.2", "68"),
    ("quote_BTC-USD.json", "BTC-USD", "XXXX", "USD", "96077.45", "96137.88"),
    ("quote_EURUSDX.json", "EURUSD=X", "XXXX", "USD", "1.0489877", "1.0495383"),
    ("quote_VXAPL_index.json", "^VXAPL", "XXXX", "USD", "23.77", "24.28"),
    ("quote_AAPL_closed_2025.json", "AAPL", "XNAS", "USD", "244.6", "241.53"),
])
def test_a_recorded_row_is_read_whatever_it_is_of(name: str, symbol: str, mic: str, currency: str, price: str,
                                                  previous: str) -> None:
    text = (RECORDINGS / "yahoo" / name).read_text(encoding="utf-8-sig")
    [found] = json.loads(text, parse_float=str, parse_int=str)["quoteResponse"]["result"]
    quote = read_quote(found, stock(symbol, mic, currency), CASE.recorded_at, CASE.book)
    assert quote is not None
    assert (str(quote.price), str(quote.previous_close)) == (price, previous)


@needs_recordings
def test_the_recorded_night_before_an_opening_has_the_price_after_hours(yahoo: Yahoo, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "yahoo" / "quote_AAPL-BABA_PREPRE_2021.json").read_bytes())
    stocks = [stock("BABA", "XNYS", number=2), APPLE]
    [alibaba, apple] = yahoo.quotes(stocks, at("2021-02-08 05:06"), SessionBook([]))
    assert (str(alibaba.price), str(alibaba.extended_price)) == ("265.67", "266.45")
    assert (apple.stated_change, apple.previous_close) == (Decimal("-0.42500305"), Decimal("137.185"))
    assert (apple.extended_as_of, apple.state) == (at("2021-02-06 00:59:58"), State.CLOSED)
