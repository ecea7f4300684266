"""A vendor's answer as it is stored: in the instrument's currency, its columns as whole numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from webapp.analytics.series import to_number
from webapp.bars.codec import MOST_PRICE, PRICES, SCALE, UNKNOWN, Bars
from webapp.records import Adjustment, Dividend, History, Instrument, Split, currency_of, later_shares, parts_of


def bars_of(history: History, instrument: Instrument) -> Bars:
    """Return the bars of a history, in the currency; raise ValueError where the unit or a figure cannot be right."""
    scale = SCALE // _parts(history, instrument)
    columns = [[_count(getattr(bar, name), scale) for bar in history.bars] for name in PRICES]
    volumes = [UNKNOWN if bar.volume is None else bar.volume for bar in history.bars]
    at = np.array([to_number(bar.day) for bar in history.bars], np.int32)
    return Bars(at, *(np.array(column, np.int64) for column in (*columns, volumes)))


def events_of(history: History, instrument: Instrument) -> tuple[Sequence[Split], Sequence[Dividend]]:
    """Return the splits and dividends of a history, the latter in the currency and in the shares of their day.

    A vendor that divides its prices for splits divides its dividends too.
    """
    parts = _parts(history, instrument)
    dividends = [replace(dividend, amount=dividend.amount * (Decimal(1) / parts)) for dividend in history.dividends]
    if history.adjusted is not Adjustment.NONE:
        dividends = undivided(dividends, history.splits)
    return history.splits, dividends


def undivided(dividends: Iterable[Dividend], splits: Sequence[Split]) -> list[Dividend]:
    """Return dividends that were divided for the splits after them in the shares of their day."""
    return [replace(dividend, amount=dividend.amount * later_shares(splits, dividend.day)) for dividend in dividends]


def _parts(history: History, instrument: Instrument) -> int:
    """Return how many of the history's units make one of the currency: 100 for pence."""
    unit = history.unit or instrument.quoted_in
    if currency_of(unit) != instrument.currency:
        raise ValueError(f"prices in {unit}, not in {instrument.currency}")
    return parts_of(unit)


def _count(price: Decimal | None, scale: int) -> int:
    if price is None:
        return UNKNOWN
    if price > MOST_PRICE:
        raise ValueError(f"a price is above {MOST_PRICE}")
    return int((price * scale).to_integral_value())

