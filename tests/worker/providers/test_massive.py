"""Massive: the bar of the day before, whichever way its time is written, and its words for what is wrong."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.massive import previous
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client
from worker.providers.massive import Massive

NOON = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
LIMIT = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue."

Ask = Callable[..., Quote]


@pytest.fixture
def provider(vendor: Vendor, config: Callable[..., Config]) -> Massive:
    """Massive with a key, against the server."""
    made = config(MASSIVE_API_KEY=KEY, MASSIVE_URL=vendor.url)
    return Massive(made, Client("Massive", timeouts=(0.5, 0.4), deadline=1.0))


@pytest.fixture
def ask(provider: Massive, vendor: Vendor) -> Ask:
    """Ask for one quote of which the vendor gives this answer."""
    def ask_once(answer: object, instrument: Instrument | None = None, now: dt.datetime = NOON,
                 book: SessionBook = BOOK) -> Quote:
        vendor.say(answer)
        [quote] = provider.quotes([instrument or stock("AAPL", "XNAS")], now, book)
        return quote

    return ask_once


def refusal(provider: Massive) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.quotes([stock("AAPL", "XNAS")], NOON, BOOK)
    error = caught.value
    assert KEY not in f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    return error


def millis(text: str) -> int:
    return int(at(text).timestamp()) * 1000


def test_a_quote_has_every_figure_as_it_came(ask: Ask) -> None:
    assert ask(previous()) == Quote(
        instrument_id=1, price=Decimal("200.445"), as_of=at("2026-06-09 20:00"), day=dt.date(2026, 6, 9),
        source="massive", state=State.END_OF_DAY, session=Session.CLOSED, previous_close=None,
        open=Decimal("199.8"), high=Decimal("201.7"), low=Decimal("199.12"), volume=48_123_456, as_of_is_day=True,
        stale_at=at("2026-06-11 02:00"))


def test_the_key_goes_in_a_header_and_not_in_the_address(ask: Ask, vendor: Vendor) -> None:
    ask(previous())
    assert vendor.paths == ["/v2/aggs/ticker/AAPL/prev"]
    assert vendor.calls == [{"adjusted": "true"}]
    assert vendor.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("symbol", ["BRK.B", "BRK/B"])
def test_a_share_class_has_a_dot(ask: Ask, vendor: Vendor, symbol: str) -> None:
    assert ask(previous("BRK.B"), stock(symbol, "XNYS")).price == Decimal("200.445")
    assert vendor.paths == ["/v2/aggs/ticker/BRK.B/prev"]


@pytest.mark.parametrize(("mic", "covered"), [("XNYS", True), ("XASE", True), ("BATS", True), ("XTSE", False)])
def test_only_the_united_states_are_covered(provider: Massive, mic: str, covered: bool) -> None:
    assert provider.covers(stock(mic=mic)) is covered


def test_the_limits_are_those_of_the_plan(config: Callable[..., Config]) -> None:
    free, paid = Massive(config()).limits, Massive(config(MASSIVE_CALLS_PER_MINUTE=0)).limits
    assert (free.per_minute, free.per_second, free.per_day) == (5, 1.0, None)
    assert (paid.per_minute, paid.per_second) == (None, 50.0)


# 00:00, 16:00 and, in winter, 16:00 in New York
@pytest.mark.parametrize(("moment", "day"), [
    ("2026-06-09 04:00", "2026-06-09"), ("2026-06-09 20:00", "2026-06-09"), ("2026-01-09 21:00", "2026-01-09"),
    ("2026-01-09 05:00", "2026-01-09"),
])
def test_the_day_is_that_of_new_york(ask: Ask, moment: str, day: str) -> None:
    quote = ask(previous(t=millis(moment)))
    assert quote.day == dt.date.fromisoformat(day)
    assert quote.as_of_is_day


def test_on_a_weekend_the_price_is_fridays_until_monday_has_closed(ask: Ask) -> None:
    quote = ask(previous(t=millis("2026-06-05 20:00")), now=at("2026-06-07 12:00"))
    assert (quote.as_of, quote.stale_at) == (at("2026-06-05 20:00"), at("2026-06-09 02:00"))


@pytest.mark.parametrize("changes", [
    {"t": millis("2026-06-10 20:00")}, {"t": millis("2026-06-11 04:00")}, {"t": None}, {"t": 0}, {"t": "today"},
    {"t": -5}, {"c": None}, {"c": 0}, {"c": -1}, {"c": "NaN"}, {"c": 250}, {"c": 150}, {"o": 300}, {"h": 100},
    {"v": -1}, {"T": "MSFT"}, {"T": "aapl"},
])
def test_a_bar_that_cannot_be_right_is_broken(provider: Massive, vendor: Vendor, changes: dict[str, object]) -> None:
    vendor.say(previous("AAPL", **changes))
    assert refusal(provider).kind is ErrorKind.BROKEN_ANSWER


def test_a_day_that_has_not_begun_is_refused(provider: Massive, vendor: Vendor) -> None:
    vendor.say(previous(t=millis("2026-06-10 04:00")))
    with pytest.raises(ProviderError, match="has not come yet"):
        provider.quotes([stock("AAPL", "XNAS")], at("2026-06-10 05:00"), BOOK)


@pytest.mark.parametrize("changes", [
    {"ticker": "MSFT"}, {"ticker": None, "results": [{"c": 1, "t": millis("2026-06-09 20:00")}]},
    {"results": {}}, {"results": ["x"]}, {"results": None}, {"results": [{}, {}]}, {"resultsCount": 0, "results": "x"},
])
def test_an_answer_in_another_form_is_broken(provider: Massive, vendor: Vendor, changes: dict[str, object]) -> None:
    vendor.say(previous() | changes)
    assert refusal(provider).kind is ErrorKind.BROKEN_ANSWER


def test_all_but_close_and_day_may_be_missing(ask: Ask) -> None:
    row = {"T": "AAPL", "c": 200.5, "t": millis("2026-06-09 20:00")}
    quote = ask({"results": [row]})
    assert quote.price == Decimal("200.5")
    assert (quote.open, quote.high, quote.low, quote.volume) == (None,) * 4
    quote = ask(previous(o=0, h=None, l="", v=0))
    assert (quote.open, quote.high, quote.low, quote.volume) == (None,) * 4


def test_parts_of_a_share_do_not_count_in_the_volume(ask: Ask) -> None:
    assert ask(previous(v=1234.75)).volume == 1234
    assert ask(previous(v="4.8123456e7")).volume == 48_123_456


@pytest.mark.parametrize("status", ["OK", "DELAYED", "ok"])
def test_a_delayed_plan_is_no_error(ask: Ask, status: str) -> None:
    assert ask(previous() | {"status": status}).price == Decimal("200.445")


@pytest.mark.parametrize(("status", "body", "kind"), [
    (429, {"status": "ERROR", "error": LIMIT}, ErrorKind.THROTTLED_MINUTE),
    (200, {"status": "ERROR", "error": LIMIT}, ErrorKind.THROTTLED_MINUTE),
    (200, {"status": "ERROR", "message": LIMIT}, ErrorKind.THROTTLED_MINUTE),
    (200, {"error": LIMIT}, ErrorKind.THROTTLED_MINUTE),
    (403, {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data. Please upgrade your plan"},
     ErrorKind.NOT_ENTITLED),
    (200, {"status": "NOT_AUTHORIZED"}, ErrorKind.NOT_ENTITLED),
    (403, "", ErrorKind.NOT_ENTITLED),
    (401, {"status": "ERROR", "error": "Unknown API Key"}, ErrorKind.BAD_KEY),
    (200, {"status": "ERROR", "error": "Unknown API Key"}, ErrorKind.BAD_KEY),
    (403, {"status": "NOT_AUTHORIZED", "message": "Unknown API Key"}, ErrorKind.BAD_KEY),
    (401, {"status": "NOT_AUTHORIZED"}, ErrorKind.BAD_KEY),
    (404, {"status": "NOT_FOUND", "error": "Ticker not found."}, ErrorKind.UNKNOWN_SYMBOL),
    (200, {"status": "NOT_FOUND", "message": "Ticker not found."}, ErrorKind.UNKNOWN_SYMBOL),
    (404, "404 page not found", ErrorKind.UNKNOWN_SYMBOL),
    (200, {"ticker": "AAPL", "queryCount": 0, "resultsCount": 0, "adjusted": True, "status": "OK"},
     ErrorKind.UNKNOWN_SYMBOL),
    (200, {"ticker": "AAPL", "resultsCount": 0, "results": [], "status": "OK"}, ErrorKind.UNKNOWN_SYMBOL),
    (200, {"status": "ERROR", "error": "something else"}, ErrorKind.BROKEN_ANSWER),
    (200, previous() | {"status": "ERROR"}, ErrorKind.BROKEN_ANSWER),
    (500, {"status": "ERROR", "error": "something else"}, ErrorKind.UNREACHABLE),
])
def test_each_complaint_has_its_kind(provider: Massive, vendor: Vendor, status: int, body: object,
                                     kind: ErrorKind) -> None:
    vendor.say(body, status)
    assert refusal(provider).kind is kind
    assert len(vendor.calls) == 1


def test_the_wait_after_a_limit_is_a_minute_or_what_is_named(provider: Massive, vendor: Vendor) -> None:
    vendor.say({"status": "ERROR", "error": LIMIT}, 429)
    assert refusal(provider).retry_after == dt.timedelta(minutes=1)
    vendor.say({"status": "ERROR", "error": LIMIT}, 429, {"Retry-After": "12"})
    assert refusal(provider).retry_after == dt.timedelta(seconds=12)
