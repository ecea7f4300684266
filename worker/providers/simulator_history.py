"""Past days of made-up stocks, with splits and dividends: what charts and stages show until there is a key.

Closes are those of paths.py, so the newest is what today's change is measured against. The newest days are whole as
they were shown; of older ones, which nobody saw, the opening, the range and the volume are sketched: to walk each of
their five minutes would take a hundred times as long.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from webapp.records import Adjustment, Bar, Dividend, History, Instrument, Split, later_shares
from worker.providers import paths
from worker.providers.paths import Stock

YEARS_BACK = dt.timedelta(days=6 * 365 + 2)
# As many of the newest days are whole; no day that is fetched a second time lies further back.
WHOLE_DAYS = 20
# How far the opening is from the close before, and the range from both, in daily standard deviations.
GAP, REACH = 0.35, 0.9
# Splits lie in these years, on days that were over before the first price was shown: no price ever jumps.
FIRST_SPLIT, LAST_SPLIT = dt.date(2021, 1, 4), dt.date(2025, 11, 28)
SPLITTING, SPLITTING_TWICE = 0.15, 0.3
RATIOS = ("2", "2", "3", "4", "5", "10", "1.5", "0.1")
# The share of stocks that pay, and what they pay a year, as a part of the price.
PAYING = 0.6
LEAST_YIELD, MOST_YIELD = 0.005, 0.04
MONTHS_OF_A_QUARTER = 3
FRIDAY = 4


def make_history(stock: Stock, instrument: Instrument, source: str, days: Sequence[dt.date],
                 lengths: Mapping[dt.date, int]) -> History:
    """Return the bars of `days` but for the first, which only begins them, as traded, and the events of these days.

    `lengths` are the seconds of those days' regular sessions whose hours are known.
    """
    if len(days) < 2:
        return History(instrument.id, source, Adjustment.NONE, (), unit=instrument.currency)
    splits = [split for split in splits_of(stock) if split.day <= days[-1]]
    bars = []
    for place in range(1, len(days)):
        day, before = days[place], days[place - 1]
        seconds = lengths.get(day) if place >= len(days) - WHOLE_DAYS else None
        figures = sketched(stock, day, before) if seconds is None else walked(stock, day, before, seconds)
        bars.append(_bar(day, figures, later_shares(splits, day), instrument.decimals))
    return History(instrument.id, source, Adjustment.NONE, tuple(bars),
                   tuple(split for split in splits if split.day > days[0]),
                   tuple(_dividends(stock, instrument, days, splits)), unit=instrument.currency)


def walked(stock: Stock, day: dt.date, before: dt.date, seconds: int) -> tuple[int, int, int, int, int]:
    """Return open, high, low, close in ticks and the volume of a day, as quotes at its end have them."""
    leg = paths.day_leg(stock, day, before, seconds)
    return leg.prices[0], max(leg.prices), min(leg.prices), leg.prices[-1], paths.volume_of(stock, day)


def sketched(stock: Stock, day: dt.date, before: dt.date) -> tuple[int, int, int, int, int]:
    """Return open, high, low, close in ticks and the volume of a day that nobody saw."""
    year, offset = divmod(day.toordinal(), paths.YEAR)
    gap, up, down, luck = _luck(stock, year)[offset]
    last, close = paths.close_of(stock, before), paths.close_of(stock, day)
    opened = max(1, round(last * (1 + (gap - 0.5) * 2 * GAP * stock.volatility)))
    reach = REACH * stock.volatility
    high = round(max(opened, close) * (1 + up * up * reach))
    low = max(1, round(min(opened, close) * (1 - down * down * reach)))
    return opened, high, low, close, paths.shares_of(stock, day, luck)


@lru_cache(maxsize=64)
def _luck(stock: Stock, year: int) -> list[tuple[float, float, float, float]]:
    """Return four random numbers, 0 to 1, for each day of a year."""
    number = paths.random_for(stock.name, "sketch", year).random
    return [(number(), number(), number(), number()) for _ in range(paths.YEAR)]


def _bar(day: dt.date, figures: tuple[int, int, int, int, int], shares: Decimal, decimals: int) -> Bar:
    """Return the bar in the shares of its day, each of which stands for so many `shares` of today."""
    *prices, volume = figures
    if shares == 1:
        opened, high, low, close = (Decimal(ticks).scaleb(-decimals) for ticks in prices)
    else:
        opened, high, low, close = (max(Decimal(round(ticks * shares)), Decimal(1)).scaleb(-decimals)
                                    for ticks in prices)
        volume = max(1, round(volume / shares))
    return Bar(day, close, opened, high, low, volume)


@lru_cache(maxsize=1024)
def splits_of(stock: Stock) -> tuple[Split, ...]:
    """Return a stock's splits, oldest first: most have none, some two."""
    random = paths.random_for(stock.name, "splits")
    if random.random() >= SPLITTING:
        return ()
    count = 2 if random.random() < SPLITTING_TWICE else 1
    span = (LAST_SPLIT - FIRST_SPLIT).days
    days = {_weekday(FIRST_SPLIT + dt.timedelta(days=random.randrange(span))) for _ in range(count)}
    return tuple(Split(day, Decimal(random.choice(RATIOS))) for day in sorted(days))


def _weekday(day: dt.date) -> dt.date:
    """Return the day, or the Monday after it where it is one of a weekend."""
    return day + dt.timedelta(days=7 - day.weekday()) if day.weekday() > FRIDAY else day


def _dividends(stock: Stock, instrument: Instrument, days: Sequence[dt.date],
               splits: Sequence[Split]) -> list[Dividend]:
    """Return what was paid on these days but for the first, a share of its day: four times a year, if at all."""
    random = paths.random_for(stock.name, "dividends")
    pays, yearly = random.random() < PAYING, random.uniform(LEAST_YIELD, MOST_YIELD)
    month, monthday = random.randrange(MONTHS_OF_A_QUARTER), random.randint(3, 24)
    found = []
    for before, day in pairwise(days):
        if not pays or day.month % MONTHS_OF_A_QUARTER != month or not before.day < monthday <= day.day:
            continue
        amount = Decimal(paths.close_of(stock, before)) * later_shares(splits, day) * Decimal(yearly / 4)
        found.append(Dividend(day, max(amount.quantize(Decimal(1)), Decimal(1)).scaleb(-instrument.decimals)))
    return found
