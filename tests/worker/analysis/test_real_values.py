"""Real pasts, from the bars to what is stored."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.bars.conftest import alpha_vantage
from tests.worker.analysis.conftest import snapshot_of
from tests.worker.conftest import Clock
from webapp.bars.writing import write_history
from webapp.extensions import db
from webapp.models import InstrumentRow, StageWeek
from worker.jobs.analysis import analyse

# A Saturday: the published closes are in the shares of 2018.
READ_ON = dt.datetime(2018, 1, 6, 12, tzinfo=dt.UTC)
LAST = dt.date(2018, 1, 5)
# Week, Apple's close, its 30-week average, slope in percent, Mansfield's strength, the week's volume against the four
# before: as in docs/stages.md. They were made from another vendor's bars, whose closes differ by a cent before splits
# and whose volumes do in the last two weeks, by what stands here in their place.
AAPL = """
2009-03-06 12.1857 15.4010 -8.1900 5.8791 1.1407
2009-07-17 21.6786 16.2424 6.1557 29.8774 0.9493
2012-09-21 100.0129 86.0889 4.3848 22.8198 0.9209
2013-04-19 55.7900 72.9725 -6.4174 -35.2273 1.5447
2014-06-06 92.2243 78.7730 2.5718 13.9118 1.2462
2016-05-13 90.5200 105.4150 -2.0319 -19.4215 0.9329
2017-12-29 169.2300 159.2283 1.4734 3.3368 0.7012
"""
APART = (0.01 / 7, 0.01 / 7, 0.001, 0.005, 0.0001)


def add_real(symbol: str, mic: str, now: dt.datetime) -> InstrumentRow:
    """Store the past up to LAST, with what was known of splits then."""
    stock = add_stock(symbol, mic)
    history = alpha_vantage(symbol, stock.id)
    bars = tuple(bar for bar in history.bars if bar.day <= LAST)
    splits = tuple(split for split in history.splits if split.day <= LAST)
    write_history(replace(history, bars=bars, splits=splits), stock.record(), now)
    db.session.commit()
    return stock


@pytest.mark.both_databases
def test_what_is_stored_is_what_was_published(app: Flask, set_clock: Clock) -> None:
    set_clock.moment = READ_ON
    spy, aapl = add_real("SPY", "ARCX", READ_ON), add_real("AAPL", "XNAS", READ_ON)
    analyse()
    for line in AAPL.strip().splitlines():
        week, *figures = line.split()
        row = db.session.get_one(StageWeek, (aapl.id, dt.date.fromisoformat(week)))
        found = [row.close, row.average, row.slope, row.mansfield, row.week_volume]
        for figure, expected, apart in zip(found, figures, APART, strict=True):
            assert figure == pytest.approx(float(expected), abs=apart), (week, expected)
    in_decline = db.session.get_one(StageWeek, (aapl.id, dt.date(2009, 3, 6)))
    assert in_decline.stage == 4
    stands = snapshot_of(aapl)
    assert (stands.day, stands.week, stands.benchmark, stands.stage) == (LAST, LAST, "ARCX:SPY", 2)
    assert snapshot_of(spy).stage == 2


def test_a_stock_without_splits_has_the_weeks_of_its_raw_closes(app: Flask, set_clock: Clock) -> None:
    set_clock.moment = READ_ON
    ibm = add_real("IBM", "XNYS", READ_ON)
    analyse()
    bars = [bar for bar in alpha_vantage("IBM", ibm.id).bars if bar.day <= LAST]
    # Of a week's closes the last one stays.
    closes = {bar.day + dt.timedelta(days=4 - bar.day.weekday()): float(bar.close) for bar in bars}
    rows = db.session.query(StageWeek).filter_by(instrument_id=ibm.id).order_by(StageWeek.week).all()
    assert {row.week: row.close for row in rows} == closes
    assert [row.stage for row in rows][:33] == [None] * 33
    assert {row.stage for row in rows[34:]} == {1, 2, 3, 4}
