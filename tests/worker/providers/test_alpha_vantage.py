import datetime as dt
import json
import logging
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from tests.worker.providers.conftest import FIELDS, KEY, Vendor, at, global_quote, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import VENDORS
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.alpha_vantage_answers import until_next_day
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client

EVENING = at("2020-05-08 22:00")
BOOK = new_york("2020-05-01", "2020-05-15")
NO_BOOK = SessionBook([])

Ask = Callable[..., Quote]


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Ask:
    """Ask the vendor for one quote."""
    made = config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url)
    provider = AlphaVantage(made, Client("Alpha Vantage", timeouts=(0.5, 0.4), deadline=1.0))

    def ask_once(instrument: Instrument | None = None, now: dt.datetime = EVENING, book: SessionBook = BOOK) -> Quote:
        return provider.quotes([instrument or stock()], now, book)[0]

    return ask_once


def refusal(ask: Ask, **named: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(**named)
    return caught.value


def test_a_quote_has_every_figure_as_it_came(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote())
    quote = ask()
    assert quote == Quote(
        instrument_id=1, price=Decimal("121.7400"), as_of=at("2020-05-08 20:00"), day=dt.date(2020, 5, 8),
        source="alpha-vantage", state=State.END_OF_DAY, session=Session.CLOSED, previous_close=Decimal("121.2300"),
        open=Decimal("122.6700"), high=Decimal("122.8000"), low=Decimal("121.0600"), volume=2_528_814,
        as_of_is_day=True, stale_at=at("2020-05-12 02:00"), stated_change=Decimal("0.5100"))
    assert [str(quote.price), str(quote.high)] == ["121.7400", "122.8000"]
    assert vendor.calls == [{"function": "GLOBAL_QUOTE", "symbol": "IBM", "apikey": KEY}]


def test_one_call_is_one_stock(config: Callable[..., Config]) -> None:
    provider = AlphaVantage(config())
    with pytest.raises(ValueError, match="1 instruments a call"):
        provider.quotes([stock(), stock("AAPL")], EVENING, BOOK)


@pytest.mark.parametrize(("symbol", "mic", "written"), [
    ("IBM", "XNYS", "IBM"), ("BRK.B", "XNYS", "BRK-B"), ("SPY", "ARCX", "SPY"), ("TSCO", "XLON", "TSCO.LON"),
    ("BBD.B", "XTSE", "BBD-B.TRT"), ("SAP", "XETR", "SAP.DEX"), ("MC", "XPAR", "MC.PAR"), ("ASML", "XAMS", "ASML.AMS"),
    ("VOLV.B", "XSTO", "VOLV-B.STO"), ("PETR4", "BVMF", "PETR4.SAO"),
])
def test_a_symbol_is_written_as_the_vendor_does(config: Callable[..., Config], symbol: str, mic: str,
                                                written: str) -> None:
    assert AlphaVantage(config()).symbol_of(stock(symbol, mic)) == written


@pytest.mark.parametrize(("mic", "covered"), [("XNYS", True), ("XLON", True), ("XTKS", False), ("XSWX", False)])
def test_the_exchanges_it_has_prices_of_are_known_beforehand(
        config: Callable[..., Config], mic: str, covered: bool) -> None:
    assert AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY)).covers(stock(mic=mic)) is covered


def test_an_exchange_that_the_vendor_lacks_costs_no_call(ask: Ask, vendor: Vendor) -> None:
    error = refusal(ask, instrument=stock("7203", "XTKS", "JPY"))
    assert (error.kind, error.permanent) == (ErrorKind.UNKNOWN_SYMBOL, True)
    assert error.message == "Alpha Vantage has no prices from the exchange XTKS."
    assert vendor.calls == []


def test_a_london_price_stays_in_pence(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote(symbol="TSCO.LON", price="121.5000"))
    assert ask(instrument=stock("TSCO", "XLON", "GBX")).price == Decimal("121.5000")


@pytest.mark.parametrize(("change", "stated"), [
    ("-77.00", Decimal("-77.00")), ("lots", None), (None, None), ([], None)])
def test_the_vendors_change_is_handed_on_and_refuses_nothing(ask: Ask, vendor: Vendor, change: object,
                                                             stated: Decimal | None) -> None:
    vendor.say(global_quote(change=change, change_percent="lots"))
    quote = ask()
    assert (quote.price, quote.stated_change) == (Decimal("121.7400"), stated)


def test_what_is_missing_is_unknown_and_not_zero(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote(open="None", high="-", low="0.0000", previous_close="N/A", volume=""))
    quote = ask()
    assert (quote.open, quote.high, quote.low, quote.previous_close, quote.volume) == (None,) * 5


def test_plain_json_numbers_keep_their_digits(ask: Ask, vendor: Vendor) -> None:
    vendor.say(json.dumps(global_quote()).replace('"121.7400"', "121.7400").replace('"2528814"', "2528814"))
    assert str(ask().price) == "121.7400"


@pytest.mark.parametrize("symbol", ["ibm", "IBM"])
def test_the_answer_is_for_the_symbol_asked(ask: Ask, vendor: Vendor, symbol: str) -> None:
    vendor.say(global_quote(symbol=symbol))
    assert ask().price == Decimal("121.7400")


@pytest.mark.parametrize(("changes", "reason"), [
    ({"symbol": "IBN"}, "another symbol"),
    ({"symbol": None}, "another symbol"),
    ({"price": "0.0000"}, "missing"),
    ({"price": "None"}, "missing"),
    ({"price": None}, "missing"),
    ({"price": "-121.74"}, "negative"),
    ({"price": "NaN"}, "not a number"),
    ({"price": ["121.74"]}, "not a number"),
    ({"price": "122.8001"}, "contradict"),
    ({"price": "121.0599"}, "contradict"),
    ({"open": "500"}, "contradict"),
    ({"low": "122.9"}, "contradict"),
    ({"previous_close": "-1"}, "negative"),
    ({"volume": "12.5"}, "not a count"),
    ({"volume": "-5"}, "not a count"),
    ({"latest_trading_day": "-"}, "missing"),
    ({"latest_trading_day": "yesterday"}, "not a day"),
    ({"latest_trading_day": "2020-05-11"}, "not come yet"),
    ({"latest_trading_day": "2031-01-01"}, "not come yet"),
])
def test_a_figure_that_cannot_be_right_is_no_price(ask: Ask, vendor: Vendor, changes: dict[str, object],
                                                   reason: str) -> None:
    vendor.say(global_quote(**changes))
    error = refusal(ask)
    assert (error.kind, error.permanent) == (ErrorKind.BROKEN_ANSWER, False)
    assert reason in error.message
    assert error.__context__ is None


FREE_SECOND = ("Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly "
               "(1 request per second). You may subscribe to any of the premium plans to lift the free key rate limit "
               "(25 requests per day), raise the per-second burst limit, and instantly unlock all premium endpoints")
DAY_WITH_KEY = (f"We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day. "
                "Please subscribe to any of the premium plans to instantly remove all daily rate limits.")

NOTICES = [
    ("Information", FREE_SECOND, ErrorKind.THROTTLED_SECOND, 2),
    ("Information", "Burst pattern detected. Please consider spreading out your API requests more evenly across a "
                    "1-minute window and query no more than 20 requests per second.", ErrorKind.THROTTLED_SECOND, 2),
    ("Information", "Minute-level rate limit exceed. Please stay under the number of API requests per minute for your "
                    "premium subscription plan.", ErrorKind.THROTTLED_MINUTE, 60),
    ("Note", "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute and 500 calls "
             "per day.", ErrorKind.THROTTLED_MINUTE, 60),
    ("Information", "Please consider optimizing your API call frequency.", ErrorKind.THROTTLED_MINUTE, 60),
    ("Information", "Please visit /premium/ if you would like to have a higher API call volume.",
     ErrorKind.THROTTLED_MINUTE, 60),
    ("Information", DAY_WITH_KEY, ErrorKind.THROTTLED_DAY, 2 * 3600),
    ("Information", "Thank you for using Alpha Vantage! Our standard API rate limit is 25 requests per day. Please "
                    "subscribe to any of the premium plans.", ErrorKind.THROTTLED_DAY, 2 * 3600),
    ("Information", "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the "
                    "premium plans to instantly unlock all premium endpoints", ErrorKind.NOT_ENTITLED, None),
    ("Information", "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint.",
     ErrorKind.NOT_ENTITLED, 2),
    ("Information", "The **demo** API key is for demo purposes only. Please claim your free API key.",
     ErrorKind.BAD_KEY, None),
    ("Error Message", "the parameter apikey is invalid or missing. Please claim your free API key.",
     ErrorKind.BAD_KEY, None),
    ("Error Message", "Invalid API call. Please retry or visit the documentation for GLOBAL_QUOTE.",
     ErrorKind.UNKNOWN_SYMBOL, None),
    ("Error Message", "This API function (GLOBAL_QOUTE) does not exist.", ErrorKind.BROKEN_ANSWER, 900),
    ("Information", "Something that nobody has read before, with premium in it.", ErrorKind.BROKEN_ANSWER, 900),
    ("Note", {"odd": [1]}, ErrorKind.BROKEN_ANSWER, 900),
]


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(("key", "text", "kind", "wait"), NOTICES)
def test_each_notice_is_told_from_the_others(ask: Ask, vendor: Vendor, key: str, text: object, kind: ErrorKind,
                                             wait: float | None, status: int) -> None:
    vendor.say({key: text}, status)
    error = refusal(ask)
    assert error.kind is kind
    assert error.retry_after == (None if wait is None else dt.timedelta(seconds=wait))
    assert error.permanent is (wait is None or kind is ErrorKind.NOT_ENTITLED)
    assert KEY not in error.message
    assert "http" not in error.message


def test_a_quote_beside_a_notice_is_not_trusted(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**global_quote(), "Note": "Our standard API call frequency is 5 calls per minute."})
    assert refusal(ask).kind is ErrorKind.THROTTLED_MINUTE


@pytest.mark.parametrize(("now", "hours"), [("2026-01-15 22:00", 2), ("2026-01-15 01:00", 4), ("2026-07-15 01:00", 3),
                                            ("2026-07-15 04:30", 19.5), ("2026-01-15 00:00", 5)])
def test_a_day_ends_at_midnight_here_or_in_new_york(now: str, hours: float) -> None:
    assert until_next_day(at(now)) == dt.timedelta(hours=hours)


def test_an_empty_quote_is_an_unknown_symbol(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"Global Quote": {}})
    assert refusal(ask).kind is ErrorKind.UNKNOWN_SYMBOL


def with_price(price: str) -> str:
    return json.dumps(global_quote()).replace('"121.7400"', price)


@pytest.mark.parametrize("body", [
    "", "{}", "[]", "null", '"text"', "12", "<!DOCTYPE html><html><body>Maintenance</body></html>", "{", "\ufeff",
    json.dumps(global_quote())[:150], json.dumps([global_quote()]), '{"Global Quote": []}', '{"Global Quote": null}',
    '{"Global Quote": "121.74"}', json.dumps({**global_quote(), "Global Quote - DATA DELAYED BY 15 MINUTES": {}}),
    with_price("NaN"), with_price("-Infinity"), with_price("1e999"), with_price("true"), with_price("9" * 5000),
    json.dumps(global_quote()).replace('"02. open"', '"05. price"'), '{"Global Quote": {}, "Global Quote": {}}',
    "[" * 100_000, '{"a":' * 100_000, b"\xff\xfe\x00", "symbol,open\nIBM,1\n", json.dumps({"global quote": FIELDS}),
], ids=range(27))
def test_an_answer_in_another_form_is_no_price(ask: Ask, vendor: Vendor, body: str | bytes) -> None:
    vendor.say(body)
    error = refusal(ask)
    assert (error.kind, error.permanent) == (ErrorKind.BROKEN_ANSWER, False)


def test_a_byte_order_mark_does_no_harm(ask: Ask, vendor: Vendor) -> None:
    vendor.say(("\ufeff" + json.dumps(global_quote())).encode())
    assert ask().price == Decimal("121.7400")


@pytest.mark.parametrize(("status", "kind", "permanent"), [
    (301, ErrorKind.BROKEN_ANSWER, False), (302, ErrorKind.BROKEN_ANSWER, False), (400, ErrorKind.UNREACHABLE, False),
    (401, ErrorKind.BAD_KEY, True), (403, ErrorKind.UNREACHABLE, False), (404, ErrorKind.UNREACHABLE, False),
    (429, ErrorKind.THROTTLED_MINUTE, False), (500, ErrorKind.UNREACHABLE, False), (503, ErrorKind.UNREACHABLE, False),
    (204, ErrorKind.BROKEN_ANSWER, False), (206, ErrorKind.BROKEN_ANSWER, False),
])
@pytest.mark.parametrize("body", ["<html>Oops</html>", "", json.dumps(global_quote())], ids=["html", "empty", "quote"])
def test_a_status_that_is_not_200_is_no_price(ask: Ask, vendor: Vendor, status: int, kind: ErrorKind, permanent: bool,
                                              body: str) -> None:
    vendor.say("" if status == 204 else body, status, {"Location": "http://127.0.0.1:1/"} if status < 400 else None)
    error = refusal(ask)
    assert (error.kind, error.permanent) == (kind, permanent)
    assert len(vendor.calls) == 1


def test_a_call_is_made_once_whatever_happens(ask: Ask, vendor: Vendor) -> None:
    vendor.hang()
    assert refusal(ask).kind is ErrorKind.UNREACHABLE
    assert len(vendor.calls) == 1


def test_a_price_of_a_day_that_still_runs_is_never_from_the_future(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote())
    quote = ask(now=at("2020-05-08 15:00"))
    assert (quote.state, quote.as_of, quote.session) == (State.END_OF_DAY, at("2020-05-08 15:00"), Session.REGULAR)
    assert quote.stale_at == at("2020-05-09 02:00")


def test_a_price_is_stale_once_the_next_sessions_close_should_be_here(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote())
    assert ask(now=at("2020-05-14 15:00")).stale_at == at("2020-05-12 02:00")


def test_without_a_calendar_a_price_holds_four_days(ask: Ask, vendor: Vendor) -> None:
    vendor.say(global_quote())
    quote = ask(book=NO_BOOK)
    assert (quote.as_of, quote.stale_at) == (at("2020-05-08 12:00"), at("2020-05-12 12:00"))
    assert (quote.as_of_is_day, quote.session) == (True, Session.CLOSED)
    assert ask(book=NO_BOOK, now=at("2020-05-08 09:00")).as_of == at("2020-05-08 09:00")


@pytest.mark.parametrize(("now", "as_of", "stale_at", "session"), [
    ("2020-05-08 15:00", "2020-05-08 14:45", "2020-05-08 15:15", Session.REGULAR),
    ("2020-05-08 22:00", "2020-05-08 20:00", "2020-05-12 02:00", Session.CLOSED),
])
def test_a_delayed_price_says_so(ask: Ask, vendor: Vendor, now: str, as_of: str, stale_at: str,
                                 session: Session) -> None:
    vendor.say({"Global Quote - DATA DELAYED BY 15 MINUTES": FIELDS})
    quote = ask(now=at(now))
    assert (quote.state, quote.as_of, quote.stale_at) == (State.DELAYED, at(as_of), at(stale_at))
    assert (quote.session, quote.as_of_is_day) == (session, True)


PRICES = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal("999999"), places=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PRICES, min_size=5, max_size=5), st.integers(0, 2**62))
def test_any_sound_figures_pass_through_unchanged(ask: Ask, vendor: Vendor, prices: list[Decimal], volume: int) -> None:
    low, middle, other, high = sorted(prices[:4])
    vendor.say(global_quote(low=str(low), open=str(middle), price=str(other), high=str(high),
                            previous_close=str(prices[4]), volume=str(volume % 10**15)))
    quote = ask()
    assert (quote.low, quote.open, quote.price, quote.high) == (low, middle, other, high)
    assert (quote.previous_close, quote.volume) == (prices[4], volume % 10**15)


@pytest.mark.parametrize(("per_day", "per_minute", "pause", "limits"), [
    (25, 0, 1.1, (25, None)), (0, 75, 0.2, (None, 75)), (25, 5, 1.1, (25, 5)), (0, 0, 0, (None, None)),
])
def test_the_limits_are_those_of_the_plan(config: Callable[..., Config], per_day: int, per_minute: int, pause: float,
                                          limits: tuple[int | None, int | None]) -> None:
    settings = config(ALPHA_VANTAGE_CALLS_PER_DAY=per_day, ALPHA_VANTAGE_CALLS_PER_MINUTE=per_minute)
    made = VENDORS["alpha-vantage"].limits(settings)
    assert (made.per_day, made.per_minute) == limits
    assert made.pause == dt.timedelta(seconds=pause)


def test_the_key_is_in_no_text(ask: Ask, vendor: Vendor, config: Callable[..., Config],
                               caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.say(global_quote())
    ask()
    vendor.say({"Information": DAY_WITH_KEY})
    error = refusal(ask)
    provider = AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY))
    assert KEY not in caplog.text + repr(error) + str(error.__dict__) + repr(provider) + repr(provider.limits)
    assert error.__context__ is None
