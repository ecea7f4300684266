"""Past days, weeks, splits and dividends of Alpaca: how its bars and its corporate actions are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from webapp.records import Bar, Dividend, Split
from worker.providers.figures import FigureError, parse_day, parse_instant
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

EASTERN = ZoneInfo("America/New_York")
# Its prices begin with this day.
BEGINNING = dt.date(2016, 1, 1)
# The prices of all exchanges are free once they are 15 minutes old; a minute more is for clocks that differ.
HELD_BACK = dt.timedelta(minutes=16)


def read_rows(body: Any, symbol: str) -> list[dict[str, Any]]:
    """Return the rows of the symbol, none where there are none; raise FigureError where all are another's.

    The address for one symbol has its rows without a name around them, and says the symbol beside them.
    """
    fields = as_object(body)
    if "bars" not in fields:
        raise FigureError("there are no bars in it")
    bars = fields["bars"]
    if isinstance(bars, list):
        bars = {str(fields.get("symbol")): bars}
    found = as_object(bars or {}, "the bars")
    if found and symbol not in found:
        raise FigureError("it is for another symbol")
    return [as_object(row, "a bar") for row in as_list(found.get(symbol) or [], "the bars")]


def read_bars(rows: Iterable[dict[str, Any]]) -> list[Bar]:
    """Return the bars of rows, each of the day that its stamp begins; raise FigureError where no row has a price."""
    rows = list(rows)
    bars = [make_bar(_day(row), *(row.get(key) for key in ("o", "h", "l", "c", "v"))) for row in rows]
    found = [bar for bar in bars if bar is not None]
    if rows and not found:
        raise FigureError("its bars have no prices")
    return found


def _day(row: dict[str, Any]) -> dt.date:
    """Return the day of a bar, which is stamped with the midnight in New York that it begins with."""
    start = parse_instant(row.get("t"), "a bar's day")
    local = start.astimezone(EASTERN) if start else None
    if local is None or local.time() != dt.time():
        raise FigureError("a bar is not of a day")
    return local.date()


def read_splits(body: Any, symbol: str) -> list[Split]:
    """Return the splits of the symbol, oldest first; a reverse one gives fewer shares for more."""
    rows = _actions(body, symbol, "forward_splits", "reverse_splits")
    return known_splits(make_split(_ex_date(row), row.get("new_rate"), row.get("old_rate"))
                        for row in rows if _ex_date(row))


def read_dividends(body: Any, symbol: str) -> list[Dividend]:
    """Return the dividends in cash of the symbol, oldest first, special ones among them."""
    return known_dividends(make_dividend(_ex_date(row), row.get("rate"))
                           for row in _actions(body, symbol, "cash_dividends"))


def _actions(body: Any, symbol: str, *kinds: str) -> list[dict[str, Any]]:
    """Return what happened to the symbol, by its kinds; a kind of which there is nothing is missing in the answer."""
    fields = as_object(body)
    if "corporate_actions" not in fields:
        raise FigureError("there are no corporate actions in it")
    actions = as_object(fields["corporate_actions"] or {}, "the corporate actions")
    rows = [as_object(row, "an action") for kind in kinds for row in as_list(actions.get(kind) or [], "the actions")]
    return [row for row in rows if row.get("symbol") == symbol]


def _ex_date(row: dict[str, Any]) -> dt.date | None:
    """Return the first day without; the day that Alpaca books it on may be another. Not known yet, it is None."""
    return parse_day(row.get("ex_date"), "the ex-date")
