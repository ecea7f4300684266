"""How many stocks are in each stage in each week, kept true as stocks' weeks come and go. Nothing here commits."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection

from sqlalchemy import delete, func, select

from webapp.extensions import db
from webapp.models import Snapshot, StageCount, StageWeek
from webapp.upserts import insert

Counts = Counter[tuple[dt.date, int]]


def forget(ids: Collection[int]) -> None:
    """Delete all that was found of these stocks."""
    change_counts(Counter({place: -count for place, count in counted(ids).items()}))
    for model in (StageWeek, Snapshot):
        db.session.execute(delete(model).where(model.instrument_id.in_(ids)),
                           execution_options={"synchronize_session": False})


def change_counts(changes: Counts) -> None:
    """Add to, or take from, how many stocks were in each stage in each week."""
    rows = [{"week": week, "stage": stage, "count": change} for (week, stage), change in changes.items() if change]
    if not rows:
        return
    statement = insert(StageCount)
    total = StageCount.__table__.c["count"] + statement.excluded["count"]
    db.session.execute(statement.on_conflict_do_update(index_elements=["week", "stage"], set_={"count": total}), rows)
    db.session.execute(delete(StageCount).where(StageCount.__table__.c["count"] <= 0),
                       execution_options={"synchronize_session": False})


def counted(ids: Collection[int] | None) -> Counts:
    """Count the stored weeks of these stocks, or of all, by week and stage."""
    stage = func.coalesce(StageWeek.stage, 0)
    query = select(StageWeek.week, stage, func.count()).group_by(StageWeek.week, stage)
    if ids is not None:
        query = query.where(StageWeek.instrument_id.in_(ids))
    return Counter({(week, number): count for week, number, count in db.session.execute(query)})
