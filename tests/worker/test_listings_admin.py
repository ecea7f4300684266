"""What an admin has set of a stock, and the directories that come each night: they leave it as it is."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.worker.test_listings import MONDAY, THURSDAY, TUESDAY, VENDOR, WEDNESDAY, listing, many, row, status
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.stocks import editing
from webapp.stocks.rows import version_of
from worker.listings import take_over

pytestmark = pytest.mark.both_databases

LONG_AGO = dt.date(2025, 1, 2)


def mark(symbol: str, state: str, day: dt.date | None = None, successor: str = "") -> None:
    found = row(symbol)
    editing.mark(found.id, version_of(found), state, day, successor, SHELL_ACTOR)
    db.session.commit()


def release(symbol: str) -> None:
    found = row(symbol)
    editing.let_directories(found.id, version_of(found), SHELL_ACTOR)
    db.session.commit()


def test_a_stock_that_an_admin_delisted_does_not_come_back_with_the_list(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    mark("S3", "delisted", LONG_AGO)
    assert "back" not in take_over(many(), VENDOR, TUESDAY)
    assert status("S3") == ("delisted", LONG_AGO, "")
    release("S3")
    assert take_over(many(), VENDOR, WEDNESDAY).endswith(", 1 back")
    assert status("S3") == ("listed", None, "")


def test_a_stock_that_an_admin_renamed_stays_so(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    mark("S3", "renamed", LONG_AGO, "S4")
    take_over(many(), VENDOR, TUESDAY)
    take_over(many(listing("S3", delisted_on=TUESDAY), without="S3"), VENDOR, WEDNESDAY)
    assert status("S3") == ("renamed", LONG_AGO, "XNAS:S4")


def test_a_stock_that_an_admin_says_is_listed_is_not_marked(app: Flask) -> None:
    take_over(many(), VENDOR, MONDAY)
    mark("S3", "listed")
    for day in (TUESDAY, WEDNESDAY, THURSDAY):
        take_over(many(without="S3"), VENDOR, day)
    take_over(many(listing("S3", delisted_on=MONDAY), without="S3"), VENDOR, THURSDAY)
    assert status("S3") == ("listed", None, "")
    assert row("S3").missing_since is None
    release("S3")
    take_over(many(listing("S3", delisted_on=MONDAY), without="S3"), VENDOR, THURSDAY)
    assert status("S3") == ("delisted", MONDAY, "")


def test_a_name_and_a_kind_of_an_admin_s_stay_and_the_rest_is_taken_over(app: Flask) -> None:
    add_stock("AAA", name="Old name")
    found = row("AAA")
    facts = editing.facts_of(found)
    wanted = editing.Facts("My name", "fund", facts.sector, facts.country, facts.decimals, "", False, facts.quoted_in)
    editing.edit(found.id, version_of(found), wanted, SHELL_ACTOR)
    db.session.commit()
    take_over([listing("AAA", name="Their name", kind="etf", listed_on=MONDAY)], VENDOR, MONDAY)
    assert (row("AAA").name, row("AAA").kind, row("AAA").listed_on) == ("My name", "fund", MONDAY)
    release("AAA")
    take_over([listing("AAA", name="Their name", kind="etf")], VENDOR, TUESDAY)
    assert (row("AAA").name, row("AAA").kind) == ("Their name", "etf")
