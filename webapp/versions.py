"""The feed's version: whoever changes what rows of quotes show counts it up, in the same transaction.

Nothing here commits. The caller commits once, and only then tells anybody.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update

from webapp.extensions import db
from webapp.models import FeedVersion, QuoteRow
from webapp.quotes import load_live
from webapp.records import LiveQuote
from webapp.upserts import insert


def touch(ids: Collection[int]) -> list[LiveQuote]:
    """Give these stocks' rows a new version, because something beside the quote has changed; return them.

    They are some thousands at most. A stock that never had a quote has no row: it is drawn anew with its first one.
    """
    if db.session.scalar(select(QuoteRow.instrument_id).where(QuoteRow.instrument_id.in_(ids)).limit(1)) is None:
        return []
    found = db.session.scalars(update(QuoteRow).where(QuoteRow.instrument_id.in_(ids)).values(version=next_version())
                               .returning(QuoteRow.instrument_id)).all()
    return load_live(sorted(found))


def next_version() -> int:
    """Count the feed up; the row's lock keeps every other writer of quotes waiting until the commit."""
    count_up = update(FeedVersion).values(value=FeedVersion.value + 1).returning(FeedVersion.value)
    version = db.session.scalar(count_up)
    if version is None:
        db.session.execute(insert(FeedVersion).values(id=1, value=0).on_conflict_do_nothing())
        version = db.session.scalars(count_up).one()
    return version
