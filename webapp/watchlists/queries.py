"""What the pages of a person's lists read."""

from __future__ import annotations

from sqlalchemy import select

from webapp.errors import NotFound
from webapp.extensions import db
from webapp.lists import Summary, find_watchlist, list_watchlists
from webapp.models import InstrumentRow, WatchlistItem
from webapp.records import Instrument

__all__ = ["Summary", "find_item", "find_watchlist", "list_watchlists", "load_notes"]


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
