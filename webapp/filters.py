"""Formatting in Python, for every template: prices, changes, volumes, times. Unknown is "—"."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import escape

from webapp import drawing
from webapp.markets import EXCHANGES, exchange_name
from webapp.records import Instrument, LiveQuote, Session, Standing, State
from webapp.standings import STAGES
from webapp.vendors import title_of

UNKNOWN = "—"
MOST_DECIMALS = 6
FIGURES = 8192  # most figures of a row are those of the time before: open, range, close of yesterday
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

STEPS = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))
SESSIONS = {Session.PRE: "pre-market", Session.REGULAR: "regular session", Session.POST: "after hours",
            Session.CLOSED: "market closed"}
TONES = {State.LIVE: "live", State.PRE: "live", State.POST: "live", State.STALE: "warn", State.HALTED: "warn"}


def register(app: Flask) -> None:
    """Give the filters to the templates."""
    for function in (money, signed, percent, places, direction, compact, whole, ago, clock_time, day_date, utc_time,
                     iso_time, local_time, stock_path, source_title, tone, extended_name, exchange_name,
                     delay_words, session_words, unit_words, measured_against, provenance,
                     stage_title, provisional_title, rs_title,
                     drawing.spark, drawing.range_place):
        app.add_template_filter(function)


def money(value: Decimal | None, decimals: int = 2, currency: str = "") -> str:
    """Write a price with fixed decimals, more where it is below 1; `currency` is its ISO code."""
    if value is None:
        return UNKNOWN
    text = _fixed(value, _enough(value, decimals))
    return f"{text}{NO_BREAK}{currency}" if currency else text


def signed(value: Decimal | None, decimals: int = 2) -> str:
    """Write a change with its sign; none where nothing changed."""
    if value is None:
        return UNKNOWN
    return f"{'+' if value > 0 else ''}{_fixed(value, decimals)}"


def percent(value: Decimal | None) -> str:
    """Write a change in percent with its sign and two decimals."""
    return UNKNOWN if value is None else f"{signed(value)}%"


def places(live: LiveQuote) -> int:
    """Return how many decimals all figures of a row have.

    The instrument's, or more where its price is below 1, or where a figure came with more: a provider's 217.6150 is
    not rounded to 217.62.
    """
    decimals, quote = live.instrument.decimals, live.quote
    if quote is None:
        return decimals
    figures = (quote.price, quote.previous_close, quote.open, quote.high, quote.low)
    finest = max(_decimals(figure) for figure in figures if figure is not None)
    return max(_enough(quote.price, decimals), min(finest, MOST_DECIMALS))


def direction(change: Decimal | None) -> str:
    """Name the class of a change: up, down, flat; nothing where it is unknown."""
    if change is None:
        return ""
    return "up" if change > 0 else "down" if change < 0 else "flat"


def compact(value: int | None) -> str:
    """Write a count with three figures and its magnitude: 950, 12.3K, 4.56M."""
    if value is None:
        return UNKNOWN
    for step, letter in STEPS:
        # From 999.5 of the smaller unit on, three figures would read 1000.
        if abs(value) >= step * Decimal("0.9995"):
            scaled = value / step
            decimals = 2 if abs(scaled) < Decimal("9.995") else 1 if abs(scaled) < Decimal("99.95") else 0
            return f"{_fixed(scaled, decimals)}{letter}"
    return _fixed(Decimal(value), 0)


def whole(value: int | None) -> str:
    """Write a count in full."""
    return UNKNOWN if value is None else _fixed(Decimal(value), 0)


def ago(moment: dt.datetime | None, now: dt.datetime) -> str:
    """Say how long ago something was, in its largest unit."""
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("day", 86_400), ("h", 3_600), ("min", 60)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return f"{seconds} s ago" if seconds else "just now"


@lru_cache(maxsize=FIGURES)  # rows that were fetched together have the same times, and each stands twice in a row
def clock_time(moment: dt.datetime | None, mic: str) -> str:
    """Write the time of day at the exchange, with its zone: 14:02:11 EST."""
    return UNKNOWN if moment is None else f"{moment.astimezone(_zone(mic)):%H:%M:%S %Z}"


@lru_cache(maxsize=FIGURES)
def local_time(moment: dt.datetime | None, mic: str) -> str:
    """Write day and time at the exchange: 20 Nov 2026, 14:02:11 EST."""
    return UNKNOWN if moment is None else f"{day_date(moment.astimezone(_zone(mic)).date())}, {clock_time(moment, mic)}"


@lru_cache(maxsize=1024)
def day_date(day: dt.date | None, *, year: bool = True) -> str:
    """Write a day: 20 Nov 2026."""
    return UNKNOWN if day is None else f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def utc_time(moment: dt.datetime | None) -> str:
    """Write a moment in UTC: 2026-11-20 19:02:11 UTC."""
    return UNKNOWN if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso_time(moment: dt.datetime) -> str:
    """Write a moment for <time datetime>."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def stock_path(instrument: Instrument) -> str:
    """Return the address of the stock's page; fragments are drawn where no request could tell it."""
    return f"/stocks/{quote(instrument.mic, safe='')}/{quote(instrument.symbol, safe='')}"


def source_title(source: str) -> str:
    """Turn a provider's short name into words: alpha-vantage becomes Alpha Vantage."""
    return title_of(source)


def tone(state: State) -> str:
    """Name the class of a state's badge: live, warn, or nothing."""
    return TONES.get(state, "")


def extended_name(live: LiveQuote) -> str:
    """Name the part of the day that the extended-hours price is of."""
    session = live.quote.session if live.quote else None
    return "Pre" if session is Session.PRE else "Post"


def delay_words(delay: State | None) -> str:
    """Name the delay class of a provider's prices."""
    return "delay unknown" if delay is None else delay.value.lower()


def session_words(session: Session) -> str:
    """Name the part of the trading day that a price was made in."""
    return SESSIONS[session]


def unit_words(live: LiveQuote) -> str:
    """Say which currency the figures are in, and in which unit they came where that was another."""
    return _unit_words(live.instrument.currency, live.quote.sent_unit if live.quote else "")


def stage_title(standing: Standing) -> str:
    """Say a stage in words: Stage 2, advancing, for 14 weeks."""
    weeks = f"{standing.weeks} week{'' if standing.weeks == 1 else 's'}"
    until = f" up to {day_date(standing.week)}, where past prices end" if standing.old else ""
    return f"Stage {standing.stage}, {STAGES.get(standing.stage or 0, 'unknown')}, for {weeks}{until}"


def provisional_title(standing: Standing) -> str:
    """Say what the running week would confirm, "" where that is no other stage or cannot be told."""
    if standing.provisional in {None, standing.stage}:
        return ""
    return f"; at this price the running week is in stage {standing.provisional} (provisional)"


def rs_title(standing: Standing) -> str:
    """Name the percentile of the relative strength: under 500 stocks it is no rating."""
    return "RS rating" if standing.rated else "RS rank in list"


def measured_against(live: LiveQuote) -> str:
    """Say what the day's change is measured against: the close of 19 Nov 2026, 232.10."""
    quote = live.quote
    if quote is None or quote.previous_close is None:
        return UNKNOWN
    return _close_words(quote.previous_close, quote.previous_day, places(live))


def provenance(live: LiveQuote) -> str:
    """Return, as HTML, where a row's price comes from and how old it is; the rows of a table carry it as their tip.

    Line by line: what keeps it from being fresher, provider with delay class and session, when it was made, when it
    was fetched, its unit, what the day's change is measured against.
    """
    quote, mic = live.quote, live.instrument.mic
    if quote is None:
        return str(escape(live.problem or "No price has been fetched yet."))
    problem = f"{escape(live.problem)}<br>" if live.problem else ""
    made = f"Price of {day_date(quote.day)}" if quote.as_of_is_day else f"Traded {local_time(quote.as_of, mic)}"
    fetched = _fetched(live.fetched_at, mic, quote.day) if live.fetched_at else ""
    basis = _basis(live.instrument.currency, quote.sent_unit, quote.previous_close, quote.previous_day, places(live))
    return f"{problem}{_origin(quote.source, quote.delay, quote.session)}<br>{made}{fetched}<br>{basis}"


# What of a tip stays the same from tick to tick
@lru_cache(maxsize=256)
def _origin(source: str, delay: State | None, session: Session) -> str:
    return f"{escape(title_of(source))}, {delay_words(delay)}, {session_words(session)}"


@lru_cache(maxsize=FIGURES)
def _fetched(moment: dt.datetime, mic: str, day: dt.date) -> str:
    same_day = moment.astimezone(_zone(mic)).date() == day
    return f"<br>Fetched {clock_time(moment, mic) if same_day else local_time(moment, mic)}"


@lru_cache(maxsize=FIGURES)
def _basis(currency: str, sent: str, close: Decimal | None, day: dt.date | None, decimals: int) -> str:
    against = f"<br>Change against {_close_words(close, day, decimals)}" if close is not None else ""
    return f"{escape(_unit_words(currency, sent))}{against}"


def _unit_words(shown: str, sent: str) -> str:
    return f"Sent in {sent}, shown in {shown}" if sent and sent != shown else f"In {shown}"


def _close_words(close: Decimal, day: dt.date | None, decimals: int) -> str:
    return f"{f'the close of {day_date(day)}' if day else 'the previous close'}, {money(close, decimals)}"


@lru_cache(maxsize=FIGURES)
def _fixed(value: Decimal, decimals: int) -> str:
    text = f"{value.quantize(_unit(decimals), rounding=ROUND_HALF_UP).copy_abs():,f}"
    return f"{MINUS}{text}" if value < 0 else text


@lru_cache(maxsize=32)
def _unit(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


@lru_cache(maxsize=FIGURES)
def _decimals(value: Decimal) -> int:
    """Return how many decimals a figure has, without trailing zeros."""
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _enough(price: Decimal, decimals: int) -> int:
    """Return `decimals`, or at least four below 1, and two figures of what is smaller still."""
    if price == 0 or abs(price) >= 1:
        return decimals
    return max(decimals, 4, 1 - price.adjusted())


@lru_cache(maxsize=128)
def _zone(mic: str) -> dt.tzinfo:
    exchange = EXCHANGES.get(mic)
    return ZoneInfo(exchange.zone) if exchange else dt.UTC
