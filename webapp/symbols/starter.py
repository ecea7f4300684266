"""The starter list: the companies that everybody sees, kept in data/starter.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from sqlalchemy import or_, select

from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.records import currency_of, unit_of

# How many more places a price needs in the currency than in its hundredth.
MINOR_DECIMALS = 2
PATH = Path(__file__).resolve().parents[1] / "data" / "starter.csv"


def load_starter_list() -> int:
    """Put the file's companies into the table, and take the mark from those no longer in it; return how many are new.

    Nothing is deleted: a company that left the list stays on the lists of those who picked it.
    """
    lines = read_starter_list()
    # Only those it may touch: the directory beside them has thousands.
    wanted = or_(InstrumentRow.starter, InstrumentRow.symbol.in_({line["symbol"] for line in lines}))
    held = {(row.symbol, row.mic): row for row in db.session.scalars(select(InstrumentRow).where(wanted))}
    new = 0
    listed = set()
    for line in lines:
        key = (line["symbol"], line["mic"])
        listed.add(key)
        row = held.get(key)
        if row is None:
            row = InstrumentRow(symbol=line["symbol"], mic=line["mic"], kind="stock")
            db.session.add(row)
            new += 1
        row.name, row.country, row.sector, row.starter = line["name"], line["country"], line["sector"], True
        row.currency, row.unit = currency_of(line["unit"]), unit_of(line["unit"])
        row.decimals = int(line["decimals"]) + (MINOR_DECIMALS if row.unit else 0)
    for key, row in held.items():
        if row.starter and key not in listed:
            row.starter = False
    db.session.flush()
    return new


def read_starter_list() -> list[dict[str, str]]:
    """Return the rows of the file."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
