"""Which stocks have a place on a socket: those on a screen first, then those on lists; without flapping."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, or_, select

from webapp.extensions import db
from webapp.models import InstrumentRow, WatchlistItem
from worker.providers.rest import NOTHING_WRITTEN
from worker.streams.protocol import MICS, symbol_at

# Enough for every plan there is.
MOST = 2000


def ranked_ids(on_screen: Mapping[int, int], held: Collection[int],
               written: Mapping[int, str] = NOTHING_WRITTEN) -> list[int]:
    """Return the instruments that a socket could bring and somebody wants, the most wanted first.

    `on_screen` says how many look at each, `written` how the vendor writes those of which an admin says it. Of two that
    about as many look at (within a factor of two), or that are on as many lists, one that has a place goes before one
    that has none.
    """
    lists = (select(WatchlistItem.instrument_id, func.count().label("count"))
             .group_by(WatchlistItem.instrument_id).subquery())
    row = InstrumentRow
    query = (select(row.id, row.symbol, lists.c.count)
             .outerjoin(lists, lists.c.instrument_id == row.id)
             .where(or_(lists.c.count.is_not(None), row.id.in_(on_screen)),
                    row.mic.in_(MICS), row.currency == "USD", row.unit == "", row.status == "listed")
             .order_by(row.id.in_(on_screen).desc(), func.coalesce(lists.c.count, 0).desc(), row.symbol, row.id)
             .limit(MOST))
    wanted = sorted((-on_screen.get(instrument_id, 0).bit_length(), 0 if instrument_id in on_screen else -(count or 0),
                     instrument_id not in held, place, instrument_id)
                    for place, (instrument_id, symbol, count) in enumerate(db.session.execute(query))
                    if symbol_at(instrument_id, symbol, written) is not None)
    return [instrument_id for *_, instrument_id in wanted]


def choose(ranked: Sequence[int], held: Mapping[int, float], most: int, now: float, place: float) -> dict[int, float]:
    """Return who has a place, and since when: who got one less than `place` seconds ago, then the most wanted."""
    chosen = {instrument_id: since for instrument_id, since in held.items() if now - since < place}
    for instrument_id in ranked:
        if len(chosen) >= most:
            break
        chosen.setdefault(instrument_id, held.get(instrument_id, now))
    return chosen
