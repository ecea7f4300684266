"""Bars of a minute out of the ticks that were observed, before those are thrown away.

They are a source of their own: what a vendor itself says of a minute is never mixed with what was seen of it here.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np
from flask import current_app
from sqlalchemy import delete, func, select, update

from config import Config
from webapp.bars.codec import SCALE, UNKNOWN, Bars
from webapp.bars.sources import ticks_of
from webapp.bars.writing import Batch, write_many
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, JobRun, Tick
from webapp.models.bars import MINUTE
from webapp.records import State
from webapp.vendors import VENDORS, as_set

# The row that says up to which tick, by its id, all finished minutes are kept.
MARK = "folded-ticks"
# So many new ticks are looked at in one go, a commit each, until a run has taken so long.
BATCH, RUN_SECONDS = 50_000, 60.0
# What was traded in a minute is told against a reading that is no older than this.
REACH = dt.timedelta(minutes=10)
A_MINUTE = dt.timedelta(minutes=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# When, at what price, and how many shares the day had traded by then.
Observed = tuple[dt.datetime, Decimal, int | None]
Key = tuple[int, str]
Span = tuple[dt.datetime, dt.datetime]


def fold(now: dt.datetime) -> str:
    """Keep every minute that is over at `now` and has a new tick as a bar; commit; say how many bars there are of it.

    A minute is made anew of all its ticks: to run twice, or after a tick that came late, changes nothing else.
    """
    until, ends, kept = now.replace(second=0, microsecond=0), time.monotonic() + RUN_SECONDS, 0
    while True:
        mark = _mark()
        new = db.session.execute(select(Tick.id, Tick.instrument_id, Tick.source, Tick.as_of)
                                 .where(Tick.id > mark).order_by(Tick.id).limit(BATCH)).all()
        running = [tick_id for tick_id, _instrument, _source, as_of in new if as_of >= until]
        spans = _spans((number, source, as_of) for _id, number, source, as_of in new if as_of < until)
        kept += _keep(spans, now)
        following = min(running) - 1 if running else new[-1].id if new else mark
        if following != mark:
            _set_mark(following, now)
        db.session.commit()
        if running or len(new) < BATCH or time.monotonic() > ends:
            return f"{kept} minutes kept"


def purge_minutes(before: dt.date) -> int:
    """Delete the bars of a minute of the days before, commit; return of how many days of how many stocks."""
    of_minutes = select(BarSeries.id).where(BarSeries.interval == MINUTE)
    old = db.session.execute(
        delete(BarChunk).where(BarChunk.start < before, BarChunk.series_id.in_(of_minutes))
        .returning(BarChunk.series_id), execution_options={"synchronize_session": False}).scalars().all()
    touched = BarSeries.id.in_(set(old))
    first_day, bars = (select(figure).where(BarChunk.series_id == BarSeries.id).scalar_subquery()
                       for figure in (func.min(BarChunk.start), func.coalesce(func.sum(BarChunk.bars), 0)))
    for change in (update(BarSeries).where(touched).values(first_day=first_day, bars=bars),
                   delete(BarSeries).where(touched, BarSeries.bars == 0)):
        db.session.execute(change, execution_options={"synchronize_session": False})
    db.session.commit()
    return len(old)


def bars_of(ticks: Sequence[Observed], start: dt.datetime) -> Bars:
    """Return the bars of the minutes from `start` on of ticks, oldest first; earlier ones only say what was traded.

    The volume is unknown where it did not grow since a reading of the last ten minutes: a stream does not count it.
    """
    rows: dict[int, list[int]] = {}
    ends: dict[int, tuple[int | None, int | None]] = {}
    last: tuple[dt.datetime, int] | None = None
    for as_of, price, volume in ticks:
        minute, count = (as_of - EPOCH) // A_MINUTE, int(price * SCALE)
        if as_of >= start:
            row = rows.setdefault(minute, [count] * 4)
            row[1], row[2], row[3] = max(row[1], count), min(row[2], count), count
            if minute not in ends:
                ends[minute] = (last[1] if last and as_of - last[0] <= REACH else volume, volume)
            elif volume is not None:
                ends[minute] = (ends[minute][0] if ends[minute][0] is not None else volume, volume)
        if volume is not None:
            last = (as_of, volume)
    volumes = [_traded(*ends[minute]) for minute in rows]
    columns = zip(*rows.values(), strict=True) if rows else ((),) * 4
    return Bars(np.array(list(rows), np.int32), *(np.array(column, np.int64) for column in (*columns, volumes)))


def _traded(before: int | None, after: int | None) -> int:
    return after - before if before is not None and after is not None and after > before else UNKNOWN


def _spans(new: Iterable[tuple[int, str, dt.datetime]]) -> dict[Key, Span]:
    """Return from when to when the minutes with a new tick are of each stock and source; a price a day makes none."""
    settings: Config = current_app.config["SETTINGS"]
    spans: dict[Key, Span] = {}
    for number, source, as_of in new:
        if source in VENDORS and as_set(source, settings).delay is State.END_OF_DAY:
            continue
        minute = as_of.replace(second=0, microsecond=0)
        start, end = spans.get((number, source), (minute, minute))
        spans[number, source] = min(minute, start), max(minute + A_MINUTE, end)
    return spans


def _keep(spans: Mapping[Key, Span], now: dt.datetime) -> int:
    """Write the bars of these stocks' minutes within their spans; return how many are new or other."""
    found = _load(spans)
    batches = [Batch(number, ticks_of(source), bars_of(found[number, source], start), interval=MINUTE)
               for (number, source), (start, _end) in spans.items() if found[number, source]]
    return sum(written.added + written.changed for written in write_many(batches, now)) if batches else 0


def _load(spans: Mapping[Key, Span]) -> dict[Key, list[Observed]]:
    """Return the ticks of these stocks from a little before their spans to the ends, oldest first; one query a start.

    After a pause there may be millions of new ticks: no more of them are in memory than are of one go's minutes.
    """
    together: dict[dt.datetime, dict[Key, dt.datetime]] = defaultdict(dict)
    for key, (start, end) in spans.items():
        together[start][key] = end
    found: dict[Key, list[Observed]] = defaultdict(list)
    for start, ends in together.items():
        rows = db.session.execute(
            select(Tick.instrument_id, Tick.source, Tick.as_of, Tick.price, Tick.volume)
            .where(Tick.instrument_id.in_({number for number, _source in ends}), Tick.as_of >= start - REACH,
                   Tick.as_of < max(ends.values())).order_by(Tick.as_of, Tick.id))
        for number, source, as_of, price, volume in rows:
            if (number, source) in ends and as_of < ends[number, source]:
                found[number, source].append((as_of, price, volume))
    return found


def _mark() -> int:
    """Return the id of the last tick up to which all is kept.

    Ids are in the order of commits: whoever adds ticks holds the lock of the feed's version. In SQLite they begin anew
    where all ticks have gone.
    """
    mark = int(db.session.scalar(select(JobRun.outcome).where(JobRun.name == MARK)) or 0)
    newest = db.session.scalar(select(func.max(Tick.id)))
    return mark if newest is not None and newest >= mark else 0


def _set_mark(tick_id: int, now: dt.datetime) -> None:
    db.session.merge(JobRun(name=MARK, started_at=now, finished_at=now, succeeded_at=now, outcome=str(tick_id),
                            failures=0))
