"""The whole result as CSV and JSON: the page's figures, each with its day and its source."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.factories import add_quote
from tests.webapp.people import Browser
from tests.webapp.screener.conftest import FRIDAY, Analyse
from webapp.extensions import db
from webapp.models import InstrumentRow, StageWeek
from webapp.screener import exports, queries


def test_json_has_every_figure_as_it_is_stored_with_its_day_and_source(client: FlaskClient, analyse: Analyse) -> None:
    key = analyse("AAPL", {"sector": "Technology"}, stage=2, since=dt.date(2026, 8, 14), weeks=14, previous_stage=1,
                  close=0.1 + 0.2, average=90.125, slope=-1e-7, from_average=8.5, mansfield=-5.8791, rs=87,
                  benchmark="ARCX:SPY", strength=0.25, high_52=110.0, low_52=80.0, from_high=-3.0, week_volume=2.5,
                  template=0b0000_0101, breakout=FRIDAY, base_high=95.0, evidence=6)
    db.session.add(StageWeek(instrument_id=key, week=FRIDAY, close=99.0, stage=2, week_volume=2.5))
    db.session.commit()
    add_quote(db.session.get_one(InstrumentRow, key), "101.5000", previous_close="100")
    answer = client.get("/screener.json?stage=2")
    assert answer.mimetype == "application/json"
    content = json.loads(answer.data)
    assert {name: content[name] for name in ("query", "newest_week", "count")} == {
        "query": "stage=2", "newest_week": "2026-11-20", "count": 1}
    row = content["rows"][0]
    assert set(row) == set(exports.ALL_FIELDS)
    told = {"symbol": "AAPL", "price": "101.5000", "as_of": "2026-11-20T19:02:11Z", "source": "simulator",
            "stage": 2, "stage_since": "2026-08-14", "rs": 87, "rs_kind": "rank in list", "sector": "Technology",
            "week": "2026-11-20", "week_close": "99.0", "close": "0.30000000000000004", "close_day": "2026-11-20",
            "previous_stage": 1, "average": "90.125", "slope": "-0.0000001", "mansfield": "-5.8791",
            "benchmark": "ARCX:SPY", "relative_volume": None, "template_met": 2, "template": "10100000",
            "breakout": "2026-11-20", "breakout_close": "99.0", "breakout_volume": "2.5", "breakout_above": "no",
            "breakout_average": "yes", "breakout_doubled": "yes", "history_source": "tiingo",
            "inputs_at": "2026-11-20T19:02:11Z", "computed_at": "2026-11-20T19:02:11Z"}
    assert {name: row[name] for name in told} == told


def test_csv_has_the_whole_result_in_the_screens_order(client: FlaskClient, analyse: Analyse,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 2)
    monkeypatch.setattr(exports, "CHUNK", 3)
    for number in range(8):
        analyse(f"S{number}", rs=90 - number, stage=2 if number else 1)
    answer = client.get("/screener.csv?stage=2&sort=rs&dir=asc")
    assert answer.headers["Content-Disposition"] == "attachment; filename=screen.csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["symbol"] for row in rows] == [f"S{number}" for number in range(7, 0, -1)]
    assert tuple(rows[0]) == exports.ALL_FIELDS
    assert rows[0]["mansfield"] == rows[0]["price"] == ""


@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_a_formula_in_a_name_or_sector_is_only_text_in_a_spreadsheet(
        client: FlaskClient, analyse: Analyse, evil: str) -> None:
    analyse("A", {"name": evil, "sector": evil}, source=evil, benchmark=evil[:30], mansfield=-5.5)
    row = next(csv.DictReader(io.StringIO(client.get("/screener.csv").text)))
    assert row["name"] == row["sector"] == row["history_source"] == f"'{evil}"
    assert row["benchmark"] == f"'{evil}"
    assert row["mansfield"] == "-5.5"


def test_somebody_logged_in_gets_the_same_file(browser: Browser, client: FlaskClient, analyse: Analyse) -> None:
    analyse("A")
    assert browser.get("/screener.csv").text == client.get("/screener.csv").text != ""


def test_an_empty_result_is_a_file_too_and_a_bad_screen_is_none(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A", stage=2)
    assert json.loads(client.get("/screener.json?stage=4").data)["rows"] == []
    assert client.get("/screener.csv?stage=4").text == ",".join(exports.ALL_FIELDS) + "\r\n"
    answer = client.get("/screener.json?rs_min=many")
    assert answer.status_code == 422
    assert "“many” is not a number" in json.loads(answer.data)["error"]["message"]


@pytest.mark.parametrize("query", ["sort=beauty", "dir=up"])
def test_an_order_that_cannot_be_read_is_refused_where_nobody_would_see_a_remark(
        client: FlaskClient, analyse: Analyse, query: str) -> None:
    analyse("A")
    for kind in ("json", "csv"):
        assert client.get(f"/screener.{kind}?{query}").status_code == 422


def test_whole_results_are_given_ten_times_a_minute(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A")
    statuses = [client.get(f"/screener.{kind}").status_code for kind in ("csv", "json") * 5]
    assert statuses == [200] * 10
    assert client.get("/screener.csv").status_code == client.get("/screener.json").status_code == 429
    assert client.get("/screener").status_code == 200


def test_who_has_it_already_gets_304(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A")
    tag = client.get("/screener.json").headers["ETag"]
    assert client.get("/screener.json", headers={"If-None-Match": tag}).status_code == 304


def test_every_field_of_its_own_is_documented_in_its_order() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "screener.md").read_text(encoding="utf-8")
    told = [name for row in re.findall(r"^\| (`[a-z_0-9`, ]+`) \|", text, re.M)
            for name in re.findall(r"[a-z_0-9]+", row)]
    assert told == list(exports.OWN_FIELDS)
