"""Minutes of Twelve Data: how its rows within a day are read, which bear the exchange's own time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import MinuteBar
from worker.providers.figures import FigureError
from worker.providers.minutes import in_utc, make_minute, parse_local
from worker.providers.rest import as_list, as_object


def read_minutes(body: dict[str, Any], mic: str) -> Iterator[MinuteBar | None]:
    """Give the minute of each row, oldest first; rows come newest first, each stamped with its beginning."""
    if "values" not in body:
        raise FigureError("there are no values in it")
    rows = [as_object(row) for row in as_list(body["values"] or [])]
    local = [parse_local(row.get("datetime")) for row in rows]
    if local and local[0] > local[-1]:
        rows, local = rows[::-1], local[::-1]
    for at, row in zip(in_utc(local, find_zone(body, mic)), rows, strict=True):
        yield make_minute(at, row.get("open"), row.get("high"), row.get("low"), row.get("close"), row.get("volume"))


def find_zone(body: dict[str, Any], mic: str) -> ZoneInfo:
    """Return the time zone of the rows; raise FigureError where it is not the exchange's."""
    ours = EXCHANGES[mic].zone if mic in EXCHANGES else ""
    named = str(as_object(body.get("meta")).get("exchange_timezone") or ours)
    if not ours or named != ours:
        raise FigureError("its times are of another place")
    return ZoneInfo(ours)
