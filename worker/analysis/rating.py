"""The ratings: each stock's strength among all that are held. Nothing here commits."""

from __future__ import annotations

import numpy as np
from sqlalchemy import bindparam, select, update

from webapp.analytics.strength import UNIVERSE, ratings
from webapp.extensions import db
from webapp.models import Snapshot
from worker.analysis.figures import template_with


def rate() -> list[int]:
    """Rate all stocks anew; return those whose rating, or what it may be called, is another one now."""
    table = Snapshot.__table__.c
    rows = db.session.execute(select(table.instrument_id, table.strength, table.rs, table.rated, table.template)).all()
    found = ratings(np.array([row.strength for row in rows], np.float64))
    rated = int(np.count_nonzero(found)) >= UNIVERSE
    changes = []
    for row, number in zip(rows, found.tolist(), strict=True):
        rs, is_rated = number or None, rated and number > 0
        template = template_with(row.template, rs)
        if (rs, is_rated, template) != (row.rs, row.rated, row.template):
            changes.append({"number": row.instrument_id, "new_rs": rs, "new_rated": is_rated, "new_template": template})
    if changes:
        db.session.connection().execute(
            update(Snapshot.__table__).where(table.instrument_id == bindparam("number")).values(  # type: ignore[arg-type]
                rs=bindparam("new_rs"), rated=bindparam("new_rated"), template=bindparam("new_template")), changes)
    return [change["number"] for change in changes]
