"""A whole screen as rows of an export: the page's figures, each with the day, the week or the moment it is of."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence

from webapp import clock
from webapp.export import FIELDS, Row, export_row
from webapp.extensions import db
from webapp.filters import iso_time
from webapp.screener.queries import ids_in
from webapp.screener.rows import ScreenRow, figure, load_rows

CHUNK = 100
# What comes behind the fields that every export has; docs/screener.md says what they are.
OWN_FIELDS = (
    "kind", "sector", "week", "week_close", "close", "close_day", "previous_stage", "average", "slope", "from_average",
    "mansfield", "benchmark", "strength", "high_52", "low_52", "from_high", "relative_volume", "week_volume",
    "template_met", "template", "breakout", "base_high", "breakout_close", "breakout_volume", "breakout_above",
    "breakout_average", "breakout_doubled", "history_source", "inputs_at", "computed_at")
ALL_FIELDS = FIELDS + OWN_FIELDS
_FIGURES = ("close", "average", "slope", "from_average", "mansfield", "strength", "high_52", "low_52", "from_high",
            "relative_volume", "week_volume", "base_high")


def export_rows(ids: Sequence[int]) -> Iterator[Row]:
    """Return the rows of these stocks, in their order; the streams are served between two pieces of them."""
    now = clock.now()
    for chunk in ids_in(CHUNK, ids):
        for row in load_rows(chunk):
            yield export_row(row.live, now) | _own(row)
        db.session.expunge_all()
        time.sleep(0)


def _own(row: ScreenRow) -> Row:
    kept = row.kept
    own: Row = {name: _text(getattr(kept, name)) for name in _FIGURES}
    met = dict(zip(("breakout_above", "breakout_average", "breakout_doubled"),
                   (_yes(sign) for _, sign in row.signs), strict=False))
    return own | {
        "kind": row.live.instrument.kind, "sector": row.sector or None, "week": _day(kept.week),
        "week_close": _text(row.at_week.close if row.at_week else None), "close_day": _day(kept.day),
        "previous_stage": kept.previous_stage, "benchmark": kept.benchmark or None,
        "template_met": row.met,
        "template": None if kept.template is None else "".join("01"[sign] for _, sign in row.conditions),
        "breakout": _day(kept.breakout), "breakout_close": _text(row.at_breakout.close if row.at_breakout else None),
        "breakout_volume": _text(row.at_breakout.week_volume if row.at_breakout else None),
        "breakout_above": None, "breakout_average": None, "breakout_doubled": None, **met,
        "history_source": kept.source or None, "inputs_at": iso_time(kept.inputs_at),
        "computed_at": iso_time(kept.computed_at)}


def _text(value: float | None) -> str | None:
    found = figure(value)
    return None if found is None else format(found, "f")


def _yes(met: bool) -> str:
    return "yes" if met else "no"


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
