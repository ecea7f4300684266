"""The table of trading days, against the days that the exchanges announced."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.worker.conftest import Clock, make_instrument
from webapp.analytics.series import to_day, to_number
from webapp.bars.calendar import known_days
from webapp.extensions import db
from webapp.markets import EXCHANGES, SessionTimes
from webapp.models import JobRun, MarketSession, TradingYear
from webapp.records import Session
from webapp.trading_days import load_book
from worker.jobs import calendar

NEW_YORK = ZoneInfo("America/New_York")
CLOSED = {
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
EARLY = {2025: "07-03 11-28 12-24", 2026: "11-27 12-24", 2027: "11-26"}


def us_days(year: int) -> list[SessionTimes]:
    return calendar.trading_days(EXCHANGES["XNAS"], dt.date(year, 1, 1), dt.date(year, 12, 31))


def month_days(days: list[dt.date]) -> str:
    return " ".join(f"{day:%m-%d}" for day in days)


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_new_york_is_closed_on_its_holidays_and_open_on_all_other_weekdays(year: int) -> None:
    open_days = {session.day for session in us_days(year)}
    weekdays = [day for number in range(366)
                if (day := dt.date(year, 1, 1) + dt.timedelta(days=number)).year == year and day.weekday() < 5]
    assert month_days([day for day in weekdays if day not in open_days]) == CLOSED[year]
    assert open_days <= set(weekdays)


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_new_york_closes_at_one_before_its_holidays_and_trades_until_five(year: int) -> None:
    early = [session for session in us_days(year) if session.closes_at.astimezone(NEW_YORK).time() != dt.time(16)]
    assert month_days([session.day for session in early]) == EARLY[year]
    for session in early:
        assert session.closes_at.astimezone(NEW_YORK).time() == dt.time(13)
        assert session.post_closes_at is not None
        assert session.post_closes_at.astimezone(NEW_YORK).time() == dt.time(17)


@pytest.mark.parametrize(("day", "hour"), [
    ("2026-03-06", 14), ("2026-03-09", 13), ("2026-10-30", 13), ("2026-11-02", 14)])
def test_new_yorks_hours_move_in_utc_with_its_summer_time(day: str, hour: int) -> None:
    session = next(session for session in us_days(2026) if session.day.isoformat() == day)
    assert session.opens_at == dt.datetime.combine(session.day, dt.time(hour, 30), dt.UTC)
    assert [moment.astimezone(NEW_YORK).time() for moment in (
        session.starts_at, session.opens_at, session.closes_at, session.ends_at)] == [
            dt.time(4), dt.time(9, 30), dt.time(16), dt.time(20)]


@pytest.mark.parametrize(("mic", "day", "opens", "closes"), [
    ("XLON", "2026-11-20", "08:00", "16:30"), ("XLON", "2026-12-24", "08:00", "12:30"),
    ("XTSE", "2026-11-20", "14:30", "21:00"), ("XETR", "2026-11-20", "08:00", "16:30"),
    ("XTKS", "2026-11-20", "00:00", "06:30"), ("XSWX", "2026-07-01", "07:00", "15:30")])
def test_other_exchanges_have_their_own_hours_and_none_around_them(mic: str, day: str, opens: str, closes: str) -> None:
    date = dt.date.fromisoformat(day)
    session, = calendar.trading_days(EXCHANGES[mic], date, date + dt.timedelta(days=1))[:1]
    assert (session.day, f"{session.opens_at:%H:%M}", f"{session.closes_at:%H:%M}") == (date, opens, closes)
    assert session.pre_opens_at is None
    assert session.post_closes_at is None


@pytest.mark.parametrize("mic", sorted(EXCHANGES))
def test_every_exchange_has_a_calendar_in_its_own_zone(mic: str) -> None:
    exchange = EXCHANGES[mic]
    days = calendar.trading_days(exchange, dt.date(2026, 6, 1), dt.date(2026, 6, 30))
    assert 15 <= len(days) <= 22
    assert {session.opens_at.astimezone(ZoneInfo(exchange.zone)).date() == session.day for session in days} == {True}
    assert {session.opens_at.astimezone(ZoneInfo(exchange.zone)).hour for session in days} <= {8, 9, 10}


def test_a_calendar_that_ends_before_has_no_days(caplog: pytest.LogCaptureFixture) -> None:
    assert calendar.trading_days(EXCHANGES["XSHG"], dt.date(2090, 1, 1), dt.date(2090, 12, 31)) == []
    assert "XSHG" in caplog.text


@pytest.mark.both_databases
def test_the_days_of_all_exchanges_in_use_are_written_once(app: Flask, set_clock: Clock) -> None:
    for symbol, mic in (("AAPL", "XNAS"), ("MSFT", "XNAS"), ("NESN", "XSWX"), ("NOPE", "XXXX")):
        make_instrument(symbol, mic)
    said = calendar.write_sessions()
    written = db.session.scalar(select(func.count()).select_from(MarketSession))
    assert said == f"{written} trading days of 12 exchanges written"
    assert set(db.session.scalars(select(MarketSession.mic).distinct())) == calendar.ALWAYS | {"XSWX"}
    first, last = db.session.execute(select(func.min(MarketSession.day), func.max(MarketSession.day))).one()
    today = set_clock.moment.date()
    assert today - dt.timedelta(days=45) < first < today - dt.timedelta(days=35)
    assert today + dt.timedelta(days=360) < last <= today + dt.timedelta(days=370)
    assert calendar.write_sessions() == ""
    assert calendar.renew_sessions() == said


@pytest.fixture
def new_york_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the days of stocks' own exchanges only, which is quicker."""
    monkeypatch.setattr(calendar, "ALWAYS", set())


@pytest.mark.both_databases
def test_a_day_that_the_calendar_does_not_have_goes_at_the_next_renewal(
        app: Flask, set_clock: Clock, new_york_alone: None) -> None:
    make_instrument("AAPL", "XNAS")
    calendar.write_sessions()
    saturday = dt.date(2026, 3, 14)
    noon = dt.datetime(2026, 3, 14, 12, tzinfo=dt.UTC)
    db.session.add(MarketSession(mic="XNAS", day=saturday, opens_at=noon, closes_at=noon))
    db.session.commit()
    calendar.renew_sessions()
    assert db.session.get(MarketSession, ("XNAS", saturday)) is None
    assert db.session.get(MarketSession, ("XNAS", dt.date(2026, 3, 13))) is not None


def test_days_are_written_when_fewer_than_thirty_remain(app: Flask, set_clock: Clock, new_york_alone: None) -> None:
    make_instrument("AAPL", "XNAS")
    calendar.write_sessions()
    set_clock.pass_by(days=330)
    assert calendar.write_sessions() == ""
    set_clock.pass_by(days=15)
    assert "of 1 exchanges written" in calendar.write_sessions()


def test_a_calendar_that_knows_nothing_leaves_the_days_that_are_there(
        app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch, new_york_alone: None) -> None:
    make_instrument("AAPL", "XNAS")
    calendar.write_sessions()
    written = db.session.scalar(select(func.count()).select_from(MarketSession))
    monkeypatch.setattr(calendar, "trading_days", lambda *_: [])
    assert calendar.renew_sessions() == "0 trading days of 1 exchanges written"
    assert db.session.scalar(select(func.count()).select_from(MarketSession)) == written


@pytest.mark.both_databases
def test_the_table_gives_back_the_calendar(app: Flask, set_clock: Clock, new_york_alone: None) -> None:
    make_instrument("AAPL", "XNAS")
    calendar.write_sessions()
    now = dt.datetime(2026, 3, 11, 14, 0, tzinfo=dt.UTC)
    part, session = load_book(now, ["XNAS"]).current("XNAS", now)
    assert part is Session.REGULAR
    assert session == next(day for day in us_days(2026) if day.day == now.date())
    assert load_book(now, ["XLON"]).next_open("XLON", now) is None


@pytest.mark.both_databases
def test_the_table_gives_back_the_midday_break(app: Flask, set_clock: Clock, new_york_alone: None) -> None:
    make_instrument("7203", "XTKS")
    calendar.write_sessions()
    day = set_clock.moment.date()
    session = load_book(set_clock.moment, ["XTKS"]).session_on("XTKS", day)
    assert session is not None
    assert session == calendar.trading_days(EXCHANGES["XTKS"], day, day + dt.timedelta(days=7))[0]
    assert [f"{moment:%H:%M}" for moment in (session.break_starts_at, session.break_ends_at) if moment] == [
        "02:30", "03:30"]


@pytest.mark.both_databases
def test_days_that_were_written_without_their_breaks_get_them_at_the_next_run(
        app: Flask, set_clock: Clock, new_york_alone: None) -> None:
    make_instrument("7203", "XTKS")
    calendar.write_sessions()
    written = db.session.scalar(select(func.count()).where(MarketSession.break_starts_at.is_not(None)))
    db.session.execute(update(MarketSession).values(break_starts_at=None, break_ends_at=None))
    db.session.execute(update(JobRun).where(JobRun.name == "closures").values(outcome=""))  # as it was before them
    db.session.commit()
    assert "exchanges written" in calendar.write_sessions()
    assert db.session.scalar(select(func.count()).where(MarketSession.break_starts_at.is_not(None))) == written
    assert written
    assert calendar.write_sessions() == ""


def test_the_job_loads_no_pandas_before_it_needs_it() -> None:
    code = "import sys, worker.jobs.calendar; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def years(monkeypatch: pytest.MonkeyPatch, new_york_alone: None) -> None:
    """Write a few years only, which is quicker."""
    monkeypatch.setattr(calendar, "FIRST_YEAR", 2024)


def numbers(mic: str) -> dict[int, int]:
    """Return how many days each written year has."""
    return {row.year: len(row.days) for row in db.session.scalars(
        select(TradingYear).where(TradingYear.mic == mic).order_by(TradingYear.year))}


@pytest.mark.both_databases
def test_the_days_of_many_years_are_written_once(app: Flask, set_clock: Clock, years: None) -> None:
    for symbol, mic in (("AAPL", "XNAS"), ("IBM", "XNYS"), ("600519", "XSHG"), ("NOPE", "XXXX")):
        make_instrument(symbol, mic)
    assert calendar.write_years() == "11 years of 3 exchanges written"
    assert calendar.write_years() == ""
    assert numbers("XNAS") == numbers("XNYS") == {2024: 252, 2025: 250, 2026: 251, 2027: 251}
    assert list(numbers("XSHG")) == [2024, 2025, 2026]  # of the next year nothing is announced there
    days = known_days(["XNAS"])["XNAS"]
    assert [to_day(number) for number in days[[0, -1]].tolist()] == [dt.date(2024, 1, 2), dt.date(2027, 12, 31)]
    assert np.all(np.diff(days) > 0)
    assert to_number(dt.date(2025, 1, 9)) not in days.tolist()
    make_instrument("VOD", "XLON")
    assert calendar.write_years() == "4 years of 1 exchanges written"


def test_the_days_of_last_year_on_are_renewed_and_older_ones_stay(
        app: Flask, set_clock: Clock, years: None) -> None:
    make_instrument("AAPL", "XNAS")
    assert calendar.renew_years() == "3 years of 1 exchanges written"
    db.session.execute(update(TradingYear).values(days=[2]))
    db.session.commit()
    calendar.renew_years()
    assert numbers("XNAS") == {2024: 1, 2025: 250, 2026: 251, 2027: 251}
    set_clock.pass_by(days=365)
    calendar.renew_years()
    assert list(numbers("XNAS")) == [2024, 2025, 2026, 2027, 2028]


def test_a_calendar_that_begins_late_is_written_from_its_beginning() -> None:
    days = calendar.open_days(EXCHANGES["XTKS"], 1990, 1999)
    assert (days[0], days[-1]) == (dt.date(1997, 1, 6), dt.date(1999, 12, 30))


def test_a_calendar_that_knows_none_of_the_years_leaves_what_is_there(
        app: Flask, set_clock: Clock, years: None, caplog: pytest.LogCaptureFixture) -> None:
    assert calendar.open_days(EXCHANGES["XSHG"], 2090, 2091) == []
    assert "XSHG" in caplog.text
    make_instrument("600519", "XSHG")
    calendar.write_years()
    set_clock.pass_by(days=3650)
    assert calendar.write_years() == "0 years of 1 exchanges written"
    assert list(numbers("XSHG")) == [2024, 2025, 2026]


def test_the_list_of_closures_counts_for_the_years_too(app: Flask, set_clock: Clock, years: None) -> None:
    make_instrument("AAPL", "XNAS")
    folder = app.config["SETTINGS"].INSTANCE_DIR
    folder.mkdir(parents=True, exist_ok=True)
    app.config["SETTINGS"].CLOSURES_FILE = str(folder / "closures.csv")
    (folder / "closures.csv").write_text(
        "mic,day,opens,closes,reason\nUS,2025-03-12,,,storm\nUS,2025-03-13,,13:00,half\nUS,2025-03-15,10:00,13:00,more\n"
        "XLON,2025-03-11,,,elsewhere\nUS,2010-03-11,,,before\n")
    calendar.write_years()
    days = set(known_days(["XNAS"])["XNAS"].tolist())
    assert [to_number(dt.date(2025, 3, day)) in days for day in (11, 12, 13, 14, 15, 16)] == [
        True, False, True, True, True, False]
