"""Changes to a person's lists. Nothing here commits: the view does that, once, and then rings the bell.

Each change first takes a row lock; see webapp/lists.py, which has what other features do with lists too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update

from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.instruments import Ambiguous, Found, Unknown, resolve_all
from webapp.lists import (
    MAX_LISTS,
    MAX_NAME,
    MAX_NOTE,
    MAX_STOCKS,
    Added,
    add_symbols,
    changed,
    create_watchlist,
    free_name,
    lock_person,
    lock_watchlist,
    replace_symbol,
    set_values,
)
from webapp.models import Watchlist, WatchlistItem
from webapp.records import Instrument
from webapp.watchlists.parsing import ParsedLine, parse_symbols

# What the feature's other modules take from here although it lives below.
__all__ = ["MAX_LISTS", "MAX_NAME", "MAX_NOTE", "MAX_STOCKS", "Added", "add_symbols", "create_watchlist",
           "replace_symbol"]

NOT_ON_LIST = "This stock is no longer on the list."


@dataclass(frozen=True, slots=True)
class Review:
    """What an imported text came to. Nothing ambiguous was added: the person chooses among the candidates."""

    added: tuple[Instrument, ...]
    already_there: tuple[Instrument, ...]
    unknown: tuple[ParsedLine, ...]
    ambiguous: tuple[tuple[ParsedLine, tuple[Instrument, ...]], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of place: by a number of steps, or to a place counted from 1. Beyond an end means that end."""

    steps: int = 0
    place: int | None = None

    def apply(self, order: Sequence[int], moved: int) -> list[int]:
        """Return `order` with the element `moved` at its new place."""
        others = [element for element in order if element != moved]
        target = order.index(moved) + self.steps if self.place is None else self.place - 1
        target = min(max(target, 0), len(others))
        return [*others[:target], moved, *others[target:]]


def rename_watchlist(watchlist: Watchlist, name: str) -> None:
    """Give the list another name; raise Refused for a bad one."""
    lock_person(watchlist.user_id)
    name = free_name(watchlist.user_id, name, except_for=watchlist.id)
    set_values(watchlist, name=name)


def delete_watchlist(watchlist: Watchlist) -> None:
    """Delete the list with its places and notes; a list that is gone already is no error."""
    lock_person(watchlist.user_id)
    db.session.execute(delete(Watchlist).where(Watchlist.id == watchlist.id))


def move_watchlist(user_id: int, watchlist_id: int, move: Move) -> None:
    """Put one of the person's lists at another place among them."""
    lock_person(user_id)
    order = list(db.session.scalars(
        select(Watchlist.id).where(Watchlist.user_id == user_id).order_by(Watchlist.position, Watchlist.id)))
    if watchlist_id not in order:
        raise NotFound("This list has been deleted meanwhile.")
    places = [{"id": key, "position": place} for place, key in enumerate(move.apply(order, watchlist_id), start=1)]
    db.session.execute(update(Watchlist), places)


def choose_columns(watchlist: Watchlist, columns: str) -> None:
    """Keep which optional columns the list shows."""
    set_values(watchlist, columns=columns)


def import_text(watchlist: Watchlist, text: str) -> Review:
    """Add every stock that a pasted or uploaded list names without doubt, and say what became of the rest.

    Raise Refused, and add none, for a text that cannot be read or does not fit.
    """
    lines = parse_symbols(text)
    if not lines:
        raise Refused("There is no symbol in it. Paste some, or choose a file that has them.")
    found: dict[int, Instrument] = {}
    unknown: list[ParsedLine] = []
    ambiguous: list[tuple[ParsedLine, tuple[Instrument, ...]]] = []
    for line, answer in zip(lines, resolve_all([line.text for line in lines]), strict=True):
        match answer:
            case Found(instrument):
                found[instrument.id] = instrument
            case Ambiguous(candidates):
                ambiguous.append((line, candidates))
            case Unknown():
                unknown.append(line)
    result = add_symbols(watchlist, found)
    return Review(tuple(found[each] for each in result.added), tuple(found[each] for each in result.already_there),
                  tuple(unknown), tuple(ambiguous))


def remove_symbol(watchlist: Watchlist, instrument_id: int) -> bool:
    """Take a stock off the list, with its note; one that is gone already is no error, but False."""
    lock_watchlist(watchlist)
    gone = delete(WatchlistItem).where(*_item(watchlist, instrument_id)).returning(WatchlistItem.id)
    return db.session.scalar(gone) is not None


def move_symbol(watchlist: Watchlist, instrument_id: int, move: Move) -> None:
    """Put a stock at another place on the list."""
    items = _lock_items(watchlist)
    if instrument_id not in items:
        raise NotFound(NOT_ON_LIST)
    _put_in_order(move.apply(list(items.values()), items[instrument_id]))


def order_symbols(watchlist: Watchlist, instrument_ids: Sequence[int]) -> None:
    """Give the whole list an order; raise Conflict where these are not exactly the stocks on it, each once."""
    items = _lock_items(watchlist)
    if sorted(items) != sorted(instrument_ids):
        raise Conflict("These are not the stocks on the list, each once: it may have changed meanwhile. Read it again.",
                       code="not-the-same-stocks")
    _put_in_order([items[instrument_id] for instrument_id in instrument_ids])


def _lock_items(watchlist: Watchlist) -> dict[int, int]:
    """Let one change at a time touch the list; return the ids of its rows by those of the stocks, in their order."""
    lock_watchlist(watchlist)
    return {row.instrument_id: row.id for row in db.session.execute(
        select(WatchlistItem.instrument_id, WatchlistItem.id)
        .where(WatchlistItem.watchlist_id == watchlist.id)
        .order_by(WatchlistItem.position, WatchlistItem.id))}


def _put_in_order(rows: Sequence[int]) -> None:
    places = [{"id": key, "position": place} for place, key in enumerate(rows, start=1)]
    if places:
        db.session.execute(update(WatchlistItem), places)


def write_note(watchlist: Watchlist, instrument_id: int, text: str) -> None:
    """Keep the person's note on a stock; an empty text removes it."""
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_NOTE:
        raise Refused(f"A note has at most {MAX_NOTE:,} characters; this one has {len(text):,}.")
    found = changed(update(WatchlistItem).where(*_item(watchlist, instrument_id)).values(note=text))
    if not found:
        raise NotFound(NOT_ON_LIST)


def _item(watchlist: Watchlist, instrument_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return WatchlistItem.watchlist_id == watchlist.id, WatchlistItem.instrument_id == instrument_id
