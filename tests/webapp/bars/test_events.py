"""Splits and dividends: what is kept of what several sources say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.bars.conftest import LATER, NOW, day
from webapp.bars.events import Events, load_dividends, load_splits, write_events, write_many_events
from webapp.bars.sources import rank_of
from webapp.extensions import db
from webapp.models import BarSeries, DividendRow, SplitRow
from webapp.models.bars import DAY
from webapp.records import Adjustment, Dividend, Split

pytestmark = pytest.mark.both_databases


def split(text: str, ratio: str) -> Split:
    return Split(day(text), Decimal(ratio))


def known() -> list[tuple[str, str, str]]:
    return [(row.day.isoformat(), str(row.ratio), row.source) for row in db.session.scalars(
        select(SplitRow).order_by(SplitRow.day).execution_options(populate_existing=True))]


def write(stock_id: int, source: str, *splits: Split) -> int:
    count = write_events(stock_id, splits, [], source, NOW)
    db.session.commit()
    return count


def test_events_that_are_known_are_not_written_again(app: Flask) -> None:
    stock = add_stock("AAPL")
    events = ([split("2014-06-09", "7"), split("2020-08-31", "4")], [Dividend(day("2020-08-07"), Decimal("0.82"))])
    assert write_events(stock.id, *events, "tiingo", NOW) == 3
    assert write_events(stock.id, *events, "tiingo", LATER) == 0
    db.session.commit()
    assert {row.known_at for row in db.session.scalars(select(SplitRow))} == {NOW}
    assert {row.known_at for row in db.session.scalars(select(DividendRow))} == {NOW}
    assert write_events(stock.id, [], [], "tiingo", NOW) == 0


def test_a_split_that_another_source_dates_some_days_off_is_the_same_one(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", split("2014-06-09", "7"))
    assert write(stock.id, "yahoo", split("2014-06-06", "7.00000700001"), split("2014-06-11", "7")) == 0
    assert write(stock.id, "yahoo", split("2014-06-06", "3"), split("2015-06-09", "7")) == 2
    assert [one[:2] for one in known()] == [("2014-06-06", "3"), ("2014-06-09", "7"), ("2015-06-09", "7")]


def test_what_the_simulator_made_up_does_not_touch_a_real_past(app: Flask) -> None:
    stock, other = add_stock("AAPL"), add_stock("MSFT")
    made_up = [split("2021-12-06", "4")], [Dividend(day("2021-06-07"), Decimal("0.5"))]
    for number in (stock.id, other.id):
        write_events(number, *made_up, "simulator", NOW)
    assert load_splits([stock.id])[stock.id] == tuple(made_up[0])
    add_series(stock.id, "file", DAY)
    add_series(other.id, "simulator", DAY)
    assert load_splits([stock.id, other.id]) == {other.id: tuple(made_up[0])}
    assert load_dividends([stock.id, other.id]) == {stock.id: (), other.id: tuple(made_up[1])}
    write_events(stock.id, [split("2021-12-08", "4")], [], "tiingo", NOW)
    assert load_splits([stock.id])[stock.id] == (split("2021-12-08", "4"),)


def add_series(stock_id: int, source: str, interval: str) -> None:
    db.session.add(BarSeries(instrument_id=stock_id, interval=interval, source=source, adjusted=Adjustment.NONE.value,
                             fetched_at=NOW, changed_at=NOW))
    db.session.commit()


def test_a_source_may_correct_itself_and_a_better_one_a_lesser(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "yahoo", split("2014-06-09", "6"))
    assert write(stock.id, "yahoo", split("2014-06-09", "7")) == 1
    assert write(stock.id, "fmp", split("2014-06-09", "8")) == 0
    assert write(stock.id, "admin", split("2014-06-09", "9")) == 1
    assert write(stock.id, "yahoo", split("2014-06-09", "7")) == 0
    assert write(stock.id, "admin", split("2014-06-09", "9.00001")) == 0
    assert known() == [("2014-06-09", "9", "admin")]


def test_events_of_many_instruments_are_written_at_once(app: Flask) -> None:
    one, other = add_stock("AAPL"), add_stock("MSFT")
    write(one.id, "file", split("2014-06-09", "7"))
    count = write_many_events({
        one.id: Events([split("2014-06-09", "7"), split("2020-08-31", "4")]),
        other.id: Events([split("2003-02-18", "2")], [Dividend(day("2003-02-19"), Decimal("0.08")),
                                                      Dividend(day("2003-02-19"), Decimal("3"))])}, "file", LATER)
    assert count == 3
    assert load_splits([one.id, other.id]) == {
        one.id: (split("2014-06-09", "7"), split("2020-08-31", "4")), other.id: (split("2003-02-18", "2"),)}
    assert load_dividends([one.id, other.id]) == {other.id: (Dividend(day("2003-02-19"), Decimal("3.08")),)}
    assert not load_splits([])
    assert not load_dividends([])


def test_a_dividend_that_its_source_corrected_is_as_it_says_now(app: Flask) -> None:
    stock = add_stock("AAPL")
    for amount, moment in (("0.82", NOW), ("0.83", LATER)):
        assert write_events(stock.id, [], [Dividend(day("2020-08-07"), Decimal(amount))], "tiingo", moment) == 1
    row = db.session.scalars(select(DividendRow)).one()
    assert (row.amount, row.known_at) == (Decimal("0.83"), LATER)


def test_what_a_person_brought_is_best_and_what_is_made_up_last(app: Flask) -> None:
    sources = ["simulator-ticks", "alpaca-ticks", "simulator", "fmp", "my-ticks", "yahoo", "yahoo-ticks", "alpaca"]
    assert sorted(sources, key=lambda source: rank_of(source, ("yahoo", "alpaca"))) == [
        "my-ticks", "yahoo", "alpaca", "fmp", "yahoo-ticks", "alpaca-ticks", "simulator", "simulator-ticks"]
