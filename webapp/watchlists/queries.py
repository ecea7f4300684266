"""What the pages of a person's lists read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from webapp.errors import NotFound
from webapp.extensions import db
from webapp.models import InstrumentRow, Watchlist, WatchlistItem
from webapp.records import Instrument


@dataclass(frozen=True, slots=True)
class Summary:
    """One list as the overview shows it."""

    id: int
    name: str
    stocks: int


def find_watchlist(user_id: int, watchlist_id: int) -> Watchlist | None:
    """Return the person's list; None for a list that is not there and for a stranger's alike."""
    return db.session.scalar(select(Watchlist).where(Watchlist.id == watchlist_id, Watchlist.user_id == user_id))


def list_watchlists(user_id: int) -> list[Summary]:
    """Return the person's lists in the order they gave them."""
    query = (select(Watchlist.id, Watchlist.name, func.count(WatchlistItem.id))
             .outerjoin(WatchlistItem, WatchlistItem.watchlist_id == Watchlist.id)
             .where(Watchlist.user_id == user_id)
             .group_by(Watchlist.id)
             .order_by(Watchlist.position, Watchlist.id))
    return [Summary(*row) for row in db.session.execute(query)]


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
