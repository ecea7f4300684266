"""What the screener asks of the database: which stocks, in which order, page by page without an offset."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, Double, Select, String, and_, case, cast, func, literal, or_, select

from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow, Snapshot
from webapp.screener.criteria import MEASURES, Criteria

PER_PAGE = 50
EVIDENCE_BITS = {"c": 1, "a": 2, "v": 4}
CONDITIONS = 8
MOST_VALUE = 300
_FLOAT = re.compile(r"-?\d{1,20}(?:\.\d{1,25})?(?:e[-+]\d{1,3})?", re.ASCII)
_WEEK = dt.timedelta(days=7)

_price: ColumnElement[float] = func.coalesce(cast(QuoteRow.price, Double), Snapshot.close)
_previous: ColumnElement[float] = cast(QuoteRow.previous_close, Double)
_met: ColumnElement[int] = sum(
    (Snapshot.template.bitwise_rshift(bit).bitwise_and(1) for bit in range(1, CONDITIONS)),
    start=Snapshot.template.bitwise_and(1))
# What the column of each name is in the database. Prices are text in SQLite, so they are compared as numbers here.
VALUES: Mapping[str, Any] = {
    "symbol": InstrumentRow.symbol, "price": _price,
    "day": case((_previous > 0, cast(QuoteRow.price, Double) / _previous - 1)),
    "stage": Snapshot.stage, "rs": Snapshot.rs, "weeks": case((Snapshot.stage.is_not(None), Snapshot.weeks)),
    "mrs": Snapshot.mansfield, "high": Snapshot.from_high, "avg": Snapshot.from_average,
    "vol": Snapshot.relative_volume, "tt": _met, "brk": Snapshot.breakout,
    "sector": func.nullif(InstrumentRow.sector, "", type_=String), "mic": InstrumentRow.mic,
    "cur": InstrumentRow.currency, "kind": InstrumentRow.kind, "week": Snapshot.week,
}
_WORDS = {"mic": InstrumentRow.mic, "sector": InstrumentRow.sector, "cur": InstrumentRow.currency,
          "kind": InstrumentRow.kind}


@dataclass(frozen=True, slots=True)
class Overview:
    """All that was analysed: how many stocks, the newest completed week (None before any), when the newest was done."""

    stocks: int
    week: dt.date | None
    computed_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A row that a page begins behind, or ends before: what it has in the column sorted by (None: nothing), its id."""

    value: float | str | dt.date | None
    instrument_id: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The stocks of a page in their order; texts of the places for the pages around it, "" where there is none.

    `total` is how many stocks there are on all pages.
    """

    ids: tuple[int, ...]
    previous: str = ""
    next: str = ""
    total: int = 0


def overview() -> Overview:
    """Return what was analysed."""
    row = db.session.execute(select(func.count(), func.max(Snapshot.week), func.max(Snapshot.computed_at))
                             .select_from(Snapshot)).one()
    return Overview(*row)


def count(criteria: Criteria, newest: dt.date | None) -> int:
    """Return how many stocks a screen finds; `newest` is the newest completed week of all."""
    return db.session.scalar(_joined(select(func.count())).where(*conditions(criteria, newest))) or 0


def load_page(criteria: Criteria, newest: dt.date | None, place: Place | None = None, most: int = 0) -> Page:
    """Return a page of a screen, `most` stocks long or as long as the page shows; too few before a place: the first.

    One statement finds the stocks, counts them all, and takes the page: what a screen asks for is looked at once, and
    what was found is kept (materialized) for both.
    """
    backwards, most = place is not None and place.backwards, most or PER_PAGE
    found = _joined(select(Snapshot.instrument_id.label("id"), VALUES[criteria.sort].label("value"))).where(
        *conditions(criteria, newest)).cte("found").prefix_with("MATERIALIZED")
    query = select(found, select(func.count()).select_from(found).scalar_subquery().label("total"))
    if place is not None:
        query = query.where(_beyond(found.c.value, found.c.id, place, criteria.direction))
    order = _order(found.c.value, found.c.id, criteria.direction, backwards=backwards)
    rows = db.session.execute(query.order_by(*order).limit(most + 1)).all()
    more, rows = len(rows) > most, rows[:most]
    if backwards:
        if not more:
            return load_page(criteria, newest, None, most)
        rows = rows[::-1]
    if not rows:
        return Page((), total=count(criteria, newest) if place else 0)
    first, last = rows[0], rows[-1]
    return Page(tuple(row.id for row in rows), write_place(first.value, first.id) if place else "",
                write_place(last.value, last.id) if more or backwards else "", first.total)


def all_ids(criteria: Criteria, newest: dt.date | None) -> list[int]:
    """Return the stocks of a whole screen in its order."""
    query = _joined(select(Snapshot.instrument_id)).where(*conditions(criteria, newest))
    order = _order(VALUES[criteria.sort], Snapshot.instrument_id, criteria.direction)
    return list(db.session.scalars(query.order_by(*order)))


def conditions(criteria: Criteria, newest: dt.date | None) -> Iterator[ColumnElement[bool]]:
    """Return what a stock must meet; what is unknown of it meets nothing."""
    words, ends = criteria.words, criteria.ends
    if wanted := words.get("stage"):
        stages = Snapshot.stage.in_([int(word) for word in wanted if word != "0"])
        yield or_(stages, Snapshot.stage.is_(None)) if "0" in wanted else stages
    if wanted := words.get("from"):
        yield Snapshot.previous_stage == int(wanted[0])
    if wanted := words.get("ev"):
        mask = sum(EVIDENCE_BITS[word] for word in wanted)
        yield Snapshot.evidence.bitwise_and(mask) == mask
    for key, column in _WORDS.items():
        if wanted := words.get(key):
            yield column.in_(wanted)
    for measure in MEASURES:
        value = VALUES[measure.key]
        if (least := ends.get(f"{measure.key}_min")) is not None:
            yield value >= literal(least, Double)
        if (most := ends.get(f"{measure.key}_max")) is not None:
            yield value <= literal(most, Double)
    if newest is not None and "brk_max" in ends:
        yield Snapshot.breakout > newest - ends["brk_max"] * _WEEK
    if newest is not None and "age_max" in ends:
        yield Snapshot.week >= newest - ends["age_max"] * _WEEK


def facets() -> dict[str, tuple[str, ...]]:
    """Return the exchanges, sectors, currencies and kinds of all that was analysed; "" is never among them."""
    columns = list(_WORDS.values())
    rows = db.session.execute(select(*columns).join(Snapshot, Snapshot.instrument_id == InstrumentRow.id).distinct())
    found: dict[str, set[str]] = {key: set() for key in _WORDS}
    for row in rows:
        for key, word in zip(found, row, strict=True):
            found[key].add(word)
    return {key: tuple(sorted(words - {""})) for key, words in found.items()}


def read_place(text: str, sort: str, *, backwards: bool) -> Place | None:
    """Read where a page begins; None for what is no place in a list sorted by this column."""
    said, tilde, number = text.rpartition("~")
    if not tilde or not (number.isascii() and number.isdigit() and len(number) <= 10
                         and 0 < int(number) < 2**31):
        return None
    if not said:
        return Place(None, int(number), backwards)
    value = _read_value(said, VALUES[sort].type)
    return None if value is None else Place(value, int(number), backwards)


def write_place(value: float | str | dt.date | None, instrument_id: int) -> str:
    """Write a place for an address, every digit kept: 87~12; ~12 has nothing in the column sorted by."""
    said = "" if value is None else value.isoformat() if isinstance(value, dt.date) else str(value)
    return f"{said}~{instrument_id}"


def _read_value(text: str, kind: object) -> float | str | dt.date | None:
    if isinstance(kind, String):
        return text if len(text) <= MOST_VALUE and text.isprintable() else None
    if isinstance(kind, Date):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return None
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _joined(query: Select[Any]) -> Select[Any]:
    """Read from the snapshots; a join that nothing asks for costs nothing, both databases leave it out."""
    return (query.select_from(Snapshot).outerjoin(InstrumentRow, InstrumentRow.id == Snapshot.instrument_id)
            .outerjoin(QuoteRow, QuoteRow.instrument_id == Snapshot.instrument_id))


def _order(value: Any, key: Any, direction: str, *, backwards: bool = False) -> tuple[Any, Any]:
    """Put missing values last and ties by their id; backwards all of it is turned round."""
    order = value.asc() if (direction == "asc") != backwards else value.desc()
    return (order.nulls_first(), key.desc()) if backwards else (order.nulls_last(), key.asc())


def _beyond(value: Any, key: Any, place: Place, direction: str) -> ColumnElement[bool]:
    """Return the condition of the rows behind a place, or before it."""
    further = key < place.instrument_id if place.backwards else key > place.instrument_id
    if place.value is None:
        here = and_(value.is_(None), further)
        return or_(value.is_not(None), here) if place.backwards else here
    known = literal(place.value, Double if isinstance(place.value, float) else value.type)
    ahead = value > known if (direction == "asc") != place.backwards else value < known
    behind = or_(ahead, and_(value == known, further))
    return behind if place.backwards else or_(behind, value.is_(None))


def ids_in(chunk: int, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Return ids in pieces of a size that a page has too, so that nothing holds the process for long."""
    return (ids[start:start + chunk] for start in range(0, len(ids), chunk))
