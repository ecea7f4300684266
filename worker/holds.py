"""What the store must know to judge readings, and what it keeps of those that it did not take. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Select, delete, select, update

from webapp.extensions import db
from webapp.live import bus
from webapp.models import Close, Finding, HeldQuote, QuoteFinding, QuoteRow, SplitRow
from webapp.records import Quote, Split
from webapp.upserts import insert
from worker.trust import Held, Judgement, Verdict, standard_deviation

log = logging.getLogger(__name__)

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
    rows = db.session.scalars(select(HeldQuote).where(HeldQuote.instrument_id.in_(ids))
                              .execution_options(populate_existing=True)).all()
    held = {row.instrument_id: one for row in rows if (one := held_of(row)) is not None}
    splits = defaultdict(list)
    for row in db.session.scalars(select(SplitRow).where(SplitRow.instrument_id.in_(ids)).order_by(SplitRow.day)):
        splits[row.instrument_id].append(Split(row.day, row.ratio))
    return Known(held, splits)


def held_of(row: HeldQuote) -> Held | None:
    """Return what a row holds; one that another version wrote, and this one cannot read, is dropped."""
    try:
        quote = bus.decode_quote(row.quote)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        log.warning("A reading of instrument %s that waited cannot be read; it is dropped", row.instrument_id)
        db.session.execute(delete(HeldQuote).where(HeldQuote.instrument_id == row.instrument_id))
        return None
    return Held(quote, row.first_at, row.ratio, row.no_split, row.asked_at)


def hold(quote: Quote, judgement: Judgement, before: Held | None, now: dt.datetime) -> None:
    """Keep a reading that waits: in the place of another one, or as one more of the same."""
    against = judgement.against or quote.price
    if before is not None and before.ratio == judgement.ratio and _alike(before.quote.price, quote.price):
        db.session.execute(update(HeldQuote).where(HeldQuote.instrument_id == quote.instrument_id).values(
            readings=HeldQuote.readings + 1, last_at=now))
        return
    db.session.execute(delete(HeldQuote).where(HeldQuote.instrument_id == quote.instrument_id))
    # What a vendor said of splits today holds for another reading of today, too.
    asked = before if before is not None and before.quote.day == quote.day else None
    db.session.add(HeldQuote(
        instrument_id=quote.instrument_id, source=quote.source, price=quote.price, as_of=quote.as_of, against=against,
        ratio=judgement.ratio, reason=judgement.reason[:REASON_LENGTH], quote=bus.encode_quote(quote), readings=1,
        first_at=now, last_at=now, no_split=bool(asked and asked.no_split), asked_at=asked.asked_at if asked else None))
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
    """Write findings; the same one of the same source within a day counts up and is open again."""
    for one in notes:
        price, reason = format(one.quote.price, "f")[:40], one.reason[:REASON_LENGTH]
        known = db.session.scalars(
            _lately(one.quote.instrument_id, one.kind, one.quote.source, now).order_by(QuoteFinding.id.desc())).first()
        if known is not None and _is_same(one, known, reason):
            known.count, known.last_at, known.price = known.count + 1, now, price
            known.reason, known.ended_at, known.outcome = reason, None, ""
        else:
            db.session.add(_finding(one.quote.instrument_id, one.kind, one.quote.source, price, one.quote.as_of, reason,
                                    now))


def note_broken(ids: Collection[int], source: str, reason: str, now: dt.datetime) -> None:
    """Write that an answer for these instruments could not be used at all: no price came of it that could be shown."""
    reason = reason[:REASON_LENGTH]
    for number in ids:
        known = db.session.scalars(_lately(number, Finding.REJECTED, source, now).where(
            QuoteFinding.price == "", QuoteFinding.reason == reason)).first()
        if known is not None:
            known.count, known.last_at = known.count + 1, now
        else:
            db.session.add(_finding(number, Finding.REJECTED, source, "", now, reason, now))


def _lately(instrument_id: int, kind: Finding, source: str, now: dt.datetime) -> Select[QuoteFinding]:
    """Ask for the findings of this kind and source that may be the same as one of now."""
    return select(QuoteFinding).where(QuoteFinding.instrument_id == instrument_id, QuoteFinding.kind == kind.value,
                                      QuoteFinding.source == source, QuoteFinding.last_at > now - SAME_FOR)


def _finding(instrument_id: int, kind: Finding, source: str, price: str, as_of: dt.datetime, reason: str,
             now: dt.datetime) -> QuoteFinding:
    return QuoteFinding(instrument_id=instrument_id, kind=kind.value, source=source, price=price, as_of=as_of,
                        reason=reason, count=1, first_at=now, last_at=now, outcome="")


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
    for number, day, price in db.session.execute(select(Close.instrument_id, Close.day, Close.price).where(
            Close.instrument_id.in_(closes), Close.day > since).order_by(Close.instrument_id, Close.day)):
        found[number].append((day, price))
    deviations = [(number, deviation) for number, prices in found.items()
                  if (deviation := standard_deviation(prices)) is not None]
    for number, deviation in deviations:
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id == number).values(deviation=deviation))


def _is_same(one: Note, known: QuoteFinding, reason: str) -> bool:
    """Tell whether a finding is one more of the known one: what moves a little with each reading is no new one."""
    if one.kind is Finding.REJECTED:
        return known.reason == reason
    if one.kind in {Finding.CHANGE, Finding.OLDER}:
        return True
    return _alike(Decimal(known.price), one.quote.price)


def _alike(price: Decimal, other: Decimal) -> bool:
    return abs(price - other) <= other / 20
