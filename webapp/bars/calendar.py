"""The exchanges' trading days of many years, read from the table that a worker keeps."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

import numpy as np
from sqlalchemy import select

from webapp.analytics.series import Days, to_number
from webapp.extensions import db
from webapp.models import TradingYear


def trading_days(mic: str, first: dt.date, last: dt.date) -> Days | None:
    """Return the days from `first` to `last`, both included, on which the exchange was open.

    Numbers as in Series.at, ascending; None where one of the years is not known.
    """
    days = load_years([mic], first.year, last.year).get(mic, {})
    if any(year not in days for year in range(first.year, last.year + 1)):
        return None
    together = np.concatenate([days[year] for year in range(first.year, last.year + 1)])
    return together[(together >= to_number(first)) & (together <= to_number(last))]


def known_days(mics: Collection[str]) -> dict[str, Days]:
    """Return all that is known of these exchanges, from the first of the unbroken years up to the last one.

    A bar before the first of these days, or after the last, is one of which the calendar says nothing.
    """
    known = {}
    for mic, years in load_years(mics, dt.MINYEAR, dt.MAXYEAR).items():
        unbroken = [max(years)]
        while unbroken[-1] - 1 in years:
            unbroken.append(unbroken[-1] - 1)
        known[mic] = np.concatenate([years[year] for year in reversed(unbroken)])
    return known


def load_years(mics: Collection[str], first: int, last: int) -> dict[str, dict[int, Days]]:
    """Return the trading days of these exchanges, by exchange and year."""
    found: dict[str, dict[int, Days]] = defaultdict(dict)
    query = select(TradingYear.mic, TradingYear.year, TradingYear.days).where(
        TradingYear.mic.in_(mics), TradingYear.year >= first, TradingYear.year <= last)
    for mic, year, days in db.session.execute(query):
        found[mic][year] = np.array(days, np.int32) + np.int32(to_number(dt.date(year, 1, 1)) - 1)
    return found


def day_numbers(days: Collection[dt.date]) -> dict[int, list[int]]:
    """Return days as TradingYear keeps them, by year."""
    years: dict[int, list[int]] = defaultdict(list)
    for day in sorted(days):
        years[day.year].append(day.timetuple().tm_yday)
    return years
