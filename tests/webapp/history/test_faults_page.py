"""The list of what is odd in past prices, and the page of one such place."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.history.past import (
    NOW,
    add_bars,
    add_fault,
    admin,
    browser,
    cheap_hashes,
    stranger,
    today,
    visitor,
    weekdays,
)
from tests.webapp.people import Browser
from webapp.extensions import db
from webapp.history.faults import PER_PAGE
from webapp.models import BarFinding, BarSeries, FaultState

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today", "visitor"]

PAGE = "/history/findings"
DAY = dt.date(2026, 2, 3)


@pytest.fixture
def series(app: Flask) -> list[BarSeries]:
    """Bars of Apple, and of Shell on two exchanges."""
    days = weekdays(dt.date(2026, 1, 2), dt.date(2026, 3, 31), (dt.date(2026, 2, 10),))
    return [add_bars(add_stock(symbol, mic), days) for symbol, mic in (
        ("AAPL", "XNAS"), ("SHEL", "XNYS"), ("SHEL", "XLON"))]


def details(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-label="Why">fault (\d+)<', page)]


def test_a_visitor_is_asked_to_log_in_and_a_stranger_sees_no_such_page(
        visitor: Browser, stranger: Browser, series: list[BarSeries]) -> None:
    fault = add_fault(series[0], DAY)
    bar = f"/history/bars/{series[0].id}/{DAY}"
    for path in (PAGE, f"{PAGE}/{fault.id}", bar):
        assert visitor.get(path).headers["Location"].startswith("/login")
        assert stranger.get(path).status_code == 404
    for path in (f"{PAGE}/{fault.id}/explain", f"{PAGE}/{fault.id}/split", bar, f"{bar}/take-out", f"{bar}/undo"):
        assert stranger.post(path, {"note": "x", "sure": "yes", "was": ""}).status_code == 404
        assert visitor.post(path).status_code == 303


@pytest.mark.both_databases
@pytest.mark.parametrize(("query", "found"), [
    ("", [3, 1, 0]), ("state=open", [3, 1, 0]), ("state=explained", [2]), ("state=repaired", []),
    ("state=all", [3, 2, 1, 0]),
    ("kind=gap", [3]), ("kind=nonsense", [3, 1, 0]), ("state=nonsense", [3, 2, 1, 0]), ("symbol=AAPL", [0]),
    ("symbol=shel", [3, 1]), ("symbol=XLON:SHEL", [3]), ("symbol=NOPE", []), ("symbol=%00", []),
    ("state=all&kind=outlier&symbol=SHEL.L", [2]), ("after=2026-02-04.99", [1, 0]), ("after=2026-02-04.0", [0]),
    ("after=x.y", [3, 1, 0]), ("after=2026-02-30.1", [3, 1, 0]), ("before=2026-02-03.99", [3, 1]),
])
def test_findings_are_filtered_and_the_newest_day_comes_first(
        browser: Browser, series: list[BarSeries], query: str, found: list[int]) -> None:
    for place, (where, kind, state) in enumerate([
            (0, "outlier", FaultState.OPEN), (1, "order", FaultState.OPEN), (2, "outlier", FaultState.EXPLAINED),
            (2, "gap", FaultState.OPEN)]):
        add_fault(series[where], DAY + dt.timedelta(days=place), kind, state=state.value, detail=f"fault {place}")
    page = browser.get(f"{PAGE}?{query}")
    assert page.status_code == 200
    assert details(page.text) == found
    assert found or "No stock here is called" in page.text or "Nothing of that kind was found." in page.text


@pytest.mark.both_databases
@pytest.mark.parametrize("state", ["open", "all"])
def test_pages_follow_each_other_both_ways_and_lose_nothing(
        browser: Browser, series: list[BarSeries], state: str) -> None:
    count = 2 * PER_PAGE + 5
    db.session.add_all(BarFinding(
        series_id=series[number % 3].id, kind="outlier", day=DAY + dt.timedelta(days=number // 3), last_day=DAY,
        detail=f"fault {number}", found_at=NOW,
        state=FaultState.EXPLAINED.value if state == "all" and number % 5 == 0 else FaultState.OPEN.value)
        for number in range(count))
    db.session.commit()
    query, pages = f"{PAGE}?state={state}&kind=outlier", []
    while query:
        page = browser.get(query).text
        pages.append(details(page))
        found = re.search(r'rel="next" href="([^"]+)"', page)
        query = found[1].replace("&amp;", "&") if found else ""
        assert not query or f"state={state}&kind=outlier" in query
    assert [number for each in pages for number in each] == list(range(count - 1, -1, -1))
    for expected in (pages[1], pages[0]):
        found = re.search(r'rel="prev" href="([^"]+)"', page)
        assert found
        page = browser.get(found[1].replace("&amp;", "&")).text
        assert details(page) == expected
    assert 'rel="prev"' not in page


def test_where_nothing_is_odd_the_page_says_so(browser: Browser) -> None:
    assert "Nothing odd is open." in browser.get(PAGE).text


def test_a_finding_shows_the_bars_around_it_and_those_that_are_missing(
        browser: Browser, series: list[BarSeries]) -> None:
    fault = add_fault(series[0], dt.date(2026, 2, 10), "gap", detail="no bar <i>there</i>")
    page = browser.get(f"{PAGE}/{fault.id}").text
    lines = re.findall(r'<tr( class="odd")?><th scope="row"><a href="[^"]+/(\d{4}-\d\d-\d\d)\?finding=1">', page)
    assert [day for odd, day in lines if odd] == ["2026-02-10"]
    assert (lines[0][1], lines[-1][1]) == ("2026-01-29", "2026-02-20")
    assert '<td colspan="5" data-name="Bar">none</td>' in page
    assert "no bar &lt;i&gt;there" in page
    assert "It was a split" not in page


def test_a_long_gap_is_not_drawn_day_by_day(browser: Browser, series: list[BarSeries]) -> None:
    fault = add_fault(series[0], dt.date(1990, 1, 1), "gap", last_day=dt.date(2026, 1, 1))
    assert browser.get(f"{PAGE}/{fault.id}").text.count("<tr") < 70


def test_a_settled_one_says_by_whom_and_why_and_asks_for_nothing(browser: Browser, series: list[BarSeries]) -> None:
    fault = add_fault(series[0], DAY, state=FaultState.EXPLAINED.value, settled_at=NOW, settled_by="bob@example.org",
                      note="a <b>crash</b>")
    page = browser.get(f"{PAGE}/{fault.id}").text
    assert "bob@example.org" in page
    assert "a &lt;b&gt;crash" in page
    assert "explain" not in page
    by_itself = add_fault(series[1], DAY, state=FaultState.EXPLAINED.value, settled_at=NOW)
    assert "later bars or events" in browser.get(f"{PAGE}/{by_itself.id}").text


@pytest.mark.parametrize("number", ["0", "999", "x", "-1", "99999999999"])
def test_there_is_no_page_of_a_finding_that_is_not(browser: Browser, number: str) -> None:
    assert browser.get(f"{PAGE}/{number}").status_code == 404
