"""Bars of other lengths: weeks, months, and minutes counted from the opening."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.charts.past import add_minutes, series_of, walk, weekdays
from webapp.analytics.series import EMPTY, Series, to_day, to_number
from webapp.bars import lengths
from webapp.bars.lengths import PARTS
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.models.market import MarketSession

DAY = dt.date(2026, 11, 20)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{DAY}T{text}:00+00:00")


def hours(opens: str, closes: str, *rest: str, mic: str = "XNAS") -> None:
    """Keep the day's session."""
    starts, ends = (moment(each) for each in rest) if rest else (None, None)
    db.session.add(MarketSession(mic=mic, day=DAY, opens_at=moment(opens), closes_at=moment(closes),
                                 break_starts_at=starts, break_ends_at=ends))
    db.session.commit()


def minutes_from(stock: InstrumentRow, first: str, count: int) -> Series:
    return add_minutes(stock, moment(first), 100 + np.arange(count) / 100)


def begun(stock: InstrumentRow, count: int) -> list[tuple[str, str | None]]:
    """Return when each bar of the day began, and the part of the day it is of."""
    bars = lengths.load_minute_bars(stock.record(), DAY, DAY, count)
    assert set(bars.day.tolist()) <= {to_number(DAY)}
    return [(str(np.datetime64(at, "m"))[-5:], PARTS[part])
            for at, part in zip(bars.series.at.tolist(), bars.part.tolist(), strict=True)]


def test_a_month_bears_its_last_day_and_a_week_its_friday() -> None:
    days = weekdays(60, dt.date(2024, 3, 5))
    series = series_of(days, walk(60))
    months = lengths.of_days(series, lengths.MONTH)
    assert [to_day(at).isoformat() for at in months.at] == ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]
    weeks = lengths.of_days(series, lengths.WEEK)
    assert {to_day(at).weekday() for at in weeks.at} == {4}
    assert weeks.volume.sum() == months.volume.sum() == series.volume.sum()
    assert lengths.of_days(series, lengths.DAY) is series


def test_a_month_has_the_first_open_the_last_close_and_the_extremes() -> None:
    days = weekdays(40, dt.date(2024, 2, 29))
    series = series_of(days, walk(40))
    february = days >= to_number(dt.date(2024, 2, 1))
    last = lengths.of_days(series, lengths.MONTH).part(-1)
    assert (last.open[0], last.close[0]) == (series.open[february][0], series.close[-1])
    assert (last.high[0], last.low[0]) == (series.high[february].max(), series.low[february].min())
    assert last.volume[0] == series.volume[february].sum()


@pytest.mark.parametrize(("length", "day", "begin"), [
    ("1d", "2026-11-18", "2026-11-18"), ("1w", "2026-11-18", "2026-11-14"), ("1w", "2026-11-20", "2026-11-14"),
    ("1w", "2026-11-21", "2026-11-21"), ("1M", "2026-11-18", "2026-11-01")])
def test_a_bar_begins_with_the_first_day_that_belongs_to_it(length: str, day: str, begin: str) -> None:
    first = lengths.begin_of(dt.date.fromisoformat(day), length)
    assert first.isoformat() == begin
    named = lengths.name_of(dt.date.fromisoformat(day), length)
    assert lengths.name_of(first, length) == named != lengths.name_of(first - dt.timedelta(days=1), length)


def test_no_bars_make_no_bars() -> None:
    assert not len(lengths.of_days(EMPTY, lengths.MONTH))
    assert not len(lengths.firsts(EMPTY.at))


def test_minutes_are_counted_from_the_opening_and_never_across_it_or_the_close(app: Flask) -> None:
    stock = add_stock("ACME")
    hours("14:30", "17:00")
    minutes_from(stock, "13:50", 250)  # to 18:00
    assert begun(stock, 60) == [("13:30", "pre"), ("14:30", "regular"), ("15:30", "regular"), ("16:30", "regular"),
                                ("17:00", "post")]
    assert [start for start, part in begun(stock, 5) if part == "regular"][:2] == ["14:30", "14:35"]
    assert len(begun(stock, 1)) == 250


def test_after_a_midday_break_minutes_are_counted_from_its_end(app: Flask) -> None:
    stock = add_stock("7203", "XTKS", currency="JPY", country="JP")
    hours("00:00", "06:00", "02:30", "03:30", mic="XTKS")
    minutes_from(stock, "00:00", 150)
    minutes_from(stock, "03:30", 150)
    assert [start for start, _part in begun(stock, 60)] == ["00:00", "01:00", "02:00", "03:30", "04:30", "05:30"]


def test_on_a_day_of_unknown_hours_minutes_are_counted_from_midnight_and_of_no_part(app: Flask) -> None:
    stock = add_stock("TATA", "XNSE", currency="INR", country="IN")
    minutes_from(stock, "03:45", 75)  # 9:15 in Kolkata, which is five and a half hours ahead
    assert begun(stock, 60) == [("03:30", None), ("04:30", None)]


def test_grouped_minutes_are_those_of_the_single_ones(app: Flask) -> None:
    stock = add_stock("ACME")
    hours("14:30", "21:00")
    minutes_from(stock, "14:30", 390)
    single = lengths.load_minute_bars(stock.record(), DAY, DAY, 1).series
    quarters = lengths.load_minute_bars(stock.record(), DAY, DAY, 15).series
    assert len(quarters) == 26
    assert quarters.volume.sum() == single.volume.sum()
    for place in range(26):
        part = single.part(15 * place, 15 * place + 15)
        assert (quarters.open[place], quarters.close[place]) == (part.open[0], part.close[-1])
        assert (quarters.high[place], quarters.low[place]) == (part.high.max(), part.low.min())


def test_minutes_that_are_made_up_do_not_count_where_there_are_real_ones(app: Flask) -> None:
    stock = add_stock("ACME")
    assert lengths.kept_minutes(stock.id) is None
    add_minutes(stock, moment("14:30") - dt.timedelta(days=3), np.full(5, 9.0), source="simulator")
    kept = lengths.kept_minutes(stock.id)
    assert kept is not None
    assert kept.sources == ("simulator",)
    minutes_from(stock, "14:30", 5)
    kept = lengths.kept_minutes(stock.id)
    assert kept is not None
    assert (kept.sources, kept.first, kept.last) == (("tiingo",), DAY, DAY)
