"""What a chart reads: the stock's past, its benchmark's, those of the stocks beside it, and when any of it changed."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import func, literal, select, union_all

from webapp import instruments
from webapp.analytics.series import Series, to_day, to_number
from webapp.analytics.weeks import weekly
from webapp.bars.completed import last_week_over
from webapp.bars.reading import Past, load_minutes, load_past
from webapp.bars.sources import any_made_up, is_made_up
from webapp.benchmark import find_benchmark
from webapp.charts import days, minutes
from webapp.charts.choices import MINUTE_RANGES, MOST_OTHERS, Choices
from webapp.charts.compact import FORM
from webapp.charts.content import Base, Content
from webapp.extensions import db
from webapp.instruments import Ambiguous, Found
from webapp.markets import SessionBook, exchange_day
from webapp.models.bars import DAY, MINUTE, BarSeries, DividendRow
from webapp.models.market import SplitRow
from webapp.records import Instrument, LiveQuote
from webapp.trading_days import load_book

# Before a first session there may have been so many days without one.
LONGEST_PAUSE = dt.timedelta(days=20)


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything a chart is made of: the stock, what it is compared and measured with, what was not understood.

    The choices name the others by their keys.
    """

    instrument: Instrument
    choices: Choices
    now: dt.datetime
    book: SessionBook
    others: tuple[Instrument, ...] = ()
    problems: tuple[str, ...] = ()
    benchmark: Instrument | None = None

    @property
    def day(self) -> dt.date:
        """Return the date at the exchange."""
        return exchange_day(self.instrument.mic, self.now)


def ask(instrument: Instrument, choices: Choices, now: dt.datetime) -> Asked:
    """Find what a chart needs besides the stock itself."""
    others, problems = _others(instrument, choices)
    choices = replace(choices, others=tuple(each.key for each in others))
    benchmark = find_benchmark(instrument) if "rs" in choices.extras and not choices.minutes else None
    book = load_book(now, {instrument.mic, benchmark.mic if benchmark else instrument.mic})
    return Asked(instrument, choices, now, book, others, problems, benchmark)


def fingerprint(asked: Asked) -> str:
    """Return a text that changes whenever the chart may: by new bars or events, or when a week is over."""
    ids = [asked.instrument.id, *(each.id for each in asked.others), *([asked.benchmark.id] if asked.benchmark else [])]
    interval = MINUTE if asked.choices.minutes else DAY
    series = select(literal("bars"), BarSeries.id, BarSeries.changed_at).where(
        BarSeries.instrument_id.in_(ids), BarSeries.interval.in_([DAY, interval]))
    events = [select(literal(model.__tablename__), func.count(), func.max(model.known_at)).where(
        model.instrument_id.in_(ids)) for model in (SplitRow, DividendRow)]
    known = sorted(tuple(row) for row in db.session.execute(union_all(series, *events)))
    weeks = [last_week_over(asked.book, each.mic, asked.now) for each in (asked.instrument, asked.benchmark) if each]
    # A split that was known before takes effect on its day.
    parts = [FORM, ids, asked.day, weeks, asked.choices.query(), known]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def load_content(asked: Asked, live: LiveQuote | None = None) -> Content | None:
    """Return the chart, with the bar of the newest quote where that is given; None where there are no bars for it."""
    return _minute_chart(asked) if asked.choices.minutes else _day_chart(asked, live)


def _day_chart(asked: Asked, live: LiveQuote | None) -> Content | None:
    wanted = [asked.instrument, *asked.others, *([asked.benchmark] if asked.benchmark else [])]
    pasts = load_past([each.id for each in wanted])
    past = _some(pasts, asked.instrument)
    if past is None:
        return None
    joined = days.with_quote(past, live.quote) if live else None
    others = [(each, found) for each in asked.others if (found := _some(pasts, each)) and _alike(past, found)]
    return days.draw_days(
        asked.instrument, joined or past, asked.choices, _through(asked, asked.instrument, past),
        benchmark=_benchmark_weeks(asked, pasts, past), others=others,
        benchmark_key=asked.benchmark.key if asked.benchmark else "", live=joined is not None)


def _minute_chart(asked: Asked) -> Content | None:
    stock = asked.instrument
    kept = _minute_sources([stock.id, *(each.id for each in asked.others)])
    if stock.id not in kept:
        return None
    first, last = minutes.days_wanted(asked.choices, max(kept[stock.id].values()))
    series = load_minutes(stock.id, first, last)
    if not len(series):
        return None
    local = minutes.last_days(series, stock.mic, MINUTE_RANGES[asked.choices.range])
    sources = tuple(sorted(source for source, day in kept[stock.id].items() if day >= first))
    others = [(each, load_minutes(each.id, first, last)) for each in asked.others
              if each.id in kept and any_made_up(kept[each.id]) == any_made_up(sources)]
    base = _base(stock, to_day(int(local.series.at[0]) // minutes.DAY), simulated=any_made_up(sources))
    return minutes.draw_minutes(stock, local, asked.choices, asked.book, sources, base=base, others=others)


def _minute_sources(ids: Sequence[int]) -> dict[int, dict[str, dt.date]]:
    """Return the last day of each source of minutes that is used: where any is real, what is made up is not."""
    query = select(BarSeries.instrument_id, BarSeries.source, BarSeries.last_day).where(
        BarSeries.instrument_id.in_(ids), BarSeries.interval == MINUTE, BarSeries.bars > 0)
    found: dict[int, dict[str, dt.date]] = defaultdict(dict)
    for number, source, day in db.session.execute(query):
        if day is not None:
            found[number][source] = day
    return {number: {source: day for source, day in each.items() if not is_made_up(source)} or each
            for number, each in found.items()}


def _base(instrument: Instrument, first: dt.date, *, simulated: bool) -> Base | None:
    """Return the close of the session before a day, None where it is not known or of another kind than the minutes."""
    past = load_past([instrument.id], since=first - LONGEST_PAUSE).get(instrument.id)
    place = int(np.searchsorted(past.series.at, to_number(first))) - 1 if past is not None else -1
    if past is None or place < 0 or any_made_up(past.sources) != simulated:
        return None
    return Base(to_day(past.series.at[place]), float(past.series.close[place]))


def _through(asked: Asked, instrument: Instrument, past: Past) -> int:
    """Return the last Friday whose week is over and whose last session is known of this stock."""
    return last_week_over(asked.book, instrument.mic, asked.now).through(int(past.series.at[-1]))


def _benchmark_weeks(asked: Asked, pasts: dict[int, Past], past: Past) -> Series | None:
    """Return the completed weeks of what the stock is measured against, None where they tell nothing of it."""
    against = _some(pasts, asked.benchmark) if asked.benchmark else None
    if asked.benchmark is None or against is None or not _alike(past, against):
        return None
    return weekly(against.series, _through(asked, asked.benchmark, against))


def _some(pasts: dict[int, Past], instrument: Instrument) -> Past | None:
    """Return a past that has bars."""
    past = pasts.get(instrument.id)
    return past if past is not None and len(past.series) else None


def _alike(one: Past, other: Past) -> bool:
    """Tell whether both are real or both made up: otherwise they tell nothing of each other."""
    return any_made_up(one.sources) == any_made_up(other.sources)


def _others(instrument: Instrument, choices: Choices) -> tuple[tuple[Instrument, ...], tuple[str, ...]]:
    """Return the stocks to compare with, and what is to be said of the texts that are none."""
    found: dict[int, Instrument] = {}
    problems = []
    answers: Sequence[instruments.Resolution] = (
        instruments.resolve_all(choices.others) if choices.others else [])
    for text, answer in zip(choices.others, answers, strict=True):
        if isinstance(answer, Found):
            found[answer.instrument.id] = answer.instrument
        elif isinstance(answer, Ambiguous):
            keys = ", ".join(each.key for each in answer.candidates[:4])
            problems.append(f"{text} may be several stocks: write {keys}.")
        else:
            problems.append(f"No stock {text} is known here.")
    if found.pop(instrument.id, None):
        problems.append(f"{instrument.symbol} is not compared with itself.")
    if choices.too_many:
        more = ", …" if len(choices.too_many) > MOST_OTHERS else ""
        left_out = ", ".join(choices.too_many[:MOST_OTHERS]) + more
        problems.append(f"Only {MOST_OTHERS} stocks are compared at a time; left out: {left_out}.")
    return tuple(found.values()), tuple(problems)
