"""Setting a bar right: asked before it is done, the original kept, undone by one more repair."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.factories import add_stock
from tests.webapp.history.past import (
    NOW,
    add_bars,
    add_fault,
    admin,
    bars_of,
    browser,
    cheap_hashes,
    stranger,
    today,
    weekdays,
)
from tests.webapp.people import Browser
from webapp import queue
from webapp.analytics.series import to_number
from webapp.bars.codec import SCALE, UNKNOWN, Bars
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.history.faults_forms import written
from webapp.history.stored import load_bar
from webapp.models import BarFinding, BarRepair, BarSeries, FaultState
from webapp.models.bars import DAY, MINUTE
from webapp.records import Adjustment
from webapp.redis import RedisAway

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today"]

THE_DAY, HOLIDAY = dt.date(2026, 2, 3), dt.date(2026, 2, 10)
WAS = "100.22|101.22|99.22|100.22|1000"
NEW = {"open": "100", "high": "103.5", "low": "99.5", "close": "101.12345678", "volume": "2000", "was": WAS}
THEN = "100|103.5|99.5|101.12345678|2000"


@pytest.fixture
def series(app: Flask) -> BarSeries:
    """Bars of Apple; none on a holiday."""
    return add_bars(add_stock("AAPL"), weekdays(dt.date(2026, 1, 2), dt.date(2026, 3, 31), (HOLIDAY,)))


@pytest.fixture
def path(series: BarSeries) -> str:
    return f"/history/bars/{series.id}/{THE_DAY}"


def bar(series: BarSeries, day: dt.date = THE_DAY) -> str:
    """Return a bar as the form's hidden field knows it again, "" for none."""
    db.session.expire_all()
    return written(load_bar(series.id, day))


def jobs(redis: Redis) -> list[str | None]:
    return [job.func_name for job in Queue("default", connection=redis).jobs]


def hidden(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form that is sent to an address."""
    form = re.search(rf'action="{re.escape(action)}"(.*?)</form>', page, re.DOTALL)
    assert form
    return {name: value for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])
            if name != "csrf_token"}


@pytest.mark.both_databases
def test_a_change_is_asked_for_then_made_and_what_was_there_is_kept(
        browser: Browser, series: BarSeries, path: str, redis: Redis) -> None:
    assert bar(series) == WAS
    asked = browser.post(path, NEW)
    assert asked.status_code == 200
    assert "Change the bar so?" in asked.text
    assert (bar(series), db.session.query(BarRepair).count(), jobs(redis)) == (WAS, 0, [])
    fields = hidden(asked.text, path)
    assert fields == NEW | {"sure": "yes"}
    answer = browser.post(path, fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert bar(series) == THEN
    row = db.session.query(BarRepair).one()
    assert row.original == {"open": "100.22", "high": "101.22", "low": "99.22", "close": "100.22", "volume": 1000}
    assert (row.repaired_by, row.repaired_at) == ("ada@example.org", NOW)
    assert jobs(redis) == ["worker.jobs.analysis.analyse"]
    page = browser.get(path).text
    assert "The bar of 3 Feb 2026 is changed." in page
    assert "As it was sent" in page
    assert "Changed by ada@example.org" in page


@pytest.mark.both_databases
def test_a_bar_is_taken_out_and_comes_back_by_one_more_repair(
        browser: Browser, series: BarSeries, path: str) -> None:
    page = browser.get(path).text
    asked = browser.post(f"{path}/take-out", hidden(page, f"{path}/take-out")).text
    assert "Take the bar out?" in asked
    assert bar(series) == WAS
    assert browser.post(f"{path}/take-out", hidden(asked, f"{path}/take-out")).status_code == 303
    assert bar(series) == ""
    page = browser.get(path).text
    assert "Put a bar in" in page
    asked = browser.post(f"{path}/undo", hidden(page, f"{path}/undo")).text
    assert "Bring back what the source sent?" in asked
    assert browser.post(f"{path}/undo", hidden(asked, f"{path}/undo")).status_code == 303
    assert bar(series) == WAS
    page = browser.get(path).text
    assert "/undo" not in page
    assert re.findall(r"<li><p>(\w+ ?\w*) by", page) == ["Undone", "Taken out"]
    assert db.session.query(BarRepair).count() == 2


def test_an_undone_change_brings_back_what_the_source_sends_by_now(
        browser: Browser, series: BarSeries, path: str) -> None:
    browser.post(path, NEW | {"sure": "yes"})
    write_bars(series.instrument_id, DAY, "alpha-vantage", bars_of([THE_DAY], 55), adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    assert bar(series) == THEN
    browser.post(f"{path}/undo", {"was": THEN, "sure": "yes"})
    assert bar(series) == "55|56|54|55|1000"


@pytest.mark.both_databases
def test_a_missing_bar_is_put_in(browser: Browser, series: BarSeries) -> None:
    path = f"/history/bars/{series.id}/{HOLIDAY}"
    assert "Put a bar in" in browser.get(path).text
    sent = {"open": "", "high": "", "low": "", "close": "101", "volume": "", "was": "", "sure": "yes"}
    assert browser.post(path, sent).status_code == 303
    assert bar(series, HOLIDAY) == "|||101|"
    assert "Put in by ada@example.org" in browser.get(path).text
    assert browser.post(f"{path}/undo", {"was": "|||101|", "sure": "yes"}).status_code == 303
    assert bar(series, HOLIDAY) == ""


def test_the_finding_that_led_here_is_repaired_by_it(browser: Browser, series: BarSeries, path: str) -> None:
    fault = add_fault(series, THE_DAY)
    page = browser.get(f"{path}?finding={fault.id}").text
    assert hidden(page, path)["finding"] == str(fault.id)
    assert f'href="/history/findings/{fault.id}"' in page
    answer = browser.post(path, NEW | {"finding": str(fault.id), "sure": "yes"})
    assert answer.headers["Location"] == f"{path}?finding={fault.id}"
    db.session.refresh(fault)
    assert (fault.state, fault.settled_by) == (FaultState.REPAIRED, "ada@example.org")


def test_a_finding_of_another_series_is_not_settled(browser: Browser, series: BarSeries, path: str) -> None:
    fault = add_fault(add_bars(add_stock("MSFT"), weekdays(dt.date(2026, 1, 2), dt.date(2026, 3, 31))), THE_DAY)
    for finding in (str(fault.id), "x", "9" * 30, "\u0661"):
        assert "Back to the finding" not in browser.get(path, query_string={"finding": finding}).text
    assert browser.post(path, NEW | {"finding": str(fault.id), "sure": "yes"}).status_code == 303
    assert db.session.query(BarFinding).filter_by(id=fault.id).one().state == FaultState.OPEN


@pytest.mark.parametrize("step", ["", "/take-out", "/undo"])
def test_a_bar_that_changed_since_it_was_seen_is_not_overwritten(
        browser: Browser, series: BarSeries, path: str, step: str) -> None:
    browser.post(path, NEW | {"sure": "yes"})
    answer = browser.post(path + step, NEW | {"close": "102", "was": WAS, "sure": "yes"})
    assert answer.status_code == 409
    assert "This bar has changed since you opened the page." in answer.text
    assert bar(series) == THEN
    if not step:  # what was typed is still there, and may be sent now
        assert 'value="102"' in answer.text
        assert hidden(answer.text, path)["was"] == THEN


@pytest.mark.parametrize(("changes", "field", "sentence"), [
    ({"close": ""}, "close", "A bar has a close at least."), ({"close": "x"}, "close", "Write it like 123.45"),
    ({"close": "-1"}, "close", "Write it like 123.45"), ({"close": "0"}, "close", "A price is above 0."),
    ({"close": "1,5"}, "close", "Write it like 123.45"), ({"close": "nan"}, "close", "Write it like 123.45"),
    ({"close": "1e5"}, "close", "Write it like 123.45"), ({"close": "\u0661"}, "close", "Write it like 123.45"),
    ({"close": "1.123456789"}, "close", "eight decimals"), ({"high": "90000001"}, "high", "Above 90,000,000"),
    ({"open": "200"}, "high", "The high is below another price of the day."),
    ({"low": "100.5"}, "low", "The low is above another price of the day."),
    ({"volume": "-5"}, "volume", "Write a whole number"), ({"volume": "1.5"}, "volume", "Write a whole number"),
    ({"volume": "9" * 19}, "volume", "Write a whole number"),
    ({"open": "100.22", "high": "101.22", "low": "99.22", "close": "100.22", "volume": "1000"}, "close",
     "Nothing of it is different."),
])
def test_what_cannot_be_a_bar_is_said_at_its_field_and_nothing_is_lost(
        browser: Browser, series: BarSeries, path: str, changes: dict[str, str], field: str, sentence: str) -> None:
    sent = NEW | changes | {"sure": "yes"}
    answer = browser.post(path, sent)
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-error">([^<]+)</p>', answer.text)
    assert found
    assert sentence in found[1]
    for name in ("open", "high", "low", "close", "volume"):
        assert f'value="{sent[name]}"' in answer.text
    assert bar(series) == WAS


def test_what_is_not_repaired_cannot_be_undone(browser: Browser, series: BarSeries, path: str) -> None:
    assert browser.post(f"{path}/undo", {"was": WAS, "sure": "yes"}).status_code == 303
    assert "There is nothing to undo." in browser.get(path).text
    assert not db.session.query(BarRepair).count()


def test_a_bar_that_is_not_there_cannot_be_taken_out(browser: Browser, series: BarSeries) -> None:
    answer = browser.post(f"/history/bars/{series.id}/{HOLIDAY}/take-out", {"was": "", "sure": "yes"})
    assert answer.status_code == 422
    assert "The bar is like that already." in answer.text
    assert not db.session.query(BarRepair).count()


def test_a_bar_whose_high_and_low_were_sent_wrong_can_be_shown_and_mended(
        browser: Browser, series: BarSeries, path: str) -> None:
    odd = Bars(np.array([to_number(THE_DAY)], np.int32), np.array([UNKNOWN]), np.array([90 * SCALE]),
               np.array([110 * SCALE]), np.array([100 * SCALE]), np.array([UNKNOWN]))
    write_bars(series.instrument_id, DAY, "alpha-vantage", odd, adjusted=Adjustment.NONE, now=NOW)
    db.session.commit()
    fields = hidden(browser.get(path).text, path)
    assert fields["was"] == "|90|110|100|"
    sent = {"open": "", "high": "110", "low": "90", "close": "100", "volume": "", **fields, "sure": "yes"}
    assert browser.post(path, sent).status_code == 303
    assert bar(series) == "|110|90|100|"


@pytest.mark.parametrize("day", ["2026-11-22", "1799-12-31", "2026-02-30", "x", "20260203x"])
def test_there_is_no_bar_of_tomorrow_or_of_no_day(browser: Browser, series: BarSeries, day: str) -> None:
    assert browser.get(f"/history/bars/{series.id}/{day}").status_code == 404
    assert browser.post(f"/history/bars/{series.id}/{day}", NEW).status_code == 404


def test_bars_of_a_minute_and_of_no_series_are_not_repaired(browser: Browser, series: BarSeries) -> None:
    close = np.array([SCALE], np.int64)
    minutes = Bars(np.array([to_number(THE_DAY) * 1440 + 900], np.int32), close, close, close, close, close)
    number = write_bars(series.instrument_id, MINUTE, "yahoo", minutes, adjusted=Adjustment.SPLITS, now=NOW).series_id
    db.session.commit()
    for missing in (number, 999):
        assert browser.get(f"/history/bars/{missing}/{THE_DAY}").status_code == 404


def test_a_change_without_the_forms_token_is_refused(browser: Browser, series: BarSeries, path: str) -> None:
    for step in ("", "/take-out", "/undo"):
        assert browser.open(path + step, "POST", data=NEW | {"sure": "yes"}).status_code == 400
    assert bar(series) == WAS


def test_while_redis_is_away_the_repair_is_kept_all_the_same(
        browser: Browser, series: BarSeries, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise RedisAway[0]

    monkeypatch.setattr(queue, "analyse", away)
    assert browser.post(path, NEW | {"sure": "yes"}).status_code == 303
    assert bar(series) == THEN


def test_the_figures_of_a_repair_are_shown_to_their_last_digit(
        browser: Browser, series: BarSeries, path: str) -> None:
    browser.post(path, NEW | {"sure": "yes"})
    assert load_bar(series.id, THE_DAY).close == Decimal("101.12345678")  # type: ignore[union-attr]
    assert "101.12345678</td>" in browser.get(path).text
