"""Which readings are taken for a price: figures as vendors send them on bad days, and what was true."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.records import Quote, Session, Split, State
from worker.trust import (
    Held,
    Judgement,
    Verdict,
    best_previous_close,
    judge,
    standard_deviation,
)

NOW = dt.datetime(2026, 6, 10, 15, 0, tzinfo=dt.UTC)
TODAY, YESTERDAY = NOW.date(), NOW.date() - dt.timedelta(days=1)


def reading(price: str, *, seconds: float = 0, source: str = "finnhub", day: dt.date = TODAY,
            **others: object) -> Quote:
    """A price made so many seconds after NOW."""
    as_of = NOW + dt.timedelta(seconds=seconds) - (TODAY - day)
    return Quote(instrument_id=1, price=Decimal(price), as_of=as_of, day=day, source=source, state=State.LIVE,
                 session=Session.REGULAR, **others)  # type: ignore[arg-type]


def verdict(quote: Quote, stored: Quote | None, held: Quote | None = None, *, seconds: float = 0,
            splits: tuple[Split, ...] = (), deviation: float | None = None, no_split: bool = False) -> Judgement:
    """Judge so many seconds after NOW; `held` was first read at NOW."""
    waiting = Held(held, NOW, no_split=no_split) if held else None
    return judge(quote, stored, waiting, splits, deviation, NOW + dt.timedelta(seconds=seconds))


STORED = reading("100", seconds=-60)


@pytest.mark.parametrize("price", ["119.99", "100", "80.01"])
def test_a_price_near_the_last_one_is_taken(price: str) -> None:
    assert verdict(reading(price), STORED).verdict is Verdict.TAKEN


@pytest.mark.parametrize(("price", "move"), [("121", "+21 %"), ("62", "-38 %")])
def test_a_jump_over_a_fifth_waits(price: str, move: str) -> None:
    found = verdict(reading(price), STORED)
    assert (found.verdict, found.against) == (Verdict.UNCONFIRMED, Decimal(100))
    assert move in found.reason


def test_eight_standard_deviations_are_a_jump_too() -> None:
    assert verdict(reading("109"), STORED, deviation=0.01).verdict is Verdict.UNCONFIRMED
    assert verdict(reading("107"), STORED, deviation=0.01).verdict is Verdict.TAKEN
    assert verdict(reading("121"), STORED, deviation=0.05).verdict is Verdict.UNCONFIRMED


def test_a_first_price_is_held_against_its_own_previous_close() -> None:
    assert verdict(reading("100", previous_close=Decimal(99)), None).verdict is Verdict.TAKEN
    assert verdict(reading("1", previous_close=Decimal(99)), None).verdict is Verdict.UNCONFIRMED
    assert verdict(reading("1"), None).verdict is Verdict.TAKEN


def test_a_move_after_hours_is_no_jump_at_the_next_opening() -> None:
    evening = reading("100", day=YESTERDAY, extended_price=Decimal(131))
    assert verdict(reading("129"), evening).verdict is Verdict.TAKEN
    assert verdict(reading("101"), evening).verdict is Verdict.TAKEN
    assert verdict(reading("60"), evening).verdict is Verdict.UNCONFIRMED


def test_a_price_after_hours_may_jump_too() -> None:
    assert verdict(reading("100", extended_price=Decimal("0.01")), STORED).verdict is Verdict.UNCONFIRMED


def test_another_source_confirms_at_once() -> None:
    found = verdict(reading("61", source="alpaca"), STORED, reading("62"), seconds=1)
    assert (found.verdict, found.outcome) == (Verdict.TAKEN, "confirmed by a second provider")


def test_the_same_source_confirms_with_a_later_trade_after_some_seconds() -> None:
    found = verdict(reading("61", seconds=12), STORED, reading("62"), seconds=12)
    assert found.outcome == "confirmed by a second reading"
    assert verdict(reading("61", seconds=5), STORED, reading("62"), seconds=5).verdict is Verdict.UNCONFIRMED
    assert verdict(reading("62"), STORED, reading("62"), seconds=60).verdict is Verdict.UNCONFIRMED


def test_the_same_source_may_stand_by_the_same_trade() -> None:
    assert verdict(reading("62"), STORED, reading("62"), seconds=601).verdict is Verdict.TAKEN


def test_a_reading_that_says_something_else_confirms_nothing() -> None:
    assert verdict(reading("50", seconds=60), STORED, reading("62"), seconds=60).verdict is Verdict.UNCONFIRMED


def test_a_price_as_before_contradicts_what_was_held() -> None:
    found = verdict(reading("100.5", seconds=5), STORED, reading("62"), seconds=5)
    assert (found.verdict, found.outcome) == (Verdict.TAKEN, "contradicted by 100.5")


@pytest.mark.parametrize("price", ["1.01", "9990"])
def test_pence_for_pounds_are_not_confirmed_by_who_mixed_them_up(price: str) -> None:
    again = reading(price, seconds=900)
    found = verdict(again, STORED, reading(price), seconds=900)
    assert found.verdict is Verdict.UNCONFIRMED
    assert "another unit" in found.reason


OVERNIGHT = reading("100", day=YESTERDAY)


@pytest.mark.parametrize(("price", "ratio"), [("50.4", "2"), ("25", "4"), ("10.1", "10"), ("5", "20"), ("66.5", "1.5"),
                                              ("1001", "0.1"), ("202", "0.5")])
def test_a_jump_overnight_that_looks_like_a_split_waits_for_the_split(price: str, ratio: str) -> None:
    found = verdict(reading(price), OVERNIGHT)
    assert (found.verdict, found.ratio) == (Verdict.SPLIT, Decimal(ratio))
    assert "split" in found.reason


def test_such_a_jump_within_a_day_is_no_split() -> None:
    assert verdict(reading("50"), STORED).verdict is Verdict.UNCONFIRMED


def test_a_fall_by_a_third_against_a_close_that_did_not_change_is_a_mere_fall() -> None:
    assert verdict(reading("66.7", previous_close=Decimal(100)), OVERNIGHT).verdict is Verdict.UNCONFIRMED
    assert verdict(reading("50", previous_close=Decimal(100)), OVERNIGHT).verdict is Verdict.SPLIT


def test_no_second_reading_makes_a_split_known() -> None:
    other = reading("50.1", source="alpaca", previous_close=Decimal(100))
    assert verdict(other, OVERNIGHT, reading("50"), seconds=900).verdict is Verdict.SPLIT


def test_a_known_split_explains_the_price_and_unmasks_the_unadjusted_one() -> None:
    split = (Split(TODAY, Decimal(2)),)
    assert verdict(reading("50.3"), OVERNIGHT, splits=split).verdict is Verdict.TAKEN
    old = verdict(reading("101"), OVERNIGHT, reading("101"), splits=split, seconds=900)
    assert (old.verdict, old.reason) == (Verdict.UNCONFIRMED, "in shares of before the split")
    found = verdict(reading("50.3"), OVERNIGHT, reading("50"), splits=split)
    assert found.outcome == "explained by a 2:1 split"


def test_a_split_of_another_day_explains_nothing() -> None:
    split = (Split(YESTERDAY, Decimal(2)),)
    assert verdict(reading("50"), OVERNIGHT, splits=split).verdict is Verdict.SPLIT


def test_a_second_vendors_close_in_new_shares_makes_a_split_known() -> None:
    first, again, other = (
        reading("25.1", previous_close=Decimal(25), previous_day=YESTERDAY, seconds=at, source=source)
        for at, source in ((0, "finnhub"), (900, "finnhub"), (60, "alpaca")))
    assert verdict(first, OVERNIGHT).verdict is Verdict.SPLIT
    assert verdict(again, OVERNIGHT, first, seconds=900).verdict is Verdict.SPLIT
    found = verdict(other, OVERNIGHT, first, seconds=60)
    assert (found.verdict, found.split) == (Verdict.TAKEN, Split(TODAY, Decimal(4)))


def test_a_crash_that_lasts_a_session_is_a_price_and_no_split() -> None:
    crash = [reading("50", seconds=60, source=source, previous_close=Decimal(100), previous_day=YESTERDAY)
             for source in ("finnhub", "alpaca")]
    assert verdict(crash[1], OVERNIGHT, crash[0], seconds=60).verdict is Verdict.SPLIT
    tomorrow = reading("51", day=TODAY + dt.timedelta(days=1), previous_close=Decimal(50), previous_day=TODAY)
    found = verdict(tomorrow, OVERNIGHT, crash[0], seconds=86_400)
    assert (found.verdict, found.split) == (Verdict.TAKEN, None)


def test_two_vendors_are_believed_against_a_split_that_was_noted_wrongly() -> None:
    wrong = (Split(TODAY, Decimal(4)),)
    first, other = reading("101"), reading("101.5", source="alpaca", seconds=5)
    assert verdict(first, OVERNIGHT, splits=wrong).reason == "in shares of before the split"
    assert verdict(other, OVERNIGHT, first, splits=wrong, seconds=5).verdict is Verdict.TAKEN


def test_a_first_price_that_was_wrong_does_not_refuse_the_true_one_for_ever() -> None:
    wrong, true = reading("45230"), reading("452.30", seconds=90_000)
    again = verdict(reading("452.30", seconds=60), wrong, reading("452.30"), seconds=80_000)
    assert again.reason.startswith("a hundred")
    assert verdict(true, wrong, reading("452.30"), seconds=90_000).verdict is Verdict.TAKEN


def test_an_even_price_may_still_move() -> None:
    assert verdict(reading("101.5"), STORED, deviation=0.00001).verdict is Verdict.TAKEN
    assert verdict(reading("102.5"), STORED, deviation=0.00001).verdict is Verdict.UNCONFIRMED


def test_where_a_vendor_knows_of_no_split_it_is_a_mere_jump() -> None:
    later = reading("50", seconds=60, previous_close=Decimal(100))
    assert verdict(later, OVERNIGHT, reading("50"), seconds=60, no_split=True).verdict is Verdict.TAKEN


def test_time_does_not_run_backwards() -> None:
    assert verdict(reading("100", seconds=-61), STORED).verdict is Verdict.OLDER


@pytest.mark.parametrize("wrong", [{"price": "0"}, {"price": "-1"}, {"price": "NaN"}, {"price": "100", "seconds": 300},
                                   {"price": "100", "high": Decimal(40)}, {"price": "100", "volume": -1}])
def test_what_cannot_be_right_is_rejected(wrong: dict[str, object]) -> None:
    assert verdict(reading(**wrong), STORED).verdict is Verdict.REJECTED  # type: ignore[arg-type]


@pytest.mark.parametrize(("given", "own", "best", "doubted"), [
    ((None, None), None, None, False),
    (("99", None), None, "99", False),
    ((None, "1"), None, "99", False),
    (("99", "1"), "99", "99", False),
    (("95", "1"), "99", "99", True),
    (("95", "5"), "99", "95", True),
    (("95", "1"), None, "95", False),
    (("99", None), "99.1", "99", False),
])
def test_the_change_is_measured_against_the_close_that_most_agree_on(
        given: tuple[str | None, str | None], own: str | None, best: str | None, doubted: bool) -> None:
    close, change = (None if text is None else Decimal(text) for text in given)
    found, doubt = best_previous_close(reading("100", previous_close=close, stated_change=change),
                                       None if own is None else Decimal(own), None, ())
    assert found == (None if best is None else Decimal(best))
    assert bool(doubt) is doubted


def test_a_close_of_one_session_too_early_is_not_used() -> None:
    found, doubt = best_previous_close(reading("100", previous_close=Decimal(95)), Decimal(99), Decimal(95), ())
    assert (found, bool(doubt)) == (Decimal(99), True)


@pytest.mark.parametrize("close", ["400", "100.5"])
def test_on_the_day_of_a_known_split_the_close_is_in_new_shares(close: str) -> None:
    split = (Split(TODAY, Decimal(4)),)
    quote = reading("101", previous_close=Decimal(close), stated_change=Decimal(101) - Decimal(close),
                    previous_day=YESTERDAY)
    found, _ = best_previous_close(quote, Decimal("100.2"), None, split)
    assert found is not None
    assert abs(found - 100) < 1


def test_a_price_after_hours_is_confirmed_by_the_same_only() -> None:
    held = reading("100", extended_price=Decimal(150))
    for price in (None, Decimal(9000), Decimal(1)):
        again = verdict(reading("100", seconds=60, extended_price=price, source="alpaca"), STORED, held, seconds=60)
        assert again.verdict is (Verdict.TAKEN if price is None else Verdict.UNCONFIRMED)
        assert "confirmed by" not in again.outcome
    same = verdict(reading("100", seconds=60, extended_price=Decimal(151)), STORED, held, seconds=60)
    assert same.outcome == "confirmed by a second reading"


def test_a_whole_session_at_the_new_price_confirms_what_looked_like_a_split() -> None:
    tomorrow = reading("50.5", day=TODAY + dt.timedelta(days=1), previous_close=Decimal(50))
    found = verdict(tomorrow, OVERNIGHT, reading("50", previous_close=Decimal(100)), seconds=86_400)
    assert (found.verdict, found.split) == (Verdict.TAKEN, None)


def test_a_day_that_has_not_come_yet_has_no_price() -> None:
    assert verdict(reading("100", day=TODAY + dt.timedelta(days=2), as_of_is_day=True), STORED,
                   seconds=300_000 * 0).verdict is Verdict.REJECTED


def test_a_deviation_needs_twenty_returns_and_leaves_splits_out() -> None:
    closes = [(TODAY + dt.timedelta(days=number), Decimal(100) + Decimal(number % 2)) for number in range(21)]
    found = standard_deviation(closes)
    assert found == pytest.approx(0.01, rel=0.05)
    assert standard_deviation(closes[1:]) is None
    after = [(TODAY + dt.timedelta(days=number), Decimal(price)) for number, price in ((21, "50"), (22, "50.5"))]
    assert standard_deviation([*closes, *after]) == pytest.approx(found, rel=0.05)
    assert standard_deviation([*closes, (TODAY + dt.timedelta(days=60), Decimal(80))]) == pytest.approx(found, rel=0.05)


@given(st.decimals("0.01", "100000", places=2), st.decimals("0.01", "100000", places=2), st.booleans())
def test_no_single_reading_moves_a_price_by_more_than_a_fifth(before: Decimal, price: Decimal, overnight: bool) -> None:
    stored = reading(str(before), day=YESTERDAY if overnight else TODAY, seconds=-60)
    if verdict(reading(str(price)), stored).verdict is Verdict.TAKEN:
        assert abs(price - before) <= before * Decimal("0.2000001")
