"""The ratings: each stock's strength among all that are held. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import bindparam, select, update

from webapp.analytics.strength import UNIVERSE, ratings
from webapp.extensions import db
from webapp.models import Snapshot
from webapp.vendors import SIMULATOR
from worker.analysis.figures import template_with

# A past that ends so much before the newest one has ended.
ENDED = np.timedelta64(21, "D")


def rate() -> list[int]:
    """Rate all stocks anew; return those whose rating, or what it may be called, is another one now."""
    table = Snapshot.__table__.c
    query = select(table.instrument_id, table.day, table.source, table.strength, table.rs, table.rated, table.template)
    rows = db.session.execute(query).all()
    changes = []
    for row, number, is_rated in zip(rows, *_rate_alike(rows), strict=True):
        rs = number or None
        # Without a rating the last condition cannot be told, nor how many are met; reckoned anew, the others are back.
        template = template_with(row.template, rs) if rs else None
        if (rs, is_rated, template) != (row.rs, row.rated, row.template):
            changes.append({"number": row.instrument_id, "new_rs": rs, "new_rated": is_rated, "new_template": template})
    if changes:
        db.session.connection().execute(
            update(Snapshot.__table__).where(table.instrument_id == bindparam("number")).values(  # type: ignore[arg-type]
                rs=bindparam("new_rs"), rated=bindparam("new_rated"), template=bindparam("new_template")), changes)
    return [change["number"] for change in changes]


def _rate_alike(rows: Sequence[Any]) -> tuple[list[int], list[bool]]:
    """Return each stock's percentile (0: none) among those alike, and whether these are enough to call it a rating.

    Real prices are not measured by made-up ones, and strength of today not by that of a past that ended long ago.
    """
    numbers, rated = np.zeros(len(rows), np.int8), np.zeros(len(rows), np.bool_)
    made_up = np.array([SIMULATOR in row.source for row in rows], np.bool_)
    days = np.array([row.day for row in rows], "datetime64[D]")
    strengths = np.array([row.strength for row in rows], np.float64)
    for kind in (made_up, ~made_up):
        if kind.any():
            alike = kind & (days >= days[kind].max() - ENDED)
            numbers[alike] = ratings(strengths[alike])
            rated |= (numbers > 0) & alike & (np.count_nonzero(numbers[alike]) >= UNIVERSE)
    return numbers.tolist(), rated.tolist()
