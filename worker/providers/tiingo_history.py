"""Past days, splits, dividends and companies of Tiingo: how its daily rows are read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from webapp.records import Bar, Company, Dividend, Instrument, Split
from worker.providers.directories import text_of
from worker.providers.figures import FigureError, parse_day
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

# Without a first day Tiingo gives the newest row alone; it has nothing from before this one.
BEGINNING = dt.date(1960, 1, 1)
# Fifty years of rows are about 2.5 MB.
MOST = 8 * 1024 * 1024
BAR = "open,high,low,close,volume,adjClose"
EVENTS = "divCash,splitFactor"
# A row is stamped with the midnight in UTC that its day begins with. Any other hour is that of a bar within a day.
STAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T00:00:00(?:\.0+)?(?:Z|\+00:00))?")


def read_rows(body: Any) -> list[dict[str, Any]]:
    """Return the rows of an answer; raise FigureError where it has any that are none."""
    return [as_object(row, "a row") for row in as_list(body)]


def read_bars(rows: Iterable[dict[str, Any]]) -> list[Bar]:
    """Return the bars of rows with prices as they were traded; raise FigureError where no row has one."""
    rows = list(rows)
    bars = [make_bar(read_day(row), row.get("open"), row.get("high"), row.get("low"), row.get("close"),
                     row.get("volume"), row.get("adjClose")) for row in rows]
    found = [bar for bar in bars if bar is not None]
    if rows and not found:
        raise FigureError("its rows have no prices")
    return found


def read_splits(rows: Iterable[dict[str, Any]]) -> list[Split]:
    """Return the splits of daily rows, oldest first: a factor of 4 on the day from which one share is four."""
    return known_splits(make_split(read_day(row), row.get("splitFactor")) for row in rows)


def read_dividends(rows: Iterable[dict[str, Any]]) -> list[Dividend]:
    """Return the dividends of daily rows, oldest first: what is paid for a share, on its ex-date."""
    return known_dividends(make_dividend(read_day(row), row.get("divCash")) for row in rows)


def with_column(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the rows; raise FigureError where one has not the column, without which "none" would be a guess."""
    if any(name not in row for row in rows):
        raise FigureError("a row has not what was asked for")
    return rows


def read_day(row: dict[str, Any]) -> dt.date:
    """Return the session that a row is of."""
    text = row.get("date")
    found = STAMP.fullmatch(text) if isinstance(text, str) else None
    day = parse_day(found[1], "a row's day") if found else None
    if day is None:
        raise FigureError("a row is not of a day")
    return day


def read_company(body: Any, symbol: str, instrument: Instrument, source: str) -> Company:
    """Return the record of a stock's own page, which has a name and a description and no figures."""
    fields = as_object(body)
    if str(fields.get("ticker") or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
    return Company(instrument.id, source, name=text_of(fields.get("name")),
                   description=text_of(fields.get("description"), 5000))
