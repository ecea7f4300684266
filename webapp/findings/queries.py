"""What an admin reads of prices that were not taken: those that wait, and the record of all that was found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import defer

from webapp.extensions import db
from webapp.instruments import Ambiguous, Found, Unknown, resolve
from webapp.models import Finding, HeldQuote, InstrumentRow, QuoteFinding
from webapp.records import Instrument, percent_change

PER_PAGE = 50
MOST_HOLDS = 100
KINDS = frozenset(Finding)


@dataclass(frozen=True, slots=True)
class Hold:
    """A reading that waits, and how far it is from the last price, in words."""

    row: HeldQuote
    instrument: Instrument

    @property
    def price(self) -> str:
        """Return the price with all its digits, to know it again by."""
        return format(self.row.price, "f")

    @property
    def distance(self) -> str:
        """Return the step from the last price, as in +25 %."""
        percent = percent_change(self.row.price, self.row.against)
        return "" if percent is None else f"{percent:+.0f} %".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of findings, the newest first. `number` counts from 1; `total` is how many there are on all pages."""

    findings: list[tuple[QuoteFinding, Instrument]]
    number: int
    total: int

    @property
    def first(self) -> int:
        """Return the place of the page's first finding among all, from 1."""
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        """Return the place of the page's last finding among all."""
        return self.first + len(self.findings) - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the findings is asked for: a kind ("" is every one), a stock as somebody typed it.

    `ids` are the stocks that the text may mean, None where none is typed; none means that it is unknown here.
    """

    kind: str = ""
    symbol: str = ""
    ids: tuple[int, ...] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a finding must meet."""
        found: list[ColumnElement[bool]] = [QuoteFinding.kind == self.kind] if self.kind else []
        return found if self.ids is None else [*found, QuoteFinding.instrument_id.in_(self.ids)]


def read_filter(kind: str, symbol: str) -> Filter:
    """Return what the words of an address ask for; a kind that there is none of asks for every one."""
    kind, symbol = kind if kind in KINDS else "", symbol.strip()[:60]
    if not symbol:
        return Filter(kind)
    match resolve(symbol):
        case Found(instrument):
            return Filter(kind, symbol, (instrument.id,))
        case Ambiguous(candidates):
            return Filter(kind, symbol, tuple(one.id for one in candidates))
        case Unknown():
            return Filter(kind, symbol, ())


def open_holds() -> tuple[list[Hold], int]:
    """Return the readings that wait, the newest first and not more than a page takes, and how many there are."""
    query = (select(HeldQuote, InstrumentRow).join(InstrumentRow, InstrumentRow.id == HeldQuote.instrument_id)
             .options(defer(HeldQuote.quote)).order_by(HeldQuote.first_at.desc(), HeldQuote.instrument_id)
             .limit(MOST_HOLDS))
    holds = [Hold(row, instrument.record()) for row, instrument in db.session.execute(query)]
    return holds, _count(HeldQuote, []) if len(holds) == MOST_HOLDS else len(holds)


def find_hold(instrument_id: int) -> Hold | None:
    """Return the reading of an instrument that waits, if there is one."""
    query = (select(HeldQuote, InstrumentRow).join(InstrumentRow, InstrumentRow.id == HeldQuote.instrument_id)
             .where(HeldQuote.instrument_id == instrument_id))
    found = db.session.execute(query).one_or_none()
    return Hold(found[0], found[1].record()) if found else None


def findings_page(asked: Filter, number: int) -> Page:
    """Return one page of findings; past the last one it is the last."""
    conditions = asked.conditions()
    total = _count(QuoteFinding, conditions)
    number = max(1, min(number, -(-total // PER_PAGE)))
    query = (select(QuoteFinding, InstrumentRow).join(InstrumentRow, InstrumentRow.id == QuoteFinding.instrument_id)
             .where(*conditions).order_by(QuoteFinding.last_at.desc(), QuoteFinding.id.desc())
             .offset((number - 1) * PER_PAGE).limit(PER_PAGE))
    return Page([(row, instrument.record()) for row, instrument in db.session.execute(query)], number, total)


def holds_after(place: tuple[dt.datetime, int] | None, count: int) -> list[Hold]:
    """Return up to `count` of the readings that wait, the newest first: those behind one of this moment and stock."""
    query = (select(HeldQuote, InstrumentRow).join(InstrumentRow, InstrumentRow.id == HeldQuote.instrument_id)
             .options(defer(HeldQuote.quote)).order_by(HeldQuote.first_at.desc(), HeldQuote.instrument_id)
             .limit(count))
    if place is not None:
        at, number = place
        query = query.where(or_(HeldQuote.first_at < at,
                                and_(HeldQuote.first_at == at, HeldQuote.instrument_id > number)))
    return [Hold(row, instrument.record()) for row, instrument in db.session.execute(query)]


def findings_after(asked: Filter, place: tuple[dt.datetime, int] | None,
                   count: int) -> list[tuple[QuoteFinding, Instrument]]:
    """Return up to `count` findings, the newest first: those behind one of this moment and number."""
    query = (select(QuoteFinding, InstrumentRow).join(InstrumentRow, InstrumentRow.id == QuoteFinding.instrument_id)
             .where(*asked.conditions()).order_by(QuoteFinding.last_at.desc(), QuoteFinding.id.desc()).limit(count))
    if place is not None:
        at, number = place
        query = query.where(or_(QuoteFinding.last_at < at,
                                and_(QuoteFinding.last_at == at, QuoteFinding.id < number)))
    return [(row, instrument.record()) for row, instrument in db.session.execute(query)]


def _count(model: type[HeldQuote | QuoteFinding], conditions: Sequence[ColumnElement[bool]]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
