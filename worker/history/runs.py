"""The record of what was asked of providers besides prices, and what came of it: what the pages of history show.

Every try is a row. It also says whom not to ask again so soon: who does not know a stock today will not tomorrow.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, update

from webapp import clock
from webapp.extensions import db
from webapp.models import IngestRun, RunState
from webapp.records import Instrument
from worker.providers.base import ErrorKind, ProviderError

# What a row is of, in its `kind`: past days, events, and the company.
DAILY, SPLITS, DIVIDENDS, COMPANY = "provider", "splits", "dividends", "company"
KINDS = (DAILY, SPLITS, DIVIDENDS, COMPANY)
# So long a stock is left alone that a provider does not know or may not give; after a fault it is this, doubled by
# each further one.
REST_AFTER_NO = dt.timedelta(days=7)
REST_AFTER_FAULT, MOST_DOUBLINGS = dt.timedelta(minutes=10), 7
REASON_LENGTH = 500
CUT_SHORT = "The worker was stopped before the answer was stored."
NO = (ErrorKind.UNKNOWN_SYMBOL, ErrorKind.NOT_ENTITLED)
FAULT = (ErrorKind.BROKEN_ANSWER, ErrorKind.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try; counts are of bars, or of events that were not known."""

    state: RunState
    reason: str = ""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: int = 0


NOTHING_YET = Outcome(RunState.DONE)


def begin(kind: str, source: str, instrument: Instrument) -> int:
    """Write that a try begins, and commit: one that is cut short leaves its trace. Return its id."""
    row = IngestRun(kind=kind, source=source, subject=instrument.key, instrument_id=instrument.id,
                    state=RunState.RUNNING.value, started_at=clock.now())
    db.session.add(row)
    db.session.flush()
    run_id = row.id
    db.session.commit()
    return run_id


def end(run_id: int, outcome: Outcome) -> None:
    """Write what came of a try; the caller commits."""
    db.session.execute(update(IngestRun).where(IngestRun.id == run_id).values(
        state=outcome.state.value, reason=outcome.reason[:REASON_LENGTH], added=outcome.added, changed=outcome.changed,
        unchanged=outcome.unchanged, findings=outcome.findings, finished_at=clock.now()))


def outcome_of(error: ProviderError) -> Outcome:
    """Return what a provider's error means: no for this stock, a fault, or only not now."""
    state = RunState.REFUSED if error.kind in NO else RunState.FAILED if error.kind in FAULT else RunState.SKIPPED
    return Outcome(state, error.message)


def end_cut_short(kinds: Collection[str], after: dt.timedelta = dt.timedelta(0)) -> None:
    """Write of tries that a killed worker left open that they failed, and commit.

    None may be under way, but of those that began less than `after` ago.
    """
    db.session.execute(
        update(IngestRun).where(IngestRun.kind.in_(kinds), IngestRun.state == RunState.RUNNING.value,
                                IngestRun.started_at <= clock.now() - after)
        .values(state=RunState.FAILED.value, reason=CUT_SHORT, finished_at=clock.now()))
    db.session.commit()


def note_batch(source: str, subject: str, started_at: dt.datetime, outcome: Outcome) -> None:
    """Write one row for many stocks that needed no call; the caller commits."""
    db.session.add(IngestRun(kind=DAILY, source=source, subject=subject, started_at=started_at,
                             finished_at=clock.now(), state=outcome.state.value, reason=outcome.reason,
                             added=outcome.added, changed=outcome.changed, unchanged=outcome.unchanged))


def note_waiting(source: str, stocks: int, reason: str) -> None:
    """Write that stocks wait for a provider's next free call, and commit: one row as long as nothing else happens."""
    now, subject = clock.now(), f"{stocks} {'stock' if stocks == 1 else 'stocks'}"
    newest = db.session.scalars(
        select(IngestRun).where(IngestRun.kind == DAILY, IngestRun.source == source,
                                IngestRun.started_at > now - dt.timedelta(days=1))
        .order_by(IngestRun.id.desc()).limit(1)).first()
    if newest is not None and newest.instrument_id is None and newest.state == RunState.SKIPPED.value:
        newest.subject, newest.reason, newest.finished_at = subject, reason[:REASON_LENGTH], now
    else:
        db.session.add(IngestRun(kind=DAILY, source=source, subject=subject, started_at=now, finished_at=now,
                                 state=RunState.SKIPPED.value, reason=reason[:REASON_LENGTH]))
    db.session.commit()


def rests(kind: str, ids: Collection[int]) -> dict[tuple[int, str], dt.datetime]:
    """Return until when a source is not to be asked for a stock again, by both; what is over is left out."""
    now = clock.now()
    rows = db.session.execute(
        select(IngestRun.instrument_id, IngestRun.source, IngestRun.state, IngestRun.started_at)
        .where(IngestRun.kind == kind, IngestRun.instrument_id.in_(ids), IngestRun.started_at > now - REST_AFTER_NO,
               IngestRun.state.in_((RunState.REFUSED.value, RunState.FAILED.value, RunState.DONE.value)))
        .order_by(IngestRun.started_at))
    faults: Counter[tuple[int, str]] = Counter()
    until: dict[tuple[int, str], dt.datetime] = {}
    for instrument_id, source, state, started_at in rows:
        if instrument_id is None:
            continue
        key = (instrument_id, source)
        if state == RunState.DONE.value:
            faults.pop(key, None)
            until.pop(key, None)
        elif state == RunState.REFUSED.value:
            until[key] = started_at + REST_AFTER_NO
        else:
            until[key] = started_at + REST_AFTER_FAULT * 2 ** min(faults[key], MOST_DOUBLINGS)
            faults[key] += 1
    return {key: moment for key, moment in until.items() if moment > now}


def asked_since(kind: str, ids: Collection[int], moment: dt.datetime) -> set[tuple[int, str]]:
    """Return for which stocks which source was asked since, whatever came of it; a throttled call does not count."""
    rows = db.session.execute(
        select(IngestRun.instrument_id, IngestRun.source).distinct()
        .where(IngestRun.kind == kind, IngestRun.instrument_id.in_(ids), IngestRun.started_at > moment,
               IngestRun.state != RunState.SKIPPED.value))
    return {(instrument_id, source) for instrument_id, source in rows if instrument_id is not None}


def marked(ids: Collection[int], reason: str) -> set[tuple[int, str]]:
    """Return for which stocks and sources this reason is the newest that a row of days gives."""
    rows = db.session.execute(
        select(IngestRun.instrument_id, IngestRun.source, IngestRun.reason)
        .where(IngestRun.kind == DAILY, IngestRun.instrument_id.in_(ids),
               IngestRun.started_at > clock.now() - REST_AFTER_NO).order_by(IngestRun.id))
    newest = {(instrument_id, source): said for instrument_id, source, said in rows if instrument_id is not None}
    return {key for key, said in newest.items() if said == reason}
