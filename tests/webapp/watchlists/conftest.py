"""People with browsers, stocks and lists for the tests of watchlists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.webapp.people import Browser, bells, browser, cheap_hashes, person, stranger, visitor
from webapp.extensions import db
from webapp.models import InstrumentRow, User, Watchlist
from webapp.watchlists import service

__all__ = ["Browser", "bells", "browser", "cheap_hashes", "person", "stranger", "visitor"]

HTMX = {"HX-Request": "true"}
Maker = Callable[..., Watchlist]


@pytest.fixture
def stocks(app: Flask) -> list[InstrumentRow]:
    """Six stocks, one symbol of which is listed on two exchanges."""
    rows = [InstrumentRow(symbol=symbol, mic=mic, name=name, currency=currency, country=country, starter=True)
            for symbol, mic, name, currency, country in (
                ("AAPL", "XNAS", "Apple Inc.", "USD", "US"),
                ("MSFT", "XNAS", "Microsoft Corporation", "USD", "US"),
                ("IBM", "XNYS", "International Business Machines", "USD", "US"),
                ("SHEL", "XNYS", "Shell plc", "USD", "GB"),
                ("SHEL", "XLON", "Shell plc", "GBX", "GB"),
                ("BRK.B", "XNYS", "Berkshire Hathaway Inc. Class B", "USD", "US"))]
    db.session.add_all(rows)
    db.session.commit()
    return rows


@pytest.fixture
def make_list(person: User) -> Maker:
    """Return a function that makes one of the person's lists with these stocks on it."""
    def make(name: str = "Tech", stocks: list[InstrumentRow] | None = None) -> Watchlist:
        watchlist = service.create_watchlist(person.id, name)
        service.add_symbols(watchlist, [stock.id for stock in stocks or []])
        db.session.commit()
        return watchlist
    return make
