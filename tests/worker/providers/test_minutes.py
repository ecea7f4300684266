"""Minutes as every vendor's module reads them."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from tests.worker.providers.conftest import at, new_york
from webapp.markets import SessionBook, SessionTimes
from webapp.records import MinuteBar
from worker.providers.figures import FigureError
from worker.providers.minutes import begin_of, finished_minutes, in_utc, make_minute, newest_begun, parse_local

BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NEW_YORK, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
NOON = at("2026-06-10 15:00:30")


def minute(text: str, close: str = "10") -> MinuteBar | None:
    return make_minute(at(text), None, None, None, close, None)


def kept(*texts: str, now: dt.datetime = NOON, book: SessionBook = BOOK, mic: str = "XNAS") -> list[str]:
    return [f"{bar.at:%m-%d %H:%M}" for bar in finished_minutes(map(minute, texts), mic, now, book)]


def local(*texts: str) -> list[dt.datetime]:
    return [parse_local(f"{text}:00") for text in texts]


def test_a_minute_that_still_runs_is_left_out() -> None:
    assert kept("2026-06-10 14:59", "2026-06-10 15:00") == ["06-10 14:59"]
    assert kept("2026-06-10 15:00", now=at("2026-06-10 15:01")) == ["06-10 15:00"]


def test_minutes_come_oldest_first_from_the_last_five_sessions() -> None:
    assert kept("2026-06-10 13:30", "2026-06-04 08:00", "2026-06-03 19:59") == ["06-04 08:00", "06-10 13:30"]


def test_before_the_first_hours_of_a_day_the_five_sessions_are_those_before_it() -> None:
    assert begin_of("XNAS", at("2026-06-10 07:59"), BOOK) == at("2026-06-03 08:00")
    assert begin_of("XNAS", at("2026-06-10 08:00"), BOOK) == at("2026-06-04 08:00")
    assert begin_of("XNAS", NOON, SessionBook([])) == NOON - dt.timedelta(days=7)


def test_a_session_that_began_on_another_day_of_the_exchange_is_the_newest_too() -> None:
    midnight = at("2026-06-11 00:00")
    day = SessionTimes("XNAS", dt.date(2026, 6, 11), midnight, midnight + dt.timedelta(hours=24))
    assert newest_begun("XNAS", midnight + dt.timedelta(hours=1), SessionBook([day])) == day, "the 10th in New York"


def test_what_is_outside_the_hours_of_its_day_is_left_out() -> None:
    texts = ("2026-06-09 07:59", "2026-06-09 08:00", "2026-06-09 23:59", "2026-06-10 00:00", "2026-06-06 14:00")
    assert kept(*texts) == ["06-09 08:00", "06-09 23:59"]


def test_the_auction_after_the_close_belongs_to_the_day_where_there_are_no_later_hours() -> None:
    day = SessionTimes("XLON", dt.date(2026, 6, 9), at("2026-06-09 07:00"), at("2026-06-09 15:30"))
    texts = ("2026-06-09 15:29", "2026-06-09 15:35", "2026-06-09 15:40")
    assert kept(*texts, book=SessionBook([day]), mic="XLON") == ["06-09 15:29", "06-09 15:35"]


def test_where_all_are_outside_of_trading_their_times_cannot_be_right() -> None:
    with pytest.raises(FigureError):
        kept("2026-06-09 04:00", "2026-06-08 04:00")


def test_a_minute_that_stands_twice_or_has_not_come_yet_is_refused() -> None:
    with pytest.raises(FigureError):
        kept("2026-06-10 14:00", "2026-06-10 14:00")
    with pytest.raises(FigureError):
        kept("2026-06-10 14:00", "2026-06-10 15:03")


@pytest.mark.parametrize(("high", "low"), [("31", "9"), ("11", "3")])
def test_a_range_beyond_any_is_refused(high: str, low: str) -> None:
    with pytest.raises(FigureError):
        make_minute(NOON.replace(second=0), "10", high, low, "10", "1")


def test_a_moment_within_a_minute_is_none() -> None:
    with pytest.raises(FigureError):
        make_minute(NOON, "10", "11", "9", "10", "1")


@pytest.mark.parametrize("text", ["2026-06-10", "2026-06-10 15:59:01", "2026-13-10 15:59:00", "2026-06-10 25:00:00", 7,
                                  None, "2026-06-10T15:59:00"])
def test_what_is_no_whole_minute_is_refused(text: object) -> None:
    with pytest.raises(FigureError):
        parse_local(text)


def test_times_of_a_place_are_told_in_utc_before_and_after_its_clocks_change() -> None:
    found = in_utc(local("2026-10-30 15:59", "2026-11-02 09:30"), NEW_YORK)
    assert found == [at("2026-10-30 19:59"), at("2026-11-02 14:30")]
    assert in_utc(local("2026-03-27 08:00", "2026-03-30 08:00"), LONDON) == [
        at("2026-03-27 08:00"), at("2026-03-30 07:00")]


def test_the_hour_that_comes_twice_is_told_by_going_back() -> None:
    found = in_utc(local("2026-11-01 00:59", "2026-11-01 01:30", "2026-11-01 01:10", "2026-11-01 02:00"), NEW_YORK)
    assert found == [at("2026-11-01 04:59"), at("2026-11-01 05:30"), at("2026-11-01 06:10"), at("2026-11-01 07:00")]


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(FigureError):
        in_utc(local("2026-03-08 02:30"), NEW_YORK)
