"""What migrations do to the rows of an installation that is in use."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow, Tick, WatchlistItem


@pytest.fixture
def old(app: Flask) -> Iterator[Flask]:
    """A database as the first release left it; afterwards it is as the newest has it."""
    db.session.remove()
    downgrade(revision="0001")
    yield app
    db.session.remove()
    upgrade()


def insert(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))


def fill() -> None:
    """Put a London stock, priced in pence, on somebody's list; and one of New York."""
    for number, symbol, mic, unit, price in ((1, "TSCO", "XLON", "GBX", "452.30"),
                                             (2, "IBM", "XNYS", "USD", "121.74")):
        insert("INSERT INTO instruments (id, symbol, mic, name, folded_name, currency, country, kind, decimals,"
               f" starter) VALUES ({number}, '{symbol}', '{mic}', 'A', 'a', '{unit}', 'GB', 'stock', 1, false)")
        insert("INSERT INTO quotes (instrument_id, version, price, previous_close, as_of, as_of_is_day, day, source,"
               " state, session, problem, spark)"
               f" VALUES ({number}, 1, '{price}', '{price}', '2026-11-20 16:00:00', false, '2026-11-20', 'finnhub',"
               " 'Closed', 'regular', '', '{\"prices\": [\"1\"]}')")
        insert("INSERT INTO ticks (id, instrument_id, version, as_of, price, source)"
               f" VALUES ({number}, {number}, 1, '2026-11-20 16:00:00', '{price}', 'finnhub')")
    insert("INSERT INTO users (id, email, password_hash, created_at, locked)"
           " VALUES (1, 'a@example.com', 'x', '2026-11-20 16:00:00', false)")
    insert("INSERT INTO watchlists (id, user_id, name, position, columns, created_at)"
           " VALUES (1, 1, 'Mine', 1, '', '2026-11-20 16:00:00')")
    insert("INSERT INTO watchlist_items (id, watchlist_id, instrument_id, position, note, created_at)"
           " VALUES (1, 1, 1, 1, '', '2026-11-20 16:00:00')")


@pytest.mark.both_databases
def test_pence_become_pounds_and_nothing_else_changes(old: Flask) -> None:
    fill()
    upgrade()
    tesco, ibm = (db.session.get_one(InstrumentRow, number) for number in (1, 2))
    assert (tesco.currency, tesco.unit, tesco.decimals, tesco.status) == ("GBP", "GBX", 3, "listed")
    assert (ibm.currency, ibm.unit, ibm.decimals) == ("USD", "", 1)
    rows = {row.instrument_id: row for row in db.session.query(QuoteRow)}
    assert (rows[1].price, rows[1].previous_close, rows[1].spark) == (Decimal("4.523"), Decimal("4.523"), None)
    assert (rows[2].price, rows[2].spark) == (Decimal("121.74"), {"prices": ["1"]})
    assert [tick.price for tick in db.session.query(Tick).order_by(Tick.id)] == [Decimal("4.523"), Decimal("121.74")]
    assert db.session.query(WatchlistItem).count() == 1


@pytest.mark.both_databases
def test_the_way_back_is_the_same_way(old: Flask) -> None:
    fill()
    upgrade()
    downgrade(revision="0001")
    with db.engine.connect() as connection:
        found = connection.execute(text("SELECT currency, decimals, price FROM instruments JOIN quotes"
                                        " ON instrument_id = id WHERE id = 1")).one()
        items = connection.scalar(text("SELECT count(*) FROM watchlist_items"))
    assert (found[0], found[1], Decimal(found[2]), items) == ("GBX", 1, Decimal("452.3"), 1)
