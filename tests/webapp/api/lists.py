"""Stocks, a person's list of them, for the tests of lists over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.api.conftest import Program
from webapp.extensions import db
from webapp.models import InstrumentRow, Scope, User, Watchlist
from webapp.watchlists import service

Make = Callable[..., Program]


@pytest.fixture
def stocks(app: Flask) -> list[InstrumentRow]:
    """Apple, Microsoft, IBM, and Shell on two exchanges."""
    return [add_stock("AAPL"), add_stock("MSFT"), add_stock("IBM", "XNYS"), add_stock("SHEL", "XNYS"),
            add_stock("SHEL", "XLON", currency="GBP", unit="GBX", country="GB")]


@pytest.fixture
def mine(person: User, program: Make) -> Program:
    """The person's program, which may change what is theirs."""
    return program(person, Scope.WRITE)


@pytest.fixture
def tech(person: User, stocks: list[InstrumentRow]) -> Watchlist:
    """The person's list of three stocks; there is a note on the second."""
    made = service.create_watchlist(person.id, "Tech")
    service.add_symbols(made, [stock.id for stock in stocks[:3]])
    service.write_note(made, stocks[1].id, "cloud")
    db.session.commit()
    return made


def keys(answer: Any) -> list[str]:
    """Return the stocks of a list's answer."""
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json["items"]]
