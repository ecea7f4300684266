"""The burn-down chart of a limit: points in, SVG coordinates and words out.

Lines are drawn in a square of 1000 x 100 that is stretched to its place; names of times stand at percents of its width.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.analytics.intervals import RESERVE
from webapp.sources import words
from webapp.sources.usage import HOUR, BurnDown, Point

WIDTH, HEIGHT = 1000, 100
TICK_HOURS = 6
# Names of times keep this far from each other and from the edges, in percent.
APART = 12


@dataclass(frozen=True, slots=True)
class Tick:
    """The name of a time at `place` percent of the width."""

    place: int
    name: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Hour:
    """One row of the table that says the same: from when, the least that was left, and whether that is only planned."""

    name: str
    left: str
    planned: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws. `name` says it in a sentence, `reserve` is the height where the reserve begins."""

    name: str
    past: str
    planned: str
    now: int
    reserve: int
    ticks: tuple[Tick, ...]
    hours: tuple[Hour, ...]
    limit: int
    unit: str


def draw(burn: BurnDown, title: str, now: dt.datetime) -> Chart:
    """Return the chart of a provider's limit."""
    limit, start = burn.window.limit, burn.past[0].at
    end = max(burn.planned[-1].at, now + HOUR)
    width = (end - start).total_seconds()

    def across(at: dt.datetime) -> int:
        return round((at - start).total_seconds() / width * WIDTH)

    def down(left: float) -> int:
        return round((1 - left / limit) * HEIGHT)

    # In the past a figure holds until the next one; what is planned goes evenly.
    steps = [(across(point.at), down(point.left)) for point in (*burn.past, Point(now, burn.past[-1].left))]
    line = [(across(point.at), down(point.left)) for point in burn.planned]
    return Chart(_name(burn, title, now), _path(_stairs(steps)), _path(line), across(now), down(limit * RESERVE),
                 _ticks(start, now, end), tuple(_hours(burn, now)), limit, burn.window.unit)


def _name(burn: BurnDown, title: str, now: dt.datetime) -> str:
    """Say what the chart shows."""
    window, least = burn.window, min(burn.past, key=lambda point: point.left)
    last = burn.planned[-1]
    said = (f"{title}, calls left of {window.limit:,} a {window.unit}: {window.left:,} now, at least "
            f"{words.count(least.left)} in the last 24 hours")
    return f"{said}; planned to be {words.count(last.left)} at {words.moment(last.at, now)}."


def _stairs(points: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Hold each height until the next place, and leave out what lies on a level."""
    height = None
    x = 0
    for x, y in points:
        if height is None:
            yield x, y
        elif y != height:
            yield x, height
            yield x, y
        height = y
    if height is not None:
        yield x, height


def _path(points: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _ticks(start: dt.datetime, now: dt.datetime, end: dt.datetime) -> tuple[Tick, ...]:
    """Name now, and the times in between that have room."""
    def percent(at: dt.datetime) -> int:
        return round((at - start) / (end - start) * 100)

    here = percent(now)
    found = [Tick(here, "now", "middle" if here < 100 - APART else "end")]
    first = start.replace(minute=0, second=0, microsecond=0)
    hours = (first + count * HOUR for count in range(1, int((end - first) / HOUR) + 1))
    for at in hours:
        place = percent(at)
        if at.hour % TICK_HOURS == 0 and abs(place - here) >= APART and APART / 3 <= place <= 100 - APART / 3:
            found.append(Tick(place, f"{at:%H:%M}"))
    return tuple(found)


def _hours(burn: BurnDown, now: dt.datetime) -> Iterable[Hour]:
    """Return the least that was or will be left in each hour."""
    for points, planned in ((burn.past, False), (burn.planned, True)):
        for at, left in _least_by_hour(points):
            day = "" if at.date() == now.date() else f"{at.day} {at:%b}, "
            yield Hour(f"{day}{at:%H:%M}", words.count(left), planned)


def _least_by_hour(points: Sequence[Point]) -> list[tuple[dt.datetime, float]]:
    least: dict[dt.datetime, float] = {}
    for point in points:
        hour = point.at.replace(minute=0, second=0, microsecond=0)
        least[hour] = min(point.left, least.get(hour, point.left))
    return list(least.items())
