"""The market by the API: stages of all stocks, and which exchanges are open."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import add_snapshot, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.sources.conftest import noon
from tests.webapp.sources.givens import HOUR, NOON
from webapp.api.v1.market import BreadthOut, BreadthWeeksOut, ExchangesOut
from webapp.extensions import db
from webapp.models import MarketSession, StageCount

__all__ = ["noon"]

FRIDAY = dt.date(2026, 11, 13)
WEEK = dt.timedelta(days=7)


def add_session(mic: str, opens: dt.datetime, closes: dt.datetime, **parts: dt.datetime) -> None:
    db.session.add(MarketSession(mic=mic, day=opens.date(), opens_at=opens, closes_at=closes, **parts))
    db.session.commit()


@pytest.mark.both_databases
def test_the_stages_of_all_stocks_are_those_of_the_page(client: FlaskClient, noon: dt.datetime,
                                                        nobody: Program) -> None:
    for symbol, mic, sector, stage, distance in (("A", "XNAS", "Energy", 2, 5.0), ("B", "XNAS", "", 4, -9.0),
                                                 ("D", "XLON", "Energy", None, None)):
        add_snapshot(add_stock(symbol, mic, sector=sector), stage=stage, from_average=distance, week=FRIDAY)
    content = nobody.get("/market/breadth").json or {}
    BreadthOut.model_validate(content)
    group = {"stage_1": 0, "stage_2": 1, "stage_3": 0, "stage_4": 1, "none": 1, "above_average": 1, "measured": 2}
    assert content["all"] == {"name": None} | group
    assert (content["newest_week"], content["late"], content["computed_at"]) == (
        "2026-11-13", False, "2026-11-20T19:02:11Z")
    assert [each["name"] for each in content["exchanges"]] == ["XNAS", "XLON"]
    assert [each["name"] for each in content["sectors"]] == ["Energy", None]
    page = client.get("/market/stages.json").json or {}
    assert [each["above_average"] for each in page["exchanges"]] == [
        each["above_average"] for each in content["exchanges"]]


def test_before_any_analysis_there_is_nothing(noon: dt.datetime, nobody: Program) -> None:
    assert nobody.get("/market/breadth").json == {"newest_week": None, "late": False, "computed_at": None, "all": None,
                                                  "exchanges": [], "sectors": []}
    assert nobody.get("/market/breadth/weeks").json == {"items": [], "next": None}
    assert nobody.get("/market").json == {"items": [], "next": None}


@pytest.mark.both_databases
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_weeks_come_page_by_page_each_once(app: Flask, nobody: Program, order: str) -> None:
    for age in range(5):
        db.session.add_all(StageCount(week=FRIDAY - age * WEEK, stage=stage, count=10 * age + stage)
                           for stage in range(5))
    db.session.commit()
    path, seen = f"/market/breadth/weeks?limit=2&order={order}&to=2026-11-12", []
    while path:
        page = nobody.get(path).json or {}
        BreadthWeeksOut.model_validate(page)
        seen += page["items"]
        path = (page["next"] or "").removeprefix("/api/v1")
    rows = [{"week": (FRIDAY - age * WEEK).isoformat(), "stage_1": 10 * age + 1, "stage_2": 10 * age + 2,
             "stage_3": 10 * age + 3, "stage_4": 10 * age + 4, "none": 10 * age} for age in (4, 3, 2, 1)]
    assert seen == (rows if order == "asc" else rows[::-1])
    assert nobody.get("/market/breadth/weeks.csv?limit=1").text.splitlines() == [
        "week,stage_1,stage_2,stage_3,stage_4,none", "2026-10-16,41,42,43,44,40"]


def test_exchanges_tell_whether_they_are_open_and_when_they_open(noon: dt.datetime, app: Flask,
                                                                 nobody: Program) -> None:
    day = 24 * HOUR
    add_session("XNAS", NOON - 2.5 * HOUR, NOON + 4 * HOUR, pre_opens_at=NOON - 8 * HOUR,
                post_closes_at=NOON + 8 * HOUR)
    add_session("XNAS", NOON + 3 * day - 2.5 * HOUR, NOON + 3 * day + 4 * HOUR)
    add_session("XNYS", NOON + HOUR, NOON + 4 * HOUR, pre_opens_at=NOON - HOUR)
    add_session("XLON", NOON - 9 * HOUR, NOON - HOUR)
    add_session("XLON", NOON + 3 * day, NOON + 3 * day + HOUR)
    add_session("XTKS", NOON - 2 * HOUR, NOON + 3 * HOUR, break_starts_at=NOON, break_ends_at=NOON + HOUR)
    content = nobody.get("/market").json or {}
    ExchangesOut.model_validate(content)
    found = {each["mic"]: each for each in content["items"]}
    assert {mic: (row["state"], row["day"], row["opens_at"], row["next_open"]) for mic, row in found.items()} == {
        "XNAS": ("regular", "2026-11-20", "2026-11-20T14:30:00Z", "2026-11-23T14:30:00Z"),
        "XNYS": ("pre", "2026-11-20", "2026-11-20T18:00:00Z", "2026-11-20T18:00:00Z"),
        "XLON": ("closed", "2026-11-23", "2026-11-23T17:00:00Z", "2026-11-23T17:00:00Z"),
        "XTKS": ("break", "2026-11-20", "2026-11-20T15:00:00Z", "2026-11-20T18:00:00Z")}
    assert nobody.get("/market.csv").text.startswith("mic,name,country,time_zone,state,")
