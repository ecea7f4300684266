"""When a week is over: at an exchange, and for a stock."""

from __future__ import annotations

import datetime as dt

import pytest

from webapp.analytics.series import to_day, to_number
from webapp.bars.completed import Over, last_week_over
from webapp.markets import SessionBook, SessionTimes

FRIDAY = dt.date(2026, 3, 13)
BEFORE = FRIDAY - dt.timedelta(days=7)


def book_of(*days: dt.date) -> SessionBook:
    return SessionBook(SessionTimes("XNAS", day, dt.datetime.combine(day, dt.time(13, 30), dt.UTC),
                                    dt.datetime.combine(day, dt.time(20), dt.UTC)) for day in days)


def days_of(friday: dt.date) -> list[dt.date]:
    return [friday - dt.timedelta(days=back) for back in range(4, -1, -1)]


BOOK = book_of(*days_of(BEFORE), *days_of(FRIDAY))


def at(day: dt.date, hour: int) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), dt.UTC)


@pytest.mark.parametrize(("moment", "friday"), [
    (at(FRIDAY, 19), BEFORE), (at(FRIDAY, 20), FRIDAY), (at(FRIDAY - dt.timedelta(days=3), 23), BEFORE),
    (at(FRIDAY + dt.timedelta(days=1), 12), FRIDAY), (at(FRIDAY + dt.timedelta(days=2), 12), FRIDAY)])
def test_a_week_is_over_when_its_last_session_has_closed(moment: dt.datetime, friday: dt.date) -> None:
    assert to_day(last_week_over(BOOK, "XNAS", moment).friday) == friday


def test_a_week_without_a_session_on_friday_is_over_on_thursday() -> None:
    thursday = FRIDAY - dt.timedelta(days=1)
    over = last_week_over(book_of(*days_of(BEFORE), *days_of(FRIDAY)[:-1]), "XNAS", at(thursday, 21))
    assert (to_day(over.friday), to_day(over.last_session)) == (FRIDAY, thursday)


def test_without_sessions_a_week_is_over_on_saturday_at_the_exchange() -> None:
    nothing = SessionBook([])
    assert to_day(last_week_over(nothing, "XTKS", at(FRIDAY, 16)).friday) == FRIDAY  # Saturday in Tokyo
    assert to_day(last_week_over(nothing, "XNAS", at(FRIDAY, 23)).friday) == BEFORE
    assert to_day(last_week_over(nothing, "????", at(FRIDAY + dt.timedelta(days=1), 1)).friday) == FRIDAY


def test_a_stock_waits_for_the_bar_of_the_last_session_for_some_days() -> None:
    over = last_week_over(BOOK, "XNAS", at(FRIDAY + dt.timedelta(days=1), 12))
    assert over.through(to_number(FRIDAY)) == to_number(FRIDAY)
    assert over.through(to_number(FRIDAY) - 1) == to_number(BEFORE)
    assert over.through(to_number(FRIDAY) + 3) == to_number(FRIDAY)
    later = last_week_over(BOOK, "XNAS", at(FRIDAY + dt.timedelta(days=5), 12))
    assert later.settled
    assert later.through(to_number(FRIDAY) - 1) == to_number(FRIDAY)


def test_what_is_over_names_days_as_numbers() -> None:
    assert last_week_over(BOOK, "XNAS", at(FRIDAY, 21)) == Over(to_number(FRIDAY), to_number(FRIDAY), settled=False)
