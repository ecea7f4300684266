"""What a source sends is stored among what is there of it, and nothing is written that does not differ."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, select

from tests.factories import add_stock
from tests.webapp.bars.conftest import (
    LATER,
    NOW,
    alpha_vantage,
    bars_of,
    day,
    one_bar,
    row_of,
    stored,
    weekdays,
)
from webapp.bars import writing
from webapp.bars.codec import UNKNOWN, Bars, unpack
from webapp.bars.writing import Batch, Written, drop_source, write_bars, write_history, write_many
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, DividendRow, SplitRow
from webapp.records import Adjustment, Bar, Dividend, History, Split

pytestmark = pytest.mark.both_databases
NONE = Adjustment.NONE


def write(stock_id: int, bars: Bars, now: dt.datetime = NOW, source: str = "file") -> Written:
    written = write_bars(stock_id, "1d", source, bars, adjusted=NONE, now=now)
    db.session.commit()
    return written


def test_new_bars_are_stored_a_year_in_a_chunk(app: Flask) -> None:
    stock = add_stock("AAPL")
    written = write(stock.id, bars_of([day("2024-12-30"), day("2025-01-02"), day("2025-01-03")], [10, 11, 12]))
    assert (written.added, written.changed, written.unchanged) == (3, 0, 0)
    assert stored(written.series_id) == {"2024-12-30": 10, "2025-01-02": 11, "2025-01-03": 12}
    chunks = db.session.execute(select(BarChunk.start, BarChunk.bars).order_by(BarChunk.start)).all()
    assert [tuple(chunk) for chunk in chunks] == [(day("2024-01-01"), 1), (day("2025-01-01"), 2)]
    row = row_of(written.series_id)
    assert (row.first_day, row.last_day, row.bars) == (day("2024-12-30"), day("2025-01-03"), 3)
    assert (row.adjusted, row.basis_day, row.changed_at, row.fetched_at) == ("as traded", None, NOW, NOW)


def test_a_repeated_import_changes_nothing_but_when_it_was_fetched(app: Flask) -> None:
    stock = add_stock("AAPL")
    bars = bars_of(weekdays("2023-12-25", 300), [100 + number for number in range(300)])
    first = write(stock.id, bars)
    data = db.session.scalars(select(BarChunk.data).order_by(BarChunk.start)).all()
    again = write(stock.id, bars, LATER)
    assert again == Written(first.series_id, 0, 0, 300)
    assert db.session.scalars(select(BarChunk.data).order_by(BarChunk.start)).all() == data
    row = row_of(first.series_id)
    assert (row.changed_at, row.fetched_at, row.bars) == (NOW, LATER, 300)


def test_only_the_chunk_that_differs_is_written(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, bars_of(weekdays("2022-01-03", 700), [100.0] * 700))
    sent: list[object] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_others: object) -> None:
        if "INTO bar_chunks" in statement:
            sent.append(parameters)

    event.listen(db.engine, "before_cursor_execute", note)
    write(stock.id, bars_of(weekdays("2022-01-03", 701), [100.0] * 701), LATER)
    write(stock.id, bars_of(weekdays("2022-01-03", 701), [100.0] * 701), LATER)
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(sent) == 1


def test_a_bar_that_is_sent_anew_is_as_it_is_sent_now_and_others_stay(app: Flask) -> None:
    stock = add_stock("AAPL")
    days = weekdays("2025-03-03", 5)
    first = write(stock.id, bars_of(days, [1, 2, 3, 4, 5]))
    written = write(stock.id, bars_of([days[1], days[3], day("2025-03-10"), day("2025-02-28")], [2, 40, 6, 0.5]), LATER)
    assert written == Written(first.series_id, 2, 1, 1)
    assert list(stored(first.series_id).values()) == [0.5, 1, 2, 3, 40, 5, 6]
    row = row_of(first.series_id)
    assert (row.first_day, row.last_day, row.bars, row.changed_at) == (day("2025-02-28"), day("2025-03-10"), 7, LATER)


def test_bars_come_newest_first_too_but_no_day_twice(app: Flask) -> None:
    stock = add_stock("AAPL")
    days = weekdays("2025-12-29", 4)
    written = write(stock.id, bars_of(days[::-1], [4, 3, 2, 1]))
    assert list(stored(written.series_id).values()) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="twice"):
        write_bars(stock.id, "1d", "file", bars_of([days[0], days[0]], [1, 2]), adjusted=NONE, now=NOW)


def test_many_series_are_written_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST", 3)
    stocks = [add_stock(f"S{number}") for number in range(8)]
    write(stocks[5].id, one_bar("2025-03-03", 1))
    batches = [Batch(stock.id, "file", bars_of(weekdays("2025-03-03", 3), [1, 2, number]))
               for number, stock in enumerate(stocks)]
    batches.append(Batch(stocks[0].id, "file", one_bar("2024-03-04", 7)))
    batches.append(Batch(stocks[1].id, "other", one_bar("2024-03-04", 8)))
    written = write_many(batches, LATER)
    db.session.commit()
    assert [(one.added, one.unchanged) for one in written] == [
        (4, 0), (3, 0), (3, 0), (3, 0), (3, 0), (2, 1), (3, 0), (3, 0), (1, 0)]
    assert list(stored(written[0].series_id).values()) == [7, 1, 2, 0]
    assert list(stored(written[8].series_id).values()) == [8]
    assert len({one.series_id for one in written}) == 9


def test_a_batch_without_bars_leaves_a_series_that_was_asked_for(app: Flask) -> None:
    stock = add_stock("AAPL")
    nothing = one_bar("2025-03-03", 1).take(slice(0, 0))
    written = write(stock.id, nothing)
    row = row_of(written.series_id)
    assert (written.added, row.bars, row.first_day, row.fetched_at) == (0, 0, None, NOW)
    assert write(stock.id, one_bar("2025-03-03", 1), LATER) == Written(written.series_id, 1, 0, 0)
    assert row_of(written.series_id).changed_at == LATER


def test_minutes_are_stored_a_day_in_a_chunk(app: Flask) -> None:
    stock = add_stock("AAPL")
    morning = 20_000 * 1440 + 14 * 60
    bars = bars_of([day("2025-03-03")] * 4, [1, 2, 3, 4])
    bars.at[:] = [morning, morning + 1, morning + 1440, morning + 1441]
    written = write_bars(stock.id, "1m", "alpaca", bars, adjusted=NONE, now=NOW)
    chunks = db.session.execute(select(BarChunk.start, BarChunk.bars).order_by(BarChunk.start)).all()
    first = dt.date(1970, 1, 1) + dt.timedelta(days=20_000)
    assert [tuple(chunk) for chunk in chunks] == [(first, 2), (first + dt.timedelta(days=1), 2)]
    row = row_of(written.series_id)
    assert (row.interval, row.first_day, row.last_day) == ("1m", first, first + dt.timedelta(days=1))


def history(stock_id: int, *bars: Bar, **others: object) -> History:
    fields: dict[str, object] = {"source": "tiingo", "adjusted": NONE} | others
    return History(instrument_id=stock_id, bars=bars, **fields)  # type: ignore[arg-type]


def test_a_vendors_answer_is_stored_in_the_currency_with_its_events(app: Flask) -> None:
    stock = add_stock("VOD", "XLON", currency="GBP", unit="GBX", country="GB")
    write_history(history(
        stock.id, Bar(day("2025-03-03"), Decimal("71.0201"), Decimal(70), Decimal("72.5"), None, 10**10),
        Bar(day("2025-03-04"), Decimal("72.1")), splits=(Split(day("2025-03-04"), Decimal("0.5")),),
        dividends=(Dividend(day("2025-03-04"), Decimal("2.25")), Dividend(day("2025-03-04"), Decimal("1.25")))),
        stock.record(), NOW)
    db.session.commit()
    series = db.session.scalars(select(BarSeries)).one()
    assert stored(series.id) == {"2025-03-03": 0.710201, "2025-03-04": 0.721}
    split = db.session.scalars(select(SplitRow)).one()
    assert (split.day, split.ratio, split.source, split.known_at) == (day("2025-03-04"), Decimal("0.5"), "tiingo", NOW)
    dividend = db.session.scalars(select(DividendRow)).one()
    assert (dividend.day, dividend.amount) == (day("2025-03-04"), Decimal("0.0350"))


def test_a_vendor_that_divides_its_prices_divides_its_dividends_too(app: Flask) -> None:
    stock = add_stock("AAPL")
    splits = (Split(day("2014-06-09"), Decimal(7)), Split(day("2020-08-31"), Decimal(4)))
    dividends = (Dividend(day("2014-05-08"), Decimal("0.1175")), Dividend(day("2020-05-08"), Decimal("0.205")),
                 Dividend(day("2020-11-06"), Decimal("0.205")))
    write_history(history(stock.id, Bar(day("2020-11-27"), Decimal("116.59")), adjusted=Adjustment.SPLITS,
                          splits=splits, dividends=dividends), stock.record(), NOW)
    rows = db.session.scalars(select(DividendRow).order_by(DividendRow.day))
    assert [row.amount for row in rows] == [Decimal("3.29"), Decimal("0.82"), Decimal("0.205")]
    assert db.session.scalars(select(BarSeries.basis_day)).one() == day("2026-03-11")


def test_an_answer_in_another_currency_is_refused(app: Flask) -> None:
    stock = add_stock("VOD", "XLON", currency="GBP", unit="GBX", country="GB")
    with pytest.raises(ValueError, match="in EUR, not in GBP"):
        write_history(history(stock.id, Bar(day("2025-03-03"), Decimal(71)), unit="EUR"), stock.record(), NOW)
    with pytest.raises(ValueError, match="above"):
        write_history(history(stock.id, Bar(day("2025-03-03"), Decimal(10**10))), stock.record(), NOW)


def test_a_source_goes_with_its_events_and_nothing_else(app: Flask) -> None:
    stock = add_stock("AAPL")
    for source in ("simulator", "tiingo"):
        write_history(history(stock.id, Bar(day("2025-03-03"), Decimal(71)), source=source, splits=(
            Split(day("2025-03-04") if source == "tiingo" else day("2024-03-04"), Decimal(2)),), dividends=(
            Dividend(day("2025-03-04"), Decimal(1)),)), stock.record(), NOW)
    write_bars(stock.id, "1m", "simulator-ticks", one_bar("2025-03-03", 1), adjusted=NONE, now=NOW)
    assert drop_source("simulator") == 2
    db.session.commit()
    assert drop_source("simulator") == 0
    for column in (BarSeries.source, SplitRow.source, DividendRow.source):
        assert db.session.scalars(select(column)).all() == ["tiingo"]
    assert len(db.session.scalars(select(BarChunk.start)).all()) == 1


def test_the_real_past_of_a_stock_comes_back_to_its_last_digit(app: Flask) -> None:
    stock = add_stock("AAPL")
    real = alpha_vantage("AAPL", stock.id)
    written = write_history(real, stock.record(), NOW)
    db.session.commit()
    assert written.added == 5303
    closes = stored(written.series_id)
    assert closes == {bar.day.isoformat(): float(bar.close) for bar in real.bars}
    assert write_history(real, stock.record(), LATER) == Written(written.series_id, 0, 0, 5303)
    assert row_of(written.series_id).changed_at == NOW
    assert {row.known_at for row in db.session.scalars(select(SplitRow))} == {NOW}


def test_what_is_not_known_stays_unknown(app: Flask) -> None:
    stock = add_stock("AAPL")
    write_history(history(stock.id, Bar(day("2025-03-03"), Decimal(71))), stock.record(), NOW)
    bars = unpack(db.session.scalars(select(BarChunk.data)).one())
    assert [int(column[0]) for column in (bars.open, bars.high, bars.low, bars.volume)] == [UNKNOWN] * 4


def test_two_that_write_the_same_series_at_once_lose_nothing(app: Flask) -> None:
    stock_id = add_stock("AAPL").id
    series_id = write(stock_id, one_bar("2025-01-02", 1)).series_id
    days = weekdays("2025-02-03", 40)
    together = Barrier(4)

    def append(number: int) -> None:
        with app.app_context():
            together.wait(20)
            for one in days[number::4]:
                write_bars(stock_id, "1d", "file", bars_of([one], [float(number)]), adjusted=NONE, now=NOW)
                db.session.commit()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(append, number) for number in range(4)]:
            done.result(60)
    assert len(stored(series_id)) == 41
    db.session.rollback()
    row = row_of(series_id)
    assert (row.bars, row.last_day) == (41, days[-1])
