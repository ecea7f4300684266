"""What the checks find, kept as rows until an import, an event or a person settles it. Nothing here commits."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Row, func, insert, select, update

from webapp.analytics.series import Days, to_day, to_number
from webapp.bars import repairs
from webapp.bars.calendar import known_days
from webapp.bars.checks import Fault, find_faults
from webapp.bars.codec import MOST_PRICE, PRICES, Bars, joined, pack, unpack
from webapp.bars.events import load_splits
from webapp.bars.merging import in_order
from webapp.bars.repairs import Repairs, Values
from webapp.extensions import db
from webapp.models import BarChunk, BarFault, BarFinding, BarRepair, BarSeries, FaultState, InstrumentRow
from webapp.models.bars import DAY
from webapp.records import Adjustment, Split

# So many series are checked at a time.
MOST = 200
# What an importer has seen, and nobody can see in what is stored.
NOTED = {BarFault.DUPLICATE.value}
BY_ITSELF = "what is known now explains it"
ELSEWHERE = "another finding tells of it, together with more"
MOST_VOLUME = 2**62
Found = Row[int, int, str, dt.date | None, str]


def check_series(series_id: int, now: dt.datetime) -> int:
    """Check the daily bars of one series; see check_many()."""
    return check_many([series_id], now)[series_id]


def check_many(series_ids: Collection[int], now: dt.datetime) -> dict[int, int]:
    """Check daily bars, keep what is found, and settle what is found no more; return the open findings of each series.

    What a person explained is not opened anew by the same fault, nor by a part of it, but by one that goes on longer;
    what is still found after a repair is open.
    """
    numbers = sorted(set(series_ids))
    for start in range(0, len(numbers), MOST):
        _check_part(numbers[start:start + MOST], now)
    counts = dict.fromkeys(numbers, 0)
    for start in range(0, len(numbers), MOST):
        counts.update(row.tuple() for row in db.session.execute(
            select(BarFinding.series_id, func.count()).where(
                BarFinding.series_id.in_(numbers[start:start + MOST]), BarFinding.state == FaultState.OPEN.value)
            .group_by(BarFinding.series_id)))
    return counts


def note_duplicates(series_id: int, days: Mapping[dt.date, str], now: dt.datetime) -> int:
    """Keep that a file had these days twice, and what is odd about it in words; return how many are new."""
    return _keep(series_id, [Fault(BarFault.DUPLICATE, day, day, detail) for day, detail in sorted(days.items())],
                 _rows_of([series_id]).get(series_id, []), now)


def explain(finding_id: int, by: str, note: str, now: dt.datetime) -> BarFinding | None:
    """Settle a finding as explained, in a person's words; None where there is none, or it is settled already."""
    row = db.session.get(BarFinding, finding_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != FaultState.OPEN.value:
        return None
    _settle(row, FaultState.EXPLAINED, by, note, now)
    return row


def repair(series_id: int, day: dt.date, values: Values | None, by: str, now: dt.datetime,
           finding_id: int | None = None) -> BarRepair:
    """Put a bar that a person gives in the place of a stored one, or where there is none; None takes the bar out.

    `values` has open, high, low, close and volume, in the series' own shares and the currency; all but the close may be
    None. What the source sent is kept. To undo a repair, give the original: it is the source's again then. The finding,
    if one is named, is settled, and the series checked anew. Raise ValueError, with words for a page, where the values
    cannot be a bar, where nothing would change, or where there is no such series of days.
    """
    # A write that changes nothing takes the lock, in SQLite too, before anything is read.
    db.session.execute(update(BarSeries).where(BarSeries.id == series_id).values(fetched_at=BarSeries.fetched_at))
    series = db.session.get(BarSeries, series_id, populate_existing=True)
    if series is None or series.interval != DAY:
        raise ValueError("There is no such series.")
    fresh = None if values is None else _checked(day, values)
    held = repairs.in_force([series_id]).get(series_id, {}).get(day)
    before = _place(series, day, fresh, now)
    after = None if fresh is None else repairs.as_row(fresh, 0)
    if before == after:
        raise ValueError("The bar is like that already.")
    row = BarRepair(series_id=series_id, finding_id=finding_id, day=day, original=held.original if held else before,
                    repaired=after, repaired_at=now, repaired_by=by)
    db.session.add(row)
    finding = db.session.get(BarFinding, finding_id) if finding_id is not None else None
    if finding is not None and finding.series_id == series_id:
        _settle(finding, FaultState.REPAIRED, by, finding.note, now)
    db.session.flush()
    check_series(series_id, now)
    return row


def _check_part(series_ids: Sequence[int], now: dt.datetime) -> None:
    found = db.session.execute(
        select(BarSeries.id, BarSeries.instrument_id, BarSeries.adjusted, BarSeries.basis_day, InstrumentRow.mic)
        .join(InstrumentRow, InstrumentRow.id == BarSeries.instrument_id)
        .where(BarSeries.id.in_(series_ids), BarSeries.interval == DAY)).all()
    calendars = known_days({row.mic for row in found})
    splits = load_splits({row.instrument_id for row in found})
    held = repairs.in_force([row.id for row in found])
    rows = _rows_of([row.id for row in found])
    for series, bars in _bars_of(found):
        faults = [] if bars is None else _faults(series, bars, calendars.get(series.mic),
                                                 splits.get(series.instrument_id, ()), held.get(series.id, {}))
        _keep(series.id, faults, rows.get(series.id, []), now)
        _settle_others(faults, rows.get(series.id, []), now)


def _bars_of(series: Sequence[Found]) -> Iterator[tuple[Found, Bars | None]]:
    """Give each series with its bars; None where it has none."""
    parts: dict[int, list[Bars]] = defaultdict(list)
    query = select(BarChunk.series_id, BarChunk.data).where(BarChunk.series_id.in_([row.id for row in series]))
    for number, data in db.session.execute(query.order_by(BarChunk.series_id, BarChunk.start)):
        parts[number].append(unpack(data))
    yield from ((row, joined(parts[row.id]) if row.id in parts else None) for row in series)


def _faults(series: Found, bars: Bars, days: Days | None, splits: Sequence[Split], held: Repairs) -> list[Fault]:
    """Return the faults of a series but for those of bars that a person has set right."""
    rounded = series.adjusted != Adjustment.NONE
    # What a source has adjusted itself it is not adjusted for once more.
    due = [split for split in splits if series.adjusted == Adjustment.NONE or (
        series.adjusted == Adjustment.SPLITS and series.basis_day is not None and split.day > series.basis_day)]
    removed = [to_number(day) for day, row in held.items() if row.repaired is None]
    return [fault for fault in find_faults(bars, days, due, rounded=rounded, removed=removed)
            if fault.day != fault.last_day or fault.day not in held]


def _rows_of(series_ids: Collection[int]) -> dict[int, list[BarFinding]]:
    rows: dict[int, list[BarFinding]] = defaultdict(list)
    for row in db.session.scalars(select(BarFinding).where(BarFinding.series_id.in_(series_ids))):
        rows[row.series_id].append(row)
    return rows


def _keep(series_id: int, faults: Sequence[Fault], rows: Sequence[BarFinding], now: dt.datetime) -> int:
    """Write what is new among the faults; return how many are."""
    known = {(row.kind, row.day): row for row in rows}
    new = []
    for fault in faults:
        row = known.get((fault.kind.value, fault.day))
        if row is None:
            if not any(_covers(other, fault) for other in rows):
                new.append({"series_id": series_id, "kind": fault.kind.value, "day": fault.day,
                            "last_day": fault.last_day, "detail": fault.detail[:300], "found_at": now,
                            "state": FaultState.OPEN.value, "settled_by": "", "note": ""})
        elif not (_is_explained(row) and fault.last_day <= row.last_day):
            _renew(row, fault)
    if new:
        db.session.execute(insert(BarFinding.__table__), new)  # type: ignore[arg-type]
    return len(new)


def _is_explained(row: BarFinding) -> bool:
    """Tell whether a person has said why it is so; of a repair, what is found all the same it did not reach."""
    return bool(row.settled_by) and (row.state == FaultState.EXPLAINED.value or row.kind in NOTED)


def _covers(row: BarFinding, fault: Fault) -> bool:
    """Tell whether a person has explained what the fault is a part of."""
    return _is_explained(row) and row.kind == fault.kind.value and (
        row.day <= fault.day and fault.last_day <= row.last_day)


def _renew(row: BarFinding, fault: Fault) -> None:
    """Write what is found now; open it again where it was settled, a person's note kept."""
    row.last_day, row.detail = fault.last_day, fault.detail[:300]
    if row.state != FaultState.OPEN.value:
        row.note = row.note if row.settled_by else ""
        row.state, row.settled_at, row.settled_by = FaultState.OPEN.value, None, ""


def _settle_others(faults: Sequence[Fault], rows: Sequence[BarFinding], now: dt.datetime) -> None:
    """Settle the open findings that are found no more."""
    still = {(fault.kind.value, fault.day) for fault in faults}
    for row in rows:
        if row.state == FaultState.OPEN.value and row.kind not in NOTED and (row.kind, row.day) not in still:
            told = any(fault.kind.value == row.kind and fault.day <= row.day and row.last_day <= fault.last_day
                       for fault in faults)
            _settle(row, FaultState.EXPLAINED, "", ELSEWHERE if told else BY_ITSELF, now)


def _settle(row: BarFinding, state: FaultState, by: str, note: str, now: dt.datetime) -> None:
    row.state, row.settled_at, row.settled_by, row.note = state.value, now, by, note[:300]


def _checked(day: dt.date, values: Values) -> Bars:
    """Return a person's bar as it is stored; raise ValueError where it cannot be one."""
    prices = [value for name in PRICES if (value := values[name]) is not None]
    volume = values["volume"]
    if values["close"] is None:
        raise ValueError("A bar has a close.")
    if any(not Decimal(price).is_finite() or not 0 < price <= MOST_PRICE for price in prices):
        raise ValueError(f"A price is a number above 0 and up to {MOST_PRICE}.")
    if volume is not None and not 0 <= volume < MOST_VOLUME:
        raise ValueError("A volume is a whole number from 0 on.")
    high, low = values["high"], values["low"]
    if (high is not None and max(prices) > high) or (low is not None and min(prices) < low):
        raise ValueError("The high is the highest and the low the lowest of a day's prices.")
    return repairs.as_bars(day, values)


def _place(series: BarSeries, day: dt.date, fresh: Bars | None, now: dt.datetime) -> dict[str, object] | None:
    """Put a bar into its chunk, or take it out; return what was there before."""
    start = day.replace(month=1, day=1)
    chunk = db.session.get(BarChunk, (series.id, start), populate_existing=True)
    old = unpack(chunk.data) if chunk is not None else None
    place = None if old is None else next(iter((old.at == to_number(day)).nonzero()[0].tolist()), None)
    before = None if old is None or place is None else repairs.as_row(old, place)
    others = None if old is None else old.take(old.at != to_number(day))
    parts = [part for part in (others, fresh) if part is not None and len(part)]
    if parts:
        bars = in_order(joined(parts))
        db.session.merge(BarChunk(series_id=series.id, start=start, bars=len(bars), data=pack(bars)))
    elif chunk is not None:
        db.session.delete(chunk)
    db.session.flush()
    _count(series, now)
    return before


def _count(series: BarSeries, now: dt.datetime) -> None:
    """Bring the series' figures in line with its chunks."""
    chunks = db.session.scalars(select(BarChunk).where(BarChunk.series_id == series.id, BarChunk.bars > 0)
                                .order_by(BarChunk.start)).all()
    series.bars, series.changed_at = sum(chunk.bars for chunk in chunks), now
    series.first_day = to_day(unpack(chunks[0].data).at[0]) if chunks else None
    series.last_day = to_day(unpack(chunks[-1].data).at[-1]) if chunks else None
