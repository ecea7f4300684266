import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.fmp import quote
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Quote, Session, State
from webapp.vendors import Limits
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.fmp import Fmp
from worker.providers.http import Client

MORNING = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
AAPL = stock("AAPL", "XNAS")
PLANS = "please visit our subscription page to upgrade your plan at https://site.financialmodelingprep.com/pricing"
LIMIT = {"Error Message": "Limit Reach . Please upgrade your plan or visit our documentation"}
PREMIUM = f"Premium Query Parameter: 'Special Endpoint : This value set for 'symbol' is not available {PLANS}'"

Make = Callable[..., Fmp]


@pytest.fixture
def make(vendor: Vendor, config: Callable[..., Config]) -> Make:
    """Make the provider against the server; settings may be changed."""
    return lambda **changes: Fmp(config(**{"FMP_API_KEY": KEY, "FMP_URL": vendor.url} | changes),
                               Client("FMP", timeouts=(0.5, 0.4), deadline=1.0))


@pytest.fixture
def ask(make: Make, vendor: Vendor) -> Callable[..., Quote]:
    """Ask for the record that the changed quote becomes."""
    provider = make()

    def ask_once(now: dt.datetime = MORNING, book: SessionBook = BOOK, **changes: object) -> Quote:
        vendor.say([quote(**changes)])
        [found] = provider.quotes([AAPL], now, book)
        return found

    return ask_once


def epoch(text: str) -> int:
    return int(at(text).timestamp())


def refusal(provider: Fmp) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.quotes([AAPL], MORNING, BOOK)
    return caught.value


def test_a_quote_has_every_figure_as_it_came(ask: Callable[..., Quote], vendor: Vendor) -> None:
    assert ask() == Quote(
        instrument_id=1, price=Decimal("201.36"), as_of=at("2026-06-09 20:00:01"), day=dt.date(2026, 6, 9),
        source="fmp", state=State.END_OF_DAY, session=Session.CLOSED, previous_close=Decimal("199.5"),
        open=Decimal("200.1"), high=Decimal("202.25"), low=Decimal("199.88"), volume=41_234_567,
        stale_at=at("2026-06-11 02:00"), stated_change=Decimal("1.86"))
    assert vendor.paths == ["/stable/quote"]
    assert vendor.calls == [{"symbol": "AAPL", "apikey": KEY}]


def test_an_answer_of_the_former_version_says_the_same(ask: Callable[..., Quote], vendor: Vendor, make: Make) -> None:
    former = quote(changesPercentage=0.9323, avgVolume=58435871, eps=6.12, pe=31.26, sharesOutstanding=15552799744,
                   earningsAnnouncement="2026-07-30T10:59:00.000+0000")
    del former["changePercentage"]
    vendor.say([former])
    assert make().quotes([AAPL], MORNING, BOOK) == [ask()]


def test_limits_are_those_of_the_settings(make: Make) -> None:
    assert make().limits == Limits(4.0, per_day=250)
    assert make(FMP_CALLS_PER_DAY=0).limits == Limits(4.0)


@pytest.mark.parametrize(("symbol", "written"), [("AAPL", "AAPL"), ("BRK.B", "BRK-B"), ("BF/B", "BF-B")])
def test_a_share_class_has_a_dash(make: Make, symbol: str, written: str) -> None:
    assert make().symbol_of(stock(symbol, "XNYS")) == written


def test_only_exchanges_of_the_united_states_are_covered(make: Make) -> None:
    mics = ("XNAS", "XNYS", "XASE", "ARCX", "BATS", "XLON", "XTSE")
    covered = [mic for mic in mics if make().covers(stock("A", mic))]
    assert covered == ["XNAS", "XNYS", "XASE", "ARCX", "BATS"]


@pytest.mark.parametrize(("status", "body", "kind", "wait"), [
    (429, LIMIT, ErrorKind.THROTTLED_DAY, 3600),
    (200, LIMIT, ErrorKind.THROTTLED_DAY, 3600),
    (200, "Limit Reach . Please upgrade your plan", ErrorKind.THROTTLED_DAY, 3600),
    (429, "", ErrorKind.THROTTLED_MINUTE, 60),
    (429, {"Error Message": f"Bandwidth Limit Reach . {PLANS}"}, ErrorKind.THROTTLED_DAY, 3600),
    (200, {"Error Message": f"Bandwidth Limit Reach . {PLANS}"}, ErrorKind.THROTTLED_DAY, 3600),
    (402, PREMIUM, ErrorKind.NOT_ENTITLED, 1),
    (200, PREMIUM, ErrorKind.NOT_ENTITLED, 1),
    (402, "", ErrorKind.NOT_ENTITLED, None),
    (402, f"Restricted Endpoint: This endpoint is not available, {PLANS}", ErrorKind.NOT_ENTITLED, None),
    (403, {"Error Message": f"Exclusive Endpoint : {PLANS}"}, ErrorKind.NOT_ENTITLED, None),
    (200, {"Error Message": f"Legacy Endpoint : {PLANS}"}, ErrorKind.NOT_ENTITLED, None),
    (403, {"Error Message": "Account suspended."}, ErrorKind.NOT_ENTITLED, None),
    (401, {"Error Message": "Invalid API KEY. Feel free to create a Free API Key"}, ErrorKind.BAD_KEY, None),
    (403, {"message": "Invalid API KEY. Please retry"}, ErrorKind.BAD_KEY, None),
    (200, [], ErrorKind.UNKNOWN_SYMBOL, None),
    (404, "", ErrorKind.UNKNOWN_SYMBOL, None),
    (200, {"Error Message": "Something new"}, ErrorKind.BROKEN_ANSWER, None),
    (200, "<p>limit reached</p>", ErrorKind.BROKEN_ANSWER, None),
    (200, '[{"name": "Limit Reach Inc.', ErrorKind.BROKEN_ANSWER, None),
    (503, LIMIT, ErrorKind.UNREACHABLE, None),
])
def test_each_complaint_has_its_kind(make: Make, vendor: Vendor, status: int, body: object, kind: ErrorKind,
                                     wait: int | None) -> None:
    vendor.say(body, status)
    error = refusal(make())
    assert (error.kind, error.retry_after) == (kind, dt.timedelta(seconds=wait) if wait else None)
    assert len(vendor.calls) == 1


def test_on_a_paid_plan_the_limit_is_that_of_a_minute(make: Make, vendor: Vendor) -> None:
    vendor.say(LIMIT, 429)
    error = refusal(make(FMP_CALLS_PER_DAY=0))
    assert (error.kind, error.retry_after) == (ErrorKind.THROTTLED_MINUTE, dt.timedelta(minutes=1))


def test_a_name_that_sounds_like_a_complaint_is_a_name(ask: Callable[..., Quote]) -> None:
    assert str(ask(name="Limit Reach Invalid API Key Inc.").price) == "201.36"


@pytest.mark.parametrize("changes", [
    {"symbol": "GOOGL"}, {"symbol": None}, {"price": None}, {"price": "a lot"}, {"price": True}, {"timestamp": None},
    {"timestamp": 0}, {"timestamp": epoch("2026-06-10 15:02:01")}, {"timestamp": "soon"}, {"price": 202.26},
    {"price": 199.87}, {"dayLow": 203}, {"volume": -1}, {"open": -1},
])
def test_an_odd_quote_is_no_price(ask: Callable[..., Quote], changes: dict[str, object]) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(**changes)
    assert caught.value.kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("body", [[quote(), quote(price=199.9)], [None], quote()])
def test_an_answer_that_is_not_one_quote_is_no_price(make: Make, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(make()).kind is ErrorKind.BROKEN_ANSWER


def test_optional_figures_may_be_missing_or_zero(ask: Callable[..., Quote]) -> None:
    found = ask(previousClose=0, open=None, dayHigh=0, dayLow="", volume=None, change=None, extra=[1])
    assert (found.previous_close, found.open, found.high, found.low, found.volume) == (None,) * 5


def test_parts_of_a_share_are_cut_from_the_volume(ask: Callable[..., Quote]) -> None:
    assert ask(volume=41234567.83).volume == 41_234_567


def test_a_time_a_moment_ahead_of_our_clock_is_now(ask: Callable[..., Quote]) -> None:
    assert ask(timestamp=epoch("2026-06-10 15:01:59")).as_of == MORNING


@pytest.mark.parametrize(("moment", "now", "state", "session"), [
    ("2026-06-10 14:59:00", "2026-06-10 15:00", State.LIVE, Session.REGULAR),
    ("2026-06-10 14:45:00", "2026-06-10 15:00", State.DELAYED, Session.REGULAR),
    ("2026-06-10 12:59:00", "2026-06-10 13:00", State.PRE, Session.PRE),
    ("2026-06-10 19:59:59", "2026-06-10 20:10", State.DELAYED, Session.REGULAR),
    ("2026-06-10 19:59:59", "2026-06-10 20:15", State.END_OF_DAY, Session.CLOSED),
    ("2026-06-10 20:00:01", "2026-06-10 20:01", State.END_OF_DAY, Session.CLOSED),
    ("2026-06-12 20:00:01", "2026-06-14 12:00", State.END_OF_DAY, Session.CLOSED),
    ("2026-06-13 12:00:00", "2026-06-14 12:00", State.END_OF_DAY, Session.CLOSED),
])
def test_a_price_is_of_the_end_of_the_day_unless_its_time_says_otherwise(
        ask: Callable[..., Quote], moment: str, now: str, state: State, session: Session) -> None:
    found = ask(at(now), timestamp=epoch(moment))
    assert (found.state, found.session, found.as_of) == (state, session, at(moment))
    assert found.stale_at is not None
    assert found.stale_at > at(now)


def test_the_range_is_left_out_before_the_open(ask: Callable[..., Quote]) -> None:
    found = ask(at("2026-06-10 13:00"), timestamp=epoch("2026-06-10 12:59"), price=230)
    assert (str(found.price), found.open, found.high, found.low) == ("230", None, None, None)


def test_a_price_of_an_old_day_is_stale(ask: Callable[..., Quote]) -> None:
    found = ask(timestamp=epoch("2026-06-04 20:00:01"))
    assert found.stale_at is not None
    assert found.stale_at <= MORNING
