"""Files as their sources write them, in either order, with US days and marks, read by the shell command's defaults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_stock
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.models import BarSeries, DividendRow, SplitRow

# A split of 4:1 on the third day and a dividend on the fourth: day, open, high, low, close as traded, volume.
TRADED = (("2020-08-27", "508.57", "509.94", "495.33", "500.04", 38888096),
          ("2020-08-28", "504.05", "505.77", "498.31", "499.23", 46907479),
          ("2020-08-31", "127.58", "131", "126", "129.04", 223505733),
          ("2020-09-01", "132.76", "134.8", "130.53", "134.18", 151948065),
          ("2020-09-02", "137.59", "137.98", "127", "131.4", 200118991))
SPLIT, PAID = dt.date(2020, 8, 31), dt.date(2020, 9, 1)
Line = tuple[str, str, str, str, str, int]


def av_adjusted(day: str, line: Line) -> str:
    name, first, high, low, close, volume = line
    return (f"{day},{first},{high},{low},{close},{close},{volume},{'0.8200' if name == str(PAID) else '0.0000'},"
            f"{'4.0' if name == str(SPLIT) else '1.0'}")


def av_plain(day: str, line: Line) -> str:
    return ",".join([day, *map(str, line[1:])])


def divided(line: Line) -> list[str]:
    """Return a line's figures as a source gives them that divides for splits."""
    by = 4 if line[0] < str(SPLIT) else 1
    return [f"{Decimal(str(price)) / by:.6f}" for price in line[1:5]] + [str(line[5] * by)]


def yahoo(day: str, line: Line) -> str:
    *prices, volume = divided(line)
    return ",".join([day, *prices, f"{float(prices[3]) * 0.97:.6f}", volume])


def yahoo_of_old(day: str, line: Line) -> str:
    *prices, volume = divided(line)
    return ",".join([day, *prices, volume, f"{float(prices[3]) * 0.97:.6f}"])


def stooq(day: str, line: Line) -> str:
    return ",".join([day, *divided(line)])


def stooq_of_all(day: str, line: Line) -> str:
    return ",".join(["AAPL.US,D", day.replace("-", ""), "000000", *divided(line), "0"])


def tiingo(day: str, line: Line) -> str:
    name, first, high, low, close, volume = line
    adjusted = [str(number) for number in (close, high, low, first, volume)]
    return ",".join([day, close, high, low, first, str(volume), *adjusted,
                     "0.82" if name == str(PAID) else "0.0", "4.0" if name == str(SPLIT) else "1.0"])


def tiingo_of_pandas(day: str, line: Line) -> str:
    close, high, low, first, volume, *adjusted, paid, split = tiingo(day, line).split(",")[1:]
    return ",".join(["AAPL", f"{day} 00:00:00+00:00", *adjusted, close, paid, high, low, first, split, volume])


def wiki(day: str, line: Line) -> str:
    name, first, high, low, close, volume = line
    return ",".join(["AAPL", day, *(f"{float(price)}" for price in (first, high, low, close)), f"{float(volume)}",
                     "0.82" if name == str(PAID) else "0.0", "4.0" if name == str(SPLIT) else "1.0", "1,1,1,1,1"])


FILES: dict[str, tuple[str, str, Callable[[str, Line], str]]] = {
    "av-adjusted": ("alpha-vantage-file", "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,"
                    "split_coefficient", av_adjusted),
    "yahoo": ("yahoo-file", "Date,Open,High,Low,Close,Adj Close,Volume", yahoo),
    "yahoo-of-old": ("yahoo-file", "Date,Open,High,Low,Close,Volume,Adj Close", yahoo_of_old),
    "stooq": ("stooq-file", "Date,Open,High,Low,Close,Volume", stooq),
    "stooq-polish": ("stooq-file", "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", stooq),
    "stooq-accents": ("stooq-file", "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen", stooq),
    "stooq-of-all": ("stooq-file", "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
                     stooq_of_all),
    "tiingo": ("tiingo-file", "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,"
               "splitFactor", tiingo),
    "tiingo-of-pandas": ("tiingo-file", "symbol,date,adjClose,adjHigh,adjLow,adjOpen,adjVolume,close,divCash,high,low,"
                         "open,splitFactor,volume", tiingo_of_pandas),
    "wiki": ("wiki-file", "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,"
             "adj_close,adj_volume", wiki),
    "wiki-of-one": ("wiki-file", "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. High,Adj. Low,"
                    "Adj. Close,Adj. Volume", lambda day, line: wiki(day, line).partition(",")[2])}
DAYS: dict[str, Callable[[dt.date], str]] = {
    "iso": dt.date.isoformat, "us": lambda day: f"{day:%m/%d/%Y}", "short-us": lambda day: f"{day.month}/{day.day}/"
    f"{day.year}"}

ONE_WAY = {"stooq-of-all", "tiingo-of-pandas"}  # of days


def content(head: str, rows: Sequence[str], *, mark: bool, end: str) -> bytes:
    text = end.join([head, *rows]) + end
    return text.encode("utf-8-sig" if mark else "utf-8")


def imported(app: Flask, folder: Path, data: bytes) -> str:
    """Import a file by the shell command and return what it said."""
    path = folder / "file.csv"
    path.write_bytes(data)
    result = app.test_cli_runner().invoke(args=["bars", "import", str(path), "--symbol", "AAPL"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(("name", "days"), [(name, days) for name in FILES for days in DAYS
                                            if days == "iso" or name not in ONE_WAY])
def test_a_file_is_read_as_its_source_means_it(app: Flask, tmp_path: Path, name: str, days: str) -> None:
    stock = add_stock("AAPL")
    source, head, write = FILES[name]
    rows = [write(DAYS[days](dt.date.fromisoformat(line[0])), line) for line in TRADED]
    assert "5 bars new" in imported(app, tmp_path, content(head, rows, mark=False, end="\n"))
    for mark, end in ((True, "\n"), (True, "\r\n"), (False, "\r\n")):
        for order in (rows, rows[::-1]):
            said = imported(app, tmp_path, content(head, order, mark=mark, end=end))
            assert "0 bars new, 0 changed, 5 as before" in said
    past = load_past([stock.id])[stock.id]
    assert db.session.scalars(select(BarSeries.source)).one() == source
    expected = [float(divided(line)[3]) for line in TRADED]
    assert past.series.close.tolist() == pytest.approx(expected, abs=1e-6)
    assert past.series.volume.tolist() == pytest.approx([float(divided(line)[4]) for line in TRADED])
    if source in {"alpha-vantage-file", "tiingo-file", "wiki-file"}:
        assert {row.day: row.ratio for row in db.session.scalars(select(SplitRow))} == {SPLIT: 4}
        assert {row.day: row.amount for row in db.session.scalars(select(DividendRow))} == {PAID: Decimal("0.82")}
        assert past.raw_close.tolist() == pytest.approx([float(line[4]) for line in TRADED])


def test_a_plain_daily_file_of_alpha_vantage_is_as_traded(app: Flask, tmp_path: Path) -> None:
    stock = add_stock("AAPL")
    rows = [av_plain(line[0], line) for line in TRADED[::-1]]
    imported(app, tmp_path, content("timestamp,open,high,low,close,volume", rows, mark=True, end="\r\n"))
    assert load_past([stock.id])[stock.id].raw_close.tolist() == [float(line[4]) for line in TRADED]
