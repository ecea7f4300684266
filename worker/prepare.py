"""Brings the database up to date before anything else runs: the tables, the starter list, the trading days."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from alembic import command
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from config import ROOT, Config
from webapp.extensions import db, migrate
from webapp.models import FeedVersion, ProviderState, QuoteRow, Tick
from webapp.symbols.starter import load_starter_list
from webapp.upserts import insert
from worker.history.simulated import drop_simulated_past
from worker.jobs.calendar import write_sessions
from worker.providers.simulator import Simulator
from worker.runs import describe

MIGRATIONS = ROOT / "migrations"
# Any number that no other program takes as an advisory lock in the same PostgreSQL.
LOCK_NUMBER = 7_824_369
LOCK_PATIENCE_S = 120


def prepare_database() -> Iterator[str]:
    """Do what is to be done and say it line by line; cost little where there is nothing to do.

    Several at once wait for each other. A database that cannot be used ends it with one line.
    """
    settings: Config = current_app.config["SETTINGS"]
    try:
        with _alone(settings):
            yield from _prepare(settings)
    except DBAPIError as error:
        raise click.ClickException(
            f"The database {settings.redacted_database} cannot be used ({describe(error)}). Check that it runs, that "
            "DATABASE_URL is right and that the file or the account may be read and written.") from None
    except CommandError as error:
        raise click.ClickException(
            f"The database {settings.redacted_database} was made by another version of Stagewatch ({error}). "
            "Start that version, or name another database with DATABASE_URL.") from None


def _prepare(settings: Config) -> Iterator[str]:
    if not _is_at_head():
        logging.disable(logging.INFO)  # Alembic's own lines; it sets the levels anew, so nothing less will do
        command.upgrade(migrate.get_config(str(MIGRATIONS)), "head")  # type: ignore[arg-type]
        logging.disable(logging.NOTSET)
        yield "The tables are up to date."
    db.session.execute(insert(FeedVersion).values(id=1, value=0).on_conflict_do_nothing())
    # A start may come with a new key or a new plan: whatever paused a provider is tried again.
    db.session.execute(update(ProviderState).values(paused_until=None))
    added = load_starter_list()
    dropped = 0 if settings.simulated else _drop_simulated()
    db.session.commit()
    if added:
        yield f"The starter list has {added} new stocks."
    if dropped:
        yield f"{dropped} simulated prices are gone: prices are real from now on."
    said = write_sessions()
    if said:
        yield f"The calendar: {said}."


def _is_at_head() -> bool:
    """Tell whether the tables are those of this version."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _drop_simulated() -> int:
    """Delete every price that was made up, of today and of the past: beside real ones it would pass for one."""
    gone = db.session.scalars(delete(QuoteRow).where(QuoteRow.source == Simulator.name)
                              .returning(QuoteRow.instrument_id)).all()
    if gone:
        db.session.execute(delete(Tick).where(Tick.source == Simulator.name))
        db.session.execute(update(FeedVersion).values(value=FeedVersion.value + 1))
    drop_simulated_past()
    return len(gone)


@contextmanager
def _alone(settings: Config) -> Iterator[None]:
    """Wait until no other process prepares the same database."""
    if db.engine.dialect.name == "sqlite":
        settings.INSTANCE_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.INSTANCE_DIR / "prepare.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with db.engine.connect() as connection:
        until = time.monotonic() + LOCK_PATIENCE_S
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": LOCK_NUMBER}):
            if time.monotonic() > until:
                raise click.ClickException("Another process has been preparing the database for too long.")
            time.sleep(0.2)
        connection.commit()  # the lock is the session's, not the transaction's
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": LOCK_NUMBER})
