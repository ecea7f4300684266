"""A stock's stages of the past, week by week, and why there are none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import StageWeek, UnreadablePast


def load_weeks(instrument_id: int, first: dt.date, last: dt.date, most: int, *,
               newest_first: bool = False) -> Sequence[StageWeek]:
    """Return up to so many completed weeks of a stock between two days, both included."""
    week = StageWeek.week
    query = select(StageWeek).where(StageWeek.instrument_id == instrument_id, week >= first, week <= last)
    return db.session.scalars(query.order_by(week.desc() if newest_first else week.asc()).limit(most)).all()


def why_unreadable(instrument_id: int) -> str:
    """Say why the stock's past prices cannot be analysed; "" where they can."""
    query = select(UnreadablePast.reason).where(UnreadablePast.instrument_id == instrument_id)
    return db.session.scalar(query) or ""
