"""Bars as they are stored, for pages and files that show them: exact figures, nothing adjusted."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from sqlalchemy import func, select

from webapp.analytics.series import EMPTY, Days, to_day, to_number
from webapp.bars.codec import FORM, PRICES, SCALE, UNKNOWN, Bars, from_series, joined, unpack
from webapp.extensions import db
from webapp.models import BarChunk
from webapp.models.bars import DAY

NONE = from_series(EMPTY)


@dataclass(frozen=True, slots=True)
class ShownBar:
    """One bar with its exact figures; what was not given is None."""

    day: dt.date
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: int | None


def load_days(series_ids: Collection[int], first: int, last: int) -> dict[int, Days]:
    """Return the days with a bar in these years, ascending, of each of these series of days that has any."""
    # Only the beginning of a chunk is read: its days, which stand before the figures.
    prefix = func.substr(BarChunk.data, 1, len(FORM) + 4 * BarChunk.bars)
    query = (select(BarChunk.series_id, prefix)
             .where(BarChunk.series_id.in_(series_ids), BarChunk.start >= dt.date(first, 1, 1),
                    BarChunk.start <= dt.date(last, 1, 1))
             .order_by(BarChunk.series_id, BarChunk.start))
    found: dict[int, list[Days]] = defaultdict(list)
    for series_id, data in db.session.execute(query):
        found[series_id].append(np.frombuffer(data, "<i4", offset=len(FORM)))
    return {series_id: np.concatenate(parts) for series_id, parts in found.items()}


def load_minute_days(series_id: int) -> Days:
    """Return the days, ascending, of which a series of minutes has bars."""
    days = db.session.scalars(select(BarChunk.start).where(BarChunk.series_id == series_id).order_by(BarChunk.start))
    return np.array([to_number(day) for day in days], np.int32)


def load_bars(series_id: int, first: dt.date = dt.date.min, last: dt.date = dt.date.max) -> Bars:
    """Return the bars of a series of days from `first` to `last`."""
    bars = _load(series_id, first.replace(month=1, day=1), last)
    return bars.take((bars.at >= to_number(first)) & (bars.at <= to_number(last)))


def load_minutes(series_id: int, first: dt.date, last: dt.date) -> Bars:
    """Return the bars of a series of minutes whose day is in this span."""
    return _load(series_id, first, last)


def load_bar(series_id: int, day: dt.date) -> ShownBar | None:
    """Return the bar of one day, if there is one."""
    return next(shown(load_bars(series_id, day, day)), None)


def shown(bars: Bars) -> Iterator[ShownBar]:
    """Return each bar of a day, oldest first."""
    columns = (getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "volume"))
    for at, open_, high, low, close, volume in zip(bars.at.tolist(), *columns, strict=True):
        yield ShownBar(to_day(at), price(open_), price(high), price(low), price(close),
                       None if volume == UNKNOWN else volume)


def texts(bars: Bars, interval: str) -> list[dict[str, str | int | None]]:
    """Return each bar, oldest first, as figures in text: its date, or its minute in UTC as 2021-01-08T14:31Z."""
    dates = np.datetime_as_string(bars.at.astype(f"datetime64[{'D' if interval == DAY else 'm'}]"),
                                  timezone="naive" if interval == DAY else "UTC").tolist()
    prices = ([_text(figure) for figure in getattr(bars, name).tolist()] for name in PRICES)
    volumes = [None if volume == UNKNOWN else volume for volume in bars.volume.tolist()]
    names = ("date", *PRICES, "volume")
    return [dict(zip(names, row, strict=True)) for row in zip(dates, *prices, volumes, strict=True)]


def price(stored: int) -> Decimal | None:
    """Return a price as it was sent."""
    return None if stored == UNKNOWN else trimmed(Decimal(stored) / SCALE)


def trimmed(figure: Decimal) -> Decimal:
    """Return a figure without the zeros at its end."""
    figure = figure.normalize()
    return figure.quantize(Decimal(1)) if figure == figure.to_integral_value() else figure


def _text(stored: int) -> str | None:
    """Write a price as it was sent; Decimal would take ten times as long for the sixty years of a file."""
    if stored == UNKNOWN:
        return None
    sign, (whole, part) = "-" if stored < 0 else "", divmod(abs(stored), SCALE)
    return f"{sign}{whole}.{part:08}".rstrip("0").rstrip(".")


def _load(series_id: int, first: dt.date, last: dt.date) -> Bars:
    query = (select(BarChunk.data).where(BarChunk.series_id == series_id, BarChunk.start >= first,
                                         BarChunk.start <= last).order_by(BarChunk.start))
    return joined([NONE, *(unpack(data) for data in db.session.scalars(query))])
