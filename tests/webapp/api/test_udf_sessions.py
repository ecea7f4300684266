"""When an exchange trades, as charting front ends are told."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from webapp.api.udf_sessions import NOT_KNOWN, load_hours
from webapp.extensions import db
from webapp.markets import EXCHANGES
from webapp.models import TradingYear
from webapp.models.market import MarketSession

NOW = dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)
FIRST = dt.date(2026, 10, 26)  # a Monday; in New York the clocks change on Sunday, 1 November


def keep(mic: str, day: dt.date, *times: str) -> None:
    """Keep a session of an exchange by its own clock: opening, close, and the break's two ends."""
    zone = ZoneInfo(EXCHANGES[mic].zone)
    moments = [dt.datetime.combine(day, dt.time.fromisoformat(each), zone).astimezone(dt.UTC) for each in times]
    db.session.add(MarketSession(mic=mic, day=day, opens_at=moments[0], closes_at=moments[1],
                                 break_starts_at=moments[2] if len(times) > 2 else None,
                                 break_ends_at=moments[3] if len(times) > 2 else None))
    db.session.commit()


def weekdays(*without: dt.date) -> list[dt.date]:
    days = [FIRST + dt.timedelta(days=number) for number in range(40)]
    return [day for day in days if day.weekday() < 5 and day not in without]


def test_the_usual_week_is_the_same_before_and_after_clocks_change(app: Flask) -> None:
    for day in weekdays():
        keep("XNYS", day, "09:30", "16:00")
    assert load_hours("XNYS", NOW).session == "0930-1600:23456"


def test_a_half_day_and_a_holiday_are_told_by_their_dates(app: Flask) -> None:
    thanksgiving = dt.date(2026, 11, 26)
    for day in weekdays(thanksgiving):
        keep("XNYS", day, "09:30", "13:00" if day == dt.date(2026, 11, 27) else "16:00")
    opened = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(365)]
    numbers = [day.timetuple().tm_yday for day in opened if day.weekday() < 5 and day != thanksgiving]
    db.session.add(TradingYear(mic="XNYS", year=2026, days=numbers))
    db.session.commit()
    found = load_hours("XNYS", NOW)
    assert (found.session, found.holidays) == ("0930-1600:23456", "20261126")
    assert found.corrections == "0930-1300:20261127"


def test_holidays_of_these_weeks_are_told_where_the_years_are_not_known_yet(app: Flask) -> None:
    for day in weekdays(dt.date(2026, 11, 26)):
        keep("XNYS", day, "09:30", "16:00")
    assert load_hours("XNYS", NOW).holidays == "20261126"


def test_a_midday_break_makes_two_sessions(app: Flask) -> None:
    for day in weekdays():
        keep("XTKS", day, "09:00", "15:30", "11:30", "12:30")
    assert load_hours("XTKS", NOW).session == "0900-1130,1230-1530:23456"


def test_weekdays_with_other_hours_stand_apart(app: Flask) -> None:
    for day in weekdays():
        keep("XLON", day, "08:00", "14:00" if day.weekday() == 4 else "16:30")
    assert load_hours("XLON", NOW).session == "0800-1630:2345|0800-1400:6"


def test_a_single_session_on_a_saturday_is_no_rule(app: Flask) -> None:
    for day in weekdays():
        keep("XNSE", day, "09:15", "15:30")
    keep("XNSE", dt.date(2026, 11, 7), "18:00", "19:00")
    found = load_hours("XNSE", NOW)
    assert (found.session, found.corrections) == ("0915-1530:23456", "1800-1900:20261107")


@pytest.mark.parametrize("mic", ["XNYS", "MOON"])
def test_of_unknown_hours_a_whole_week_is_told(app: Flask, mic: str) -> None:
    assert load_hours(mic, NOW).session == NOT_KNOWN
