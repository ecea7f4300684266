"""Where a stock stands: its stage with all that it follows from, and its stages of the past."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from webapp.api import answers
from webapp.api.callers import public
from webapp.api.figures import amount
from webapp.api.ranges import RangeQuery
from webapp.api.schemas import Amount, Day, Key, Moment, Out
from webapp.api.stocks import find_stock
from webapp.api.surface import blueprint
from webapp.models import StageWeek
from webapp.paging import cut
from webapp.quotes import load_live
from webapp.records import Standing
from webapp.rows import Row, as_day, as_moment, standing_row
from webapp.screener.rows import ScreenRow, load_rows
from webapp.screener.weeks import load_weeks, why_unreadable
from webapp.standings import STAGES

bp = blueprint("stages", "Stages")

COLUMNS = ("week", "stage", "stage_since", "close", "average", "slope", "mansfield", "week_volume")
FIGURES = ("average", "slope", "from_average", "mansfield", "strength", "high_52", "low_52", "from_high",
           "relative_volume", "week_volume")


class SignOut(Out):
    """Something that speaks for it, and whether it does."""

    name: str = Field(examples=["Weekly close above the base"])
    met: bool


class TemplateOut(Out):
    """The conditions of the trend template."""

    met: int = Field(ge=0, le=8)
    conditions: list[SignOut]


class BreakoutOut(Out):
    """The newest week in which a stage 1 or 3 turned into 2."""

    week: Day
    close: Amount | None
    base_high: Amount | None = Field(description="What the close had to exceed.")
    volume: Amount | None = Field(description="The week's volume against the mean of the four before.")
    signs: list[SignOut]


class StageOut(Out):
    """Where a stock stands by its completed weeks; docs/stages.md defines every figure. Prices are split-adjusted."""

    key: Key
    stage: int | None = Field(ge=1, le=4, description="The confirmed stage; null before there are 34 weeks.")
    stage_name: str | None = Field(examples=["advancing"])
    stage_since: Day | None = Field(description="The week that confirmed it.")
    stage_weeks: int | None = Field(description="For how many weeks it has held.")
    previous_stage: int | None
    provisional_stage: int | None = Field(description="What the running week would confirm at the price of now.")
    week: Day | None = Field(description="The last completed week, by its Friday.")
    old: bool = Field(description="Whether that is too long ago to be of today: the past prices end there.")
    rs: int | None = Field(description="Relative strength, a percentile from 1 to 99.")
    rs_kind: str | None = Field(description="rating: among a universe of 500 or more; rank in list: among fewer.")
    benchmark: Key | None
    close: Amount | None
    close_day: Day | None
    average: Amount | None = Field(description="The mean of the last 30 weekly closes.")
    slope: Amount | None = Field(description="Its change over four weeks, in percent.")
    from_average: Amount | None = Field(description="The close against it, in percent.")
    mansfield: Amount | None
    strength: Amount | None
    high_52: Amount | None
    low_52: Amount | None
    from_high: Amount | None
    relative_volume: Amount | None
    week_volume: Amount | None
    template: TemplateOut | None
    breakout: BreakoutOut | None
    history_source: str | None = Field(description="Where the past prices are from.", examples=["tiingo"])
    inputs_at: Moment | None = Field(description="When the newest of them was stored.")
    computed_at: Moment | None
    problem: str | None = Field(description="Why the past prices cannot be analysed as they are now.")


class WeekOut(Out):
    """A completed week; prices are in the shares of the last one."""

    week: Day
    stage: int | None
    stage_since: Day | None
    close: Amount
    average: Amount | None
    slope: Amount | None
    mansfield: Amount | None
    week_volume: Amount | None


class WeeksOut(Out):
    """Weeks in the order asked for."""

    key: Key
    items: list[WeekOut]
    next: str | None


@bp.get("/instruments/<stock>/stage")
@public
@bp.output(StageOut)
def stage(stock: str) -> Response:
    """Get a stock's stage.

    Where nothing of it was analysed yet, everything is null.
    """
    found = find_stock(stock)
    rows = load_rows([found.id])
    live = rows[0].live if rows else load_live([found.id])[0]
    content = {"key": found.key, **standing_of(live.standing or Standing()), **(snapshot_of(rows[0]) if rows else {}),
               "problem": why_unreadable(found.id) or None}
    return answers.answer({name: content.get(name) for name in StageOut.model_fields})


@bp.get("/instruments/<stock>/stages")
@bp.get("/instruments/<stock>/stages.csv")
@public
@bp.input(RangeQuery, location="query")
@bp.output(WeeksOut)
def stages(stock: str, query_data: RangeQuery) -> Response:
    """Get a stock's stages week by week."""
    found, limit = find_stock(stock), query_data.limit
    rows, last = cut(load_weeks(found.id, *query_data.days_behind(found.mic), limit + 1,
                                newest_first=query_data.order == "desc"), limit)
    after = answers.cursor(last.week.isoformat()) if last else None
    return answers.answer_page([week_row(row) for row in rows], after, columns=COLUMNS, key=found.key)


def standing_of(at: Standing) -> dict[str, object]:
    """Return what rows of quotes say of it, too."""
    row = standing_row(at)
    return {"stage": at.stage, "stage_name": STAGES.get(at.stage or 0), "stage_since": row["stage_since"],
            "stage_weeks": row["stage_weeks"], "provisional_stage": at.provisional, "week": row["stage_week"],
            "old": at.old, "rs": at.rs, "rs_kind": row["rs_kind"]}


def snapshot_of(row: ScreenRow) -> dict[str, object]:
    """Return the figures that the stage and the strength follow from."""
    kept = row.kept
    return {
        **{name: amount(getattr(kept, name)) for name in FIGURES},
        "previous_stage": kept.previous_stage, "benchmark": kept.benchmark or None, "close": amount(kept.close),
        "close_day": as_day(kept.day), "breakout": breakout_of(row),
        "template": None if row.met is None else {"met": row.met, "conditions": signs(row.conditions)},
        "history_source": kept.source or None, "inputs_at": as_moment(kept.inputs_at),
        "computed_at": as_moment(kept.computed_at)}


def breakout_of(row: ScreenRow) -> dict[str, object] | None:
    """Return the newest breakout, where there was one."""
    at = row.at_breakout
    if row.kept.breakout is None:
        return None
    return {"week": as_day(row.kept.breakout), "close": amount(at.close if at else None),
            "base_high": amount(row.kept.base_high), "volume": amount(at.week_volume if at else None),
            "signs": signs(row.signs)}


def signs(found: list[tuple[str, bool]]) -> list[dict[str, object]]:
    """Return each sign and whether it is met."""
    return [{"name": name, "met": met} for name, met in found]


def week_row(row: StageWeek) -> Row:
    """Return a week as programs get it."""
    return {"week": row.week.isoformat(), "stage": row.stage, "stage_since": as_day(row.since),
            "close": amount(row.close), "average": amount(row.average), "slope": amount(row.slope),
            "mansfield": amount(row.mansfield), "week_volume": amount(row.week_volume)}
