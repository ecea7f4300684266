"""Minutes of Alpaca: how its bars within a day are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from webapp.records import MinuteBar
from worker.providers.figures import FigureError, parse_instant
from worker.providers.minutes import make_minute


def read_minutes(rows: Iterable[dict[str, Any]]) -> Iterator[MinuteBar | None]:
    """Give the minute of each row, which is stamped with its beginning in UTC."""
    for row in rows:
        at = parse_instant(row.get("t"), "a minute")
        if at is None:
            raise FigureError("a row is of no minute")
        yield make_minute(at, *(row.get(key) for key in ("o", "h", "l", "c", "v")))
