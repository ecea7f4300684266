"""A chart of days, made of the past that is stored and, on a page, of today's quote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.analytics import indicators, stages, strength, weeks
from webapp.analytics.adjust import adjusted, dividend_factors, split_factors
from webapp.analytics.series import Floats, Series, to_day, to_number
from webapp.bars.reading import Past
from webapp.bars.sources import any_made_up, is_made_up
from webapp.charts.choices import AVERAGES, Choices, first_day
from webapp.charts.content import Content, Event, Other, Weeks, runs, split_words
from webapp.records import Adjustment, Instrument, Quote


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A past as it is chosen to be shown.

    `reckoned` is what averages and RSI are found on: without the jumps of splits. Its prices times `factor` are those
    of `series`: 1 but where prices are shown as traded.
    """

    series: Series
    reckoned: Series
    factor: Floats
    adjusted: Adjustment


def show(past: Past, wanted: Adjustment) -> Shown:
    """Return a past adjusted as wanted; one that its source had adjusted for dividends too stays as it is."""
    series, ones = past.series, np.ones(len(past.series))
    if past.adjusted is Adjustment.ALL or wanted is Adjustment.SPLITS:
        return Shown(series, series, ones, past.adjusted)
    if wanted is Adjustment.ALL:
        paid = adjusted(series, dividend_factors(series.at, series.close, *_dividends(past)))
        return Shown(paid, paid, ones, Adjustment.ALL)
    factor = past.raw_close / series.close
    return Shown(adjusted(series, factor, 1 / factor), series, factor, Adjustment.NONE)


def _dividends(past: Past) -> tuple[NDArray[np.int32], Floats]:
    """Return the ex-dates and amounts of dividends, in the shares of today."""
    days = np.array([to_number(each.day) for each in past.dividends], np.int32)
    amounts = np.array([float(each.amount) for each in past.dividends])
    splits = [to_number(each.day) for each in past.splits]
    return days, amounts / split_factors(days, splits, [float(each.ratio) for each in past.splits])


def with_quote(past: Past, quote: Quote | None) -> Past | None:
    """Return a past with a bar more, of a quote that is newer; None where it is not, or of another kind."""
    if quote is None or not len(past.series) or is_made_up(quote.source) != any_made_up(past.sources):
        return None
    at = to_number(quote.day)
    if at <= past.series.at[-1]:
        return None
    price = float(quote.price)
    opened = price if quote.open is None else float(quote.open)
    high = max(price, opened, float(quote.high or 0))
    low = min(price, opened, float(quote.low or price))
    volume = np.nan if quote.volume is None else float(quote.volume)
    series = Series(np.append(past.series.at, np.int32(at)), *(
        np.append(getattr(past.series, name), value)
        for name, value in zip(("open", "high", "low", "close", "volume"), (opened, high, low, price, volume),
                               strict=True)))
    return Past(past.instrument_id, series, np.append(past.raw_close, price), past.adjusted, past.sources,
                past.splits, past.dividends, past.changed_at)


def draw_days(instrument: Instrument, past: Past, choices: Choices, through: int, *, benchmark: Series | None = None,
              others: Sequence[tuple[Instrument, Past]] = (), benchmark_key: str = "", live: bool = False) -> Content:
    """Return the chart of a past with at least one bar; `through` is the last Friday whose week is complete.

    `benchmark` has the completed weeks of what the stock is measured against.

    Everything is found on the whole past and then cut to the range, so that an average is right from its first day.
    """
    shown = show(past, choices.adjustment)
    start = _start(past.series.part(0, -1) if live else past.series, choices)
    fridays = weeks.friday_of(past.series.at)
    by_week = weeks.weekly(past.series, through)
    stage = _stage_by_bar(fridays, by_week)[start:] if "stages" in choices.extras else np.zeros(
        len(past.series) - start, np.int8)
    return Content(
        instrument, choices, shown.series.part(start), shown.adjusted, past.sources, stage, runs(stage),
        {name: line[start:] for name, line in _lines(shown, choices).items()},
        _weeks(shown, fridays, by_week, choices, benchmark, start), _events(past, start),
        tuple(_other(each, its_past, choices, past.series.at[start]) for each, its_past in others),
        benchmark=benchmark_key, live=live,
        dividends_known=bool(past.dividends) or past.adjusted is Adjustment.ALL)


def _start(series: Series, choices: Choices) -> int:
    """Return the index of the range's first bar; the range ends with the last bar of history."""
    first = first_day(choices.range, to_day(series.at[-1]))
    return 0 if first == dt.date.min else int(np.searchsorted(series.at, to_number(first)))


def _stage_by_bar(fridays: NDArray[np.int32], by_week: Series) -> NDArray[np.int8]:
    """Return each bar's stage, that of its week; 0 where the week has none, or is not over."""
    if not len(by_week):
        return np.zeros(len(fridays), np.int8)
    found = stages.find_stages(by_week.close).stage
    place = np.minimum(np.searchsorted(by_week.at, fridays), len(by_week) - 1)
    return np.where(by_week.at[place] == fridays, found[place], 0).astype(np.int8)


def _lines(shown: Shown, choices: Choices) -> dict[str, Floats]:
    """Return the lines that are chosen, in the prices that are shown; RSI is from 0 to 100."""
    close = shown.reckoned.close
    lines = {name: indicators.sma(close, days) * shown.factor for name, days in AVERAGES.items()
             if name in choices.extras}
    return lines | ({"rsi": indicators.rsi(close)} if "rsi" in choices.extras else {})


def _weeks(shown: Shown, fridays: NDArray[np.int32], by_week: Series, choices: Choices,
           benchmark: Series | None, start: int) -> Weeks | None:
    """Return what is found by completed weeks and is chosen; None where nothing is."""
    if not {"week30", "rs"} & set(choices.extras):
        return None
    last = np.searchsorted(fridays, by_week.at, "right") - 1
    average = np.full(len(by_week), np.nan)
    if "week30" in choices.extras:
        average = indicators.sma(shown.reckoned.close[last], stages.WEEKS) * shown.factor[last]
    against = np.full(len(by_week), np.nan)
    if "rs" in choices.extras and benchmark is not None and len(by_week):
        at, rp = strength.relative_price(by_week, benchmark)
        against[np.searchsorted(by_week.at, at)] = strength.mansfield(rp)
    seen = last >= start
    return Weeks(last[seen] - start, average[seen], against[seen])


def _events(past: Past, start: int) -> tuple[Event, ...]:
    """Return the splits and dividends from the first bar shown on, by the bar of their day or the next."""
    found = [(each.day, "split", split_words(each.ratio)) for each in past.splits]
    found += [(each.day, "dividend", f"{each.amount.normalize():f}") for each in past.dividends]
    at = past.series.at
    places = ((int(np.searchsorted(at, to_number(day))), day, kind, text) for day, kind, text in sorted(found))
    return tuple(Event(place - start, kind, text) for place, day, kind, text in places
                 if start <= place < len(at) and to_number(day) >= at[start])


def _other(instrument: Instrument, past: Past, choices: Choices, first: int) -> Other:
    """Return another stock's closes; as traded they would jump at splits, so at least those are taken out."""
    wanted = Adjustment.ALL if choices.adjustment is Adjustment.ALL else Adjustment.SPLITS
    series = show(past, wanted).series
    seen = series.part(int(np.searchsorted(series.at, first)))
    return Other(instrument, seen.at, seen.close)
