"""A chart as a table: for those who cannot see it, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isnan

import numpy as np

from webapp.analytics.series import Floats, to_day
from webapp.charts.choices import EXTRAS
from webapp.charts.compact import PERCENT_DECIMALS, line_decimals
from webapp.charts.content import Content, decimals_of
from webapp.export import Value
from webapp.filters import day_date, money, signed, whole

PAGE = 60
MINUTES_A_DAY = 1440
UNKNOWN = "—"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of each bar. `name` is for CSV, `title` for the page; `places` and `signed` are how it is shown."""

    name: str
    title: str
    values: Floats
    decimals: int
    places: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A page of the table, newest first: titles, rows of texts, and the pages before and after, None where none is."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    newer: int | None
    older: int | None
    count: int


def make_table(content: Content) -> Table:
    """Return the page of the table that is chosen, the last one where there are not so many."""
    count = len(content.series)
    page = min(content.choices.page, max(1, -(-count // PAGE)))
    stop = count - (page - 1) * PAGE
    columns = _columns(content)
    shown = [_texts(column, max(0, stop - PAGE), stop) for column in columns]
    volume = content.series.volume
    titles = ("Time" if content.choices.minutes else "Day", *(column.title for column in columns), "Volume",
              *([] if content.choices.minutes else ["Stage", "Split or dividend"]))
    rows = []
    for row, index in enumerate(range(stop - 1, max(0, stop - PAGE) - 1, -1)):
        texts = (_when(content, index), *(texts[-1 - row] for texts in shown), _count(volume[index]))
        rows.append(texts if content.choices.minutes else (*texts, str(content.stage[index] or UNKNOWN),
                                                           _events(content, index)))
    return Table(titles, tuple(rows), page - 1 if page > 1 else None, page + 1 if stop > PAGE else None, count)


def csv_columns(content: Content) -> dict[str, Sequence[Value]]:
    """Return all columns by their names, oldest bar first, every figure with all the decimals it has here."""
    count = len(content.series)
    found: dict[str, Sequence[Value]] = {"time" if content.choices.minutes else "day": _times(content)}
    found |= {column.name: _exact(column) for column in _columns(content)}
    found["volume"] = [None if isnan(volume) else int(volume) for volume in content.series.volume.tolist()]
    found["stage"] = [stage or None for stage in content.stage.tolist()]
    for kind in ("split", "dividend"):
        texts = {each.index: each.text for each in content.events if each.kind == kind}
        found[kind] = [texts.get(index) for index in range(count)]
    same = {"symbol": content.instrument.symbol, "mic": content.instrument.mic,
            "currency": content.instrument.currency, "adjusted": content.adjusted.value,
            "sources": " ".join(content.sources)}
    return found | {name: [text] * count for name, text in same.items()}


def _columns(content: Content) -> list[Column]:
    """Return the figures of each bar, prices first; those of a week stand at its last bar."""
    series, decimals, places = content.series, content.decimals, content.places
    found = [Column(name, name.capitalize(), getattr(series, name), decimals, places)
             for name in ("open", "high", "low", "close")]
    found += [Column(name, EXTRAS[name], values, line_decimals(content, name), 1 if name == "rsi" else places)
              for name, values in content.lines.items()]
    if content.weeks is not None:
        weekly = (("week30", content.weeks.average, decimals, places),
                  ("rs", content.weeks.mansfield, PERCENT_DECIMALS, 2))
        for name, values, exact, seen in weekly:
            if name in content.choices.extras:
                spread = np.full(len(series), np.nan)
                spread[content.weeks.index] = values
                found.append(Column(name, EXTRAS[name], spread, exact, seen, name == "rs"))
    for other in content.others:
        own = decimals_of(other.close, other.instrument.decimals)
        spread = np.full(len(series), np.nan)
        both, here, there = np.intersect1d(series.at, other.at, return_indices=True)
        if len(both):
            spread[here] = other.close[there]
        found.append(Column(other.instrument.key, f"{other.instrument.symbol} close", spread, own,
                            min(own, other.instrument.decimals)))
    return found


def _texts(column: Column, start: int, stop: int) -> list[str]:
    """Return how the page shows a part of a column."""
    write = signed if column.signed else money
    return [write(value, column.places) for value in _decimals(column, column.values[start:stop])]


def _decimals(column: Column, values: Floats) -> list[Decimal | None]:
    """Return numbers as the chart's JSON carries them: rounded once, to the column's decimals."""
    whole_ones = np.rint(values * 10**column.decimals).tolist()
    return [None if isnan(value) else Decimal(int(value)).scaleb(-column.decimals) for value in whole_ones]


def _exact(column: Column) -> list[str | None]:
    """Return the same numbers as plain text."""
    rounded = np.rint(column.values * 10**column.decimals) / 10**column.decimals + 0.0  # no -0.00
    form = f"%.{column.decimals}f"
    return [None if isnan(value) else form % value for value in rounded.tolist()]


def _count(value: float) -> str:
    return UNKNOWN if isnan(value) else whole(int(value))


def _when(content: Content, index: int) -> str:
    at = int(content.series.at[index])
    if not content.choices.minutes:
        return f"{day_date(to_day(at))}{', so far' if content.live and index == len(content.series) - 1 else ''}"
    minute = at % MINUTES_A_DAY
    return f"{day_date(to_day(at // MINUTES_A_DAY))}, {minute // 60}:{minute % 60:02}"


def _times(content: Content) -> list[str]:
    """Return each bar's day, or its minute with the time zone, as ISO 8601."""
    at = content.series.at
    unit = "datetime64[D]" if content.utc is None else "datetime64[m]"
    texts: list[str] = np.datetime_as_string(at.astype(unit)).tolist()
    if content.utc is None:
        return texts
    shifts = (at - content.utc).tolist()
    zones = {shift: f"{'-' if shift < 0 else '+'}{abs(shift) // 60:02}:{abs(shift) % 60:02}" for shift in set(shifts)}
    return [text + zones[shift] for text, shift in zip(texts, shifts, strict=True)]


def _events(content: Content, index: int) -> str:
    words = [f"{event.text} split" if event.kind == "split" else f"dividend {event.text}"
             for event in content.events if event.index == index]
    return ", ".join(words) or UNKNOWN
