"""Alpaca: which of its bars is of which day, a bad symbol in a batch, and its own words for what is wrong."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.alpaca import bar, snapshot
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Quote, Session, State
from worker.providers.alpaca import Alpaca
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client

SECRET = "SECRETPART9876543"
NOON = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NO_BOOK = SessionBook([])
YESTERDAY = bar("2026-06-09", 199.8, 201.7, 199.12, 200.44)
DAY_BEFORE = bar("2026-06-08", 198.1, 199.9, 197.5, 199.01)
LAST_WEEK = bar("2026-06-05", 190.0, 192.0, 189.0, 191.11)

Ask = Callable[..., Quote]


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> Alpaca:
    """Alpaca with a key, against the server."""
    made = config(ALPACA_API_KEY=KEY, ALPACA_API_SECRET=SECRET, ALPACA_URL=vendor.url)
    return Alpaca(made, Client("Alpaca", timeouts=(0.5, 0.4), deadline=1.0))


@pytest.fixture
def ask(provider: Alpaca, vendor: Vendor) -> Ask:
    """Ask for one quote of which the vendor gives this snapshot."""
    def ask_once(fields: object, now: dt.datetime = NOON, book: SessionBook = BOOK) -> Quote:
        vendor.say({"AAPL": fields})
        [quote] = provider.quotes([stock("AAPL", "XNAS")], now, book)
        return quote

    return ask_once


def refusal(provider: Alpaca, *symbols: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.quotes([stock(symbol, "XNAS") for symbol in symbols or ("AAPL",)], NOON, BOOK)
    error = caught.value
    assert KEY not in f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert SECRET not in f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    return error


def test_a_quote_has_every_figure_as_it_came(ask: Ask) -> None:
    assert ask(snapshot()) == Quote(
        instrument_id=1, price=Decimal("202.615"), as_of=at("2026-06-10 14:59:58.123456"), day=dt.date(2026, 6, 10),
        source="alpaca", state=State.LIVE, session=Session.REGULAR, previous_close=Decimal("200.44"),
        previous_day=dt.date(2026, 6, 9), open=Decimal("201.25"), high=Decimal("203.1"), low=Decimal("200.905"),
        volume=None, bid=Decimal("202.6"), ask=Decimal("202.63"), stale_at=at("2026-06-10 15:02"))


def test_the_key_goes_in_headers_and_not_in_the_address(ask: Ask, vendor: Vendor) -> None:
    ask(snapshot())
    assert vendor.paths == ["/v2/stocks/snapshots"]
    assert vendor.calls == [{"symbols": "AAPL", "feed": "iex"}]
    sent = {name.upper(): value for name, value in vendor.headers[0].items()}
    assert (sent["APCA-API-KEY-ID"], sent["APCA-API-SECRET-KEY"]) == (KEY, SECRET)


def test_many_stocks_are_one_call(provider: Alpaca, vendor: Vendor) -> None:
    vendor.say({"AAPL": snapshot(), "BRK.B": snapshot(201)})
    quotes = provider.quotes([stock("AAPL", "XNAS", number=1), stock("BRK.B", "XNYS", number=2)], NOON, BOOK)
    assert [(quote.instrument_id, str(quote.price)) for quote in quotes] == [(1, "202.615"), (2, "201")]
    assert [call["symbols"] for call in vendor.calls] == ["AAPL,BRK.B"]


@pytest.mark.parametrize("symbol", ["BRK.B", "BRK/B"])
def test_a_share_class_has_a_dot(provider: Alpaca, symbol: str) -> None:
    assert provider.symbol_of(stock(symbol, "XNYS")) == "BRK.B"


@pytest.mark.parametrize(("mic", "covered"), [("XNYS", True), ("ARCX", True), ("BATS", True), ("XLON", False)])
def test_only_the_united_states_are_covered(provider: Alpaca, mic: str, covered: bool) -> None:
    assert provider.covers(stock(mic=mic)) is covered


def test_the_limits_are_those_of_the_settings(config: Callable[..., Config]) -> None:
    assert (Alpaca(config()).limits.per_minute, Alpaca(config()).limits.per_day) == (200, None)
    assert Alpaca(config(ALPACA_CALLS_PER_MINUTE=0)).limits.per_minute is None


def test_the_answer_may_stand_under_a_key(provider: Alpaca, vendor: Vendor) -> None:
    vendor.say({"snapshots": {"AAPL": snapshot()}, "next_page_token": None})
    [quote] = provider.quotes([stock("AAPL", "XNAS")], NOON, BOOK)
    assert quote.price == Decimal("202.615")


# Which bar is of which day


def test_before_the_open_the_daily_bar_is_of_the_day_before(ask: Ask) -> None:
    fields = snapshot(205.5, "2026-06-10T12:30:00Z", dailyBar=YESTERDAY, prevDailyBar=DAY_BEFORE)
    quote = ask(fields, at("2026-06-10 12:31"))
    assert (quote.state, quote.session, quote.day) == (State.PRE, Session.PRE, dt.date(2026, 6, 10))
    assert quote.previous_close == Decimal("200.44")
    assert (quote.open, quote.high, quote.low) == (None, None, None)


def test_yesterdays_trade_keeps_yesterdays_previous_close(ask: Ask) -> None:
    fields = snapshot(200.44, "2026-06-09T19:59:59Z", dailyBar=YESTERDAY, prevDailyBar=DAY_BEFORE)
    quote = ask(fields, at("2026-06-10 12:31"))
    assert (quote.state, quote.day, quote.previous_close) == (State.CLOSED, dt.date(2026, 6, 9), Decimal("199.01"))
    assert quote.high == Decimal("201.7")
    assert quote.stale_at == at("2026-06-10 14:00")


def test_on_a_weekend_the_price_is_fridays_against_thursdays(ask: Ask) -> None:
    fields = snapshot(191.11, "2026-06-05T19:59:59Z", dailyBar=LAST_WEEK,
                      prevDailyBar=bar("2026-06-04", 188.0, 190.5, 187.9, 190.02))
    quote = ask(fields, at("2026-06-07 12:00"))
    assert (quote.state, quote.session, quote.day) == (State.CLOSED, Session.CLOSED, dt.date(2026, 6, 5))
    assert (quote.previous_close, quote.bid, quote.ask) == (Decimal("190.02"), None, None)


def test_on_a_monday_morning_the_close_of_friday_is_the_previous_one(ask: Ask) -> None:
    fields = snapshot(192.5, "2026-06-08T12:00:00Z", dailyBar=LAST_WEEK,
                      prevDailyBar=bar("2026-06-04", 188.0, 190.5, 187.9, 190.02))
    assert ask(fields, at("2026-06-08 12:00")).previous_close == Decimal("191.11")


def test_after_hours_the_day_keeps_its_previous_close_and_its_range(ask: Ask) -> None:
    quote = ask(snapshot(230.0, "2026-06-10T20:30:00Z"), at("2026-06-10 20:31"))
    assert (quote.state, quote.session) == (State.POST, Session.POST)
    assert (quote.previous_close, quote.high) == (Decimal("200.44"), Decimal("203.1"))


def test_a_daily_bar_that_is_newer_than_the_trade_says_nothing_of_its_day(ask: Ask) -> None:
    quote = ask(snapshot(200.4, "2026-06-09T19:00:00Z"))
    assert (quote.day, quote.open, quote.high) == (dt.date(2026, 6, 9), Decimal("199.8"), Decimal("201.7"))
    assert quote.previous_close is None


@pytest.mark.parametrize("fields", [
    snapshot(prevDailyBar=LAST_WEEK),
    snapshot(made_at="2026-06-10T12:30:00Z", dailyBar=LAST_WEEK, prevDailyBar=None),
], ids=["previous bar", "daily bar"])
def test_an_older_close_than_the_last_sessions_is_no_previous_close(ask: Ask, fields: object) -> None:
    assert ask(fields).previous_close is None


def test_without_a_calendar_the_nearest_earlier_close_is_taken(ask: Ask) -> None:
    assert ask(snapshot(), book=NO_BOOK).previous_close == Decimal("200.44")
    assert ask(snapshot(dailyBar=YESTERDAY, prevDailyBar=DAY_BEFORE), book=NO_BOOK).previous_close == Decimal("200.44")


def test_an_old_trade_is_stale_from_the_start(ask: Ask) -> None:
    quote = ask(snapshot(191, "2026-06-05T15:00:00Z"))
    assert quote.stale_at is not None
    assert quote.stale_at <= NOON


# Odd figures


def test_a_bar_that_is_a_minute_behind_takes_the_trade_in(ask: Ask) -> None:
    above, below = ask(snapshot(203.75)), ask(snapshot(200.5))
    assert (above.high, above.low) == (Decimal("203.75"), Decimal("200.905"))
    assert (below.high, below.low) == (Decimal("203.1"), Decimal("200.5"))


@pytest.mark.parametrize("changes", [
    {"price": 2026.15}, {"price": 20.26}, {"price": 0}, {"price": None}, {"made_at": ""}, {"made_at": "yesterday"},
    {"made_at": "2026-06-10T15:02:01Z"}, {"latestTrade": None}, {"latestTrade": [1]}, {"latestTrade": {}},
    {"dailyBar": bar("2026-06-10", 210, 203.1, 200.9, 202.6)}, {"dailyBar": bar("2026-06-10", -1, 203, 200, 202)},
])
def test_a_snapshot_without_a_sound_price_is_broken(provider: Alpaca, vendor: Vendor,
                                                    changes: dict[str, object]) -> None:
    trade = {"p": changes.get("price", 202.615), "t": changes.get("made_at", "2026-06-10T14:59:58Z")}
    vendor.say({"AAPL": snapshot() | {"latestTrade": trade} | changes})
    assert refusal(provider).kind is ErrorKind.BROKEN_ANSWER


def test_a_clock_that_is_a_little_ahead_is_forgiven(ask: Ask) -> None:
    assert ask(snapshot(made_at="2026-06-10T15:01:00Z")).as_of == NOON


def test_all_but_the_trade_may_be_missing(ask: Ask) -> None:
    fields = {"latestTrade": {"t": "2026-06-10T14:59:58Z", "p": "202.6150"}, "dailyBar": None, "latestQuote": None}
    quote = ask(fields)
    assert str(quote.price) == "202.6150"
    assert (quote.previous_close, quote.open, quote.high, quote.low, quote.bid, quote.ask) == (None,) * 6


def test_zero_is_no_figure(ask: Ask) -> None:
    empty = {"t": "2026-06-10T04:00:00Z", "o": 0, "h": 0, "l": 0, "c": 0}
    quote = ask(snapshot(dailyBar=empty, prevDailyBar={**YESTERDAY, "c": 0}, latestQuote={"bp": 202.6, "ap": 0}))
    assert (quote.previous_close, quote.open, quote.high, quote.low, quote.ask) == (None,) * 5
    assert quote.bid == Decimal("202.6")


def test_a_bid_above_the_ask_is_not_shown(ask: Ask) -> None:
    quote = ask(snapshot(latestQuote={"bp": 202.7, "ap": 202.6}))
    assert (quote.bid, quote.ask) == (None, None)


# What goes wrong


@pytest.mark.parametrize(("status", "body", "kind"), [
    (403, {"message": "subscription does not permit querying recent SIP data"}, ErrorKind.NOT_ENTITLED),
    (422, {"message": "end is too late for subscription"}, ErrorKind.NOT_ENTITLED),
    (403, "", ErrorKind.NOT_ENTITLED),
    (403, {"message": "forbidden."}, ErrorKind.BAD_KEY),
    (401, {"code": 40110000, "message": "request is not authorized"}, ErrorKind.BAD_KEY),
    (403, {"code": 40310000, "message": "access key verification failed : request is unauthorized"},
     ErrorKind.BAD_KEY),
    (401, "<html><head><title>401 Authorization Required</title></head></html>", ErrorKind.BAD_KEY),
    (429, {"code": 42910000, "message": "rate limit exceeded"}, ErrorKind.THROTTLED_MINUTE),
    (200, {"code": 42910000, "message": "rate limit exceeded"}, ErrorKind.THROTTLED_MINUTE),
    (400, {"message": "code=400, message=invalid symbol: AAPL"}, ErrorKind.UNKNOWN_SYMBOL),
    (400, {"message": "something else"}, ErrorKind.UNREACHABLE),
    (504, {"message": "upstream request timeout"}, ErrorKind.UNREACHABLE),
    (200, {"message": "something else"}, ErrorKind.BROKEN_ANSWER),
    (200, {"AAPL": None}, ErrorKind.UNKNOWN_SYMBOL), (200, {"AAPL": {}}, ErrorKind.UNKNOWN_SYMBOL),
    (200, {"snapshots": {}}, ErrorKind.UNKNOWN_SYMBOL), (200, {"MSFT": snapshot()}, ErrorKind.UNKNOWN_SYMBOL),
    (200, {"AAPL": [1]}, ErrorKind.BROKEN_ANSWER), (200, [snapshot()], ErrorKind.BROKEN_ANSWER),
])
def test_each_complaint_has_its_kind(provider: Alpaca, vendor: Vendor, status: int, body: object,
                                     kind: ErrorKind) -> None:
    vendor.say(body, status)
    assert refusal(provider).kind is kind
    assert len(vendor.calls) == 1


def test_a_bad_key_names_both_settings(provider: Alpaca, vendor: Vendor) -> None:
    vendor.say({"message": "forbidden."}, 403)
    assert refusal(provider).message == ("Alpaca does not accept the API key. "
                                         "Check ALPACA_API_KEY and ALPACA_API_SECRET.")


def test_the_wait_that_a_limit_names_is_kept(provider: Alpaca, vendor: Vendor) -> None:
    vendor.say({"message": "too many requests."}, 429, {"Retry-After": "7"})
    assert refusal(provider).retry_after == dt.timedelta(seconds=7)


@pytest.mark.parametrize("bad", [None, {}, {"latestTrade": {"p": 0}}, snapshot(-1), [], "x"])
def test_one_bad_stock_does_not_spoil_the_others(provider: Alpaca, vendor: Vendor, bad: object) -> None:
    vendor.say({"AAPL": snapshot(), "NOPE": bad})
    quotes = provider.quotes([stock("NOPE", "XNAS", number=7), stock("AAPL", "XNAS", number=8),
                              stock("TSCO", "XLON", number=9)], NOON, BOOK)
    assert [quote.instrument_id for quote in quotes] == [8]
    assert vendor.calls[0]["symbols"] == "NOPE,AAPL"


def test_a_symbol_that_spoils_a_call_is_blamed_for_it(provider: Alpaca, vendor: Vendor) -> None:
    vendor.say({"message": "code=400, message=invalid symbol: ANG-PD"}, 400)
    error = refusal(provider, "ANG-PD", "AAPL")
    assert error.kind is ErrorKind.UNKNOWN_SYMBOL
    assert error.blames is not None
    assert error.blames.symbol == "ANG-PD"
    vendor.say({"message": "code=400, message=invalid symbol: SOMETHING"}, 400)
    assert refusal(provider, "ANG-PD", "AAPL").blames is None
