"""The page of all stocks by months: what is there, what is missing, what is odd."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import add_stock
from tests.webapp.history.past import (
    add_bars,
    add_calendar,
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
from webapp import clock
from webapp.extensions import db
from webapp.history.coverage import PER_PAGE
from webapp.models import BarFault, FaultState, InstrumentRow
from webapp.records import Adjustment

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today", "visitor"]

PAGE = "/history/coverage"
FIRST, LAST = dt.date(2025, 1, 1), dt.date(2026, 11, 20)


def symbols(page: str) -> list[str]:
    """Return the stocks of the page in their order."""
    return re.findall(r'<th scope="row"><a href="/history/\w+/[^"]+">([^<]+)</a>', page)


def titles(page: str, symbol: str) -> list[str]:
    """Return what is said of each year of a stock to those who do not see the picture."""
    row = re.search(rf'<th scope="row"><a href="[^"]+">{re.escape(symbol)}</a>(.*?)</tr>', page, re.DOTALL)
    assert row
    return re.findall(r"<title>([^<]+)</title>", row[1])


@pytest.fixture
def stocks(app: Flask) -> Sequence[InstrumentRow]:
    """A stock that is whole, one with a gap, one with an odd bar, one from two sources, one without bars."""
    add_calendar("XNAS", (2025, 2026))
    found = [add_stock(symbol) for symbol in ("FULL", "GAPS", "ODD", "TWO", "VOID")]
    days = weekdays(FIRST, LAST)
    add_bars(found[0], days)
    gap = add_bars(found[1], [day for day in days if day not in {dt.date(2025, 3, 4), dt.date(2025, 3, 5)}])
    add_fault(gap, dt.date(2025, 3, 4), BarFault.GAP.value, last_day=dt.date(2025, 3, 5))
    add_fault(add_bars(found[2], days), dt.date(2026, 2, 3))
    add_bars(found[3], days[:200], "yahoo", adjusted=Adjustment.SPLITS)
    add_bars(found[3], days[200:])
    return found


def test_a_visitor_is_asked_to_log_in_and_a_stranger_sees_no_such_page(visitor: Browser, stranger: Browser) -> None:
    for path in (PAGE, "/history/XNAS/AAPL"):
        assert visitor.get(path).headers["Location"].startswith("/login")
        assert stranger.get(path).status_code == 404
    assert visitor.get("/history/XNAS/AAPL/bars.csv").status_code == 401
    assert stranger.get("/history/XNAS/AAPL/bars.csv").status_code == 404
    assert "/history" not in stranger.get("/account").text


@pytest.mark.both_databases
def test_each_stock_shows_what_is_there_of_each_year_and_from_where(
        browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    page = browser.get(PAGE).text
    assert symbols(page) == ["FULL", "GAPS", "ODD", "TWO"]
    assert titles(page, "FULL") == ["2025: all 261 sessions", "2026: all 232 sessions"]
    assert titles(page, "GAPS") == ["2025: 259 of 261 sessions, missing in March", "2026: all 232 sessions"]
    assert titles(page, "ODD")[1] == "2026: all 232 sessions, open findings in February"
    assert titles(page, "TWO") == titles(page, "FULL")
    assert "Alpha Vantage <small>as traded</small>" in page
    assert "Yahoo Finance <small>split-adjusted</small>" in page
    assert "1 open</a> <small>1 gap</small>" in page


def test_sessions_that_came_after_the_last_bar_are_missing_but_not_those_of_today(
        browser: Browser, stocks: Sequence[InstrumentRow], monkeypatch: pytest.MonkeyPatch) -> None:
    late = add_stock("LATE")
    add_bars(late, weekdays(FIRST, dt.date(2026, 11, 18)))
    assert titles(browser.get(PAGE).text, "LATE")[1] == "2026: 230 of 232 sessions, missing in November"
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2026, 11, 20, 23, tzinfo=dt.UTC))
    assert titles(browser.get(PAGE).text, "LATE")[1] == "2026: 230 of 231 sessions, missing in November"


def test_of_a_stock_that_is_no_longer_listed_nothing_is_missing_since(
        browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    gone = add_stock("GONE", status="delisted", status_day=dt.date(2026, 2, 10))
    add_bars(gone, weekdays(dt.date(2026, 1, 5), dt.date(2026, 2, 6)))
    assert titles(browser.get(PAGE).text, "GONE") == ["2026: 25 of 27 sessions, missing in February"]
    gone.status_day = None
    db.session.commit()
    assert titles(browser.get(PAGE).text, "GONE") == ["2026: all 25 sessions"]


def test_made_up_bars_fill_no_gap_of_real_ones(browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    add_bars(stocks[1], weekdays(FIRST, LAST), "simulator", adjusted=Adjustment.SPLITS)
    assert titles(browser.get(PAGE).text, "GAPS")[0] == "2025: 259 of 261 sessions, missing in March"


def test_bars_that_are_adjusted_for_dividends_are_not_joined_with_others(
        browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    add_bars(stocks[1], weekdays(FIRST, LAST), "stooq", adjusted=Adjustment.ALL)
    add_bars(stocks[4], weekdays(dt.date(2026, 1, 1), LAST), "stooq", adjusted=Adjustment.ALL)
    page = browser.get(PAGE).text
    assert titles(page, "GAPS")[0] == "2025: 259 of 261 sessions, missing in March"
    assert titles(page, "VOID") == ["2026: all 232 sessions"]


def test_a_gap_that_was_explained_is_not_missing_any_more(
        browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    from webapp.models import BarFinding

    db.session.query(BarFinding).filter_by(kind="gap").update({"state": FaultState.EXPLAINED.value})
    db.session.commit()
    page = browser.get(PAGE).text
    assert titles(page, "GAPS")[0] == "2025: all 259 sessions"
    assert symbols(browser.get(f"{PAGE}?state=complete").text) == ["FULL", "GAPS", "TWO"]


@pytest.mark.both_databases
@pytest.mark.parametrize(("query", "found"), [
    ("state=complete", ["FULL", "TWO"]), ("state=gaps", ["GAPS"]), ("state=suspicious", ["ODD"]),
    ("state=none", ["VOID", "VOID"]), ("state=nonsense", ["FULL", "GAPS", "ODD", "TWO"]),
    ("exchange=XLON", []), ("exchange=XLON&state=none", ["VOID"]), ("symbol=odd", ["ODD"]), ("symbol=T", ["TWO"]),
    ("symbol=XNAS:TWO", ["TWO"]), ("symbol=%25", []), ("symbol=%00", ["FULL", "GAPS", "ODD", "TWO"]),
    ("exchange=%00&state=gaps", ["GAPS"]), ("symbol=NOPE", []), ("symbol=VOID&state=none", ["VOID", "VOID"]),
    ("after=%00:%00", ["FULL", "GAPS", "ODD", "TWO"]), ("after=nonsense", ["FULL", "GAPS", "ODD", "TWO"]),
])
def test_stocks_are_filtered_by_state_exchange_and_symbol(
        browser: Browser, stocks: Sequence[InstrumentRow], query: str, found: list[str]) -> None:
    add_stock("VOID", "XLON")
    page = browser.get(f"{PAGE}?{query}")
    assert page.status_code == 200
    assert symbols(page.text) == found
    assert found or "No stock is like that." in page.text


@pytest.mark.both_databases
def test_pages_follow_each_other_both_ways_and_keep_the_filter(browser: Browser) -> None:
    names = [f"S{number:03}" for number in range(2 * PER_PAGE + 3)]
    for name in names:
        add_stock(name)
    query, seen, pages = f"{PAGE}?state=none&until=2020", [], []
    while query:
        page = browser.get(query).text
        pages.append(symbols(page))
        seen += pages[-1]
        assert "until=2020" in query
        found = re.search(r'rel="next" href="([^"]+)"', page)
        query = found[1].replace("&amp;", "&") if found else ""
    assert seen == names
    assert 'rel="next"' not in page
    back = re.search(r'rel="prev" href="([^"]+)"', page)
    assert back
    page = browser.get(back[1].replace("&amp;", "&")).text
    assert symbols(page) == pages[1]
    back = re.search(r'rel="prev" href="([^"]+)"', page)
    assert back
    page = browser.get(back[1].replace("&amp;", "&")).text
    assert symbols(page) == pages[0]
    assert 'rel="prev"' not in page
    assert 'rel="next"' in page


def test_earlier_years_are_a_step_away(browser: Browser, stocks: Sequence[InstrumentRow]) -> None:
    add_bars(stocks[4], weekdays(dt.date(1999, 1, 4), dt.date(1999, 12, 31)))
    page = browser.get(f"{PAGE}?until=2002").text
    assert [f'class="year">{year}<' in page for year in (1990, 1991, 2002, 2003)] == [False, True, True, False]
    assert titles(page, "VOID")[0] == "1999: 260 bars"
    assert "until=1990" in page
    assert "until=2014" in page
    for year in ("0", "9999", "x", "1799", "\u0661999"):
        assert browser.get(f"{PAGE}?until={year}").status_code == 200


def test_without_any_bars_the_page_says_what_to_do(browser: Browser) -> None:
    assert "There are no bars yet." in browser.get(PAGE).text


@pytest.mark.both_databases
def test_a_page_costs_the_same_number_of_statements_however_many_stocks_are_on_it(
        browser: Browser, app: Flask, stocks: Sequence[InstrumentRow]) -> None:
    def statements() -> int:
        counted = 0

        def count(*_args: object) -> None:
            nonlocal counted
            counted += 1

        event.listen(db.engine, "before_cursor_execute", count)
        browser.get(PAGE)
        event.remove(db.engine, "before_cursor_execute", count)
        return counted

    few = statements()
    for number in range(PER_PAGE):
        stock = add_stock(f"M{number}", "XLON" if number % 2 else "XNAS")
        add_bars(stock, weekdays(dt.date(2026, 1, 1), dt.date(2026, 3, 1)))
    assert statements() == few
