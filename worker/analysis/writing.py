"""Writing what was found: snapshots, weeks, and how many stocks are in each stage. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import delete, select

from webapp.analytics.series import EPOCH
from webapp.extensions import db
from webapp.models import Snapshot, StageCount, StageWeek, UnreadablePast
from webapp.stage_counts import Counts, change_counts, counted
from webapp.upserts import insert
from worker.analysis.batches import Batch, Reckoned
from worker.analysis.figures import STAGE, WEEK, Rows, template_with
from worker.analysis.stale import STANDING
from worker.analysis.week_rows import write_weeks

log = logging.getLogger(__name__)

REASON_LENGTH = 300
# What only the ratings write.
RATED = {"rs", "rated"}


def write_batch(batch: Batch, now: dt.datetime) -> list[int]:
    """Write what came of some stocks; return those whose standing is another one now."""
    _note_unreadable(batch)
    found = batch.found
    if not found:
        return []
    anew = [one.due.id for one in found if one.anew]
    counts = Counter({place: -count for place, count in counted(anew).items()}) if anew else Counter()
    if anew:
        db.session.execute(delete(StageWeek).where(StageWeek.instrument_id.in_(anew)),
                           execution_options={"synchronize_session": False})
    rows = np.concatenate([one.weeks for one in found])
    write_weeks(np.repeat([one.due.id for one in found], [len(one.weeks) for one in found]), rows)
    counts.update(_counts_of(rows))
    change_counts(counts)
    statement = insert(Snapshot)
    kept = {"instrument_id", *RATED}
    columns = {name: statement.excluded[name] for name in Snapshot.__table__.columns.keys()  # noqa: SIM118
               if name not in kept}
    db.session.execute(statement.on_conflict_do_update(index_elements=["instrument_id"], set_=columns),
                       [_values(one, now) for one in found])
    return [one.due.id for one in found if one.due.old is None
            or one.due.old.standing != tuple(one.snapshot[name] for name in STANDING)]


def _note_unreadable(batch: Batch) -> None:
    """Keep which stocks cannot be analysed, so that it is not tried each minute; forget those that can again."""
    mended = [one.due.id for one in batch.found if one.due.was_unreadable]
    if mended:
        db.session.execute(delete(UnreadablePast).where(UnreadablePast.instrument_id.in_(mended)))
    if not batch.unreadable:
        return
    for due, reason in batch.unreadable:
        log.error("Instrument %s cannot be analysed: %s", due.id, reason)
    statement = insert(UnreadablePast)
    kept = {name: statement.excluded[name] for name in ("inputs_at", "reason")}
    db.session.execute(statement.on_conflict_do_update(index_elements=["instrument_id"], set_=kept), [
        {"instrument_id": due.id, "inputs_at": due.inputs_at, "reason": reason[:REASON_LENGTH]}
        for due, reason in batch.unreadable])


def mend_counts() -> int:
    """Count all weeks and put right what differs, as after an instrument was deleted; return how many counts that were.

    The weeks of instruments that are gone go first.
    """
    db.session.execute(delete(StageWeek).where(StageWeek.instrument_id.not_in(select(Snapshot.instrument_id))),
                       execution_options={"synchronize_session": False})
    true = counted(None)
    columns = StageCount.__table__.c
    stored = {(week, stage): count for week, stage, count in
              db.session.execute(select(columns.week, columns.stage, columns["count"]))}
    changes = Counter({place: true[place] - stored.get(place, 0) for place in true.keys() | stored.keys()
                       if true[place] != stored.get(place, 0)})
    change_counts(changes)
    return len(changes)


def _values(one: Reckoned, now: dt.datetime) -> dict[str, Any]:
    """Return a snapshot's columns."""
    old, due = one.due.old, one.due
    changed = one.anew or len(one.weeks) > 0
    return one.snapshot | {
        "instrument_id": due.id, "benchmark": due.benchmark, "rs": None, "rated": False, "inputs_at": due.inputs_at,
        "template": template_with(one.snapshot["template"], old.rs if old else None), "computed_at": now,
        "weeks_at": now if changed or old is None else old.weeks_at}


def _counts_of(rows: Rows) -> Counts:
    """Count weeks that are to be written."""
    places, counts = np.unique(rows[:, WEEK].astype(np.int64) * 8 + rows[:, STAGE].astype(np.int64), return_counts=True)
    return Counter({(EPOCH + dt.timedelta(days=place // 8), place % 8): count
                    for place, count in zip(places.tolist(), counts.tolist(), strict=True)})
