"""Pages by key: a query asks for one row more than a page takes, and the page ends where the next one begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, select, tuple_

from webapp.extensions import db
from webapp.models import InstrumentRow

Found = TypeVar("Found")


class StockPage(NamedTuple):
    """The stocks of a page; `after` and `before` are the keys that its neighbours begin at, "" for none."""

    rows: list[InstrumentRow]
    after: str
    before: str


def cut(found: Sequence[Found], most: int) -> tuple[Sequence[Found], Found | None]:
    """Return the page, and its last row where more follow: the next page begins behind it."""
    return (found[:most], found[most - 1]) if len(found) > most else (found, None)


def page_of_stocks(conditions: Iterable[ColumnElement[bool]], after: str, before: str, most: int) -> StockPage:
    """Return stocks by symbol and exchange: those behind the key `after`, or else before `before`."""
    query = select(InstrumentRow).where(*conditions)
    order, back = (InstrumentRow.symbol, InstrumentRow.mic), bool(before and not after)
    mic, _, symbol = (before if back else after).partition(":")
    if symbol:
        key = tuple_(*order)
        query = query.where(key < (symbol, mic) if back else key > (symbol, mic))
    query = query.order_by(*(column.desc() if back else column for column in order)).limit(most + 1)
    page, last = cut(db.session.scalars(query).all(), most)
    rows, more = list(page), last is not None
    if back:
        rows.reverse()
    if not rows:
        return StockPage([], "", "")
    return StockPage(rows, rows[-1].record().key if more or back else "",
                     rows[0].record().key if (more and back) or (symbol and not back) else "")
