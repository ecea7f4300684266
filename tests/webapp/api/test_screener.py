"""The screener by the API: what it finds, page by page, and what may be asked."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.factories import add_quote
from tests.webapp.api.conftest import Program
from tests.webapp.screener.conftest import FRIDAY, Analyse, analyse, statements, the_moment
from webapp.api.v1.screener import COLUMNS, FieldsOut, ScreenRowsOut
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.screener.criteria import CHOICES, END_KEYS, KNOWN, SORTS

__all__ = ["analyse", "statements", "the_moment"]


def found(program: Program, query: str = "") -> dict[str, Any]:
    """Return a page of a screen."""
    answer = program.get(f"/screener?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json or {}


def symbols(program: Program, query: str) -> list[str]:
    return [row["symbol"] for row in found(program, query)["items"]]


@pytest.mark.both_databases
def test_rows_have_the_quote_and_every_figure(nobody: Program, analyse: Analyse) -> None:
    key = analyse("AAPL", {"sector": "Technology"}, stage=2, rs=87, template=0b101, breakout=FRIDAY, evidence=6)
    add_quote(db.session.get_one(InstrumentRow, key), "101.5000", previous_close="100")
    page = found(nobody, "stage=2")
    ScreenRowsOut.model_validate(page)
    assert (page["count"], page["newest_week"], page["next"]) == (1, "2026-11-20", None)
    row = page["items"][0]
    assert (row["key"], row["price"], row["rs"], row["sector"], row["template"], row["breakout_average"]) == (
        "XNAS:AAPL", "101.5000", 87, "Technology", "10100000", "yes")


@pytest.mark.both_databases
def test_pages_follow_each_other_without_a_gap(nobody: Program, analyse: Analyse) -> None:
    for number in range(7):
        analyse(f"S{number}", rs=None if number == 6 else 90 - number // 2)
    path, seen = "/screener?limit=3&sort=rs", []
    while path:
        page = nobody.get(path).json or {}
        assert page["count"] == 7
        seen += [row["symbol"] for row in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert seen == [f"S{number}" for number in range(7)]


@pytest.mark.parametrize(("query", "expected"), [
    ("stage=2&stage=4&sort=symbol", ["A", "C"]), ("stage=0", ["D"]), ("from=1&sort=symbol", ["A"]),
    ("rs_min=80&sort=symbol", ["A", "B"]), ("rs_max=80&sort=symbol", ["B", "C"]), ("avg_min=-2.5", ["A"]),
    ("ev=a&ev=v", ["A"]), ("sector=Energy", ["B"]), ("mic=XNAS&mic=XLON&sort=symbol&dir=desc", ["D", "C", "B", "A"]),
    ("brk_max=4", ["A"]), ("weeks_max=3&sort=weeks", ["A"])])
def test_the_words_are_those_of_the_page(client: FlaskClient, nobody: Program, analyse: Analyse, query: str,
                                         expected: list[str]) -> None:
    analyse("A", stage=2, previous_stage=1, rs=90, from_average=-2.0, evidence=6, weeks=3, breakout=FRIDAY)
    analyse("B", {"sector": "Energy"}, stage=1, rs=80, weeks=9)
    analyse("C", stage=4, rs=70, weeks=9, from_average=-9.0)
    analyse("D")
    assert symbols(nobody, query) == expected
    page = client.get(f"/screener.json?{query}").json
    assert page
    assert [row["symbol"] for row in page["rows"]] == expected


def test_every_word_of_the_page_is_one_of_the_api(nobody: Program) -> None:
    document = nobody.get("/openapi.json").json or {}
    names = {each["name"] for each in document["paths"]["/api/v1/screener"]["get"]["parameters"]}
    assert names == KNOWN - {"before"} | {"limit"}


@pytest.mark.parametrize(("query", "fields"), [
    ("rs_min=100", ["query.rs_min"]),
    ("rs_min=x&weeks_max=0&stage=7", ["query.rs_min", "query.stage.0", "query.weeks_max"]),
    ("rs_min=50&rs_max=40", ["query.rs_max", "query.rs_min"]), ("sort=beauty", ["query.sort"]),
    ("dir=up", ["query.dir"]), ("color=red", ["query.color"]), ("before=1~2", ["query.before"]),
    ("mrs_min=nan", ["query.mrs_min"]),
    ("rs_min=1.5", ["query.rs_min"]), ("sector=%07", ["query.sector"]), ("limit=1001", ["query.limit"])])
def test_everything_that_is_wrong_is_named(nobody: Program, query: str, fields: list[str]) -> None:
    answer = nobody.get(f"/screener?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json
    assert sorted(each["field"] for each in answer.json["errors"]) == fields


@pytest.mark.parametrize("after", ["x", "87", "~", "x~1", "1e999~1", "87~-1"])
def test_a_place_that_there_is_not_is_refused(nobody: Program, after: str) -> None:
    answer = nobody.get(f"/screener?sort=rs&after={after}")
    assert (answer.status_code, answer.json and answer.json["code"]) == (422, "bad-cursor")


def test_a_screen_as_csv_has_the_columns_of_the_json(nobody: Program, analyse: Analyse) -> None:
    for symbol in "ABC":
        analyse(symbol, rs=50)
    answer = nobody.get("/screener.csv?limit=2&sort=symbol")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert set(COLUMNS) == set(found(nobody)["items"][0])
    assert [row["key"] for row in rows] == ["XNAS:A", "XNAS:B"]
    assert "/api/v1/screener.csv?limit=2&sort=symbol&after=" in answer.headers["Link"]


def test_many_stocks_need_no_more_statements(nobody: Program, analyse: Analyse, statements: list[str]) -> None:
    for number in range(12):
        analyse(f"S{number}")
    statements.clear()
    found(nobody, "limit=3")
    few = len(statements)
    statements.clear()
    found(nobody, "limit=12")
    assert len(statements) == few <= 6


def test_what_may_be_asked_is_told(nobody: Program, analyse: Analyse) -> None:
    analyse("A", {"sector": "Energy"}, stage=2, rs=95, weeks=1, since=dt.date(2026, 11, 20))
    content = nobody.get("/screener/fields").json or {}
    FieldsOut.model_validate(content)
    assert {name for each in content["measures"] for name in each["parameters"]} == set(END_KEYS)
    assert {each["key"]: [word["word"] for word in each["words"]] for each in content["choices"]} == {
        choice.key: list(choice.options) or {"mic": ["XNAS"], "sector": ["Energy"], "cur": ["USD"], "kind": ["stock"]}[
            choice.key] for choice in CHOICES}
    assert [each["key"] for each in content["sorts"]] == list(SORTS)
    leaders = next(each for each in content["ready"] if each["name"] == "RS leaders in stage 2")
    assert symbols(nobody, leaders["path"].partition("?")[2]) == ["A"]
