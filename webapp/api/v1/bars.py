"""Past prices: days, weeks, months and minutes, as one series of all sources, whoever sent them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from flask import Response
from pydantic import Field

from webapp.api import answers, figures, past
from webapp.api.callers import public
from webapp.api.past import WORDS, Adjusted, Loaded
from webapp.api.ranges import RangeQuery
from webapp.api.schemas import Amount, Day, Key, Moment, Out
from webapp.api.stocks import find_stock
from webapp.api.surface import blueprint
from webapp.bars.lengths import MINUTES, PARTS
from webapp.charts.choices import ADJUSTMENTS
from webapp.charts.content import Places
from webapp.records import Instrument
from webapp.rows import Value

bp = blueprint("bars", "Past prices")


class BarOut(Out):
    """A bar. A week bears its Friday, a month its last day; `time` is when a bar of minutes began."""

    day: Day
    time: Moment | None
    session: str | None = Field(description="The part of the day that minutes are of: pre, regular or post.")
    open: Amount | None
    high: Amount | None
    low: Amount | None
    close: Amount
    volume: int | None


class BarsOut(Out):
    """A page of bars."""

    key: Key
    currency: str = Field(description="What all prices are in.", examples=["USD"])
    interval: str = Field(examples=["1d"])
    adjusted: str = Field(description="What the prices are adjusted for indeed: minutes for splits whatever is asked "
                                      "for, and what a source had adjusted for dividends stays so.")
    sources: list[str] = Field(description="Whose prices were joined.", examples=[["tiingo"]])
    simulated: bool = Field(description="Whether they are made up.")
    incomplete: Day | Moment | None = Field(description="The `day`, or `time`, of the last bar where it is not over.")
    items: list[BarOut]
    next: str | None


class BarsQuery(RangeQuery):
    """Which bars."""

    interval: Literal["1d", "1w", "1M", "1m", "5m", "15m", "30m", "1h"] = Field(
        "1d", description="How long each bar is. Minutes are kept for some weeks only, and are counted from the "
                          "opening.")
    adjusted: Adjusted = Field("splits", description="What prices are adjusted for: splits, dividends (and splits), "
                                                     "or none: as they were traded.")


@bp.get("/instruments/<stock>/bars")
@bp.get("/instruments/<stock>/bars.csv")
@public
@bp.input(BarsQuery, location="query")
@bp.output(BarsOut)
def bars(stock: str, query_data: BarsQuery) -> Response:
    """Get past prices of a stock.

    A day that is not over is no history: its price is the quote. The running week and the running month are there,
    made of their days so far; `incomplete` names them.
    """
    found, asked = find_stock(stock), query_data
    if asked.interval in MINUTES:
        loaded = past.load_minutes(found, asked.interval, asked)
    else:
        loaded = past.load_days(found, asked.interval, ADJUSTMENTS[asked.adjusted], *asked.days(found.mic))
    index, after = past.page_of(loaded.series.at, asked)
    columns = columns_of(loaded, index, found.decimals)
    head = head_of(found, asked.interval, loaded)
    if answers.wants_csv():
        same = {"key": found.key, "currency": found.currency, "adjusted": WORDS[loaded.adjusted],
                "sources": " ".join(loaded.sources)}
        columns |= {name: [text] * len(index) for name, text in same.items()}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return answers.answer_page(rows, after, columns=tuple(columns), **head)


def columns_of(loaded: Loaded, index: Places, least: int) -> dict[str, Sequence[Value]]:
    """Return the bars at these indexes as columns, prices with all decimals that the whole series has."""
    series, decimals = loaded.series, figures.decimals_in(loaded.series, least)
    minutes = loaded.day is not series.at
    unknown: list[Value] = [None] * len(index)
    return {
        "day": figures.days(loaded.day[index]), "time": figures.moments(series.at[index]) if minutes else unknown,
        "session": [PARTS[part] for part in loaded.part[index].tolist()] if minutes else unknown,
        **{name: figures.exact(getattr(series, name)[index], decimals) for name in figures.PRICES},
        "volume": figures.counts(series.volume[index])}


def head_of(stock: Instrument, interval: str, loaded: Loaded) -> dict[str, object]:
    """Return what an answer says of all its bars."""
    last = past.unfinished(stock, interval, loaded)
    names = np.array([] if last is None else [last], np.int32)
    texts = figures.moments(names) if interval in MINUTES else figures.days(names)
    return {"key": stock.key, "currency": stock.currency, "interval": interval, "adjusted": WORDS[loaded.adjusted],
            "sources": list(loaded.sources), "simulated": loaded.simulated, "incomplete": texts[0] if texts else None}
