"""Finding instruments, for pages, pickers, imports and exports: by id, by key, by what a person types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from webapp.extensions import db
from webapp.folding import fold
from webapp.models import InstrumentRow
from webapp.notation import Reading, readings
from webapp.records import Instrument

MAX_LENGTH = 60
MAX_WORDS = 6


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


def resolve(text: str) -> Resolution:
    """Return what a text like AAPL, NASDAQ:AAPL, BRK-B or TSCO.L stands for; what is ambiguous is never guessed."""
    return resolve_all([text])[0]


def resolve_all(texts: Sequence[str]) -> list[Resolution]:
    """Return what each text stands for, in their order, with one query for all."""
    meanings = [readings(text) for text in texts]
    by_symbol: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in _with_symbols({reading.symbol for group in meanings for reading in group}):
        by_symbol[instrument.symbol].append(instrument)
    return [_settle(group, by_symbol) for group in meanings]


def search(text: str, limit: int = 20) -> list[Instrument]:
    """Return what a person may mean, the likeliest first; case and accents make no difference.

    First the symbol itself, then symbols that begin so, names that begin so, names with words that begin so,
    names with these letters anywhere.
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
    query = (select(InstrumentRow).where(or_(*(condition for _, condition in ranked)))
             .order_by(case(*((condition, rank) for rank, condition in ranked)),
                       func.length(InstrumentRow.symbol), InstrumentRow.symbol, InstrumentRow.mic)
             .limit(limit))
    return [row.record() for row in db.session.scalars(query)]


def _with_symbols(symbols: Iterable[str]) -> list[Instrument]:
    """Return every instrument that has one of these symbols, on any exchange, in a steady order."""
    query = select(InstrumentRow).where(InstrumentRow.symbol.in_(list(symbols)))
    return [row.record() for row in db.session.scalars(query.order_by(InstrumentRow.symbol, InstrumentRow.mic))]


def _settle(meanings: Sequence[Reading], by_symbol: dict[str, list[Instrument]]) -> Resolution:
    """Collect every instrument that any of the readings may mean."""
    candidates = {instrument.id: instrument for reading in meanings for instrument in by_symbol.get(reading.symbol, ())
                  if reading.mics is None or instrument.mic in reading.mics}
    if not candidates:
        return Unknown()
    if len(candidates) > 1:
        return Ambiguous(tuple(candidates.values()))
    return Found(*candidates.values())


def _is(reading: Reading) -> ColumnElement[bool]:
    return and_(InstrumentRow.symbol == reading.symbol, *_place(reading))


def _begins_like(reading: Reading) -> ColumnElement[bool]:
    return and_(InstrumentRow.symbol.startswith(reading.symbol, autoescape=True), *_place(reading))


def _place(reading: Reading) -> list[ColumnElement[bool]]:
    return [] if reading.mics is None else [InstrumentRow.mic.in_(sorted(reading.mics))]


def _has_word_beginning_with(word: str) -> ColumnElement[bool]:
    name = InstrumentRow.folded_name
    return or_(name.startswith(word, autoescape=True), name.contains(f" {word}", autoescape=True))
