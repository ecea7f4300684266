"""Past days and weeks in the form of Yahoo's chart: columns of figures beside a column of times, with its events."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import Bar, Dividend, Instrument, Split, currency_of
from worker.providers.directories import unit_from
from worker.providers.figures import FigureError, parse_decimal
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

if TYPE_CHECKING:
    from decimal import Decimal

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Stamps outside these 200 years are none.
LEAST, MOST = -6_311_347_200, 4_102_444_800
COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Chart:
    """One answer: its bars in the order they came, one for each day or week, and its events.

    A bar's day is the one at the exchange on which it begins. `unit` is what the figures are in, "" where it is not
    said.
    """

    bars: tuple[Bar, ...]
    splits: tuple[Split, ...]
    dividends: tuple[Dividend, ...]
    unit: str


def read_chart(body: Any, symbol: str, instrument: Instrument, interval: str) -> Chart:
    """Return what the answer holds; raise FigureError where it is for another stock, unit or interval, or is unsound.

    `interval` is what was asked for, 1d or 1wk. Where the range is long Yahoo may send longer steps in its place.
    """
    entry, meta = find_entry(body, symbol, interval)
    zone = find_zone(meta, instrument)
    bars = one_each(list(_rows(entry, zone)), weekly=interval == "1wk")
    events = as_object(entry.get("events") or {}, "the events")
    splits = known_splits(_split(event, zone) for event in _events(events, "splits"))
    dividends = known_dividends(make_dividend(_day(event.get("date"), zone), raw(event.get("amount")))
                                for event in _events(events, "dividends"))
    return Chart(tuple(bars), tuple(splits), tuple(dividends), read_unit(meta, instrument))


def find_entry(body: Any, symbol: str, interval: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the one chart of an answer and its head; raise FigureError where it is not what was asked for."""
    results = as_list(as_object(as_object(body).get("chart"), "the chart").get("result"), "the chart")
    if len(results) != 1:
        raise FigureError("it does not hold one chart")
    entry = as_object(results[0], "the chart")
    meta = as_object(entry.get("meta"), "the chart's head")
    if str(meta.get("symbol") or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
    if str(meta.get("dataGranularity") or interval) != interval:
        raise FigureError("its steps are of another length")
    return entry, meta


def read_unit(fields: Mapping[str, Any], instrument: Instrument) -> str:
    """Return the unit of the figures, GBX for GBp; "" where it is not said, which may not be in doubt.

    Raise FigureError where it is of another currency than the instrument's.
    """
    unit = unit_from(fields.get("currency"))
    if not unit and instrument.unit:
        raise FigureError("its unit is missing")
    if unit and instrument.currency and currency_of(unit) != instrument.currency:
        raise FigureError("it is in another currency")
    return unit


def find_zone(meta: Mapping[str, Any], instrument: Instrument) -> ZoneInfo:
    """Return the exchange's time zone: the one that the answer names, else ours."""
    exchange = EXCHANGES.get(instrument.mic)
    for name in (meta.get("exchangeTimezoneName"), exchange.zone if exchange else "UTC"):
        try:
            return ZoneInfo(name if isinstance(name, str) else "")
        except (OSError, ValueError, LookupError):  # no such zone, or no name of one
            continue
    return ZoneInfo("UTC")


def one_each(bars: Sequence[Bar], *, weekly: bool) -> list[Bar]:
    """Return the bars with the last two made one where they are of the same day, or of the same week.

    While a market is open, and some time after, the newest price comes as a row of its own. On a day it only repeats
    what the row before it says, a little newer; in a week the row before it lacks the newest day.
    """
    if len(bars) < 2 or _period(bars[-1], weekly=weekly) != _period(bars[-2], weekly=weekly):
        return list(bars)
    first, last = bars[-2:]
    return [*bars[:-2], _merged(first, last) if weekly else last]


def _merged(first: Bar, last: Bar) -> Bar:
    """Return the week of a row and of the newest day. Whether their volumes overlap is not said."""
    highs = [price for price in (first.high, last.high, last.close) if price is not None]
    lows = [price for price in (first.low, last.low, last.close) if price is not None]
    return replace(last, day=first.day, open=first.open, high=max(highs) if first.high is not None else None,
                   low=min(lows) if first.low is not None else None, volume=None)


def _period(bar: Bar, *, weekly: bool) -> tuple[int, ...]:
    return tuple(bar.day.isocalendar())[:2] if weekly else (bar.day.toordinal(),)


def _rows(entry: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Bar]:
    """Read the rows; one that is all null, or all 0, was never traded."""
    stamps, figures = columns_of(entry, COLUMNS)
    if not stamps:
        return
    adjusted = _column(_first(as_object(entry.get("indicators")), "adjclose"), "adjclose", len(stamps))
    for stamp, first, high, low, close, volume, after in zip(stamps, *figures, adjusted, strict=True):
        if all(is_nothing(price) for price in (first, high, low, close)):
            continue
        day = _day(stamp, zone)
        if day is None:
            raise FigureError("a time is missing")
        # Where dividends came to more than the price, what is left of an old close is below zero.
        left = None if str(after).startswith("-") else after
        bar = make_bar(day, first, high, low, close, volume, left)
        if bar is not None:
            yield bar


def columns_of(entry: Mapping[str, Any], names: Sequence[str]) -> tuple[list[Any], list[list[Any]]]:
    """Return the times of a chart, and as long a column of each name; nothing where there is no time."""
    stamps = as_list(entry.get("timestamp") or [], "the times")
    if not stamps:
        return [], [[] for _ in names]
    columns = _first(as_object(entry.get("indicators"), "the columns"), "quote")
    return stamps, [_column(columns, name, len(stamps)) for name in names]


def _first(indicators: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a group's first set of columns; none where the group is missing, as adjclose may be."""
    sets = as_list(indicators.get(name) or [], "the columns")
    return as_object(sets[0] or {}, "the columns") if sets else {}


def _column(columns: Mapping[str, Any], name: str, length: int) -> list[Any]:
    """Return a column's figures; nothing but None where there is no such column."""
    found = as_list(columns.get(name) or [], "a column")
    if not found:
        return [None] * length
    if len(found) != length:
        raise FigureError("its columns are not of the same length")
    return [raw(value) for value in found]


def is_nothing(price: Any) -> bool:
    """Tell whether there is no price: null, or 0."""
    return price is None or not parse_decimal(price, "a price")


def _events(events: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the events of one kind, which come by their time."""
    found = events.get(name) or {}
    return [as_object(event, "an event") for event in (found.values() if isinstance(found, dict) else as_list(found))]


def _split(event: Mapping[str, Any], zone: ZoneInfo) -> Split | None:
    """Return the split: four new shares for one old are numerator 4, denominator 1, or "4:1"."""
    new, old = (raw(event.get(name)) for name in ("numerator", "denominator"))
    if new is None and old is None:
        ratio = str(event.get("splitRatio") or "").replace("/", ":")
        new, _, old = (part.strip() for part in ratio.partition(":"))
    return make_split(_day(event.get("date"), zone), new, old)


def _day(stamp: Any, zone: ZoneInfo) -> dt.date | None:
    """Return the day at the exchange of a count of seconds, which is negative before 1970."""
    seconds: Decimal | None = parse_decimal(raw(stamp), "a time")
    if seconds is None:
        return None
    if not LEAST <= seconds < MOST:
        raise FigureError("a time is not one")
    return (EPOCH + dt.timedelta(seconds=math.floor(seconds))).astimezone(zone).date()


def raw(value: Any) -> Any:
    """Return a figure of which the answer gives a written form too: {"raw": 1.5, "fmt": "1.50"}."""
    return value.get("raw") if isinstance(value, dict) else value
