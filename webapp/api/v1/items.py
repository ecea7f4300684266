"""The stocks on a person's lists, their order, and the notes on them."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from webapp.api import answers
from webapp.api.callers import caller, needs
from webapp.api.preconditions import matched
from webapp.api.schemas import In, Key, Out, PageQuery
from webapp.api.stocks import find_named, find_stock
from webapp.api.surface import blueprint
from webapp.api.v1.watchlists import (
    LIST,
    NoteText,
    Place,
    Symbols,
    WatchlistItemOut,
    WatchlistOut,
    answer_list,
    commit_and_tell,
    held_list,
    item_row,
    tag_of,
)
from webapp.errors import NotFound
from webapp.models import Scope
from webapp.paging import cut
from webapp.rows import Row
from webapp.watchlists import queries, service

bp = blueprint("items", "Watchlists")

ITEM = f"{LIST}/items/<stock>"
NOTE_COLUMNS = ("list", "list_name", "key", "text")


class SymbolsIn(In):
    """Stocks."""

    symbols: Symbols = Field(min_length=1)


class OrderIn(In):
    """All the stocks of the list, each once."""

    symbols: Symbols


class ItemChange(In):
    """What is to be another; what is not sent stays."""

    position: Place = Field(default_factory=int)
    note: NoteText = Field(default_factory=str)


class NoteIn(In):
    """A note."""

    text: NoteText


class AddedOut(Out):
    """What became of stocks that were to be added."""

    added: list[Key]
    already_there: list[Key]


class NoteOut(Out):
    """A note, and where it stands."""

    list: int
    list_name: str
    key: Key
    text: str


class NotesOut(Out):
    """Notes, list by list as they were added."""

    items: list[NoteOut]
    next: str | None


def done(watchlist_id: int) -> Response:
    """Answer that it is done; the tag is the list's now."""
    response = answers.nothing()
    response.set_etag(tag_of(queries.load_contents(caller().user_id, watchlist_id)), weak=True)
    return response


def answer_item(watchlist_id: int, stock_id: int) -> Response:
    """Answer with one stock on a list as it is now; the tag is the list's."""
    found = queries.load_contents(caller().user_id, watchlist_id)
    for place, item in enumerate(found.items, start=1):
        if item.instrument_id == stock_id:
            return answers.answer(item_row(item, place), tag=tag_of(found))
    raise NotFound(service.NOT_ON_LIST)


@bp.post(f"{LIST}/items")
@needs(Scope.WRITE)
@matched
@bp.input(SymbolsIn)
@bp.output(AddedOut)
def add_items(watchlist_id: int, json_data: SymbolsIn) -> Response:
    """Put stocks at the end of a list: all of them, or none.

    Those that are on it already stay where they are.
    """
    stocks = find_named(json_data.symbols)
    keys = {stock.id: stock.key for stock in stocks}
    result = service.add_symbols(held_list(watchlist_id), keys)
    commit_and_tell()
    tag = tag_of(queries.load_contents(caller().user_id, watchlist_id))
    return answers.answer({"added": [keys[each] for each in result.added],
                           "already_there": [keys[each] for each in result.already_there]}, tag=tag)


@bp.put(f"{LIST}/order")
@needs(Scope.WRITE)
@matched
@bp.input(OrderIn)
@bp.output(WatchlistOut)
def order_items(watchlist_id: int, json_data: OrderIn) -> Response:
    """Put a whole list in order.

    Send exactly the stocks that are on it, each once; anything else is 409, because it may have changed meanwhile.
    """
    stocks = find_named(json_data.symbols)
    service.order_symbols(held_list(watchlist_id), [stock.id for stock in stocks])
    commit_and_tell()
    return answer_list(watchlist_id)


@bp.patch(ITEM)
@needs(Scope.WRITE)
@matched
@bp.input(ItemChange)
@bp.output(WatchlistItemOut)
def change_item(watchlist_id: int, stock: str, json_data: ItemChange) -> Response:
    """Put a stock at another place on a list, or another note on it."""
    stock_id = find_stock(stock).id
    held = held_list(watchlist_id)
    queries.find_item(watchlist_id, stock_id)
    if "position" in json_data.model_fields_set:
        service.move_symbol(held, stock_id, service.Move(place=json_data.position))
    if "note" in json_data.model_fields_set:
        service.write_note(held, stock_id, json_data.note)
    commit_and_tell()
    return answer_item(watchlist_id, stock_id)


@bp.delete(ITEM)
@needs(Scope.WRITE)
@matched
@bp.output({}, status_code=204)
def remove_item(watchlist_id: int, stock: str) -> Response:
    """Take a stock off a list, with your note on it.

    It is not on the list any more then: to take it off once more is 404.
    """
    stock_id = find_stock(stock).id
    if not service.remove_symbol(held_list(watchlist_id), stock_id):
        raise NotFound(service.NOT_ON_LIST)
    commit_and_tell()
    return done(watchlist_id)


@bp.put(f"{ITEM}/note")
@needs(Scope.WRITE)
@matched
@bp.input(NoteIn)
@bp.output(WatchlistItemOut)
def write_note(watchlist_id: int, stock: str, json_data: NoteIn) -> Response:
    """Write a note on a stock on a list, in the place of the one before."""
    stock_id = find_stock(stock).id
    service.write_note(held_list(watchlist_id), stock_id, json_data.text)
    commit_and_tell()
    return answer_item(watchlist_id, stock_id)


@bp.delete(f"{ITEM}/note")
@needs(Scope.WRITE)
@matched
@bp.output({}, status_code=204)
def delete_note(watchlist_id: int, stock: str) -> Response:
    """Delete the note on a stock on a list; where there is none, that is 404."""
    stock_id = find_stock(stock).id
    held = held_list(watchlist_id)
    if not queries.find_item(watchlist_id, stock_id)[1]:
        raise NotFound("There is no note on this stock.")
    service.write_note(held, stock_id, "")
    commit_and_tell()
    return done(watchlist_id)


@bp.get("/notes")
@bp.get("/notes.csv")
@needs(Scope.READ)
@bp.input(PageQuery, location="query")
@bp.output(NotesOut)
def notes(query_data: PageQuery) -> Response:
    """Get all your notes, on whatever list they are."""
    after = answers.read_number(query_data.after) or 0
    page, last = cut(queries.notes_page(caller().user_id, after, query_data.limit + 1), query_data.limit)
    rows: list[Row] = [{"list": each.watchlist_id, "list_name": each.watchlist, "key": each.key, "text": each.text}
                       for each in page]
    return answers.answer_page(rows, answers.cursor(last.item_id) if last else None, columns=NOTE_COLUMNS)
