"""The stocks that are known here, as programs get them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, and_, or_, select, tuple_

from webapp.benchmark import benchmark_column
from webapp.extensions import db
from webapp.markets import exchange_name
from webapp.models import InstrumentRow
from webapp.rows import Row, as_day

COLUMNS = ("key", "symbol", "mic", "exchange", "name", "currency", "unit", "country", "kind", "decimals", "sector",
           "status", "status_day", "renamed_to", "figi", "listed_on", "benchmark")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which stocks are wanted; "" and None leave out none. `ids` are those of certain stocks."""

    mic: str = ""
    kind: str = ""
    sector: str = ""
    status: str = ""
    ids: Sequence[int] | None = None


def load_stocks(wanted: Filter, after: tuple[str, str] | None, most: int) -> list[Row]:
    """Return up to `most` stocks by symbol and exchange, from behind a place on."""
    row = InstrumentRow
    query = _query().order_by(row.symbol, row.mic).limit(most)
    for column, value in ((row.mic, wanted.mic), (row.kind, wanted.kind), (row.sector, wanted.sector),
                          (row.status, wanted.status)):
        query = query.where(column == value) if value else query
    if wanted.ids is not None:
        query = query.where(row.id.in_(wanted.ids))
    if after is not None:
        query = query.where(tuple_(row.symbol, row.mic) > after)
    return _rows(db.session.execute(query).all())


def load_details(ids: Sequence[int]) -> list[Row]:
    """Return these stocks, in their order."""
    found = db.session.execute(_query().where(InstrumentRow.id.in_(ids))).all()
    by_id = dict(zip((row.id for row in found), _rows(found), strict=True))
    return [by_id[number] for number in ids if number in by_id]


def _query() -> Select[*tuple[Any, ...]]:
    row = InstrumentRow
    return select(row.id, row.symbol, row.mic, row.name, row.currency, row.unit, row.country, row.kind, row.decimals,
                  row.sector, row.status, row.status_day, row.renamed_to, row.figi, row.listed_on,
                  benchmark_column().label("benchmark"))


def _rows(found: Sequence[Found[Any]]) -> list[Row]:
    currencies = _currencies({row.benchmark for row in found})
    return [{
        "key": f"{row.mic}:{row.symbol}", "symbol": row.symbol, "mic": row.mic, "exchange": exchange_name(row.mic),
        "name": row.name, "currency": row.currency, "unit": row.unit or row.currency, "country": row.country,
        "kind": row.kind, "decimals": row.decimals, "sector": row.sector or None, "status": row.status,
        "status_day": as_day(row.status_day), "renamed_to": row.renamed_to or None,
        "figi": row.figi or None, "listed_on": as_day(row.listed_on),
        # What is in another currency, or not here, measures nothing.
        "benchmark": row.benchmark if currencies.get(row.benchmark) == row.currency else None,
    } for row in found]


def _currencies(keys: Iterable[str]) -> dict[str, str]:
    """Return the currencies of the stocks with these keys, those that there are."""
    row = InstrumentRow
    pairs = [key.partition(":")[::2] for key in keys if key]
    if not pairs:
        return {}
    query = select(row.mic, row.symbol, row.currency).where(
        or_(*(and_(row.mic == mic, row.symbol == symbol) for mic, symbol in pairs)))
    return {f"{mic}:{symbol}": currency for mic, symbol, currency in db.session.execute(query)}
