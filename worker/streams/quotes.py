"""A folded trade becomes a quote: the stored one with a newer price. Pure: no clock, no database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from webapp.records import Instrument, Quote, Session, State
from worker.providers.freshness import times_of_regular, times_of_trade, until_close
from worker.providers.simulator import Simulator
from worker.streams.folding import Folded, Stock

if TYPE_CHECKING:
    from webapp.markets import SessionBook, SessionTimes

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
SHUT = (0, 0, 0, 0)


def is_seeded(stored: Quote | None, part: Session, day: dt.date) -> bool:
    """Tell whether the stored quote knows of its day all that a trade does not say.

    That is the previous close, and from the opening on the day's open, high and low; they come with a call. A quote
    from before the opening is one of the day, but does not know them yet.
    """
    if stored is None or stored.day != day or stored.source == Simulator.name or part is Session.CLOSED:
        return False
    if part is Session.PRE:
        return True
    return stored.session is not Session.PRE and None not in (stored.open, stored.high, stored.low)


def stock_of(instrument: Instrument, session: SessionTimes | None, near: Decimal | None, *,
             extended_hours: bool) -> Stock:
    """Return what trades are held against on this day; `extended_hours` as the vendor's calls have them."""
    starts, opens, closes, ends = SHUT if session is None else (
        _micros(moment) for moment in (session.starts_at, session.opens_at, session.closes_at, session.ends_at))
    return Stock(instrument.id, starts if extended_hours else opens, opens, closes, ends if extended_hours else closes,
                 near)


def make_quote(stored: Quote, folded: Folded, source: str, instrument: Instrument, now: dt.datetime,
               sessions: SessionBook, *, extended_hours: bool) -> Quote | None:
    """Return the stored quote with what was folded; None where that says nothing new.

    Volume stays as it was fetched: a socket may bring a part of the trades only. Bid and ask are of another moment.
    """
    made_at = EPOCH + folded.at * MICROSECOND
    if not folded.at or made_at < stored.as_of:
        widened = _widened(stored, folded.high, folded.low)
        return widened if widened != stored else None
    read = times_of_trade if extended_hours else times_of_regular
    times = read(made_at, State.LIVE, now, sessions, instrument.mic)
    own = None if times.session in {Session.PRE, Session.POST} else folded.price
    newer = replace(
        stored, price=folded.price, as_of=times.as_of, day=times.day, source=source, state=times.state,
        session=times.session, stale_at=times.stale_at, bid=None, ask=None, extended_price=None, extended_as_of=None,
        as_of_is_day=False, unit=instrument.currency, sent_unit=instrument.currency, delay=State.LIVE,
        stated_change=None)
    return until_close(_widened(_widened(newer, folded.high, folded.low), own, own), sessions, instrument.mic)


def _widened(quote: Quote, high: Decimal | None, low: Decimal | None) -> Quote:
    """Return the quote with its range widened; one without a range has none to widen."""
    highest = quote.high if quote.high is None or high is None else max(quote.high, high)
    lowest = quote.low if quote.low is None or low is None else min(quote.low, low)
    return replace(quote, high=highest, low=lowest)


def _micros(moment: dt.datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
