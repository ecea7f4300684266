"""The market as a whole: how many stocks are in each stage, now and week by week; which exchanges are open."""

from __future__ import annotations

import datetime as dt

from flask import Response
from pydantic import Field

from webapp import clock
from webapp.api import answers
from webapp.api.callers import public
from webapp.api.ranges import RangeQuery
from webapp.api.schemas import Day, Moment, Out
from webapp.api.surface import blueprint
from webapp.market import breadth
from webapp.market.breadth import Group, Week
from webapp.markets import EXCHANGES, Exchange, SessionBook
from webapp.models import InstrumentRow
from webapp.paging import cut
from webapp.rows import Row, as_day, as_moment
from webapp.standings import is_late
from webapp.trading_days import BACK, load_book

bp = blueprint("market", "Market")


class GroupOut(Out):
    """How many stocks of an exchange or sector are in each stage; null is those of no known sector."""

    name: str | None = Field(examples=["XNAS"])
    stage_1: int
    stage_2: int
    stage_3: int
    stage_4: int
    none: int = Field(description="They have no stage yet.")
    above_average: int = Field(description="They closed above their 30-week average.")
    measured: int = Field(description="Of so many that can be told.")


class BreadthOut(Out):
    """Where the stocks stand by the newest completed week, or the one before it."""

    newest_week: Day | None
    late: bool = Field(description="Whether that is older than it should be.")
    computed_at: Moment | None
    all: GroupOut | None
    exchanges: list[GroupOut]
    sectors: list[GroupOut]


class BreadthWeekOut(Out):
    """How many stocks were in each stage in a completed week."""

    week: Day
    stage_1: int
    stage_2: int
    stage_3: int
    stage_4: int
    none: int


class BreadthWeeksOut(Out):
    """Weeks in the order asked for."""

    items: list[BreadthWeekOut]
    next: str | None


class ExchangeOut(Out):
    """An exchange now. In extended hours `state` is pre or post; break is a midday break."""

    mic: str = Field(examples=["XNAS"])
    name: str
    country: str = Field(examples=["US"])
    time_zone: str = Field(examples=["America/New_York"])
    state: str = Field(description="pre, regular, break, post or closed.", examples=["regular"])
    day: Day | None = Field(description="The session that is on, or else the next one.")
    opens_at: Moment | None = Field(description="When that session's regular hours begin.")
    closes_at: Moment | None
    next_open: Moment | None = Field(description="When regular trading begins next.")


class ExchangesOut(Out):
    """The exchanges whose trading days are known."""

    items: list[ExchangeOut]
    next: str | None


@bp.get("/market")
@bp.get("/market.csv")
@public
@bp.output(ExchangesOut)
def market() -> Response:
    """Get which exchanges are open now, and when each opens and closes next."""
    now = clock.now()
    book = load_book(now)
    rows = [exchange_row(each, book, now) for each in EXCHANGES.values() if book.next_session(each.mic, now - 2 * BACK)]
    return answers.answer_page(rows, None, columns=tuple(ExchangeOut.model_fields))


@bp.get("/market/breadth")
@public
@bp.output(BreadthOut)
def market_breadth() -> Response:
    """Get how many stocks are in each stage, by exchange and by sector."""
    newest, computed_at = breadth.newest_week()
    everything = breadth.load_groups(newest)
    return answers.answer({
        "newest_week": as_day(newest), "late": is_late(newest, clock.now().date()),
        "computed_at": as_moment(computed_at), "all": group_row(everything[0]) if everything else None,
        "exchanges": [group_row(group) for group in breadth.load_groups(newest, InstrumentRow.mic)],
        "sectors": [group_row(group) for group in breadth.load_groups(newest, InstrumentRow.sector)]})


@bp.get("/market/breadth/weeks")
@bp.get("/market/breadth/weeks.csv")
@public
@bp.input(RangeQuery, location="query")
@bp.output(BreadthWeeksOut)
def breadth_weeks(query_data: RangeQuery) -> Response:
    """Get how many stocks were in each stage, week by week."""
    limit = query_data.limit
    weeks, last = cut(breadth.load_weeks_between(*query_data.days_behind(), limit + 1,
                                                 newest_first=query_data.order == "desc"), limit)
    rows: list[Row] = [{"week": week.week.isoformat(), **counts(week)} for week in weeks]
    after = answers.cursor(last.week.isoformat()) if last else None
    return answers.answer_page(rows, after, columns=tuple(BreadthWeekOut.model_fields))


def counts(week: Week) -> dict[str, int]:
    """Return how many stocks were in each stage."""
    return {f"stage_{stage}": week.count(stage) for stage in (1, 2, 3, 4)} | {"none": week.none}


def group_row(group: Group) -> dict[str, object]:
    """Return where the stocks of a group stand."""
    return {"name": group.name or None, **counts(group.now), "above_average": group.above,
            "measured": group.measured}


def exchange_row(exchange: Exchange, book: SessionBook, now: dt.datetime) -> Row:
    """Return an exchange as it is now."""
    mic = exchange.mic
    part, current = book.current(mic, now)
    resting = book.resting(mic, now)
    session = current or resting or book.next_session(mic, now)
    return {"mic": mic, "name": exchange.name, "country": exchange.country, "time_zone": exchange.zone,
            "state": "break" if resting else part.value, "day": as_day(session.day if session else None),
            "opens_at": as_moment(session.opens_at) if session else None,
            "closes_at": as_moment(session.closes_at) if session else None,
            "next_open": as_moment(book.next_open(mic, now))}
