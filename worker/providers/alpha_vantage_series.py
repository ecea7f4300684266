"""Past prices, splits and dividends as Alpha Vantage answers them."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from webapp.records import Adjustment, Bar, Dividend, History, Instrument, Split
from worker.providers.alpha_vantage_answers import NAME, Body, check_symbol, plain_fields, rows_of
from worker.providers.figures import FigureError, parse_day, parse_decimal
from worker.providers.histories import (
    finished,
    finished_weeks,
    known_dividends,
    known_splits,
    make_bar,
    make_dividend,
    make_split,
)
from worker.providers.rest import as_object

if TYPE_CHECKING:
    from webapp.markets import SessionBook

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
DAILY = re.compile(r"Time Series \(Daily\)")
WEEKLY = re.compile(r"Weekly (Adjusted )?Time Series")
# The usual distance of two rows, in days, is 1 where they are of days, 7 of weeks, 30 of months. CSV says no more.
MOST_BETWEEN = {DAILY: 5, WEEKLY: 10}

Rows = list[tuple[dt.date, dict[str, Any]]]


def read_daily(body: Body, symbol: str, instrument: Instrument, now: dt.datetime,
               sessions: SessionBook, since: dt.date | None) -> History:
    """Return the days that are over, as traded, with the splits and dividends that an adjusted series brings along."""
    rows = series_of(body, DAILY, symbol)
    bars = finished((read_bar(day, fields) for day, fields in rows), instrument.mic, now, sessions)
    check_pace(bars, DAILY)
    events = [(day, fields) for day, fields in rows if since is None or day >= since]
    return History(
        instrument.id, NAME, Adjustment.NONE, tuple(bar for bar in bars if since is None or bar.day >= since),
        tuple(known_splits(make_split(day, fields.get("split coefficient")) for day, fields in events)),
        tuple(known_dividends(make_dividend(day, fields.get("dividend amount")) for day, fields in events)))


def read_weekly(body: Body, symbol: str, instrument: Instrument, now: dt.datetime,
                sessions: SessionBook) -> History:
    """Return the weeks that are over, as traded; a week's dividend is left out, for its day is not said."""
    rows = series_of(body, WEEKLY, symbol)
    bars = finished_weeks((read_bar(day, fields) for day, fields in rows), instrument.mic, now, sessions)
    check_pace(bars, WEEKLY)
    return History(instrument.id, NAME, Adjustment.NONE, bars)


def series_of(body: Body, name: re.Pattern[str], symbol: str) -> Rows:
    """Return the rows of the one series of that name: the day and the fields of each, with plain names."""
    if isinstance(body, str):
        return list(_table(body))
    keys = [key for key in body if name.match(key)]
    if len(keys) != 1:
        raise FigureError("there are no prices in it")
    if "Meta Data" in body:
        check_symbol(plain_fields(as_object(body["Meta Data"])).get("symbol"), symbol)
    series = as_object(body[keys[0]], "the series")
    # A day that still ran was written with its time in former years.
    return [(_day(text.partition(" ")[0]), plain_fields(as_object(fields, "a row")))
            for text, fields in series.items()]


def _table(text: str) -> Iterator[tuple[dt.date, dict[str, Any]]]:
    for row in rows_of(text, "", COLUMNS):
        yield _day(row["timestamp"]), row


def _day(text: object) -> dt.date:
    day = parse_day(text, "a day")
    if day is None:
        raise FigureError("a day is missing")
    return day


def read_bar(day: dt.date, fields: dict[str, Any]) -> Bar | None:
    """Return the bar of a row; None where it has no close, for which the vendor also writes 0."""
    close = fields.get("close")
    if parse_decimal(close, "the close") == 0:
        return None
    return make_bar(day, fields.get("open"), fields.get("high"), fields.get("low"), close, fields.get("volume"),
                    fields.get("adjusted close"))


def check_pace(bars: Sequence[Bar], name: re.Pattern[str]) -> None:
    """Raise FigureError where the rows are of longer times than was asked for."""
    gaps = [(later.day - earlier.day).days for earlier, later in itertools.pairwise(bars)]
    if len(gaps) > 1 and statistics.median(gaps) > MOST_BETWEEN[name]:
        raise FigureError("its rows are of longer times")


def read_splits(body: Body, symbol: str) -> list[Split]:
    """Return the splits, oldest first. What leaves a company (a spin-off) is one too, with a ratio such as 1.046."""
    return known_splits(
        make_split(parse_day(row.get("effective date"), "the day of a split"), *_ratio(row.get("split factor")))
        for row in _events(body, symbol, ("effective date", "split factor")))


def _ratio(text: object) -> tuple[object, object]:
    """Return new and old shares of 4.0000, or of 4:1 as the vendor writes elsewhere."""
    new, sign, old = text.partition(":") if isinstance(text, str) else (text, "", "")
    return new, old if sign else "1"


def read_dividends(body: Body, symbol: str) -> list[Dividend]:
    """Return the dividends, oldest first; one whose ex-date is not known yet is left out."""
    return known_dividends(
        make_dividend(parse_day(row.get("ex dividend date"), "the ex-date"), row.get("amount"))
        for row in _events(body, symbol, ("ex dividend date", "amount")))


def _events(body: Body, symbol: str, columns: tuple[str, str]) -> list[dict[str, Any]]:
    """Return the rows of splits or dividends; raise FigureError where they are of something else."""
    if not isinstance(body, str) and "symbol" in body:
        check_symbol(body["symbol"], symbol)
    rows = rows_of(body, "data", columns)
    if any(columns[0] not in row for row in rows):
        raise FigureError("its rows are of something else")
    return rows
