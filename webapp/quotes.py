"""Reading quotes: the rows of pages and exports, and what changed since a version."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from webapp.extensions import db
from webapp.models import FeedVersion, InstrumentRow, QuoteRow
from webapp.records import LiveQuote


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
    return [found[instrument_id] for instrument_id in ids if instrument_id in found]


def load_since(version: int, ids: Iterable[int] | None = None) -> tuple[int, list[LiveQuote]]:
    """Return the newest version, and every row that is newer than `version`.

    The version is read first: a row committed in between is then newer than what is returned, and comes again.
    """
    newest = current_version()
    query = select(QuoteRow).where(QuoteRow.version > version)
    if ids is not None:
        query = query.where(QuoteRow.instrument_id.in_(list(ids)))
    return newest, [row.live() for row in db.session.scalars(query)]
