"""Minutes of Massive: how its bars within a day are read, and of which days a plan has any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from webapp.records import MinuteBar
from worker.providers.figures import FigureError, parse_epoch
from worker.providers.histories import day_at
from worker.providers.massive_history import rows_of
from worker.providers.minutes import begin_of, make_minute
from worker.providers.rest import as_object

if TYPE_CHECKING:
    from webapp.markets import SessionBook


def days_of(mic: str, now: dt.datetime, sessions: SessionBook, *, free: bool) -> tuple[dt.date, dt.date]:
    """Return the first and the last day to ask for: the free plan refuses a day that is not over."""
    today = day_at(mic, now)
    return (day_at(mic, begin_of(mic, now, sessions)) - dt.timedelta(days=int(free)),
            today - dt.timedelta(days=int(free)))


def read_minutes(body: dict[str, Any], symbol: str) -> Iterator[MinuteBar | None]:
    """Give the minute of each row, which is stamped with its beginning in milliseconds."""
    if body.get("ticker") != symbol:
        raise FigureError("it is for another symbol")
    for row in (as_object(row) for row in rows_of(body)):
        at = parse_epoch(row.get("t"), "a minute", per_second=1000)
        if at is None or "T" in row:  # it stands in bars of whole days
            raise FigureError("a row is of no minute")
        yield make_minute(at, *(row.get(key) for key in ("o", "h", "l", "c", "v")))
