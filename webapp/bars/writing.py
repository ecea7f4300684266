"""Writing bars: what a source sends goes among what is stored of it, and only what differs is written.

Nothing here commits. The first statement of a write takes the lock that keeps others from the same series (in SQLite,
from the database) until then, so that what is read afterwards is what is written to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sqlalchemy import Row, Table, bindparam, delete, select, update

from webapp.analytics.series import to_day
from webapp.bars import basis, repairs
from webapp.bars.codec import Bars, joined, pack, unpack
from webapp.bars.events import Events, load_splits, write_events, write_many_events
from webapp.bars.histories import bars_of, events_of
from webapp.bars.merging import MINUTES, in_order, merge, pieces
from webapp.bars.sources import ticks_of
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import BarChunk, BarSeries, DividendRow, SplitRow
from webapp.models.bars import DAY, MINUTE
from webapp.records import Adjustment, History, Instrument, Split
from webapp.upserts import upsert

__all__ = ["Batch", "Events", "Written", "drop_source", "write_bars", "write_events", "write_history", "write_many",
           "write_many_events"]

# So many series and bars are read and written at a time: they are in memory meanwhile.
MOST, MOST_BARS = 500, 300_000
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: how many of the bars were new, other than stored, or the same."""

    series_id: int
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Bars of one instrument from one source, in the instrument's currency, to be written.

    `adjusted` is what the source had divided its prices by, `basis_day` the day up to which it had done so (None: the
    last bar's day); it means nothing for bars as traded. `ahead` is by how many minutes the exchange is ahead of UTC,
    where bars are of a minute.
    """

    instrument_id: int
    source: str
    bars: Bars
    adjusted: Adjustment = Adjustment.NONE
    basis_day: dt.date | None = None
    interval: str = DAY
    ahead: int = 0

    @property
    def key(self) -> Key:
        """Name the series."""
        return self.instrument_id, self.interval, self.source

    @property
    def per_day(self) -> int:
        """Return how many numbers a day has in `bars.at`."""
        return MINUTES if self.interval == MINUTE else 1

    @property
    def steps(self) -> basis.Steps:
        """Return what `bars.at` counts."""
        return basis.Steps(self.per_day, self.ahead)


@dataclass(slots=True)
class _Work:
    """One batch on its way: its series as it was, the chunks that it touches, and what is to be written."""

    batch: Batch
    row: Row[int, int, str, str, str, dt.date | None, dt.date | None, dt.date | None, int]
    stored: dict[dt.date, bytes]
    repairs: repairs.Repairs
    basis_day: dt.date | None = None
    rescaled: bool = False
    # The same bars, in other shares than we thought.
    read_anew: bool = False
    chunks: dict[dt.date, Bars] = field(default_factory=dict)
    added: int = 0
    changed: int = 0
    unchanged: int = 0


def write_bars(instrument_id: int, interval: str, source: str, bars: Bars, *, adjusted: Adjustment,
               basis_day: dt.date | None = None, now: dt.datetime) -> Written:
    """Write the bars of one instrument, at least one; see write_many()."""
    return write_many([Batch(instrument_id, source, bars, adjusted, basis_day, interval)], now)[0]


def write_many(batches: Iterable[Batch], now: dt.datetime) -> list[Written]:
    """Write bars among those that are stored of their source, a result a series in the order of its first batch.

    A day that is sent again is as it is sent now; what a person repaired stays (see bars.repairs). Where nothing
    differs, nothing changes but `fetched_at`. Batches without bars, and a series in several batches, are allowed. Raise
    MismatchError where bars cannot stand in one series with those that are there, ValueError where a day stands twice.
    """
    together = _by_series(batches)
    written: dict[Key, Written] = {}
    # In the order of their keys: two that write the same series at once must not wait for each other in a ring.
    keys = sorted(together)
    for part in _parts(keys, together):
        written |= zip(part, _write_part([together[key] for key in part], now), strict=True)
    return [written[key] for key in together]


def write_history(history: History, instrument: Instrument, now: dt.datetime) -> Written:
    """Write a vendor's answer, its figures turned into the instrument's currency, with the events that came with it.

    Prices that are adjusted are taken for divided up to the exchange's day of now. Raise ValueError where the unit is
    of another currency, where a price cannot be stored, and as write_many() does.
    """
    splits, dividends = events_of(history, instrument)
    write_events(instrument.id, splits, dividends, history.source, now)
    basis_day = None if history.adjusted is Adjustment.NONE else exchange_day(instrument.mic, now)
    return write_bars(instrument.id, DAY, history.source, bars_of(history, instrument), adjusted=history.adjusted,
                      basis_day=basis_day, now=now)


def drop_series(series: BarSeries) -> None:
    """Delete one series with its findings and repairs, and the splits and dividends that came with it."""
    if series.interval == DAY:
        for row in (SplitRow, DividendRow):
            db.session.execute(delete(row).where(row.instrument_id == series.instrument_id,
                                                 row.source == series.source))
    db.session.execute(delete(BarSeries).where(BarSeries.id == series.id))


def drop_source(source: str) -> int:
    """Delete all bars, splits and dividends of a source, and what was made of its ticks; return of how many series."""
    gone = len(db.session.execute(
        delete(BarSeries).where(BarSeries.source.in_((source, ticks_of(source)))).returning(BarSeries.id)).all())
    db.session.execute(delete(SplitRow).where(SplitRow.source == source))
    db.session.execute(delete(DividendRow).where(DividendRow.source == source))
    return gone


def _by_series(batches: Iterable[Batch]) -> dict[Key, Batch]:
    """Return the batches with those of one series made one, their bars in order."""
    found: dict[Key, list[Batch]] = {}
    for batch in batches:
        found.setdefault(batch.key, []).append(batch)
    together = {}
    for key, parts in found.items():
        if len({(part.adjusted, part.basis_day) for part in parts}) > 1:
            raise basis.MismatchError("bars of one source with different adjustments")
        bars = in_order(joined([part.bars for part in parts]), parts[0].per_day)
        basis_day = parts[0].basis_day or (to_day(bars.at[-1] // parts[0].per_day) if len(bars) else None)
        together[key] = replace(parts[0], bars=bars,
                                basis_day=None if parts[0].adjusted is Adjustment.NONE else basis_day)
    return together


def _parts(keys: Sequence[Key], batches: Mapping[Key, Batch]) -> Iterator[list[Key]]:
    """Give the keys in parts that are not too much at a time."""
    part: list[Key] = []
    bars = 0
    for key in keys:
        part.append(key)
        bars += len(batches[key].bars)
        if len(part) == MOST or bars >= MOST_BARS:
            yield part
            part, bars = [], 0
    if part:
        yield part


def _write_part(batches: Sequence[Batch], now: dt.datetime) -> list[Written]:
    works = _begin(batches, now)
    _fit(works)
    for work in works:
        _merge(work)
    _store(works, now)
    return [Written(work.row.id, work.added, work.changed, work.unchanged) for work in works]


def _begin(batches: Sequence[Batch], now: dt.datetime) -> list[_Work]:
    """Make and lock the series, read what they have of the batches' years."""
    db.session.execute(upsert(BarSeries, on=("instrument_id", "interval", "source"), change=("fetched_at",)), [
        {"instrument_id": batch.instrument_id, "interval": batch.interval, "source": batch.source,
         "adjusted": batch.adjusted.value, "basis_day": batch.basis_day, "bars": 0, "fetched_at": now,
         "changed_at": now} for batch in batches])
    table = BarSeries.__table__
    found = db.session.execute(
        select(BarSeries.id, BarSeries.instrument_id, BarSeries.interval, BarSeries.source, BarSeries.adjusted,
               BarSeries.basis_day, BarSeries.first_day, BarSeries.last_day, table.c.bars)
        .where(BarSeries.instrument_id.in_({batch.instrument_id for batch in batches}),
               BarSeries.source.in_({batch.source for batch in batches})))
    rows = {(row.instrument_id, row.interval, row.source): row for row in found}
    old = [rows[batch.key].id for batch in batches if rows[batch.key].bars]
    starts = {start for batch in batches for start, _piece in pieces(batch.bars, batch.per_day)}
    chunks = _chunks(old, starts)
    repaired = repairs.in_force([rows[batch.key].id for batch in batches])
    return [_Work(batch, row := rows[batch.key], chunks.get(row.id, {}), repaired.get(row.id, {}), row.basis_day)
            for batch in batches]


def _chunks(series_ids: Collection[int], starts: Collection[dt.date] | None) -> dict[int, dict[dt.date, bytes]]:
    """Return the stored chunks of these series with these first days, or all of them."""
    query = select(BarChunk.series_id, BarChunk.start, BarChunk.data).where(BarChunk.series_id.in_(series_ids))
    if starts is not None:
        query = query.where(BarChunk.start.in_(starts))
    found: dict[int, dict[dt.date, bytes]] = {}
    for number, start, data in db.session.execute(query) if series_ids else ():
        found.setdefault(number, {})[start] = data
    return found


def _fit(works: Sequence[_Work]) -> None:
    """Bring what is stored and what is sent into the same shares, and put repaired bars in the place of sent ones."""
    adjusting = [work for work in works if len(work.batch.bars) and not (
        work.batch.adjusted is Adjustment.NONE and work.row.adjusted == Adjustment.NONE)]
    splits = load_splits([work.batch.instrument_id for work in adjusting])
    for work in adjusting:
        _fit_one(work, splits.get(work.batch.instrument_id, ()))
    for work in works:
        if work.repairs:
            work.batch = replace(work.batch, bars=repairs.held_back(work.batch.bars, work.repairs))


def _fit_one(work: _Work, splits: Sequence[Split]) -> None:
    stored = joined([unpack(data) for _start, data in sorted(work.stored.items())]) if work.stored else None
    sent = basis.Sent(work.batch.bars, work.batch.adjusted, work.batch.basis_day, work.batch.steps)
    if not work.row.bars:
        work.basis_day = sent.true_basis(splits)
        return
    fit = basis.fit(sent, stored, Adjustment(work.row.adjusted), work.row.basis_day, splits)
    work.basis_day = fit.basis_day
    work.batch = replace(work.batch, bars=fit.sent)
    if fit.stored is not None:
        _rescale(work, fit.stored, splits)
    work.read_anew = _split_between(work.row.basis_day, work.basis_day, splits)


def _split_between(one: dt.date | None, other: dt.date | None, splits: Sequence[Split]) -> bool:
    return one is not None and other is not None and any(
        min(one, other) < split.day <= max(one, other) for split in splits)


def _rescale(work: _Work, change: basis.Change, splits: Sequence[Split]) -> None:
    """Bring all that is stored of a series into other shares, which is rare: after a split."""
    work.rescaled = True
    whole = _chunks([work.row.id], None)[work.row.id]
    for start, data in whole.items():
        bars = unpack(data)
        work.chunks[start] = change.apply(bars, work.batch.steps.days(bars), splits)
        work.changed += len(bars)
    repairs.rescale(work.repairs, change, splits)


def _merge(work: _Work) -> None:
    """Find out which chunks change, and to what."""
    for start, piece in pieces(work.batch.bars, work.batch.per_day):
        data = work.stored.get(start)
        if data is None:
            work.added += len(piece)
            work.chunks[start] = piece
            continue
        if work.rescaled:
            merged = merge(work.chunks[start], piece)
            work.added += merged.added
        elif data == pack(piece):
            work.unchanged += len(piece)
            continue
        else:
            merged = merge(unpack(data), piece)
            work.added += merged.added
            work.changed += merged.changed
            work.unchanged += merged.unchanged
            if not merged.added and not merged.changed:
                continue
        work.chunks[start] = merged.bars


def _store(works: Sequence[_Work], now: dt.datetime) -> None:
    chunks = [{"series_id": work.row.id, "start": start, "bars": len(bars), "data": pack(bars)}
              for work in works for start, bars in work.chunks.items()]
    if chunks:
        db.session.execute(upsert(BarChunk, on=("series_id", "start"), change=("bars", "data")), chunks)
    changed = [_series_of(work, now) for work in works if work.chunks or work.read_anew]
    moved = [{"number": work.row.id, "basis": work.basis_day} for work in works
             if not work.chunks and not work.read_anew and work.basis_day != work.row.basis_day]
    table = cast(Table, BarSeries.__table__)
    if changed:
        db.session.execute(update(table).where(table.c.id == bindparam("number")).values({
            name: bindparam(name) for name in ("adjusted", "basis_day", "first_day", "last_day", "bars", "changed_at")
        }), changed)
    if moved:
        db.session.execute(update(table).where(table.c.id == bindparam("number")).values(
            basis_day=bindparam("basis")), moved)


def _series_of(work: _Work, now: dt.datetime) -> Mapping[str, object]:
    """Return the series' new figures; its adjustment is that of the first bars that it got."""
    days = [to_day(number // work.batch.per_day) for bars in work.chunks.values() if len(bars)
            for number in (bars.at[0], bars.at[-1])]
    old = [day for day in (work.row.first_day, work.row.last_day) if day is not None]
    adjusted = work.row.adjusted if work.row.bars else work.batch.adjusted.value
    return {"number": work.row.id, "adjusted": adjusted, "basis_day": work.basis_day, "first_day": min(days + old),
            "last_day": max(days + old), "bars": work.row.bars + work.added, "changed_at": now}
