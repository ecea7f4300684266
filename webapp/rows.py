"""A stock's newest quote as programs get it: decimals as text, times in ISO 8601 UTC. Pure: no Flask."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from webapp.markets import exchange_name
from webapp.records import LiveQuote, Quote, Standing

Value = str | int | None
Row = dict[str, Value]
# What each row carries, in the order of the CSV's columns.
FIELDS = ("symbol", "mic", "exchange", "name", "currency", "price", "previous_close", "open", "high", "low", "change",
          "change_percent", "volume", "bid", "ask", "extended_price", "extended_change", "extended_change_percent",
          "extended_as_of", "as_of", "as_of_precision", "day", "state", "source", "fetched_at", "problem", "version",
          "delay", "session", "previous_day", "sent_unit",
          "stage", "stage_since", "stage_weeks", "provisional_stage", "rs", "rs_kind", "stage_week")


def export_row(live: LiveQuote, now: dt.datetime) -> Row:
    """Return one row, FIELDS, with every number as it is stored; what is unknown is None."""
    instrument, quote = live.instrument, live.quote

    def price(name: str) -> str | None:
        return as_text(getattr(quote, name, None))

    return {
        "symbol": instrument.symbol, "mic": instrument.mic, "exchange": exchange_name(instrument.mic),
        "name": instrument.name, "currency": instrument.currency,
        "price": price("price"), "previous_close": price("previous_close"), "open": price("open"),
        "high": price("high"), "low": price("low"),
        "change": as_text(live.change), "change_percent": as_text(live.change_percent),
        "volume": quote.volume if quote else None, "bid": price("bid"), "ask": price("ask"),
        "extended_price": price("extended_price"), "extended_change": as_text(live.extended_change),
        "extended_change_percent": as_text(live.extended_change_percent),
        "extended_as_of": as_moment(quote.extended_as_of if quote else None),
        "as_of": _as_of(quote), "as_of_precision": _precision(quote),
        "day": as_day(quote.day if quote else None),
        "state": live.state_at(now).value, "source": quote.source if quote else None,
        "fetched_at": as_moment(live.fetched_at), "problem": live.problem or None, "version": live.version,
        "delay": quote.delay.value if quote and quote.delay else None,
        "session": quote.session.value if quote else None,
        "previous_day": as_day(quote.previous_day if quote else None),
        "sent_unit": quote.sent_unit or None if quote else None,
        **standing_row(live.standing or Standing()),
    }


def standing_row(standing: Standing) -> Row:
    """Return where the stock stands; what is not known is None."""
    kind = "rating" if standing.rated else "rank in list"
    return {"stage": standing.stage, "stage_since": as_day(standing.since),
            "stage_weeks": standing.weeks if standing.stage else None, "provisional_stage": standing.provisional,
            "rs": standing.rs, "rs_kind": None if standing.rs is None else kind,
            "stage_week": as_day(standing.week)}


def quote_row(live: LiveQuote, now: dt.datetime) -> Row:
    """Return the same row with the stock's key before it, as the API and its stream have it."""
    return {"key": live.instrument.key, **export_row(live, now)}


def as_text(number: Decimal | None) -> str | None:
    """Write a number with every digit it has, and without an exponent."""
    return None if number is None else format(number, "f")


def as_moment(moment: dt.datetime | None) -> str | None:
    """Write a moment as ISO 8601 in UTC, with a Z."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def as_day(day: dt.date | None) -> str | None:
    """Write a day as ISO 8601."""
    return None if day is None else day.isoformat()


def _as_of(quote: Quote | None) -> str | None:
    if quote is None:
        return None
    return quote.day.isoformat() if quote.as_of_is_day else as_moment(quote.as_of)


def _precision(quote: Quote | None) -> str | None:
    if quote is None:
        return None
    return "day" if quote.as_of_is_day else "instant"
