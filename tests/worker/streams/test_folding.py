"""Folding: the newest by time wins whatever the order, nothing is kept twice, nonsense changes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.streams.folding import FUTURE, MOST_SEEN, Folded, Folder, Stock
from worker.streams.trades import MICRO, Effect, Trade

OPENS, CLOSES = 1_000 * MICRO, 2_000 * MICRO
NOW = 1_500 * MICRO
STOCK = Stock(7, 500 * MICRO, OPENS, CLOSES, 2_500 * MICRO, Decimal(100))


def trade(price: str, at: float = 1_400, mark: str = "", effect: Effect = Effect.ALL, symbol: str = "AAPL") -> Trade:
    return Trade(symbol, Decimal(price), round(at * MICRO), mark, effect)


def folder(stock: Stock = STOCK) -> Folder:
    made = Folder()
    made.watch({"AAPL": stock})
    return made


def fold(*trades: Trade, now: int = NOW, stock: Stock = STOCK) -> Folded | None:
    made = folder(stock)
    made.fold(trades, now)
    found = made.waiting({7}, 9)
    return found[0] if found else None


def test_the_newest_by_time_is_the_price_and_all_are_the_range() -> None:
    found = fold(trade("101", 1_401), trade("103", 1_403), trade("99", 1_402))
    assert found
    assert (found.price, found.at, found.high, found.low) == (Decimal(103), 1_403 * MICRO, Decimal(103), Decimal(99))


def test_a_repeat_does_not_move_the_price_back() -> None:
    first, second = trade("101", mark="1"), trade("102", mark="2")
    found = fold(first, second, first, first)
    assert found
    assert found.price == Decimal(102)


def test_of_one_moment_the_last_is_the_newest() -> None:
    found = fold(trade("101", mark="1"), trade("102", mark="2"), trade("101", mark="3"))
    assert found
    assert found.price == Decimal(101)


def test_what_is_kept_of_one_moment_has_a_bound() -> None:
    made = folder()
    made.fold([trade("101", mark=str(number)) for number in range(10_000)], NOW)
    assert len(made._entries[7].seen) == MOST_SEEN


@given(st.lists(st.tuples(st.integers(1_000, 1_500), st.integers(9_500, 10_500)), min_size=1, max_size=30,
                unique_by=lambda item: item[0]), st.randoms())
def test_any_order_and_any_repeats_give_the_same(found: list[tuple[int, int]], random: object) -> None:
    trades = [trade(str(Decimal(price) / 100), at, str(at)) for at, price in found]
    shuffled = trades + trades[: len(trades) // 2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = fold(*sorted(trades, key=lambda item: item.at)), fold(*shuffled)
    assert one
    assert other
    assert (one.price, one.at, one.high, one.low) == (other.price, other.at, other.high, other.low)
    assert one.price == max(trades, key=lambda item: item.at).price


@pytest.mark.parametrize(("change", "reason"), [
    ({"symbol": "MSFT"}, "not asked for"), ({"at": 499}, "outside the day"),
    ({"at": NOW / MICRO + FUTURE / MICRO + 1}, "from the future")])
def test_what_cannot_count_is_passed_over_and_counted(change: dict[str, object], reason: str) -> None:
    made = folder()
    made.fold([trade("101", **change)], NOW)  # type: ignore[arg-type]
    assert not made.waiting({7}, 9)
    assert made.ignored == {reason: 1}


def test_a_clock_that_is_a_little_ahead_does_not_hold_up_later_trades() -> None:
    made = folder()
    made.fold([trade("101", 1_560)], NOW)
    made.fold([trade("102", 1_501)], NOW + 2 * MICRO)
    [found] = made.waiting({7}, 9)
    assert (found.price, found.at) == (Decimal(102), 1_501 * MICRO)


def test_while_the_market_is_shut_nothing_counts() -> None:
    assert fold(trade("101"), stock=Stock(7)) is None


def test_a_late_report_widens_the_range_only() -> None:
    found = fold(trade("101", 1_400), trade("104", 1_401, effect=Effect.RANGE))
    assert found
    assert (found.price, found.high) == (Decimal(101), Decimal(104))


def test_a_late_report_alone_has_no_price() -> None:
    found = fold(trade("104", effect=Effect.RANGE))
    assert found
    assert (found.at, found.high) == (0, Decimal(104))


@pytest.mark.parametrize(("effect", "price"), [(Effect.EXTENDED, "104"), (Effect.ALL, "104"), (Effect.RANGE, None)])
def test_outside_the_session_there_is_a_price_but_no_range(effect: Effect, price: str | None) -> None:
    found = fold(trade("104", 700, effect=effect))
    if price is None:
        assert found is None
    else:
        assert found
        assert (found.price, found.high, found.low) == (Decimal(price), None, None)


def test_a_report_from_outside_the_session_says_nothing_inside() -> None:
    assert fold(trade("104", effect=Effect.EXTENDED)) is None


def test_a_price_far_off_widens_nothing() -> None:
    found = fold(trade("1000", 1_400), trade("100.5", 1_401), trade("0.01", 1_402), trade("100", 1_403))
    assert found
    assert (found.price, found.high, found.low) == (Decimal(100), Decimal("100.5"), Decimal(100))


def test_without_a_stored_price_nothing_is_widened() -> None:
    found = fold(trade("101"), stock=Stock(7, 500 * MICRO, OPENS, CLOSES, 2_500 * MICRO))
    assert found
    assert (found.price, found.high) == (Decimal(101), None)


def test_a_new_day_begins_anew() -> None:
    made = folder()
    made.fold([trade("109")], NOW)
    day = 86_400 * MICRO
    made.watch({"AAPL": Stock(7, 500 * MICRO + day, OPENS + day, CLOSES + day, 2_500 * MICRO + day, Decimal(100))})
    made.fold([trade("101", 1_400 + 86_400)], NOW + day)
    [found] = made.waiting({7}, 9)
    assert (found.price, found.high, found.low) == (Decimal(101), Decimal(101), Decimal(101))


def test_what_was_not_settled_is_given_again_with_what_came_since() -> None:
    made = folder()
    made.fold([trade("101", 1_400)], NOW)
    taken = made.waiting({7}, 9)
    made.fold([trade("102", 1_401)], NOW)
    made.settle(taken)
    [found] = made.waiting({7}, 9)
    assert found.price == Decimal(102)
    made.settle([found])
    assert not made.waiting({7}, 9)
    made.settle([found])


def test_the_same_again_is_no_change() -> None:
    made = folder()
    made.fold([trade("101", mark="1")], NOW)
    made.settle(made.waiting({7}, 9))
    made.fold([trade("101", mark="1"), trade("100.5", 1_300)], NOW)
    [found] = made.waiting({7}, 9)  # the earlier one widens the range
    assert (found.price, found.low) == (Decimal(101), Decimal("100.5"))
    made.settle([found])
    made.fold([trade("101", mark="1"), trade("100.5", 1_300)], NOW)
    assert not made.waiting({7}, 9)


def test_who_waited_longest_is_first_and_no_more_come_than_asked_for() -> None:
    made = Folder()
    made.watch({name: Stock(number, 0, OPENS, CLOSES, CLOSES, Decimal(100)) for number, name in enumerate("ABCD")})
    made.fold([trade("100", symbol=name) for name in "ABCD"], NOW)
    made.settle(made.waiting({0, 1, 2, 3}, 2))
    made.fold([trade("101", 1_401, symbol="A")], NOW)
    assert [found.id for found in made.waiting({0, 1, 2, 3}, 9)] == [2, 3, 0]
    assert [found.id for found in made.waiting({3, 0}, 1)] == [3]


def test_what_is_not_watched_any_more_is_forgotten() -> None:
    made = folder()
    made.fold([trade("101")], NOW)
    taken = made.waiting({7}, 9)
    made.watch({})
    assert len(made) == 0
    assert not made.waiting({7}, 9)
    made.settle(taken)
