"""Weeks from arrays into the database's quickest way in: of millions of rows none is made an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import to_day
from webapp.extensions import db
from worker.analysis.figures import SINCE, STAGE, WEEK, Rows

INSERT = ("INSERT INTO stage_weeks (instrument_id, week, stage, since, close, average, slope, mansfield, week_volume) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
COPY = ("COPY stage_weeks (instrument_id, week, stage, since, close, average, slope, mansfield, week_volume) "
        "FROM STDIN (FORMAT BINARY)")
# Of PostgreSQL's binary form: what stands before all rows and after them, what tells NULL, and its first day.
HEAD, TAIL, NULL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff", -1
YEAR_2000 = 10_957
INT, FLOAT = np.dtype(">i4"), np.dtype(">f8")


def write_weeks(ids: NDArray[np.int64], rows: Rows) -> None:
    """Insert weeks, rows of WEEK_COLUMNS, each with its stock's id; they are not there yet."""
    if not len(rows):
        return
    connection = db.session.connection()
    if db.engine.dialect.name == "postgresql":
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(COPY) as copy:
            for part in packed(ids, rows):
                copy.write(part)
        return
    stages = np.array([None, 1, 2, 3, 4], object)[rows[:, STAGE].astype(int)].tolist()
    weeks, since = _words(rows)
    # Its driver writes NaN as NULL.
    connection.exec_driver_sql(INSERT, list(zip(ids.tolist(), weeks, stages, since, *rows[:, SINCE + 1:].T.tolist(),
                                                strict=True)))


def packed(ids: NDArray[np.int64], rows: Rows) -> Iterator[bytes]:
    """Give weeks in PostgreSQL's binary form, those together that lack the same figures: they are equally long."""
    stages = np.where(rows[:, STAGE] > 0, rows[:, STAGE], np.nan)
    columns: list[tuple[np.dtype[Any], Any]] = [
        (INT, ids), (INT, rows[:, WEEK] - YEAR_2000), (INT, stages), (INT, rows[:, SINCE] - YEAR_2000),
        *((FLOAT, values) for values in rows[:, SINCE + 1:].T)]
    kinds = sum((~np.isnan(values)).astype(np.int64) << place for place, (_, values) in enumerate(columns))
    yield HEAD
    for kind in np.unique(kinds).tolist():
        here = kinds == kind
        yield _packed_alike([(form if kind >> place & 1 else None, values[here])
                             for place, (form, values) in enumerate(columns)], int(np.count_nonzero(here)))
    yield TAIL


def _packed_alike(columns: list[tuple[np.dtype[Any] | None, NDArray[Any]]], count: int) -> bytes:
    """Return rows: the number of columns, then each one's length and value; one without a form is NULL."""
    fields: list[tuple[str, Any]] = [("columns", ">i2")]
    for place, (form, _) in enumerate(columns):
        fields += [(f"length {place}", INT)] + ([(f"value {place}", form)] if form else [])
    rows = np.empty(count, fields)
    rows["columns"] = len(columns)
    for place, (form, values) in enumerate(columns):
        rows[f"length {place}"] = form.itemsize if form else NULL
        if form:
            rows[f"value {place}"] = values
    return rows.tobytes()


def _words(rows: Rows) -> tuple[list[Any], list[Any]]:
    """Return the weeks, and since when their stages have held, in ISO 8601; None where they have none."""
    numbers = rows[:, (WEEK, SINCE)]
    known = ~np.isnan(numbers)
    first = int(numbers[known].min())
    words = np.array([*(to_day(number).isoformat() for number in range(first, int(numbers[known].max()) + 1)), None],
                     object)
    places = np.where(known, numbers - first, len(words) - 1).astype(np.int64)
    return words[places[:, 0]].tolist(), words[places[:, 1]].tolist()
