"""All sources of an instrument are one series, in the shares of today, whatever they had adjusted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import event

from tests.factories import add_stock
from tests.webapp.bars.conftest import LATER, NOW, alpha_vantage, bars_of, day, one_bar, weekdays
from webapp import clock
from webapp.analytics.series import to_day, to_number
from webapp.bars.reading import Past, load_minutes, load_past, trading_days
from webapp.bars.writing import Batch, write_events, write_history, write_many
from webapp.extensions import db
from webapp.models import TradingYear
from webapp.records import Adjustment, Dividend, Split

pytestmark = pytest.mark.both_databases
DAYS = weekdays("2025-03-03", 6)


def write(stock_id: int, source: str, days: list[dt.date], closes: list[float],
          adjusted: Adjustment = Adjustment.NONE, basis_day: dt.date | None = None, now: dt.datetime = NOW) -> None:
    write_many([Batch(stock_id, source, bars_of(days, closes), adjusted, basis_day)], now)
    db.session.commit()


def split(stock_id: int, text: str, ratio: str = "2", now: dt.datetime = NOW) -> None:
    write_events(stock_id, [Split(day(text), Decimal(ratio))], [], "tiingo", now)
    db.session.commit()


def past_of(stock_id: int, adjusted: Adjustment = Adjustment.SPLITS, since: dt.date | None = None) -> Past:
    return load_past([stock_id], adjusted=adjusted, since=since)[stock_id]


def closes(past: Past) -> list[float]:
    return list(past.series.close.tolist())


def test_bars_come_back_oldest_first_with_all_that_is_known(app: Flask) -> None:
    stock = add_stock("AAPL")
    days = [day("2024-12-30"), *DAYS]
    write(stock.id, "tiingo", days, [10, 11, 12, 13, 14, 15, 16])
    past = past_of(stock.id)
    assert [to_day(at) for at in past.series.at.tolist()] == days
    assert closes(past) == past.raw_close.tolist() == [10, 11, 12, 13, 14, 15, 16]
    assert (past.adjusted, past.sources, past.splits, past.dividends) == (Adjustment.SPLITS, ("tiingo",), (), ())
    assert (past.series.open[0], past.series.high[0], past.series.low[0], past.series.volume[0]) == (10, 11, 9.5, 1000)
    assert past.changed_at == NOW


def test_an_instrument_without_bars_has_no_past(app: Flask) -> None:
    stock, other = add_stock("AAPL"), add_stock("MSFT")
    write(stock.id, "tiingo", DAYS, [1] * 6)
    write_many([Batch(other.id, "tiingo", one_bar("2025-03-03", 1).take(slice(0, 0)))], NOW)
    assert set(load_past([stock.id, other.id, 999])) == {stock.id}
    assert load_past([]) == {}
    assert load_past([stock.id], since=day("2025-03-11")) == {}


def test_bars_as_traded_are_divided_for_the_splits_after_them(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", DAYS, [100, 102, 104, 53, 54, 18])
    split(stock.id, "2025-03-06")
    split(stock.id, "2025-03-10", "3", LATER)
    past = past_of(stock.id)
    assert closes(past) == [100 / 6, 17, 104 / 6, 53 / 3, 18, 18]
    assert past.raw_close.tolist() == [100, 102, 104, 53, 54, 18]
    assert past.series.volume.tolist() == [6000, 6000, 6000, 3000, 3000, 1000]
    assert past.series.low[3] == 52.5 / 3
    assert past.splits == (Split(day("2025-03-06"), Decimal(2)), Split(day("2025-03-10"), Decimal(3)))
    assert past.changed_at == LATER
    raw = past_of(stock.id, Adjustment.NONE)
    assert closes(raw) == raw.raw_close.tolist() == [100, 102, 104, 53, 54, 18]
    assert raw.adjusted is Adjustment.NONE


def test_bars_that_were_divided_are_divided_for_the_splits_since(app: Flask) -> None:
    stock = add_stock("AAPL")
    split(stock.id, "2025-03-04")
    write(stock.id, "yahoo", DAYS, [50, 51, 52, 53, 54, 27], Adjustment.SPLITS, day("2025-03-07"))
    split(stock.id, "2025-03-10")
    past = past_of(stock.id)
    assert closes(past) == [25, 25.5, 26, 26.5, 27, 27]
    assert past.raw_close.tolist() == [100, 51, 52, 53, 54, 27]
    assert past.series.volume.tolist() == [2000, 2000, 2000, 2000, 2000, 1000]
    assert closes(past_of(stock.id, Adjustment.NONE)) == [100, 51, 52, 53, 54, 27]


def test_a_split_that_is_still_to_come_divides_nothing_until_its_day_at_the_exchange(
        app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, tokyo = add_stock("AAPL"), add_stock("7203", "XTKS")
    for one in (stock, tokyo):
        write(one.id, "tiingo", DAYS, [100, 101, 102, 103, 104, 105])
        split(one.id, "2026-03-12")
    assert closes(past_of(stock.id))[-1] == 105
    assert past_of(stock.id).splits == ()
    assert closes(past_of(tokyo.id))[-1] == 52.5  # it is the 12th there already
    monkeypatch.setattr(clock, "now", lambda: LATER)
    past = past_of(stock.id)
    assert closes(past)[-1] == 52.5
    assert past.changed_at == dt.datetime(2026, 3, 12, 4, tzinfo=dt.UTC)


def test_sources_are_joined_day_by_day_the_better_one_first(app: Flask) -> None:
    stock = add_stock("AAPL")
    split(stock.id, "2025-03-06")
    write(stock.id, "tiingo", DAYS[1:4], [102.5, 104.5, 53.5])
    write(stock.id, "yahoo", DAYS, [50, 51, 52, 53, 54, 55], Adjustment.SPLITS, day("2025-03-10"), LATER)
    write(stock.id, "my-file", DAYS[2:3], [104.75])
    past = past_of(stock.id)
    assert closes(past) == [50, 51.25, 52.375, 53.5, 54, 55]
    assert past.raw_close.tolist() == [100, 102.5, 104.75, 53.5, 54, 55]
    assert past.sources == ("my-file", "tiingo", "yahoo")
    assert past.changed_at == LATER


def test_the_order_of_vendors_is_the_one_that_is_set(app: Flask) -> None:
    stock = add_stock("AAPL")
    settings = app.config["SETTINGS"]
    settings.TIINGO_API_KEY, settings.ALPACA_API_KEY = "key", "key"
    for source, price in (("tiingo", 100.0), ("alpaca", 101.0), ("fmp", 102.0)):
        write(stock.id, source, DAYS, [price] * 6)
    assert past_of(stock.id).sources == ("alpaca", "tiingo", "fmp")
    settings.PROVIDERS = ("tiingo",)
    assert past_of(stock.id).sources == ("tiingo", "alpaca", "fmp")


def test_a_source_that_is_far_off_the_better_one_is_left_out(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", DAYS[2:], [104, 106, 108, 110])
    write(stock.id, "yahoo", DAYS, [50, 51, 52, 53, 54, 55], Adjustment.SPLITS, day("2025-03-10"))
    past = past_of(stock.id)
    assert (past.sources, closes(past)) == (("tiingo",), [104, 106, 108, 110])
    split(stock.id, "2026-03-10")  # it had halved its prices for a split that we did not know
    write(stock.id, "yahoo", DAYS, [50, 51, 52, 53, 54, 55], Adjustment.SPLITS, day("2026-03-11"))
    past = past_of(stock.id)
    assert (past.sources, closes(past)) == (("tiingo", "yahoo"), [50, 51, 52, 53, 54, 55])


def test_what_a_source_adjusted_for_dividends_stands_alone_and_only_where_there_is_nothing_else(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "stooq", DAYS, [9, 10, 11, 12, 13, 14], Adjustment.ALL, day("2025-03-10"))
    write(stock.id, "other", DAYS[:2], [7, 8], Adjustment.ALL, day("2025-03-10"))
    write_events(stock.id, [Split(day("2025-03-05"), Decimal(2))], [Dividend(day("2025-03-05"), Decimal(1))], "x", NOW)
    past = past_of(stock.id)
    assert len(past.sources) == 1
    assert past.adjusted is Adjustment.ALL
    assert np.isnan(past.raw_close).all()
    assert closes(past_of(stock.id, Adjustment.ALL)) == closes(past)
    write(stock.id, "tiingo", DAYS[4:], [13, 14])
    past = past_of(stock.id)
    assert (past.sources, past.adjusted, closes(past)) == (("tiingo",), Adjustment.SPLITS, [13, 14])


def test_what_is_made_up_is_never_joined_with_what_is_real(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "simulator", DAYS, [1, 2, 3, 4, 5, 6])
    assert past_of(stock.id).sources == ("simulator",)
    write(stock.id, "stooq", DAYS[:1], [9], Adjustment.ALL, day("2025-03-10"))
    assert past_of(stock.id).sources == ("stooq",)
    write(stock.id, "tiingo", DAYS[1:2], [8])
    assert (past_of(stock.id).sources, closes(past_of(stock.id))) == (("tiingo",), [8])


def test_dividends_are_taken_out_by_our_own_formula(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", DAYS, [100, 100, 50, 50, 49, 50])
    write_events(stock.id, [Split(DAYS[2], Decimal(2))],
                 [Dividend(DAYS[1], Decimal(10)), Dividend(DAYS[2], Decimal(1)), Dividend(DAYS[4], Decimal(1))],
                 "tiingo", NOW)
    past = past_of(stock.id, Adjustment.ALL)
    last, middle, first = 1 - 1 / 50, 1 - 1 / 50, 1 - 10 / 100
    np.testing.assert_allclose(closes(past), [
        50 * first * middle * last, 50 * middle * last, 50 * last, 50 * last, 49, 50], rtol=1e-12)
    assert past.series.volume.tolist() == [2000, 2000, 1000, 1000, 1000, 1000]
    assert past.raw_close.tolist() == [100, 100, 50, 50, 49, 50]
    assert past.adjusted is Adjustment.ALL
    assert [dividend.amount for dividend in past.dividends] == [10, 1, 1]
    assert closes(past_of(stock.id))[0] == 50


def test_a_dividend_that_two_sources_know_is_paid_once(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", DAYS, [1] * 6)
    write_events(stock.id, [], [Dividend(day("2025-03-04"), Decimal("0.25")),
                                Dividend(day("2025-03-04"), Decimal("0.05"))], "yahoo", NOW)
    write_events(stock.id, [], [Dividend(day("2025-03-04"), Decimal("0.31"))], "fmp", NOW)
    write_events(stock.id, [], [Dividend(day("2025-03-05"), Decimal("0.3001")),
                                Dividend(day("2025-03-07"), Decimal("0.1")),
                                Dividend(day("2024-12-04"), Decimal("0.3"))], "massive", NOW)
    assert [(one.day.isoformat(), str(one.amount)) for one in past_of(stock.id).dividends] == [
        ("2024-12-04", "0.3"), ("2025-03-04", "0.30"), ("2025-03-07", "0.1")]


def test_only_the_bars_since_a_day_are_read(app: Flask) -> None:
    stock = add_stock("AAPL")
    write(stock.id, "tiingo", [day("2023-05-01"), *DAYS], [1, 11, 12, 13, 14, 15, 16])
    past = past_of(stock.id, since=DAYS[3])
    assert (closes(past), past.raw_close.tolist()) == ([14, 15, 16], [14, 15, 16])
    assert past.series.at[0] == to_number(DAYS[3])


@pytest.fixture
def counted(app: Flask) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def test_many_instruments_are_read_with_few_statements(app: Flask, counted: list[str]) -> None:
    stocks = [add_stock(f"S{number}") for number in range(20)]
    write_many([Batch(stock.id, "tiingo", bars_of(DAYS, [stock.id] * 6)) for stock in stocks], NOW)
    db.session.commit()
    ids = [stock.id for stock in stocks]
    counted.clear()
    pasts = load_past(ids)
    assert len(counted) <= 6
    assert [closes(pasts[number]) for number in ids] == [[number] * 6 for number in ids]


def test_the_real_past_of_apple_is_in_the_shares_of_today(app: Flask) -> None:
    stock = add_stock("AAPL")
    write_history(alpha_vantage("AAPL", stock.id), stock.record(), NOW)
    db.session.commit()
    past = past_of(stock.id)
    found = dict(zip(past.series.at.tolist(), past.series.close.tolist(), strict=True))
    assert found[to_number(day("2020-08-28"))] == pytest.approx(499.23 / 4)
    assert found[to_number(day("2014-06-06"))] == pytest.approx(645.57 / 28)
    assert found[to_number(day("1999-11-01"))] == pytest.approx(77.62 / 112)
    assert past.raw_close[past.series.at == to_number(day("2014-06-06"))].tolist() == [645.57]
    returns = np.abs(np.diff(np.log(past.series.close)))
    assert np.sort(returns)[-2] < 0.25  # but for the crash of 2000-09-29 nothing jumps, on the days of splits neither


def test_minutes_are_those_of_the_exchanges_day(app: Flask) -> None:
    stock = add_stock("CBA", "XASX", currency="AUD", country="AU")
    opening = int(dt.datetime(2026, 3, 9, 23, 0, tzinfo=dt.UTC).timestamp()) // 60  # 10 o'clock of the 10th in Sydney
    at = [opening - 700, opening, opening + 1, opening + 120, opening + 24 * 60]
    bars = bars_of([day("2025-03-03")] * 5, [1, 2, 30, 4, 5])
    bars.at[:] = at
    better = bars_of([day("2025-03-03")] * 2, [30.5, 35])
    better.at[:] = [opening + 1, opening + 2]
    write_many([Batch(stock.id, "twelve-data", bars, interval="1m"),
                Batch(stock.id, "my-file", better, interval="1m")], NOW)
    series = load_minutes(stock.id, day("2026-03-10"), day("2026-03-10"))
    assert (series.at - opening).tolist() == [0, 1, 2, 120]
    assert series.close.tolist() == [2, 30.5, 35, 4]
    split(stock.id, "2026-03-11")
    both = load_minutes(stock.id, day("2026-03-10"), day("2026-03-11"))
    assert both.close.tolist() == [1, 15.25, 17.5, 2, 5]
    assert both.volume.tolist() == [2000, 2000, 2000, 2000, 1000]
    assert len(load_minutes(stock.id, day("2026-03-12"), day("2026-03-12"))) == 0
    assert len(load_minutes(add_stock("BHP", "XASX").id, day("2026-03-10"), day("2026-03-10"))) == 0


def test_minutes_of_a_vendor_come_before_those_of_ticks_and_made_up_ones_only_alone(app: Flask) -> None:
    stock = add_stock("AAPL")
    opening = int(dt.datetime(2026, 3, 10, 14, 0, tzinfo=dt.UTC).timestamp()) // 60

    def minutes(source: str, price: float, *after: int) -> None:
        bars = bars_of([day("2026-03-10")] * len(after), [price] * len(after))
        bars.at[:] = [opening + minute for minute in after]
        write_many([Batch(stock.id, source, bars, interval="1m")], NOW)

    def shown() -> list[float]:
        return list(load_minutes(stock.id, day("2026-03-10"), day("2026-03-10")).close)

    minutes("simulator-ticks", 9.9, 0, 1, 2, 3)
    minutes("simulator", 10, 0, 1, 2)
    assert shown() == [10, 10, 10, 9.9]
    minutes("fmp-ticks", 20.5, 0, 1)
    assert shown() == [20.5, 20.5]
    minutes("yahoo", 20, 1)
    assert shown() == [20.5, 20]


def test_trading_days_are_known_only_where_all_of_their_years_are(app: Flask) -> None:
    db.session.add_all([TradingYear(mic="XNAS", year=2024, days=[2, 365, 366]),
                        TradingYear(mic="XNAS", year=2025, days=[2, 3, 6])])
    db.session.commit()
    days = trading_days("XNAS", day("2024-12-30"), day("2025-01-03"))
    assert days is not None
    assert [to_day(number).isoformat() for number in days.tolist()] == [
        "2024-12-30", "2024-12-31", "2025-01-02", "2025-01-03"]
    assert trading_days("XNAS", day("2023-12-30"), day("2025-01-03")) is None
    assert trading_days("XLON", day("2024-12-30"), day("2025-01-03")) is None
