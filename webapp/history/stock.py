"""What the page of one stock's history reads: its series, what is there of each month, its events, faults and runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from webapp.bars.sources import ranks
from webapp.extensions import db
from webapp.history.coverage import count_stock, load_calendars, load_faults
from webapp.history.months import Year
from webapp.history.stored import load_days, load_minute_days
from webapp.models import BarFinding, BarSeries, DividendRow, FaultState, IngestRun, InstrumentRow, SplitRow
from webapp.models.bars import DAY

MOST_FAULTS, MOST_RUNS, MOST_EVENTS = 20, 10, 400


@dataclass(frozen=True, slots=True)
class Event:
    """A split or a dividend, who told of it, and since when it is known."""

    row: SplitRow | DividendRow

    @property
    def is_split(self) -> bool:
        """Tell which of the two it is."""
        return isinstance(self.row, SplitRow)


def find_row(mic: str, symbol: str) -> InstrumentRow | None:
    """Return an instrument by its key."""
    if "\0" in mic + symbol:  # PostgreSQL refuses it in a text
        return None
    return db.session.scalar(select(InstrumentRow).where(InstrumentRow.mic == mic, InstrumentRow.symbol == symbol))


def all_series(instrument_id: int) -> list[BarSeries]:
    """Return every series of an instrument: those of days first, the best source first."""
    rows = db.session.scalars(select(BarSeries).where(BarSeries.instrument_id == instrument_id)
                              .order_by(BarSeries.id)).all()
    order = ranks({row.source for row in rows})
    return sorted(rows, key=lambda row: (row.interval, order[row.source]))


def years_of(row: InstrumentRow, series: BarSeries, today: dt.date) -> list[Year]:
    """Return what is there of each year of a series, the newest first."""
    if series.first_day is None:
        return []
    span = (series.first_day.year, today.year)
    days = ([load_minute_days(series.id)] if series.interval != DAY
            else list(load_days([series.id], *span).values()))
    calendar = load_calendars([row.mic], *span)[row.mic]
    counted = count_stock(row, [series], days, calendar, load_faults([series.id])[series.id], span, today)
    return [counted[number] for number in sorted(counted, reverse=True)]


def events_of(instrument_id: int) -> list[Event]:
    """Return the splits and dividends that are known of an instrument, the newest first."""
    splits = db.session.scalars(select(SplitRow).where(SplitRow.instrument_id == instrument_id))
    dividends = db.session.scalars(select(DividendRow).where(DividendRow.instrument_id == instrument_id)
                                   .order_by(DividendRow.day.desc()).limit(MOST_EVENTS))
    found = [*(Event(split) for split in splits), *(Event(dividend) for dividend in dividends)]
    return sorted(found, key=lambda event: (event.row.day, event.is_split, event.row.source), reverse=True)


def open_faults(series: Sequence[BarSeries]) -> Sequence[BarFinding]:
    """Return the newest open findings of these series."""
    query = (select(BarFinding).where(BarFinding.series_id.in_([each.id for each in series]),
                                      BarFinding.state == FaultState.OPEN)
             .order_by(BarFinding.day.desc(), BarFinding.id.desc()).limit(MOST_FAULTS + 1))
    return db.session.scalars(query).all()


def runs_of(instrument_id: int) -> Sequence[IngestRun]:
    """Return the newest runs that were about an instrument."""
    query = (select(IngestRun).where(IngestRun.instrument_id == instrument_id)
             .order_by(IngestRun.started_at.desc(), IngestRun.id.desc()).limit(MOST_RUNS))
    return db.session.scalars(query).all()
