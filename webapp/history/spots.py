"""One bar that an admin may set right: what it is, what its source sent, and what was done to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from webapp.bars import findings
from webapp.bars.repairs import Values
from webapp.extensions import db
from webapp.history.faults import find_series
from webapp.history.stored import ShownBar, load_bar
from webapp.models import BarFinding, BarRepair, BarSeries
from webapp.records import Instrument

FIRST_DAY = dt.date(1800, 1, 1)


@dataclass(frozen=True, slots=True)
class Done:
    """A repair: what the source had sent by then, and what was put in its place."""

    at: dt.datetime
    by: str
    original: ShownBar | None
    repaired: ShownBar | None

    @property
    def undone(self) -> bool:
        """Tell whether it brought back what the source had sent."""
        return self.original == self.repaired


@dataclass(frozen=True, slots=True)
class Spot:
    """A day of a series, with its bar (None is none) and its repairs, the newest first.

    `finding_id` is the finding that led here, None where none did.
    """

    series: BarSeries
    instrument: Instrument
    day: dt.date
    bar: ShownBar | None
    repairs: Sequence[Done]
    finding_id: int | None

    @property
    def path(self) -> str:
        """Return the address of its page."""
        asked = f"?finding={self.finding_id}" if self.finding_id else ""
        return f"/history/bars/{self.series.id}/{self.day}{asked}"

    @property
    def repaired(self) -> bool:
        """Tell whether the bar is a person's and not its source's."""
        return bool(self.repairs) and not self.repairs[0].undone

    @property
    def original(self) -> ShownBar | None:
        """Return what the source sent; only where it is repaired."""
        return self.repairs[0].original


def find_spot(series_id: int, day: dt.date, finding_id: int | None) -> Spot | None:
    """Return a day of a series of days, if there is such a series; a finding of another series is forgotten."""
    found = find_series(series_id)
    if found is None:
        return None
    if finding_id is not None:
        finding_id = db.session.scalar(select(BarFinding.id).where(BarFinding.id == finding_id,
                                                                   BarFinding.series_id == series_id))
    rows = db.session.scalars(select(BarRepair).where(BarRepair.series_id == series_id, BarRepair.day == day)
                              .order_by(BarRepair.id.desc()))
    done = [Done(row.repaired_at, row.repaired_by, read(day, row.original), read(day, row.repaired)) for row in rows]
    return Spot(*found, day, load_bar(series_id, day), done, finding_id)


def hold(spot: Spot) -> Spot:
    """Return the spot as it is now; until the caller commits nobody else writes its series."""
    number = spot.series.id
    db.session.execute(update(BarSeries).where(BarSeries.id == number).values(fetched_at=BarSeries.fetched_at))
    db.session.expire_all()
    return find_spot(number, spot.day, spot.finding_id) or spot


def repair(spot: Spot, wanted: ShownBar | None, by: str, now: dt.datetime) -> None:
    """Put `wanted` in the place of the bar; the caller commits. Raise ValueError, in words, where that cannot be."""
    findings.repair(spot.series.id, spot.day, _values(wanted), by, now, finding_id=spot.finding_id)


def read(day: dt.date, kept: Mapping[str, Any] | None) -> ShownBar | None:
    """Read a bar as a repair keeps it."""
    if kept is None:
        return None
    prices = {name: None if kept[name] is None else Decimal(kept[name]) for name in ("open", "high", "low", "close")}
    return ShownBar(day, **prices, volume=kept["volume"])


def _values(bar: ShownBar | None) -> Values | None:
    if bar is None:
        return None
    return {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close, "volume": bar.volume}
