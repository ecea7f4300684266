"""Changes to a person's lists. Nothing here commits: the view does that, once, and then rings the bell.

Each change first takes a row lock by an update that changes nothing. It works on SQLite and PostgreSQL alike, and
what is read after it is what the last change left: two tabs that move rows at once lose neither move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Update, delete, func, select, update

from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.instruments import Ambiguous, Found, Unknown, resolve_all
from webapp.models import InstrumentRow, User, Watchlist, WatchlistItem
from webapp.records import Instrument
from webapp.watchlists.parsing import ParsedLine, parse_symbols

MAX_LISTS = 50
MAX_STOCKS = 500
MAX_NAME = 80
MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Added:
    """What adding stocks came to: ids of instruments, in the order they were given."""

    added: tuple[int, ...]
    already_there: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """Say it to the person."""
        count, held = len(self.added), len(self.already_there)
        text = "1 stock was added." if count == 1 else f"{count} stocks were added."
        return f"{text} {held} {'was' if held == 1 else 'were'} there already." if held else text


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


def create_watchlist(user_id: int, name: str) -> Watchlist:
    """Add an empty list behind the person's others; raise Refused at the limit or for a bad name."""
    _lock_person(user_id)
    name = _free_name(user_id, name)
    held, last = db.session.execute(
        select(func.count(), func.max(Watchlist.position)).where(Watchlist.user_id == user_id)).one()
    if held >= MAX_LISTS:
        raise Refused(f"You have {MAX_LISTS} lists, which is the most one person can keep. Delete one first.")
    watchlist = Watchlist(user_id=user_id, name=name, position=(last or 0) + 1)
    db.session.add(watchlist)
    db.session.flush()
    return watchlist


def rename_watchlist(watchlist: Watchlist, name: str) -> None:
    """Give the list another name; raise Refused for a bad one."""
    _lock_person(watchlist.user_id)
    name = _free_name(watchlist.user_id, name, except_for=watchlist.id)
    _set(watchlist, name=name)


def delete_watchlist(watchlist: Watchlist) -> None:
    """Delete the list with its places and notes; a list that is gone already is no error."""
    _lock_person(watchlist.user_id)
    db.session.execute(delete(Watchlist).where(Watchlist.id == watchlist.id))


def move_watchlist(user_id: int, watchlist_id: int, move: Move) -> None:
    """Put one of the person's lists at another place among them."""
    _lock_person(user_id)
    order = list(db.session.scalars(
        select(Watchlist.id).where(Watchlist.user_id == user_id).order_by(Watchlist.position, Watchlist.id)))
    if watchlist_id not in order:
        raise NotFound("This list has been deleted meanwhile.")
    places = [{"id": key, "position": place} for place, key in enumerate(move.apply(order, watchlist_id), start=1)]
    db.session.execute(update(Watchlist), places)


def choose_columns(watchlist: Watchlist, columns: str) -> None:
    """Keep which optional columns the list shows."""
    _set(watchlist, columns=columns)


def add_symbols(watchlist: Watchlist, instrument_ids: Iterable[int]) -> Added:
    """Put stocks at the end of the list; raise Refused, and add none, if they do not all fit."""
    _lock_watchlist(watchlist)
    wanted = list(dict.fromkeys(instrument_ids))
    known = set(db.session.scalars(select(InstrumentRow.id).where(InstrumentRow.id.in_(wanted))))
    if not known.issuperset(wanted):
        raise Refused("One of these stocks is not known here. Reload the page and choose again.")
    held = list(db.session.scalars(
        select(WatchlistItem.instrument_id).where(WatchlistItem.watchlist_id == watchlist.id)))
    new = [instrument_id for instrument_id in wanted if instrument_id not in set(held)]
    if len(held) + len(new) > MAX_STOCKS:
        raise Refused(f"A list holds at most {MAX_STOCKS} stocks. {len(held)} are on this one, and {len(new)} more "
                      "were chosen: choose fewer, or start another list.")
    last = db.session.scalar(
        select(func.max(WatchlistItem.position)).where(WatchlistItem.watchlist_id == watchlist.id)) or 0
    db.session.add_all(WatchlistItem(watchlist_id=watchlist.id, instrument_id=instrument_id, position=place)
                       for place, instrument_id in enumerate(new, start=last + 1))
    db.session.flush()
    return Added(tuple(new), tuple(instrument_id for instrument_id in wanted if instrument_id not in new))


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


def remove_symbol(watchlist: Watchlist, instrument_id: int) -> None:
    """Take a stock off the list, with its note; one that is gone already is no error."""
    _lock_watchlist(watchlist)
    db.session.execute(delete(WatchlistItem).where(*_item(watchlist, instrument_id)))


def replace_symbol(watchlist: Watchlist, instrument_id: int, successor_id: int) -> None:
    """Put its successor into a stock's place, with its note.

    Where the successor is on the list already it stays where it is, and gets the note behind its own.
    """
    _lock_watchlist(watchlist)
    notes = {row.instrument_id: row.note for row in db.session.execute(
        select(WatchlistItem.instrument_id, WatchlistItem.note)
        .where(WatchlistItem.watchlist_id == watchlist.id,
               WatchlistItem.instrument_id.in_([instrument_id, successor_id])))}
    if instrument_id not in notes:
        raise NotFound("This stock is no longer on the list.")
    if successor_id in notes:
        both = "\n".join(note for note in (notes[successor_id], notes[instrument_id]) if note)
        _changed(update(WatchlistItem).where(*_item(watchlist, successor_id)).values(note=both[:MAX_NOTE]))
        db.session.execute(delete(WatchlistItem).where(*_item(watchlist, instrument_id)))
    else:
        _changed(update(WatchlistItem).where(*_item(watchlist, instrument_id)).values(instrument_id=successor_id))


def move_symbol(watchlist: Watchlist, instrument_id: int, move: Move) -> None:
    """Put a stock at another place on the list."""
    _lock_watchlist(watchlist)
    items = {row.instrument_id: row.id for row in db.session.execute(
        select(WatchlistItem.instrument_id, WatchlistItem.id)
        .where(WatchlistItem.watchlist_id == watchlist.id)
        .order_by(WatchlistItem.position, WatchlistItem.id))}
    if instrument_id not in items:
        raise NotFound("This stock is no longer on the list.")
    order = move.apply(list(items.values()), items[instrument_id])
    places = [{"id": key, "position": place} for place, key in enumerate(order, start=1)]
    db.session.execute(update(WatchlistItem), places)


def write_note(watchlist: Watchlist, instrument_id: int, text: str) -> None:
    """Keep the person's note on a stock; an empty text removes it."""
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_NOTE:
        raise Refused(f"A note has at most {MAX_NOTE:,} characters; this one has {len(text):,}.")
    changed = _changed(update(WatchlistItem).where(*_item(watchlist, instrument_id)).values(note=text))
    if not changed:
        raise NotFound("This stock is no longer on the list.")


def _item(watchlist: Watchlist, instrument_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return WatchlistItem.watchlist_id == watchlist.id, WatchlistItem.instrument_id == instrument_id


def _lock_person(user_id: int) -> None:
    """Let one change at a time touch the set of the person's lists."""
    if not _changed(update(User).where(User.id == user_id).values(locked=User.locked)):
        raise NotFound("This account has been deleted.")


def _lock_watchlist(watchlist: Watchlist) -> None:
    """Let one change at a time touch the list's rows."""
    _set(watchlist, position=Watchlist.position)


def _set(watchlist: Watchlist, **values: object) -> None:
    if not _changed(update(Watchlist).where(Watchlist.id == watchlist.id).values(**values)):
        raise NotFound("This list has been deleted meanwhile.")


def _changed(statement: Update) -> int:
    """Return how many rows the statement found; objects loaded before are fresh again after the commit."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def _free_name(user_id: int, name: str, except_for: int | None = None) -> str:
    """Return the name without stray spaces; raise Refused if it is empty, too long or in use."""
    name = " ".join(name.replace("\0", "").split())
    if not name:
        raise Refused("Give the list a name.")
    if len(name) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters.")
    others = select(Watchlist.id).where(Watchlist.user_id == user_id, Watchlist.name == name)
    if db.session.scalar(others.where(Watchlist.id != (except_for or 0))) is not None:
        raise Refused(f"You already have a list named “{name}”.")
    return name
