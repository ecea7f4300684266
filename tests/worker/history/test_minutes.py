"""Bars of a minute out of ticks: every finished one, once, and nothing twice."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, make_instrument
from webapp.bars.codec import SCALE, UNKNOWN, Bars, unpack
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, JobRun, Tick
from webapp.records import Instrument
from worker.history import minutes
from worker.history.minutes import MARK, bars_of, fold, purge_minutes
from worker.jobs.bars import fold_ticks
from worker.jobs.upkeep import purge_old_rows

pytestmark = pytest.mark.usefixtures("set_clock")
MINUTE = dt.timedelta(minutes=1)
START = NOW - 10 * MINUTE
Row = tuple[int, float, float, float, float, int | None]


def tick(stock: Instrument, after: float, price: str, volume: int | None = None, source: str = "finnhub") -> None:
    """Add a tick so many seconds after START."""
    db.session.add(Tick(instrument_id=stock.id, version=1, as_of=START + dt.timedelta(seconds=after),
                        price=Decimal(price), volume=volume, source=source))
    db.session.commit()


def kept(stock: Instrument, source: str = "finnhub") -> list[Row]:
    """Return minute after START, open, high, low, close and volume of what is stored of a source's ticks."""
    series = db.session.query(BarSeries).filter_by(
        instrument_id=stock.id, source=f"{source}-ticks", interval="1m").one_or_none()
    if series is None:
        return []
    chunks = db.session.query(BarChunk).filter_by(series_id=series.id).order_by(BarChunk.start)
    return [row for chunk in chunks.populate_existing() for row in rows_of(unpack(chunk.data))]


def rows_of(bars: Bars) -> list[Row]:
    first = int(START.timestamp()) // 60
    prices = zip(*((getattr(bars, name) / SCALE).tolist() for name in ("open", "high", "low", "close")), strict=True)
    volumes = [None if volume == UNKNOWN else volume for volume in bars.volume.tolist()]
    return [(at - first, *four, volume) for at, four, volume in zip(bars.at.tolist(), prices, volumes, strict=True)]


@pytest.mark.both_databases
def test_a_minute_has_its_first_highest_lowest_and_last_price(app: Flask) -> None:
    stock = make_instrument()
    for after, price in ((0, "10.5"), (10, "11.25"), (20, "10.00000001"), (59.9, "10.75"), (60, "12")):
        tick(stock, after, price)
    assert fold_ticks() == "2 minutes kept"
    assert kept(stock) == [(0, 10.5, 11.25, 10.00000001, 10.75, None), (1, 12, 12, 12, 12, None)]


@pytest.mark.both_databases
def test_to_fold_twice_changes_nothing(app: Flask) -> None:
    stock = make_instrument()
    tick(stock, 0, "10")
    fold_ticks()
    before = db.session.query(BarSeries).one().changed_at
    assert fold_ticks() == "0 minutes kept"
    db.session.query(JobRun).delete()
    db.session.commit()
    assert fold_ticks() == "0 minutes kept"
    assert db.session.query(BarSeries).populate_existing().one().changed_at == before


def test_the_running_minute_waits_until_it_is_over(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    tick(stock, 540, "10")
    tick(stock, 605, "11")
    set_clock.moment = NOW + dt.timedelta(seconds=59)
    assert fold_ticks() == "1 minutes kept"
    tick(stock, 655, "12")
    set_clock.moment = NOW + MINUTE
    assert fold_ticks() == "1 minutes kept"
    assert kept(stock) == [(9, 10, 10, 10, 10, None), (10, 11, 12, 11, 12, None)]


def test_a_tick_that_comes_late_is_put_into_its_minute(app: Flask) -> None:
    stock, other = make_instrument(), make_instrument("OTHER")
    tick(stock, 0, "10")
    tick(stock, 30, "11")
    fold_ticks()
    tick(other, 300, "1")
    tick(stock, 15, "9")
    assert fold_ticks() == "2 minutes kept"
    assert kept(stock) == [(0, 10, 11, 9, 11, None)]


def test_the_volume_is_what_the_days_count_grew_by(app: Flask) -> None:
    stock = make_instrument()
    for after, volume in ((0, 1000), (30, 1500), (60, 1700), (119, 2500), (120, 2500), (180, None), (240, 2600)):
        tick(stock, after, "10", volume)
    fold_ticks()
    assert [(row[0], row[5]) for row in kept(stock)] == [(0, 500), (1, 1000), (2, None), (3, None), (4, 100)]


def test_what_was_traded_while_nobody_looked_belongs_to_no_minute(app: Flask) -> None:
    ticks = [(START, Decimal(10), 1000), (START + 11 * MINUTE, Decimal(10), 9000),
             (START + 12 * MINUTE, Decimal(10), 9100), (START + 13 * MINUTE, Decimal(10), 50)]
    assert bars_of(ticks, START).volume.tolist() == [UNKNOWN, UNKNOWN, 100, UNKNOWN]


def test_a_minute_that_is_folded_later_knows_what_was_traded_before(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    tick(stock, 0, "10", 1000)
    fold_ticks()
    tick(stock, 70, "10", 1300)
    fold_ticks()
    assert [(row[0], row[5]) for row in kept(stock)] == [(0, None), (1, 300)]


def test_each_source_has_its_own_minutes_and_prices_of_a_day_have_none(app: Flask) -> None:
    stock = make_instrument()
    tick(stock, 0, "10", source="finnhub")
    tick(stock, 1, "20", source="simulator")
    tick(stock, 2, "30", source="csv")
    assert fold_ticks() == "2 minutes kept"
    assert [kept(stock, source)[0][1] if kept(stock, source) else None
            for source in ("finnhub", "simulator", "csv")] == [10, 20, None]


def test_many_ticks_are_taken_a_part_at_a_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minutes, "BATCH", 7)
    stock = make_instrument()
    for number in range(40):
        tick(stock, number * 10, str(number + 1))
    fold_ticks()
    assert [row[1:5] for row in kept(stock)] == [(6 * n + 1, min(6 * n + 6, 40), 6 * n + 1, min(6 * n + 6, 40))
                                                 for n in range(7)]
    assert db.session.get_one(JobRun, MARK).outcome == "40"


def test_of_very_many_new_ticks_only_those_of_one_go_are_in_memory(app: Flask, set_clock: Clock,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minutes, "BATCH", 10)
    stock, other = make_instrument(), make_instrument("OTHER")
    for number in range(100):
        tick(stock if number % 2 else other, number * 60, str(number + 1))
    set_clock.pass_by(days=1)
    seen: list[int] = []
    load = minutes._load

    def counted(spans: dict[minutes.Key, minutes.Span]) -> dict[minutes.Key, list[minutes.Observed]]:
        found = load(spans)
        seen.append(sum(map(len, found.values())))
        return found

    monkeypatch.setattr(minutes, "_load", counted)
    assert fold_ticks() == "100 minutes kept"
    assert len(seen) > 10
    assert max(seen) <= 20, "those of the go, and of ten minutes before it"
    assert [row[1] for row in kept(stock)] == [float(number + 1) for number in range(1, 100, 2)]


def test_a_vendors_own_minutes_are_not_touched_by_its_ticks(app: Flask) -> None:
    from webapp.bars.reading import load_minutes
    from webapp.bars.writing import write_bars
    from webapp.records import Adjustment

    stock = make_instrument()
    at = np.array([int(START.timestamp()) // 60], np.int32)
    own = np.array([20 * SCALE], np.int64)
    write_bars(stock.id, "1m", "finnhub", Bars(at, own, own, own, own, own), adjusted=Adjustment.SPLITS,
               basis_day=NOW.date(), now=NOW)
    tick(stock, 0, "20.1")
    tick(stock, 60, "20.2")
    fold_ticks()
    assert load_minutes(stock.id, NOW.date(), NOW.date()).close.tolist() == [20, 20.2]
    assert {(row.source, row.adjusted, row.bars) for row in db.session.query(BarSeries)} == {
        ("finnhub", "splits", 1), ("finnhub-ticks", "as traded", 2)}


def test_ticks_that_are_counted_from_one_again_are_not_missed(app: Flask) -> None:
    stock = make_instrument()
    for number in range(5):
        tick(stock, number, "10")
    fold_ticks()
    db.session.query(Tick).delete()
    db.session.commit()
    tick(stock, 120, "11")
    assert fold_ticks() == "1 minutes kept"


def test_one_a_day_later_stands_in_a_chunk_of_its_own_day(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    tick(stock, 0, "10")
    tick(stock, 86_400, "11")
    set_clock.pass_by(days=2)
    fold_ticks()
    series = db.session.query(BarSeries).one()
    assert (series.first_day, series.last_day, series.bars) == (NOW.date(), NOW.date() + dt.timedelta(days=1), 2)
    assert db.session.query(BarChunk).count() == 2


@pytest.mark.both_databases
def test_old_minutes_go_and_days_stay(app: Flask, set_clock: Clock) -> None:
    from webapp.analytics.series import to_number
    from webapp.bars.writing import write_bars
    from webapp.records import Adjustment

    stock, other = make_instrument(), make_instrument("OTHER")
    day = np.array([to_number(dt.date(2020, 1, 2))], np.int32)
    one = np.array([SCALE], np.int64)
    write_bars(stock.id, "1d", "finnhub", Bars(day, one, one, one, one, one), adjusted=Adjustment.NONE, now=NOW)
    tick(stock, 0, "10")
    tick(stock, 86_400, "11")
    tick(other, 0, "1")
    set_clock.pass_by(days=3)
    fold(set_clock.moment)
    set_clock.pass_by(days=28)
    assert purge_old_rows() == "3 ticks and 2 other rows deleted"
    assert len(kept(stock)) == 1
    minute, daily = db.session.query(BarSeries).populate_existing().order_by(BarSeries.interval.desc())
    assert (minute.interval, daily.interval) == ("1m", "1d")
    assert (minute.bars, minute.first_day) == (1, NOW.date() + dt.timedelta(days=1))
    assert (daily.bars, daily.first_day) == (1, dt.date(2020, 1, 2))
    assert purge_minutes(NOW.date()) == 0
