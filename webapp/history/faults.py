"""What the pages of findings read: odd places in past prices, the bars around them, and what was repaired."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, select, tuple_

from webapp.bars.repairs import in_force
from webapp.extensions import db
from webapp.history.stored import ShownBar, load_bars, shown
from webapp.instruments import Ambiguous, Found, resolve
from webapp.models import BarFault, BarFinding, BarSeries, FaultState, InstrumentRow
from webapp.models.bars import DAY
from webapp.records import Instrument

PER_PAGE = 50
KINDS, STATES = list(BarFault), list(FaultState)
# So much is shown before and after an odd place; and of a long one only its first days.
AROUND, MOST_DAYS = dt.timedelta(days=12), dt.timedelta(days=60)
Row = tuple[BarFinding, BarSeries, InstrumentRow]
Place = tuple[dt.date, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding with the series and the instrument that it is about."""

    row: BarFinding
    series: BarSeries
    instrument: Instrument

    @property
    def key(self) -> str:
        """Return its place among the others, as addresses write it."""
        return f"{self.row.day}.{self.row.id}"

    @property
    def of_days(self) -> bool:
        """Tell whether it is about bars of days; those of minutes cannot be repaired."""
        return self.series.interval == DAY

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has settled it yet."""
        return self.row.state == FaultState.OPEN


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for: a state and a kind ("" is every one), a stock as somebody typed it, the place to go on from.

    `ids` are the stocks that the text may mean, None where none is typed; none means that it is unknown here.
    """

    state: str
    kind: str
    symbol: str
    ids: tuple[int, ...] | None
    after: Place | None = None
    before: Place | None = None

    @property
    def words(self) -> dict[str, str]:
        """Return what of it stands in addresses, without the place."""
        return {"state": self.state or "all"} | {
            name: value for name, value in (("kind", self.kind), ("symbol", self.symbol)) if value}


@dataclass(frozen=True, slots=True)
class Page:
    """Findings, that with the newest day first; `after` and `before` are where the neighbours begin, "" for none."""

    faults: Sequence[Fault]
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A bar near an odd place, and whether it is part of that place; where a bar is missing, `bar` is None."""

    day: dt.date
    bar: ShownBar | None
    odd: bool
    repaired: bool


def read_filter(args: Mapping[str, str]) -> Filter:
    """Return what the words of an address ask for; without a state it is open findings."""
    state, kind = args.get("state", FaultState.OPEN.value), args.get("kind", "")
    symbol = args.get("symbol", "").strip()[:60]
    ids: tuple[int, ...] | None = None
    if symbol:
        match resolve(symbol):
            case Found(instrument):
                ids = (instrument.id,)
            case Ambiguous(candidates):
                ids = tuple(one.id for one in candidates)
            case _:
                ids = ()
    return Filter(state if state in STATES else "" if state else FaultState.OPEN.value,
                  kind if kind in KINDS else "", symbol, ids,
                  _place(args.get("after", "")), _place(args.get("before", "")))


def faults_page(asked: Filter) -> Page:
    """Return the page that is asked for."""
    back = asked.before is not None and asked.after is None
    place = asked.before if back else asked.after
    # Each state by itself walks along the index of state and day; all together would be sorted whole.
    found = [row for state in ([asked.state] if asked.state else [each.value for each in STATES])
             for row in _rows(asked, state, place, back=back)]
    found.sort(key=lambda row: (row[0].day, row[0].id), reverse=not back)
    more, found = len(found) > PER_PAGE, found[:PER_PAGE]
    if back:
        found.reverse()
    faults = [Fault(row, series, instrument.record()) for row, series, instrument in found]
    if not faults:
        return Page(faults)
    return Page(faults, faults[-1].key if more or back else "",
                faults[0].key if (more and back) or (place and not back) else "")


def find_fault(number: int) -> Fault | None:
    """Return one finding, if there is one."""
    row = db.session.execute(_joined().where(BarFinding.id == number)).one_or_none()
    return Fault(row[0], row[1], row[2].record()) if row else None


def lines_around(fault: Fault) -> list[Line]:
    """Return the bars of and near an odd place, oldest first; a missing bar is a line without figures."""
    first, last = fault.row.day, min(fault.row.last_day, fault.row.day + MOST_DAYS)
    bars = {bar.day: bar for bar in shown(load_bars(fault.series.id, first - AROUND, last + AROUND))}
    repaired = repaired_days(fault.series.id)
    near = {day for day in repaired if first - AROUND <= day <= last + AROUND}
    days = sorted({*bars, *near, first, last})
    return [Line(day, bars.get(day), first <= day <= last, day in repaired) for day in days]


def repaired_days(series_id: int) -> set[dt.date]:
    """Return the days on which a series has a person's bar, or none because a person said so."""
    return set(in_force([series_id]).get(series_id, ()))


def find_series(number: int) -> tuple[BarSeries, Instrument] | None:
    """Return one series of days and what it is of, if there is one."""
    query = (select(BarSeries, InstrumentRow).join(InstrumentRow, InstrumentRow.id == BarSeries.instrument_id)
             .where(BarSeries.id == number, BarSeries.interval == DAY))
    found = db.session.execute(query).one_or_none()
    return (found[0], found[1].record()) if found else None


def _joined() -> Select[BarFinding, BarSeries, InstrumentRow]:
    return (select(BarFinding, BarSeries, InstrumentRow).join(BarSeries, BarSeries.id == BarFinding.series_id)
            .join(InstrumentRow, InstrumentRow.id == BarSeries.instrument_id))


def _rows(asked: Filter, state: str, place: Place | None, *, back: bool) -> Sequence[Row]:
    """Return a page of one state, and one finding more where there is one."""
    key = tuple_(BarFinding.day, BarFinding.id)
    conditions: list[ColumnElement[bool]] = [BarFinding.state == state]
    if asked.kind:
        conditions.append(BarFinding.kind == asked.kind)
    if asked.ids is not None:
        conditions.append(BarFinding.series_id.in_(
            select(BarSeries.id).where(BarSeries.instrument_id.in_(asked.ids))))
    if place is not None:
        conditions.append(key > place if back else key < place)
    columns = (BarFinding.day, BarFinding.id)
    query = _joined().where(*conditions).order_by(*(each.asc() if back else each.desc() for each in columns))
    return [(row[0], row[1], row[2]) for row in db.session.execute(query.limit(PER_PAGE + 1))]


def _place(text: str) -> Place | None:
    """Read a place as Fault.key writes it; None where it is none."""
    day, _, number = text.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    try:
        return dt.date.fromisoformat(day), int(number)
    except ValueError:
        return None
