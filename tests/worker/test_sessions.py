"""What part of which day a moment is in: the real calendars, through the job, into the table, and out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.conftest import RedisServer, Settings
from webapp import clock
from webapp.app import create_app
from webapp.extensions import db
from webapp.markets import EXCHANGES, SessionBook
from webapp.records import Session
from webapp.symbols.starter import load_starter_list
from webapp.trading_days import load_book
from worker.jobs import calendar

SECOND, MICROSECOND = dt.timedelta(seconds=1), dt.timedelta(microseconds=1)
# The eight exchanges that are promised, each with its hours as the clock on its wall shows them.
HOURS = {"XNYS": ("09:30", "16:00"), "XNAS": ("09:30", "16:00"), "XLON": ("08:00", "16:30"), "XETR": ("09:00", "17:30"),
         "XTKS": ("09:00", "15:30"), "XHKG": ("09:30", "16:00"), "XTSE": ("09:30", "16:00"), "XASX": ("10:00", "16:00")}
AMERICAN = ("XNYS", "XNAS")


class Year:
    """The days of a year, as a page finds them at any moment of it."""

    def __init__(self) -> None:
        self._books: dict[dt.date, SessionBook] = {}

    def at(self, moment: dt.datetime) -> SessionBook:
        """Return the book that is loaded at a moment."""
        day = moment.astimezone(dt.UTC).date()
        if day not in self._books:
            self._books[day] = load_book(moment)
        return self._books[day]

    def part(self, mic: str, moment: dt.datetime) -> Session:
        """Return the part of the day."""
        return self.at(moment).current(mic, moment)[0]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, redis_server: RedisServer) -> Iterator[Year]:
    """All of 2026, written by the job at two moments of it, with the shipped list of stocks."""
    folder = tmp_path_factory.mktemp("year")
    path = folder / "stagewatch.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    app: Flask = create_app(Settings(folder / "instance", redis_server.url, f"sqlite:///{path}"))
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC))
        load_starter_list()
        db.session.commit()
        calendar.write_sessions()
        yield Year()
        db.session.remove()
        db.engine.dispose()


def moment_of(mic: str, day: str, time: str) -> dt.datetime:
    """Return a moment by the clock on an exchange's wall."""
    zone = ZoneInfo(EXCHANGES[mic].zone)
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time.fromisoformat(time), zone).astimezone(dt.UTC)


def check_day(year: Year, mic: str, day: str, opens: str, closes: str) -> None:
    """Check that a day opens and closes to the microsecond, and what is before and after."""
    before, after = (Session.PRE, Session.POST) if mic in AMERICAN else (Session.CLOSED, Session.CLOSED)
    opens_at, closes_at = moment_of(mic, day, opens), moment_of(mic, day, closes)
    for moment, expected in ((opens_at - MICROSECOND, before), (opens_at, Session.REGULAR),
                             (opens_at + SECOND, Session.REGULAR), (closes_at - SECOND, Session.REGULAR),
                             (closes_at - MICROSECOND, Session.REGULAR), (closes_at, after)):
        assert year.part(mic, moment) is expected, (mic, moment)
    if mic in AMERICAN:
        starts_at, ends_at = moment_of(mic, day, "04:00"), closes_at + dt.timedelta(hours=4)
        assert [year.part(mic, moment) for moment in (
            starts_at - MICROSECOND, starts_at, ends_at - MICROSECOND, ends_at)] == [
                Session.CLOSED, Session.PRE, Session.POST, Session.CLOSED]


# The last trading day before each change of a clock in 2026 and the first one after it, with the hour of the opening
# in UTC. Tokyo and Hong Kong do not change theirs.
CHANGES = [
    *((mic, *days) for mic in ("XNYS", "XNAS", "XTSE") for days in (
        ("2026-03-06", "14:30"), ("2026-03-09", "13:30"), ("2026-10-30", "13:30"), ("2026-11-02", "14:30"))),
    *(("XLON", *days) for days in (
        ("2026-03-27", "08:00"), ("2026-03-30", "07:00"), ("2026-10-23", "07:00"), ("2026-10-26", "08:00"))),
    *(("XETR", *days) for days in (
        ("2026-03-27", "08:00"), ("2026-03-30", "07:00"), ("2026-10-23", "07:00"), ("2026-10-26", "08:00"))),
    *(("XASX", *days) for days in (
        ("2026-04-02", "23:00"), ("2026-04-07", "00:00"), ("2026-10-02", "00:00"), ("2026-10-05", "23:00"))),
    *(("XTKS", *days) for days in (("2026-03-30", "00:00"), ("2026-11-02", "00:00"))),
    *(("XHKG", *days) for days in (("2026-03-30", "01:30"), ("2026-11-02", "01:30"))),
]


@pytest.mark.parametrize(("mic", "day", "opens_utc"), CHANGES)
def test_a_day_opens_and_closes_to_the_second_around_a_change_of_the_clock(
        year: Year, mic: str, day: str, opens_utc: str) -> None:
    opens, closes = HOURS[mic]
    check_day(year, mic, day, opens, closes)
    assert f"{moment_of(mic, day, opens):%H:%M}" == opens_utc


@pytest.mark.parametrize(("mic", "day"), [
    ("XNYS", "2026-11-26"), ("XNAS", "2026-07-03"), ("XTSE", "2026-10-12"), ("XLON", "2026-05-04"),
    ("XETR", "2026-12-24"), ("XTKS", "2026-11-23"), ("XHKG", "2026-10-19"), ("XASX", "2026-06-08"),
    *((mic, "2026-12-25") for mic in HOURS if mic != "XTKS"), *((mic, "2026-11-21") for mic in HOURS)])
def test_an_exchange_is_closed_all_day_on_its_holidays_and_weekends(year: Year, mic: str, day: str) -> None:
    start = moment_of(mic, day, "00:00")
    assert {year.part(mic, start + dt.timedelta(minutes=10 * step)) for step in range(144)} == {Session.CLOSED}
    assert year.at(start).session_on(mic, dt.date.fromisoformat(day)) is None


@pytest.mark.parametrize(("mic", "day", "closes"), [
    ("XNYS", "2026-11-27", "13:00"), ("XNAS", "2026-11-27", "13:00"), ("XNYS", "2026-12-24", "13:00"),
    ("XTSE", "2026-12-24", "13:00"), ("XLON", "2026-12-24", "12:30"), ("XLON", "2026-12-31", "12:30"),
    ("XETR", "2026-12-30", "14:00"), ("XHKG", "2026-12-24", "12:00"), ("XHKG", "2026-02-16", "12:00"),
    ("XASX", "2026-12-24", "14:10"), ("XASX", "2026-12-31", "14:10")])
def test_half_a_day_ends_early_and_so_do_the_hours_after_it(year: Year, mic: str, day: str, closes: str) -> None:
    check_day(year, mic, day, HOURS[mic][0], closes)


def test_the_close_of_new_york_is_the_first_moment_of_the_post_market(year: Year) -> None:
    assert year.part("XNYS", moment_of("XNYS", "2026-11-25", "09:30")) is Session.REGULAR
    assert year.part("XNYS", moment_of("XNYS", "2026-11-25", "16:00")) is Session.POST
    assert year.part("XNYS", moment_of("XNYS", "2026-11-27", "17:00")) is Session.CLOSED


@pytest.mark.parametrize("day", ["2026-03-30", "2026-11-24"])
@pytest.mark.parametrize(("mic", "rests", "resumes"), [("XTKS", "11:30", "12:30"), ("XHKG", "12:00", "13:00")])
def test_the_market_is_shut_from_the_second_its_midday_break_begins_until_it_ends(
        year: Year, mic: str, rests: str, resumes: str, day: str) -> None:
    rests_at, resumes_at = moment_of(mic, day, rests), moment_of(mic, day, resumes)
    for moment, expected in ((rests_at - SECOND, Session.REGULAR), (rests_at - MICROSECOND, Session.REGULAR),
                             (rests_at, Session.CLOSED), (rests_at + SECOND, Session.CLOSED),
                             (resumes_at - SECOND, Session.CLOSED), (resumes_at - MICROSECOND, Session.CLOSED),
                             (resumes_at, Session.REGULAR), (resumes_at + SECOND, Session.REGULAR)):
        assert year.part(mic, moment) is expected, moment
    assert year.at(rests_at).next_open(mic, rests_at) == resumes_at


@pytest.mark.parametrize("day", ["2026-02-16", "2026-12-24", "2026-12-31"])
def test_half_a_day_of_hong_kong_has_no_break(year: Year, day: str) -> None:
    check_day(year, "XHKG", day, "09:30", "12:00")
    session = year.at(moment_of("XHKG", day, "10:00")).session_on("XHKG", dt.date.fromisoformat(day))
    assert session is not None
    assert (session.break_starts_at, session.break_ends_at) == (None, None)


@pytest.mark.parametrize("mic", [mic for mic in HOURS if mic not in {"XTKS", "XHKG"}])
def test_the_other_exchanges_trade_through_the_day(year: Year, mic: str) -> None:
    opens_at, closes_at = (moment_of(mic, "2026-11-24", time) for time in HOURS[mic])
    steps = range((closes_at - opens_at) // dt.timedelta(minutes=5))
    assert {year.part(mic, opens_at + step * dt.timedelta(minutes=5)) for step in steps} == {Session.REGULAR}


def test_the_shipped_list_of_stocks_uses_no_exchange_whose_days_are_not_written(year: Year) -> None:
    book = year.at(dt.datetime(2026, 6, 15, tzinfo=dt.UTC))
    for mic in {*HOURS, "XASE", "ARCX", "BATS", "XPAR", "XSWX", "XAMS"}:
        assert book.session_on(mic, dt.date(2026, 6, 15)) is not None, mic
    assert book.session_on("XSES", dt.date(2026, 6, 15)) is None


def test_the_day_of_a_funeral_is_known_where_the_calendar_had_it_at_short_notice() -> None:
    days = calendar.trading_days(EXCHANGES["XNYS"], dt.date(2025, 1, 6), dt.date(2025, 1, 10))
    assert [session.day.day for session in days] == [6, 7, 8, 10]
