"""Writing what was found: snapshots, weeks, and how many stocks are in each stage. Nothing here commits."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select

from webapp.analytics.series import EPOCH, to_day
from webapp.extensions import db
from webapp.models import Snapshot, StageCount, StageWeek
from worker.analysis.batches import Reckoned
from worker.analysis.figures import SINCE, STAGE, WEEK, Rows, template_with
from worker.analysis.stale import STANDING
from worker.database import insert

# A row costs SQLAlchemy's own insert many times what it costs the database, and there are millions of them.
INSERT_WEEKS = ("INSERT INTO stage_weeks (instrument_id, week, stage, since, close, average, slope, mansfield, "
                "week_volume) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
COPY_WEEKS = ("COPY stage_weeks (instrument_id, week, stage, since, close, average, slope, mansfield, week_volume) "
              "FROM STDIN")
# What only the ratings write.
RATED = {"rs", "rated"}
Counts = Counter[tuple[dt.date, int]]


def write_batch(found: Sequence[Reckoned], now: dt.datetime) -> list[int]:
    """Write what was found of some stocks; return those whose standing is another one now."""
    if not found:
        return []
    anew = [one.due.id for one in found if one.anew]
    counts = Counter({place: -count for place, count in _counted(anew).items()}) if anew else Counter()
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


def forget(ids: Collection[int]) -> None:
    """Delete all that was found of these stocks."""
    change_counts(Counter({place: -count for place, count in _counted(ids).items()}))
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


def mend_counts() -> int:
    """Count all weeks and put right what differs, as after a stock was deleted; return how many counts that were."""
    true = _counted(None)
    columns = StageCount.__table__.c
    stored = {(week, stage): count for week, stage, count in
              db.session.execute(select(columns.week, columns.stage, columns["count"]))}
    changes = Counter({place: true[place] - stored.get(place, 0) for place in true.keys() | stored.keys()
                       if true[place] != stored.get(place, 0)})
    change_counts(changes)
    return len(changes)


def write_weeks(ids: NDArray[np.int64], rows: Rows) -> None:
    """Insert weeks, rows of WEEK_COLUMNS, each with its stock's id; they are not there yet."""
    if not len(rows):
        return
    stages = np.array([None, 1, 2, 3, 4], object)[rows[:, STAGE].astype(int)].tolist()
    figures: Any = rows[:, SINCE + 1:].T
    if db.engine.dialect.name == "postgresql":
        weeks, since = _by_day(rows, to_day)
        figures = np.where(np.isnan(figures), None, figures.astype(object))
        _copy(zip(ids.tolist(), weeks, stages, since, *figures.tolist(), strict=True))
        return
    weeks, since = _by_day(rows, lambda number: to_day(number).isoformat())
    # Its driver writes NaN as NULL.
    db.session.connection().exec_driver_sql(
        INSERT_WEEKS, list(zip(ids.tolist(), weeks, stages, since, *figures.tolist(), strict=True)))


def _copy(rows: Iterable[tuple[Any, ...]]) -> None:
    """Send rows to PostgreSQL in its quickest way."""
    cursor: Any = db.session.connection().connection.cursor()
    with cursor, cursor.copy(COPY_WEEKS) as copy:
        for row in rows:
            copy.write_row(row)


def _by_day(rows: Rows, word: Callable[[int], object]) -> tuple[list[Any], list[Any]]:
    """Return the weeks, and since when their stages have held, in words of the database; None where they have none."""
    numbers = rows[:, (WEEK, SINCE)].astype(np.int64)
    first = int(numbers[:, 0].min())
    first = min(first, int(numbers[:, 1][numbers[:, 1] > 0].min(initial=first)))
    words = np.array([*(word(number) for number in range(first, int(numbers[:, 0].max()) + 1)), None], object)
    places = np.where(numbers > 0, numbers - first, len(words) - 1)
    return words[places[:, 0]].tolist(), words[places[:, 1]].tolist()


def _values(one: Reckoned, now: dt.datetime) -> dict[str, Any]:
    """Return a snapshot's columns."""
    old, due = one.due.old, one.due
    changed = one.anew or len(one.weeks) > 0
    return one.snapshot | {
        "instrument_id": due.id, "benchmark": due.benchmark, "rs": None, "rated": False, "inputs_at": due.inputs_at,
        "template": template_with(one.snapshot["template"], old.rs if old else None), "computed_at": now,
        "weeks_at": now if changed or old is None else old.weeks_at}


def _counted(ids: Collection[int] | None) -> Counts:
    """Count the stored weeks of these stocks, or of all, by week and stage."""
    stage = func.coalesce(StageWeek.stage, 0)
    query = select(StageWeek.week, stage, func.count()).group_by(StageWeek.week, stage)
    if ids is not None:
        query = query.where(StageWeek.instrument_id.in_(ids))
    return Counter({(week, number): count for week, number, count in db.session.execute(query)})


def _counts_of(rows: Rows) -> Counts:
    """Count weeks that are to be written."""
    places, counts = np.unique(rows[:, WEEK].astype(np.int64) * 8 + rows[:, STAGE].astype(np.int64), return_counts=True)
    return Counter({(EPOCH + dt.timedelta(days=place // 8), place % 8): count
                    for place, count in zip(places.tolist(), counts.tolist(), strict=True)})
