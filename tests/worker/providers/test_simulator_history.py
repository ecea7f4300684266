"""The simulator's past: it ends where its present begins, and has what charts and stages are to show."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worker.providers.conftest import STOCKS, at, new_york, stock, there
from webapp.analytics.stages import find_stages
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Adjustment, History, Instrument
from worker.providers import paths, simulator_history
from worker.providers.base import GivesDaily
from worker.providers.simulator import Simulator
from worker.providers.simulator_history import LAST_SPLIT, YEARS_BACK, splits_of

NO_BOOK = SessionBook([])
HOLIDAY = dt.date(2026, 7, 3)
WEEKDAYS = new_york("2026-06-01", "2026-07-31")
SUMMER = SessionBook(session for number in range(61) if number != 32
                     and (session := WEEKDAYS.session_on("XNYS", dt.date(2026, 6, 1) + dt.timedelta(days=number))))
NOON = at("2026-07-08 12:00")
DAY = dt.timedelta(days=1)

several = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TIMES = st.datetimes(min_value=dt.datetime(2026, 1, 1), max_value=dt.datetime(2031, 1, 1),  # noqa: DTZ001
                     timezones=st.just(dt.UTC))


def days_of(history: History) -> list[dt.date]:
    return [bar.day for bar in history.bars]


def with_split(always: Simulator) -> tuple[Instrument, History]:
    """Return the first stock with a split of two for one or more."""
    for number in range(200):
        one = stock(f"S{number}")
        history = always.daily(one, NOON, NO_BOOK)
        if history.splits and history.splits[-1].ratio >= 2:
            return one, history
    raise AssertionError("no stock has a split")


@several
@given(STOCKS, TIMES)
def test_the_last_close_is_what_todays_change_is_measured_against(always: Simulator, instrument: Instrument,
                                                                  now: dt.datetime) -> None:
    noon = there(f"{now.date()} 12:00", instrument.mic)
    history = always.daily(instrument, noon, NO_BOOK)
    for back in range(4):
        [quote] = always.quotes([instrument], noon - back * DAY, NO_BOOK)
        bar = history.bars[-1 - back]
        assert (bar.day, bar.close) == (quote.day - DAY, quote.previous_close)


def test_the_newest_days_are_those_that_were_shown(always: Simulator) -> None:
    history = always.daily(stock(), NOON, NO_BOOK)
    for bar in history.bars[-10:]:
        [quote] = always.quotes([stock()], there(f"{bar.day} 23:45"), NO_BOOK)
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            quote.open, quote.high, quote.low, quote.price, quote.volume)


def test_under_the_markets_clock_the_days_are_the_exchanges_days(market: Simulator) -> None:
    now = at("2026-07-08 15:00")
    history = market.daily(stock(), now, SUMMER)
    summer = [day for day in days_of(history) if day >= dt.date(2026, 6, 1)]
    assert summer == [day for day in (dt.date(2026, 6, 1) + number * DAY for number in range(37))
                      if SUMMER.session_on("XNYS", day)]
    assert HOLIDAY not in summer
    assert {day.weekday() for day in days_of(history)} == set(range(5))
    for bar, following in pairwise(history.bars[-10:]):
        [quote] = market.quotes([stock()], at(f"{following.day} 15:00"), SUMMER)
        assert quote.previous_close == bar.close
        [shown] = market.quotes([stock()], at(f"{following.day} 23:59"), SUMMER)
        assert (shown.open, shown.high, shown.low, shown.volume) == (
            following.open, following.high, following.low, following.volume)


def test_a_day_that_is_not_over_is_no_bar(always: Simulator, market: Simulator) -> None:
    assert days_of(always.daily(stock(), there("2026-07-08 23:29:59"), NO_BOOK))[-1] == dt.date(2026, 7, 7)
    assert days_of(always.daily(stock(), there("2026-07-08 23:30"), NO_BOOK))[-1] == dt.date(2026, 7, 8)
    assert days_of(market.daily(stock(), at("2026-07-08 19:59"), SUMMER))[-1] == dt.date(2026, 7, 7)
    assert days_of(market.daily(stock(), at("2026-07-08 20:00"), SUMMER))[-1] == dt.date(2026, 7, 8)


def test_an_exchange_without_sessions_has_no_past_under_the_markets_clock(market: Simulator) -> None:
    assert market.daily(stock("A", "XLON"), NOON, SUMMER).bars == ()


def test_the_past_is_six_years_long_and_whole(always: Simulator) -> None:
    days = days_of(always.daily(stock(), NOON, NO_BOOK))
    assert days[0] == days[-1] - YEARS_BACK
    assert all(day + DAY == following for day, following in pairwise(days))


def test_from_a_day_on_it_is_the_end_of_the_whole_past(always: Simulator) -> None:
    whole = always.daily(stock(), NOON, NO_BOOK)
    part = always.daily(stock(), NOON, NO_BOOK, dt.date(2026, 7, 1))
    assert part.bars == whole.bars[-7:]
    assert days_of(part)[0] == dt.date(2026, 7, 1)


def test_a_later_day_changes_no_close_and_no_whole_day(always: Simulator) -> None:
    before, after = (always.daily(stock(), moment, NO_BOOK) for moment in (NOON, NOON + 9 * DAY))
    closes = {bar.day: bar.close for bar in after.bars}
    assert all(closes[bar.day] == bar.close for bar in before.bars[9:])
    assert before.bars[-10:] == after.bars[-19:-9]


@several
@given(STOCKS)
def test_every_bar_agrees_with_itself(always: Simulator, instrument: Instrument) -> None:
    for bar in always.daily(instrument, NOON, NO_BOOK).bars:
        assert bar.open is not None
        assert bar.high is not None
        assert bar.low is not None
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume
        assert -bar.close.as_tuple().exponent == instrument.decimals  # type: ignore[operator]


def test_figures_are_as_traded_before_a_split_and_go_on_in_todays_shares(always: Simulator) -> None:
    one, history = with_split(always)
    assert history.adjusted is Adjustment.NONE
    split = history.splits[-1]
    place = next(place for place, bar in enumerate(history.bars) if bar.day >= split.day)
    before, after = history.bars[place - 1:place + 1]
    assert after.day == split.day
    assert abs(before.close / after.close / split.ratio - 1) < Decimal("0.2")
    assert Decimal(before.volume or 0) < Decimal(after.volume or 0) * 5 / split.ratio
    character = paths.describe_stock(1, one.key, 1500, 60_000)
    assert splits_of(character) == history.splits


def test_splits_lie_before_the_first_price_that_was_ever_shown(always: Simulator) -> None:
    found = [split for number in range(300) for split in always.daily(stock(f"S{number}"), NOON, NO_BOOK,
                                                                      dt.date(2020, 7, 9)).splits]
    assert len(found) > 20
    assert max(split.day for split in found) <= LAST_SPLIT + 2 * DAY
    assert {split.day.weekday() for split in found} <= set(range(5))
    assert len({split.ratio for split in found}) > 3


def test_some_pay_four_times_a_year_and_some_never(always: Simulator) -> None:
    years = Counter(len(always.daily(stock(f"S{number}"), NOON, NO_BOOK).dividends) for number in range(60))
    assert years[0] > 10
    assert sum(count for paid, count in years.items() if paid in {23, 24, 25}) == 60 - years[0]


def test_a_dividend_is_a_small_part_of_the_price(always: Simulator) -> None:
    one, history = with_split(always)
    closes = {bar.day: bar.close for bar in history.bars}
    for dividend in history.dividends:
        assert 0 < dividend.amount < closes[dividend.day] * Decimal("0.015")
    assert one.id == history.instrument_id


def test_all_stages_are_there_at_any_time(always: Simulator) -> None:
    stages: Counter[int] = Counter()
    for number in range(60):
        history = always.daily(stock(f"S{number}"), NOON, NO_BOOK)
        ratios = {split.day: float(split.ratio) for split in history.splits}
        factors = np.array([np.prod([ratio for day, ratio in ratios.items() if day > bar.day]) for bar in history.bars])
        closes = np.array([float(bar.close) for bar in history.bars]) / factors
        stages[int(find_stages(closes[::-7][::-1]).stage[-1])] += 1
    assert all(stages[stage] >= 4 for stage in (1, 2, 3, 4))


def test_weeks_that_rise_far_trade_more() -> None:
    seen = paths.describe_stock(1, "XNYS:IBM", 1e6, 2e6)
    rising: list[int] = []
    others: list[int] = []
    for number in range(300):
        friday = dt.date(2021, 1, 1) + number * 7 * DAY
        move = paths.close_of(seen, friday + 7 * DAY) / paths.close_of(seen, friday) - 1
        volume = sum(paths.volume_of(seen, friday + back * DAY) for back in range(1, 8))
        (rising if move > 1.5 * seen.volatility * 7**0.5 else others).append(volume)
    assert len(rising) > 5
    assert min(rising) > 2 * sorted(others)[len(others) // 2]


def test_what_others_are_measured_against_is_steady(always: Simulator) -> None:
    def movement(symbol: str, mic: str) -> float:
        closes = np.array([float(bar.close) for bar in always.daily(stock(symbol, mic), NOON, NO_BOOK).bars])
        return float(np.std(np.diff(np.log(closes))))

    assert 0.10 < movement("SPY", "ARCX") * 252**0.5 < 0.14


def test_it_can_be_asked_for_days_like_any_provider(always: Simulator) -> None:
    assert isinstance(always, GivesDaily)


def test_a_market_that_opens_for_the_first_time_has_one_day(market: Simulator) -> None:
    opens = at("2026-06-10 09:00")
    book = SessionBook([SessionTimes("XNYS", dt.date(2026, 6, 10), opens, opens + dt.timedelta(hours=1))])
    history = market.daily(stock(), at("2026-06-10 12:00"), book, dt.date(2026, 6, 10))
    assert days_of(history) == [dt.date(2026, 6, 10)]
    assert simulator_history.WHOLE_DAYS > 1
