"""Past prices in the API: days, weeks, months, minutes."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.charts.conftest import friday_evening, stock
from tests.webapp.charts.past import LAST, NOW, add_days, add_minutes, walk, weekdays
from webapp import clock
from webapp.analytics.series import Series, to_day
from webapp.api.v1.bars import BarsOut
from webapp.bars.codec import from_series
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.records import Adjustment, Dividend, Split

__all__ = ["friday_evening", "stock"]

BARS = "/instruments/ACME/bars"
SPLIT, PAID = dt.date(2026, 11, 10), dt.date(2026, 11, 12)
OPENING = dt.datetime(2026, 11, 20, 14, 30, tzinfo=dt.UTC)


@pytest.fixture
def past(stock: InstrumentRow) -> Series:
    """A year and a half of ACME's days as they were traded, with a split and a dividend in the last days."""
    return add_days(stock, walk(400), splits=[Split(SPLIT, Decimal(4))], dividends=[Dividend(PAID, Decimal("0.5"))])


def ask(program: Program, query: str = "", path: str = BARS) -> dict[str, Any]:
    answer = program.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json or {}
    BarsOut.model_validate(found)
    return found


def column(program: Program, query: str, name: str) -> list[Any]:
    return [item[name] for item in ask(program, query)["items"]]


@pytest.mark.both_databases
def test_every_day_comes_once_whatever_the_size_of_the_pages(past: Series, nobody: Program) -> None:
    path, days = f"{BARS}?limit=150", []
    while path:
        page = nobody.get(path).json or {}
        days += [item["day"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert days == [to_day(at).isoformat() for at in past.at.tolist()]


def test_the_newest_come_first_where_that_is_wanted(past: Series, nobody: Program) -> None:
    first = ask(nobody, "order=desc&limit=3")
    second = nobody.get(first["next"].removeprefix("/api/v1")).json or {}
    days = [item["day"] for item in first["items"] + second["items"]]
    assert days == [to_day(at).isoformat() for at in past.at[:-7:-1].tolist()]


@pytest.mark.parametrize(("query", "expected"), [
    ("from=2026-11-16&to=2026-11-18", ["2026-11-16", "2026-11-17", "2026-11-18"]),
    ("from=2026-11-14&to=2026-11-15", []), ("from=2026-11-20", ["2026-11-20"]), ("from=2027-01-01", []),
    ("to=1999-01-01", []), ("from=2026-11-18&to=2026-11-16", []),
    # In New York it is still the 17th.
    ("from=2026-11-18T03:00:00Z&to=2026-11-18T03:00:00Z", ["2026-11-17"]),
    ("from=2026-11-20T00:00:00%2B09:00", ["2026-11-19", "2026-11-20"]),
    ("from=0001-01-01&to=9999-12-31&limit=1000&order=desc&after=WzIwNzYwXQ", None),
    ("from=9999-12-31T23:59:59-23:00", []), ("to=0001-01-01T00:00:00%2B23:00", []),
])
def test_days_are_those_from_one_to_another(past: Series, nobody: Program, query: str,
                                            expected: list[str] | None) -> None:
    found = column(nobody, query, "day")
    assert found == expected if expected is not None else len(found) > 300


def test_prices_are_in_the_shares_of_today_unless_wanted_as_traded(past: Series, nobody: Program) -> None:
    query = "from=2026-11-09&to=2026-11-10"
    before, day = column(nobody, query, "close")
    raw_before, raw_day = column(nobody, f"{query}&adjusted=none", "close")
    place = int(np.searchsorted(past.at, (SPLIT - dt.date(1970, 1, 1)).days))
    assert [Decimal(raw_before), Decimal(raw_day)] == [Decimal(str(past.close[place - 1])),
                                                      Decimal(str(past.close[place]))]
    assert Decimal(before) == Decimal(raw_before) / 4
    assert Decimal(day) == Decimal(raw_day)
    volumes = [column(nobody, f"{query}&adjusted={word}", "volume")[0] for word in ("splits", "none")]
    assert volumes == [int(past.volume[place - 1]) * 4, int(past.volume[place - 1])]


def test_dividends_lower_the_prices_before_them(past: Series, nobody: Program) -> None:
    query = "from=2026-11-11&to=2026-11-12"
    (before, day), (lowered, same) = (column(nobody, f"{query}&adjusted={word}", "close")
                                      for word in ("splits", "dividends"))
    assert Decimal(day) == Decimal(same)
    assert abs(Decimal(lowered) - (Decimal(before) - Decimal("0.5"))) < Decimal("0.0001")
    assert ask(nobody, f"{query}&adjusted=dividends")["adjusted"] == "dividends"


def test_an_answer_says_what_it_was_adjusted_for_indeed(stock: InstrumentRow, nobody: Program) -> None:
    add_days(stock, walk(30), adjusted=Adjustment.ALL)
    assert ask(nobody, "adjusted=none")["adjusted"] == "dividends"


def test_a_week_and_a_month_have_all_their_days_whatever_day_is_asked_from(past: Series, nobody: Program) -> None:
    week = ask(nobody, "interval=1w&from=2026-11-18&to=2026-11-18&adjusted=none")["items"]
    assert [item["day"] for item in week] == ["2026-11-20"]
    assert Decimal(week[0]["open"]) == Decimal(str(past.open[-5]))
    assert week[0]["volume"] == int(past.volume[-5:].sum())
    month = ask(nobody, "interval=1M&from=2026-10-15&to=2026-10-15&adjusted=none")["items"]
    october = np.flatnonzero(np.array([to_day(at).month == 10 and to_day(at).year == 2026 for at in past.at]))
    assert [item["day"] for item in month] == ["2026-10-31"]
    assert month[0]["volume"] == int(past.volume[october].sum())


@pytest.mark.parametrize(("interval", "now", "expected"), [
    ("1d", NOW, None), ("1w", NOW, None), ("1M", NOW, "2026-11-30"),
    ("1w", NOW - dt.timedelta(hours=4), "2026-11-20"),  # before the close
    ("1M", NOW + dt.timedelta(days=12), None)])
def test_the_running_week_and_month_are_said_to_run(past: Series, nobody: Program, monkeypatch: pytest.MonkeyPatch,
                                                    interval: str, now: dt.datetime, expected: str | None) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    assert ask(nobody, f"interval={interval}&order=desc&limit=1")["incomplete"] == expected


def test_a_week_runs_as_long_as_the_bar_of_its_last_session_is_awaited(stock: InstrumentRow, nobody: Program) -> None:
    add_days(stock, walk(30), last=dt.date(2026, 11, 19))
    assert ask(nobody, "interval=1w")["incomplete"] == "2026-11-20"


def test_minutes_say_when_they_began_and_of_which_day_and_part_they_are(stock: InstrumentRow, nobody: Program) -> None:
    add_minutes(stock, OPENING - dt.timedelta(minutes=10), walk(420))
    found = ask(nobody, "interval=1h&limit=9")
    assert (found["interval"], found["adjusted"], found["sources"]) == ("1h", "splits", ["tiingo"])
    assert [(item["time"][11:16], item["session"]) for item in found["items"]] == [
        ("13:30", "pre"), ("14:30", "regular"), ("15:30", "regular"), ("16:30", "regular"), ("17:30", "regular"),
        ("18:30", "regular"), ("19:30", "regular"), ("20:30", "regular"), ("21:00", "post")]
    assert {item["day"] for item in found["items"]} == {"2026-11-20"}


@pytest.mark.parametrize(("query", "first", "last", "count"), [
    ("from=2026-11-20T14:32:00Z&to=2026-11-20T14:40:00Z", "14:32", "14:40", 9),
    ("from=2026-11-20T14:32:01Z&to=2026-11-20T14:40:59Z", "14:33", "14:40", 8),
    ("from=2026-11-20&to=2026-11-20", "14:30", "15:29", 60),
    ("from=2026-11-20T15:20:00%2B01:00&limit=2", "14:30", "14:31", 2), ("order=desc&limit=2", "15:29", "15:28", 2)])
def test_minutes_are_those_from_one_moment_to_another(stock: InstrumentRow, nobody: Program, query: str, first: str,
                                                      last: str, count: int) -> None:
    add_minutes(stock, OPENING, walk(60))
    times = [time[11:16] for time in column(nobody, f"interval=1m&{query}", "time")]
    assert (times[0], times[-1], len(times)) == (first, last, count)


@pytest.mark.parametrize("query", ["from=2026-11-21", "to=2026-11-19", "from=2026-11-20T18:00:00Z"])
def test_there_are_no_minutes_but_those_that_were_kept(stock: InstrumentRow, nobody: Program, query: str) -> None:
    assert ask(nobody, "interval=1m")["items"] == []
    add_minutes(stock, OPENING, walk(60))
    assert ask(nobody, f"interval=1m&{query}")["items"] == []


def test_minutes_come_a_page_at_a_time(stock: InstrumentRow, nobody: Program) -> None:
    add_minutes(stock, OPENING, walk(120))
    path, times = f"{BARS}?interval=5m&limit=7", []
    while path:
        page = nobody.get(path).json or {}
        times += [item["time"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert len(times) == len(set(times)) == 24
    assert times == sorted(times)


def test_minutes_that_are_not_over_are_said_so(stock: InstrumentRow, nobody: Program,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    add_minutes(stock, OPENING, walk(7))
    monkeypatch.setattr(clock, "now", lambda: OPENING + dt.timedelta(minutes=7))
    assert ask(nobody, "interval=5m")["incomplete"] == "2026-11-20T14:35:00Z"


def test_every_digit_comes_back_and_what_is_unknown_is_null(stock: InstrumentRow, nobody: Program) -> None:
    figures = ["0.00012345", "0.5", "12.25", "700000.01", "0.00000001"]
    add_days(stock, np.array([float(text) for text in figures]), last=LAST)
    assert [Decimal(text) for text in column(nobody, "", "close")] == [Decimal(text) for text in figures]
    assert "E" not in nobody.get(BARS).text.split('"items"')[1]


def test_a_volume_or_an_open_that_nobody_told_is_null(stock: InstrumentRow, nobody: Program) -> None:
    unknown = np.array([np.nan])
    series = Series(weekdays(1), unknown, unknown, unknown, np.array([5.0]), unknown)
    write_bars(stock.id, "1d", "tiingo", from_series(series), adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    assert ask(nobody)["items"] == [{"day": "2026-11-20", "time": None, "session": None, "open": None, "high": None,
                                     "low": None, "close": "5.00", "volume": None}]


def test_a_stock_without_a_past_has_no_bars(stock: InstrumentRow, nobody: Program) -> None:
    found = ask(nobody)
    assert (found["items"], found["sources"], found["simulated"], found["next"]) == ([], [], False, None)


def test_made_up_prices_are_said_to_be_so(stock: InstrumentRow, nobody: Program) -> None:
    add_days(stock, walk(5), source="simulator")
    assert ask(nobody)["simulated"] is True


def test_csv_says_in_each_row_what_its_prices_are(past: Series, nobody: Program) -> None:
    answer = nobody.get("/instruments/ACME/bars.csv?limit=2")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["day", "time", "session", "open", "high", "low", "close", "volume", "key", "currency",
                             "adjusted", "sources"]
    assert [rows[0][name] for name in ("key", "currency", "adjusted", "sources", "time")] == [
        "XNAS:ACME", "USD", "splits", "tiingo", ""]
    assert 'rel="next"' in answer.headers["Link"]
    json = ask(nobody, "limit=2")["items"]
    assert [row["close"] for row in rows] == [item["close"] for item in json]


def test_csv_of_nothing_has_its_head(stock: InstrumentRow, nobody: Program) -> None:
    assert nobody.get("/instruments/ACME/bars.csv").text.startswith("day,time,session,open")


@pytest.mark.parametrize(("query", "field"), [
    ("from=yesterday", "query.from"), ("from=2026-02-30", "query.from"), ("to=2026-11-20T12:00:00", "query.to"),
    ("interval=2d", "query.interval"), ("adjusted=yes", "query.adjusted"), ("limit=0", "query.limit"),
    ("order=up", "query.order"), ("from_=2026-01-01", "query.from_"), ("range=1y", "query.range")])
def test_a_wrong_field_is_named(past: Series, nobody: Program, query: str, field: str) -> None:
    answer = nobody.get(f"{BARS}?{query}")
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]  # type: ignore[index]


@pytest.mark.parametrize("after", ["x", "WzEsMl0", "WyJhIl0", "WzlFOTk5XQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd"])
def test_a_place_that_nobody_gave_out_is_refused(past: Series, nobody: Program, after: str) -> None:
    answer = nobody.get(f"{BARS}?after={after}")
    assert (answer.status_code, answer.json and answer.json["code"]) == (422, "bad-cursor")


@pytest.mark.parametrize("place", ["WzQ2MTE2ODYwMTg0MjczODc5MDRd", "Wy00NjExNjg2MDE4NDI3Mzg3OTA0XQ"])
def test_a_place_far_away_is_only_far_away(past: Series, nobody: Program, place: str) -> None:
    for order in ("asc", "desc"):
        assert len(ask(nobody, f"after={place}&order={order}")["items"]) in {0, 100}


def test_an_unknown_stock_is_told_so(app: Flask, nobody: Program) -> None:
    answer = nobody.get(BARS)
    assert (answer.status_code, answer.json and answer.json["code"]) == (404, "unknown-symbol")


def test_who_has_the_bars_is_told_so_until_one_comes(past: Series, stock: InstrumentRow, nobody: Program) -> None:
    tag = nobody.get(f"{BARS}?order=desc").headers["ETag"]
    assert nobody.get(f"{BARS}?order=desc", headers={"If-None-Match": tag}).status_code == 304
    add_days(stock, walk(400, seed=7), last=dt.date(2026, 11, 23), now=NOW + dt.timedelta(days=3))
    assert nobody.get(f"{BARS}?order=desc", headers={"If-None-Match": tag}).status_code == 200


def test_stocks_of_other_exchanges_are_asked_for_by_their_names(nobody: Program) -> None:
    add_days(add_stock("BRK.B", "XNYS"), walk(5))
    for name in ("XNYS:BRK.B", "NYSE:BRK.B", "BRK-B", "brk.b"):
        assert ask(nobody, path=f"/instruments/{name}/bars")["key"] == "XNYS:BRK.B"
