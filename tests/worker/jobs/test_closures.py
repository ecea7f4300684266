"""A person's list of days on which an exchange is closed, or has other hours: from the file into the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.worker.conftest import NOW, Clock, make_instrument
from webapp.extensions import db
from webapp.markets import EXCHANGES, SessionTimes
from webapp.models import JobRun, MarketSession
from webapp.trading_days import load_book
from worker import runs
from worker.jobs import calendar

HEADER = "mic,day,opens,closes,reason\n"
FRIDAY, SATURDAY = dt.date(2026, 3, 13), dt.date(2026, 3, 14)
Write = Callable[[str | bytes], None]
# The real calendars, of which each takes a good part of a second, once for all tests.
trading_days = cache(calendar.trading_days)


@pytest.fixture
def file(app: Flask, set_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, which does not exist yet; New York and London are in use, and their days are written."""
    monkeypatch.setattr(calendar, "ALWAYS", set())
    monkeypatch.setattr(calendar, "trading_days", trading_days)
    for symbol, mic in (("IBM", "XNYS"), ("AAPL", "XNAS"), ("TSCO", "XLON")):
        make_instrument(symbol, mic)
    calendar.write_sessions()
    return Path(app.config["SETTINGS"].CLOSURES_FILE)


@pytest.fixture
def write(file: Path) -> Write:
    """Put rows into the file, below its header, and run the job."""
    def put(rows: str | bytes) -> None:
        file.write_bytes(rows if isinstance(rows, bytes) else (HEADER + rows).encode())
        runs.recorded("write-sessions", calendar.write_sessions)
    return put


def day_of(mic: str, day: dt.date) -> SessionTimes | None:
    db.session.rollback()
    return load_book(NOW, [mic]).session_on(mic, day)


def hours(mic: str, day: dt.date) -> str:
    """Name the parts of a day as the clock on the exchange's wall shows them, "closed" where there are none."""
    found = day_of(mic, day)
    if found is None:
        return "closed"
    return " ".join(f"{moment.astimezone(ZoneInfo(EXCHANGES[mic].zone)):%H:%M}" for moment in (
        found.starts_at, found.opens_at, found.closes_at, found.ends_at))


def outcome() -> str:
    return db.session.scalar(select(JobRun.outcome).where(JobRun.name == "write-sessions")) or ""


@pytest.mark.both_databases
def test_a_closure_takes_effect_at_the_next_run_and_ends_when_its_row_is_gone(file: Path, write: Write) -> None:
    usual = day_of("XNYS", FRIDAY)
    write("XNYS,2026-03-13,,,a day of mourning\n")
    assert (hours("XNYS", FRIDAY), day_of("XNAS", FRIDAY) is not None) == ("closed", True)
    assert "exchanges written" in outcome()
    write("XNYS,2026-03-13,,,a day of mourning\n")
    assert outcome() == ""
    write("")
    assert day_of("XNYS", FRIDAY) == usual
    write("US,2026-03-13,,,\n")
    assert hours("XNAS", FRIDAY) == "closed"
    file.unlink()
    calendar.write_sessions()
    assert day_of("XNAS", FRIDAY) is not None


@pytest.mark.parametrize(("row", "mic", "day", "expected"), [
    ("XNYS,2026-03-13,,13:00,", "XNYS", FRIDAY, "04:00 09:30 13:00 17:00"),
    ("XNYS,2026-03-13,11:00,16:00,late", "XNYS", FRIDAY, "04:00 11:00 16:00 20:00"),
    ("XNYS,2026-03-13,03:00,10:00,", "XNYS", FRIDAY, "03:00 03:00 10:00 14:00"),
    ("us,2026-03-13,,13:00,all of them", "XNAS", FRIDAY, "04:00 09:30 13:00 17:00"),
    ("US,2026-03-13,,13:00,", "XLON", FRIDAY, "08:00 08:00 16:30 16:30"),
    ("XLON, 2026-03-13 ,,12:30, half a day ", "XLON", FRIDAY, "08:00 08:00 12:30 12:30"),
    ("XLON,2026-03-14,10:00,14:00,a test of the systems", "XLON", SATURDAY, "10:00 10:00 14:00 14:00"),
    ("XNYS,2026-03-14,10:00,14:00,", "XNYS", SATURDAY, "04:00 10:00 14:00 18:00"),
    ("XLON,2026-03-14,,14:00,", "XLON", SATURDAY, "closed"),
    ("XLON,2026-03-14,,,", "XLON", SATURDAY, "closed"),
    ("XNYS,2026-03-13,,09:00,", "XNYS", FRIDAY, "closed"),
    ("XNYS,2026-03-13,,,\nXNYS,2026-03-13,,13:00,", "XNYS", FRIDAY, "04:00 09:30 13:00 17:00"),
    ("# a note\n\nXNYS,2026-03-13,,,with, a comma", "XNYS", FRIDAY, "closed"),
    ("XNYS,1999-03-12,10:00,14:00,\nXNYS,2040-03-12,10:00,14:00,", "XNYS", FRIDAY, "04:00 09:30 16:00 20:00"),
])
def test_a_row_is_in_the_exchanges_own_time(write: Write, row: str, mic: str, day: dt.date, expected: str) -> None:
    write(row)
    assert hours(mic, day) == expected
    assert "line" not in outcome()


@pytest.mark.parametrize(("row", "expected"), [
    ("", "09:00 11:30 12:30 15:30"), ("XTKS,2026-03-13,,14:00,", "09:00 11:30 12:30 14:00"),
    ("XTKS,2026-03-13,10:00,15:30,", "10:00 11:30 12:30 15:30"), ("XTKS,2026-03-13,,11:30,", "09:00 11:30"),
    ("XTKS,2026-03-13,,12:30,", "09:00 12:30"), ("XTKS,2026-03-13,12:30,15:30,", "12:30 15:30"),
    ("XTKS,2026-03-13,12:00,15:30,", "12:00 15:30"), ("XTKS,2026-03-14,09:00,15:30,", "09:00 11:30 12:30 15:30")])
def test_a_midday_break_that_is_not_within_the_new_hours_is_left_out(write: Write, row: str, expected: str) -> None:
    make_instrument("7203", "XTKS")
    write(row)
    day = day_of("XTKS", FRIDAY)
    assert day is not None
    moments = (day.opens_at, day.break_starts_at, day.break_ends_at, day.closes_at)
    zone = ZoneInfo("Asia/Tokyo")
    assert " ".join(f"{moment.astimezone(zone):%H:%M}" for moment in moments if moment is not None) == expected


def test_other_days_keep_their_hours_and_extra_ones_stay_within_what_is_known(write: Write) -> None:
    before = db.session.scalar(select(func.count()).select_from(MarketSession)) or 0
    write("XNYS,1999-03-12,10:00,14:00,\nXNYS,2040-03-12,10:00,14:00,\nXLON,2026-03-13,,,\nXLON,2026-03-14,9:00,9:30,")
    assert db.session.scalar(select(func.count()).select_from(MarketSession)) == before


@pytest.mark.parametrize(("row", "said"), [
    ("XNYX,2026-03-13,,,", "closures.csv, line 3: 'XNYX' is no exchange that is known here"),
    ("XSES 2026-03-13", "closures.csv, line 3: 'XSES 2026-03-13' is no exchange that is known here"),
    (",2026-03-13,,,", "closures.csv, line 3: 'nothing' is no exchange that is known here"),
    ("XNYS", "closures.csv, line 3: '' is no day: write 2026-11-27"),
    ("XNYS,13.3.2026,,,", "closures.csv, line 3: '13.3.2026' is no day: write 2026-11-27"),
    ("XNYS,2026-02-30,,,", "closures.csv, line 3: '2026-02-30' is no day: write 2026-11-27"),
    ("XNYS,2026-03-13,,1 pm,", "closures.csv, line 3: '1 pm' is no time: write 13:00"),
    ("XNYS,2026-03-13,25:00,,", "closures.csv, line 3: '25:00' is no time: write 13:00"),
    ("XNYS,2026-03-13,10:00,,", "closures.csv, line 3: it opens but does not close: write both times, or none for a "
                                "day without trading"),
    ("XNYS,2026-03-13,13:00,13:00,", "closures.csv, line 3: it closes before it opens"),
])
def test_a_bad_row_is_named_at_every_run_and_the_others_count(
        write: Write, caplog: pytest.LogCaptureFixture, row: str, said: str) -> None:
    write(f"XLON,2026-03-13,,,before it\n{row}\nXNAS,2026-03-13,,13:00,after it\n")
    assert outcome().endswith(said)
    assert said in caplog.text
    assert [hours("XLON", FRIDAY), hours("XNAS", FRIDAY)] == ["closed", "04:00 09:30 13:00 17:00"]
    assert hours("XNYS", FRIDAY) == "04:00 09:30 16:00 20:00"
    runs.recorded("write-sessions", calendar.write_sessions)
    assert outcome() == said


@pytest.mark.both_databases
@pytest.mark.parametrize("content", [
    b"\xff\xfem\x00i\x00c\x00", b"XNYS,2026-03-13,,,\n", b"mic,day\nXNYS,2026-03-13\n", b"{}", b"x" * 2_000_000,
    HEADER.encode() + b'"' + b"x" * 200_000 + b"\n"])
def test_a_file_that_is_no_list_leaves_what_was_written_with_the_last_one(write: Write, content: bytes) -> None:
    write("XNYS,2026-03-13,,,\n")
    written = db.session.scalar(select(func.count()).select_from(MarketSession))
    write(content)
    assert outcome().startswith("closures.csv")
    assert outcome() == calendar.renew_sessions()
    assert hours("XNYS", FRIDAY) == "closed"
    assert db.session.scalar(select(func.count()).select_from(MarketSession)) == written
    write("")
    assert hours("XNYS", FRIDAY) != "closed"


def test_a_new_exchange_gets_its_days_while_the_file_is_no_list(write: Write, file: Path) -> None:
    write(b"nonsense")
    make_instrument("SHOP", "XTSE")
    assert "of 1 exchanges written; closures.csv has no column 'mic'" in calendar.write_sessions()
    assert hours("XTSE", FRIDAY) == "09:30 09:30 16:00 16:00"
    file.write_text(HEADER + "XTSE,2026-03-13,,,\n")
    calendar.write_sessions()
    assert hours("XTSE", FRIDAY) == "closed"


def test_a_file_that_may_not_be_read_is_said(file: Path) -> None:
    file.mkdir()
    assert calendar.write_sessions() == "closures.csv cannot be read: Is a directory"


@pytest.mark.parametrize("content", [
    ("\ufeff" + HEADER + "XNYS,2026-03-13,,,\n").encode(),
    b"Reason ; CLOSES; Opens;Day;MIC\r\nnone;;;2026-03-13;xnys\r\n",
    (HEADER + "XNYS,2026-03-13,,,Trauertag f\u00fcr K\u00f6nig\n").encode("latin-1")])
def test_a_file_from_a_spreadsheet_is_read(write: Write, content: bytes) -> None:
    write(content)
    assert (hours("XNYS", FRIDAY), outcome()[-7:]) == ("closed", "written")


def test_renewing_keeps_the_closures(write: Write) -> None:
    write("XNYS,2026-03-13,,,\nXXXX,2026-03-13,,,\n")
    assert calendar.renew_sessions().endswith("written; closures.csv, line 3: 'XXXX' is no exchange that is known here")
    assert hours("XNYS", FRIDAY) == "closed"
