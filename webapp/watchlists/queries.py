"""What the pages of a person's lists read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select

from webapp.errors import NotFound
from webapp.extensions import db
from webapp.lists import Summary, find_watchlist, list_watchlists
from webapp.models import InstrumentRow, Watchlist, WatchlistItem
from webapp.records import Instrument

__all__ = ["Summary", "find_item", "find_watchlist", "list_watchlists", "load_contents", "load_notes", "notes_page"]


@dataclass(frozen=True, slots=True)
class Item:
    """A stock on a list: its key, like XNAS:AAPL, and the note on it, "" where there is none."""

    instrument_id: int
    key: str
    note: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole list as it is now. `position` is its place among the person's lists, from 1."""

    id: int
    name: str
    position: int
    columns: str
    created_at: dt.datetime
    items: list[Item]


@dataclass(frozen=True, slots=True)
class Note:
    """A note with where it stands; `item_id` is the row's number, by which notes are in order."""

    item_id: int
    watchlist_id: int
    watchlist: str
    key: str
    text: str


def load_notes(watchlist_id: int) -> dict[int, str]:
    """Return the note on each stock of a list, "" where there is none, by instrument id in the person's order."""
    query = (select(WatchlistItem.instrument_id, WatchlistItem.note)
             .where(WatchlistItem.watchlist_id == watchlist_id)
             .order_by(WatchlistItem.position, WatchlistItem.id))
    return {row.instrument_id: row.note for row in db.session.execute(query)}


def find_item(watchlist_id: int, instrument_id: int) -> tuple[Instrument, str]:
    """Return a stock on a list with the note on it; raise NotFound if it is not on the list."""
    row = db.session.execute(
        select(InstrumentRow, WatchlistItem.note)
        .join(WatchlistItem, WatchlistItem.instrument_id == InstrumentRow.id)
        .where(WatchlistItem.watchlist_id == watchlist_id, InstrumentRow.id == instrument_id)).one_or_none()
    if row is None:
        raise NotFound("This stock is not on the list.")
    return row[0].record(), row[1]


def load_contents(user_id: int, watchlist_id: int) -> Contents:
    """Return one of the person's lists; raise NotFound for a stranger's as for none. Nothing comes from memory."""
    lists = db.session.execute(
        select(Watchlist.id, Watchlist.name, Watchlist.columns, Watchlist.created_at)
        .where(Watchlist.user_id == user_id).order_by(Watchlist.position, Watchlist.id)).all()
    for place, row in enumerate(lists, start=1):
        if row.id == watchlist_id:
            return Contents(row.id, row.name, place, row.columns, row.created_at, _items(watchlist_id))
    raise NotFound("There is no such list, or it is not yours.")


def _items(watchlist_id: int) -> list[Item]:
    query = (select(InstrumentRow.id, InstrumentRow.mic, InstrumentRow.symbol, WatchlistItem.note)
             .join(WatchlistItem, WatchlistItem.instrument_id == InstrumentRow.id)
             .where(WatchlistItem.watchlist_id == watchlist_id)
             .order_by(WatchlistItem.position, WatchlistItem.id))
    return [Item(row.id, f"{row.mic}:{row.symbol}", row.note) for row in db.session.execute(query)]


def notes_page(user_id: int, after: int, count: int) -> list[Note]:
    """Return up to `count` of the person's notes on all lists, the oldest row first: those behind row `after`."""
    query = (select(WatchlistItem.id, Watchlist.id, Watchlist.name, InstrumentRow.mic, InstrumentRow.symbol,
                    WatchlistItem.note)
             .join(Watchlist, Watchlist.id == WatchlistItem.watchlist_id)
             .join(InstrumentRow, InstrumentRow.id == WatchlistItem.instrument_id)
             .where(Watchlist.user_id == user_id, WatchlistItem.note != "", WatchlistItem.id > after)
             .order_by(WatchlistItem.id).limit(count))
    return [Note(number, list_id, name, f"{mic}:{symbol}", text)
            for number, list_id, name, mic, symbol, text in db.session.execute(query)]
