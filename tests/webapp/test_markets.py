"""Which session a moment belongs to."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.markets import EXCHANGES, SessionBook, SessionTimes, exchange_name
from webapp.records import Session

NEW_YORK = ZoneInfo("America/New_York")


def new_york(day: dt.date, hour: int, minute: int = 0, second: int = 0, micro: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, minute, second, micro, NEW_YORK).astimezone(dt.UTC)


def us_day(day: dt.date, closes: int = 16, mic: str = "XNAS") -> SessionTimes:
    return SessionTimes(mic, day, new_york(day, 9, 30), new_york(day, closes), new_york(day, 4),
                        new_york(day, closes + 4))


def london_day(day: dt.date) -> SessionTimes:
    return SessionTimes("XLON", day, dt.datetime(day.year, day.month, day.day, 8, tzinfo=dt.UTC),
                        dt.datetime(day.year, day.month, day.day, 16, 30, tzinfo=dt.UTC))


THURSDAY, FRIDAY, MONDAY = dt.date(2026, 11, 19), dt.date(2026, 11, 20), dt.date(2026, 11, 23)
BOOK = SessionBook([us_day(MONDAY), us_day(THURSDAY), us_day(FRIDAY), london_day(FRIDAY), london_day(MONDAY)])


@pytest.mark.parametrize(("moment", "expected"), [
    ((3, 59, 59, 999_999), Session.CLOSED),
    ((4,), Session.PRE),
    ((9, 29, 59, 999_999), Session.PRE),
    ((9, 30), Session.REGULAR),
    ((15, 59, 59, 999_999), Session.REGULAR),
    ((16,), Session.POST),
    ((19, 59, 59, 999_999), Session.POST),
    ((20,), Session.CLOSED),
])
def test_each_part_of_the_day_has_its_beginning_and_not_its_end(moment: tuple[int, ...], expected: Session) -> None:
    part, session = BOOK.current("XNAS", new_york(FRIDAY, *moment))
    assert part is expected
    assert (session is None) == (expected is Session.CLOSED)
    assert session is None or session.day == FRIDAY


def test_an_early_close_ends_the_post_market_early_too() -> None:
    day = dt.date(2026, 11, 27)
    book = SessionBook([us_day(day, closes=13)])
    assert book.current("XNAS", new_york(day, 12, 59))[0] is Session.REGULAR
    assert book.current("XNAS", new_york(day, 13))[0] is Session.POST
    assert book.current("XNAS", new_york(day, 16, 59))[0] is Session.POST
    assert book.current("XNAS", new_york(day, 17))[0] is Session.CLOSED


@pytest.mark.parametrize(("hour", "minute", "expected"), [
    (7, 59, Session.CLOSED), (8, 0, Session.REGULAR), (16, 29, Session.REGULAR), (16, 30, Session.CLOSED)])
def test_an_exchange_without_extended_hours_is_open_or_closed(hour: int, minute: int, expected: Session) -> None:
    moment = dt.datetime(2026, 11, 20, hour, minute, tzinfo=dt.UTC)
    assert BOOK.current("XLON", moment)[0] is expected


def test_the_weekend_is_closed_and_opens_on_monday() -> None:
    saturday = new_york(dt.date(2026, 11, 21), 12)
    assert BOOK.current("XNAS", saturday) == (Session.CLOSED, None)
    assert BOOK.next_open("XNAS", saturday) == new_york(MONDAY, 9, 30)
    assert BOOK.next_open("XLON", saturday) == dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)


def test_the_next_open_is_always_still_to_come() -> None:
    assert BOOK.next_open("XNAS", new_york(FRIDAY, 9, 29)) == new_york(FRIDAY, 9, 30)
    assert BOOK.next_open("XNAS", new_york(FRIDAY, 9, 30)) == new_york(MONDAY, 9, 30)
    assert BOOK.next_open("XNAS", new_york(MONDAY, 9, 30)) is None


def test_a_session_is_complete_from_the_second_it_closes() -> None:
    before = BOOK.last_completed("XNAS", new_york(FRIDAY, 15, 59, 59))
    after = BOOK.last_completed("XNAS", new_york(FRIDAY, 16))
    assert before is not None
    assert after is not None
    assert (before.day, after.day) == (THURSDAY, FRIDAY)
    assert BOOK.last_completed("XNAS", new_york(THURSDAY, 15)) is None


def test_a_day_is_found_only_where_there_was_a_session() -> None:
    assert BOOK.session_on("XNAS", FRIDAY) == us_day(FRIDAY)
    assert BOOK.session_on("XNAS", dt.date(2026, 11, 21)) is None
    assert BOOK.session_on("XLON", THURSDAY) is None


def test_the_next_session_skips_the_weekend() -> None:
    assert BOOK.next_after("XNAS", FRIDAY) == us_day(MONDAY)
    assert BOOK.next_after("XNAS", dt.date(2026, 11, 21)) == us_day(MONDAY)
    assert BOOK.next_after("XNAS", MONDAY) is None


def test_an_exchange_without_days_counts_as_closed() -> None:
    now = new_york(FRIDAY, 12)
    assert BOOK.current("XTKS", now) == (Session.CLOSED, None)
    assert BOOK.last_completed("XTKS", now) is None
    assert BOOK.next_open("XTKS", now) is None
    assert BOOK.next_after("XTKS", FRIDAY) is None


@given(st.datetimes(dt.datetime(2026, 11, 18), dt.datetime(2026, 11, 25), timezones=st.just(dt.UTC)))  # noqa: DTZ001
def test_what_the_book_says_agrees_with_itself(now: dt.datetime) -> None:
    part, session = BOOK.current("XNAS", now)
    last, opens = BOOK.last_completed("XNAS", now), BOOK.next_open("XNAS", now)
    assert last is None or last.closes_at <= now
    assert opens is None or opens > now
    if session is not None:
        assert session.starts_at <= now < session.ends_at
        assert part is session.part_at(now)
    if part is Session.POST:
        assert last == session
    if part is Session.PRE:
        assert session is not None
        assert opens == session.opens_at


def tokyo(text: str) -> dt.datetime:
    """Return a moment of Friday by the clock in Tokyo."""
    return dt.datetime.combine(FRIDAY, dt.time.fromisoformat(text), ZoneInfo("Asia/Tokyo")).astimezone(dt.UTC)


def tokyo_day(days: int = 0) -> SessionTimes:
    later = dt.timedelta(days=days)
    opens_at, rests_at, resumes_at, closes_at = (tokyo(text) + later for text in ("09:00", "11:30", "12:30", "15:30"))
    return SessionTimes("XTKS", FRIDAY + later, opens_at, closes_at, break_starts_at=rests_at, break_ends_at=resumes_at)


TOKYO = SessionBook([tokyo_day(), tokyo_day(3)])


@pytest.mark.parametrize(("text", "expected"), [
    ("08:59:59.999999", Session.CLOSED), ("09:00", Session.REGULAR), ("11:29:59.999999", Session.REGULAR),
    ("11:30", Session.CLOSED), ("12:29:59.999999", Session.CLOSED), ("12:30", Session.REGULAR),
    ("15:29:59.999999", Session.REGULAR), ("15:30", Session.CLOSED)])
def test_in_the_midday_break_the_market_is_shut(text: str, expected: Session) -> None:
    part, session = TOKYO.current("XTKS", tokyo(text))
    assert part is expected
    assert session == (tokyo_day() if expected is Session.REGULAR else None)
    resting = TOKYO.resting("XTKS", tokyo(text))
    assert resting == (tokyo_day() if text in {"11:30", "12:29:59.999999"} else None)


@pytest.mark.parametrize(("text", "opens"), [
    ("08:59:59", "09:00"), ("09:00", "12:30"), ("11:30", "12:30"), ("12:29:59.999999", "12:30")])
def test_regular_trading_begins_again_after_the_break(text: str, opens: str) -> None:
    assert TOKYO.next_open("XTKS", tokyo(text)) == tokyo(opens)


@pytest.mark.parametrize("text", ["12:30", "15:29", "15:30"])
def test_after_its_break_a_day_opens_no_more(text: str) -> None:
    assert TOKYO.next_open("XTKS", tokyo(text)) == tokyo("09:00") + dt.timedelta(days=3)


def test_a_break_does_not_end_the_day() -> None:
    noon = tokyo("12:00")
    assert TOKYO.last_completed("XTKS", noon) is None
    assert TOKYO.next_session("XTKS", noon) == tokyo_day(3)
    assert TOKYO.session_on("XTKS", FRIDAY) == tokyo_day()


@pytest.mark.parametrize(("start", "end", "minutes"), [
    ("09:00", "11:30", 0), ("09:00", "12:00", 30), ("11:45", "12:15", 30), ("11:00", "15:30", 60),
    ("12:15", "15:30", 15), ("12:30", "15:30", 0)])
def test_a_break_lies_between_two_moments_as_far_as_it_does(start: str, end: str, minutes: int) -> None:
    assert tokyo_day().rest_between(tokyo(start), tokyo(end)) == dt.timedelta(minutes=minutes)
    assert london_day(FRIDAY).rest_between(tokyo(start), tokyo(end)) == dt.timedelta(0)


@pytest.mark.parametrize(("text", "until"), [
    ("09:00", "11:30"), ("11:30", "11:30"), ("12:29:59", "11:30"), ("12:30", "15:30"), ("16:00", "15:30")])
def test_a_price_is_followed_by_others_until_the_break_or_the_close(text: str, until: str) -> None:
    assert tokyo_day().trades_until(tokyo(text)) == tokyo(until)
    assert london_day(FRIDAY).trades_until(tokyo(text)) == london_day(FRIDAY).closes_at


def test_every_exchange_hangs_on_a_clock_that_exists() -> None:
    assert {exchange.zone for exchange in EXCHANGES.values()} <= available_timezones()


def test_no_two_exchanges_share_a_suffix() -> None:
    suffixes = [suffix for exchange in EXCHANGES.values() for suffix in exchange.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_an_exchange_is_named_as_people_know_it() -> None:
    assert exchange_name("XNAS") == "NASDAQ"
    assert exchange_name("XXXX") == "XXXX"
