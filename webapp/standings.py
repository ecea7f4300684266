"""Where the stocks of pages stand: stage and strength of their last snapshot, and this week's provisional stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, select

from webapp.analytics.stages import StageState, provisional
from webapp.extensions import db
from webapp.models import Snapshot, SplitRow
from webapp.records import LiveQuote, Quote, Standing

STAGES = {1: "basing", 2: "advancing", 3: "topping", 4: "declining"}
SIMULATED = "simulator"
_FRIDAY = 4
_WEEK = dt.timedelta(days=7)


def with_standings(rows: Sequence[LiveQuote]) -> list[LiveQuote]:
    """Return the rows with where each stock stands at its price; None where no history was analysed yet."""
    found = _snapshots(row.instrument.id for row in rows)
    return [replace(row, standing=_standing(found[row.instrument.id], row.quote)) if row.instrument.id in found else row
            for row in rows]


def friday_of(day: dt.date) -> dt.date:
    """Return the Friday that the day's week is named by; a week begins on Saturday, as in analytics.weeks."""
    return day + dt.timedelta(days=(_FRIDAY - day.weekday()) % 7)


def _snapshots(ids: Iterable[int]) -> dict[int, Any]:
    """Return what is kept of these instruments, each with whether it was split since."""
    columns = (Snapshot.instrument_id, Snapshot.day, Snapshot.week, Snapshot.stage, Snapshot.since, Snapshot.weeks,
               Snapshot.candidate, Snapshot.trend, Snapshot.closes_29, Snapshot.average_3, Snapshot.rs, Snapshot.rated,
               Snapshot.source)
    split = exists().where(SplitRow.instrument_id == Snapshot.instrument_id, SplitRow.day > Snapshot.day)
    query = select(*columns, split.label("split_since")).where(Snapshot.instrument_id.in_(list(ids)))
    return {row.instrument_id: row for row in db.session.execute(query)}


def _standing(kept: Any, quote: Quote | None) -> Standing:
    """Return a snapshot as a row shows it, with the stage that the running week would confirm at the quote's price."""
    return Standing(kept.stage, kept.weeks, kept.since, _this_week(kept, quote), kept.rs, kept.rated)


def _this_week(kept: Any, quote: Quote | None) -> int | None:
    """Return the provisional stage; None where the price is not of the week after the snapshot's, or not of its kind.

    A split since then makes the two prices incomparable until the night's analysis, or the next minute's.
    """
    if quote is None or kept.week is None or kept.closes_29 is None or kept.average_3 is None or kept.split_since:
        return None
    if friday_of(quote.day) != kept.week + _WEEK or (quote.source == SIMULATED) != (SIMULATED in kept.source):
        return None
    state = StageState(kept.stage or 0, kept.candidate or 0, kept.trend or 0, kept.closes_29, kept.average_3)
    return provisional(state, float(quote.price))
