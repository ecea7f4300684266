"""Finding instruments, for pages, pickers, imports and exports: by id, by key, by what a person types."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select

from webapp.extensions import db
from webapp.folding import fold
from webapp.models import InstrumentRow, WatchlistItem
from webapp.notation import Reading, readings
from webapp.records import Instrument

MAX_LENGTH = 60
MAX_WORDS = 6
LISTED = "listed"
# A name that was given up may have led to one that was given up later.
MOST_RENAMES = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The text means exactly this instrument."""

    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The text means one of these; the person chooses."""

    candidates: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """No instrument here is written so."""


Resolution = Found | Ambiguous | Unknown


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a listing that is no more. `day` is None where it is not known.

    `renamed_to` is the key of what it is called now, "" where it was delisted; `successor` is that instrument, or what
    that one is called by now, None where it is not here.
    """

    day: dt.date | None
    renamed_to: str = ""
    successor: Instrument | None = None


def starter_list() -> list[Instrument]:
    """Return the stocks that everybody sees, by symbol; those that are called by a number come last."""
    stocks = [row.record() for row in db.session.scalars(select(InstrumentRow).where(InstrumentRow.starter))]
    return sorted(stocks, key=lambda stock: (stock.symbol.isdigit(), stock.symbol, stock.mic))


def load_instruments(ids: Sequence[int]) -> list[Instrument]:
    """Return the instruments that there are of `ids`, in their order."""
    found = {row.id: row.record() for row in db.session.scalars(select(InstrumentRow).where(InstrumentRow.id.in_(ids)))}
    return [found[instrument_id] for instrument_id in ids if instrument_id in found]


def find(mic: str, symbol: str) -> Instrument | None:
    """Return one instrument by its key."""
    if "\0" in mic + symbol:  # PostgreSQL refuses it in a text
        return None
    row = db.session.scalar(select(InstrumentRow).where(InstrumentRow.mic == mic, InstrumentRow.symbol == symbol))
    return row.record() if row else None


def load_marks(ids: Iterable[int]) -> dict[int, Mark]:
    """Return what became of those of the instruments that are no longer listed, by id."""
    rows = db.session.scalars(select(InstrumentRow).where(InstrumentRow.id.in_(list(ids)),
                                                          InstrumentRow.status != LISTED)).all()
    heirs = _heirs({row.renamed_to for row in rows if row.renamed_to})
    return {row.id: Mark(row.status_day, row.renamed_to, _last_heir(row, heirs)) for row in rows}


def _heirs(keys: set[str]) -> dict[str, InstrumentRow]:
    """Return the rows of these keys, and of what those were renamed to in their turn."""
    found: dict[str, InstrumentRow] = {}
    for _ in range(MOST_RENAMES):
        pairs = [key.partition(":")[::2] for key in keys - found.keys()]
        if not pairs:
            break
        wanted = or_(*(and_(InstrumentRow.mic == mic, InstrumentRow.symbol == symbol) for mic, symbol in pairs))
        rows = db.session.scalars(select(InstrumentRow).where(wanted)).all()
        found |= {f"{row.mic}:{row.symbol}": row for row in rows}
        keys = {row.renamed_to for row in rows if row.renamed_to}
    return found


def _last_heir(row: InstrumentRow, heirs: dict[str, InstrumentRow]) -> Instrument | None:
    """Follow the names to the one that holds; a circle ends nowhere."""
    heir: InstrumentRow | None = row
    for _ in range(MOST_RENAMES):
        heir = heirs.get(heir.renamed_to) if heir and heir.renamed_to else None
        if heir is None or heir.status == LISTED:
            break
    return heir.record() if heir is not None and heir.status == LISTED else None


def resolve(text: str) -> Resolution:
    """Return what a text like AAPL, NASDAQ:AAPL, BRK-B or TSCO.L stands for; what is ambiguous is never guessed."""
    return resolve_all([text])[0]


def resolve_all(texts: Sequence[str]) -> list[Resolution]:
    """Return what each text stands for, in their order, with one query for all."""
    meanings = [readings(text) for text in texts]
    by_symbol: dict[str, list[InstrumentRow]] = defaultdict(list)
    for row in _with_symbols({reading.symbol for group in meanings for reading in group}):
        by_symbol[row.symbol].append(row)
    return [_settle(group, by_symbol) for group in meanings]


def search(text: str, limit: int = 20, *, mics: Collection[str] = (), kind: str = "",
           where: Sequence[ColumnElement[bool]] = ()) -> list[Instrument]:
    """Return what a person may mean, the likeliest first; case and accents make no difference.

    First the symbol itself, then symbols that begin so, names that begin so, names with words that begin so,
    names with these letters anywhere. Among equals those that are still listed come first, then those of the starter
    list, then those on anybody's list, then shorter symbols. `mics` and `kind` leave out those of other exchanges and
    kinds, `where` those whose row does not meet it; empty they leave out nothing.
    """
    text = text.strip()[:MAX_LENGTH]
    meanings, words = readings(text), fold(text).split()[:MAX_WORDS]
    ranked = [(0, _is(reading)) for reading in meanings]
    ranked += [(1, _begins_like(reading)) for reading in meanings[:1]]
    if words:
        name = InstrumentRow.folded_name
        ranked += [(2, name.startswith(" ".join(words), autoescape=True)),
                   (3, and_(*(_has_word_beginning_with(word) for word in words))),
                   (4, and_(*(name.contains(word, autoescape=True) for word in words)))]
    if not ranked:
        return []
    row = InstrumentRow
    is_picked = select(WatchlistItem.id).where(WatchlistItem.instrument_id == row.id).exists()
    query = (select(row).where(or_(*(condition for _, condition in ranked)))
             .where(*([row.mic.in_(sorted(mics))] if mics else []), *([row.kind == kind] if kind else []), *where)
             .order_by(case(*((condition, rank) for rank, condition in ranked)), row.status != LISTED,
                       row.starter == false(), ~is_picked, func.length(row.symbol), row.symbol, row.mic)
             .limit(limit))
    return [row.record() for row in db.session.scalars(query)]


def _with_symbols(symbols: Iterable[str]) -> Sequence[InstrumentRow]:
    """Return every instrument that has one of these symbols, on any exchange, in a steady order."""
    query = select(InstrumentRow).where(InstrumentRow.symbol.in_(list(symbols)))
    return db.session.scalars(query.order_by(InstrumentRow.symbol, InstrumentRow.mic)).all()


def _settle(meanings: Sequence[Reading], by_symbol: dict[str, list[InstrumentRow]]) -> Resolution:
    """Collect every instrument that any of the readings may mean; who is still listed is meant before who is not."""
    candidates = {row.id: row for reading in meanings for row in by_symbol.get(reading.symbol, ())
                  if reading.mics is None or row.mic in reading.mics}
    listed = [row for row in candidates.values() if row.status == LISTED] or list(candidates.values())
    if not listed:
        return Unknown()
    if len(listed) > 1:
        return Ambiguous(tuple(row.record() for row in listed))
    return Found(listed[0].record())


def _is(reading: Reading) -> ColumnElement[bool]:
    return and_(InstrumentRow.symbol == reading.symbol, *_place(reading))


def _begins_like(reading: Reading) -> ColumnElement[bool]:
    return and_(InstrumentRow.symbol.startswith(reading.symbol, autoescape=True), *_place(reading))


def _place(reading: Reading) -> list[ColumnElement[bool]]:
    return [] if reading.mics is None else [InstrumentRow.mic.in_(sorted(reading.mics))]


def _has_word_beginning_with(word: str) -> ColumnElement[bool]:
    name = InstrumentRow.folded_name
    return or_(name.startswith(word, autoescape=True), name.contains(f" {word}", autoescape=True))
