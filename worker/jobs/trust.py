"""What a person decides of readings that wait, and the splits that explain them."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal

from flask import current_app
from sqlalchemy import or_, select

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.models import HeldQuote, InstrumentRow, User
from webapp.records import Instrument, LiveQuote, Split
from webapp.redis import RedisAway
from worker import holds, quota, store
from worker.providers.base import GivesSplits, ProviderError
from worker.providers.registry import providers_with
from worker.trust import in_words

log = logging.getLogger(__name__)

# A vendor that knew of no split is asked again after this time: it may learn of it late.
ASK_AGAIN = dt.timedelta(hours=6)
# A split may be dated some days beside the jump, where there was no trade or no fetch in between.
BESIDE = dt.timedelta(days=7)
SAME_RATIO = Decimal("0.05")


def settle_hold(instrument_id: int, take: bool, user_id: int) -> str:
    """Take a reading that waits for a price, or drop it, because a person says so."""
    user = db.session.get(User, user_id)
    row = db.session.get(HeldQuote, instrument_id)
    if user is None or not user.admin or row is None:
        return "nothing waits"
    now = clock.now()
    changed: list[LiveQuote] = []
    if take:
        changed = store.take_held(bus.decode_quote(row.quote), f"taken by {user.email}", now)
    else:
        holds.release(instrument_id, f"dropped by {user.email}", now)
        changed = store.store_problem([instrument_id], "")
    db.session.commit()
    _publish(changed)
    return "taken" if take else "dropped"


def note_split(instrument_id: int, day: str, ratio: str, user_id: int) -> str:
    """Keep a split that a person knows of; a price that waited for it is taken."""
    user = db.session.get(User, user_id)
    if user is None or not user.admin or db.session.get(InstrumentRow, instrument_id) is None:
        return "not for this person"
    changed = learn(instrument_id, Split(dt.date.fromisoformat(day), Decimal(ratio)), user.email)
    db.session.commit()
    _publish(changed)
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


def learn(instrument_id: int, split: Split, source: str) -> list[LiveQuote]:
    """Keep a split and take the price that waited for it, where it does; the caller commits and publishes."""
    now = clock.now()
    holds.note_split(instrument_id, split, source, now)
    row = db.session.get(HeldQuote, instrument_id)
    if row is None or row.ratio is None or abs(row.ratio - split.ratio) > row.ratio * SAME_RATIO:
        return []
    quote = bus.decode_quote(row.quote)
    return store.take_held(quote, f"explained by a {in_words(split.ratio)} split, as {source} says", now)


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
        changed = [] if error else _learn_of(instrument.id, splits, ratio, as_of, provider.title)
        db.session.commit()
        _publish(changed)
        if error is None:
            return bool(changed)
    return False


def _learn_of(instrument_id: int, splits: list[Split], ratio: Decimal, as_of: dt.datetime,
              source: str) -> list[LiveQuote]:
    """Take what a vendor says of the splits around a price that waits: it is one of them, or a mere jump."""
    near = [split for split in splits
            if abs(split.day - as_of.date()) <= BESIDE and abs(split.ratio - ratio) <= ratio * SAME_RATIO]
    if near:
        return learn(instrument_id, near[-1], source)
    row = db.session.get(HeldQuote, instrument_id)
    if row is not None:
        row.asked_at, row.no_split = clock.now(), True
    return []


def _publish(changed: list[LiveQuote]) -> None:
    """Tell the pages what was committed."""
    if not changed:
        return
    try:
        bus.publish_quotes(current_app.extensions["redis"], changed[0].version, changed)
    except RedisAway:
        log.warning("Redis is away: the pages will find version %s in the database", changed[0].version)
