"""What the store must know to judge readings, and what it keeps of those that it did not take. Nothing here commits."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import delete, select, update

from webapp.extensions import db
from webapp.live import bus
from webapp.models import Close, Finding, HeldQuote, QuoteFinding, QuoteRow, SplitRow
from webapp.records import Quote, Split
from worker.database import insert
from worker.trust import Held, Judgement, Verdict, standard_deviation

REASON_LENGTH = 300
# The same reading refused again within this time only counts up.
SAME_FOR = dt.timedelta(days=1)
# So many days back count for the standard deviation of the returns.
DAYS = dt.timedelta(days=120)
FINDINGS = {Verdict.REJECTED: Finding.REJECTED, Verdict.OLDER: Finding.OLDER,
            Verdict.UNCONFIRMED: Finding.UNCONFIRMED, Verdict.SPLIT: Finding.SPLIT}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some instruments, by their ids."""

    held: Mapping[int, Held] = field(default_factory=dict)
    splits: Mapping[int, Sequence[Split]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A finding to write."""

    kind: Finding
    quote: Quote
    reason: str


def load(ids: Collection[int]) -> Known:
    """Return what waits and which splits are known of these instruments."""
    held = {row.instrument_id: Held(bus.decode_quote(row.quote), row.first_at, row.ratio, row.no_split)
            for row in db.session.scalars(select(HeldQuote).where(HeldQuote.instrument_id.in_(ids))
                                          .execution_options(populate_existing=True))}
    splits = defaultdict(list)
    for row in db.session.scalars(select(SplitRow).where(SplitRow.instrument_id.in_(ids)).order_by(SplitRow.day)):
        splits[row.instrument_id].append(Split(row.day, row.ratio))
    return Known(held, splits)


def hold(quote: Quote, judgement: Judgement, before: Held | None, now: dt.datetime) -> None:
    """Keep a reading that waits: in the place of another one, or as one more of the same."""
    against = judgement.against or quote.price
    if before is not None and before.ratio == judgement.ratio and _alike(before.quote.price, quote.price):
        db.session.execute(update(HeldQuote).where(HeldQuote.instrument_id == quote.instrument_id).values(
            readings=HeldQuote.readings + 1, last_at=now))
        return
    db.session.execute(delete(HeldQuote).where(HeldQuote.instrument_id == quote.instrument_id))
    db.session.add(HeldQuote(
        instrument_id=quote.instrument_id, source=quote.source, price=quote.price, as_of=quote.as_of, against=against,
        ratio=judgement.ratio, reason=judgement.reason[:REASON_LENGTH], quote=bus.encode_quote(quote), readings=1,
        first_at=now, last_at=now))
    db.session.flush()


def release(instrument_id: int, outcome: str, now: dt.datetime) -> None:
    """Forget the reading that waited, and write what became of it."""
    db.session.execute(delete(HeldQuote).where(HeldQuote.instrument_id == instrument_id))
    db.session.execute(
        update(QuoteFinding)
        .where(QuoteFinding.instrument_id == instrument_id, QuoteFinding.ended_at.is_(None),
               QuoteFinding.kind.in_((Finding.UNCONFIRMED.value, Finding.SPLIT.value)))
        .values(ended_at=now, outcome=outcome[:REASON_LENGTH]))


def note(notes: Collection[Note], now: dt.datetime) -> None:
    """Write findings; one that was there within a day, of the same source and price, counts up and is open again."""
    for one in notes:
        price, reason = format(one.quote.price, "f")[:40], one.reason[:REASON_LENGTH]
        same = (QuoteFinding.instrument_id == one.quote.instrument_id, QuoteFinding.kind == one.kind.value,
                QuoteFinding.source == one.quote.source, QuoteFinding.last_at > now - SAME_FOR)
        # A reading that goes on to move a little is the same finding; a price that is no number has no near one.
        known = db.session.scalars(select(QuoteFinding).where(*same).order_by(QuoteFinding.id.desc())).first()
        if known is not None and (known.price == price or known.reason == reason):
            known.count, known.last_at, known.price = known.count + 1, now, price
            known.reason, known.ended_at, known.outcome = reason, None, ""
        else:
            db.session.add(QuoteFinding(
                instrument_id=one.quote.instrument_id, kind=one.kind.value, source=one.quote.source, price=price,
                as_of=one.quote.as_of, reason=reason, count=1, first_at=now, last_at=now, outcome=""))


def note_split(instrument_id: int, split: Split, source: str, now: dt.datetime) -> None:
    """Keep a split that is known from now on."""
    statement = insert(SplitRow).values(instrument_id=instrument_id, day=split.day, ratio=split.ratio, source=source,
                                        known_at=now)
    db.session.execute(statement.on_conflict_do_update(
        index_elements=["instrument_id", "day"],
        set_={name: statement.excluded[name] for name in ("ratio", "source", "known_at")}))


def keep_closes(closes: Mapping[int, tuple[dt.date, Decimal, str]]) -> None:
    """Keep what sessions closed at, by instrument, and reckon anew how much these instruments move in a day."""
    if not closes:
        return
    statement = insert(Close)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["instrument_id", "day"],
                                        set_={"price": statement.excluded.price, "source": statement.excluded.source}),
        [{"instrument_id": number, "day": day, "price": price, "source": source}
         for number, (day, price, source) in closes.items()])
    since = min(day for day, _price, _source in closes.values()) - DAYS
    found = defaultdict(list)
    for number, price in db.session.execute(select(Close.instrument_id, Close.price).where(
            Close.instrument_id.in_(closes), Close.day > since).order_by(Close.instrument_id, Close.day)):
        found[number].append(price)
    deviations = [(number, deviation) for number, prices in found.items()
                  if (deviation := standard_deviation(prices)) is not None]
    for number, deviation in deviations:
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id == number).values(deviation=deviation))


def _alike(price: Decimal, other: Decimal) -> bool:
    return abs(price - other) <= other / 20
