"""Reading quotes: the rows of pages and exports, and what changed since a version."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.orm import contains_eager

from webapp.extensions import db
from webapp.models import FeedVersion, InstrumentRow, QuoteRow
from webapp.records import LiveQuote
from webapp.standings import with_standings


def current_version() -> int:
    """Return the number of the newest commit that changed quotes; 0 before the first."""
    return db.session.scalar(select(FeedVersion.value)) or 0


def load_live(ids: Sequence[int]) -> list[LiveQuote]:
    """Return one row per instrument, in the order of `ids`, also for those without a price."""
    # The quote's own way to its instrument is an inner join, which would drop the instruments without a quote.
    query = (select(InstrumentRow, QuoteRow).outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id)
             .options(contains_eager(QuoteRow.instrument)).where(InstrumentRow.id.in_(ids)))
    found = {instrument.id: quote.live() if quote else LiveQuote(instrument.record())
             for instrument, quote in db.session.execute(query)}
    return with_standings([found[instrument_id] for instrument_id in ids if instrument_id in found])


def load_after(version: int, instrument_id: int, most: int) -> list[LiveQuote]:
    """Return up to `most` rows that come after one of this version and instrument, oldest version first.

    Piece by piece this reads every change: a row that changes meanwhile only moves to the end.
    """
    place = QuoteRow.version, QuoteRow.instrument_id
    query = select(QuoteRow).where(tuple_(*place) > (version, instrument_id)).order_by(*place).limit(most)
    return with_standings([row.live() for row in db.session.scalars(query)])
