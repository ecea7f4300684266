"""Where the stocks of pages stand: stage and strength of their last snapshot, and this week's provisional stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, func, select

from webapp import clock
from webapp.analytics.stages import StageState, provisional
from webapp.extensions import db
from webapp.models import Snapshot, SplitRow
from webapp.records import LiveQuote, Quote, Standing
from webapp.vendors import SIMULATOR

STAGES = {1: "basing", 2: "advancing", 3: "topping", 4: "declining"}
_FRIDAY = 4
_WEEK = dt.timedelta(days=7)
# A stage that was confirmed longer ago is history: the last bars may come late, but not by weeks.
OLD = dt.timedelta(weeks=3)


def with_standings(rows: Sequence[LiveQuote]) -> list[LiveQuote]:
    """Return the rows with where each stock stands at its price; None where no history was analysed yet."""
    found = _snapshots(row.instrument.id for row in rows)
    today = clock.now().date()
    return [replace(row, standing=_standing(found[row.instrument.id], row.quote, today))
            if row.instrument.id in found else row for row in rows]


def friday_of(day: dt.date) -> dt.date:
    """Return the Friday that the day's week is named by; a week begins on Saturday, as in analytics.weeks."""
    return day + dt.timedelta(days=(_FRIDAY - day.weekday()) % 7)


def is_late(newest: dt.date | None, today: dt.date) -> bool:
    """Tell whether the newest completed week of all stocks is older than the one before the last that can be over."""
    return newest is not None and newest < friday_of(today) - 2 * _WEEK


def _snapshots(ids: Iterable[int]) -> dict[int, Any]:
    """Return what is kept of these instruments, each with the first split after it and whether one was noted since."""
    columns = (Snapshot.instrument_id, Snapshot.day, Snapshot.week, Snapshot.stage, Snapshot.since, Snapshot.weeks,
               Snapshot.candidate, Snapshot.trend, Snapshot.closes_29, Snapshot.average_3, Snapshot.rs, Snapshot.rated,
               Snapshot.source, Snapshot.computed_at)
    own = SplitRow.instrument_id == Snapshot.instrument_id
    later = select(func.min(SplitRow.day)).where(own, SplitRow.day > Snapshot.day).scalar_subquery()
    noted = exists().where(own, SplitRow.known_at > Snapshot.inputs_at)
    query = select(*columns, later.label("next_split"), noted.label("split_noted")).where(
        Snapshot.instrument_id.in_(list(ids)))
    return {row.instrument_id: row for row in db.session.execute(query)}


def _standing(kept: Any, quote: Quote | None, today: dt.date) -> Standing:
    """Return a snapshot as a row shows it, with the stage that the running week would confirm at the quote's price."""
    old = kept.week is None or kept.week < friday_of(today) - OLD
    return Standing(kept.stage, kept.weeks, kept.since, _this_week(kept, quote), kept.rs, kept.rated, kept.week, old)


def _this_week(kept: Any, quote: Quote | None) -> int | None:
    """Return the provisional stage; None where the price is not of the snapshot's next week, or not of its kind."""
    if quote is None or kept.week is None or kept.closes_29 is None or kept.average_3 is None:
        return None
    if friday_of(quote.day) != kept.week + _WEEK or (quote.source == SIMULATOR) != (SIMULATOR in kept.source):
        return None
    if _may_be_in_other_shares(kept, quote):
        return None
    state = StageState(kept.stage or 0, kept.candidate or 0, kept.trend or 0, kept.closes_29, kept.average_3)
    return provisional(state, float(quote.price))


def _may_be_in_other_shares(kept: Any, quote: Quote) -> bool:
    """Tell whether the price and the snapshot may stand on both sides of a split.

    One that was noted after the snapshot is in it with the next minute's analysis. One that took effect after the
    snapshot's last bar may or may not be in either, until a bar of its day has come; one of a later week is in neither.
    """
    if kept.split_noted or kept.next_split is None:
        return bool(kept.split_noted)
    # Midnight comes to an exchange up to a day before it comes to UTC.
    return bool(kept.next_split <= max(friday_of(quote.day), kept.computed_at.date() + dt.timedelta(days=1)))
