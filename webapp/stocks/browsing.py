"""The list of stocks as an admin goes through it: by what is odd about them, or by what they are called."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, func, select

from webapp.extensions import db
from webapp.instruments import LISTED, MAX_LENGTH, Mark, load_marks, search
from webapp.models import InstrumentRow, QuoteRow, VendorSymbol
from webapp.paging import page_of_stocks
from webapp.typed import argument

PER_PAGE = 50
KINDS = {"": "All", "ended": "Delisted or renamed", "priceless": "Listed, without a price",
         "mapped": "With a symbol of a provider", "set": "Set by an admin"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: stocks of a kind, or by a text; `after` and `before` are the places where a page ends."""

    text: str = ""
    kind: str = ""
    after: str = ""
    before: str = ""

    @property
    def words(self) -> dict[str, str]:
        """Return it as an address says it, without the place."""
        return {name: value for name, value in (("q", self.text), ("kind", self.kind)) if value}


@dataclass(frozen=True, slots=True)
class Stock:
    """One stock of the list; `as_of` is when its price was made, `symbols` at how many providers it is mapped."""

    row: InstrumentRow
    mark: Mark | None
    as_of: dt.datetime | None
    symbols: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `after` and `before` are the keys that the next and the one before begin at, "" for none."""

    stocks: Sequence[Stock]
    after: str = ""
    before: str = ""
    cut: bool = False


def read_asked(args: Mapping[str, str]) -> Asked:
    """Return what the words of an address ask for; what has no meaning asks for everything."""
    kind = args.get("kind", "")
    return Asked(argument(args, "q", MAX_LENGTH), kind if kind in KINDS else "", argument(args, "after", 30),
                 argument(args, "before", 30))


def stocks_page(asked: Asked) -> Page:
    """Return the page that is asked for; of what a text finds only the likeliest are shown."""
    rows, page = _found(asked) if asked.text else _listed(asked)
    ids = [row.id for row in rows]
    marks, mapped = load_marks(ids), _mapped(ids)
    query = select(QuoteRow.instrument_id, QuoteRow.as_of).where(QuoteRow.instrument_id.in_(ids))
    times = dict(db.session.execute(query).tuples().all())
    return replace(page, stocks=[Stock(row, marks.get(row.id), times.get(row.id), mapped[row.id]) for row in rows])


def _found(asked: Asked) -> tuple[list[InstrumentRow], Page]:
    """Return the stocks that the text may mean, the likeliest first."""
    likely = [one.id for one in search(asked.text, PER_PAGE, where=_of_kind(asked.kind))]
    rows = {row.id: row for row in db.session.scalars(select(InstrumentRow).where(InstrumentRow.id.in_(likely)))}
    return [rows[number] for number in likely if number in rows], Page([], cut=len(likely) == PER_PAGE)


def _listed(asked: Asked) -> tuple[list[InstrumentRow], Page]:
    """Return the stocks of a page in the order of their symbols, and it with its neighbours."""
    rows, after, before = page_of_stocks(_of_kind(asked.kind), asked.after, asked.before, PER_PAGE)
    return rows, Page([], after, before)


def _of_kind(kind: str) -> list[ColumnElement[bool]]:
    """Return what a stock of this kind meets."""
    row = InstrumentRow
    priced = select(QuoteRow.instrument_id).where(QuoteRow.instrument_id == row.id, QuoteRow.price.is_not(None))
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "ended": [row.status != LISTED], "priceless": [row.status == LISTED, ~priced.exists()],
        "mapped": [row.id.in_(select(VendorSymbol.instrument_id))], "set": [row.set_by_admin != ""]}
    return conditions.get(kind, [])


def _mapped(ids: Sequence[int]) -> Counter[int]:
    """Return at how many providers these stocks have a symbol of their own."""
    query = (select(VendorSymbol.instrument_id, func.count()).where(VendorSymbol.instrument_id.in_(ids))
             .group_by(VendorSymbol.instrument_id))
    return Counter(dict(db.session.execute(query).tuples().all()))
