"""The rows of a screen: what was found of a stock, why, as of when, and its live price."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from webapp import drawing
from webapp.extensions import db
from webapp.models import InstrumentRow, Snapshot, StageWeek
from webapp.quotes import load_live
from webapp.records import LiveQuote
from webapp.standings import friday_of
from webapp.vendors import title_of

SIGNS = ("Weekly close above the base", "Average flat or rising", "Twice the volume of the four weeks before")


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """One stock of a screen. `at_week` is its last completed week, `at_breakout` the week of its newest breakout."""

    live: LiveQuote
    kept: Snapshot
    sector: str
    at_week: StageWeek | None
    at_breakout: StageWeek | None

    @property
    def close(self) -> Decimal:
        """Return the last close analysed, of `kept.day`: what the row shows where there is no live price."""
        return Decimal(repr(self.kept.close))

    def behind(self, newest: dt.date | None) -> int:
        """Return how many weeks the stock's last session is behind the newest completed week of all."""
        return 0 if newest is None else max((newest - friday_of(self.kept.day)).days // 7, 0)

    @property
    def year(self) -> drawing.Spark | None:
        """Return the path of the weekly closes; None where there are fewer than two."""
        return drawing.line(tuple(self.kept.path.split(",")) if self.kept.path else ())

    @property
    def met(self) -> int | None:
        """Return how many conditions of the trend template are met; None where one cannot be told."""
        return None if self.kept.template is None else self.kept.template.bit_count()

    @property
    def conditions(self) -> list[tuple[str, bool]]:
        """Return the conditions of the trend template, each with whether it is met; none where one cannot be told."""
        from webapp.analytics.template import CONDITIONS  # noqa: PLC0415 - it loads TA-Lib, which other pages need not

        bits = self.kept.template
        return [] if bits is None else [(name, bool(bits >> place & 1)) for place, name in enumerate(CONDITIONS)]

    @property
    def signs(self) -> list[tuple[str, bool]]:
        """Return the three signs of the newest breakout, each with whether it is met; none where there was none."""
        bits = self.kept.evidence
        if bits is None or self.kept.breakout is None:
            return []
        return [(name, bool(bits >> place & 1)) for place, name in enumerate(SIGNS)]

    @property
    def sources(self) -> str:
        """Name where the history comes from."""
        return ", ".join(title_of(part.strip()) for part in self.kept.source.split(",") if part.strip()) or "—"


def load_rows(ids: Sequence[int]) -> list[ScreenRow]:
    """Return a row for each of these stocks, in their order, with three statements for any number of them."""
    week, breakout = aliased(StageWeek), aliased(StageWeek)
    same = Snapshot.instrument_id
    query = (select(Snapshot, InstrumentRow.sector, week, breakout)
             .join(InstrumentRow, InstrumentRow.id == same)
             .outerjoin(week, and_(week.instrument_id == same, week.week == Snapshot.week))
             .outerjoin(breakout, and_(breakout.instrument_id == same, breakout.week == Snapshot.breakout))
             .where(same.in_(ids)))
    kept = {row[0].instrument_id: row for row in db.session.execute(query)}
    return [ScreenRow(live, *kept[live.instrument.id]) for live in load_live(ids) if live.instrument.id in kept]


def figure(value: float | None) -> Decimal | None:
    """Return a figure for the filters that write numbers, with the digits that it has."""
    return None if value is None else Decimal(repr(value))
