"""Which stocks are to be reckoned anew, in two or three statements; nothing is read of those that are up to date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, func, literal, or_, select, tuple_

from webapp.analytics.series import to_day
from webapp.bars.completed import WEEK, Over
from webapp.benchmark import USUAL_BENCHMARKS, benchmark_column, key_column
from webapp.extensions import db
from webapp.markets import zone_of
from webapp.models import BarSeries, InstrumentRow, Snapshot, SplitRow, UnreadablePast
from webapp.models.bars import DAY

# What a stock's standing on the pages follows from, its rating left out.
STANDING = ("stage", "since", "weeks", "candidate", "trend", "closes_29", "average_3")
# A split of so many days ago has been seen since: with its first bar at the latest.
SPLIT_DAYS = 7
NEVER = dt.date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Old:
    """What a stock's stored snapshot says."""

    week: dt.date | None
    weeks_digest: str
    weeks_at: dt.datetime | None
    rs: int | None
    standing: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """A stock to be reckoned: `benchmark` is the key of its benchmark, "" for none, `inputs_at` as in Snapshot.

    `was_unreadable` says that the last try found nothing that could be read.
    """

    id: int
    mic: str
    currency: str
    benchmark: str
    inputs_at: dt.datetime
    old: Old | None
    was_unreadable: bool = False


def find_due(overs: Mapping[str, Over], now: dt.datetime, *, everything: bool = False,
             among: Collection[int] | None = None) -> list[Due]:
    """Return the stocks with daily bars whose snapshot is missing or behind, or all of them; by their ids.

    It is behind where bars or splits came after it, a split took effect, its week has ended meanwhile (`overs` by
    exchange), or its benchmark is another one or has other weeks. What could not be read then, and is as it was, is
    left out.
    """
    series, splits = _newest_bars(), _newest_splits()
    query = (select(InstrumentRow.id, InstrumentRow.mic, InstrumentRow.currency, benchmark_column().label("wanted"),
                    series.c.changed_at, splits.c.known_at, UnreadablePast.inputs_at.label("unreadable_at"),
                    Snapshot.instrument_id.label("snapshot"), Snapshot.week,
                    Snapshot.weeks_digest, Snapshot.weeks_at, Snapshot.rs,
                    *(getattr(Snapshot, name) for name in STANDING))
             .join(series, series.c.instrument_id == InstrumentRow.id)
             .outerjoin(splits, splits.c.instrument_id == InstrumentRow.id)
             .outerjoin(UnreadablePast, UnreadablePast.instrument_id == InstrumentRow.id)
             .outerjoin(Snapshot, Snapshot.instrument_id == InstrumentRow.id).order_by(InstrumentRow.id))
    if not everything:
        query = query.where(or_(
            Snapshot.instrument_id.is_(None), *_inputs_differ(series, splits), Snapshot.benchmark != benchmark_column(),
            _week_has_ended(overs), _benchmark_moved(), InstrumentRow.id.in_(_split_lately(now))))
    if among is not None:
        query = query.where(InstrumentRow.id.in_(among))
    due = [_due(row) for row in db.session.execute(query)]
    return [one for one, unreadable_at in due if everything or one.inputs_at != unreadable_at]


def _due(row: Any) -> tuple[Due, dt.datetime | None]:
    """Return a stock, and as of when it could not be read."""
    old = None
    if row.snapshot is not None:
        old = Old(row.week, row.weeks_digest, row.weeks_at, row.rs, tuple(row[-len(STANDING):]))
    inputs_at = max(row.changed_at, row.known_at or row.changed_at)
    return Due(row.id, row.mic, row.currency, row.wanted, inputs_at, old,
               was_unreadable=row.unreadable_at is not None), row.unreadable_at


def find_benchmarks() -> dict[str, tuple[int, str, str]]:
    """Return what any stock with bars may be measured against: key -> id, exchange, currency; those that exist."""
    own = select(InstrumentRow.benchmark).where(InstrumentRow.benchmark != "").distinct()
    keys = {*db.session.scalars(own), *USUAL_BENCHMARKS.values()}
    names = [tuple(key.split(":", 1)) for key in sorted(keys) if ":" in key]
    rows = db.session.execute(
        select(InstrumentRow.id, InstrumentRow.mic, InstrumentRow.symbol, InstrumentRow.currency)
        .where(tuple_(InstrumentRow.mic, InstrumentRow.symbol).in_(names)))
    return {f"{mic}:{symbol}": (number, mic, currency) for number, mic, symbol, currency in rows}


def exchanges() -> set[str]:
    """Return the exchanges of the instruments with daily bars."""
    query = select(InstrumentRow.mic).join(BarSeries, BarSeries.instrument_id == InstrumentRow.id)
    return set(db.session.scalars(query.where(BarSeries.interval == DAY, BarSeries.bars > 0).distinct()))


def find_gone() -> list[int]:
    """Return the instruments that have a snapshot, but no daily bars any more."""
    bars = select(BarSeries.instrument_id).where(BarSeries.interval == DAY, BarSeries.bars > 0)
    return list(db.session.scalars(select(Snapshot.instrument_id).where(Snapshot.instrument_id.not_in(bars))))


def all_reckoned() -> set[int]:
    """Return the stocks that have a snapshot."""
    return set(db.session.scalars(select(Snapshot.instrument_id)))


def _newest_bars() -> Subquery:
    query = select(BarSeries.instrument_id, func.max(BarSeries.changed_at).label("changed_at"))
    return query.where(BarSeries.interval == DAY, BarSeries.bars > 0).group_by(BarSeries.instrument_id).subquery()


def _newest_splits() -> Subquery:
    query = select(SplitRow.instrument_id, func.max(SplitRow.known_at).label("known_at"))
    return query.group_by(SplitRow.instrument_id).subquery()


def _inputs_differ(series: Subquery, splits: Subquery) -> tuple[ColumnElement[bool], ...]:
    """Return the signs that something came, or that the newest of what was read is gone."""
    changed_at, known_at = series.c.changed_at, splits.c.known_at
    return (changed_at > Snapshot.inputs_at, known_at > Snapshot.inputs_at,
            and_(changed_at != Snapshot.inputs_at, or_(known_at.is_(None), known_at != Snapshot.inputs_at)))


def _week_has_ended(overs: Mapping[str, Over]) -> ColumnElement[bool]:
    """Return the sign that the newest bar's week is complete now, and was not."""
    running = Snapshot.day > func.coalesce(Snapshot.week, NEVER)
    ended = [and_(InstrumentRow.mic == mic, Snapshot.day <= to_day(over.friday),
                  or_(literal(over.settled), Snapshot.day >= to_day(over.last_session),
                      Snapshot.day <= to_day(over.friday - WEEK))) for mic, over in overs.items()]
    return and_(running, or_(literal(False), *ended))


def _benchmark_moved() -> ColumnElement[bool]:
    """Return the sign that a week of the benchmark came or changed after the stock was reckoned."""
    rows = db.session.execute(
        select(key_column(), Snapshot.weeks_at).join(Snapshot, Snapshot.instrument_id == InstrumentRow.id)
        .where(InstrumentRow.id.in_([number for number, _mic, _currency in find_benchmarks().values()])))
    return or_(literal(False), *(and_(Snapshot.benchmark == key, Snapshot.computed_at < weeks_at)
                                 for key, weeks_at in rows if weeks_at is not None))


def _split_lately(now: dt.datetime) -> list[int]:
    """Return the stocks of which a split took effect, at midnight of the exchange, after they were reckoned."""
    today = now.date()
    rows = db.session.execute(
        select(SplitRow.instrument_id, SplitRow.day, InstrumentRow.mic, Snapshot.computed_at)
        .join(InstrumentRow, InstrumentRow.id == SplitRow.instrument_id)
        .join(Snapshot, Snapshot.instrument_id == SplitRow.instrument_id)
        .where(SplitRow.day >= today - dt.timedelta(days=SPLIT_DAYS), SplitRow.day <= today + dt.timedelta(days=1)))
    return [number for number, day, mic, computed_at in rows
            if computed_at < dt.datetime.combine(day, dt.time(), zone_of(mic)) <= now]
