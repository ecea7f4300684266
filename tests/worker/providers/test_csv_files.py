"""Prices from CSV files: which file is whose, how its columns are read, and what is wrong with it by line."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config, ConfigError
from tests.conftest import RECORDINGS
from tests.worker.providers.conftest import at, new_york, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Dividend, Instrument, Quote, Session, Split, State
from webapp.vendors import Limits
from worker.providers.base import Capability, ErrorKind, ProviderError, capabilities_of
from worker.providers.csv_files import CsvFiles, names_of
from worker.providers.csv_table import TableError, read_table
from worker.providers.registry import active_providers

BARS = RECORDINGS.parent / "bars"
APPLE = stock("AAPL", "XNAS")
NOW = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
STOOQ = """Date,Open,High,Low,Close,Volume
2026-06-05,202.5,204.1,201.9,203.25,41000000
2026-06-08,203.4,205,203.1,204.5,38000000
2026-06-09,205,211.2,204.8,210.1,52000000
2026-06-10,210.5,213.1,209.8,212.45,21000000
"""
YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2026-06-05,202.500000,204.100000,201.900000,203.250000,201.100000,41000000
2026-06-08,null,null,null,null,null,null
2026-06-09,205.000000,211.200000,204.800000,210.100000,208.000000,52000000
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the files."""
    place = tmp_path / "prices"
    place.mkdir()
    return place


@pytest.fixture
def files(folder: Path, config: Callable[..., Config]) -> CsvFiles:
    """The provider."""
    return CsvFiles(config(CSV_DIR=str(folder)))


def ask(files: CsvFiles, instrument: Instrument = APPLE, now: dt.datetime = NOW) -> Quote:
    [quote] = files.quotes([instrument], now, BOOK)
    return quote


def refusal(files: CsvFiles, instrument: Instrument = APPLE) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        files.quotes([instrument], NOW, BOOK)
    with pytest.raises(ProviderError) as again:
        files.daily(instrument, NOW, BOOK)
    assert again.value.kind is caught.value.kind
    return caught.value


def test_the_newest_day_that_is_over_is_the_price(files: CsvFiles, folder: Path) -> None:
    (folder / "AAPL.csv").write_text(STOOQ)
    assert ask(files) == Quote(
        instrument_id=1, price=Decimal("210.1"), as_of=at("2026-06-09 20:00"), day=dt.date(2026, 6, 9), source="csv",
        state=State.END_OF_DAY, session=Session.CLOSED, previous_close=Decimal("204.5"), open=Decimal(205),
        high=Decimal("211.2"), low=Decimal("204.8"), volume=52_000_000, as_of_is_day=True,
        stale_at=at("2026-06-11 02:00"), delay=State.END_OF_DAY, previous_day=dt.date(2026, 6, 8))
    later = ask(files, now=at("2026-06-10 20:00"))
    assert (later.price, later.previous_close) == (Decimal("212.45"), Decimal("210.1"))


def test_days_are_a_history_that_is_adjusted_for_all(files: CsvFiles, folder: Path) -> None:
    (folder / "AAPL.csv").write_text(STOOQ)
    history = files.daily(APPLE, NOW, BOOK)
    assert [str(bar.day) for bar in history.bars] == ["2026-06-05", "2026-06-08", "2026-06-09"]
    assert (history.adjusted, history.unit, history.source) == (Adjustment.ALL, "", "csv")
    assert [str(bar.day) for bar in files.daily(APPLE, NOW, BOOK, dt.date(2026, 6, 9)).bars] == ["2026-06-09"]


def test_yahoos_columns_have_an_adjusted_close_and_its_null_rows_are_left_out(files: CsvFiles, folder: Path) -> None:
    (folder / "AAPL.csv").write_text(YAHOO)
    history = files.daily(APPLE, NOW, BOOK)
    assert history.adjusted is Adjustment.SPLITS
    assert history.bars[-1] == Bar(dt.date(2026, 6, 9), Decimal("210.100000"), Decimal("205.000000"),
                                   Decimal("211.200000"), Decimal("204.800000"), 52_000_000, Decimal("208.000000"))
    quote = ask(files)
    assert (quote.previous_close, quote.previous_day) == (Decimal("203.250000"), dt.date(2026, 6, 5))


@pytest.mark.parametrize("header", [
    "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", "\ufeffDate,Open,High,Low,Close,Volume",
    "\r\n\nData,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen", '"Date","Open","High","Low","Close","Volume"',
    "DATE;OPEN;HIGH;LOW;CLOSE;VOLUME"])
def test_headers_come_in_several_ways(files: CsvFiles, folder: Path, header: str) -> None:
    body = STOOQ.split("\n", 1)[1]
    (folder / "AAPL.csv").write_text(f"{header}\r\n{body.replace(',', ';') if ';' in header else body}", "utf-8")
    assert (ask(files).price, ask(files).volume) == (Decimal("210.1"), 52_000_000)


def test_an_old_polish_file_is_read_in_its_own_encoding(files: CsvFiles, folder: Path) -> None:
    text = STOOQ.replace("Date,Open,High,Low,Close,Volume", "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen")
    (folder / "AAPL.csv").write_bytes(text.encode("cp1250"))
    assert (ask(files).low, ask(files).high) == (Decimal("204.8"), Decimal("211.2"))


def test_the_newest_day_may_stand_first(files: CsvFiles, folder: Path) -> None:
    head, *rows = STOOQ.strip().split("\n")
    (folder / "AAPL.csv").write_text("\n".join([head, *reversed(rows)]))
    assert ask(files).price == Decimal("210.1")
    assert [bar.day.day for bar in files.daily(APPLE, NOW, BOOK).bars] == [5, 8, 9]


@pytest.mark.parametrize(("name", "instrument"), [
    ("AAPL.csv", APPLE), ("aapl.csv", APPLE), ("aapl.us.csv", APPLE), ("aapl_us_d.csv", APPLE),
    ("XNAS_AAPL.csv", APPLE), ("BRK-B.csv", stock("BRK.B", "XNYS")), ("brk-b.us.csv", stock("BRK.B", "XNYS")),
    ("brk-b_us_d.csv", stock("BRK.B", "XNYS")), ("BRK.B.csv", stock("BRK.B", "XNYS")),
    ("XNYS_BRK.B.csv", stock("BRK.B", "XNYS")), ("TSCO.L.csv", stock("TSCO", "XLON", "GBX")),
    ("TSCO.LON.csv", stock("TSCO", "XLON", "GBX")), ("tsco.uk.csv", stock("TSCO", "XLON", "GBX")),
    ("XLON_TSCO.csv", stock("TSCO", "XLON", "GBX")), ("0700.HK.csv", stock("0700", "XHKG", "HKD"))])
def test_a_file_is_found_under_any_of_its_names(files: CsvFiles, folder: Path, name: str,
                                                instrument: Instrument) -> None:
    assert not files.covers(instrument)
    (folder / name).write_text(STOOQ)
    assert files.covers(instrument)
    assert len(files.daily(instrument, NOW, BOOK).bars) >= 3


def test_a_plain_symbol_is_one_of_new_york(files: CsvFiles, folder: Path) -> None:
    (folder / "TSCO.csv").write_text(STOOQ)
    assert not files.covers(stock("TSCO", "XLON", "GBX"))
    assert files.covers(stock("TSCO", "XNAS"))
    with pytest.raises(ProviderError) as caught:
        files.quotes([stock("TSCO", "XLON", "GBX")], NOW, BOOK)
    assert caught.value.kind is ErrorKind.UNKNOWN_SYMBOL


def test_the_clearest_name_counts(files: CsvFiles, folder: Path) -> None:
    (folder / "AAPL.csv").write_text(STOOQ)
    (folder / "XNAS_AAPL.csv").write_text(STOOQ.replace("210.1,", "209.9,"))
    assert ask(files).price == Decimal("209.9")


@pytest.mark.parametrize("symbol", ["../secret", "..", "/etc/passwd", "A/../../B", "", "A\0B", "~root", "A*", "C:\\X"])
def test_no_symbol_leads_out_of_the_folder(files: CsvFiles, folder: Path, symbol: str) -> None:
    (folder.parent / "secret.csv").write_text(STOOQ)
    (folder.parent / "SECRET.csv").write_text(STOOQ)
    instrument = stock(symbol, "XNAS")
    assert not [name for name in names_of(instrument) if "/" in name or ".." in name or "\0" in name]
    assert not files.covers(instrument)


def test_a_file_is_read_anew_when_it_was_written(files: CsvFiles, folder: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "AAPL.csv"
    path.write_text(STOOQ)
    opened: list[Path] = []
    real = Path.open

    def watched(path: Path, mode: str) -> object:
        opened.append(path)
        return real(path, mode)

    monkeypatch.setattr(Path, "open", watched)
    assert ask(files).price == Decimal("210.1")
    assert ask(files).price == Decimal("210.1")
    assert opened == [path]
    monkeypatch.undo()
    path.write_text(STOOQ.replace("210.1,", "209.9,"))
    os.utime(path, ns=(1, 1))
    assert ask(files).price == Decimal("209.9")


@pytest.mark.parametrize(("old", "new", "words"), [
    ("210.1,52", "x,52", "line 4: the close is not a number"),
    ("210.1,52", "-1,52", "line 4: a close is not above zero"),
    ("211.2", "1.2", "line 4: a high is below the low"), ("2026-06-09", "2026-06-39", "line 4: the day is not a day"),
    ("2026-06-09", "2026-06-08", "line 3: this day stands twice"),
    ("2026-06-09", "2026-06-01", "line 3: the days are not in order"),
    ("2026-06-09", "", "line 4: the day is missing"), (",210.1,52000000", "", "line 4: it has too few columns"),
    ("Close", "Price", "line 1: it does not name the columns Date and Close")])
def test_a_broken_row_is_told_by_file_and_line(files: CsvFiles, folder: Path, old: str, new: str, words: str) -> None:
    (folder / "AAPL.csv").write_text(STOOQ.replace(old, new))
    error = refusal(files)
    assert error.kind is ErrorKind.BROKEN_ANSWER
    assert error.message.startswith(f"AAPL.csv cannot be used: {words}")
    assert str(folder) not in error.message


def test_an_old_broken_row_spoils_the_past_but_not_the_price(files: CsvFiles, folder: Path) -> None:
    rows = "".join(f"2026-05-{day:02},1,1,1,{'x' if day == 4 else 1},1\n" for day in range(1, 30))
    (folder / "AAPL.csv").write_text(STOOQ.replace("2026-06-05", f"{rows}2026-06-05", 1))
    assert ask(files).price == Decimal("210.1")
    with pytest.raises(ProviderError, match=r"AAPL.csv cannot be used: line 5: the close is not a number"):
        files.daily(APPLE, NOW, BOOK)


def test_a_broken_file_spoils_no_other(files: CsvFiles, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "AAPL.csv").write_text(STOOQ)
    (folder / "IBM.csv").write_text("No data")
    stocks = [stock("IBM", "XNYS", number=2), APPLE]
    assert [quote.instrument_id for quote in files.quotes(stocks, NOW, BOOK)] == [1]
    assert "IBM.csv cannot be used: line 1" in caplog.text
    with pytest.raises(ValueError, match="a call"):
        files.quotes([APPLE] * 101, NOW, BOOK)
    assert files.quotes([], NOW, BOOK) == []


def test_what_is_no_table_is_no_price(files: CsvFiles, folder: Path) -> None:
    for text in ("", "\n\n", "No data", "Exceeded the daily hits limit", "<html><body>Close Date</body></html>",
                 "\0\0\0", "Date,Close\n", "Date,Close\n2026-06-10,1\n", "Date,Close\n\"2026-06-09,1\n"):
        (folder / "AAPL.csv").write_text(text)
        os.utime(folder / "AAPL.csv", ns=(len(text), len(text)))
        with pytest.raises(ProviderError) as caught:
            ask(files)
        assert caught.value.kind is ErrorKind.BROKEN_ANSWER, text


def test_a_file_that_is_too_large_or_closed_to_us_is_refused(files: CsvFiles, folder: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "AAPL.csv").write_text(STOOQ)
    monkeypatch.setattr("worker.providers.csv_files.MOST_BYTES", 100)
    assert refusal(files).message == "AAPL.csv cannot be used: it is too large."

    def deny(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert refusal(files).message == "AAPL.csv cannot be used: it cannot be read (Permission denied)."


def test_rows_of_other_stocks_are_passed_over(files: CsvFiles, folder: Path) -> None:
    text = "Symbol,Date,Close\nMSFT.US,2026-06-08,1\nAAPL.US,2026-06-08,204.5\nAAPL.US,2026-06-09,210.1\n"
    (folder / "AAPL.csv").write_text(text)
    assert (ask(files).price, ask(files).previous_close) == (Decimal("210.1"), Decimal("204.5"))


def test_the_provider_has_no_limits_and_can_give_days(files: CsvFiles) -> None:
    assert files.limits == Limits()
    assert capabilities_of(files) == {Capability.QUOTES, Capability.DAILY}
    assert (files.batch_size, files.delay) == (100, State.END_OF_DAY)


def test_the_setting_turns_it_on_and_must_name_a_folder(config: Callable[..., Config], folder: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSV_DIR", str(folder))
    [provider] = active_providers(config())
    assert provider.name == "csv"
    monkeypatch.setenv("CSV_DIR", str(folder / "none"))
    with pytest.raises(ConfigError, match="which is not a folder"):
        config()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.binary(max_size=300), st.text("Date,Close0123456789-.\n\r\";\t x\0", max_size=300).map(str.encode),
                 st.lists(st.sampled_from([*STOOQ.splitlines(), "2026-06-08,NaN,1e400,-1,0,x", ",,,,,", '"']),
                          max_size=8).map(lambda lines: "\n".join(lines).encode())))
def test_any_bytes_are_sound_rows_or_the_one_error(content: bytes) -> None:
    try:
        rows = list(read_table(content, ["AAPL"]).newest_first())
    except TableError:
        return
    assert [row.bar.day for row in rows] == sorted({row.bar.day for row in rows}, reverse=True)
    assert all(row.bar.close > 0 and row.bar.close.is_finite() for row in rows)


@needs_recordings
def test_a_recorded_quote_file_is_one_day(files: CsvFiles, folder: Path) -> None:
    (folder / "nvr.us.csv").write_bytes((RECORDINGS / "stooq" / "quote_nvr.us_2021.csv").read_bytes())
    quote = ask(files, stock("NVR", "XNYS"))
    assert (str(quote.price), str(quote.day), quote.previous_close) == ("5908.87", "2021-12-31", None)


@needs_recordings
@pytest.mark.parametrize("name", ["error_daily_hits_limit.txt", "error_no_data.txt"])
def test_a_recorded_error_is_no_price(files: CsvFiles, folder: Path, name: str) -> None:
    (folder / "AAPL.csv").write_bytes((RECORDINGS / "stooq" / name).read_bytes())
    assert refusal(files).message == "AAPL.csv cannot be used: line 1: it does not name the columns Date and Close."


@pytest.mark.skipif(not BARS.is_dir(), reason="needs ../shared")
def test_twenty_years_of_real_days_with_their_splits_are_read(files: CsvFiles, folder: Path) -> None:
    (folder / "AAPL.csv").write_bytes((BARS / "av_daily_adjusted" / "daily_adjusted_AAPL.csv").read_bytes())
    history = files.daily(APPLE, NOW, SessionBook([]))
    assert (len(history.bars), history.adjusted) == (5303, Adjustment.NONE)
    assert history.bars[-1] == Bar(dt.date(2020, 11, 25), Decimal("116.03"), Decimal("115.55"), Decimal("116.75"),
                                   Decimal("115.17"), 76_499_234, Decimal("116.03"))
    assert Split(dt.date(2020, 8, 31), Decimal(4)) in history.splits
    assert [split.day.year for split in history.splits] == [2000, 2005, 2014, 2020]
    assert len(history.dividends) == 34
    assert history.dividends[-1] == Dividend(dt.date(2020, 11, 6), Decimal("0.2050"))


@pytest.mark.skipif(not BARS.is_dir(), reason="needs ../shared")
def test_real_days_with_a_column_of_numbers_before_them_are_read(files: CsvFiles, folder: Path) -> None:
    (folder / "spy.us.csv").write_bytes((BARS / "yahoo_daily" / "SPY_1999_2020_pandasta.csv").read_bytes())
    spy = stock("SPY", "ARCX")
    bars = files.daily(spy, NOW, SessionBook([])).bars
    assert (len(bars), str(bars[0].day), bars[0].volume) == (5241, "1999-11-01", 4_006_500)
    assert ask(files, spy).price == bars[-1].close


@pytest.mark.skipif(not BARS.is_dir(), reason="needs ../shared")
def test_a_table_of_several_stocks_that_does_not_say_whose_a_row_is_is_refused(files: CsvFiles, folder: Path) -> None:
    [path] = (BARS / "wiki_daily").iterdir()
    (folder / "AAPL.csv").write_bytes(path.read_bytes())
    with pytest.raises(ProviderError, match=r"AAPL.csv cannot be used: line \d+: "):
        files.daily(APPLE, NOW, SessionBook([]))
