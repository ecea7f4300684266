"""When prices by the minute are to be fetched again: the web asks for them, a worker fetches them."""

from __future__ import annotations

import datetime as dt

from flask import current_app
from sqlalchemy import func, select

from config import Config
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import IngestRun, RunState
from webapp.records import Instrument

# What a try to fetch minutes is called in its `kind`.
KIND = "minutes"
# While there is trading they are fetched so often at most; so long after its end (a midday break is one), once more.
EVERY, SETTLES = dt.timedelta(seconds=60), dt.timedelta(minutes=20)
# Of an exchange whose days are not known.
WITHOUT_BOOK = dt.timedelta(hours=1)


def is_due(stock: Instrument, now: dt.datetime, book: SessionBook) -> bool:
    """Tell whether there may be minutes that no fetch has brought yet."""
    fetched = db.session.scalar(select(func.max(IngestRun.started_at)).where(
        IngestRun.instrument_id == stock.id, IngestRun.kind == KIND, IngestRun.state == RunState.DONE.value))
    return fetched is None or fetched <= complete_at(stock.mic, now, book)


def complete_at(mic: str, now: dt.datetime, book: SessionBook) -> dt.datetime:
    """Return the moment after which a fetch has all that there is to have at `now`."""
    settings: Config = current_app.config["SETTINGS"]
    trades = settings.simulated and settings.SIMULATOR_CLOCK == "always"
    if trades or any(book.current(mic, moment)[1] for moment in (now, now - SETTLES)):
        return now - EVERY
    resting = book.resting(mic, now)
    if resting is not None and resting.break_starts_at is not None:
        return resting.break_starts_at + SETTLES
    last = book.last_completed(mic, now)
    return last.ends_at + SETTLES if last else now - WITHOUT_BOOK
