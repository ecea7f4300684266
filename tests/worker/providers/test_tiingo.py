import datetime as dt
import logging
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.tiingo import row
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client
from worker.providers.tiingo import Tiingo

MORNING = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
AAPL = stock("AAPL", "XNAS")

Make = Callable[..., Tiingo]


@pytest.fixture
def make(vendor: Vendor, config: Callable[..., Config]) -> Make:
    """Make the provider against the server; settings may be changed."""
    return lambda **changes: Tiingo(config(**{"TIINGO_API_KEY": KEY, "TIINGO_URL": vendor.url} | changes),
                                    Client("Tiingo", timeouts=(0.5, 0.4), deadline=1.0))


@pytest.fixture
def ask(make: Make, vendor: Vendor) -> Callable[..., Quote]:
    """Ask for the quote that the changed row becomes."""
    provider = make()

    def ask_once(now: dt.datetime = MORNING, book: SessionBook = BOOK, **changes: object) -> Quote:
        vendor.say([row(**changes)])
        [quote] = provider.quotes([AAPL], now, book)
        return quote

    return ask_once


def refusal(provider: Tiingo, *instruments: Instrument) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.quotes(instruments or [AAPL], MORNING, BOOK)
    return caught.value


def closed(moment: str = "2026-06-09T20:00:00+00:00", **changes: object) -> dict[str, object]:
    """Return what changes in the evening: the book is empty, every time is that of the close."""
    return {"timestamp": moment, "quoteTimestamp": moment, "lastSaleTimestamp": moment, "last": 201.5,
            "tngoLast": 201.5, **changes}


def test_a_quote_has_every_figure_as_it_came(ask: Callable[..., Quote]) -> None:
    quote = ask(bidPrice=201.35, askPrice=201.36)
    assert quote == Quote(
        instrument_id=1, price=Decimal("201.355"), as_of=dt.datetime(2026, 6, 10, 14, 59, 58, 123456, dt.UTC),
        day=dt.date(2026, 6, 10), source="tiingo", state=State.LIVE, session=Session.REGULAR,
        previous_close=Decimal("199.5"), open=Decimal("200.1"), high=Decimal("202.25"), low=Decimal("199.875"),
        bid=Decimal("201.35"), ask=Decimal("201.36"), stale_at=MORNING + dt.timedelta(minutes=2))


def test_the_key_goes_into_a_header_and_not_into_the_address(ask: Callable[..., Quote], vendor: Vendor) -> None:
    ask()
    assert vendor.paths == ["/iex/"]
    assert vendor.calls == [{"tickers": "AAPL"}]
    assert vendor.headers[0]["Authorization"] == f"Token {KEY}"


def test_limits_are_those_of_the_settings(make: Make) -> None:
    assert make().limits == Limits(1.0, per_hour=50, per_day=1000)
    assert make(TIINGO_CALLS_PER_HOUR=0, TIINGO_CALLS_PER_DAY=0).limits == Limits(1.0)


@pytest.mark.parametrize(("symbol", "written"), [("AAPL", "AAPL"), ("BRK.B", "BRK-B"), ("BF/B", "BF-B")])
def test_a_share_class_has_a_dash(make: Make, symbol: str, written: str) -> None:
    assert make().symbol_of(stock(symbol, "XNYS")) == written


def test_only_exchanges_of_the_united_states_are_covered(make: Make) -> None:
    mics = ("XNAS", "XNYS", "XASE", "ARCX", "BATS", "XLON", "XETR")
    covered = [mic for mic in mics if make().covers(stock("A", mic))]
    assert covered == ["XNAS", "XNYS", "XASE", "ARCX", "BATS"]
    assert refusal(make(), stock("TSCO", "XLON")).kind is ErrorKind.UNKNOWN_SYMBOL


def test_many_symbols_are_one_call_whatever_their_order_in_the_answer(make: Make, vendor: Vendor) -> None:
    vendor.say([row("brk-b", tngoLast=480, high=481, low=479), row("AAPL")])
    quotes = make().quotes([AAPL, stock("BRK.B", "XNYS", number=2)], MORNING, BOOK)
    assert [(quote.instrument_id, str(quote.price)) for quote in quotes] == [(1, "201.355"), (2, "480")]
    assert vendor.calls == [{"tickers": "AAPL,BRK-B"}]


def test_one_bad_symbol_does_not_spoil_the_others(make: Make, vendor: Vendor,
                                                  caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    vendor.say([row("AAPL"), row("MSFT", tngoLast=-1), row("IBM", timestamp="yesterday"), "rubbish"])
    asked = [stock(symbol, "XNAS", number=number) for number, symbol in enumerate(("AAPL", "MSFT", "IBM", "NONE"))]
    assert [quote.instrument_id for quote in make().quotes(asked, MORNING, BOOK)] == [0]
    assert all(f"XNAS:{symbol}" in caplog.text for symbol in ("MSFT", "IBM", "NONE"))


def test_a_symbol_that_is_missing_is_unknown(make: Make, vendor: Vendor) -> None:
    vendor.say([])
    assert refusal(make()).kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize("rows", [[row("GOOGL")], [row(), row(tngoLast=199)], [None], [{"ticker": 7}]])
def test_rows_that_are_not_what_was_asked_for_are_no_verdict_on_the_symbol(make: Make, vendor: Vendor,
                                                                          rows: object) -> None:
    vendor.say(rows)
    assert refusal(make()).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("status", "body", "kind", "minutes"), [
    (429, {"detail": "Error: You have run over your hourly request allocation."}, ErrorKind.THROTTLED_HOUR, 15),
    (200, {"detail": "Error: You have run over your hourly request allocation."}, ErrorKind.THROTTLED_HOUR, 15),
    (200, "Error: You have run over your hourly request allocation.", ErrorKind.THROTTLED_HOUR, 15),
    (429, "", ErrorKind.THROTTLED_HOUR, 15),
    (429, {"detail": "Error: You have run over your daily request allocation."}, ErrorKind.THROTTLED_DAY, 60),
    (429, {"detail": "Error: You have run over your 500 symbol look up for this month."}, ErrorKind.THROTTLED_DAY, 60),
    (403, {"detail": "You do not have permission to access the News API"}, ErrorKind.NOT_ENTITLED, None),
    (403, "", ErrorKind.NOT_ENTITLED, None),
    (401, {"detail": "Invalid token."}, ErrorKind.BAD_KEY, None),
    (403, {"detail": "Please supply a token"}, ErrorKind.BAD_KEY, None),
    (403, "None", ErrorKind.BAD_KEY, None),
    (404, {"detail": "Error: Ticker 'TOKEN' not found"}, ErrorKind.UNKNOWN_SYMBOL, None),
    (200, "Error: Ticker 'X' not found", ErrorKind.UNKNOWN_SYMBOL, None),
    (200, "<p>Your token was not found</p>", ErrorKind.BROKEN_ANSWER, None),
    (200, {"detail": "Something new"}, ErrorKind.BROKEN_ANSWER, None),
    (200, {"ticker": "AAPL"}, ErrorKind.BROKEN_ANSWER, None),
    (502, {"detail": "No token"}, ErrorKind.UNREACHABLE, None),
])
def test_each_complaint_has_its_kind(make: Make, vendor: Vendor, status: int, body: object, kind: ErrorKind,
                                     minutes: int | None) -> None:
    vendor.say(body, status)
    error = refusal(make())
    assert (error.kind, error.retry_after) == (kind, dt.timedelta(minutes=minutes) if minutes else None)
    assert len(vendor.calls) == 1


def test_the_price_is_the_last_trade_where_tiingo_makes_none(ask: Callable[..., Quote]) -> None:
    assert str(ask(tngoLast=None, last=201.4, lastSaleTimestamp="2026-06-10T14:59:30Z").price) == "201.4"


@pytest.mark.parametrize("key", ["lastSaleTimestamp", "lastSaleTimeStamp"])
def test_a_trade_has_its_own_time_and_the_middle_of_the_book_that_of_the_book(ask: Callable[..., Quote],
                                                                              key: str) -> None:
    sale = {"last": 201.4, "lastSaleTimestamp": None, key: "2026-06-10T10:58:00-04:00"}
    assert ask(tngoLast=201.4, **sale).as_of == at("2026-06-10 14:58")
    assert ask(tngoLast=201.35, timestamp="2026-06-10T14:59:00Z", **sale).as_of == at("2026-06-10 14:59")


@pytest.mark.parametrize("changes", [
    {"tngoLast": None}, {"tngoLast": "N/A"}, {"tngoLast": "a lot"}, {"tngoLast": True}, {"timestamp": None},
    {"timestamp": "2026-06-10"}, {"timestamp": "2026-06-10T15:02:01Z"}, {"low": 300}, {"high": 199},
    {"tngoLast": 205}, {"tngoLast": 197}, {"last": 202.26, "tngoLast": 202.26}, {"open": -1},
])
def test_an_odd_row_is_no_price(ask: Callable[..., Quote], changes: dict[str, object]) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(**changes)
    assert caught.value.kind is ErrorKind.BROKEN_ANSWER


def test_optional_figures_may_be_missing_or_zero(ask: Callable[..., Quote]) -> None:
    quote = ask(prevClose=0, open=None, high=0, low="", volume="odd", bidPrice=0, askPrice=None, extra=[1])
    assert (quote.previous_close, quote.open, quote.high, quote.low, quote.volume, quote.bid) == (None,) * 6


def test_the_middle_of_the_book_may_be_a_little_ahead_of_the_range_of_trades(ask: Callable[..., Quote]) -> None:
    quote = ask(tngoLast=202.5)
    assert (quote.price, quote.open, quote.high, quote.low) == (Decimal("202.5"), Decimal("200.1"), None, None)


def test_a_time_a_moment_ahead_of_our_clock_is_now(ask: Callable[..., Quote]) -> None:
    assert ask(timestamp="2026-06-10T15:01:59Z").as_of == MORNING


@pytest.mark.parametrize(("moment", "now", "state", "session"), [
    ("2026-06-10T12:59:00Z", "2026-06-10 13:00", State.PRE, Session.PRE),
    ("2026-06-10T13:30:00Z", "2026-06-10 13:30", State.LIVE, Session.REGULAR),
    ("2026-06-10T20:30:00Z", "2026-06-10 20:31", State.POST, Session.POST),
    ("2026-06-10T20:00:00Z", "2026-06-10 20:01", State.CLOSED, Session.CLOSED),
    ("2026-06-12T20:00:00+00:00", "2026-06-14 12:00", State.CLOSED, Session.CLOSED),
])
def test_a_price_says_which_part_of_the_day_it_is_from(ask: Callable[..., Quote], moment: str, now: str, state: State,
                                                       session: Session) -> None:
    quote = ask(at(now), timestamp=moment)
    assert (quote.state, quote.session, quote.as_of) == (state, session, dt.datetime.fromisoformat(moment))
    assert quote.stale_at is not None
    assert quote.stale_at > at(now)


def test_the_official_close_holds_until_the_next_session_is_open_for_a_while(ask: Callable[..., Quote]) -> None:
    quote = ask(at("2026-06-10 03:00"), **closed())
    assert (quote.state, quote.day, quote.stale_at) == (State.CLOSED, dt.date(2026, 6, 9), at("2026-06-10 14:00"))
    assert quote.high is not None


def test_a_moving_book_does_not_make_yesterdays_close_a_price_of_this_morning(ask: Callable[..., Quote]) -> None:
    quote = ask(at("2026-06-10 12:00"), **closed(timestamp="2026-06-10T11:59:59Z"))
    assert (quote.as_of, quote.state) == (at("2026-06-09 20:00"), State.CLOSED)


def test_the_range_is_left_out_before_the_open_and_no_bound_after_the_close(ask: Callable[..., Quote]) -> None:
    before = ask(at("2026-06-10 13:00"), timestamp="2026-06-10T12:59:00Z", tngoLast=230)
    assert (before.open, before.high, before.low) == (None, None, None)
    after = ask(at("2026-06-10 20:31"), timestamp="2026-06-10T20:30:00Z", tngoLast=230)
    assert (str(after.price), str(after.high)) == ("230", "202.25")


def test_a_price_of_an_old_day_is_stale(ask: Callable[..., Quote]) -> None:
    quote = ask(**closed("2026-06-04T20:00:00+00:00"))
    assert quote.stale_at is not None
    assert quote.stale_at <= MORNING
