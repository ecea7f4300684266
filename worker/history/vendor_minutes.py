"""The last days of one stock by the minute: asked of a provider within a share of its calls, stored, put on record."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import select, update

from webapp import clock
from webapp.bars.histories import bars_of
from webapp.bars.minutes_due import KIND
from webapp.bars.writing import Batch, Written, write_many
from webapp.extensions import db
from webapp.markets import SessionBook, exchange_day, zone_of
from webapp.models import BarSeries, IngestRun, RunState
from webapp.models.bars import MINUTE
from webapp.records import Adjustment, Bar, History, Instrument, Minutes, Session
from worker import quota
from worker.history import runs
from worker.history.calls import Answer, Share, claim_within, plan_lacks
from worker.providers.base import GivesMinutes, Provider, ProviderError

log = logging.getLogger(__name__)

SHARE = Share(0.1, "minutes ", "minutes")
# A provider whose plan has the minutes of a session only later is left alone for a while.
LATE = "It has no minutes of the running session yet."
LATE_AFTER, LATE_REST = dt.timedelta(minutes=30), dt.timedelta(hours=1)
A_MINUTE = dt.timedelta(minutes=1)


def candidates(stock: Instrument, providers: Sequence[GivesMinutes]) -> list[GivesMinutes]:
    """Return who may be asked for the stock now, the preferred one first."""
    rests = runs.rests(KIND, [stock.id])
    late = set(db.session.scalars(select(IngestRun.source).where(
        IngestRun.instrument_id == stock.id, IngestRun.kind == KIND, IngestRun.reason == LATE,
        IngestRun.started_at > clock.now() - LATE_REST)))
    return [provider for provider in providers if provider.covers(stock) and provider.name not in late
            and (stock.id, provider.name) not in rests and not plan_lacks(provider, SHARE.prefix)]


def claim(provider: Provider, stock: Instrument) -> int | quota.Refusal | None:
    """Count a call for the stock; see calls.claim_within()."""
    return claim_within(SHARE, provider, SHARE.prefix + stock.key)


def fetch(provider: GivesMinutes, claimed: int | None, stock: Instrument, book: SessionBook) -> bool:
    """Make the call, store what came, commit; tell whether it is all that can be had now."""
    run_id, before = _begin(provider.name, stock)
    answer = Answer(provider, claimed, run_id, before)
    try:
        minutes = provider.minutes(stock, clock.now(), book)
        outcome = _store(minutes, stock, book, before)
    except ProviderError as error:
        log.warning("%s: minutes of %s: %s: %s", provider.name, stock.key, error.kind, error.message)
        answer.refuse(error)
        return False
    except ValueError as error:  # what came does not fit what is there, or cannot be right
        answer.fail(str(error))
        return False
    except Exception:
        answer.fail("it made the program fail")
        raise
    answer.close(outcome)
    db.session.commit()
    return outcome.state is RunState.DONE and outcome.reason != LATE


def _begin(source: str, stock: Instrument) -> tuple[int, runs.Outcome]:
    """Write that a try begins, and commit; return its id, and what the tries of today came to before it.

    They are one row a day as long as all goes well: there may be one a minute.
    """
    now = clock.now()
    row = db.session.execute(
        select(IngestRun.id, IngestRun.state, IngestRun.started_at, IngestRun.added, IngestRun.changed)
        .where(IngestRun.instrument_id == stock.id, IngestRun.kind == KIND, IngestRun.source == source)
        .order_by(IngestRun.id.desc()).limit(1)).first()
    if row is None or row.state not in {RunState.DONE.value, RunState.RUNNING.value}:
        return runs.begin(KIND, source, stock), runs.NOTHING_YET
    if row.state == RunState.RUNNING.value:
        runs.end(row.id, runs.Outcome(RunState.FAILED, runs.CUT_SHORT, row.added, row.changed))
        return runs.begin(KIND, source, stock), runs.NOTHING_YET
    if row.started_at.date() != now.date():
        return runs.begin(KIND, source, stock), runs.NOTHING_YET
    db.session.execute(update(IngestRun).where(IngestRun.id == row.id).values(
        state=RunState.RUNNING.value, started_at=now, finished_at=None))
    db.session.commit()
    return row.id, runs.Outcome(RunState.DONE, added=row.added, changed=row.changed)


def _store(minutes: Minutes, stock: Instrument, book: SessionBook, before: runs.Outcome) -> runs.Outcome:
    """Write the minutes; the caller commits. Raise ValueError where they cannot be stored.

    None at all of a stock of which none are held is a refusal.
    """
    if not minutes.bars:
        held = db.session.scalar(select(BarSeries.id).where(
            BarSeries.instrument_id == stock.id, BarSeries.interval == MINUTE, BarSeries.source == minutes.source))
        return replace(before, reason="Nothing newer.") if held else runs.Outcome(
            RunState.REFUSED, "It has no minutes of this stock.")
    now = clock.now()
    written = write(minutes, stock, now)
    part, session = book.current(stock.mic, now)
    late = (part is Session.REGULAR and session is not None and now - session.opens_at > LATE_AFTER
            and minutes.bars[-1].at < session.starts_at)
    return runs.Outcome(RunState.DONE, LATE if late else "", before.added + written.added,
                        before.changed + written.changed, written.unchanged)


def write(minutes: Minutes, stock: Instrument, now: dt.datetime) -> Written:
    """Write minutes, at least one, in the stock's currency; raise ValueError where they cannot be stored."""
    history = History(minutes.instrument_id, minutes.source, minutes.adjusted, tuple(
        Bar(bar.at.date(), bar.close, bar.open, bar.high, bar.low, bar.volume) for bar in minutes.bars),
        unit=minutes.unit)
    at = np.array([int(bar.at.timestamp()) // 60 for bar in minutes.bars], np.int32)
    basis_day = None if minutes.adjusted is Adjustment.NONE else exchange_day(stock.mic, now)
    ahead = now.astimezone(zone_of(stock.mic)).utcoffset() or dt.timedelta(0)
    return write_many([Batch(stock.id, minutes.source, replace(bars_of(history, stock), at=at), minutes.adjusted,
                             basis_day, MINUTE, ahead // A_MINUTE)], now)[0]
