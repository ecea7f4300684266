"""Merging one stock into another one: what hangs on it goes there, or is dropped by the rules of merge_plan.py.

Nothing here commits. The feed's version is counted up first, as every writer of quotes does; then both stocks are
locked, and the plan is made again: what is done is what the admin saw.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from sqlalchemy import ColumnElement, delete, select, update

from webapp import clock
from webapp.audit import Actor, note
from webapp.bars.events import write_events
from webapp.errors import Conflict, NotFound
from webapp.extensions import db
from webapp.instruments import LISTED
from webapp.lists import replace_everywhere, users_with
from webapp.models import (
    BarSeries,
    Close,
    DividendRow,
    HeldQuote,
    IngestRun,
    InstrumentRow,
    QuoteFinding,
    QuoteGap,
    QuoteRow,
    RefreshPlan,
    RunState,
    SplitRow,
    Tick,
    UnreadablePast,
    VendorSymbol,
)
from webapp.quotes import load_live
from webapp.records import Dividend, LiveQuote, Split
from webapp.stage_counts import forget
from webapp.stocks.editing import RENAMED
from webapp.stocks.merge_plan import How, Plan, new_dividends, new_splits, plan_merge
from webapp.stocks.rows import follow, lock_row
from webapp.stocks.telling import Told
from webapp.versions import next_version

AS_IT_IS = {"synchronize_session": False}
# What is left of the stock when all that goes has gone.
DROPPED = (BarSeries, SplitRow, DividendRow, Close, QuoteRow, Tick, QuoteGap, QuoteFinding, HeldQuote, RefreshPlan,
           VendorSymbol, UnreadablePast, IngestRun)


def merge(source_id: int, target_id: int, how: How, seen: str, actor: Actor) -> Told:
    """Merge the one stock into the other as the plan of this version said; raise Conflict where another one holds now.

    The source is deleted as a duplicate, or kept as a former name of the target.
    """
    version = next_version()
    target = lock_row(target_id)
    source = _lock_whole(source_id)
    plan = plan_merge(source, target, how)
    if plan.version != seen:
        raise Conflict("What hangs on these stocks has changed meanwhile. This is how it would be now: look at it, "
                       "then send it again.")
    users = replace_everywhere(source_id, target_id) | users_with(target_id)
    now = clock.now()
    _move_past(plan, now)
    _move_rest(plan, version, now)
    _complete(source, target)
    note(actor, "stock.merge", plan.source.key, {"name": source.name, "status": source.status}, plan.summary())
    _end(source, plan, now)
    return Told(_rows(target_id, version), users, analyse=True)


def _lock_whole(source_id: int) -> InstrumentRow:
    """Lock the stock that goes: nothing may be hung on it until it has gone. SQLite is locked as a whole by now."""
    row = db.session.scalar(select(InstrumentRow).where(InstrumentRow.id == source_id).with_for_update()
                            .execution_options(populate_existing=True))
    if row is None:
        raise NotFound("This stock is gone: another admin has merged it.")
    return row


def _move_past(plan: Plan, now: dt.datetime) -> None:
    """Move bars, splits, dividends and closes; what is moved is new to the target, so that it is reckoned anew."""
    source_id, target_id = plan.source.id, plan.target.id
    going = [one for one in plan.series if one.goes]
    # An empty series of the target's own would stand in the way.
    for one in going:
        db.session.execute(delete(BarSeries).where(
            BarSeries.instrument_id == target_id, BarSeries.interval == one.interval, BarSeries.source == one.source))
    db.session.execute(update(BarSeries).where(BarSeries.id.in_([one.id for one in going]))
                       .values(instrument_id=target_id, changed_at=now), execution_options=AS_IT_IS)
    splits, dividends = defaultdict(list), defaultdict(list)
    for split in new_splits(source_id, target_id):
        splits[split.source].append(Split(split.day, split.ratio))
    for paid in new_dividends(source_id, target_id):
        dividends[paid.source].append(Dividend(paid.day, paid.amount))
    for name in sorted({*splits, *dividends}):
        write_events(target_id, splits[name], dividends[name], name, now)
    known = select(Close.day).where(Close.instrument_id == target_id)
    _hand_over(plan, Close, Close.day.not_in(known.scalar_subquery()))


def _move_rest(plan: Plan, version: int, now: dt.datetime) -> None:
    """Move the price with its ticks, findings, and the record of what came."""
    source_id, target_id = plan.source.id, plan.target.id
    if plan.price:
        db.session.execute(delete(QuoteRow).where(QuoteRow.instrument_id == target_id), execution_options=AS_IT_IS)
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id == source_id)
                           .values(instrument_id=target_id, version=version), execution_options=AS_IT_IS)
        db.session.execute(delete(Tick).where(Tick.instrument_id == target_id), execution_options=AS_IT_IS)
        _hand_over(plan, Tick)
    else:
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id == target_id).values(version=version),
                           execution_options=AS_IT_IS)
    db.session.execute(
        update(QuoteFinding).where(QuoteFinding.instrument_id == source_id, QuoteFinding.ended_at.is_(None))
        .values(ended_at=now, outcome=f"dropped when {plan.source.key} was merged"), execution_options=AS_IT_IS)
    _hand_over(plan, QuoteFinding)
    _hand_over(plan, IngestRun, IngestRun.state == RunState.DONE.value)


def _hand_over(plan: Plan, model: type[Close | Tick | QuoteFinding | IngestRun],
               *conditions: ColumnElement[bool]) -> None:
    """Give rows of the source's to the target."""
    db.session.execute(update(model).where(model.instrument_id == plan.source.id, *conditions)
                       .values(instrument_id=plan.target.id), execution_options=AS_IT_IS)


def _complete(source: InstrumentRow, target: InstrumentRow) -> None:
    """Let the target have what only the source knows, and be what others name the source for."""
    old, new = source.record().key, target.record().key
    target.figi, target.sector = target.figi or source.figi, target.sector or source.sector
    target.listed_on = target.listed_on or source.listed_on
    target.starter = target.starter or source.starter
    row = InstrumentRow
    for column in (row.renamed_to, row.benchmark):
        db.session.execute(update(row).where(column == old, row.id != target.id).values({column: new}),
                           execution_options=AS_IT_IS)
        db.session.execute(update(row).where(column == old).values({column: ""}), execution_options=AS_IT_IS)


def _end(source: InstrumentRow, plan: Plan, now: dt.datetime) -> None:
    """Drop what is left of the source, and delete it or keep it as a former name."""
    db.session.flush()
    forget([source.id])
    for model in DROPPED:
        db.session.execute(delete(model).where(model.instrument_id == source.id), execution_options=AS_IT_IS)
    if plan.how is How.DUPLICATE:
        db.session.execute(delete(InstrumentRow).where(InstrumentRow.id == source.id), execution_options=AS_IT_IS)
        db.session.expunge(source)
        return
    if source.status == LISTED or source.status_day is None:
        source.status_day = now.date()
    source.status, source.renamed_to, source.missing_since, source.starter = RENAMED, plan.target.key, None, False
    follow(source, "status")
    db.session.flush()


def _rows(target_id: int, version: int) -> list[LiveQuote]:
    """Return the target's row as it is now, if it has one; whoever shows it is told."""
    db.session.expire_all()
    return [row for row in load_live([target_id]) if row.version == version]
