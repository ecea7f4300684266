"""The page of one stock's history: series, months, bars, events, findings, runs, and the files of its bars."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.history.past import (
    NOW,
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
from webapp.analytics.series import to_number
from webapp.bars import findings
from webapp.bars.codec import SCALE, UNKNOWN, Bars
from webapp.bars.writing import write_bars, write_events
from webapp.extensions import db
from webapp.models import BarFinding, BarSeries, DividendRow, IngestRun, InstrumentRow, RunState, SplitRow
from webapp.models.bars import DAY, MINUTE
from webapp.records import Adjustment, Dividend, Split

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today", "visitor"]

PAGE = "/history/XNAS/AAPL"
FIRST, LAST = dt.date(2026, 1, 2), dt.date(2026, 11, 20)


@pytest.fixture
def stock(app: Flask) -> InstrumentRow:
    """Apple, on an exchange whose calendar is known."""
    add_calendar("XNAS", (2026,))
    return add_stock("AAPL")


@pytest.fixture
def series(stock: InstrumentRow) -> BarSeries:
    """Its bars of a year, without two of March."""
    return add_bars(stock, weekdays(FIRST, LAST, (dt.date(2026, 3, 4), dt.date(2026, 3, 5))))


def plain(page: str) -> str:
    """Return a page as a person reads it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.both_databases
def test_the_page_says_what_each_series_is_and_what_of_each_month_is_there(
        browser: Browser, stock: InstrumentRow, series: BarSeries) -> None:
    other = add_bars(stock, weekdays(dt.date(2026, 1, 5), dt.date(2026, 1, 30)), "tiingo", adjusted=Adjustment.SPLITS)
    page = browser.get(PAGE).text
    text = plain(page)
    assert "Alpha Vantage a day as traded 2 Jan 2026 20 Nov 2026 229 2026-11-21 12:00:00 UTC" in text
    assert "Tiingo a day adjusted for splits, in shares of 30 Jan 2026 5 Jan 2026 30 Jan 2026 20" in text
    shown = plain(browser.get(f"{PAGE}?series={series.id}").text)
    assert "Months of Alpha Vantage" in shown
    assert "2026 21 20 20 /22 22 21 22 23 21 22 22 15" in shown
    assert "2026 20 0 /20 0 /22" in plain(browser.get(f"{PAGE}?series={other.id}").text)


def test_a_month_leads_to_its_bars_with_their_exact_figures(
        browser: Browser, stock: InstrumentRow, series: BarSeries) -> None:
    day = dt.date(2026, 2, 3)
    fine = Bars(np.array([to_number(day)], np.int32), np.array([UNKNOWN]), np.array([123456789012]),
                np.array([1]), np.array([50 * SCALE]), np.array([UNKNOWN]))
    write_bars(stock.id, DAY, "alpha-vantage", fine, adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    page = browser.get(f"{PAGE}?series={series.id}").text
    assert f"{PAGE}?series={series.id}&amp;month=2026-02#bars" in page
    text = plain(browser.get(f"{PAGE}?series={series.id}&month=2026-02").text)
    assert "Bars of February 2026" in text
    assert "2 Feb 2026 100.21 101.21 99.21 100.21 1,000 3 Feb 2026 — 1,234.56789012 0.00000001 50.00 —" in text
    assert "2 Mar 2026" not in text
    assert "There are no bars of this month." in browser.get(f"{PAGE}?month=1999-02").text
    assert "Bars of" not in plain(browser.get(f"{PAGE}?month=1999-13").text).replace("Bars of Prices", "")


def test_events_findings_and_runs_stand_on_the_page(
        browser: Browser, stock: InstrumentRow, series: BarSeries) -> None:
    write_events(stock.id, [Split(dt.date(2020, 8, 31), Decimal(4))], [Dividend(dt.date(2026, 2, 6), Decimal("0.205"))],
                 "alpha-vantage", NOW)
    fault = add_fault(series, dt.date(2026, 2, 3), detail="far from <b>both</b>")
    db.session.add(IngestRun(kind="upload", source="alpha-vantage", subject="apple.csv", instrument_id=stock.id,
                             state=RunState.DONE.value, started_at=NOW, finished_at=NOW, added=229))
    db.session.add(IngestRun(kind="upload", subject="other.csv", started_at=NOW))
    db.session.commit()
    page = browser.get(PAGE).text
    text = plain(page)
    assert "6 Feb 2026 Dividend 0.205 USD Alpha Vantage 2026-11-21 12:00:00 UTC 31 Aug 2020 Split 4:1" in text
    assert f'<a href="/history/findings/{fault.id}">Outlier, 3 Feb 2026</a>: far from &lt;b&gt;both&lt;/b&gt;' in page
    assert "apple.csv" in text
    assert "other.csv" not in text


def test_a_repaired_bar_is_marked_and_leads_to_its_original(browser: Browser, series: BarSeries) -> None:
    day = dt.date(2026, 2, 3)
    findings.repair(series.id, day, {"open": None, "high": None, "low": None, "close": Decimal(7), "volume": None},
                    "ada@example.org", NOW)
    db.session.commit()
    page = browser.get(f"{PAGE}?month=2026-02").text
    assert f'<a href="/history/bars/{series.id}/2026-02-03">3 Feb 2026</a> <span class="badge">repaired' in page
    assert page.count('<span class="badge">repaired') == 1


def test_a_stock_without_bars_and_one_that_nobody_knows(browser: Browser, stock: InstrumentRow) -> None:
    assert "There are no bars of it." in browser.get(PAGE).text
    assert browser.get(f"{PAGE}/bars.csv").status_code == 404
    assert browser.get("/history/xnas/aapl").status_code == 200
    for path in ("/history/XNAS/NOPE", "/history/XLON/AAPL", "/history/%00/AAPL", "/history/XNAS/%00"):
        assert browser.get(path).status_code == 404


def test_a_series_of_another_stock_is_not_shown(browser: Browser, stock: InstrumentRow, series: BarSeries) -> None:
    other = add_bars(add_stock("MSFT"), weekdays(FIRST, LAST))
    for number in (other.id, series.id + 99, "x", "\u0661", "-1"):
        assert browser.get(f"{PAGE}?series={number}").status_code == 404
        assert browser.get(f"{PAGE}/bars.csv?series={number}").status_code == 404


@pytest.mark.both_databases
def test_the_file_has_the_bars_as_they_were_sent(browser: Browser, stock: InstrumentRow, series: BarSeries) -> None:
    answer = browser.get(f"{PAGE}/bars.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == "attachment; filename=AAPL-XNAS-alpha-vantage-1d.csv"
    found = rows(answer.text)
    assert len(found) == 229
    assert found[0] == {"date": "2026-01-02", "open": "100", "high": "101", "low": "99", "close": "100",
                        "volume": "1000", "symbol": "AAPL", "mic": "XNAS", "currency": "USD",
                        "source": "alpha-vantage", "adjusted": "as traded"}
    assert found[1]["close"] == "100.01"
    month = browser.get(f"{PAGE}/bars.csv?month=2026-03")
    assert "AAPL-XNAS-alpha-vantage-1d-2026-03.csv" in month.headers["Content-Disposition"]
    assert [row["date"] for row in rows(month.text)] == [
        f"{day}" for day in weekdays(dt.date(2026, 3, 1), dt.date(2026, 3, 31),
                                     (dt.date(2026, 3, 4), dt.date(2026, 3, 5)))]


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "\uff1d1"])
def test_no_cell_of_the_file_is_run_by_a_spreadsheet(browser: Browser, stock: InstrumentRow, text: str) -> None:
    add_bars(stock, weekdays(FIRST, dt.date(2026, 1, 9)), text)
    stock.symbol = "=A1"
    db.session.commit()
    answer = browser.get("/history/XNAS/=A1/bars.csv")
    assert {row["source"] for row in rows(answer.text)} == {f"'{text}"}
    assert {row["symbol"] for row in rows(answer.text)} == {"'=A1"}


def test_bars_of_a_minute_come_a_month_at_a_time(browser: Browser, stock: InstrumentRow) -> None:
    start = dt.datetime(2026, 11, 20, 14, 31, tzinfo=dt.UTC)
    at = np.arange(3, dtype=np.int32) + int(start.timestamp() // 60)
    for shift in (0, 30 * 24 * 60):
        close = np.full(3, 7 * SCALE + 10, np.int64)
        bars = Bars((at - shift).astype(np.int32), close, close, close, close, np.full(3, UNKNOWN))
        write_bars(stock.id, MINUTE, "simulator", bars, adjusted=Adjustment.SPLITS, now=NOW)
    db.session.commit()
    page = browser.get(PAGE).text
    assert "a minute" in page
    assert "bars.csv?series=1&amp;month=2026-10" in page
    found = rows(browser.get(f"{PAGE}/bars.csv").text)
    assert [row["date"] for row in found] == ["2026-11-20T14:31Z", "2026-11-20T14:32Z", "2026-11-20T14:33Z"]
    assert (found[0]["close"], found[0]["volume"]) == ("7.0000001", "")
    assert len(rows(browser.get(f"{PAGE}/bars.csv?month=2026-10").text)) == 3


def test_a_series_that_came_by_mistake_can_be_removed(stock: InstrumentRow, browser: Browser) -> None:
    wrong = add_bars(stock, weekdays(FIRST, LAST), "file")
    right = add_bars(stock, weekdays(FIRST, LAST), "tiingo")
    write_events(stock.id, [Split(dt.date(2026, 3, 2), Decimal(4))], [Dividend(dt.date(2026, 4, 2), Decimal(1))],
                 "file", NOW)
    write_events(stock.id, [], [Dividend(dt.date(2026, 4, 2), Decimal(2))], "tiingo", NOW)
    add_fault(wrong, LAST)
    path = f"{PAGE}/remove?series={wrong.id}"
    assert f"{PAGE}/remove?series={wrong.id}" in browser.get(PAGE).text
    question = browser.get(path).text
    assert "Remove the bars of File from AAPL?" in question
    assert browser.post(path, follow_redirects=True).status_code == 200
    page = browser.get(PAGE).text
    assert f"series={wrong.id}" not in page
    db.session.expire_all()
    assert [row.id for row in db.session.scalars(select(BarSeries))] == [right.id]
    assert db.session.scalars(select(SplitRow)).all() == []
    assert [row.source for row in db.session.scalars(select(DividendRow))] == ["tiingo"]
    assert db.session.scalars(select(BarFinding)).all() == []


def test_looking_at_the_question_removes_nothing(stock: InstrumentRow, browser: Browser, visitor: Browser) -> None:
    series = add_bars(stock, weekdays(FIRST, LAST), "file")
    path = f"{PAGE}/remove?series={series.id}"
    assert browser.get(path).status_code == 200
    assert browser.get(f"{PAGE}/remove?series=99").status_code == 404
    assert visitor.get(path).status_code in {303, 404}
    assert visitor.post(path).status_code in {303, 400, 404}
    db.session.expire_all()
    assert db.session.get(BarSeries, series.id) is not None
