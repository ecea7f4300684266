"""One row of Yahoo's quotes: the regular session's price, and the newest one from before or after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from webapp.records import Instrument, Quote, Session, State
from worker.providers.figures import FigureError, check_range, parse_count, parse_decimal, parse_epoch, parse_price
from worker.providers.freshness import Times, check_time, times_of_day, times_of_regular, times_of_trade
from worker.providers.rest import stated_change
from worker.providers.yahoo_charts import read_unit

if TYPE_CHECKING:
    from webapp.markets import SessionBook

SOURCE = "yahoo"
# Price and range come from different places: so far a price may be outside the day's range.
SLACK = Decimal("0.1")
# What Yahoo calls the hours in which nothing is traded, and those before the regular session.
SHUT = {"PREPRE", "POSTPOST", "CLOSED"}
BEFORE = {"PREPRE", "PRE"}


@dataclass(frozen=True, slots=True)
class Extended:
    """A price from before or after the regular session, and its times."""

    price: Decimal
    as_of: dt.datetime
    times: Times


def read_quote(row: Mapping[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote | None:
    """Return the record; None where Yahoo has no price of the symbol (any more).

    Raise FigureError where the figures are not what they should be.
    """
    price = parse_price(_raw(row, "regularMarketPrice"), "the price")
    kind = str(row.get("quoteType") or "").upper()
    if kind == "NONE" or (price is None and row.get("regularMarketPrice") is None):
        return None
    moment = parse_epoch(_raw(row, "regularMarketTime"), "the time")
    if price is None or moment is None:
        raise FigureError("the price or its time is missing")
    delay = State.LIVE if parse_decimal(_raw(row, "exchangeDataDelayedBy"), "the delay") == 0 else State.DELAYED
    times = regular_times(row, check_time(moment, now), delay, now, sessions, instrument.mic)
    extended = read_extended(row, times, delay, now, sessions, instrument.mic)
    before = sessions.previous_before(instrument.mic, times.day)
    shown = shown_times(times, extended, now)
    first, low, high = day_range(row, price)
    bid, ask = spread(row, shown)
    previous, change = day_change(row, price)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=SOURCE, state=shown.state,
        session=shown.session, previous_close=previous, stated_change=change, open=first, high=high, low=low,
        volume=volume_of(row), bid=bid, ask=ask, extended_price=extended.price if extended else None,
        extended_as_of=extended.as_of if extended else None, stale_at=shown.stale_at,
        unit=read_unit(row, instrument), delay=delay,
        previous_day=before.day if before and sessions.session_on(instrument.mic, times.day) else None)


def regular_times(row: Mapping[str, Any], moment: dt.datetime, delay: State, now: dt.datetime, sessions: SessionBook,
                  mic: str) -> Times:
    """Return the times of the regular price. That of a fund comes once a day; its hour means nothing."""
    times = times_of_regular(moment, delay, now, sessions, mic)
    if str(row.get("quoteType") or "").upper() == "MUTUALFUND":
        return replace(times_of_day(times.day, State.END_OF_DAY, now, sessions, mic), as_of=moment)
    state = str(row.get("marketState") or "").upper()
    if state in SHUT and sessions.last_completed(mic, now) is None:
        return replace(times, state=State.CLOSED)  # without a calendar Yahoo's word has to do
    return times


def read_extended(row: Mapping[str, Any], regular: Times, delay: State, now: dt.datetime, sessions: SessionBook,
                  mic: str) -> Extended | None:
    """Return the newest price from outside the regular session; None where the regular one is as new."""
    found = []
    for part in ("pre", "post"):
        price = parse_price(_raw(row, f"{part}MarketPrice"), "the extended price")
        moment = parse_epoch(_raw(row, f"{part}MarketTime"), "the extended price's time")
        if price is not None and moment is not None:
            found.append((check_time(moment, now), price))
    newest = max(found, default=None)
    if newest is None or newest[0] <= regular.as_of:
        return None
    return Extended(newest[1], newest[0], times_of_trade(newest[0], delay, now, sessions, mic))


def shown_times(regular: Times, extended: Extended | None, now: dt.datetime) -> Times:
    """Return what the quote says of its state: while there is trading outside the regular session, that of there.

    A thin stock's extended price may be old while its close is as good as ever: then it only names its part of the day.
    """
    if extended is None or extended.times.session not in {Session.PRE, Session.POST}:
        return regular
    return extended.times if extended.times.stale_at > now else replace(regular, session=extended.times.session)


def day_range(row: Mapping[str, Any], price: Decimal) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Return open, low and high; raise FigureError where the price cannot be of that day, as pounds among pence."""
    first, low, high = (parse_price(_raw(row, f"regularMarket{word}"), f"the {word}")
                        for word in ("Open", "DayLow", "DayHigh"))
    check_range(low, high)
    check_range(low and low * (1 - SLACK), high and high * (1 + SLACK), price)
    return first, low and min(low, price), high and max(high, price)


def spread(row: Mapping[str, Any], times: Times) -> tuple[Decimal | None, Decimal | None]:
    """Return bid and ask while there is trading, and not where they are crossed."""
    bid, ask = parse_price(_raw(row, "bid"), "the bid"), parse_price(_raw(row, "ask"), "the ask")
    crossed = bid is not None and ask is not None and bid > ask
    return (None, None) if crossed or times.session is Session.CLOSED or times.state is State.CLOSED else (bid, ask)


def day_change(row: Mapping[str, Any], price: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Return the previous close and the change that Yahoo states.

    Before an opening some exchanges' previous close is already set to the last one, which is the price itself. It says
    nothing of the price's own day, whose change would become 0.
    """
    previous = parse_price(_raw(row, "regularMarketPreviousClose"), "the previous close")
    if previous == price and str(row.get("marketState") or "").upper() in BEFORE:
        return None, None
    return previous, stated_change(_raw(row, "regularMarketChange"))


def volume_of(row: Mapping[str, Any]) -> int | None:
    """Return the shares of the day; what has none, as an index, has 0."""
    with suppress(FigureError):
        return parse_count(_raw(row, "regularMarketVolume"), "the volume") or None
    return None


def _raw(row: Mapping[str, Any], key: str) -> Any:
    """Return a figure of which the answer may give a written form too: {"raw": 1.5, "fmt": "1.50"}."""
    value = row.get(key)
    return value.get("raw") if isinstance(value, dict) else value
