"""Bars that a person set right: how they stay so whatever their source sends later.

A repaired bar stands in the chunk like any other. The newest row of a day in `bar_repairs` says that it does, and what
the source had sent. When the source sends that day again, its bar is left out of what is written, and kept in the row
as the original where it differs. A repair back to the original is in force no longer: the day is the source's again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import select

from webapp.analytics.series import to_day, to_number
from webapp.bars.basis import Change
from webapp.bars.codec import COLUMNS, PRICES, SCALE, UNKNOWN, Bars
from webapp.extensions import db
from webapp.models import BarRepair
from webapp.records import Split

Values = Mapping[str, Decimal | int | None]
Repairs = dict[dt.date, BarRepair]


def in_force(series_ids: Collection[int]) -> dict[int, Repairs]:
    """Return the repairs of these series that hold, by series and day."""
    newest: dict[int, Repairs] = {}
    for row in db.session.scalars(select(BarRepair).where(BarRepair.series_id.in_(series_ids)).order_by(BarRepair.id)):
        newest.setdefault(row.series_id, {})[row.day] = row
    return {number: held for number, rows in newest.items()
            if (held := {day: row for day, row in rows.items() if row.repaired != row.original})}


def held_back(fresh: Bars, repairs: Repairs) -> Bars:
    """Return fresh bars with the repaired ones in their place; what the source says now is kept beside them."""
    keep = np.ones(len(fresh), np.bool_)
    columns = {name: getattr(fresh, name).copy() for name in COLUMNS}
    for place in np.flatnonzero(np.isin(fresh.at, [to_number(day) for day in repairs])).tolist():
        row = repairs[to_day(fresh.at[place])]
        sent = as_row(fresh, place)
        # What a source sends anew as a person has it is no reason to forget what was wrong with it.
        if sent not in (row.original, row.repaired):
            row.original = sent
        if row.repaired is None:
            keep[place] = False
        else:
            for name, value in zip(COLUMNS, counts_of(row.repaired), strict=True):
                columns[name][place] = value
    return Bars(fresh.at, *(columns[name] for name in COLUMNS)).take(keep)


def rescale(repairs: Repairs, change: Change, splits: Sequence[Split]) -> None:
    """Bring what the repairs of days say into other shares, as the bars of their series are."""
    for day, row in repairs.items():
        for name in ("original", "repaired"):
            values = getattr(row, name)
            if values is not None:
                bar = as_bars(day, values)
                setattr(row, name, as_row(change.apply(bar, bar.at, splits), 0))


def as_bars(day: dt.date, values: Mapping[str, Any]) -> Bars:
    """Return the bar that a row keeps."""
    return Bars(np.array([to_number(day)], np.int32), *(np.array([value], np.int64) for value in counts_of(values)))


def as_row(bars: Bars, place: int) -> dict[str, Any]:
    """Return a bar as a row keeps it: prices as text with their digits, the volume as a number, unknown as None."""
    def text(value: int) -> str | None:
        return None if value == UNKNOWN else f"{(Decimal(value) / SCALE).normalize():f}"

    volume = int(bars.volume[place])
    return {name: text(int(getattr(bars, name)[place])) for name in PRICES} | {
        "volume": None if volume == UNKNOWN else volume}


def counts_of(values: Mapping[str, Any]) -> list[int]:
    """Return a bar's figures as they are stored, in the order of COLUMNS."""
    prices = [UNKNOWN if values[name] is None else int((Decimal(values[name]) * SCALE).to_integral_value())
              for name in PRICES]
    return [*prices, UNKNOWN if values["volume"] is None else int(values["volume"])]
