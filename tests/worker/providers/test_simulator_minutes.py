"""The simulator's minutes: what quotes showed, gathered by the minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from config import Config
from tests.worker.providers.conftest import at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Adjustment, MinuteBar
from worker.providers.simulator import Simulator

BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
AAPL = stock("AAPL", "XNAS")
NOW = at("2026-06-10 15:00")


def of_day(bars: tuple[MinuteBar, ...], first: dt.datetime, last: dt.datetime) -> list[MinuteBar]:
    return [bar for bar in bars if first <= bar.at < last]


def test_a_day_so_far_is_what_its_quote_shows(market: Simulator) -> None:
    minutes = market.minutes(AAPL, NOW, BOOK)
    today = of_day(minutes.bars, at("2026-06-10 13:30"), NOW)
    [quote] = market.quotes([AAPL], NOW - dt.timedelta(seconds=1), BOOK)
    assert (minutes.source, minutes.adjusted, minutes.unit) == ("simulator", Adjustment.NONE, "USD")
    assert (today[0].open, today[-1].close) == (quote.open, quote.price)
    assert max(bar.high for bar in today if bar.high) == quote.high
    assert min(bar.low for bar in today if bar.low) == quote.low
    assert sum(bar.volume or 0 for bar in today) == quote.volume


def test_a_whole_day_is_that_of_the_history(market: Simulator) -> None:
    minutes = market.minutes(AAPL, NOW, BOOK)
    day = of_day(minutes.bars, at("2026-06-09 13:30"), at("2026-06-09 20:00"))
    bar = market.daily(AAPL, NOW, BOOK, dt.date(2026, 6, 9)).bars[-1]
    assert bar.day == dt.date(2026, 6, 9)
    assert (day[0].open, day[-1].close, sum(one.volume or 0 for one in day)) == (bar.open, bar.close, bar.volume)
    assert day[-1].at == at("2026-06-09 19:59")


def test_the_hours_before_and_after_go_over_into_the_day(market: Simulator) -> None:
    bars = market.minutes(AAPL, NOW, BOOK).bars
    assert (bars[0].at, bars[-1].at) == (at("2026-06-04 08:00"), at("2026-06-10 14:59"))
    by_time = {bar.at: bar for bar in bars}
    assert by_time[at("2026-06-10 13:29")].close == by_time[at("2026-06-10 13:30")].open
    assert by_time[at("2026-06-09 20:00")].open == by_time[at("2026-06-09 19:59")].close
    assert by_time[at("2026-06-09 20:00")].volume is None


def test_no_minute_of_the_market_that_never_rests_is_missing(config: Callable[..., Config]) -> None:
    bars = Simulator(config()).minutes(AAPL, NOW, SessionBook([])).bars
    assert (bars[0].at, bars[-1].at) == (at("2026-06-06 04:00"), at("2026-06-10 14:59"))
    assert len({bar.at for bar in bars}) == len(bars)
    assert all(bar.low <= bar.close <= bar.high for bar in bars if bar.low and bar.high)


def test_more_of_a_day_changes_nothing_of_what_was(market: Simulator) -> None:
    early, late = (market.minutes(AAPL, now, BOOK).bars for now in (NOW, NOW + dt.timedelta(hours=3)))
    assert late[:len(early)] == early


def test_under_the_markets_clock_a_stock_without_sessions_has_none(market: Simulator) -> None:
    assert market.minutes(AAPL, NOW, SessionBook([])).bars == ()
