"""What an admin decides is asked of a worker; the web changes no price."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.webapp.findings.conftest import add_hold
from tests.webapp.people import Browser
from webapp import clock, queue
from webapp.extensions import db
from webapp.models import HeldQuote, InstrumentRow, SplitRow, User
from webapp.redis import RedisAway

PAGE = "/admin/findings"
SPLIT = {"symbol": "XNAS:AAPL", "day": "2026-11-20", "ratio": "4:1"}


def jobs(redis: Redis) -> list[tuple[str | None, tuple[Any, ...]]]:
    """Return what was asked of the workers."""
    return [(job.func_name, tuple(job.args)) for job in Queue("default", connection=redis).jobs]


@pytest.mark.parametrize(("do", "take", "word"), [("take", True, "taken"), ("drop", False, "dropped")])
def test_a_held_price_is_taken_or_dropped_by_a_worker(
        browser: Browser, admin: User, stocks: list[InstrumentRow], redis: Redis, do: str, take: bool,
        word: str) -> None:
    add_hold(stocks[0], "150.0000")
    answer = browser.post(f"{PAGE}/holds/{stocks[0].id}", {"do": do, "price": "150.0000"})
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    # The price goes along: another may wait by the time that the worker comes to it.
    assert jobs(redis) == [("worker.jobs.trust.settle_hold",
                            (stocks[0].id, take, admin.id, "150.0000"))]
    assert f"XNAS:AAPL at 150.0000 is to be {word}" in browser.get(PAGE).text
    assert db.session.get(HeldQuote, stocks[0].id) is not None


@pytest.mark.parametrize("price", ["149", "", "150.00"])
def test_a_price_that_changed_since_the_admin_saw_it_is_not_decided_on(
        browser: Browser, stocks: list[InstrumentRow], redis: Redis, price: str) -> None:
    add_hold(stocks[0], "150")
    assert browser.post(f"{PAGE}/holds/{stocks[0].id}", {"do": "take", "price": price}).status_code == 303
    assert not jobs(redis)
    assert "no longer waits" in browser.get(PAGE).text


def test_one_that_is_settled_already_is_left_alone(
        browser: Browser, stocks: list[InstrumentRow], redis: Redis) -> None:
    assert browser.post(f"{PAGE}/holds/{stocks[0].id}", {"do": "take", "price": "150"}).status_code == 303
    assert not jobs(redis)


def test_any_other_decision_and_one_without_the_forms_token_are_refused(
        browser: Browser, stocks: list[InstrumentRow], redis: Redis) -> None:
    add_hold(stocks[0], "150")
    assert browser.post(f"{PAGE}/holds/{stocks[0].id}", {"do": "double", "price": "150"}).status_code == 422
    forged = browser.open(f"{PAGE}/holds/{stocks[0].id}", "POST", data={"do": "take", "price": "150"})
    assert forged.status_code == 400
    assert browser.get(f"{PAGE}/holds/{stocks[0].id}").status_code == 405
    assert not jobs(redis)


@pytest.mark.parametrize(("do", "words"), [("take", "Take it"), ("drop", "Drop it")])
def test_the_page_asks_before_it_sends_what_is_decided(
        browser: Browser, stocks: list[InstrumentRow], redis: Redis, do: str, words: str) -> None:
    add_hold(stocks[0], "150.1000")
    path = f"{PAGE}/holds/{stocks[0].id}"
    page = browser.get(PAGE).text
    assert "<form" not in page[page.index('id="holds-title"'):page.index('id="findings-title"')]
    assert f'href="{path}/{do}" aria-label="{words}: AAPL"' in page
    question = browser.get(f"{path}/{do}").text
    assert f"{do.capitalize()} 150.10 USD for XNAS:AAPL?" in question
    assert f'action="{path}"' in question
    assert f'name="do" value="{do}"' in question
    assert 'name="price" value="150.1000"' in question
    assert not jobs(redis)


def test_the_question_about_a_price_that_waits_no_more_leads_back(
        browser: Browser, stocks: list[InstrumentRow]) -> None:
    answer = browser.get(f"{PAGE}/holds/{stocks[0].id}/drop")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert browser.get(f"{PAGE}/holds/{stocks[0].id}/double").status_code == 404


def test_a_split_is_told_to_a_worker(
        browser: Browser, admin: User, stocks: list[InstrumentRow], redis: Redis) -> None:
    answer = browser.post(f"{PAGE}/splits", SPLIT)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert jobs(redis) == [("worker.jobs.trust.note_split", (stocks[0].id, "2026-11-20", "4", admin.id))]
    assert "XNAS:AAPL is split 4:1 from 20 Nov 2026 on" in browser.get(PAGE).text
    assert not db.session.query(SplitRow).count()


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"symbol": ""}, "Which stock?"), ({"symbol": "NOPE"}, "No stock here is called so."),
    ({"symbol": "SHEL"}, "Which one: XLON:SHEL, XNYS:SHEL?"),
    ({"day": ""}, "From which day on?"), ({"day": "20.11.2026"}, "Not a valid date value."),
    ({"day": "0001-01-01"}, "That day is too far away."), ({"day": "9999-12-31"}, "That day is too far away."),
    ({"ratio": ""}, "How many for how many?"), ({"ratio": "four"}, "Write it like 4:1 or 1:10."),
    ({"ratio": "1:1"}, "That would change nothing."),
])
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_lost(
        browser: Browser, stocks: list[InstrumentRow], redis: Redis, changes: dict[str, str], sentence: str) -> None:
    sent = SPLIT | changes
    answer = browser.post(f"{PAGE}/splits", sent)
    assert answer.status_code == 422
    field = next(iter(changes))
    assert f'id="{field}-error">{sentence}</p>' in answer.text
    for name, value in sent.items():
        assert f'name="{name}"' in answer.text
        assert f'value="{value}"' in answer.text
    assert not jobs(redis)


def test_a_split_of_next_week_can_be_told_today(browser: Browser, stocks: list[InstrumentRow], redis: Redis) -> None:
    day = (clock.now() + dt.timedelta(days=7)).date().isoformat()
    assert browser.post(f"{PAGE}/splits", SPLIT | {"day": day}).status_code == 303
    assert jobs(redis)[0][1][1] == day


@pytest.mark.parametrize("path", ["holds", "splits"])
def test_while_redis_is_away_the_page_says_to_try_again(
        browser: Browser, stocks: list[InstrumentRow], app: Flask, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    add_hold(stocks[0], "150")

    def away(*_args: object) -> None:
        raise RedisAway[0]

    monkeypatch.setattr(queue, "settle_hold", away)
    monkeypatch.setattr(queue, "note_split", away)
    if path == "holds":
        answer = browser.post(f"{PAGE}/holds/{stocks[0].id}", {"do": "take", "price": "150"})
    else:
        answer = browser.post(f"{PAGE}/splits", SPLIT)
    assert answer.status_code == 503
    assert "try again in a minute" in answer.text
