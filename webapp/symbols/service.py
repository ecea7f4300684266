"""Asking providers for symbols, and taking one of their answers into the directory. Nothing here commits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Update, delete, select, update
from sqlalchemy.exc import IntegrityError

from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import InstrumentRow, SymbolSearch
from webapp.records import Instrument, Listing
from webapp.symbols.listings import encode, fits, make_row
from webapp.symbols.queries import PATIENCE, find_listing, holds, search_key

# More than these nobody reads.
MOST_KEPT = 30


def ask(text: str, now: dt.datetime) -> bool:
    """Note that providers are to be asked for a text; tell whether a job is to be queued for it.

    It is not where an answer still holds or is on its way, and of several who ask at once only one is told so.
    """
    key = search_key(text)
    if not key:
        raise Refused("Type at least two letters to search for.")
    row = db.session.get(SymbolSearch, key, populate_existing=True)
    if row is None:
        db.session.add(SymbolSearch(text=key, asked_at=now))
        try:
            db.session.flush()
        except IntegrityError:  # somebody else asks at this moment
            db.session.rollback()
            return False
        return True
    if holds(row, now):
        return False
    claimed = (update(SymbolSearch).where(SymbolSearch.text == key, SymbolSearch.asked_at == row.asked_at)
               .values(asked_at=now, answered_at=None, problem="", provider="", found=None))
    return _changed(claimed) == 1


def forget(text: str) -> None:
    """Take a question back whose job could not be queued."""
    db.session.execute(delete(SymbolSearch).where(SymbolSearch.text == search_key(text),
                                                  SymbolSearch.answered_at.is_(None)))


def is_open(text: str) -> bool:
    """Tell whether a text was asked for and has no answer yet."""
    row = db.session.get(SymbolSearch, search_key(text) or "-", populate_existing=True)
    return row is not None and row.answered_at is None


def next_open(text: str, now: dt.datetime) -> str:
    """Return the oldest question but this one that has no answer and is still waited for; "" where there is none."""
    query = (select(SymbolSearch.text)
             .where(SymbolSearch.answered_at.is_(None), SymbolSearch.asked_at > now - PATIENCE,
                    SymbolSearch.text != search_key(text))
             .order_by(SymbolSearch.asked_at, SymbolSearch.text).limit(1))
    return db.session.scalar(query) or ""


def keep_answer(text: str, provider: str, listings: Sequence[Listing], now: dt.datetime) -> None:
    """Keep what a provider found, each listing once, in its order."""
    found = {listing.key: encode(listing) for listing in listings}
    _answer(text, {"answered_at": now, "provider": provider, "problem": "", "found": list(found.values())[:MOST_KEPT]})


def keep_problem(text: str, problem: str, now: dt.datetime) -> None:
    """Keep why no provider answered, in words fit for a page."""
    _answer(text, {"answered_at": now, "provider": "", "problem": problem[:300], "found": None})


def choose(text: str, key: str) -> Instrument:
    """Return the instrument that a listing of an answer stands for; it is made where there is none yet."""
    mic, _, symbol = key.partition(":")
    listing = find_listing(text, key)
    if listing is None:
        raise NotFound("This result is no longer kept. Search for it again.")
    query = select(InstrumentRow).where(InstrumentRow.mic == mic, InstrumentRow.symbol == symbol)
    row = db.session.scalar(query)
    if row is None:
        if not fits(listing):
            raise Refused(f"{listing.symbol} cannot be added: it is not known in which currency it is quoted.")
        row = make_row(listing)
        db.session.add(row)
        try:
            db.session.flush()
        except IntegrityError:  # somebody else chose it at this moment
            db.session.rollback()
            row = db.session.scalars(query).one()
    return row.record()


def _answer(text: str, values: dict[str, Any]) -> None:
    _changed(update(SymbolSearch).where(SymbolSearch.text == search_key(text)).values(values))


def _changed(statement: Update) -> int:
    """Return how many rows the statement found; objects loaded before are fresh again after the commit."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount
