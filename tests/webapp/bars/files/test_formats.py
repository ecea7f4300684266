"""Whose file it is, by the names of its columns."""

from __future__ import annotations

import pytest

from webapp.bars.files.formats import FileRefused, recognise
from webapp.records import Adjustment

HEADS = {
    "timestamp,open,high,low,close,volume": ("alpha-vantage", Adjustment.NONE),
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient":
        ("alpha-vantage", Adjustment.NONE),
    "Date,Open,High,Low,Close,Adj Close,Volume": ("yahoo", Adjustment.SPLITS),
    "Date,Open,High,Low,Close*,Adj Close**,Volume": ("yahoo", Adjustment.SPLITS),
    "Date,Open,High,Low,Close Close price adjusted for splits.,Adj Close Adjusted close price adjusted for splits and "
    "dividend and/or capital gain distributions.,Volume": ("yahoo", Adjustment.SPLITS),
    "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits": ("yahoo", Adjustment.ALL),
    "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits": ("yahoo", Adjustment.SPLITS),
    "Date,Open,High,Low,Close,Volume": ("stooq", Adjustment.ALL),
    "Date,Open,High,Low,Close": ("stooq", Adjustment.ALL),
    "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen": ("stooq", Adjustment.ALL),
    "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen": ("stooq", Adjustment.ALL),
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>": ("stooq", Adjustment.ALL),
    "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor":
        ("tiingo", Adjustment.NONE),
    "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume":
        ("wiki", Adjustment.NONE),
    "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume":
        ("wiki", Adjustment.NONE),
    ",Date,Open,High,Low,Close,Volume,ExDividend,SplitRatio,AdjOpen,AdjHigh,AdjLow,AdjClose,AdjVolume,Stock":
        ("wiki", Adjustment.NONE),
    ",date,open,high,low,close,volume": ("file", Adjustment.NONE),
    "date;open;high;low;close;volume": ("file", Adjustment.NONE),
    "date\tclose": ("file", Adjustment.NONE),
    '"date","open","high","low","close","volume"': ("file", Adjustment.NONE),
}


@pytest.mark.parametrize("head", HEADS)
def test_a_file_is_known_by_its_columns(head: str) -> None:
    layout, lines = recognise([head])
    assert (layout.name, layout.adjusted, lines) == (*HEADS[head], 1)
    assert {"day", "close"} <= layout.columns.keys()


def test_columns_are_found_wherever_they_stand() -> None:
    layout, _ = recognise([
        "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor"])
    assert layout.columns == {"day": 0, "close": 1, "high": 2, "low": 3, "open": 4, "volume": 5, "dividend": 11,
                              "split": 12}


def test_adjusted_prices_are_never_taken_for_prices() -> None:
    layout, _ = recognise([",Date,Open,High,Low,Close,Volume,ExDividend,SplitRatio,AdjOpen,AdjHigh,AdjLow,AdjClose,"
                           "AdjVolume,Stock"])
    assert {name: layout.columns[name] for name in ("open", "high", "low", "close", "volume", "symbol")} == {
        "open": 2, "high": 3, "low": 4, "close": 5, "volume": 6, "symbol": 14}


def test_a_frame_of_yfinance_has_a_head_of_three_lines() -> None:
    layout, lines = recognise(["Price,Close,High,Low,Open,Volume", "Ticker,AAPL,AAPL,AAPL,AAPL,AAPL", "Date,,,,,"])
    assert (layout.name, layout.symbol, layout.adjusted, lines) == ("yahoo", "AAPL", Adjustment.ALL, 3)
    assert layout.columns == {"day": 0, "close": 1, "high": 2, "low": 3, "open": 4, "volume": 5}


def test_a_frame_of_several_stocks_side_by_side_is_refused() -> None:
    with pytest.raises(FileRefused, match="several stocks side by side"):
        recognise(["Price,Close,Close", "Ticker,AAPL,MSFT", "Date,,"])


def test_our_own_download_says_what_it_is_adjusted_for() -> None:
    head = "date,open,high,low,close,volume,symbol,mic,currency,source,adjusted"
    layout, _ = recognise([head, "2020-01-02,1,1,1,1,5,TSCO,XLON,GBP,yahoo,splits"])
    assert (layout.name, layout.adjusted, layout.unit, layout.columns["mic"]) == (
        "stagewatch", Adjustment.SPLITS, "GBP", 7)


def test_wrong_columns_are_said_with_what_could_be_read() -> None:
    with pytest.raises(FileRefused) as refusal:
        recognise(["name,price,size"])
    said = str(refusal.value)
    assert "name, price, size" in said
    assert all(word in said for word in ("Alpha Vantage", "Yahoo", "Stooq", "Tiingo", "WIKI",
                                         "date,open,high,low,close,volume"))


@pytest.mark.parametrize("line", ["<!DOCTYPE html><html>", '{"Error Message": "Invalid API call"}',
                                  "Exceeded the daily hits limit"])
def test_a_notice_in_a_files_place_is_refused(line: str) -> None:
    with pytest.raises(FileRefused, match=line[:9].replace("{", r"\{")):
        recognise([line])
