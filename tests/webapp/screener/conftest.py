"""People and a small market of analysed stocks for the tests of the screener."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event
from werkzeug.datastructures import MultiDict

from tests.factories import AS_OF, add_stock
from tests.webapp.people import Browser, browser, cheap_hashes, person, stranger, visitor
from webapp.extensions import db
from webapp.models import Snapshot
from webapp.screener.criteria import Asked, Criteria, read

__all__ = ["Browser", "browser", "cheap_hashes", "person", "stranger", "visitor"]

HTMX = {"HX-Request": "true"}
FRIDAY = dt.date(2026, 11, 20)
Analyse = Callable[..., int]


@pytest.fixture(autouse=True)
def the_moment() -> Iterator[None]:
    """Stop the clock, log-in included."""
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def analyse(app: Flask) -> Analyse:
    """Return a function that adds an analysed stock and gives its id; what it is not told is unknown."""
    def add(symbol: str, listing: dict[str, Any] | None = None, **found: Any) -> int:
        stock = add_stock(symbol, **(listing or {}))
        given: dict[str, Any] = {"day": FRIDAY, "week": FRIDAY, "close": 100.0, "source": "tiingo",
                                 "inputs_at": AS_OF, "computed_at": AS_OF} | found
        db.session.add(Snapshot(instrument_id=stock.id, **given))
        db.session.commit()
        return stock.id
    return add


def asked(**params: Any) -> Asked:
    """Read an address with these parameters; a list is a parameter that comes several times."""
    return read(MultiDict({key: value if isinstance(value, list) else str(value) for key, value in params.items()}))


def screen(**params: Any) -> Criteria:
    """Return the screen of an address that is right."""
    found = asked(**params)
    assert not found.errors
    return found.criteria


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """What is asked of the database, in order."""
    heard: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        heard.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield heard
    event.remove(db.engine, "before_cursor_execute", note)
