"""What the coverage page reads: for a page of stocks, which sessions of which months have bars, and from where."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from sqlalchemy import ColumnElement, and_, not_, select

from webapp.analytics.series import Days
from webapp.bars.calendar import load_years
from webapp.bars.sources import ranks
from webapp.extensions import db
from webapp.history.months import Calendar, Span, Year, count_years, empty_year
from webapp.history.stored import load_days
from webapp.instruments import LISTED, Ambiguous, Found, resolve
from webapp.models import BarFault, BarFinding, BarSeries, FaultState, InstrumentRow
from webapp.models.bars import DAY
from webapp.paging import page_of_stocks
from webapp.records import Adjustment, Instrument
from webapp.typed import argument
from webapp.vendors import SIMULATOR

PER_PAGE = 25
YEARS = 12
FIRST_YEAR = 1800  # no bar is older
STATES = {"": "All with bars", "complete": "Complete", "gaps": "With gaps", "suspicious": "Suspicious",
          "none": "No bars"}
NO_DAYS = np.empty(0, np.int32)
COUNTED = (FaultState.OPEN.value, FaultState.EXPLAINED.value)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for: a state, an exchange ("" is every one), a stock as somebody typed it, years, a place.

    `after` and `before` are keys (XNAS:AAPL) of the stocks between which the page begins or ends; `until` is the last
    year that is shown.
    """

    state: str
    mic: str
    symbol: str
    until: int
    after: str = ""
    before: str = ""

    @property
    def words(self) -> dict[str, str | int]:
        """Return what of it stands in addresses, without the place."""
        named: dict[str, str | int] = {"state": self.state, "exchange": self.mic, "symbol": self.symbol,
                                       "until": self.until}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a finding counts here: its kind and state, and the days that it is about."""

    kind: str
    state: str
    span: Span


@dataclass(frozen=True, slots=True)
class Stock:
    """A row of the page: where its bars come from, and what of each year is there.

    `used` are the series that are counted, those that are read as one. `faults` counts open findings, `gaps` the gaps
    among them.
    """

    instrument: Instrument
    series: Sequence[BarSeries]
    used: Sequence[BarSeries]
    years: Sequence[Year]
    faults: int
    gaps: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of stocks; `after` and `before` are the keys that the next and the one before begin at, "" for none."""

    stocks: Sequence[Stock]
    years: Sequence[int]
    after: str = ""
    before: str = ""


def read_filter(args: Mapping[str, str], today: dt.date) -> Filter:
    """Return what the words of an address ask for; what has no meaning asks for everything."""
    state, until = args.get("state", ""), args.get("until", "")
    year = int(until) if until.isascii() and until.isdigit() and len(until) == 4 else today.year
    return Filter(state if state in STATES else "", argument(args, "exchange", 4), argument(args, "symbol", 60),
                  min(max(year, FIRST_YEAR + YEARS), today.year), argument(args, "after", 30),
                  argument(args, "before", 30))


def exchanges() -> list[str]:
    """Return the exchanges that any instrument here is of."""
    return list(db.session.scalars(select(InstrumentRow.mic).distinct().order_by(InstrumentRow.mic)))


def coverage_page(asked: Filter, today: dt.date) -> Page:
    """Return the page that is asked for."""
    years = range(asked.until - YEARS + 1, asked.until + 1)
    rows, after, before = page_of_stocks(_conditions(asked), asked.after, asked.before, PER_PAGE)
    ids = [row.id for row in rows]
    series = _series(ids)
    faults = load_faults([each.id for group in series.values() for each in group])
    used = {number: read_as_one(group) for number, group in series.items()}
    days = load_days([each.id for group in used.values() for each in group], years[0], years[-1])
    calendars = load_calendars({row.mic for row in rows}, years[0], years[-1])
    stocks = []
    for row in rows:
        chosen = used.get(row.id, [])
        counted = count_stock(row, chosen, [days[each.id] for each in chosen if each.id in days], calendars[row.mic],
                              [fault for each in chosen for fault in faults.get(each.id, ())],
                              (years[0], years[-1]), today)
        still = [fault.kind for each in series.get(row.id, ()) for fault in faults.get(each.id, ())
                 if fault.state == FaultState.OPEN]
        stocks.append(Stock(row.record(), series.get(row.id, ()), chosen,
                            [counted.get(year) or empty_year(year) for year in years], len(still),
                            still.count(BarFault.GAP.value)))
    return Page(stocks, years, after, before)


def read_as_one(series: Sequence[BarSeries]) -> list[BarSeries]:
    """Return those series of an instrument's days, the best first, that are read as one, as bars.reading does.

    Made-up bars are never joined with real ones, nor those that a source had adjusted for dividends with any other.
    """
    real = [each for each in series if each.source != SIMULATOR] or list(series)
    return [each for each in real if each.adjusted != Adjustment.ALL] or real[:1]


def count_stock(row: InstrumentRow, series: Sequence[BarSeries], days: Sequence[Days], calendar: Calendar,
                faults: Sequence[Fault], years: tuple[int, int], today: dt.date) -> dict[int, Year]:
    """Return what is there of each year; nothing is missing before the first bar, nor when it was no longer listed."""
    firsts = [each.first_day for each in series if each.first_day]
    if not firsts or not days:
        return {}
    last_bar = max(each.last_day for each in series if each.last_day)
    # A session of today may still go on.
    end = today - dt.timedelta(days=1) if row.status == LISTED else max(row.status_day or last_bar, last_bar)
    first, last = max(min(firsts), dt.date(years[0], 1, 1)), min(max(end, last_bar), dt.date(years[1], 12, 31))
    if first > last:
        return {}
    excused = [fault.span for fault in faults if fault.kind == BarFault.GAP and fault.state == FaultState.EXPLAINED]
    odd = [fault.span for fault in faults if fault.kind != BarFault.GAP and fault.state == FaultState.OPEN]
    held = days[0] if len(days) == 1 else reduce(np.union1d, days)
    return count_years(held, calendar, (first, last), excused=excused, odd=odd)


def load_faults(series_ids: Sequence[int]) -> dict[int, list[Fault]]:
    """Return the open and the explained findings of these series."""
    query = select(BarFinding.series_id, BarFinding.kind, BarFinding.state, BarFinding.day, BarFinding.last_day).where(
        BarFinding.series_id.in_(series_ids), BarFinding.state.in_(COUNTED))
    found: dict[int, list[Fault]] = defaultdict(list)
    for series_id, kind, state, first, last in db.session.execute(query):
        found[series_id].append(Fault(kind, state, (first, last)))
    return found


def load_calendars(mics: Collection[str], first: int, last: int) -> dict[str, Calendar]:
    """Return when each exchange was open in the years from `first` to `last`, as far as that is known."""
    known = load_years(mics, first, last)
    return {mic: Calendar(np.concatenate([NO_DAYS, *known[mic].values()]), frozenset(known[mic])) for mic in mics}


def _conditions(asked: Filter) -> list[ColumnElement[bool]]:
    """Return what an instrument must meet."""
    found = [_of_state(asked.state)]
    if asked.mic:
        found.append(InstrumentRow.mic == asked.mic)
    if asked.symbol:
        match resolve(asked.symbol):
            case Found(instrument):
                found.append(InstrumentRow.id == instrument.id)
            case Ambiguous(candidates):
                found.append(InstrumentRow.id.in_([one.id for one in candidates]))
            case _:
                found.append(InstrumentRow.symbol.startswith(asked.symbol.upper(), autoescape=True))
    return found


def _of_state(state: str) -> ColumnElement[bool]:
    """Return what an instrument in this state has; findings are the summary of what is wrong with its bars."""
    held = InstrumentRow.id.in_(select(BarSeries.instrument_id).where(BarSeries.bars > 0, BarSeries.interval == DAY))
    open_ = select(BarSeries.instrument_id).join(BarFinding).where(BarFinding.state == FaultState.OPEN)
    match state:
        case "complete":
            return and_(held, not_(InstrumentRow.id.in_(open_)))
        case "gaps":
            return InstrumentRow.id.in_(open_.where(BarFinding.kind == BarFault.GAP))
        case "suspicious":
            return InstrumentRow.id.in_(open_.where(BarFinding.kind != BarFault.GAP))
        case "none":
            return not_(held)
    return held


def _series(ids: Sequence[int]) -> dict[int, list[BarSeries]]:
    """Return the series of days of each instrument that has any, the best first."""
    query = select(BarSeries).where(BarSeries.instrument_id.in_(ids), BarSeries.interval == DAY, BarSeries.bars > 0)
    found: dict[int, list[BarSeries]] = defaultdict(list)
    rows = db.session.scalars(query.order_by(BarSeries.id)).all()
    order = ranks({row.source for row in rows})
    for row in sorted(rows, key=lambda row: order[row.source]):
        found[row.instrument_id].append(row)
    return found
