"""The same chart as an SVG, for browsers without JavaScript and to keep: columns in, paths and labels out.

Shapes lie in a box of WIDTH x its height that is stretched to its place; labels stand at percents of the width, so that
their letters are not stretched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np

from webapp.analytics.series import Floats, Series, to_day
from webapp.charts.axes import Axis, axis_of, percent_text
from webapp.charts.content import Content
from webapp.charts.grouping import Grouped, grouped

WIDTH, PLOT = 1000, 930  # right of PLOT stand the names of the heights
PRICES, VOLUMES, PANE, GAP, FOOT = 300, 56, 84, 16, 22
STAGE_ROOM = 18
LABELS = 5
MINUTES_A_DAY = 1440
PARTS = {"pre": "Before hours", "post": "After hours"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A path and its class."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle behind the shapes; `name` is what its title says."""

    kind: str
    x: float
    y: int
    width: float
    height: int
    name: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text at `x` percent of the width."""

    text: str
    x: float
    y: float
    anchor: str = "start"
    kind: str = ""


@dataclass(slots=True)
class Picture:
    """All that is to be drawn. `span` says what each candle is."""

    height: int = 0
    span: str = "a day"
    boxes: list[Box] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def draw(content: Content) -> Picture:
    """Return the picture of a chart with at least one bar."""
    groups = grouped(content.series, minutes=content.choices.minutes)
    picture = Picture(span=groups.span)
    axis = _price_axis(content, groups)
    _draw_bands(picture, content, groups)
    _draw_heights(picture, axis)
    _draw_candles(picture, groups.series, axis)
    _draw_lines(picture, content, groups, axis)
    _draw_events(picture, content, groups)
    _draw_volumes(picture, groups.series, PRICES + GAP)
    picture.height = PRICES + GAP + VOLUMES
    if content.weeks is not None and content.benchmark:
        _draw_pane(picture, _by_week(content, groups, content.weeks.mansfield), "rs", "Mansfield RS", (0.0,))
    if "rsi" in content.lines:
        _draw_pane(picture, content.lines["rsi"][groups.last], "rsi", "RSI", (30.0, 70.0))
    _draw_times(picture, content, groups.series)
    return picture


def _price_axis(content: Content, groups: Grouped) -> Axis:
    """Return the axis of the prices; beside other stocks it counts percents since the first close shown."""
    series, others = groups.series, content.others
    start = float(content.series.close[0])
    lowest, highest = float(np.min(series.low)), float(np.max(series.high))
    if content.base is not None:
        lowest, highest = min(lowest, content.base.close), max(highest, content.base.close)
    parts = [each.close / each.close[0] for each in others if len(each.close)]
    lowest = min([lowest, *(float(part.min()) * start for part in parts)])
    highest = max([highest, *(float(part.max()) * start for part in parts)])
    top, bottom = STAGE_ROOM, PRICES
    return axis_of(lowest, highest, top, bottom, log=content.choices.scale == "log" and not others,
                   percent_of=start if others else None, decimals=content.places)


def _x(place: float, count: int) -> float:
    return (place + 0.5) / count * PLOT


def _draw_bands(picture: Picture, content: Content, groups: Grouped) -> None:
    """Put each stage, or part of the day, behind the prices, with its number where there is room for it."""
    count = len(groups.series)
    for band in content.bands:
        left = groups.place(band.first) / count * PLOT
        right = groups.place(band.last, after=True) / count * PLOT
        name = PARTS.get(band.name, f"Stage {band.name}")
        picture.boxes.append(Box(f"band-{band.name}", round(left, 1), 0, round(right - left, 1), PRICES, name))
        if right - left >= 20 and band.name.isdigit():
            picture.labels.append(Label(band.name, (left + right) / 2 / WIDTH * 100, 13, "middle", "stage"))


def _draw_heights(picture: Picture, axis: Axis) -> None:
    path = "".join(f"M0 {tick.y}H{WIDTH}" for tick in axis.ticks)
    picture.shapes.append(Shape("grid", path))
    picture.labels += [Label(tick.name, 100, tick.y - 4, "end") for tick in axis.ticks]


def _draw_candles(picture: Picture, series: Series, axis: Axis) -> None:
    """Draw what closed higher hollow and what closed lower filled: direction is not told by colour alone."""
    count = len(series)
    half = max(PLOT / count * 0.36, 0.4)
    up = series.close >= series.open
    columns = [axis.y(column).tolist() for column in (series.open, series.high, series.low, series.close)]
    for kind, wanted in (("up", True), ("down", False)):
        parts = []
        for place, rises in enumerate(up.tolist()):
            if rises is wanted:
                x = _x(place, count)
                opened, high, low, close = (column[place] for column in columns)
                top, bottom = min(opened, close), max(opened, close)
                parts.append(f"M{x:.1f} {high:.1f}V{top:.1f}M{x:.1f} {bottom:.1f}V{low:.1f}"
                             f"M{x - half:.1f} {top:.1f}h{2 * half:.1f}v{bottom - top:.1f}h{-2 * half:.1f}z")
        picture.shapes.append(Shape(f"candle-{kind}", "".join(parts)))


def _draw_lines(picture: Picture, content: Content, groups: Grouped, axis: Axis) -> None:
    """Draw the averages, the base and the other stocks."""
    for name, values in content.lines.items():
        if name != "rsi":
            picture.shapes.append(Shape(f"line-{name}", _line(axis.y(values[groups.last]))))
    if content.weeks is not None and "week30" in content.choices.extras:
        picture.shapes.append(Shape("line-week30", _line(axis.y(_by_week(content, groups, content.weeks.average)))))
    if content.base is not None:
        picture.shapes.append(Shape("base", f"M0 {float(axis.y(np.array([content.base.close]))[0]):.1f}H{PLOT}"))
    start = float(content.series.close[0])
    for number, other in enumerate(content.others, 1):
        if len(other.close):
            place = np.searchsorted(other.at, groups.series.at, "right") - 1
            values = np.where(place >= 0, other.close[np.maximum(place, 0)] / other.close[0] * start, np.nan)
            picture.shapes.append(Shape(f"line-other-{number}", _line(axis.y(values))))


def _by_week(content: Content, groups: Grouped, values: Floats) -> Floats:
    """Return weekly values by group: the newest of a week that ended in it."""
    assert content.weeks is not None  # noqa: S101 - asked for where there are weeks only
    found = np.full(len(groups.series), np.nan)
    found[np.searchsorted(groups.last, content.weeks.index)] = values
    return found


def _line(heights: Floats) -> str:
    """Return the path through all heights that are known."""
    count = len(heights)
    points = [f"{_x(place, count):.1f} {y:.1f}" for place, y in enumerate(heights.tolist()) if not isnan(y)]
    return f"M{'L'.join(points)}" if len(points) > 1 else ""


def _draw_events(picture: Picture, content: Content, groups: Grouped) -> None:
    """Mark splits and dividends at the foot of the prices; all are named in the table."""
    count = len(groups.series)
    for kind in ("dividend", "split"):
        places = sorted({groups.of(event.index) for event in content.events if event.kind == kind})
        marks = "".join(f"M{_x(place, count):.1f} {PRICES}v-8" for place in places)
        if marks:
            picture.shapes.append(Shape(kind, marks))
    for event in content.events:
        if event.kind == "split":
            picture.labels.append(Label(event.text, _x(groups.of(event.index), count) / WIDTH * 100, PRICES - 11,
                                        "middle", "split"))


def _draw_volumes(picture: Picture, series: Series, top: int) -> None:
    most = float(np.max(series.volume, initial=0))
    if most <= 0:
        return
    count, half = len(series), max(PLOT / len(series) * 0.36, 0.4)
    up = (series.close >= series.open).tolist()
    heights = (series.volume / most * VOLUMES).tolist()
    for kind, wanted in (("up", True), ("down", False)):
        bars = "".join(f"M{_x(place, count) - half:.1f} {top + VOLUMES}v{-height:.1f}h{2 * half:.1f}V{top + VOLUMES}z"
                       for place, height in enumerate(heights) if up[place] is wanted and height > 0)
        picture.shapes.append(Shape(f"volume-{kind}", bars))
    picture.labels.append(Label("Volume", 0.4, top + 11))


def _draw_pane(picture: Picture, values: Floats, kind: str, name: str, levels: Sequence[float]) -> None:
    """Add a pane below with one line and its marked levels."""
    top = picture.height + GAP
    picture.height = top + PANE
    picture.labels.append(Label(name, 0.4, top + 11))
    known = values[np.isfinite(values)]
    if not len(known):
        picture.labels.append(Label("not enough history", 50, top + PANE / 2, "middle"))
        return
    lowest, highest = min(float(known.min()), *levels), max(float(known.max()), *levels)
    axis = axis_of(lowest, highest, top, top + PANE, decimals=0)
    heights = axis.y(np.array(levels)).tolist()
    picture.shapes.append(Shape("level", "".join(f"M0 {y:.1f}H{PLOT}" for y in heights)))
    picture.labels += [Label(f"{level:g}", 100, y + 4, "end") for level, y in zip(levels, heights, strict=True)]
    picture.shapes.append(Shape(f"line-{kind}", _line(axis.y(values))))


def _draw_times(picture: Picture, content: Content, series: Series) -> None:
    """Name some times under the chart."""
    count = len(series)
    name = _namer(content, series)
    picture.height += FOOT
    shown = ""
    for part in range(LABELS):
        place = round((part + 0.5) / LABELS * count - 0.5)
        text = name(int(series.at[min(max(place, 0), count - 1)]))
        if text != shown:
            picture.labels.append(Label(text, _x(place, count) / WIDTH * 100, picture.height - 6, "middle"))
        shown = text


def _namer(content: Content, series: Series) -> Callable[[int], str]:
    """Return what writes a time as short as the range allows."""
    if content.choices.range == "1d":
        return lambda at: f"{at % MINUTES_A_DAY // 60}:{at % 60:02}"
    if content.choices.minutes:
        return lambda at: _short(to_day(at // MINUTES_A_DAY))
    days = int(series.at[-1] - series.at[0])
    if days < 200:
        return lambda at: _short(to_day(at))
    return (lambda at: f"{to_day(at):%b %Y}") if days < 3000 else (lambda at: str(to_day(at).year))


def _short(day: dt.date) -> str:
    return f"{day.day} {day:%b}"


def summary(content: Content) -> str:
    """Say in a sentence what the chart shows."""
    series, instrument, places = content.series, content.instrument, content.places
    low, high = float(np.min(np.fmin(series.low, series.close))), float(np.max(np.fmax(series.high, series.close)))
    first, last = float(series.close[0]), float(series.close[-1])
    return (f"{instrument.symbol}, {_period(content)}: from {first:,.{places}f} to {last:,.{places}f} "
            f"{instrument.currency} ({percent_text(content.change())}), between {low:,.{places}f} "
            f"and {high:,.{places}f}.")


def _period(content: Content) -> str:
    first, last = int(content.series.at[0]), int(content.series.at[-1])
    if content.choices.minutes:
        first, last = first // MINUTES_A_DAY, last // MINUTES_A_DAY
    days = [f"{_short(day)} {day.year}" for day in (to_day(first), to_day(last))]
    return (days[0] if first == last else f"{days[0]} to {days[1]}") + (", so far" if content.live else "")
