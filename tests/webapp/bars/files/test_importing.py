"""Files on their way into the database: whole or not at all, and the second time nothing changes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import SHARED
from tests.factories import add_stock
from webapp.bars.files.formats import FileRefused
from webapp.bars.files.importing import Choices, FileImport
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, DividendRow, InstrumentRow, SplitRow
from webapp.records import Adjustment

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HEAD = "date,open,high,low,close,volume\n"
GOOD = HEAD + "2020-01-02,10,11,9,10.5,1000\n2020-01-03,10.5,12,10,11.25,2000\n"


def take(path: Path, **choices: object) -> FileImport:
    """Import a file and commit."""
    file = run(FileImport(path, Choices(**choices), NOW))  # type: ignore[arg-type]
    db.session.commit()
    return file


def run(file: FileImport) -> FileImport:
    """Read and write a file."""
    with file:
        for _done in file.read():
            pass
        file.write()
    return file


def written(folder: Path, text: str, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path, **choices: object) -> tuple[str, list[tuple[int, str]]]:
    """Return why a file is refused and which lines are; see that nothing was stored."""
    file = FileImport(path, Choices(**choices), NOW)  # type: ignore[arg-type]
    with pytest.raises(FileRefused) as caught:
        run(file)
    db.session.rollback()
    assert not db.session.scalar(select(func.count()).select_from(BarSeries))
    return str(caught.value), file.counts.problems


def only_series() -> BarSeries:
    return db.session.scalars(select(BarSeries)).one()


def closes(stock: InstrumentRow) -> list[float]:
    past = load_past([stock.id])[stock.id]
    return [float(close) for close in past.raw_close]


def figures(counts: FileImport) -> tuple[int, int, int]:
    return counts.counts.added, counts.counts.changed, counts.counts.unchanged


def shared(name: str) -> Path:
    path = SHARED / "bars" / name
    if not path.is_file():
        pytest.skip("needs ../shared")
    return path


def test_a_plain_file_becomes_a_series(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    file = take(written(tmp_path, GOOD), instrument=stock.record())
    series = only_series()
    assert figures(file) == (2, 0, 0)
    assert (series.instrument_id, series.source, series.adjusted, series.bars) == (stock.id, "file", "as traded", 2)
    assert (series.first_day, series.last_day) == (dt.date(2020, 1, 2), dt.date(2020, 1, 3))
    assert closes(stock) == [10.5, 11.25]


@pytest.mark.both_databases
def test_a_repeated_import_changes_nothing(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    path = written(tmp_path, GOOD)
    take(path, instrument=stock.record())
    changed_at, data = only_series().changed_at, db.session.scalars(select(BarChunk.data)).all()
    assert figures(take(path, instrument=stock.record())) == (0, 0, 2)
    assert (only_series().changed_at, db.session.scalars(select(BarChunk.data)).all()) == (changed_at, data)


@pytest.mark.both_databases
def test_a_later_file_adds_and_corrects(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    take(written(tmp_path, GOOD), instrument=stock.record())
    later = HEAD + "2020-01-06,11,12,10,12,5\n2020-01-03,10.5,12,10,11.5,2000\n"
    assert figures(take(written(tmp_path, later), instrument=stock.record())) == (1, 1, 0)
    assert closes(stock) == [10.5, 11.5, 12]


@pytest.mark.both_databases
def test_the_real_past_of_apple_comes_with_its_splits_and_dividends(app: Flask) -> None:
    stock = add_stock("AAPL")
    path = shared("av_daily_adjusted/daily_adjusted_AAPL.csv")
    file = take(path, instrument=stock.record())
    splits = dict(db.session.execute(select(SplitRow.day, SplitRow.ratio)).all())
    dividends = dict(db.session.execute(select(DividendRow.day, DividendRow.amount)).all())
    assert figures(file) == (5303, 0, 0)
    assert splits == {dt.date(2000, 6, 21): 2, dt.date(2005, 2, 28): 2, dt.date(2014, 6, 9): 7,
                      dt.date(2020, 8, 31): 4}
    assert len(dividends) == 34
    assert dividends[dt.date(2020, 11, 6)] == Decimal("0.205")
    past = load_past([stock.id])[stock.id]
    assert past.raw_close[0] == 77.62
    assert past.series.close[0] == pytest.approx(77.62 / 112)
    assert figures(take(path, instrument=stock.record())) == (0, 0, 5303)


def test_a_long_file_of_several_stocks_is_divided_among_them(app: Flask) -> None:
    stocks = [add_stock(symbol) for symbol in ("AAPL", "COKE", "TSLA", "YHOO", "GOOGL")]
    file = take(shared("wiki_daily/AAPL_COKE_TSLA_YHOO_GOOGL_2015_2017_wiki.csv"))
    counts = dict(db.session.execute(select(BarSeries.instrument_id, BarSeries.bars)).all())
    assert figures(file) == (3634, 0, 0)
    assert sum(counts.values()) == 3634
    assert set(counts) == {stock.id for stock in stocks}
    assert closes(stocks[0])[-1] == 169.23


def test_of_a_long_file_only_the_stock_that_was_named_is_taken(app: Flask) -> None:
    stock, path = add_stock("TSLA"), shared("wiki_daily/AAPL_COKE_TSLA_YHOO_GOOGL_2015_2017_wiki.csv")
    file = take(path, instrument=stock.record())
    assert (figures(file), file.counts.others) == ((754, 0, 0), 2880)


def test_both_orders_of_days_give_the_same(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    take(written(tmp_path, GOOD), instrument=stock.record())
    head, *lines = GOOD.splitlines()
    newest_first = "\n".join([head, *reversed(lines)])
    assert figures(take(written(tmp_path, newest_first), instrument=stock.record())) == (0, 0, 2)


@pytest.mark.both_databases
def test_rows_mixed_over_many_stocks_and_more_than_memory_takes_are_put_together(
        app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.files.blocks.BLOCK", 500)
    monkeypatch.setattr("webapp.bars.files.spool.MOST_ROWS", 40)
    stocks = [add_stock(f"S{number}") for number in range(5)]
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(60)]
    lines = [f"S{number},{day},1,1,1,{number + 1}.{day:%j},5\n" for day in days for number in range(5)]
    file = take(written(tmp_path, "ticker," + HEAD + "".join(lines)))
    assert figures(file) == (300, 0, 0)
    for number, stock in enumerate(stocks):
        assert closes(stock) == [float(f"{number + 1}.{day:%j}") for day in days]


def test_pence_are_the_unit_of_a_stock_that_is_quoted_in_them(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("TSCO", "XLON", currency="GBP", unit="GBX", country="GB")
    take(written(tmp_path, GOOD), instrument=stock.record())
    assert closes(stock) == [0.105, 0.1125]
    take(written(tmp_path, GOOD), instrument=stock.record(), unit="main")
    assert closes(stock) == [10.5, 11.25]


@pytest.mark.both_databases
def test_dividends_in_pence_become_pounds(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("TSCO", "XLON", currency="GBP", unit="GBX", country="GB")
    head = "timestamp,open,high,low,close,volume,dividend_amount,split_coefficient\n"
    take(written(tmp_path, head + "2020-01-02,250,251,249,250,5,6.5,1.0\n"), instrument=stock.record())
    assert db.session.scalars(select(DividendRow.amount)).one() == Decimal("0.065")


def test_another_currency_is_refused(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    assert refused(written(tmp_path, GOOD), instrument=stock.record(), unit="GBX")[0] == (
        "XNAS:AAPL is traded in USD, not in GBX.")


def test_yahoos_prices_are_adjusted_for_splits_and_stooqs_for_all(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    take(written(tmp_path, "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,11,9,10,9,5\nnull,null,null,null,"
                           "null,null,null\n"), instrument=stock.record())
    take(written(tmp_path, GOOD.replace("date,open,high,low,close,volume", "Date,Open,High,Low,Close,Volume")),
         instrument=stock.record())
    kinds = dict(db.session.execute(select(BarSeries.source, BarSeries.adjusted)).all())
    assert kinds == {"yahoo-file": "splits", "stooq-file": "splits and dividends"}


def test_a_person_may_say_otherwise(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    take(written(tmp_path, GOOD), instrument=stock.record(), adjusted=Adjustment.SPLITS, source="mine",
         made_on=dt.date(2024, 1, 1))
    series = only_series()
    assert (series.source, series.adjusted, series.basis_day) == ("mine", "splits", dt.date(2024, 1, 1))


def test_bars_of_one_name_with_another_adjustment_are_refused(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    take(written(tmp_path, GOOD), instrument=stock.record(), adjusted=Adjustment.ALL)
    with pytest.raises(FileRefused, match="another name of their source"):
        take(written(tmp_path, GOOD), instrument=stock.record())


def test_dividends_of_yfinance_are_given_in_the_shares_of_their_day(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    text = ("Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
            "2020-08-07 00:00:00-04:00,113,113,110,111,5,0.205,0.0\n"
            "2020-08-31 00:00:00-04:00,127,131,126,129,5,0.0,4.0\n")
    take(written(tmp_path, text), instrument=stock.record())
    assert db.session.scalars(select(DividendRow.amount)).one() == Decimal("0.82")
    assert db.session.scalars(select(SplitRow.ratio)).one() == 4


def test_one_bad_line_keeps_the_whole_file_out(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    path = written(tmp_path, GOOD + "2020-01-06,10,11,9,-1,5\n")
    assert refused(path, instrument=stock.record()) == (
        "1 line cannot be right. Nothing was imported.", [(4, "the close is negative: -1")])
    file = take(path, instrument=stock.record(), skip=True)
    assert (figures(file), file.counts.refused) == ((2, 0, 0), 1)


@pytest.mark.both_databases
def test_a_day_with_different_figures_is_refused_and_the_same_line_twice_is_not(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    path = written(tmp_path, GOOD + "2020-01-02,10,11,9,10.5,1000\n2020-01-02,10,11,9,10.75,1000\n")
    assert refused(path, instrument=stock.record())[1] == [(5, "2020-01-02 stands in line 2 with other figures")]
    file = take(path, instrument=stock.record(), skip=True)
    assert (figures(file), file.counts.same, file.counts.refused) == ((2, 0, 0), 1, 1)
    assert closes(stock) == [10.5, 11.25]
    assert list(file.clashes.values()) == [{dt.date(2020, 1, 2): "The file has it in lines 2 and 5 with different "
                                                                 "figures"}]


def test_fifty_bad_lines_are_shown_and_the_rest_is_not_read(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    reason, problems = refused(written(tmp_path, HEAD + "x\n" * 100_000), instrument=stock.record())
    assert "or more cannot be right" in reason
    assert len(problems) == 50
    reason, problems = refused(written(tmp_path, HEAD + "x\n" * 100_000), instrument=stock.record(), skip=True)
    assert (reason[:5], len(problems)) == ("Most ", 50)


def test_an_unknown_and_an_ambiguous_symbol_are_refused_once_each(app: Flask, tmp_path: Path) -> None:
    add_stock("SHEL", "XLON", currency="GBP", unit="GBX", country="GB")
    add_stock("SHEL", "XNYS")
    text = "symbol," + HEAD + "".join(f"{symbol},{line}\n" for symbol in ("SHEL", "WHAT")
                                      for line in GOOD.splitlines()[1:])
    _reason, problems = refused(written(tmp_path, text))
    assert problems == [(2, "SHEL may be any of XLON:SHEL, XNYS:SHEL: name the exchange"),
                        (4, "no stock here is called WHAT")]
    assert figures(take(written(tmp_path, text), mic="XNYS", skip=True)) == (2, 0, 0)


def test_of_a_file_of_all_stocks_those_that_are_held_here_can_be_taken(
        app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.files.importing.MOST_REFUSED", 100)
    add_stock("S7")
    lines = "".join(f"S{number},{line}\n" for number in range(200) for line in GOOD.splitlines()[1:])
    file = take(written(tmp_path, "ticker," + HEAD + lines), skip=True)
    assert (figures(file), file.counts.refused, file.counts.unknown) == ((2, 0, 0), 398, 398)
    assert len(file.counts.problems) == 50


def test_stooqs_endings_of_symbols_are_understood(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    take(written(tmp_path, head + "AAPL.US,D,20200102,000000,10,11,9,10.5,1000,0\n"))
    assert only_series().instrument_id == stock.id


@pytest.mark.parametrize(("text", "why"), [
    (GOOD, "The file does not say"), (HEAD, "It has no prices"),
    ("Price,Close\nTicker,MSFT\nDate,\n2020-01-02,1\n", "No stock here is called MSFT")])
def test_a_file_that_leaves_nothing_to_import_is_refused(app: Flask, tmp_path: Path, text: str, why: str) -> None:
    stock = add_stock("AAPL") if text == HEAD else None
    assert why in refused(written(tmp_path, text), instrument=stock.record() if stock else None)[0]


def test_a_file_of_another_stock_is_refused(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    text = "symbol," + HEAD + "MSFT,2020-01-02,10,11,9,10.5,1000\n"
    reason, _problems = refused(written(tmp_path, text), instrument=stock.record())
    assert reason == "It has no prices of XNAS:AAPL, but of MSFT."


def test_our_own_download_is_taken_back_unchanged(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("TSCO", "XLON", currency="GBP", unit="GBX", country="GB")
    add_stock("TSCO", "XNAS")
    text = ("date,open,high,low,close,volume,symbol,mic,currency,source,adjusted\n"
            "2020-01-02,2.5,2.6,2.4,2.55,5,TSCO,XLON,GBP,yahoo,splits\n")
    take(written(tmp_path, text))
    assert (only_series().instrument_id, only_series().adjusted) == (stock.id, "splits")
    assert closes(stock) == [2.55]
