"""Reading the exchanges' trading days from the table that a worker keeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select

from webapp.extensions import db
from webapp.markets import SessionBook, SessionTimes
from webapp.models import MarketSession

# Wide enough for the longest closures there are, and back for a price that is weeks old.
BACK, AHEAD = dt.timedelta(days=30), dt.timedelta(days=15)


def load_book(now: dt.datetime, mics: Iterable[str] | None = None) -> SessionBook:
    """Return the trading days around `now`, of these exchanges or of all."""
    days = MarketSession
    # Columns, not rows of the model: it is read each few seconds, and is a thousand days where many exchanges are used.
    query = select(days.mic, days.day, days.opens_at, days.closes_at, days.pre_opens_at, days.post_closes_at,
                   days.break_starts_at, days.break_ends_at).where(
        MarketSession.day >= (now - BACK).date(), MarketSession.day <= (now + AHEAD).date())
    if mics is not None:
        query = query.where(MarketSession.mic.in_(list(mics)))
    return SessionBook(SessionTimes(*row) for row in db.session.execute(query))
