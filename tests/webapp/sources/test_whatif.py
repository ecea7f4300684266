"""The intervals that a number of stocks would get, against figures worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.analytics.intervals import FLOOR_S
from webapp.records import State
from webapp.sources.whatif import EXTENDED_S, REGULAR_S, Kind, Supply, paces, share_out
from webapp.vendors import Limits, Vendor

MINUTELY = Limits(per_minute=60)  # 54 of them are planned: 0.9 a second


def supply(limits: Limits = MINUTELY, seconds: float | None = REGULAR_S, *, batch: int = 1,
           delay: State = State.LIVE, **fields: Any) -> Supply:
    vendor = Vendor("some", "Some", lambda _settings: limits, batch_size=batch, delay=delay)
    return Supply(vendor, limits, seconds, **fields)


def test_stocks_share_the_calls_by_the_root_of_their_weight() -> None:
    found = paces(10, 90, 0.9, 1)
    # 10 stocks weigh 2, 90 weigh 1: 110 parts of 0.9 calls a second.
    assert found[Kind.LIST] == pytest.approx(110 / 0.9)
    assert found[Kind.SCREEN] == pytest.approx(110 / 0.9 / 2)
    # One more of the front page makes it 110.5 parts, of which it has half a one.
    assert found[Kind.FRONT] == pytest.approx(110.5 / 0.9 / 0.5)


def test_no_stock_is_fetched_more_often_than_every_five_seconds() -> None:
    # Two on pages at the floor take 0.4 of 0.9 calls a second; the other two share what they leave, 0.25 each.
    assert paces(2, 2, 0.9, 1)[Kind.SCREEN] == FLOOR_S
    assert paces(2, 2, 0.9, 1)[Kind.LIST] == FLOOR_S
    assert paces(2, 4, 0.9, 1)[Kind.LIST] == pytest.approx(4 / 0.5)


def test_a_call_for_many_counts_once_and_sets_the_pace() -> None:
    found = paces(10, 90, 1 / 80, 100)
    assert found[Kind.LIST] == pytest.approx(80)
    assert found[Kind.SCREEN] == pytest.approx(80)


def test_without_calls_nothing_is_fetched() -> None:
    assert set(paces(1, 1, 0.0, 1).values()) == {math.inf}


def test_a_days_calls_last_the_session_less_what_is_used_and_the_reserve() -> None:
    daily = Limits(per_day=800)
    [share] = share_out(0, 60, [supply(daily, EXTENDED_S, used=120)])
    assert share.intervals[Kind.LIST] == pytest.approx(60 * EXTENDED_S / (720 - 120))
    [all_used] = share_out(0, 60, [supply(daily, used=720)])
    assert all_used.intervals[Kind.LIST] == math.inf


def test_the_first_provider_takes_all_and_the_next_nothing() -> None:
    first, second = share_out(3, 40, [supply(), supply(Limits(per_minute=8))])
    assert (first.asked, second.stocks) == ({Kind.SCREEN: 3, Kind.LIST: 40}, 0)


def test_a_provider_of_daily_prices_takes_as_many_as_its_calls_suffice_for_the_most_watched_first() -> None:
    daily = supply(Limits(per_day=25), delay=State.END_OF_DAY)
    first, second = share_out(5, 40, [daily, supply()])
    assert first.supply.a_day == 22
    assert first.asked == {Kind.SCREEN: 5, Kind.LIST: 17}
    assert second.asked == {Kind.SCREEN: 0, Kind.LIST: 23}
    assert (first.intervals, first.takes_more, second.takes_more) == ({}, False, True)
    [alone] = share_out(5, 40, [daily])
    assert alone.stocks == 45, "the last one has what remains"


def test_daily_prices_under_a_limit_of_a_minute_are_fetched_while_markets_are_shut() -> None:
    assert supply(Limits(per_minute=5), delay=State.END_OF_DAY).a_day == 4725  # 4.5 a minute for 17.5 hours
    assert supply(Limits(), delay=State.END_OF_DAY).a_day == math.inf


def test_web_sockets_carry_the_most_watched_and_calls_the_rest() -> None:
    first, second = share_out(40, 60, [supply(streams=30), supply(streams=50)])
    assert first.streamed == {Kind.SCREEN: 30, Kind.LIST: 0}
    assert second.streamed == {Kind.SCREEN: 10, Kind.LIST: 40}
    assert first.asked == {Kind.SCREEN: 0, Kind.LIST: 20}
    assert (first.on_socket, second.on_socket, second.stocks) == (30, 50, 0)


def test_while_markets_are_shut_there_is_no_interval() -> None:
    [share] = share_out(1, 2, [supply(seconds=None)])
    assert share.intervals == {}


def test_a_provider_without_limits_is_asked_in_each_round() -> None:
    [share] = share_out(1, 2, [supply(Limits(), slot=2.0)])
    assert share.intervals == {Kind.SCREEN: 2.0, Kind.LIST: 2.0, Kind.FRONT: 2.0}


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.001, 10), st.sampled_from([1, 50, 100]))
def test_the_calls_are_never_more_than_the_rate(on_screen: int, listed: int, rate: float, batch: int) -> None:
    found = paces(on_screen, listed, rate, batch)
    stocks = on_screen / found[Kind.SCREEN] + listed / found[Kind.LIST]
    assert stocks <= rate * batch * (1 + 1e-9)
    assert found[Kind.SCREEN] <= found[Kind.LIST] * (1 + 1e-9)
    assert min(found.values()) >= FLOOR_S
