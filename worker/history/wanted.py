"""Which stocks are to have past days: those that somebody watches, the starter list, and what they are measured by."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, or_, select

from webapp.benchmark import USUAL_BENCHMARKS
from webapp.extensions import db
from webapp.folding import fold
from webapp.markets import SessionBook
from webapp.models import BarSeries, InstrumentRow, WatchlistItem
from webapp.models.bars import DAY
from webapp.records import Adjustment, Instrument
from webapp.upserts import insert
from worker.outlook import SETTLES
from worker.providers.histories import day_at
from worker.providers.simulator import Simulator

# What American stocks are measured against, see USUAL_BENCHMARKS.
BENCHMARK_ROW = {"symbol": "SPY", "mic": "ARCX", "name": "SPDR S&P 500 ETF Trust", "currency": "USD", "country": "US",
                 "kind": "etf", "sector": "Fund"}
# A source that had nothing newer is asked again after so long; after the longer time, where it has been silent for
# so many days that the stock may not be traded any more.
ASK_AGAIN, ASK_SILENT_AGAIN, SILENT = dt.timedelta(hours=3), dt.timedelta(days=1), dt.timedelta(days=7)
# An exchange without a calendar: its newest day is the last weekday before today.
FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a stock from one source."""

    id: int
    last_day: dt.date | None
    fetched_at: dt.datetime
    adjusted: Adjustment


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stock that is to have past days; `rank` is its place in the queue, `series` what is held, by source."""

    instrument: Instrument
    rank: tuple[int, ...]
    series: Mapping[str, Held] = field(default_factory=dict)

    @property
    def newest(self) -> dt.date | None:
        """Return the last day that a real source had; prices less dividends are waiting for better ones."""
        return max((held.last_day for source, held in self.series.items() if held.last_day is not None
                    and source != Simulator.name and held.adjusted is not Adjustment.ALL), default=None)


@dataclass(frozen=True, slots=True)
class Ready:
    """The newest day of an exchange that sources can have, and since when they can."""

    day: dt.date
    since: dt.datetime


def keep_benchmark() -> None:
    """Put the fund that American stocks are measured against into the table, where it is not there; commit."""
    symbol, mic = BENCHMARK_ROW["symbol"], BENCHMARK_ROW["mic"]
    if db.session.scalar(select(InstrumentRow.id).where(InstrumentRow.symbol == symbol, InstrumentRow.mic == mic)):
        return
    values = BENCHMARK_ROW | {"folded_name": fold(BENCHMARK_ROW["name"])}
    db.session.execute(insert(InstrumentRow).values(**values).on_conflict_do_nothing())
    db.session.commit()


def load_wanted(on_screen: Collection[int]) -> list[Wanted]:
    """Return the stocks, those before others that more people wait for: benchmarks, lists and screens, the starters."""
    lists = (select(func.count()).where(WatchlistItem.instrument_id == InstrumentRow.id).correlate(InstrumentRow)
             .scalar_subquery())
    rows = _rows(lists, or_(InstrumentRow.starter, lists > 0, InstrumentRow.id.in_(on_screen)))
    keys = _benchmarks(row for row, _count in rows.values())
    if missing := keys - {f"{row.mic}:{row.symbol}" for row, _count in rows.values()}:
        symbols = [key.partition(":")[2] for key in missing]
        rows |= {number: found for number, found in _rows(lists, InstrumentRow.symbol.in_(symbols)).items()
                 if f"{found[0].mic}:{found[0].symbol}" in missing}
    series = load_series(rows)
    wanted = [Wanted(row.record(), _rank(row, count, on_screen, keys, fresh=number not in series),
                     series.get(number, {})) for number, (row, count) in rows.items()]
    return sorted(wanted, key=lambda want: want.rank)


def load_series(ids: Collection[int]) -> dict[int, dict[str, Held]]:
    """Return the series of days of these stocks, by stock and source."""
    found: dict[int, dict[str, Held]] = defaultdict(dict)
    for row in db.session.execute(
            select(BarSeries.id, BarSeries.instrument_id, BarSeries.source, BarSeries.last_day, BarSeries.fetched_at,
                   BarSeries.adjusted).where(BarSeries.interval == DAY, BarSeries.instrument_id.in_(ids))):
        found[row.instrument_id][row.source] = Held(row.id, row.last_day, row.fetched_at, Adjustment(row.adjusted))
    return found


def ready_day(mic: str, sessions: SessionBook, now: dt.datetime) -> Ready:
    """Return the newest day that sources can have of an exchange by now."""
    closed = sessions.last_completed(mic, now - SETTLES)
    if closed is not None:
        return Ready(closed.day, closed.closes_at + SETTLES)
    day = day_at(mic, now) - dt.timedelta(days=1)
    return Ready(day - dt.timedelta(days=max(day.weekday() - FRIDAY, 0)), now - dt.timedelta(days=1))


def is_due(want: Wanted, ready: Ready, sources: Sequence[str], now: dt.datetime) -> bool:
    """Tell whether no source's days reach the newest one, and none of `sources` has just been asked for it."""
    newest = want.newest
    if newest is not None and newest >= ready.day:
        return False
    asked = max((held.fetched_at for source, held in want.series.items() if source in sources), default=None)
    silent = newest is not None and ready.day - newest > SILENT
    return asked is None or asked < ready.since or asked <= now - (ASK_SILENT_AGAIN if silent else ASK_AGAIN)


def _rows(lists: ColumnElement[int], condition: ColumnElement[bool]) -> dict[int, tuple[InstrumentRow, int]]:
    """Return listed instruments with how many lists they are on, by their ids."""
    query = select(InstrumentRow, lists).where(condition, InstrumentRow.status == "listed")
    return {row.id: (row, count) for row, count in db.session.execute(query)}


def _benchmarks(rows: Iterable[InstrumentRow]) -> set[str]:
    """Return the keys of what these stocks are measured against."""
    return {row.benchmark or USUAL_BENCHMARKS[row.currency] for row in rows
            if row.benchmark or row.currency in USUAL_BENCHMARKS}


def _rank(row: InstrumentRow, lists: int, on_screen: Collection[int], benchmarks: Collection[str], *,
          fresh: bool) -> tuple[int, ...]:
    watched = lists > 0 or row.id in on_screen
    group = 0 if f"{row.mic}:{row.symbol}" in benchmarks else 1 if watched else 2
    return group, not fresh, -lists, row.id
