"""What the search page reads of the providers' answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, select

from webapp.extensions import db
from webapp.models import InstrumentRow, SymbolSearch, Watchlist, WatchlistItem
from webapp.records import Instrument, Listing, currency_of, unit_of
from webapp.symbols.listings import decode, fits, unit_for
from webapp.typed import one_line
from webapp.vendors import title_of

MAX_KEY = 60
LEAST_LETTERS = 2
# Whoever found so few here may ask on.
FEW = 5
# How long an answer holds, and a failure; a question that long unanswered was lost.
ANSWER_HOLDS = dt.timedelta(days=7)
FAILURE_HOLDS = dt.timedelta(minutes=10)
PATIENCE = dt.timedelta(seconds=90)


class Step(StrEnum):
    """How far a question has come."""

    WAITING = "waiting"
    LOST = "lost"
    FAILED = "failed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Hit:
    """One listing that a provider found. `instrument` is what it is here, None where it is new.

    `unit` is what it is quoted in, "" where nobody knows; `assumed` says that the vendor did not say it.
    """

    listing: Listing
    instrument: Instrument | None
    unit: str
    assumed: bool
    fits: bool

    @property
    def currency(self) -> str:
        """Return the currency that the unit is of."""
        return currency_of(self.unit)

    @property
    def minor(self) -> str:
        """Return the unit where it is a hundredth of the currency."""
        return unit_of(self.unit)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking the providers for a text."""

    step: Step
    provider: str = ""
    problem: str = ""
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class ListChoice:
    """A person's list as a stock's page offers it."""

    id: int
    name: str
    has_it: bool


def search_key(text: str) -> str:
    """Return the text as its answer is kept: without capitals and stray spaces; "" where it is not to be asked.

    Dots and dashes stay, unlike in a search of names: BRK.B is not BRKB.
    """
    key = one_line(text.casefold())[:MAX_KEY]
    return key if len(key) >= LEAST_LETTERS and any(letter.isalnum() for letter in key) else ""


def holds(row: SymbolSearch, now: dt.datetime) -> bool:
    """Tell whether a question needs not be asked again: its answer is young, or still to be expected."""
    if row.answered_at is None:
        return row.asked_at > now - PATIENCE
    return row.answered_at > now - (FAILURE_HOLDS if row.problem else ANSWER_HOLDS)


def load_answer(text: str, now: dt.datetime) -> Answer | None:
    """Return what came of asking for a text; None where it was not asked, or too long ago."""
    key = search_key(text)
    row = db.session.get(SymbolSearch, key) if key else None
    if row is None:
        return None
    if row.answered_at is None:
        return Answer(Step.WAITING if holds(row, now) else Step.LOST)
    if not holds(row, now):
        return None
    if row.problem:
        return Answer(Step.FAILED, problem=row.problem)
    listings = [decode(data) for data in row.found or []]
    return Answer(Step.ANSWERED, title_of(row.provider), hits=tuple(_hits(listings)))


def find_listing(text: str, key: str) -> Listing | None:
    """Return the listing with this key (XNAS:AAPL) of the answer that was given for a text, however old."""
    row = db.session.get(SymbolSearch, search_key(text) or "-")
    listings = [decode(data) for data in row.found or []] if row else []
    return next((listing for listing in listings if listing.key == key), None)


def lists_for(user_id: int, instrument_id: int) -> list[ListChoice]:
    """Return a person's lists in their order, each with whether the stock is on it."""
    has_it = exists().where(WatchlistItem.watchlist_id == Watchlist.id, WatchlistItem.instrument_id == instrument_id)
    query = select(Watchlist.id, Watchlist.name, has_it).where(Watchlist.user_id == user_id)
    return [ListChoice(*row) for row in db.session.execute(query.order_by(Watchlist.position, Watchlist.id))]


def _hits(listings: Sequence[Listing]) -> list[Hit]:
    """Say of each listing whether it is here already."""
    symbols = {listing.symbol for listing in listings}
    rows = db.session.scalars(select(InstrumentRow).where(InstrumentRow.symbol.in_(symbols)))
    here = {instrument.key: instrument for instrument in (row.record() for row in rows)}
    return [Hit(listing, here.get(listing.key), unit_for(listing), not listing.unit, fits(listing))
            for listing in listings]
