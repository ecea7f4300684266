"""Stages by the API: where a stock stands, and its weeks."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.factories import AS_OF, add_quote, add_snapshot, add_stock
from tests.webapp.api.conftest import Program
from webapp.api.v1.stages import COLUMNS, StageOut, WeeksOut
from webapp.extensions import db
from webapp.models import InstrumentRow, StageWeek, UnreadablePast

FRIDAY = dt.date(2026, 11, 13)
WEEK = dt.timedelta(days=7)


@pytest.fixture(autouse=True)
def the_moment() -> Iterator[None]:
    """Stop the clock."""
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def stock(app: Flask) -> InstrumentRow:
    """A stock in stage 2 since a breakout, with five weeks behind it."""
    row = add_stock("AAPL")
    add_quote(row, "101.5000", previous_close="100")
    add_snapshot(row, previous_stage=1, close=0.1 + 0.2, slope=-1e-7, template=0b0000_0101, breakout=FRIDAY - WEEK,
                 base_high=95.5, evidence=6, benchmark="ARCX:SPY", mansfield=-5.8791)
    add_weeks(row, 5)
    return row


def add_weeks(stock: InstrumentRow, count: int) -> None:
    """Add the newest completed weeks."""
    weeks = [(age, FRIDAY - age * WEEK) for age in range(count)]
    db.session.add_all(StageWeek(instrument_id=stock.id, week=week, close=100.25 - age, stage=2 - age % 2, since=week,
                                 average=None if age else 90.5) for age, week in weeks)
    db.session.commit()


@pytest.mark.both_databases
def test_a_stage_comes_with_all_that_it_follows_from(nobody: Program, stock: InstrumentRow) -> None:
    answer = nobody.get("/instruments/aapl/stage")
    assert answer.status_code == 200
    row: dict[str, Any] = answer.json or {}
    StageOut.model_validate(row)
    told = {"key": "XNAS:AAPL", "stage": 2, "stage_name": "advancing", "stage_since": "2026-08-14", "stage_weeks": 14,
            "previous_stage": 1, "week": "2026-11-13", "old": False, "rs": 87, "rs_kind": "rank in list",
            "benchmark": "ARCX:SPY", "close": "0.30000000000000004", "slope": "-0.0000001", "mansfield": "-5.8791",
            "high_52": None, "history_source": "simulator", "computed_at": "2026-11-20T19:02:11Z", "problem": None}
    assert {name: row[name] for name in told} == told
    assert row["provisional_stage"] == 2
    assert (row["template"]["met"], [each["met"] for each in row["template"]["conditions"]]) == (
        2, [True, False, True, False, False, False, False, False])
    assert row["breakout"] == {"week": "2026-11-06", "close": "99.25", "base_high": "95.5", "volume": None, "signs": [
        {"name": "Weekly close above the base", "met": False}, {"name": "Average flat or rising", "met": True},
        {"name": "Twice the volume of the four weeks before", "met": True}]}


def test_a_stock_without_an_analysis_has_nothing_but_its_name_and_why(app: Flask, nobody: Program) -> None:
    row = add_stock("NEW")
    db.session.add(UnreadablePast(instrument_id=row.id, inputs_at=AS_OF, reason="a price of 0"))
    db.session.commit()
    found = nobody.get("/instruments/NEW/stage").json or {}
    StageOut.model_validate(found)
    assert {name: value for name, value in found.items() if value is not None} == {
        "key": "XNAS:NEW", "old": False, "problem": "a price of 0"}


def test_an_unchanged_stage_is_not_sent_again(nobody: Program, stock: InstrumentRow) -> None:
    tag = nobody.get("/instruments/AAPL/stage").headers["ETag"]
    assert nobody.get("/instruments/AAPL/stage", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["/instruments/NIX/stage", "/instruments/NIX/stages", "/instruments/NIX/stages.csv"])
def test_an_unknown_stock_has_no_stage(nobody: Program, path: str) -> None:
    answer = nobody.get(path)
    assert (answer.status_code, answer.json and answer.json["code"]) == (404, "unknown-symbol")


@pytest.mark.both_databases
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_weeks_come_page_by_page_each_once(nobody: Program, stock: InstrumentRow, order: str) -> None:
    path, seen = f"/instruments/AAPL/stages?limit=2&order={order}&from=2026-10-17", []
    while path:
        page = nobody.get(path).json or {}
        WeeksOut.model_validate(page)
        seen += [row["week"] for row in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    weeks = [(FRIDAY - age * WEEK).isoformat() for age in range(3, -1, -1)]
    assert seen == (weeks if order == "asc" else weeks[::-1])


def test_weeks_as_csv_have_the_same_columns(nobody: Program, stock: InstrumentRow) -> None:
    answer = nobody.get("/instruments/AAPL/stages.csv?limit=1&order=desc")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert tuple(row) == COLUMNS
    assert (row["week"], row["stage"], row["close"], row["average"], row["slope"]) == (
        "2026-11-13", "2", "100.25", "90.5", "")
    assert 'rel="next"' in answer.headers["Link"]


@pytest.mark.parametrize("query", ["after=x", "after=WyJub3QgYSBkYXkiXQ", "after=WzFd", "limit=0", "order=up",
                                   "from=1"])
def test_a_page_that_there_is_not_is_refused(nobody: Program, stock: InstrumentRow, query: str) -> None:
    assert nobody.get(f"/instruments/AAPL/stages?{query}").status_code == 422


def test_a_page_behind_the_last_week_is_empty(nobody: Program, stock: InstrumentRow) -> None:
    from webapp.api.answers import cursor

    for day in ("2999-12-31", "9999-12-31", "2026-11-13"):
        found = nobody.get(f"/instruments/AAPL/stages?after={cursor(day)}").json or {}
        assert (found["items"], found["next"]) == ([], None)
