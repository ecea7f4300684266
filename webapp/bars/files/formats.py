"""Whose file it is, told by the names of its columns: what each column holds, and what its prices are adjusted for."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.records import Adjustment

DELIMITERS = ",;\t"
# What a message quotes of a file.
SHOWN = 200


class FileRefused(Exception):
    """The file as a whole cannot be used; the message says why, in words fit for a page."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one file is written.

    `columns` leads from what a column holds (day, open, high, low, close, volume, symbol, mic, period, dividend, split)
    to its place; `width` is how many cells a line has. `symbol` is the one that the head names, "" where it names none.
    `later_shares` says that dividends are given in the shares of the file's last day. `constant` are columns of which
    every line must hold the same, and what.
    """

    name: str
    title: str
    adjusted: Adjustment
    columns: Mapping[str, int]
    width: int
    delimiter: str = ","
    symbol: str = ""
    later_shares: bool = False
    unit: str = ""
    constant: Mapping[str, str] = field(default_factory=dict)


# What the columns are called, in lower case and without accents, signs and blanks.
ROLES = {"date": "day", "data": "day", "timestamp": "day", "datetime": "day", "dtyyyymmdd": "day", "open": "open",
         "otwarcie": "open", "high": "high", "najwyzszy": "high", "low": "low", "najnizszy": "low", "close": "close",
         "zamkniecie": "close", "volume": "volume", "wolumen": "volume", "vol": "volume", "symbol": "symbol",
         "ticker": "symbol", "stock": "symbol", "per": "period", "splitcoefficient": "split", "splitratio": "split",
         "splitfactor": "split", "stocksplits": "split", "dividendamount": "dividend", "exdividend": "dividend",
         "divcash": "dividend", "dividends": "dividend"}
# More columns of the files that Stagewatch writes itself.
OWN = {"mic": "mic", "currency": "currency", "adjusted": "adjusted"}
# Yahoo's page spells its columns out: "Adj Close Adjusted close price adjusted for splits and dividend ...".
SPELLED_OUT = (("adjcloseadjusted", "adjclose"), ("closecloseprice", "close"))
# Columns that only they have, whose prices are as traded.
AS_TRADED = (("wiki", "WIKI", {"exdividend", "splitratio"}), ("tiingo", "Tiingo", {"divcash", "splitfactor"}),
             ("alpha-vantage", "Alpha Vantage", {"splitcoefficient"}),
             ("alpha-vantage", "Alpha Vantage", {"dividendamount"}),
             ("alpha-vantage", "Alpha Vantage", {"timestamp"}))
POLISH = {"data", "otwarcie", "najwyzszy", "najnizszy", "zamkniecie"}
STOOQ = ("Date", "Open", "High", "Low", "Close")
# For the page that takes files.
FORMATS = (("Alpha Vantage", "timestamp,open,high,low,close,volume, or with adjusted_close, dividend_amount and "
                             "split_coefficient"),
           ("Yahoo", "Date,Open,High,Low,Close,Adj Close,Volume"),
           ("Stooq", "Date,Open,High,Low,Close,Volume; Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen; "
                     "<TICKER>,<PER>,<DATE>,…"),
           ("Tiingo", "date,close,high,low,open,volume,…,divCash,splitFactor"),
           ("WIKI", "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,…"),
           ("Stagewatch", "date,open,high,low,close,volume,symbol,mic,currency,source,adjusted"),
           ("Any other", "date,open,high,low,close,volume"))


def plain(name: str) -> str:
    """Return a column's name in lower case, without accents, signs and blanks."""
    text = "".join(sign for sign in unicodedata.normalize("NFKD", name).lower() if sign.isascii() and sign.isalnum())
    return next((short for start, short in SPELLED_OUT if text.startswith(start)), text)


def recognise(heading: Sequence[str]) -> tuple[Layout, int]:
    """Return the layout and how many of the lines are its head; raise FileRefused where no format fits.

    `heading` holds the first lines of the file that are not blank, at most three.
    """
    if not heading:
        raise FileRefused("The file is empty.")
    delimiter = max(DELIMITERS, key=heading[0].count)
    names = cells_of(heading[0], delimiter)
    if plain(names[0]) == "price" and len(heading) == 3:
        return _yahoo_frame(names, heading, delimiter), 3
    words = [plain(name) for name in names]
    columns = _columns(words)
    if not {"day", "close"} <= columns.keys():
        raise FileRefused(_not_known(heading[0], names))
    if {"symbol", *OWN} <= set(words):
        return _own(words, columns, heading, delimiter), 1
    name, title, adjusted = _format(names, words)
    later = name == "yahoo" and "dividend" in columns
    return Layout(name, title, adjusted, columns, len(names), delimiter, later_shares=later), 1


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a broken one is one cell."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [line])]
    except csv.Error:
        return [line]


def shown(text: str, most: int = SHOWN) -> str:
    """Return what a message may quote of a file: short, and nothing that moves a cursor."""
    text = "".join(sign if sign.isprintable() else "·" for sign in text)
    return text if len(text) <= most else f"{text[:most]}…"


def _columns(words: Sequence[str]) -> dict[str, int]:
    """Return where each thing stands; the first column of a kind counts."""
    found: dict[str, int] = {}
    for place, word in enumerate(words):
        if word in ROLES:
            found.setdefault(ROLES[word], place)
    return found


def _format(names: Sequence[str], words: Sequence[str]) -> tuple[str, str, Adjustment]:
    """Return the short name, the title and what the prices are adjusted for."""
    there = set(words)
    for name, title, sign in AS_TRADED:
        if sign <= there:
            return name, title, Adjustment.NONE
    if "adjclose" in there:
        return "yahoo", "Yahoo", Adjustment.SPLITS
    if there & {"dividends", "stocksplits"}:  # without a column for it, the close itself is the adjusted one
        return "yahoo", "Yahoo", Adjustment.ALL
    # Stooq writes its names with capitals; it adjusts for all and says nothing.
    if there >= POLISH or names[0].startswith("<") or tuple(names[:5]) == STOOQ:
        return "stooq", "Stooq", Adjustment.ALL
    return "file", "a plain table", Adjustment.NONE


def _own(words: Sequence[str], columns: dict[str, int], heading: Sequence[str], delimiter: str) -> Layout:
    """Return the layout of a file that Stagewatch wrote; its first line says what all prices are adjusted for, and in.

    Raise FileRefused where that is not known.
    """
    first = dict(zip(words, cells_of(heading[1], delimiter), strict=False)) if len(heading) > 1 else {}
    kinds = {kind.value: kind for kind in Adjustment}
    said, currency = first.get("adjusted", Adjustment.NONE.value), first.get("currency", "")
    if said not in kinds:
        raise FileRefused(f"What its prices are adjusted for is not known: “{shown(said, 30)}”.")
    return Layout("stagewatch", "a file of Stagewatch", kinds[said],
                  columns | {word: words.index(word) for word in OWN}, len(words), delimiter,
                  unit=shown(currency, 10) or "main", constant={"adjusted": said, "currency": currency})


def _yahoo_frame(names: Sequence[str], heading: Sequence[str], delimiter: str) -> Layout:
    """Return the layout of a table that yfinance wrote: its head has three lines, Price, Ticker and Date."""
    tickers = cells_of(heading[1], delimiter)
    if plain(tickers[0]) != "ticker" or plain(cells_of(heading[2], delimiter)[0]) != "date":
        raise FileRefused(_not_known(heading[0], names))
    if len(set(tickers[1:])) != 1:
        raise FileRefused("The columns are of several stocks side by side. Save each stock as a file of its own.")
    words = ["date", *(plain(name) for name in names[1:])]
    columns = _columns(words)
    if "close" not in columns:
        raise FileRefused(_not_known(heading[0], names))
    adjusted = Adjustment.SPLITS if "adjclose" in words else Adjustment.ALL
    return Layout("yahoo", "Yahoo", adjusted, columns, len(names), delimiter, tickers[1], "dividend" in columns)


def _not_known(line: str, names: Sequence[str]) -> str:
    if line.lstrip().lower().startswith(("<!doctype", "<html", "<?xml", "{", "[")):
        return f"It is no table but begins with: {shown(line, 80)}"
    return (f"It has no columns for the day and the close. Found: {shown(', '.join(names))}. Columns that can be read "
            "are those of Alpha Vantage, Yahoo, Stooq in English and in Polish, Tiingo and WIKI, and "
            "date,open,high,low,close,volume.")
