"""The counted quarters: what a process keeps of them is what it would count anew."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from flask import Flask
from sqlalchemy import delete

from tests.webapp.sources.givens import HOUR, NOON
from webapp.extensions import db
from webapp.models import ProviderCall
from webapp.sources import counts
from webapp.sources.usage import IN_A_DAY, Quarter, number_of

MINUTE = dt.timedelta(minutes=1)
NAMES = ("finnhub", "tiingo")


def add(*moments: dt.datetime, provider: str = "finnhub") -> None:
    """Have calls on record that were made then."""
    db.session.add_all(ProviderCall(provider=provider, started_at=moment, outcome="ok") for moment in moments)
    db.session.commit()


def counted_anew(app: Flask, now: dt.datetime) -> dict[str, dict[int, Quarter]]:
    """Return what a process counts that keeps nothing yet."""
    kept = app.extensions.pop(counts.KEEPER, None)
    try:
        return counts.load_quarters(NAMES, now)
    finally:
        app.extensions[counts.KEEPER] = kept


@pytest.mark.both_databases
def test_a_quarter_has_its_calls_and_those_of_its_busiest_minute(app: Flask) -> None:
    add(NOON, NOON + MINUTE, NOON + MINUTE, NOON - MINUTE)
    here = number_of(NOON)
    assert counts.load_quarters(NAMES, NOON + 2 * MINUTE) == {
        "finnhub": {here - 1: Quarter(1, 1), here: Quarter(3, 2)}}


@pytest.mark.both_databases
def test_what_is_kept_is_what_would_be_counted_anew(app: Flask) -> None:
    draw, now = random.Random(1), NOON
    for _ in range(12):
        step = dt.timedelta(seconds=draw.randint(1, 9000))
        add(*(now + draw.random() * step for _ in range(30)), provider=draw.choice(NAMES))
        now += step
        assert counts.load_quarters(NAMES, now) == counted_anew(app, now)


def test_quarters_that_are_over_are_not_counted_again(app: Flask) -> None:
    add(NOON - HOUR, NOON - 30 * HOUR)
    before = counts.load_quarters(NAMES, NOON)
    db.session.execute(delete(ProviderCall))
    db.session.commit()
    assert counts.load_quarters(NAMES, NOON) == before
    add(NOON)
    assert counts.load_quarters(NAMES, NOON)["finnhub"] == before["finnhub"] | {number_of(NOON): Quarter(1, 1)}


def test_a_call_that_ends_in_a_later_quarter_is_counted_there(app: Flask) -> None:
    add(NOON - MINUTE)
    counts.load_quarters(NAMES, NOON)
    call = db.session.query(ProviderCall).one()
    call.started_at = NOON + 2 * MINUTE
    db.session.commit()
    assert counts.load_quarters(NAMES, NOON + 3 * MINUTE) == {"finnhub": {number_of(NOON): Quarter(1, 1)}}


def test_a_clock_that_was_set_back_is_counted_anew(app: Flask) -> None:
    add(NOON - HOUR)
    counts.load_quarters(NAMES, NOON + 20 * HOUR)
    add(NOON)
    assert counts.load_quarters(NAMES, NOON + MINUTE) == counted_anew(app, NOON + MINUTE)


def test_no_more_than_two_days_are_kept(app: Flask) -> None:
    for hour in range(120):
        add(NOON + hour * HOUR)
        counts.load_quarters(NAMES, NOON + hour * HOUR)
    kept = app.extensions[counts.KEEPER]["finnhub"].quarters
    assert 40 < len(kept) <= 2 * IN_A_DAY + 1
