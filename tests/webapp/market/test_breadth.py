"""How many stocks are in each stage: counted, drawn and listed."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import AS_OF, add_snapshot, add_stock
from webapp.extensions import db
from webapp.market import breadth
from webapp.market.breadth import HEIGHT, ORDER, WIDTH, Week
from webapp.models import InstrumentRow, StageCount

FRIDAY = dt.date(2026, 11, 13)
WEEK = dt.timedelta(days=7)


def add_week(week: dt.date, *counts: int) -> None:
    """Add how many stocks had no stage, then how many were in each."""
    db.session.add_all(StageCount(week=week, stage=stage, count=count) for stage, count in enumerate(counts) if count)
    db.session.commit()


@pytest.fixture
def market(app: Flask) -> None:
    """Five analysed stocks: three of New York, one of London, one whose prices ended a year ago."""
    for symbol, mic, sector, stage, distance in (
            ("A", "XNAS", "Energy", 2, 5.0), ("B", "XNAS", "Energy", 2, -1.0), ("C", "XNAS", "", 4, -9.0),
            ("D", "XLON", "Energy", None, None)):
        add_snapshot(add_stock(symbol, mic, sector=sector), stage=stage, from_average=distance, week=FRIDAY)
    add_snapshot(add_stock("GONE", "XLON"), stage=2, from_average=1.0, week=FRIDAY - 52 * WEEK)


@pytest.mark.both_databases
def test_weeks_come_oldest_first_and_only_of_the_range(app: Flask) -> None:
    for age in (0, 51, 52, 260, 261):
        add_week(FRIDAY - age * WEEK, 5, 1, 2, 3, 4)
    year, five, all_weeks = (breadth.load_weeks(name) for name in breadth.RANGES)
    assert [week.week for week in year] == [FRIDAY - 51 * WEEK, FRIDAY]
    assert [len(five), len(all_weeks)] == [4, 5]
    assert year[0] == Week(FRIDAY - 51 * WEEK, (1, 2, 3, 4), 5)
    assert year[0].total == 10
    assert [year[0].share(stage) for stage in (1, 2, 3, 4)] == [10.0, 20.0, 30.0, 40.0]


@pytest.mark.both_databases
def test_now_counts_by_exchange_and_sector_without_what_is_long_gone(app: Flask, market: None) -> None:
    newest, computed_at = breadth.newest_week()
    assert (newest, computed_at) == (FRIDAY, AS_OF)
    (everything,) = breadth.load_groups(newest)
    assert (everything.now.counts, everything.now.none) == ((0, 2, 0, 1), 1)
    assert (everything.above, everything.measured) == (1, 3)
    assert everything.above_percent == pytest.approx(100 / 3)
    by_mic = {group.name: group for group in breadth.load_groups(newest, InstrumentRow.mic)}
    assert list(by_mic) == ["XNAS", "XLON"]
    assert by_mic["XLON"].now.counts == (0, 0, 0, 0)
    assert by_mic["XLON"].above_percent is None
    by_sector = breadth.load_groups(newest, InstrumentRow.sector)
    assert [(group.name, group.now.counts) for group in by_sector] == [("Energy", (0, 2, 0, 0)), ("", (0, 0, 0, 1))]


def points(text: str) -> list[tuple[int, float]]:
    return [(int(x), float(y)) for x, y in (point.split(",") for point in text.split())]


def test_areas_stand_on_each_other_from_the_floor_to_the_top() -> None:
    weeks = [Week(FRIDAY, (10, 40, 20, 30)), Week(FRIDAY + 2 * WEEK, (0, 100, 0, 0)),
             Week(FRIDAY + 4 * WEEK, (1, 1, 1, 1))]
    areas = {stage: points(text) for stage, text in breadth.draw(weeks).areas.items()}
    assert tuple(areas) == ORDER
    assert areas[2] == [(0, 60), (500, 0), (1000, 75), (1000, 100), (500, 100), (0, 100)]
    for below, above in itertools.pairwise(ORDER):
        assert areas[below][:3] == areas[above][3:][::-1]
    assert [y for _, y in areas[ORDER[-1]][:3]] == [0, 0, 0]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for area in areas.values() for x, y in area)


def test_a_gap_in_the_weeks_is_as_wide_as_it_was_long() -> None:
    weeks = [Week(FRIDAY, (1, 1, 1, 1)), Week(FRIDAY + WEEK, (1, 1, 1, 1)), Week(FRIDAY + 10 * WEEK, (1, 1, 1, 1))]
    assert [x for x, _ in points(breadth.draw(weeks).areas[2])[:3]] == [0, 100, 1000]


def test_below_two_weeks_with_a_stage_nothing_is_drawn() -> None:
    assert breadth.draw([]).areas == {}
    assert breadth.draw([Week(FRIDAY, (1, 0, 0, 0))]).areas == {}
    assert breadth.draw([Week(FRIDAY - WEEK, (0, 0, 0, 0), 9), Week(FRIDAY, (1, 0, 0, 0))]).areas == {}


def test_many_weeks_are_thinned_evenly_and_the_newest_stays() -> None:
    weeks = [Week(FRIDAY + number * WEEK, (1, 0, 0, 0)) for number in range(1000)]
    few = breadth.thinned(weeks, 260)
    assert len(few) <= 260
    assert few[-1] is weeks[-1]
    assert {(later.week - earlier.week).days for earlier, later in itertools.pairwise(few)} == {28}
    assert breadth.thinned(weeks[:5], 260) == weeks[:5]
    assert breadth.thinned([], 260) == []
    picture = breadth.draw(weeks)
    assert len(points(picture.areas[2])) == 2 * len(few)
    assert len(picture.years) >= 5


def test_anybody_sees_the_page_with_picture_table_and_links(client: FlaskClient, market: None) -> None:
    for age in range(60):
        add_week(FRIDAY - age * WEEK, 5, 10, 40, 20, 30)
    page = client.get("/market/stages?range=1Y")
    assert page.status_code == 200
    text = page.text
    assert text.count("<polygon") == 4
    assert "Last: stage 2 40 %, stage 1 10 %, stage 3 20 %, stage 4 30 %." in text
    assert '<a href="/screener?stage=2&amp;age_max=1">2</a>' in text
    assert '/screener?stage=2&amp;mic=XNAS&amp;age_max=1' in text
    assert '/screener?stage=2&amp;sector=Energy&amp;age_max=1' in text
    assert len(re.findall(r"<tr><td>\d+ \w+ 20\d\d</td>", text)) == 52
    assert 'aria-current="page">1Y</a>' in text
    assert "Completed weeks up to 13 Nov 2026" in text


def test_the_links_lead_to_as_many_stocks_as_they_say(client: FlaskClient, market: None) -> None:
    text = client.get("/market/stages").text
    links = re.findall(r'<a href="(/screener\?[^"]+)"[^>]*>(\d+)</a>', text)
    assert len(links) >= 6
    for link, count in links:
        shown = client.get(link.replace("&amp;", "&")).text
        assert len(re.findall(r'<tr id="row-', shown)) == int(count), link


@pytest.mark.parametrize("query", ["", "?range=7Q", "?range=%00", "?range=1Y&range=Max"])
def test_without_any_analysis_the_page_says_so_whatever_is_asked(client: FlaskClient, query: str) -> None:
    page = client.get(f"/market/stages{query}")
    assert page.status_code == 200
    assert "Nothing has been analysed yet" in page.text
    assert "There are not two weeks to compare yet" in page.text
    assert json.loads(client.get(f"/market/stages.json{query}").data)["weeks"] == []


def test_names_of_sectors_are_text(client: FlaskClient) -> None:
    add_snapshot(add_stock("A", sector="<b>R&D</b>"), week=FRIDAY)
    text = client.get("/market/stages").text
    assert "<b>R&D" not in text
    assert "sector=%3Cb%3ER%26D%3C/b%3E" in text


def test_json_has_the_pages_numbers(client: FlaskClient, market: None) -> None:
    add_week(FRIDAY - 300 * WEEK, 1, 1)
    add_week(FRIDAY, 5, 10, 40, 20, 30)
    content = json.loads(client.get("/market/stages.json?range=Max").data)
    assert content["weeks"] == [
        {"week": (FRIDAY - 300 * WEEK).isoformat(), "1": 1, "2": 0, "3": 0, "4": 0, "none": 1},
        {"week": "2026-11-13", "1": 10, "2": 40, "3": 20, "4": 30, "none": 5}]
    assert content["now"] == [{"name": None, "stages": {"1": 0, "2": 2, "3": 0, "4": 1, "none": 1}, "above_average": 1,
                               "measured": 3}]
    assert (content["newest_week"], content["computed_at"]) == ("2026-11-13", "2026-11-20T19:02:11Z")
    assert [group["name"] for group in content["sectors"]] == ["Energy", None]
    assert len(json.loads(client.get("/market/stages.json?range=1Y").data)["weeks"]) == 1
