"""How many stocks are in each stage, now and week by week, and the picture of it: numbers in, SVG coordinates out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.extensions import db
from webapp.models import InstrumentRow, Snapshot, StageCount

# From the bottom of the picture to its top: what rises, what waits, what tires, what falls.
ORDER = (2, 1, 3, 4)
RANGES = {"1Y": 52, "5Y": 261, "Max": None}
WIDTH, HEIGHT = 1000, 100
MOST_POINTS = 260
MOST_ROWS = 60
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Week:
    """One completed week: how many stocks were in each stage, 1 to 4; `none` had no stage yet."""

    week: dt.date
    counts: tuple[int, int, int, int]
    none: int = 0

    @property
    def total(self) -> int:
        """Return how many stocks had a stage."""
        return sum(self.counts)

    def count(self, stage: int) -> int:
        """Return how many were in a stage."""
        return self.counts[stage - 1]

    def share(self, stage: int) -> float | None:
        """Return how many percent of those with a stage were in this one; None where there was none."""
        return 100 * self.count(stage) / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Group:
    """The stocks of one exchange or sector, `name`: how many are in each stage now, and above their 30-week average.

    `measured` is of how many it can be told whether they are above it.
    """

    name: str
    now: Week
    above: int
    measured: int

    @property
    def above_percent(self) -> float | None:
        """Return how many percent are above their 30-week average; None where it cannot be told of any."""
        return 100 * self.above / self.measured if self.measured else None


@dataclass(frozen=True, slots=True)
class Picture:
    """Areas by stage, for <polygon>, stacked in ORDER; places of the names of years, in percent of the width."""

    areas: dict[int, str] = field(default_factory=dict)
    years: tuple[tuple[int, str], ...] = ()


def load_weeks(name: str) -> list[Week]:
    """Return the weeks of a range, oldest first; there may be none."""
    newest = db.session.scalar(select(func.max(StageCount.week)))
    query, weeks = _weeks(), RANGES[name]
    if newest is not None and weeks is not None:
        query = query.where(StageCount.week > newest - weeks * _WEEK)
    return [_week(row) for row in db.session.execute(query.order_by(StageCount.week))]


def load_weeks_between(first: dt.date, last: dt.date, most: int, *, newest_first: bool = False) -> list[Week]:
    """Return up to so many of the weeks between two days, both included."""
    order = StageCount.week.desc() if newest_first else StageCount.week.asc()
    query = _weeks().where(StageCount.week >= first, StageCount.week <= last).order_by(order).limit(most)
    return [_week(row) for row in db.session.execute(query)]


def _weeks() -> Any:
    """Return the query of all weeks, each with its counts by stage."""
    counts = (_summed(StageCount.stage == stage) for stage in (1, 2, 3, 4, 0))
    return select(StageCount.week, *counts).group_by(StageCount.week)


def _week(row: Any) -> Week:
    return Week(row[0], (int(row[1]), int(row[2]), int(row[3]), int(row[4])), int(row[5]))


def _summed(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, StageCount.count), else_=0))


def newest_week() -> tuple[dt.date | None, dt.datetime | None]:
    """Return the newest completed week of all stocks, and when the newest analysis was done; None before any."""
    row = db.session.execute(select(func.max(Snapshot.week), func.max(Snapshot.computed_at))).one()
    return row[0], row[1]


def load_groups(newest: dt.date | None, column: InstrumentedAttribute[str] | None = None) -> list[Group]:
    """Return where the stocks stand now, by the words of a column, or all in one group; the largest group first.

    Those whose last completed week is neither the newest nor the one before are not of now, and left out.
    """
    if newest is None:
        return []
    name: Any = func.min("") if column is None else column
    counts = [func.count(case((Snapshot.stage == stage, 1))) for stage in (1, 2, 3, 4)]
    query = (select(name, *counts, func.count() - func.count(Snapshot.stage),
                    func.count(case((Snapshot.from_average > 0, 1))), func.count(Snapshot.from_average))
             .select_from(Snapshot).where(Snapshot.week >= newest - _WEEK).order_by(func.count().desc(), name))
    if column is not None:
        query = query.join(InstrumentRow, InstrumentRow.id == Snapshot.instrument_id).group_by(column)
    return [Group(row[0] or "", Week(newest, (row[1], row[2], row[3], row[4]), row[5]), row[6], row[7])
            for row in db.session.execute(query)]


def draw(weeks: Sequence[Week]) -> Picture:
    """Return the picture of shares, each stage's area on the one before it; nothing below two weeks with a stage."""
    shown = [week for week in thinned(weeks, MOST_POINTS) if week.total]
    if len(shown) < 2:
        return Picture()
    first, span = shown[0].week, (shown[-1].week - shown[0].week).days
    across = [round((week.week - first).days * WIDTH / span) for week in shown]
    floor, areas = [0] * len(shown), {}
    for stage in ORDER:
        top = [below + week.count(stage) for below, week in zip(floor, shown, strict=True)]
        upper = [_point(x, height, week) for x, height, week in zip(across, top, shown, strict=True)]
        lower = [_point(x, height, week) for x, height, week in zip(across, floor, shown, strict=True)]
        areas[stage] = " ".join(upper + lower[::-1])
        floor = top
    return Picture(areas, tuple(_years(first, shown[-1].week, span)))


def _point(x: int, height: int, week: Week) -> str:
    return f"{x},{HEIGHT - height * HEIGHT / week.total:.4g}"


def _years(first: dt.date, last: dt.date, span: int) -> Iterator[tuple[int, str]]:
    """Name the years that begin in between, as many as have room."""
    step = max(1, (last.year - first.year) // 8)
    for year in range(first.year + 1, last.year + 1):
        place = round((dt.date(year, 1, 1) - first).days * 100 / span)
        if (last.year - year) % step == 0 and 3 <= place <= 97:
            yield place, str(year)


def thinned(weeks: Sequence[Week], most: int) -> list[Week]:
    """Return at most so many of the weeks, evenly, the newest among them."""
    step = -(-len(weeks) // most) if weeks else 1
    return list(weeks[::-1][::step])[::-1]
