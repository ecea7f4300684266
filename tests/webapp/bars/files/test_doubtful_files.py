"""Files that look right and mean something else: they are refused, not guessed at."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.bars.files.test_importing import HEAD, closes, figures, only_series, refused, run, take, written
from webapp.bars.files.days import Days
from webapp.bars.files.formats import FileRefused
from webapp.bars.files.importing import Choices, FileImport
from webapp.bars.files.stocks import Stocks
from webapp.bars.reading import load_past
from webapp.bars.writing import write_events
from webapp.extensions import db
from webapp.models import BarSeries, DividendRow, InstrumentRow
from webapp.records import Adjustment, Split

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OWN = "date,open,high,low,close,volume,symbol,mic,currency,source,adjusted\n"


def weekdays(first: dt.date, count: int) -> list[dt.date]:
    days = (first + dt.timedelta(days=number) for number in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def plain_file(days: list[dt.date], price: float = 100, form: str = "%Y-%m-%d", head: str = HEAD) -> str:
    """Return a bar a day, of rising prices."""
    return head + "".join(f"{day:{form}},{price * (1 + place / 1000):.4f},{price * (1 + place / 1000):.4f},"
                          f"{price * (1 + place / 1000):.4f},{price * (1 + place / 1000):.4f},1000\n"
                          for place, day in enumerate(days))


def refusal(path: Path, **choices: object) -> str:
    """Return why a file is refused; whatever was stored before stays as it was."""
    before = [row._asdict() for row in db.session.execute(select(BarSeries.id, BarSeries.bars, BarSeries.changed_at))]
    with pytest.raises(FileRefused) as caught:
        run(FileImport(path, Choices(**choices), NOW))  # type: ignore[arg-type]
    db.session.rollback()
    after = [row._asdict() for row in db.session.execute(select(BarSeries.id, BarSeries.bars, BarSeries.changed_at))]
    assert before == after
    return str(caught.value)


@pytest.mark.parametrize("skip", [False, True])
def test_days_before_months_are_refused_with_the_file_even_if_bad_lines_are_skipped(
        app: Flask, tmp_path: Path, skip: bool) -> None:
    stock = add_stock("AAPL")
    path = written(tmp_path, plain_file(weekdays(dt.date(2020, 1, 1), 300), form="%d/%m/%Y"))
    assert "the day before the month" in refused(path, instrument=stock.record(), skip=skip)[0]


def test_a_few_days_that_are_nearer_together_with_the_day_first_are_not_guessed(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    days = weekdays(dt.date(2020, 12, 1), 8)
    why, _lines = refused(written(tmp_path, plain_file(days, form="%d/%m/%Y")), instrument=stock.record())
    assert "may be meant either way" in why
    take(written(tmp_path, plain_file(days, form="%m/%d/%Y")), instrument=stock.record())
    assert (only_series().first_day, only_series().last_day) == (days[0], days[-1])


@pytest.mark.parametrize(("mic", "text", "day"), [
    ("XTKS", "2020-08-06 15:00:00+00:00", "2020-08-07"), ("XLON", "2020-08-06T23:00:00Z", "2020-08-07"),
    ("XNYS", "2020-08-07 04:00:00+00:00", "2020-08-07"), ("XNYS", "2020-08-07 00:00:00-04:00", "2020-08-07"),
    ("XNYS", "2020-08-08 00:30:00+0000", "2020-08-07"), ("XNYS", "2020-08-07T00:00:00.000Z", "2020-08-07"),
    ("XNYS", "2020-08-07 16:00", "2020-08-07"), ("XNYS", "8/7/2020 8:00 PM UTC", "2020-08-07")])
def test_a_moment_is_of_the_day_that_it_was_at_the_exchange(app: Flask, tmp_path: Path, mic: str, text: str,
                                                            day: str) -> None:
    stock = add_stock("A", mic)
    take(written(tmp_path, f"date,close\n{text},10\n"), instrument=stock.record())
    assert str(only_series().first_day) == day


def test_a_moment_of_a_stock_of_any_exchange_is_refused(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("A", "XTKS", currency="JPY", country="JP")
    path = written(tmp_path, "symbol,date,close\nA,2020-08-06 15:00:00+00:00,10\n")
    assert "name the exchange" in refused(path)[1][0][1]
    take(path, mic="XTKS")
    assert (only_series().instrument_id, only_series().first_day) == (stock.id, dt.date(2020, 8, 7))


@pytest.mark.parametrize(("step", "word"), [(7, "week"), (30, "month")])
def test_bars_of_weeks_or_months_are_refused(app: Flask, tmp_path: Path, step: int, word: str) -> None:
    stock = add_stock("AAPL")
    days = [dt.date(2020, 1, 3) + dt.timedelta(days=step * number) for number in range(40)]
    text = plain_file(days, head="timestamp,open,high,low,close,volume\n")
    assert f"of a {word}" in refused(written(tmp_path, text), instrument=stock.record())[0]


@pytest.mark.parametrize("factor", [0.01, 1.7, 100])
@pytest.mark.parametrize("source", ["", "mine"])
def test_a_file_of_another_stock_or_unit_is_refused_unless_a_person_says_that_it_is_right(
        app: Flask, tmp_path: Path, factor: float, source: str) -> None:
    stock, days = add_stock("AAPL"), weekdays(dt.date(2020, 1, 1), 60)
    take(written(tmp_path, plain_file(days)), instrument=stock.record())
    path = written(tmp_path, plain_file(days, 100 * factor))
    why = refusal(path, instrument=stock.record(), source=source)
    assert "XNAS:AAPL" in why
    assert f"{factor:g} times" in why
    take(path, instrument=stock.record(), source=source, anyway=True)
    assert db.session.query(BarSeries).count() == (2 if source else 1)


def test_corrected_bars_are_no_other_stock(app: Flask, tmp_path: Path) -> None:
    stock, days = add_stock("AAPL"), weekdays(dt.date(2020, 1, 1), 60)
    take(written(tmp_path, plain_file(days)), instrument=stock.record())
    assert figures(take(written(tmp_path, plain_file(days, 101)), instrument=stock.record())) == (0, 60, 0)


def test_made_up_prices_are_no_measure(app: Flask, tmp_path: Path) -> None:
    stock, days = add_stock("AAPL"), weekdays(dt.date(2020, 1, 1), 60)
    take(written(tmp_path, plain_file(days)), instrument=stock.record(), source="simulator")
    take(written(tmp_path, plain_file(days, 7)), instrument=stock.record())
    assert closes(stock)[0] == 7


def split_later(app: Flask) -> InstrumentRow:
    """Return a stock that was split 4:1 after the days of the files of these tests."""
    stock = add_stock("AAPL")
    write_events(stock.id, [Split(dt.date(2020, 8, 31), Decimal(4))], [], "alpha-vantage", NOW)
    db.session.commit()
    return stock


YAHOO = "Date,Open,High,Low,Close,Volume\n"


@pytest.mark.parametrize("made_late", [False, True])
def test_whether_a_file_has_a_later_split_in_it_is_seen_by_what_is_stored(app: Flask, tmp_path: Path,
                                                                         made_late: bool) -> None:
    stock, days = split_later(app), weekdays(dt.date(2020, 1, 1), 60)
    take(written(tmp_path, plain_file(days, 400)), instrument=stock.record())
    path = written(tmp_path, plain_file(days, 100 if made_late else 400))
    for _again in range(2):
        take(path, instrument=stock.record(), adjusted=Adjustment.SPLITS, source="yahoo-file")
        past = load_past([stock.id])[stock.id]
        assert past.raw_close[0] == pytest.approx(400)
        assert past.series.close[0] == pytest.approx(100)
        assert set(past.sources) == {"file", "yahoo-file"}


def test_whether_a_file_has_a_later_split_in_it_is_asked_where_nothing_tells(app: Flask, tmp_path: Path) -> None:
    stock, days = split_later(app), weekdays(dt.date(2020, 1, 1), 60)
    path = written(tmp_path, plain_file(days))
    why = refusal(path, instrument=stock.record(), adjusted=Adjustment.SPLITS)
    assert "2020-08-31" in why
    assert "made" in why
    take(path, instrument=stock.record(), adjusted=Adjustment.SPLITS, made_on=dt.date(2021, 1, 1))
    assert load_past([stock.id])[stock.id].series.close[0] == 100


def test_the_currency_and_the_adjustment_of_our_own_files_are_those_of_every_line(app: Flask, tmp_path: Path) -> None:
    add_stock("AAPL")
    line = "2020-01-0{},2.5,2.6,2.4,2.55,5,AAPL,XNAS,{},yahoo,{}\n"
    mixed = OWN + line.format(2, "USD", "splits") + line.format(3, "USD", "as traded")
    assert "adjusted" in refused(written(tmp_path, mixed))[1][0][1]
    assert "not in EUR" in refused(written(tmp_path, OWN + line.format(2, "EUR", "splits")))[1][0][1]
    mixed = OWN + line.format(2, "USD", "splits") + line.format(3, "GBX", "splits")
    assert "currency" in refused(written(tmp_path, mixed))[1][0][1]
    assert "half" in refused(written(tmp_path, OWN + line.format(2, "USD", "half")))[0]


@pytest.mark.parametrize(("symbol", "text"), [("AAPL", "AAPL.DE"), ("HEI", "HEI.A"), ("BRK.B", "BRK.A.US")])
def test_another_listing_or_class_is_another_stock(app: Flask, tmp_path: Path, symbol: str, text: str) -> None:
    stock = add_stock(symbol)
    path = written(tmp_path, f"symbol,{HEAD}{text},2020-01-02,10,11,9,10.5,1000\n")
    assert "but of" in refused(path, instrument=stock.record())[0]


@pytest.mark.parametrize(("symbol", "mic", "country", "text"), [
    ("BRK.B", "XNYS", "US", "BRK-B.US"), ("BRK.B", "XNYS", "US", "BRK.B"), ("TSCO", "XLON", "GB", "TSCO.UK"),
    ("TSCO", "XLON", "GB", "TSCO.L"), ("7203", "XTKS", "JP", "7203.JP")])
def test_the_same_stock_is_known_by_each_way_of_writing(app: Flask, tmp_path: Path, symbol: str, mic: str,
                                                        country: str, text: str) -> None:
    stock = add_stock(symbol, mic, country=country)
    take(written(tmp_path, f"symbol,{HEAD}{text},2020-01-02,10,11,9,10.5,1000\n"), instrument=stock.record())
    assert only_series().instrument_id == stock.id


def test_a_file_of_which_most_lines_are_bad_is_refused_whatever_is_skipped(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    path = written(tmp_path, HEAD + "2020-01-02,10,11,9,10.5,1\n2020-01-03,10,11,9,-1,1\n2020-01-06,10,11,9,-1,1\n")
    assert "Most lines" in refused(path, instrument=stock.record(), skip=True)[0]


def test_an_open_of_zero_is_one_that_was_not_given(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("GE")
    days = "1962-01-02,0.000000,0.7,0.6,0.65,100\n1962-01-03,0,0.7,0.6,0.65,100\n"
    for more in ("", '1962-01-04,0,"0.7",0.6,0.65,"1,000,000"\n'):
        take(written(tmp_path, HEAD + days + more), instrument=stock.record())
    past = load_past([stock.id])[stock.id]
    assert past.series.close.tolist() == [0.65] * 3
    assert not (past.series.open == 0).any()


def test_what_is_paid_on_a_refused_line_is_not_kept(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    head = "timestamp,open,high,low,close,volume,dividend_amount,split_coefficient\n"
    text = head + ("2020-01-02,10,11,9,10.5,1000,0.5,1.0\n2020-01-02,10,11,9,10.75,1000,0.7,1.0\n"
                   "2020-01-03,10,11,9,10.5,1000,0,1.0\n")
    take(written(tmp_path, text), instrument=stock.record(), skip=True)
    assert db.session.scalars(select(DividendRow.amount)).all() == [Decimal("0.5")]


def test_a_line_with_an_event_many_times_takes_no_memory(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    head = "timestamp,close,dividend_amount,split_coefficient\n"
    path = written(tmp_path, head + "2020-01-02,10.5,0.5,2.0\n" * 100_000)
    tracemalloc.start()
    take(path, instrument=stock.record())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_file_of_more_symbols_than_there_are_stocks_is_refused(app: Flask, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.files.stocks.MOST_SYMBOLS", 1_000)
    path = written(tmp_path, "symbol,date,close\n" + "".join(f"{number}.L,1/1/20,1\n" for number in range(1_100)))
    assert "symbols" in refused(path, skip=True)[0]


def test_many_symbols_are_looked_up_a_part_at_a_time(app: Flask) -> None:
    stock = add_stock("S7")
    found = Stocks(None, "", "").resolve([f"S{number}" for number in range(70_000)])
    assert [code for code in found.values() if isinstance(code, int)] == [0]
    assert found["S7"] == 0
    assert stock.symbol == "S7"


def test_days_with_many_blanks_are_not_kept_in_memory() -> None:
    days = Days(NOW.date())
    assert days[" " * 10_000 + "2020-01-02"] == days["2020-01-02"]
    assert list(days) == ["2020-01-02"]
