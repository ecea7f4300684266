"""Indicators of past prices."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from flask import Response
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from webapp.analytics.series import Series
from webapp.api import answers, figures, past
from webapp.api.callers import public
from webapp.api.indicator_lines import MOST_NAMES, NAME, PATTERN, Line, find_lines
from webapp.api.past import WORDS, Loaded
from webapp.api.ranges import RangeQuery
from webapp.api.schemas import Amount, Day, Key, Out
from webapp.api.stocks import find_stock
from webapp.api.surface import blueprint
from webapp.bars import lengths
from webapp.bars.lengths import WEEK
from webapp.charts.choices import ADJUSTMENTS
from webapp.charts.content import Places
from webapp.records import Instrument

bp = blueprint("indicators", "Past prices")


class ValuesOut(Out):
    """The indicators' values at a day, or at the week that bears this Friday."""

    day: Day
    close: Amount
    values: dict[str, Amount | None] = Field(
        description="By name; null until there are bars enough. macd gives macd, macd_signal and macd_histogram; "
                    "bbands gives bb_upper, bb_middle and bb_lower; range52w gives high_52w and low_52w.",
        examples=[{"sma50": "221.4371", "rsi14": "58.2214"}])


class IndicatorsOut(Out):
    """A page of values. All are found on the whole past, whatever part of it is asked for."""

    key: Key
    currency: str
    interval: str = Field(examples=["1d"])
    adjusted: str = Field(description="What the prices are adjusted for indeed: splits or dividends.")
    sources: list[str]
    simulated: bool = Field(description="Whether the prices are made up.")
    items: list[ValuesOut]
    next: str | None


class IndicatorsQuery(RangeQuery):
    """Which indicators, of which bars."""

    names: str = Field(max_length=300, pattern=PATTERN, description=(
        f"Up to {MOST_NAMES}, separated by commas: sma, ema, rsi and atr with how many bars they look back over, 2 to "
        "399 (sma50); macd (12, 26, 9); bbands (20 bars, 2 deviations); obv; range52w."),
        examples=["sma50,ema20,rsi14,macd"])
    interval: Literal["1d", "1w"] = Field("1d", description="Of days, or of weeks that are over.")
    adjusted: Literal["splits", "dividends"] = Field("splits", description="What prices are adjusted for.")

    @field_validator("names", mode="before")
    @classmethod
    def check_names(cls, value: object) -> object:
        """Say which of the names is none."""
        names = str(value).split(",")
        wrong = [name for name in names if not re.fullmatch(NAME, name, re.ASCII)]
        if wrong:
            raise PydanticCustomError(
                "names", "There is no {wrong}; there are sma, ema, rsi and atr with a number from 2 to 399 (sma50), "
                "macd, bbands, obv and range52w", {"wrong": wrong[0][:30] or "indicator without a name"})
        if len(names) > MOST_NAMES:
            raise PydanticCustomError("names", "At most {most} at a time", {"most": MOST_NAMES})
        return value


@bp.get("/instruments/<stock>/indicators")
@bp.get("/instruments/<stock>/indicators.csv")
@public
@bp.input(IndicatorsQuery, location="query")
@bp.output(IndicatorsOut)
def indicators(stock: str, query_data: IndicatorsQuery) -> Response:
    """Get indicators of a stock's past prices.

    They are found with TA-Lib's formulas. What they are at the price of now is not told: a day that is not over is no
    history.
    """
    found, asked = find_stock(stock), query_data
    loaded = past.load_days(found, asked.interval, ADJUSTMENTS[asked.adjusted])
    series = finished(found, asked, loaded)
    lines = find_lines(series, asked.names.split(","), found.decimals)
    start, stop = bounds(series, asked, found)
    index, after = past.page_of(series.at[start:stop], asked)
    rows = rows_of(series, lines, index + start, found.decimals)
    if not answers.wants_csv():
        rows = [{"day": row.pop("day"), "close": row.pop("close"), "values": row} for row in rows]
    return answers.answer_page(
        rows, after, columns=("day", "close", *lines), key=found.key, currency=found.currency,
        interval=asked.interval, adjusted=WORDS[loaded.adjusted], sources=list(loaded.sources),
        simulated=loaded.simulated)


def finished(stock: Instrument, asked: IndicatorsQuery, loaded: Loaded) -> Series:
    """Return the days, or the weeks that are over."""
    if asked.interval != WEEK or not len(loaded.series):
        return loaded.series
    return loaded.series.part(0, int(np.searchsorted(loaded.series.at, past.last_friday(stock, loaded), "right")))


def bounds(series: Series, asked: IndicatorsQuery, stock: Instrument) -> tuple[int, int]:
    """Return from which index up to which the bars are that were asked for."""
    first, last = asked.days(stock.mic)
    return (int(np.searchsorted(series.at, lengths.name_of(first, asked.interval))),
            int(np.searchsorted(series.at, lengths.name_of(last, asked.interval), "right")))


def rows_of(series: Series, lines: dict[str, Line], index: Places, least: int) -> list[dict[str, Any]]:
    """Return day, close and the values by name of the bars at these indexes."""
    columns = {"day": figures.days(series.at[index]),
               "close": figures.exact(series.close[index], figures.decimals_in(series, least)),
               **{name: figures.exact(line.values[index], line.decimals) for name, line in lines.items()}}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
