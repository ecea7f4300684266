"""A trade as a socket brings it, read strictly, and what it may change by its conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from worker.providers.figures import FigureError, parse_instant, parse_price

MICRO = 1_000_000
# No price has more; the database's ticks would not be able to hold it.
DEAREST = Decimal(10_000_000)
# A time in milliseconds has so many digits until the year 2286.
MILLI_DIGITS = 13
SECOND_LENGTH = len("2026-03-11T15:00:00")


class Effect(IntEnum):
    """What a trade may change; of several conditions the least counts."""

    NONE = 0
    RANGE = 1
    EXTENDED = 2
    ALL = 3


class Trade(NamedTuple):
    """One trade: `at` in microseconds since 1970; `mark` tells it from others of the same moment.

    `effect`: ALL is the newest price and widens the day's range, RANGE widens it only (reported late or out of order),
    EXTENDED counts outside the regular session only.
    """

    symbol: str
    price: Decimal
    at: int
    mark: str
    effect: Effect


def load(text: str | bytes) -> Any:
    """Return what the JSON says, with its numbers as text; NaN and Infinity are None. None where it is no JSON."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=_nothing)
    except (ValueError, RecursionError):
        return None


def _nothing(_word: str) -> None:
    return None


def read_price(value: object) -> Decimal:
    """Return a positive price; raise FigureError."""
    price = parse_price(value, "the price")
    if price is None or price >= DEAREST:
        raise FigureError("the price is missing or none")
    return price


def read_millis(value: object) -> int:
    """Return a count of milliseconds in microseconds; raise FigureError."""
    if not isinstance(value, str) or len(value) != MILLI_DIGITS or not (value.isascii() and value.isdigit()):
        raise FigureError("the time is no count of milliseconds")
    return int(value) * 1000


def read_instant(value: object) -> int:
    """Return a time as 2026-03-11T15:00:00.123456789Z in microseconds; raise FigureError."""
    if not isinstance(value, str):
        raise FigureError("the time is missing")
    fraction = value[SECOND_LENGTH:-1]
    if value[-1:] == "Z" and fraction[:1] in {"", "."} and fraction.isascii() and (fraction[1:] or "0").isdigit():
        return _second(value[:SECOND_LENGTH]) + int(f"{fraction[1:]:0<6}"[:6])
    moment = parse_instant(value, "the time")
    if moment is None:
        raise FigureError("the time is missing")
    return round(moment.timestamp() * MICRO)


@lru_cache(maxsize=64)
def _second(text: str) -> int:
    """Return a whole second in microseconds; many trades share one."""
    moment = parse_instant(f"{text}Z", "the time")
    if moment is None:
        raise FigureError("the time is missing")
    return int(moment.timestamp()) * MICRO


def effect_of(conditions: object, effects: Mapping[str, Effect]) -> Effect:
    """Return the least effect of a trade's conditions; one that is not known changes nothing about it."""
    if not isinstance(conditions, list):
        return Effect.ALL
    return min((effects.get(str(code), Effect.ALL) for code in conditions), default=Effect.ALL)


def effects(**codes: str) -> dict[str, Effect]:
    """Return a table of effects by condition, of words such as none="C H" and range="Z"."""
    return {code: Effect[name.upper()] for name, listed in codes.items() for code in listed.split()}
