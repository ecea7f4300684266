"""What several features do with a person's lists: find them, make one, put stocks on it. Nothing here commits.

Each change first takes a row lock by an update that changes nothing. It works on SQLite and PostgreSQL alike, and
what is read after it is what the last change left: two tabs that move rows at once lose neither move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Update, delete, func, select, update

from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import InstrumentRow, User, Watchlist, WatchlistItem
from webapp.typed import one_line

MAX_LISTS = 50
MAX_STOCKS = 500
MAX_NAME = 80
MAX_NOTE = 2_000
NOT_KNOWN = "One of these stocks is not known here. Reload the page and choose again."


class NameTaken(Refused):
    """The person has something of this name."""

    status = 409

    def __init__(self, name: str, what: str = "list") -> None:
        super().__init__(f"You already have a {what} named “{name}”.", code="name-taken")


class Full(Refused):
    """There is no room for more."""

    status = 409

    def __init__(self, message: str) -> None:
        super().__init__(message, code="full")


@dataclass(frozen=True, slots=True)
class Summary:
    """One list as an overview shows it."""

    id: int
    name: str
    stocks: int


@dataclass(frozen=True, slots=True)
class Added:
    """What adding stocks came to: ids of instruments, in the order they were given; how many found no room."""

    added: tuple[int, ...]
    already_there: tuple[int, ...]
    left_out: int = 0

    @property
    def sentence(self) -> str:
        """Say it to the person."""
        count, held = len(self.added), len(self.already_there)
        text = "1 stock was added." if count == 1 else f"{count} stocks were added."
        if held:
            text += f" {held} {'was' if held == 1 else 'were'} there already."
        if self.left_out:
            text += f" {self.left_out:,} found no room: a list holds at most {MAX_STOCKS} stocks."
        return text


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


def create_watchlist(user_id: int, name: str) -> Watchlist:
    """Add an empty list behind the person's others; raise Refused at the limit or for a bad name."""
    lock_person(user_id)
    name = free_name(user_id, name)
    held, last = db.session.execute(
        select(func.count(), func.max(Watchlist.position)).where(Watchlist.user_id == user_id)).one()
    if held >= MAX_LISTS:
        raise Full(f"You have {MAX_LISTS} lists, which is the most one person can keep. Delete one first.")
    watchlist = Watchlist(user_id=user_id, name=name, position=(last or 0) + 1)
    db.session.add(watchlist)
    db.session.flush()
    return watchlist


def add_symbols(watchlist: Watchlist, instrument_ids: Iterable[int]) -> Added:
    """Put stocks at the end of the list; raise Refused, and add none, if they do not all fit."""
    lock_watchlist(watchlist)
    wanted = list(dict.fromkeys(instrument_ids))
    held = _held(watchlist)
    new = [instrument_id for instrument_id in wanted if instrument_id not in held]
    if not _known(new).issuperset(new):
        raise Refused(NOT_KNOWN)
    if len(held) + len(new) > MAX_STOCKS:
        raise Full(f"A list holds at most {MAX_STOCKS} stocks. {len(held)} are on this one, and {len(new)} more "
                   "were chosen: choose fewer, or start another list.")
    _append(watchlist, new)
    return Added(tuple(new), tuple(instrument_id for instrument_id in wanted if instrument_id in held))


def add_what_fits(watchlist: Watchlist, instrument_ids: Iterable[int]) -> Added:
    """Put stocks at the end of the list, the first of them first, until it is full; what is not known is left out."""
    lock_watchlist(watchlist)
    held = _held(watchlist)
    wanted = list(dict.fromkeys(instrument_ids))
    new = [instrument_id for instrument_id in wanted if instrument_id not in held]
    room = max(MAX_STOCKS - len(held), 0)
    known = _known(new[:room])
    fits = [instrument_id for instrument_id in new[:room] if instrument_id in known]
    _append(watchlist, fits)
    there = tuple(instrument_id for instrument_id in wanted if instrument_id in held)
    return Added(tuple(fits), there, len(new[room:]))


def replace_symbol(watchlist: Watchlist, instrument_id: int, successor_id: int) -> None:
    """Put its successor into a stock's place, with its note.

    Where the successor is on the list already it stays where it is, and gets the note behind its own.
    """
    lock_watchlist(watchlist)
    if instrument_id not in _held(watchlist):
        raise NotFound("This stock is no longer on the list.")
    if not _known([successor_id]):
        raise Refused(NOT_KNOWN)
    _replace([watchlist.id], instrument_id, successor_id)


def replace_everywhere(instrument_id: int, successor_id: int) -> frozenset[int]:
    """Do as replace_symbol() does on every list with the stock; return whose lists these are."""
    with_it = select(WatchlistItem.watchlist_id).where(WatchlistItem.instrument_id == instrument_id)
    locked = db.session.execute(
        update(Watchlist).where(Watchlist.id.in_(with_it)).values(position=Watchlist.position)
        .returning(Watchlist.id, Watchlist.user_id), execution_options={"synchronize_session": False}).all()
    _replace([row.id for row in locked], instrument_id, successor_id)
    return frozenset(row.user_id for row in locked)


def users_with(instrument_id: int) -> frozenset[int]:
    """Return whose lists the stock is on."""
    query = select(Watchlist.user_id).join(WatchlistItem).where(WatchlistItem.instrument_id == instrument_id)
    return frozenset(db.session.scalars(query.distinct()))


def _replace(lists: Sequence[int], instrument_id: int, successor_id: int) -> None:
    """Replace the stock on these lists, which are locked."""
    item = WatchlistItem
    on_them = item.watchlist_id.in_(lists)
    notes: dict[int, dict[int, tuple[int, str]]] = {}
    for row in db.session.execute(select(item.id, item.watchlist_id, item.instrument_id, item.note).where(
            on_them, item.instrument_id.in_([instrument_id, successor_id]))):
        notes.setdefault(row.watchlist_id, {})[row.instrument_id] = row.id, row.note
    both = [found for found in notes.values() if len(found) == 2]
    joined = [{"id": found[successor_id][0], "note": "\n".join(
        note for _id, note in (found[successor_id], found[instrument_id]) if note)[:MAX_NOTE]} for found in both]
    if joined:
        db.session.execute(update(item), joined)
        db.session.execute(delete(item).where(item.id.in_([found[instrument_id][0] for found in both])))
    changed(update(item).where(on_them, item.instrument_id == instrument_id).values(instrument_id=successor_id))


def _held(watchlist: Watchlist) -> set[int]:
    return set(db.session.scalars(
        select(WatchlistItem.instrument_id).where(WatchlistItem.watchlist_id == watchlist.id)))


def _known(instrument_ids: Sequence[int]) -> set[int]:
    """Return those that there are, and keep them; one that is just being merged is waited for, and then is not."""
    return set(db.session.scalars(select(InstrumentRow.id).where(InstrumentRow.id.in_(instrument_ids))
                                  .with_for_update(read=True, key_share=True)))


def _append(watchlist: Watchlist, instrument_ids: Sequence[int]) -> None:
    last = db.session.scalar(
        select(func.max(WatchlistItem.position)).where(WatchlistItem.watchlist_id == watchlist.id)) or 0
    db.session.add_all(WatchlistItem(watchlist_id=watchlist.id, instrument_id=instrument_id, position=place)
                       for place, instrument_id in enumerate(instrument_ids, start=last + 1))
    db.session.flush()


def lock_person(user_id: int) -> None:
    """Let one change at a time touch the set of what the person keeps."""
    if not changed(update(User).where(User.id == user_id).values(locked=User.locked)):
        raise NotFound("This account has been deleted.")


def lock_watchlist(watchlist: Watchlist) -> None:
    """Let one change at a time touch the list's rows."""
    set_values(watchlist, position=Watchlist.position)


def set_values(watchlist: Watchlist, **values: object) -> None:
    """Change the list's own row; raise NotFound where it is gone."""
    if not changed(update(Watchlist).where(Watchlist.id == watchlist.id).values(**values)):
        raise NotFound("This list has been deleted meanwhile.")


def changed(statement: Update) -> int:
    """Return how many rows the statement found; objects loaded before are fresh again after the commit."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def free_name(user_id: int, name: str, except_for: int | None = None) -> str:
    """Return the name without stray spaces; raise Refused if it is empty, too long or in use."""
    name = one_line(name)
    if not name:
        raise Refused("Give the list a name.")
    if len(name) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters.")
    others = select(Watchlist.id).where(Watchlist.user_id == user_id, Watchlist.name == name)
    if db.session.scalar(others.where(Watchlist.id != (except_for or 0))) is not None:
        raise NameTaken(name)
    return name
