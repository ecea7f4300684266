"""Has prices by the minute fetched when somebody looks at a chart of them."""

from __future__ import annotations

from contextlib import suppress

from flask_login import current_user
from sqlalchemy import exists, or_, select

from webapp import queue
from webapp.bars.minutes_due import is_due
from webapp.charts.queries import Asked
from webapp.extensions import db
from webapp.models import InstrumentRow, WatchlistItem
from webapp.redis import RedisAway


def ask_for_minutes(asked: Asked) -> bool:
    """Ask a worker for minutes that are missing in the chart; tell whether some may come soon.

    Calls are few: a stranger has none made for a stock that is on nobody's list.
    """
    stock = asked.instrument
    if not asked.choices.minutes or not is_due(stock, asked.now, asked.book):
        return False
    if not current_user.is_authenticated and not _is_listed(stock.id):
        return False
    with suppress(*RedisAway):
        queue.fetch_minutes(stock.id)
        return True
    return False


def _is_listed(instrument_id: int) -> bool:
    """Tell whether the stock is on somebody's list or on the starter list."""
    on_list = exists().where(WatchlistItem.instrument_id == InstrumentRow.id)
    return bool(db.session.scalar(select(InstrumentRow.id).where(
        InstrumentRow.id == instrument_id, or_(InstrumentRow.starter, on_list))))
