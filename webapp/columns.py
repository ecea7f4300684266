"""The columns of a table of quotes: their names, which of them a person may hide, and the order by each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from webapp.records import LiveQuote

Key = Callable[[LiveQuote], Any]


def _of_quote(name: str) -> Key:
    return lambda live: getattr(live.quote, name, None)


def _range_place(live: LiveQuote) -> Any:
    """Return where in the day's range the price stands, from 0 (low) to 1 (high)."""
    quote = live.quote
    if quote is None or quote.low is None or quote.high is None or quote.high <= quote.low:
        return None
    return (quote.price - quote.low) / (quote.high - quote.low)


def _of_standing(name: str) -> Key:
    return lambda live: None if live.standing is None or live.standing.old else getattr(live.standing, name)


def _stage(live: LiveQuote) -> Any:
    """Return the stage, and the weeks in it: the newest of a stage stand together."""
    standing = live.standing
    return None if standing is None or standing.stage is None or standing.old else (standing.stage, -standing.weeks)


KEYS: dict[str, Key] = {
    "symbol": lambda live: (live.instrument.symbol, live.instrument.mic),
    "name": lambda live: live.instrument.name.casefold(),
    "price": _of_quote("price"),
    "change": lambda live: live.change,
    "percent": lambda live: live.change_percent,
    "stage": _stage,
    "rs": _of_standing("rs"),
    "previous_close": _of_quote("previous_close"),
    "open": _of_quote("open"),
    "range": _range_place,
    "volume": _of_quote("volume"),
    "as_of": _of_quote("as_of"),
}
OPTIONAL = {"change": "Change", "percent": "Change in %", "spark": "Path of the day",
            "stage": "Stage", "rs": "Relative strength", "previous_close": "Previous close", "open": "Open",
            "range": "Day range", "volume": "Volume", "as_of": "As of", "state": "State"}


def sort_quotes(rows: Sequence[LiveQuote], column: str, direction: str, now: dt.datetime) -> list[LiveQuote]:
    """Return the rows by one column, missing values last in both directions, ties as they came.

    A column that is none of ours leaves the rows as they came.
    """
    key: Key | None = (lambda live: live.state_at(now).value) if column == "state" else KEYS.get(column)
    if key is None:
        return list(rows)
    known = [row for row in rows if key(row) is not None]
    missing = [row for row in rows if key(row) is None]
    return sorted(known, key=key, reverse=direction == "desc") + missing


def read_columns(text: str) -> list[str]:
    """Return the columns that a list shows, from what Watchlist.columns keeps; none named means all."""
    return ["price", *(key for key in OPTIONAL if not text or key in text.split(","))]


def write_columns(chosen: Iterable[str]) -> str:
    """Return the text to keep for a choice of columns; the price is always shown."""
    shown = [key for key in OPTIONAL if key in set(chosen)]
    return "" if len(shown) == len(OPTIONAL) else ",".join(["price", *shown])
