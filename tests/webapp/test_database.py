"""How the database behaves: exact, durable, patient."""

import datetime as dt
import sqlite3
import threading
import time
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.database import BYTES
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, FeedVersion, InstrumentRow, QuoteRow, Tick
from webapp.records import Session, State


def make_instrument() -> InstrumentRow:
    instrument = InstrumentRow(symbol="IBM", mic="XNYS", name="IBM", currency="USD", country="US")
    db.session.add(instrument)
    db.session.flush()
    return instrument


@pytest.mark.both_databases
@pytest.mark.parametrize("digits", ["121.7400", "0.0040", "700000.01", "1E+3", "0.1"])
def test_a_price_comes_back_with_every_digit_it_was_stored_with(app: Flask, digits: str) -> None:
    moment = dt.datetime(2026, 3, 8, 9, 30, 1, 250, tzinfo=dt.UTC)
    db.session.add(Tick(instrument_id=make_instrument().id, version=1, as_of=moment, price=Decimal(digits), source="x"))
    db.session.commit()
    tick = db.session.query(Tick).one()
    assert format(tick.price, "f") == format(Decimal(digits), "f")
    assert tick.as_of == moment


@pytest.mark.both_databases
def test_the_migrations_make_exactly_the_tables_of_the_models(app: Flask) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.both_databases
def test_a_quote_row_gives_back_the_record(app: Flask) -> None:
    row = QuoteRow(instrument=make_instrument(), version=7, price=Decimal("1.50"), day=dt.date(2026, 3, 9),
                   as_of=dt.datetime(2026, 3, 9, 20, tzinfo=dt.UTC), state=State.LIVE, session=Session.REGULAR,
                   previous_close=Decimal("1.20"), source="x", spark={"prices": ["1", "1.5"]})
    db.session.add(row)
    db.session.commit()
    db.session.expunge_all()
    live = db.session.query(QuoteRow).one().live()
    assert live.quote is not None
    assert (live.change, live.change_percent) == (Decimal("0.30"), Decimal("25.0000"))
    assert live.spark == ("1", "1.5")


def test_sqlite_is_set_up_to_lose_nothing(app: Flask) -> None:
    assert db.session.scalar(text("PRAGMA journal_mode")) == "wal"
    assert db.session.scalar(text("PRAGMA foreign_keys")) == 1
    assert db.session.scalar(text("PRAGMA busy_timeout")) > 0


def test_a_write_waits_while_another_process_holds_the_lock(app: Flask) -> None:
    path = db.engine.url.database
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(1.0, other.rollback).start()
    began = time.monotonic()
    db.session.execute(db.update(FeedVersion).values(value=FeedVersion.value + 1))
    db.session.commit()
    assert time.monotonic() - began > 0.5
    assert db.session.scalar(db.select(FeedVersion.value)) == 1


def test_a_read_then_write_does_not_fail_when_another_wrote_in_between(app: Flask) -> None:
    assert db.session.scalar(db.select(FeedVersion.value)) == 0
    path = db.engine.url.database
    assert path is not None
    with sqlite3.connect(path) as other:
        other.execute("UPDATE feed_version SET value = 5")
    db.session.execute(db.update(FeedVersion).values(value=FeedVersion.value + 1))
    db.session.commit()
    assert db.session.scalar(db.select(FeedVersion.value)) == 6


@pytest.mark.both_databases
def test_an_error_does_not_tell_the_values(app: Flask) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(text("INSERT INTO users (password_hash) VALUES (:hash)"), {"hash": "$argon2id$secret"})
    db.session.rollback()
    assert "$argon2id$secret" not in str(caught.value).replace(str(caught.value.orig), "")


@pytest.mark.both_databases
def test_bytes_come_back_as_they_are_whichever_way_they_are_asked_for(app: Flask) -> None:
    data = bytes(range(256)) * 5
    db.session.add(InstrumentRow(id=1, symbol="IBM", mic="XNYS", name="IBM", currency="USD", country="US"))
    db.session.flush()
    moment = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)
    db.session.add(BarSeries(id=1, instrument_id=1, interval="1d", source="x", adjusted="", fetched_at=moment,
                             changed_at=moment))
    db.session.flush()
    db.session.add(BarChunk(series_id=1, start=dt.date(2026, 1, 1), bars=3, data=data))
    db.session.flush()
    query = db.select(BarChunk.series_id, BarChunk.start, BarChunk.data)
    asked = [query, query.execution_options(**{BYTES: True}), query]
    found = [tuple(db.session.execute(one).one()) for one in asked]
    assert found == [(1, dt.date(2026, 1, 1), data)] * 3
