"""What an admin decides of past prices is in the audit log, and what was not done is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.history.past import add_bars, add_fault, admin, browser, cheap_hashes, today, visitor, weekdays
from tests.webapp.people import Browser
from webapp.extensions import db
from webapp.history.faults_forms import written
from webapp.history.stored import load_bar
from webapp.models import AuditEntry, BarFinding, BarSeries, User

__all__ = ["admin", "browser", "cheap_hashes", "today", "visitor"]

DAY = dt.date(2026, 2, 3)


@pytest.fixture
def series(app: Flask) -> BarSeries:
    return add_bars(add_stock("AAPL"), weekdays(dt.date(2026, 1, 2), dt.date(2026, 3, 31)))


@pytest.fixture
def fault(series: BarSeries) -> BarFinding:
    return add_fault(series, DAY, "possible split")


def log() -> Sequence[AuditEntry]:
    db.session.rollback()
    return db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


@pytest.mark.both_databases
def test_an_explanation_is_written_down_with_who_gave_it(browser: Browser, admin: User, fault: BarFinding) -> None:
    path = f"/history/findings/{fault.id}/explain"
    browser.post(path, {"note": "A spin-off"})
    browser.post(path, {"note": "again"})  # it is settled by now
    [entry] = log()
    assert (entry.user_id, entry.who, entry.via) == (admin.id, "ada@example.org", "page")
    assert (entry.action, entry.subject) == ("finding.explain", "XNAS:AAPL 2026-02-03, possible split")
    assert (entry.before, entry.after) == ({"state": "open"}, {"state": "explained", "note": "A spin-off"})


def test_a_split_is_written_down_once_whatever_the_worker_does(
        browser: Browser, admin: User, fault: BarFinding) -> None:
    from worker.jobs.trust import note_split

    browser.post(f"/history/findings/{fault.id}/split", {"day": "2026-02-03", "ratio": "4:1"})
    stock_id = db.session.query(BarSeries).one().instrument_id
    note_split(stock_id, "2026-02-03", "4", admin.id)
    assert [(entry.action, entry.after) for entry in log()] == [
        ("finding.explain", {"state": "explained", "note": "4:1 split on 3 Feb 2026"}),
        ("split.note", {"day": "2026-02-03", "ratio": "4"})]


def test_a_bar_is_written_down_as_it_was_and_as_it_is(browser: Browser, series: BarSeries) -> None:
    path, before = f"/history/bars/{series.id}/{DAY}", written(load_bar(series.id, DAY))
    sent = {"open": "100", "high": "105", "low": "99", "close": "104.5", "volume": "10", "was": before}
    browser.post(path, sent)
    assert not log()  # it was only asked
    browser.post(path, sent | {"sure": "yes"})
    browser.post(path, sent | {"sure": "yes"})  # it is another bar by now
    after = "100|105|99|104.5|10"
    browser.post(f"{path}/undo", {"was": after, "sure": "yes"})
    browser.post(f"{path}/take-out", {"was": before, "sure": "yes"})
    entries = log()
    assert [entry.action for entry in entries] == ["bar.change", "bar.undo", "bar.remove"]
    assert [(entry.before["bar"], entry.after["bar"]) for entry in entries] == [
        (before, after), (after, before), (before, "")]
    assert entries[0].subject == "XNAS:AAPL 2026-02-03, alpha-vantage"


def test_a_removed_series_is_written_down_with_what_it_was(browser: Browser, series: BarSeries) -> None:
    path = f"/history/XNAS/AAPL/remove?series={series.id}"
    browser.get(path)
    browser.post(path)
    [entry] = log()
    assert (entry.action, entry.subject) == ("series.remove", "XNAS:AAPL")
    assert (entry.before["source"], entry.before["first_day"], entry.before["bars"]) == (
        "alpha-vantage", "2026-01-02", 63)


@pytest.mark.parametrize("path", ["/history/coverage", "/history/findings", "/history/runs", "/history/import",
                                  "/history/XNAS/AAPL", "/admin/findings"])
def test_the_pages_are_under_one_roof_with_the_others_of_admins(
        browser: Browser, series: BarSeries, path: str) -> None:
    page = browser.get(path).text
    assert page.count('<nav class="buttons" aria-label="Admin">') == 1
    words = "Held prices" if path == "/admin/findings" else "Past prices"
    assert f'aria-current="page">{words}</a>' in page


def test_the_page_of_a_bar_is_there_too(browser: Browser, series: BarSeries) -> None:
    assert 'aria-label="Admin"' in browser.get(f"/history/bars/{series.id}/{DAY}").text
