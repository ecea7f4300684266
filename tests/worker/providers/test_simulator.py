import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from tests.worker.providers.conftest import STOCKS, at, new_york, stock, there
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Quote, Session, State
from worker.providers import paths, simulator
from worker.providers.simulator import Simulator

NO_BOOK = SessionBook([])
SUMMER = new_york("2026-06-01", "2026-07-31")
NOON = at("2026-06-10 12:00")

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TIMES = st.datetimes(min_value=dt.datetime(2024, 1, 1), max_value=dt.datetime(2030, 1, 1),  # noqa: DTZ001
                     timezones=st.just(dt.UTC))


def one(provider: Simulator, now: dt.datetime, instrument: Instrument | None = None,
        book: SessionBook = NO_BOOK) -> Quote:
    [quote] = provider.quotes([instrument or stock()], now, book)
    return quote


def forget() -> None:
    """Empty every memory, as a restart does."""
    for cached in (paths.leg_of, paths._closes, paths._smile, paths._even, simulator.always_open, simulator.stock_of):
        cached.cache_clear()


@many
@given(STOCKS, TIMES)
def test_figures_agree_with_each_other(always: Simulator, instrument: Instrument, now: dt.datetime) -> None:
    quote = one(always, now, instrument)
    assert quote.low is not None
    assert quote.high is not None
    assert quote.open is not None
    assert quote.volume is not None
    assert 0 < quote.low <= quote.price <= quote.high
    assert quote.low <= quote.open <= quote.high
    assert quote.volume > 0
    assert quote.bid is not None
    assert quote.ask is not None
    middle = quote.extended_price or quote.price
    assert 0 < quote.bid <= middle <= quote.ask
    assert quote.bid < quote.ask
    assert quote.as_of <= now
    assert -quote.price.as_tuple().exponent == instrument.decimals  # type: ignore[operator]
    assert (quote.state, quote.source) == (State.SIMULATED, "simulator")


@many
@given(STOCKS, TIMES, st.integers(1, 60_000))
def test_within_a_day_the_range_widens_and_volume_grows(always: Simulator, instrument: Instrument, now: dt.datetime,
                                                        seconds: int) -> None:
    early, late = one(always, now, instrument), one(always, now + dt.timedelta(seconds=seconds), instrument)
    assert early.as_of <= late.as_of
    if early.day == late.day:
        assert early.open == late.open
        assert early.previous_close == late.previous_close
        assert (early.high or 0) <= (late.high or 0)
        assert (early.low or 0) >= (late.low or 0)
        assert (early.volume or 0) <= (late.volume or 0)
    if early.as_of == late.as_of:
        assert (early.price, early.volume) == (late.price, late.volume)


@many
@given(STOCKS, TIMES)
def test_yesterdays_close_is_todays_previous_close(always: Simulator, instrument: Instrument, now: dt.datetime) -> None:
    midnight = there(now.date().isoformat(), instrument.mic)
    after_close = one(always, midnight - dt.timedelta(minutes=1), instrument)
    today = one(always, midnight + dt.timedelta(hours=12), instrument)
    assert after_close.session is Session.POST
    assert today.previous_close == after_close.price


@many
@given(STOCKS, TIMES)
def test_a_restart_finds_the_same_figures(always: Simulator, instrument: Instrument, now: dt.datetime) -> None:
    before = one(always, now, instrument), always.day_path(instrument, now, NO_BOOK)
    forget()
    assert (one(always, now, instrument), always.day_path(instrument, now, NO_BOOK)) == before


def test_another_process_finds_the_same_figures(always: Simulator) -> None:
    code = ("from types import SimpleNamespace as S; from tests.worker.providers.conftest import at, stock;"
            "from webapp.markets import SessionBook; from worker.providers.simulator import Simulator;"
            "s = Simulator(S(SIMULATOR_SEED=1, SIMULATOR_CLOCK='always', REFRESH_SECONDS=2));"
            "print(s.quotes([stock()], at('2026-06-10 12:00'), SessionBook([])))")
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           env={"PYTHONHASHSEED": "7"})
    assert other.stdout.strip() == str([one(always, NOON)])


def test_the_figures_of_a_seed_stay_the_same_for_good(always: Simulator) -> None:
    quote = one(always, there("2026-06-10 12:00"))
    assert (str(quote.price), str(quote.previous_close), quote.volume) == ("45.59", "45.85", 1_148_187)


def test_another_seed_is_another_market(config: Callable[..., Config]) -> None:
    assert len({one(Simulator(config(SIMULATOR_SEED=seed)), NOON).price for seed in range(10)}) == 10


def test_the_range_is_that_of_all_trades_so_far(always: Simulator) -> None:
    opens = there("2026-06-10 00:30")
    seen = [one(always, opens + dt.timedelta(seconds=second)) for second in range(0, 1200, 2)]
    prices: list[Decimal] = []
    for quote in seen:
        prices.append(quote.price)
        assert (quote.high, quote.low) == (max(prices), min(prices))
        assert quote.open == prices[0]


def test_prices_move_and_rest_like_real_ones(always: Simulator) -> None:
    instruments = [stock(f"S{number}", number=number) for number in range(60)]
    moved = traded = 0
    before = always.quotes(instruments, NOON, NO_BOOK)
    for step in range(1, 31):
        after = always.quotes(instruments, NOON + dt.timedelta(seconds=2 * step), NO_BOOK)
        moved += sum(old.price != new.price for old, new in zip(before, after, strict=True))
        traded += sum(old.as_of != new.as_of for old, new in zip(before, after, strict=True))
        before = after
    assert 0.35 < moved / 1800 < 0.8
    assert moved < traded < 1700


@pytest.mark.parametrize(("text", "session"), [
    ("2026-06-10 00:00", Session.PRE), ("2026-06-10 00:29:59", Session.PRE), ("2026-06-10 00:30", Session.REGULAR),
    ("2026-06-10 23:29:59", Session.REGULAR), ("2026-06-10 23:30", Session.POST), ("2026-06-13 12:00", Session.REGULAR),
])
def test_the_market_that_hardly_rests(always: Simulator, text: str, session: Session) -> None:
    quote = one(always, there(text))
    assert quote.session is session
    assert (quote.extended_price is None) is (session is Session.REGULAR)
    assert quote.stale_at == there(text) + dt.timedelta(seconds=15)


@pytest.mark.parametrize(("mic", "moment", "day"), [
    ("XNYS", "2026-06-10 03:59:59", 9), ("XNYS", "2026-06-10 04:00", 10), ("XTKS", "2026-06-10 14:59:59", 10),
    ("XTKS", "2026-06-10 15:00", 11), ("XLON", "2026-06-10 23:00", 11)])
def test_its_days_begin_at_midnight_at_the_exchange(always: Simulator, mic: str, moment: str, day: int) -> None:
    """As every chart, page and past price have days: else a day of prices would lie ahead of the calendar."""
    half = dt.timedelta(minutes=31)
    quote = one(always, at(moment) + (half if moment.endswith("00") else -half), stock(mic=mic))
    assert (quote.session, quote.day) == (Session.REGULAR, dt.date(2026, 6, day))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 22), ("2026-11-01", 24), ("2026-06-10", 23)])
def test_where_clocks_change_the_day_is_as_long_as_it_is(day: str, hours: int) -> None:
    times = simulator.open_day("XNYS", dt.date.fromisoformat(day))
    assert times.closes_at - times.opens_at == dt.timedelta(hours=hours)


def test_before_the_opening_only_the_extended_price_moves(always: Simulator) -> None:
    quotes = [one(always, there("2026-06-10 00:02") + dt.timedelta(minutes=minute)) for minute in range(0, 28, 3)]
    assert len({(quote.price, quote.as_of, quote.volume, quote.day) for quote in quotes}) == 1
    assert quotes[0].day == dt.date(2026, 6, 9)
    assert len({quote.extended_price for quote in quotes}) > 5
    assert all(quote.extended_as_of and quote.extended_as_of > quote.as_of for quote in quotes)


def test_the_extended_price_leads_into_the_opening(always: Simulator) -> None:
    last, first = one(always, there("2026-06-10 00:29:58")), one(always, there("2026-06-10 00:30"))
    assert last.extended_price is not None
    assert first.open is not None
    assert abs(last.extended_price / first.open - 1) < Decimal("0.003")


def test_outside_the_regular_session_the_spread_is_wider(always: Simulator) -> None:
    def spread(quote: Quote) -> Decimal:
        assert quote.bid is not None
        assert quote.ask is not None
        return (quote.ask - quote.bid) / quote.price

    dear = stock("DEAR", currency="KRW")
    assert spread(one(always, there("2026-06-10 23:45"), dear)) > 3 * spread(one(always, NOON, dear))


def test_under_the_markets_clock_nothing_moves_at_night_and_on_holidays(market: Simulator) -> None:
    friday = one(market, at("2026-06-12 23:59:59"), book=SUMMER)
    saturday, sunday = (one(market, at(text), book=SUMMER) for text in ("2026-06-13 00:00", "2026-06-14 17:00"))
    assert saturday == sunday
    assert (friday.session, saturday.session) == (Session.POST, Session.CLOSED)
    assert (saturday.price, saturday.as_of) == (friday.price, at("2026-06-12 20:00"))
    assert (saturday.bid, saturday.extended_price) == (None, None)
    assert saturday.stale_at == at("2026-06-15 08:00:15")
    assert one(market, at("2026-06-15 14:00"), book=SUMMER).previous_close == friday.price


def test_under_the_markets_clock_the_regular_session_moves(market: Simulator) -> None:
    prices = {one(market, at("2026-06-12 15:00") + dt.timedelta(minutes=minute), book=SUMMER).price
              for minute in range(0, 60, 5)}
    assert len(prices) > 8


def test_an_exchange_without_calendar_has_no_quote_under_the_markets_clock(market: Simulator) -> None:
    assert market.quotes([stock("A", "XLON"), stock("B")], at("2026-06-12 15:00"), SUMMER)[0].instrument_id == 1
    assert len(market.quotes([stock("A", "XLON"), stock("B")], at("2026-06-12 15:00"), SUMMER)) == 1
    assert market.day_path(stock("A", "XLON"), NOON, SUMMER) == []


def test_the_last_day_of_the_calendar_goes_not_stale(market: Simulator) -> None:
    assert one(market, at("2026-08-09 12:00"), book=SUMMER).stale_at is None


def test_the_calendars_first_day_has_a_previous_close(market: Simulator) -> None:
    assert one(market, at("2026-06-01 15:00"), book=SUMMER).previous_close is not None


def test_a_session_of_odd_length_ends_at_its_close(market: Simulator) -> None:
    opens, closes = at("2026-06-10 09:00"), at("2026-06-10 09:07:13")
    book = SessionBook([SessionTimes("XNYS", dt.date(2026, 6, 10), opens, closes)])
    for second in range(433):
        now = opens + dt.timedelta(seconds=second)
        assert one(market, now, book=book).as_of <= now
    quote = one(market, closes, book=book)
    assert (quote.as_of, quote.session) == (closes, Session.CLOSED)


def test_under_the_markets_clock_nothing_moves_in_the_midday_break(market: Simulator) -> None:
    days = [SessionTimes("XTKS", day, at(f"{day} 00:00"), at(f"{day} 06:30"), break_starts_at=at(f"{day} 02:30"),
                         break_ends_at=at(f"{day} 03:30")) for day in (dt.date(2026, 6, 11), dt.date(2026, 6, 12))]
    book, toyota = SessionBook(days), stock("7203", "XTKS", "JPY")
    rests_at, resumes_at = at("2026-06-12 02:30"), at("2026-06-12 03:30")
    last = one(market, rests_at, toyota, book)
    for minutes in (1, 30, 59):
        resting = one(market, rests_at + dt.timedelta(minutes=minutes), toyota, book)
        assert (resting.price, resting.as_of, resting.volume) == (last.price, last.as_of, last.volume)
        assert (resting.day, resting.session, resting.bid) == (dt.date(2026, 6, 12), Session.CLOSED, None)
        assert resting.stale_at == resumes_at + dt.timedelta(seconds=15)
    path = market.day_path(toyota, at("2026-06-12 06:30"), book)
    assert not [moment for moment, _ in path if rests_at < moment < resumes_at]
    assert (path[0][0], path[-1][0]) == (at("2026-06-12 00:00"), at("2026-06-12 06:30"))
    for seconds in range(0, 600, 7):
        now = resumes_at + dt.timedelta(seconds=seconds)
        assert not rests_at < one(market, now, toyota, book).as_of < resumes_at
        assert one(market, now, toyota, book).as_of <= now


def test_a_slow_refresh_keeps_prices_fresh_for_five_rounds(config: Callable[..., Config]) -> None:
    slow = Simulator(config(REFRESH_SECONDS=10))
    assert one(slow, NOON).stale_at == NOON + dt.timedelta(seconds=50)


@many
@given(STOCKS, TIMES, st.integers(2, 64))
def test_the_days_path_ends_with_the_price(always: Simulator, instrument: Instrument, now: dt.datetime,
                                           points: int) -> None:
    quote, path = one(always, now, instrument), always.day_path(instrument, now, NO_BOOK, points)
    assert 1 <= len(path) <= points
    assert path[-1] == (quote.as_of, quote.price)
    assert [moment for moment, _ in path] == sorted({moment for moment, _ in path})
    assert path[0][1] == quote.open
    assert quote.low is not None
    assert quote.high is not None
    assert all(quote.low <= price <= quote.high for _, price in path)


def test_the_days_path_goes_through_prices_that_were_shown(always: Simulator) -> None:
    for moment, price in always.day_path(stock(), NOON, NO_BOOK):
        assert one(always, moment).price == price


@pytest.mark.parametrize(("currency", "cheapest", "dearest"), [("USD", 6, 1500), ("JPY", 240, 22_500),
                                                               ("GBP", 0.6, 110)])
def test_prices_look_like_their_market(always: Simulator, currency: str, cheapest: int, dearest: int) -> None:
    prices = [one(always, NOON, stock(f"S{number}", currency=currency)).price for number in range(100)]
    assert cheapest < min(prices)
    assert max(prices) < dearest
    assert max(prices) > 4 * min(prices)


def test_closes_have_the_volatility_of_their_stock() -> None:
    seen = paths.describe_stock(1, "XNYS:IBM", 1e6, 2e6)
    closes = [paths.close_of(seen, dt.date(2020, 1, 1) + dt.timedelta(days=number)) for number in range(1500)]
    returns = [new / old - 1 for old, new in pairwise(closes)]
    spread = (sum(value * value for value in returns) / len(returns)) ** 0.5
    assert 0.85 < spread / seen.volatility < 1.15
    assert 0.15 < seen.volatility * 252**0.5 < 0.60


def test_volume_has_the_shape_of_a_day() -> None:
    seen = paths.describe_stock(1, "XNYS:IBM", 1e4, 2e4)
    leg = paths.leg_of(seen, "shape", 15_000, 15_100, 23_400, 0.01)
    hours = [leg.traded[(hour + 1) * 12] - leg.traded[hour * 12] for hour in range(6)]
    assert min(hours[0], hours[-1]) > max(hours[2], hours[3])
    assert leg.traded[-1] == pytest.approx(1)
