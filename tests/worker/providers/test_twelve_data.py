import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.twelve_data import CASE, MADE
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.twelve_data import TwelveData

BOOK = CASE.book
NOON = CASE.now  # Wednesday, 11:00 in New York
VODAFONE = stock("VOD", "XLON", "GBX")

Ask = Callable[..., Quote]


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Ask:
    """Ask the vendor for one quote; with `paid=True` as on a paid plan."""

    def ask_once(instrument: Instrument = CASE.instrument, now: dt.datetime = NOON, book: SessionBook = BOOK, *,
                 paid: bool = False) -> Quote:
        limits = {"TWELVE_DATA_CALLS_PER_DAY": 0} if paid else {}
        provider = CASE.provider(lambda **settings: config(**settings, **limits), vendor.url)
        return provider.quotes([instrument], now, book)[0]

    return ask_once


def refusal(ask: Ask, **named: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(**named)
    return caught.value


def london(**changes: object) -> dict[str, object]:
    """Return the made answer as one of London."""
    return {**MADE, "symbol": "VOD", "exchange": "LSE", "mic_code": "XLON", "currency": "GBp", **changes}


def error_body(code: int, message: str) -> dict[str, object]:
    """Return an error in the vendor's form."""
    return {"code": code, "message": message, "status": "error"}


def test_a_quote_has_every_figure_as_it_came(ask: Ask, vendor: Vendor) -> None:
    vendor.say(MADE)
    quote = ask()
    assert quote == Quote(
        instrument_id=1, price=Decimal("212.45000"), as_of=at("2026-06-10 14:59"), day=dt.date(2026, 6, 10),
        source="twelve-data", state=State.LIVE, session=Session.REGULAR, previous_close=Decimal("210.10001"),
        open=Decimal("210.50000"), high=Decimal("213.10000"), low=Decimal("209.80499"), volume=18_220_417,
        stale_at=at("2026-06-10 15:02"), unit="USD", stated_change=Decimal("2.34999"))
    assert str(quote.price) == "212.45000"


@pytest.mark.parametrize("change", ["much", None, [], "1e400"])
def test_a_broken_change_is_unknown(ask: Ask, vendor: Vendor, change: object) -> None:
    vendor.say({**MADE, "change": change})
    assert ask().stated_change is None


def test_the_key_goes_into_a_header_only(ask: Ask, vendor: Vendor) -> None:
    vendor.say(MADE)
    ask()
    assert vendor.paths == ["/quote"]
    assert vendor.calls == [{"symbol": "AAPL", "country": "United States"}]
    assert vendor.headers[0]["Authorization"] == f"apikey {KEY}"


def test_a_share_class_has_a_dot(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "symbol": "BRK.B", "mic_code": "XNYS"})
    ask(stock("BRK.B", "XNYS"))
    ask(stock("BRK/B", "XNYS"))
    assert [call["symbol"] for call in vendor.calls] == ["BRK.B", "BRK.B"]


def test_the_free_plan_has_the_united_states_only(config: Callable[..., Config], vendor: Vendor) -> None:
    free, paid = TwelveData(config()), TwelveData(config(TWELVE_DATA_CALLS_PER_DAY=0))
    assert all(free.covers(stock(mic=mic)) and paid.covers(stock(mic=mic))
               for mic in ("XNAS", "XNYS", "XASE", "ARCX", "BATS"))
    assert (free.covers(VODAFONE), paid.covers(VODAFONE)) == (False, True)
    with pytest.raises(ProviderError) as caught:
        free.quotes([VODAFONE], NOON, BOOK)
    assert caught.value.kind is ErrorKind.UNKNOWN_SYMBOL
    assert vendor.calls == []


def test_another_market_is_named_by_its_code(ask: Ask, vendor: Vendor) -> None:
    vendor.say(london())
    quote = ask(VODAFONE, book=new_york("2026-06-01", "2026-06-20", "XLON"), paid=True)
    assert vendor.calls == [{"symbol": "VOD", "mic_code": "XLON"}]
    assert (quote.price, quote.state, quote.unit) == (Decimal("212.45000"), State.DELAYED, "GBX")


def test_limits_are_those_of_the_settings(config: Callable[..., Config]) -> None:
    assert TwelveData(config()).limits == Limits(5.0, 8, per_day=800)
    assert TwelveData(config(TWELVE_DATA_CALLS_PER_DAY=0, TWELVE_DATA_CALLS_PER_MINUTE=377)).limits == Limits(5.0, 377)


MINUTE_USED = ("You have run out of API credits for the current minute. 18 API credits were used, with the current "
               "limit being 8. Wait for the next minute or consider switching to a higher tier plan.")
DAY_USED = "You have run out of API credits for the day. 801 API credits were used, with the current limit being 800."


@pytest.mark.parametrize(("code", "message", "kind"), [
    (429, MINUTE_USED, ErrorKind.THROTTLED_MINUTE),
    (429, DAY_USED, ErrorKind.THROTTLED_DAY),
    (401, "**apikey** parameter is incorrect or not specified.", ErrorKind.BAD_KEY),
    (403, "You do not have permission.", ErrorKind.NOT_ENTITLED),
    (403, "/quote is available exclusively with pro or ultra plans.", ErrorKind.NOT_ENTITLED),
    (404, "This symbol is available starting with the Grow or Venture plan. Consider upgrading.",
     ErrorKind.NOT_ENTITLED),
    (400, "**symbol** not found: XXXX. Please specify it correctly.", ErrorKind.UNKNOWN_SYMBOL),
    (404, "**symbol** or **figi** parameter is missing or invalid.", ErrorKind.UNKNOWN_SYMBOL),
    (404, "nothing found from your very strict query.", ErrorKind.UNKNOWN_SYMBOL),
    (400, "Invalid **interval** provided: 1ms.", ErrorKind.UNREACHABLE),
    (414, "Too many parameters.", ErrorKind.UNREACHABLE),
    (500, "Something went wrong.", ErrorKind.UNREACHABLE),
])
@pytest.mark.parametrize("is_ok", [True, False])
def test_an_error_is_the_same_with_any_status(ask: Ask, vendor: Vendor, code: int, message: str, kind: ErrorKind,
                                              is_ok: bool) -> None:
    vendor.say(error_body(code, message), 200 if is_ok else code)
    error = refusal(ask)
    assert error.kind is kind
    assert message not in error.message


def test_an_error_without_a_code_is_a_broken_answer(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"status": "error", "message": "Sorry.", **{key: MADE[key] for key in ("symbol", "close")}})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


def test_the_credits_of_a_minute_come_back_after_one(ask: Ask, vendor: Vendor) -> None:
    vendor.say(error_body(429, MINUTE_USED))
    assert refusal(ask).retry_after == dt.timedelta(minutes=1)
    vendor.say(error_body(429, MINUTE_USED), 429, {"Retry-After": "31"})
    assert refusal(ask).retry_after == dt.timedelta(seconds=31)


def test_a_wrong_address_is_no_unknown_symbol(ask: Ask, vendor: Vendor) -> None:
    vendor.say("404 page not found", 404)
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


def test_an_answer_in_the_form_for_many_symbols_is_read(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"MSFT": {**MADE, "symbol": "MSFT"}, "AAPL": MADE})
    assert ask().price == Decimal("212.45000")
    vendor.say({"MSFT": MADE, "AAPL": error_body(404, "**symbol** not found: AAPL.")})
    assert refusal(ask).kind is ErrorKind.UNKNOWN_SYMBOL
    vendor.say({"MSFT": {**MADE, "symbol": "MSFT"}})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("changes", [
    {"symbol": "MSFT"}, {"symbol": None}, {"symbol": ""}, {"mic_code": "XLON"}, {"currency": "EUR"},
    {"close": None}, {"close": "0"}, {"close": "price"}, {"close": "214.00"}, {"close": "200.00"}, {"open": "-1"},
    {"high": "1"}, {"previous_close": "x"}, {"datetime": "10.06.2026"}, {"datetime": "2026-13-45"},
    {"datetime": "2026-06-11"}, {"last_quote_at": "soon"}, {"timestamp": -1},
])
def test_what_cannot_be_right_is_no_price(ask: Ask, vendor: Vendor, changes: dict[str, object]) -> None:
    vendor.say({**MADE, **changes})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("changes", [{"mic_code": "XMIL"}, {"currency": "GBP"}, {"currency": "USD"}])
def test_another_market_or_unit_is_no_price_of_london(ask: Ask, vendor: Vendor, changes: dict[str, object]) -> None:
    vendor.say(london(**changes))
    assert refusal(ask, instrument=VODAFONE, paid=True).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("mic", ["XNGS", "XNCM", "XNYS", "ARCX", "IEXG", None, ""])
def test_any_exchange_of_the_united_states_will_do(ask: Ask, vendor: Vendor, mic: str | None) -> None:
    vendor.say({**MADE, "mic_code": mic, "currency": None})
    assert ask().price == Decimal("212.45000")


@pytest.mark.parametrize("nothing", [None, 0, "0", "0.00000", ""])
def test_what_is_missing_is_none(ask: Ask, vendor: Vendor, nothing: object) -> None:
    vendor.say({**MADE, **dict.fromkeys(("open", "high", "low", "volume", "previous_close"), nothing)})
    quote = ask()
    assert (quote.open, quote.high, quote.low, quote.previous_close, quote.volume) == (None,) * 5
    vendor.say({key: MADE[key] for key in ("symbol", "close", "datetime")})
    assert ask().price == Decimal("212.45000")


def test_a_volume_that_is_no_count_spoils_no_price(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "volume": "18220417.25"})
    assert ask().volume is None


@pytest.mark.parametrize(("last", "now", "state", "session", "stale_at"), [
    ("2026-06-10 14:59", "2026-06-10 15:00", State.LIVE, Session.REGULAR, "2026-06-10 15:02"),
    # After hours: the bar's close is the close, also where its last minute came after it.
    ("2026-06-10 19:59", "2026-06-10 21:00", State.CLOSED, Session.CLOSED, "2026-06-11 14:00"),
    ("2026-06-10 20:15", "2026-06-10 21:00", State.CLOSED, Session.CLOSED, "2026-06-11 14:00"),
    # Before hours of the next day.
    ("2026-06-10 19:59", "2026-06-11 12:00", State.CLOSED, Session.CLOSED, "2026-06-11 14:00"),
])
def test_a_price_is_what_its_last_minute_says(ask: Ask, vendor: Vendor, last: str, now: str, state: State,
                                              session: Session, stale_at: str) -> None:
    vendor.say({**MADE, "last_quote_at": int(at(last).timestamp())})
    quote = ask(now=at(now))
    assert (quote.state, quote.session, quote.as_of, quote.as_of_is_day) == (state, session, at(last), False)
    assert quote.stale_at == at(stale_at)


def test_a_last_minute_ahead_of_ours_is_refused_beyond_two_minutes(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "last_quote_at": int(at("2026-06-10 15:02").timestamp())})
    assert ask().as_of == NOON
    vendor.say({**MADE, "last_quote_at": int(at("2026-06-10 15:03").timestamp())})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("last", [None, 0, int(at("2026-06-09 19:59").timestamp())])
def test_without_a_minute_of_the_day_only_the_day_is_known(ask: Ask, vendor: Vendor, last: object) -> None:
    vendor.say({**MADE, "last_quote_at": last})
    running, over = ask(), ask(now=at("2026-06-13 12:00"))
    assert (running.day, running.as_of_is_day, running.state) == (dt.date(2026, 6, 10), True, State.DELAYED)
    assert (over.as_of, over.as_of_is_day, over.state) == (at("2026-06-10 20:00"), True, State.END_OF_DAY)
    assert (running.stale_at, over.stale_at) == (at("2026-06-10 15:15"), at("2026-06-12 02:00"))


@pytest.mark.parametrize(("changes", "day"), [
    ({"datetime": "2026-06-10 10:59:00"}, dt.date(2026, 6, 10)),
    ({"datetime": None}, dt.date(2026, 6, 10)),
    ({"datetime": None, "timestamp": None}, dt.date(2026, 6, 10)),
    ({"datetime": None, "last_quote_at": None}, dt.date(2026, 6, 10)),
    ({"datetime": "2026-06-09"}, dt.date(2026, 6, 9)),
])
def test_the_day_is_found_in_any_of_its_fields(ask: Ask, vendor: Vendor, changes: dict[str, object],
                                               day: dt.date) -> None:
    vendor.say({**MADE, **changes})
    assert ask().day == day


def test_a_bar_of_no_day_is_no_price(ask: Ask, vendor: Vendor) -> None:
    vendor.say({**MADE, "datetime": None, "timestamp": None, "last_quote_at": None})
    assert refusal(ask).kind is ErrorKind.BROKEN_ANSWER
