"""Splits and dividends: what sources say of them, and what is believed where several do."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from webapp.bars.sources import any_made_up, is_made_up, ranks
from webapp.extensions import db
from webapp.models import BarSeries, DividendRow, SplitRow
from webapp.models.bars import DAY
from webapp.records import Dividend, Split
from webapp.upserts import upsert
from webapp.vendors import SIMULATOR

# Sources differ by some days about an event; two of one kind so near to each other are the same.
SAME_EVENT = dt.timedelta(days=5)
# Coefficients are messy: 7.00000700001 is 7. Whether two are of the same split, and whether one is better.
SAME_RATIO, EQUAL_RATIO = Decimal("0.01"), Decimal("0.0001")
SAME_AMOUNT = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Events:
    """Splits and dividends of one instrument, amounts in its currency and in the shares of their day."""

    splits: Sequence[Split] = ()
    dividends: Sequence[Dividend] = ()


def write_events(instrument_id: int, splits: Sequence[Split], dividends: Sequence[Dividend], source: str,
                 now: dt.datetime) -> int:
    """Keep the events of one instrument; see write_many_events()."""
    return write_many_events({instrument_id: Events(splits, dividends)}, source, now)


def write_many_events(events: Mapping[int, Events], source: str, now: dt.datetime) -> int:
    """Keep events, by instrument, that are not known yet or that the source has corrected; return how many they are.

    A day's dividends of one source are added up. A split that another source has dated some days off is the same one.
    """
    if not any(found.splits or found.dividends for found in events.values()):
        return 0
    splits, dividends = _new_splits(events, source), _new_dividends(events, source)
    rows = [{"source": source, "known_at": now} | row for row in splits]
    if rows:
        db.session.execute(upsert(SplitRow, on=("instrument_id", "day"), change=("ratio", "source", "known_at")), rows)
    rows = [{"source": source, "known_at": now} | row for row in dividends]
    if rows:
        db.session.execute(upsert(DividendRow, on=("instrument_id", "day", "source"), change=("amount", "known_at")),
                           rows)
    return len(splits) + len(dividends)


def load_splits(ids: Collection[int]) -> dict[int, tuple[Split, ...]]:
    """Return the known splits of these instruments, oldest first; those to come are among them.

    What the simulator made up counts only where the past is made up too.
    """
    found: dict[int, list[Split]] = defaultdict(list)
    if ids:
        query = (select(SplitRow.instrument_id, SplitRow.day, SplitRow.ratio, SplitRow.source)
                 .where(SplitRow.instrument_id.in_(ids)).order_by(SplitRow.day))
        rows = db.session.execute(query).all()
        real = _real({number for number, _day, _ratio, source in rows if is_made_up(source)})
        for number, day, ratio, source in rows:
            if not (number in real and is_made_up(source)):
                found[number].append(Split(day, ratio))
    return {number: tuple(splits) for number, splits in found.items()}


def load_dividends(ids: Collection[int]) -> dict[int, tuple[Dividend, ...]]:
    """Return the dividends of these instruments, oldest first, of the best source that knows each.

    What the simulator made up counts only where the past is made up too.
    """
    found: dict[int, dict[str, list[Dividend]]] = defaultdict(lambda: defaultdict(list))
    if ids:
        query = select(DividendRow.instrument_id, DividendRow.source, DividendRow.day, DividendRow.amount)
        for number, source, day, amount in db.session.execute(
                query.where(DividendRow.instrument_id.in_(ids)).order_by(DividendRow.day)):
            found[number][source].append(Dividend(day, amount))
    made_up = [number for number, sources in found.items() if any_made_up(sources)]
    for number in _real(made_up):
        found[number] = {source: paid for source, paid in found[number].items() if not is_made_up(source)}
    order = ranks({source for sources in found.values() for source in sources})
    return {number: _believed([sources[name] for name in sorted(sources, key=order.__getitem__)])
            for number, sources in found.items()}


def _real(ids: Collection[int]) -> set[int]:
    """Return those of the instruments that have past days which nobody made up."""
    if not ids:
        return set()
    query = select(BarSeries.instrument_id).where(BarSeries.instrument_id.in_(ids), BarSeries.interval == DAY,
                                                  BarSeries.source != SIMULATOR)
    return set(db.session.scalars(query))


def events_changed(ids: Collection[int]) -> dict[int, dt.datetime]:
    """Return when an event of each of these instruments last came or was corrected."""
    newest: dict[int, dt.datetime] = {}
    if not ids:
        return newest
    for row in (SplitRow, DividendRow):
        query = select(row.instrument_id, func.max(row.known_at)).where(row.instrument_id.in_(ids))
        for number, moment in db.session.execute(query.group_by(row.instrument_id)):
            newest[number] = max(moment, newest.get(number, moment))
    return newest


def _new_splits(events: Mapping[int, Events], source: str) -> list[dict[str, object]]:
    """Return the splits that are to be written; in order, so that two writers never wait for each other in a ring."""
    known: dict[int, list[tuple[Split, str]]] = defaultdict(list)
    query = select(SplitRow.instrument_id, SplitRow.day, SplitRow.ratio, SplitRow.source)
    for number, day, ratio, said_by in db.session.execute(query.where(SplitRow.instrument_id.in_(events))):
        if is_made_up(source) or not is_made_up(said_by):
            known[number].append((Split(day, ratio), said_by))
    order = ranks({source} | {said_by for found in known.values() for _split, said_by in found})
    rows: dict[tuple[int, dt.date], dict[str, object]] = {}
    for number, found in sorted(events.items()):
        for split in found.splits:
            if all(_adds(split, other, corrects=said_by == source or order[source] < order[said_by],
                         own=said_by == source) for other, said_by in known.get(number, ())):
                rows[number, split.day] = {"instrument_id": number, "day": split.day, "ratio": split.ratio}
    return list(rows.values())


def _adds(split: Split, known: Split, *, corrects: bool, own: bool) -> bool:
    """Tell whether a split says something that a known one does not."""
    apart = abs(split.ratio / known.ratio - 1)
    if split.day == known.day:
        return apart > EQUAL_RATIO and corrects
    return own or abs(split.day - known.day) > SAME_EVENT or apart > SAME_RATIO


def _new_dividends(events: Mapping[int, Events], source: str) -> list[dict[str, object]]:
    """Return the days' dividends that are to be written."""
    query = select(DividendRow.instrument_id, DividendRow.day, DividendRow.amount).where(
        DividendRow.instrument_id.in_(events), DividendRow.source == source)
    known = {(number, day): amount for number, day, amount in db.session.execute(query)}
    sums: dict[tuple[int, dt.date], Decimal] = defaultdict(Decimal)
    for number, found in sorted(events.items()):
        for dividend in found.dividends:
            sums[number, dividend.day] += dividend.amount
    return [{"instrument_id": number, "day": day, "amount": amount}
            for (number, day), amount in sums.items() if known.get((number, day)) != amount]


def _believed(sources: Sequence[Iterable[Dividend]]) -> tuple[Dividend, ...]:
    """Return what several sources say of one instrument's dividends, the best source first, as one list.

    What a lesser one says is believed where no better one has a dividend of about that day.
    """
    believed: list[Dividend] = []
    for number, said in enumerate(sources):
        known = list(believed)
        believed += [one for one in said if not number or not any(_is_same(one, other) for other in known)]
    return tuple(believed) if len(sources) == 1 else tuple(sorted(believed, key=lambda one: one.day))


def _is_same(one: Dividend, other: Dividend) -> bool:
    if one.day == other.day:
        return True
    return abs(one.day - other.day) <= SAME_EVENT and abs(one.amount / other.amount - 1) < SAME_AMOUNT
