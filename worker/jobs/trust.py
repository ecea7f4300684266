"""What a person decides of readings that wait, and the splits that explain them."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal

from flask import current_app
from sqlalchemy import or_, select, update

from config import Config
from webapp import audit, clock, site
from webapp.audit import Actor
from webapp.extensions import db
from webapp.models import HeldQuote, InstrumentRow, SplitRow, User
from webapp.ratios import in_words
from webapp.records import Instrument, LiveQuote, Split
from worker import holds, quota, store
from worker.providers.base import GivesSplits, Provider, ProviderError
from worker.publishing import publish
from worker.spelling import providers_with

log = logging.getLogger(__name__)

# A vendor that knew of no split is asked again after this time: it may learn of it late.
ASK_AGAIN = dt.timedelta(hours=6)
# A split may be dated some days before the jump, where there was no trade or no fetch in between, or a day late; one
# that lies further ahead explains nothing.
BESIDE, DATED_LATE = dt.timedelta(days=7), dt.timedelta(days=1)
SAME_RATIO = Decimal("0.05")


def settle_hold(instrument_id: int, take: bool, user_id: int, price: str = "", via: str = audit.PAGE) -> str:
    """Take or drop the reading of this price that waits, because a person says so (`via` page or API).

    A job from before a price was told drops whatever waits.
    """
    site.lock("held prices")  # of two answers at once the second finds what the first has left
    user = db.session.get(User, user_id, populate_existing=True)
    row = db.session.get(HeldQuote, instrument_id, populate_existing=True)
    held = holds.held_of(row) if row is not None else None
    if user is None or not user.admin or user.locked or held is None:
        return "nothing waits"
    if (take or price) and held.quote.price != Decimal(price or "NaN"):
        return "another price waits by now"
    now = clock.now()
    before = {"held": format(held.quote.price, "f"), "source": held.quote.source,
              "last_price": format(row.against, "f") if row is not None else ""}
    audit.note(Actor(user.id, user.email, via), "price.take" if take else "price.drop", _key_of(instrument_id), before,
               {"price": before["held"]} if take else {})
    changed = (store.take_held(held.quote, f"taken by {user.email}", now) if take
               else store.drop_held(instrument_id, f"dropped by {user.email}", now))
    db.session.commit()
    publish(current_app.extensions["redis"], changed)
    return "taken" if take else "dropped"


def note_split(instrument_id: int, day: str, ratio: str, user_id: int) -> str:
    """Keep a split that a person knows of; a price that waited for it is taken."""
    user = db.session.get(User, user_id)
    if user is None or not user.admin or user.locked or db.session.get(InstrumentRow, instrument_id) is None:
        return "not for this person"
    _note_split(Actor(user.id, user.email), instrument_id, dt.date.fromisoformat(day), Decimal(ratio))
    changed = learn(instrument_id, Split(dt.date.fromisoformat(day), Decimal(ratio)), "admin", user.email)
    db.session.commit()
    publish(current_app.extensions["redis"], changed)
    return "kept"


def check_splits() -> str:
    """Ask a vendor for the splits of stocks whose price looks like one; each call counts."""
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    waiting = list(db.session.execute(
        select(InstrumentRow, HeldQuote.ratio, HeldQuote.as_of).join(HeldQuote)
        .where(HeldQuote.ratio.is_not(None), or_(HeldQuote.asked_at.is_(None), HeldQuote.asked_at < now - ASK_AGAIN))))
    stocks = [(row.record(), ratio, as_of) for row, ratio, as_of in waiting if ratio is not None]
    db.session.commit()  # none may be open while the network is slow
    known = sum(_ask(settings, stock, ratio, as_of) for stock, ratio, as_of in stocks)
    return f"{len(stocks)} asked for, {known} known"


def learn(instrument_id: int, split: Split, source: str, said_by: str) -> list[LiveQuote]:
    """Keep a split and take the price that waited for it, where it does; the caller commits and publishes.

    `source` is a provider's short name, or "admin"; `said_by` is for the record.
    """
    now = clock.now()
    row = db.session.get(HeldQuote, instrument_id)
    held = holds.held_of(row) if row is not None else None
    if held is None or held.ratio is None or abs(held.ratio - split.ratio) > held.ratio * SAME_RATIO or (
            split.day > held.quote.day + DATED_LATE):
        holds.note_split(instrument_id, split, source, now)
        return []
    # A split that is dated after its first price in new shares would divide that price once more.
    split = Split(min(split.day, held.quote.day), split.ratio)
    return store.take_held(held.quote, f"explained by a {in_words(split.ratio)} split, as {said_by} says", now,
                           (split, source))


def _note_split(actor: Actor, instrument_id: int, day: dt.date, ratio: Decimal) -> None:
    """Write into the audit log that a split is kept, where it was not known so already: a job may run twice."""
    known = db.session.get(SplitRow, (instrument_id, day))
    if known is not None and known.ratio == ratio:
        return
    before = {"ratio": format(known.ratio, "f"), "source": known.source} if known is not None else {}
    audit.note(actor, "split.note", _key_of(instrument_id), before,
               {"day": day.isoformat(), "ratio": format(ratio, "f")})


def _key_of(instrument_id: int) -> str:
    row = db.session.get(InstrumentRow, instrument_id)
    return row.record().key if row is not None else str(instrument_id)


def _ask(settings: Config, instrument: Instrument, ratio: Decimal, as_of: dt.datetime) -> bool:
    """Ask the first vendor that may be asked; tell whether it knows of the split."""
    for provider in providers_with(settings, GivesSplits):
        if not provider.covers(instrument):
            continue
        claim = quota.claim(provider, f"splits {instrument.key}")
        if isinstance(claim, quota.Refusal):
            continue
        error, splits = None, []
        try:
            splits = provider.splits(instrument, clock.now())
        except ProviderError as caught:
            error = caught
            log.warning("splits of %s: %s", instrument.key, caught.message)
        quota.settle(provider, claim, error, of_quotes=False)
        _note_asked(instrument.id)
        changed = [] if error else _learn_of(instrument.id, splits, ratio, as_of, provider)
        db.session.commit()
        publish(current_app.extensions["redis"], changed)
        if error is None:
            return bool(changed)
    return False


def _learn_of(instrument_id: int, splits: list[Split], ratio: Decimal, as_of: dt.datetime,
              provider: Provider) -> list[LiveQuote]:
    """Take what a vendor says of the splits around a price that waits: it is one of them, or a mere jump."""
    near = [split for split in splits
            if -BESIDE <= split.day - as_of.date() <= DATED_LATE and abs(split.ratio - ratio) <= ratio * SAME_RATIO]
    if near:
        return learn(instrument_id, near[-1], provider.name, provider.title)
    row = db.session.get(HeldQuote, instrument_id)
    if row is not None:
        row.no_split = True
    return []


def _note_asked(instrument_id: int) -> None:
    """Keep that a call was made, whatever came of it: the next one is to wait."""
    db.session.execute(update(HeldQuote).where(HeldQuote.instrument_id == instrument_id)
                       .values(asked_at=clock.now()))

