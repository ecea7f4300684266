"""Splits and dividends with who tells of them, for whoever wants to know."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from webapp.bars.events import load_dividends, load_splits
from webapp.bars.sources import ranks
from webapp.extensions import db
from webapp.models import DividendRow, SplitRow


@dataclass(frozen=True, slots=True)
class Told:
    """A split, `figure` being its ratio, or a dividend and its amount in that day's shares; by whom it is known."""

    day: dt.date
    kind: str
    figure: Decimal
    source: str


def load_told(instrument_id: int) -> list[Told]:
    """Return the splits, those to come among them, and dividends of an instrument that are believed, oldest first."""
    splits = select(SplitRow.day, SplitRow.source).where(SplitRow.instrument_id == instrument_id)
    by_day = {row.day: row.source for row in db.session.execute(splits)}
    dividends = select(DividendRow.day, DividendRow.amount, DividendRow.source).where(
        DividendRow.instrument_id == instrument_id)
    said = db.session.execute(dividends).all()
    order = ranks({source for _day, _amount, source in said})
    # The best source comes last, and stays.
    by_amount = {(day, amount): source for day, amount, source in sorted(said, key=lambda row: -order[row[2]])}
    found = [Told(each.day, "split", each.ratio, by_day[each.day])
             for each in load_splits([instrument_id]).get(instrument_id, ())]
    found += [Told(each.day, "dividend", each.amount, by_amount[each.day, each.amount])
              for each in load_dividends([instrument_id]).get(instrument_id, ())]
    return sorted(found, key=lambda each: (each.day, each.kind))
