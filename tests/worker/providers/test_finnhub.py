import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.finnhub import CASE, MADE
from tests.worker.providers.conftest import KEY, Vendor, at, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.finnhub import Finnhub

BOOK = CASE.book
NOON = CASE.now  # Wednesday, 11:00 in New York

Ask = Callable[..., Quote]


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Ask:
    """Ask the vendor for one quote."""
    provider = CASE.provider(config, vendor.url)

    def ask_once(instrument: Instrument = CASE.instrument, now: dt.datetime = NOON, book: SessionBook = BOOK) -> Quote:
        return provider.quotes([instrument], now, book)[0]

    return ask_once


def refusal(ask: Ask, now: dt.datetime = NOON) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(now=now)
    return caught.value


def made_at(text: str, **changes: object) -> dict[str, object]:
    """Return the made answer with another time."""
    return {**MADE, "t": int(at(text).timestamp()), **changes}


def test_a_quote_has_every_figure_as_it_came(ask: Ask, vendor: Vendor) -> None:
    vendor.say(MADE)
    quote = ask()
    assert quote == Quote(
        instrument_id=1, price=Decimal("212.45"), as_of=at("2026-06-10 14:59:30"), day=dt.date(2026, 6, 10),
        source="finnhub", state=State.LIVE, session=Session.REGULAR, previous_close=Decimal("210.1"),
        open=Decimal("210.5"), high=Decimal("213.1"), low=Decimal("209.805"), stale_at=at("2026-06-10 15:02"),
        stated_change=Decimal("2.35"))
    assert str(quote.low) == "209.805"


@pytest.mark.parametrize("change", ["much", None, [], "1e400"])
def test_a_broken_change_is_unknown(ask: Ask, vendor: Vendor, change: object) -> None:
    vendor.say({**MADE, "d": change})
    assert ask().stated_change is None


def test_the_key_goes_into_a_header_only(ask: Ask, vendor: Vendor) -> None:
    vendor.say(MADE)
    ask()
    assert vendor.paths == ["/quote"]
    assert vendor.calls == [{"symbol": "AAPL"}]
    assert vendor.headers[0]["X-Finnhub-Token"] == KEY


def test_a_share_class_has_a_dot(ask: Ask, vendor: Vendor) -> None:
    vendor.say(MADE)
    ask(stock("BRK.B", "XNYS"))
    ask(stock("BF/B", "XNYS"))
    assert [call["symbol"] for call in vendor.calls] == ["BRK.B", "BF.B"]


def test_only_the_united_states_are_covered(config: Callable[..., Config]) -> None:
    provider = Finnhub(config())
    assert all(provider.covers(stock(mic=mic)) for mic in ("XNAS", "XNYS", "XASE", "ARCX", "BATS"))
    assert not provider.covers(stock("VOD", "XLON"))
    with pytest.raises(ProviderError) as caught:
        provider.quotes([stock("VOD", "XLON")], NOON, BOOK)
    assert caught.value.kind is ErrorKind.UNKNOWN_SYMBOL


def test_limits_are_those_of_the_settings(config: Callable[..., Config]) -> None:
    assert Finnhub(config()).limits == Limits(20.0, 60)
    assert Finnhub(config(FINNHUB_CALLS_PER_MINUTE=300)).limits == Limits(20.0, 300)
    assert Finnhub(config(FINNHUB_CALLS_PER_MINUTE=0)).limits == Limits(20.0)


@pytest.mark.parametrize(("status", "text", "kind"), [
    (200, "API limit reached. Please try again later. Remaining Limit: 0", ErrorKind.THROTTLED_MINUTE),
    (429, "API limit reached. Please try again later. Remaining Limit: 0", ErrorKind.THROTTLED_MINUTE),
    (401, "Invalid API key", ErrorKind.BAD_KEY),
    (200, "Please use an API key.", ErrorKind.BAD_KEY),
    (403, "You don't have access to this resource.", ErrorKind.NOT_ENTITLED),
    (401, "You don't have access to this resource.", ErrorKind.NOT_ENTITLED),
    (422, "Symbol not supported", ErrorKind.UNKNOWN_SYMBOL),
    (400, "Invalid symbol.", ErrorKind.UNKNOWN_SYMBOL),
    (200, "We are moving to another place.", ErrorKind.BROKEN_ANSWER),
    (500, "Please use an API key.", ErrorKind.UNREACHABLE),
    (418, "I am a teapot.", ErrorKind.UNREACHABLE),
])
@pytest.mark.parametrize("is_json", [True, False])
def test_an_error_is_told_by_its_text(ask: Ask, vendor: Vendor, status: int, text: str, kind: ErrorKind,
                                      is_json: bool) -> None:
    vendor.say({"error": text} if is_json else text, status)
    error = refusal(ask)
    assert error.kind is kind
    assert text not in error.message


def test_a_limit_that_came_as_success_is_waited_for_a_minute(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"error": "API limit reached."})
    assert refusal(ask).retry_after == dt.timedelta(minutes=1)


def test_the_wait_that_a_429_names_counts(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"error": "API limit reached."}, 429, {"Retry-After": "17"})
    assert refusal(ask).retry_after == dt.timedelta(seconds=17)


def test_a_page_for_people_is_no_word_on_the_key(ask: Ask, vendor: Vendor) -> None:
    vendor.say("<html>Get your free API key! Symbol not needed.</html>")
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


def test_a_price_beside_an_error_is_not_trusted(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "error": "Something is odd."})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("nothing", [
    {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0},
    {"c": 0, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0},
    {"c": None, "h": None, "l": None, "o": None, "pc": None, "t": None},
])
def test_zeros_mean_an_unknown_symbol(ask: Ask, vendor: Vendor, nothing: object) -> None:
    vendor.say(nothing)
    error = refusal(ask)
    assert error.kind is ErrorKind.UNKNOWN_SYMBOL
    assert error.permanent


def test_a_known_stock_without_a_price_is_not_given_up(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "c": 0})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("changes", [
    {"c": "price"}, {"c": [212.45]}, {"c": 213.2}, {"c": 209}, {"o": 250}, {"h": 200}, {"pc": -1}, {"t": 0},
    {"t": None}, {"t": "2026-06-10"}, {"t": 1_781_103_570_000}, {"t": -5},
])
def test_what_cannot_be_right_is_no_price(ask: Ask, vendor: Vendor, changes: dict[str, object]) -> None:
    vendor.say({**MADE, **changes})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("nothing", [None, 0, "", "-"])
def test_what_is_missing_is_none(ask: Ask, vendor: Vendor, nothing: object) -> None:
    vendor.say({**MADE, "o": nothing, "h": nothing, "l": nothing, "pc": nothing, "d": nothing, "dp": nothing})
    quote = ask()
    assert (quote.open, quote.high, quote.low, quote.previous_close, quote.volume) == (None,) * 5
    vendor.say({"c": MADE["c"], "t": MADE["t"], "news": {"deep": []}, "error": None})
    assert ask().price == Decimal("212.45")


def test_a_time_ahead_of_ours_is_refused_beyond_two_minutes(ask: Ask, vendor: Vendor) -> None:
    vendor.say(made_at("2026-06-10 15:01:59"))
    assert ask().as_of == NOON
    vendor.say(made_at("2026-06-10 15:02:01"))
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("stamp", "now", "state", "session", "stale_at"), [
    ("2026-06-10 14:59:30", "2026-06-10 15:00", State.LIVE, Session.REGULAR, "2026-06-10 15:02"),
    # Before hours: it still has the close of the day before.
    ("2026-06-09 20:00:00", "2026-06-10 12:00", State.CLOSED, Session.CLOSED, "2026-06-10 14:00"),
    # After hours: the price stays the close, whatever its stamp.
    ("2026-06-10 20:00:00", "2026-06-10 21:00", State.CLOSED, Session.CLOSED, "2026-06-11 14:00"),
    ("2026-06-10 20:00:04", "2026-06-10 21:00", State.CLOSED, Session.CLOSED, "2026-06-11 14:00"),
    # The weekend.
    ("2026-06-12 20:00:00", "2026-06-14 12:00", State.CLOSED, Session.CLOSED, "2026-06-15 14:00"),
])
def test_a_price_is_what_its_time_says(ask: Ask, vendor: Vendor, stamp: str, now: str, state: State,
                                       session: Session, stale_at: str) -> None:
    vendor.say(made_at(stamp))
    quote = ask(now=at(now))
    assert (quote.state, quote.session, quote.as_of) == (state, session, at(stamp))
    assert (quote.stale_at, quote.as_of_is_day) == (at(stale_at), False)


def test_a_price_from_before_the_opening_needs_no_range(ask: Ask, vendor: Vendor) -> None:
    vendor.say(made_at("2026-06-10 12:00", c=220.5))
    quote = ask(now=at("2026-06-10 12:00:30"))
    assert (quote.state, quote.session) == (State.PRE, Session.PRE)


def test_a_stamp_at_midnight_names_the_day(ask: Ask, vendor: Vendor) -> None:
    vendor.say(made_at("2026-06-10 00:00"))
    running, over = ask(), ask(now=at("2026-06-10 22:00"))
    assert (running.day, running.as_of_is_day, running.state) == (dt.date(2026, 6, 10), True, State.DELAYED)
    assert (over.day, over.as_of, over.state) == (dt.date(2026, 6, 10), at("2026-06-10 20:00"), State.END_OF_DAY)
    assert refusal(ask, now=at("2026-06-10 01:00")).kind is ErrorKind.BROKEN_ANSWER


def test_a_day_that_no_calendar_has_is_closed(ask: Ask, vendor: Vendor) -> None:
    vendor.say(made_at("2020-06-10 14:00"))
    quote = ask()
    assert (quote.day, quote.session) == (dt.date(2020, 6, 10), Session.CLOSED)
    assert quote.stale_at is not None
    assert quote.stale_at < NOON
