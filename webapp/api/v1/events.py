"""Splits and dividends."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from webapp.api import answers
from webapp.api.callers import public
from webapp.api.ranges import RangeQuery
from webapp.api.schemas import Amount, Day, Key, Out
from webapp.api.stocks import find_stock
from webapp.api.surface import blueprint
from webapp.bars.told import Told, load_told
from webapp.rows import Row, as_text

bp = blueprint("events", "Past prices")

COLUMNS = ("day", "kind", "ratio", "amount", "currency", "source")


class EventOut(Out):
    """A split, or a dividend. Both count from the opening of `day` on; a split may lie ahead."""

    day: Day
    kind: str = Field(description="split or dividend.", examples=["split"])
    ratio: Amount | None = Field(description="How many shares stand for each one before: 4, or 0.1 for 1:10.",
                                 examples=["4"])
    amount: Amount | None = Field(description="What is paid a share, in that day's shares.", examples=["0.25"])
    currency: str | None = Field(description="What the amount is in.", examples=["USD"])
    source: str = Field(description="Who tells of it.", examples=["tiingo"])


class EventsOut(Out):
    """A page of events."""

    key: Key
    items: list[EventOut]
    next: str | None


class EventsQuery(RangeQuery):
    """Which events."""

    kind: Literal["", "split", "dividend"] = Field("", description="Of this kind only.")


@bp.get("/instruments/<stock>/events")
@bp.get("/instruments/<stock>/events.csv")
@public
@bp.input(EventsQuery, location="query")
@bp.output(EventsOut)
def events(stock: str, query_data: EventsQuery) -> Response:
    """Get the splits and dividends of a stock that are known, also those that lie ahead."""
    found, asked = find_stock(stock), query_data
    first, last = asked.days(found.mic)
    told = [each for each in load_told(found.id)
            if first <= each.day <= last and asked.kind in {"", each.kind}]
    if asked.order == "desc":
        told.reverse()
    if asked.after:
        after = answers.read_cursor(asked.after, str, str)
        told = [each for each in told if (place(each) < after if asked.order == "desc" else place(each) > after)]
    page = told[:asked.limit]
    rows: list[Row] = [{
        "day": each.day.isoformat(), "kind": each.kind,
        "ratio": as_text(each.figure) if each.kind == "split" else None,
        "amount": as_text(each.figure) if each.kind == "dividend" else None,
        "currency": found.currency if each.kind == "dividend" else None, "source": each.source} for each in page]
    return answers.answer_page(rows, answers.cursor(*place(page[-1])) if len(told) > len(page) else None,
                               columns=COLUMNS, key=found.key)


def place(told: Told) -> tuple[str, str]:
    """Return an event's place in their order."""
    return told.day.isoformat(), told.kind
