"""From when to when: days and moments that a call names, and what they are at an exchange."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from webapp.api.answers import read_day
from webapp.api.schemas import PageQuery
from webapp.markets import zone_of

# No price is older, and no day further ahead is asked for in earnest; what is beyond counts as these.
FIRST, LAST = dt.date(1800, 1, 1), dt.date(2999, 12, 31)
DAY = dt.timedelta(days=1)


def read_when(value: object) -> dt.date | dt.datetime:
    """Return the day or the moment that a text names."""
    text = str(value).strip().upper()
    try:
        if len(text) == len("2026-11-20"):
            return dt.date.fromisoformat(text)
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError(
            "when", "Write a day like 2026-11-20, or a moment like 2026-11-20T20:59:58Z") from None
    if moment.tzinfo is None:
        raise PydanticCustomError("when", "Say the moment's time zone: Z for UTC")
    return moment


When = Annotated[dt.date | dt.datetime | None, PlainValidator(read_when), WithJsonSchema(
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})]


def _without_default(schema: dict[str, Any]) -> None:
    """Leave out a default that cannot be sent."""
    schema.pop("default", None)


class RangeQuery(PageQuery):
    """From when to when, both included; a day is one of the exchange, a moment counts as its day where days are."""

    from_: When = Field(None, alias="from", description="The first day or moment; all there is without it.",
                        examples=["2026-01-02"], json_schema_extra=_without_default)
    to: When = Field(None, description="The last day or moment; the newest without it.", examples=["2026-11-20"],
                     json_schema_extra=_without_default)
    order: Literal["asc", "desc"] = Field("asc", description="Oldest first, or newest first.")

    def days(self, mic: str) -> tuple[dt.date, dt.date]:
        """Return the first and the last day at an exchange."""
        return (day_of(self.from_, mic) if self.from_ else FIRST), (day_of(self.to, mic) if self.to else LAST)

    def days_behind(self, mic: str = "") -> tuple[dt.date, dt.date]:
        """Return the days that are left of the range where a page is one of days; raise BadCursor."""
        first, last = self.days(mic)
        place = read_day(self.after)
        if place is None:
            return first, last
        if self.order == "desc":
            return first, min(last, place - DAY if place > FIRST else FIRST)
        return max(first, place + DAY if place < LAST else LAST), last

    def minutes(self, mic: str) -> tuple[int, int]:
        """Return the first and the last minute, in minutes of UTC since 1970."""
        first, last = self.days(mic)
        return (-(-_seconds(self.from_) // 60) if isinstance(self.from_, dt.datetime) else _midnight(first, mic),
                _seconds(self.to) // 60 if isinstance(self.to, dt.datetime) else
                _midnight(last + dt.timedelta(days=1), mic) - 1)


def day_of(when: dt.date | dt.datetime, mic: str) -> dt.date:
    """Return the exchange's day of a moment, within FIRST and LAST."""
    if isinstance(when, dt.datetime):
        # At the ends of the calendar there is no other zone.
        local = when.astimezone(zone_of(mic)) if FIRST < when.date() < LAST else when
        when = local.date()
    return min(max(when, FIRST), LAST)


def _seconds(moment: dt.datetime) -> int:
    return int((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds())


def _midnight(day: dt.date, mic: str) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone_of(mic)).timestamp()) // 60
