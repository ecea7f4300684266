"""A person's lists, the stocks on them, and their notes."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response, url_for
from pydantic import AfterValidator, Field

from webapp import lists
from webapp.api import answers
from webapp.api.callers import caller, needs, weigh
from webapp.api.preconditions import SIGN, check_match, matched
from webapp.api.schemas import In, Key, Moment, Out
from webapp.api.stocks import find_named
from webapp.api.surface import blueprint
from webapp.api.v1.quotes import COLUMNS as QUOTE_COLUMNS
from webapp.api.v1.quotes import QuoteOut, quote_row
from webapp.columns import OPTIONAL, read_columns, write_columns
from webapp.errors import NotFound
from webapp.export import digest
from webapp.extensions import db
from webapp.instruments import MAX_LENGTH
from webapp.live.watching import mark_watched, ring_bell
from webapp.models import Scope, Watchlist
from webapp.quotes import load_live
from webapp.rows import Row, as_moment
from webapp.watchlists import queries, service

bp = blueprint("watchlists", "Watchlists")

LIST = "/watchlists/<number:watchlist_id>"
SHOWN = ("price", *OPTIONAL)


def known_columns(columns: list[str]) -> list[str]:
    """Refuse a column that there is none of."""
    wrong = sorted(set(columns) - set(SHOWN))
    if wrong:
        raise ValueError(f"There is no column {', '.join(wrong)}; there are {', '.join(SHOWN)}")
    return columns


# One sign at least is neither a space nor a control character.
Name = Annotated[str, Field(min_length=1, max_length=lists.MAX_NAME, pattern=r"[^\s\x00-\x20\x7f-\x9f]",
                            examples=["Tech"])]
Place = Annotated[int, Field(ge=1, le=10_000, description="From 1; beyond the end it is the end.", examples=[1])]
NoteText = Annotated[str, Field(max_length=service.MAX_NOTE, description='"" is no note.',
                                examples=["Buy below 200."])]
Columns = Annotated[list[str], AfterValidator(known_columns), Field(
    max_length=len(SHOWN), description="What the list's page shows of each stock; the price always.",
    json_schema_extra={"items": {"type": "string", "enum": list(SHOWN)}}, examples=[["price", "change", "stage"]])]
Symbols = Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]],
                    Field(max_length=lists.MAX_STOCKS, examples=[["XNAS:AAPL", "XNAS:MSFT"]])]


class NewWatchlist(In):
    """A list to be made, with stocks or without."""

    name: Name
    symbols: Symbols = Field(default_factory=list)


class WatchlistChange(In):
    """What is to be another; what is not sent stays."""

    name: Name = Field(default_factory=str)
    position: Place = Field(default_factory=int)
    columns: Columns = Field(default_factory=list)


class WithQuery(In):
    """What else is wanted."""

    with_: Literal["", "quotes"] = Field("", alias="with", description="quotes: each stock with its newest quote.")


class WatchlistSummaryOut(Out):
    """A list in short."""

    id: int
    name: str = Field(examples=["Tech"])
    position: int
    stocks: int = Field(description="How many are on it.")


class WatchlistsOut(Out):
    """All lists in their order."""

    items: list[WatchlistSummaryOut]
    next: str | None


class WatchlistItemOut(Out):
    """A stock on a list. `quote` is null unless it was asked for."""

    key: Key
    position: int
    note: str | None
    quote: QuoteOut | None


class WatchlistOut(Out):
    """A whole list. Its ETag, sent as If-Match with a change, lets only the list be changed that was seen."""

    id: int
    name: str
    position: int
    columns: list[str]
    created_at: Moment
    items: list[WatchlistItemOut]


class NotedQuoteOut(QuoteOut):
    """A quote, and the person's note on the stock."""

    note: str | None


class NotedQuotesOut(Out):
    """Quotes in the list's order."""

    items: list[NotedQuoteOut]
    next: str | None


def held_list(watchlist_id: int) -> Watchlist:
    """Return the caller's list, which nobody else changes until the commit; raise NotFound, or ChangedMeanwhile."""
    user_id = caller().user_id
    # First the person, then the list, as everybody does: who waits for whom is never a circle.
    lists.lock_person(user_id)
    watchlist = queries.find_watchlist(user_id, watchlist_id)
    if watchlist is None:
        raise NotFound("There is no such list, or it is not yours.")
    lists.lock_watchlist(watchlist)
    check_match(tag_of(queries.load_contents(user_id, watchlist_id)))
    return watchlist


def commit_and_tell() -> None:
    """Commit, then have the person's open pages fetch their lists again."""
    db.session.commit()
    ring_bell("watchlists", user_id=caller().user_id)


def list_row(found: queries.Contents) -> dict[str, object]:
    """Return a list as programs get it, without quotes."""
    return {"id": found.id, "name": found.name, "position": found.position, "columns": read_columns(found.columns),
            "created_at": as_moment(found.created_at),
            "items": [item_row(item, place) for place, item in enumerate(found.items, start=1)]}


def item_row(item: queries.Item, place: int) -> dict[str, object]:
    """Return a stock on a list as programs get it."""
    return {"key": item.key, "position": place, "note": item.note or None, "quote": None}


def tag_of(found: queries.Contents) -> str:
    """Return the tag of a list's state: another one with every change that a person can make."""
    return digest(answers.as_json(list_row(found)))


def answer_list(watchlist_id: int, status: int = 200) -> Response:
    """Answer with a list as it is now."""
    found = queries.load_contents(caller().user_id, watchlist_id)
    return answers.answer(list_row(found), status, tag_of(found))


@bp.get("/watchlists")
@bp.get("/watchlists.csv")
@needs(Scope.READ)
@bp.output(WatchlistsOut)
def watchlists() -> Response:
    """Get your lists, in your order."""
    rows: list[Row] = [{"id": each.id, "name": each.name, "position": place, "stocks": each.stocks}
                       for place, each in enumerate(queries.list_watchlists(caller().user_id), start=1)]
    return answers.answer_page(rows, None, columns=tuple(WatchlistSummaryOut.model_fields))


@bp.post("/watchlists")
@needs(Scope.WRITE)
@bp.input(NewWatchlist)
@bp.output(WatchlistOut, status_code=201)
def create_watchlist(json_data: NewWatchlist) -> Response:
    """Make a list behind your others, with these stocks on it."""
    stocks = find_named(json_data.symbols)
    made = service.create_watchlist(caller().user_id, json_data.name)
    service.add_symbols(made, [stock.id for stock in stocks])
    made_id = made.id
    commit_and_tell()
    response = answer_list(made_id, 201)
    response.headers["Location"] = url_for(".watchlist", watchlist_id=made_id)
    return response


@bp.get(LIST)
@needs(Scope.READ)
@bp.input(WithQuery, location="query")
@bp.output(WatchlistOut)
def watchlist(watchlist_id: int, query_data: WithQuery) -> Response:
    """Get one list whole."""
    if not query_data.with_:
        return answer_list(watchlist_id)
    found = queries.load_contents(caller().user_id, watchlist_id)
    body = list_row(found)
    quotes = quotes_of(found)
    body["items"] = [item_row(item, place) | {"quote": quotes[item.instrument_id]}
                     for place, item in enumerate(found.items, start=1)]
    return answers.answer(body, tag=f"{tag_of(found)}{SIGN}{digest(answers.as_json(body))}")


def quotes_of(found: queries.Contents) -> dict[int, Row]:
    """Return the quotes of a list's stocks, in its order; the workers are told that somebody looks."""
    ids = [item.instrument_id for item in found.items]
    weigh(len(ids))
    mark_watched(ids)
    return {live.instrument.id: quote_row(live) for live in load_live(ids)}


@bp.get(f"{LIST}/quotes")
@bp.get(f"{LIST}/quotes.csv")
@needs(Scope.READ)
@bp.output(NotedQuotesOut)
def watchlist_quotes(watchlist_id: int) -> Response:
    """Get the newest quotes of a list's stocks, with your notes."""
    found = queries.load_contents(caller().user_id, watchlist_id)
    quotes = quotes_of(found)
    rows = [quotes[item.instrument_id] | {"note": item.note or None} for item in found.items]
    return answers.answer_page(rows, None, columns=(*QUOTE_COLUMNS, "note"))


@bp.patch(LIST)
@needs(Scope.WRITE)
@matched
@bp.input(WatchlistChange)
@bp.output(WatchlistOut)
def change_watchlist(watchlist_id: int, json_data: WatchlistChange) -> Response:
    """Give a list another name, another place among your lists, or other columns."""
    held = held_list(watchlist_id)
    sent = json_data.model_fields_set
    if "name" in sent:
        service.rename_watchlist(held, json_data.name)
    if "position" in sent:
        service.move_watchlist(held.user_id, watchlist_id, service.Move(place=json_data.position))
    if "columns" in sent:
        service.choose_columns(held, write_columns(json_data.columns))
    commit_and_tell()
    return answer_list(watchlist_id)


@bp.delete(LIST)
@needs(Scope.WRITE)
@matched
@bp.output({}, status_code=204)
def delete_watchlist(watchlist_id: int) -> Response:
    """Delete a list with its notes.

    There is none any more then: to delete it once more is 404.
    """
    service.delete_watchlist(held_list(watchlist_id))
    commit_and_tell()
    return answers.nothing()
