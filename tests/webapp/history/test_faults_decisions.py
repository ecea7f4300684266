"""What an admin decides of odd places in past prices: explained in words, or by a split."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.factories import add_stock
from tests.webapp.history.past import add_bars, admin, browser, cheap_hashes, stranger, today, weekdays
from tests.webapp.people import Browser
from webapp import queue
from webapp.bars import findings
from webapp.extensions import db
from webapp.models import BarFinding, BarSeries, FaultState, SplitRow, User
from webapp.redis import RedisAway

__all__ = ["admin", "browser", "cheap_hashes", "stranger", "today"]

DAY = dt.date(2026, 2, 3)
SPLIT = {"day": "2026-02-03", "ratio": "4:1"}


@pytest.fixture
def series(app: Flask) -> BarSeries:
    """Bars of Apple that fall to a quarter from one day to the next."""
    stock = add_stock("AAPL")
    add_bars(stock, weekdays(dt.date(2025, 9, 1), dt.date(2026, 2, 2)), price=400)
    return add_bars(stock, weekdays(DAY, dt.date(2026, 6, 1)))


@pytest.fixture
def fault(series: BarSeries, today: dt.datetime) -> BarFinding:
    """What the checks find in them."""
    findings.check_series(series.id, today)
    db.session.commit()
    return db.session.query(BarFinding).filter_by(kind="possible split").one()


def jobs(redis: Redis) -> list[str | None]:
    """Return what was asked of the workers."""
    return [job.func_name for job in Queue("default", connection=redis).jobs]


@pytest.mark.both_databases
def test_an_explanation_is_kept_with_who_gave_it_and_the_stages_are_reckoned_anew(
        browser: Browser, fault: BarFinding, redis: Redis, today: dt.datetime) -> None:
    path = f"/history/findings/{fault.id}"
    answer = browser.post(f"{path}/explain", {"note": "  A spin-off\r\n of half the firm "})
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    db.session.refresh(fault)
    assert (fault.state, fault.note, fault.settled_by, fault.settled_at) == (
        "explained", "A spin-off of half the firm", "ada@example.org", today)
    assert jobs(redis) == ["worker.jobs.analysis.analyse"]
    assert "The finding is explained." in browser.get(path).text


@pytest.mark.parametrize(("note", "sentence"), [
    ("", "Say it in a few words"), (" \r\n ", "Say it in a few words"), ("\0", "Say it in a few words"),
    ("x" * 301, "That has 301 signs; 300 fit.")])
def test_an_explanation_that_says_nothing_or_too_much_is_refused_and_stays_in_the_form(
        browser: Browser, fault: BarFinding, redis: Redis, note: str, sentence: str) -> None:
    answer = browser.post(f"/history/findings/{fault.id}/explain", {"note": note})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert note.strip("\0 \r\n") in answer.text
    db.session.refresh(fault)
    assert fault.state == FaultState.OPEN
    assert not jobs(redis)


@pytest.mark.parametrize("decision", ["explain", "split"])
def test_what_is_settled_already_stays_as_it_is(
        browser: Browser, fault: BarFinding, redis: Redis, today: dt.datetime, decision: str) -> None:
    findings.explain(fault.id, "bob@example.org", "mine", today)
    db.session.commit()
    path = f"/history/findings/{fault.id}"
    assert browser.post(f"{path}/{decision}", {"note": "later", **SPLIT}).status_code == 303
    assert "settled meanwhile" in browser.get(path).text
    db.session.refresh(fault)
    assert (fault.note, fault.settled_by) == ("mine", "bob@example.org")
    assert not db.session.query(SplitRow).count()
    assert not jobs(redis)


@pytest.mark.both_databases
def test_a_split_is_kept_explains_the_finding_and_is_told_to_a_worker(
        browser: Browser, fault: BarFinding, redis: Redis, admin: User) -> None:
    path = f"/history/findings/{fault.id}"
    assert "It was a split" in browser.get(path).text
    assert 'value="2026-02-03"' in browser.get(path).text
    answer = browser.post(f"{path}/split", SPLIT)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    split = db.session.query(SplitRow).one()
    assert (split.day, split.ratio, split.source) == (DAY, Decimal(4), "admin")
    db.session.refresh(fault)
    assert (fault.state, fault.note, fault.settled_by) == ("explained", "4:1 split on 3 Feb 2026", admin.email)
    assert jobs(redis) == ["worker.jobs.trust.note_split", "worker.jobs.analysis.analyse"]
    told = Queue("default", connection=redis).jobs[0]
    assert told.args == (split.instrument_id, "2026-02-03", "4", admin.id)
    assert "Kept: 4:1 split on 3 Feb 2026." in browser.get(path).text


def test_a_split_explains_the_same_jump_in_another_sources_bars(
        browser: Browser, fault: BarFinding, series: BarSeries, today: dt.datetime) -> None:
    stock = series.instrument_id
    from webapp.models import InstrumentRow

    row = db.session.get(InstrumentRow, stock)
    assert row is not None
    add_bars(row, weekdays(dt.date(2025, 9, 1), dt.date(2026, 2, 2)), "tiingo", price=400)
    other = add_bars(row, weekdays(DAY, dt.date(2026, 6, 1)), "tiingo")
    assert findings.check_series(other.id, today) == 1
    db.session.commit()
    assert browser.post(f"/history/findings/{fault.id}/split", SPLIT).status_code == 303
    db.session.expire_all()
    assert {each.state for each in db.session.query(BarFinding)} == {"explained"}


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"day": ""}, "From which day on?"), ({"day": "3.2.2026"}, "Not a valid date value."),
    ({"day": "1500-01-01"}, "That day is too far away."), ({"day": "2099-01-01"}, "That day is too far away."),
    ({"ratio": ""}, "How many for how many?"), ({"ratio": "four"}, "Write it like 4:1 or 1:10."),
    ({"ratio": "1:1"}, "That would change nothing."), ({"ratio": "20000:1"}, "That is more than a split can be.")])
def test_what_cannot_be_a_split_is_said_at_its_field_and_nothing_is_lost(
        browser: Browser, fault: BarFinding, redis: Redis, changes: dict[str, str], sentence: str) -> None:
    sent = SPLIT | changes
    answer = browser.post(f"/history/findings/{fault.id}/split", sent)
    assert answer.status_code == 422
    assert f'id="{next(iter(changes))}-error">{sentence}</p>' in answer.text
    for value in sent.values():
        assert f'value="{value}"' in answer.text
    assert not db.session.query(SplitRow).count()
    assert not jobs(redis)


def test_while_redis_is_away_what_was_decided_is_kept_all_the_same(
        browser: Browser, fault: BarFinding, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object) -> None:
        raise RedisAway[0]

    monkeypatch.setattr(queue, "note_split", away)
    monkeypatch.setattr(queue, "analyse", away)
    assert browser.post(f"/history/findings/{fault.id}/split", SPLIT).status_code == 303
    db.session.refresh(fault)
    assert fault.state == FaultState.EXPLAINED
    assert db.session.query(SplitRow).count() == 1


@pytest.mark.parametrize("decision", ["explain", "split"])
def test_a_decision_without_the_forms_token_or_about_nothing_is_refused(
        browser: Browser, fault: BarFinding, decision: str) -> None:
    forged = browser.open(f"/history/findings/{fault.id}/{decision}", "POST", data={"note": "x", **SPLIT})
    assert forged.status_code == 400
    assert browser.post(f"/history/findings/999/{decision}", {"note": "x", **SPLIT}).status_code == 404
    assert browser.get(f"/history/findings/{fault.id}/{decision}").status_code == 405
    db.session.refresh(fault)
    assert fault.state == FaultState.OPEN
