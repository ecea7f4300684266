"""Minutes of Tiingo: how the rows of its prices on IEX are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from webapp.records import MinuteBar
from worker.providers.figures import FigureError, parse_instant
from worker.providers.minutes import make_minute

# Without the volume: it is that of IEX alone, a few percent of the market's.
COLUMNS = "open,high,low,close"


def read_minutes(rows: Iterable[dict[str, Any]]) -> Iterator[MinuteBar | None]:
    """Give the minute of each row, which is stamped with its beginning in UTC."""
    for row in rows:
        at = parse_instant(row.get("date"), "a minute")
        if at is None or "adjClose" in row:  # it stands in rows of whole days
            raise FigureError("a row is of no minute")
        yield make_minute(at, row.get("open"), row.get("high"), row.get("low"), row.get("close"), None)
