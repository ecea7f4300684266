"""The row of a stock, found, locked, and told from what it was when an admin looked at it."""

from __future__ import annotations

import hashlib

from sqlalchemy import select, update

from webapp.errors import Conflict, NotFound
from webapp.extensions import db
from webapp.lists import changed
from webapp.models import InstrumentRow

CHANGED = ("This stock has been changed meanwhile. How it is now stands at the top of the page: look at it, and send "
           "yours again if it still holds.")
# What an admin sets of a stock; a change of any of them makes what a page showed an old one.
SEEN = ("name", "kind", "sector", "country", "decimals", "benchmark", "starter", "currency", "unit", "status",
        "status_day", "renamed_to", "set_by_admin")
# A field beside the name in which directories know better, unless an admin has set it.
FOLLOWED = ("name", "kind", "status")


def find_row(mic: str, symbol: str) -> InstrumentRow | None:
    """Return a stock's row by its key."""
    if "\0" in mic + symbol:
        return None
    return db.session.scalar(select(InstrumentRow).where(InstrumentRow.mic == mic, InstrumentRow.symbol == symbol))


def version_of(row: InstrumentRow) -> str:
    """Return a short text that is another one when anything is that an admin sets of the stock."""
    return digest(*(getattr(row, name) for name in SEEN))


def digest(*values: object) -> str:
    """Return a short text to know these values again by."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def lock_row(stock_id: int, seen: str | None = None) -> InstrumentRow:
    """Let one change at a time touch the stock, and return its row as it is now; raise NotFound where it is gone.

    Raise Conflict where it is not any more as it was `seen`, which version_of() gave.
    """
    if not changed(update(InstrumentRow).where(InstrumentRow.id == stock_id).values(starter=InstrumentRow.starter)):
        raise NotFound("This stock is gone: another admin has merged it with another one.")
    row = db.session.get_one(InstrumentRow, stock_id, populate_existing=True)
    if seen is not None and seen != version_of(row):
        raise Conflict(CHANGED)
    return row


def follow(row: InstrumentRow, *names: str) -> None:
    """Keep that an admin has set these fields, so that no directory changes them."""
    held = {*row.set_by_admin.split(","), *names}
    row.set_by_admin = ",".join(name for name in FOLLOWED if name in held)
