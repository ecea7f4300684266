"""A table of days in CSV: whose columns are which, and its rows from the newest day on."""

from __future__ import annotations

import csv
import datetime as dt
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from webapp.records import Adjustment, Bar, Dividend, Split
from worker.providers.figures import FigureError, parse_day
from worker.providers.histories import make_bar, make_dividend, make_split

# How the names of columns begin, in English and in Polish, without accents and blanks; the first that fits counts.
NAMES = (("adjclose", "adjusted"), ("adjustedclose", "adjusted"), ("date", "day"), ("data", "day"),
         ("timestamp", "day"), ("open", "open"), ("otwarcie", "open"), ("high", "high"), ("najwy", "high"),
         ("low", "low"), ("najni", "low"), ("close", "close"), ("zamkni", "close"), ("volume", "volume"),
         ("wolumen", "volume"), ("splitcoefficient", "split"), ("dividendamount", "dividend"), ("symbol", "symbol"),
         ("ticker", "symbol"))
DELIMITERS = ",;\t"
# A page or a notice in a file's place has longer lines, and more of them before any table.
MOST_BLANK_LINES = 5
MISSING = {"null", "nan", "n/d", "none", "-"}


class TableError(FigureError):
    """The table cannot be used; the message says in which line, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One day, with what happened on it."""

    bar: Bar
    split: Split | None = None
    dividend: Dividend | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a file, the number of its header's (from 1), and which column is which.

    A line is looked at no sooner than its day is wanted: the price of today needs two of thousands. `symbols` are the
    spellings of the stock, for tables that name it in each row.
    """

    lines: Sequence[str]
    header: int
    columns: Mapping[str, int]
    delimiter: str
    symbols: Collection[str]

    @property
    def adjusted(self) -> Adjustment:
        """Say what is known by the columns: Stooq adjusts for all and says nothing, Yahoo has a column for dividends.

        A column of split coefficients stands beside prices as they were traded.
        """
        if "split" in self.columns:
            return Adjustment.NONE
        return Adjustment.SPLITS if "adjusted" in self.columns else Adjustment.ALL

    def newest_first(self) -> Iterator[Row]:
        """Read row after row from the newest day on; raise TableError at one that cannot be right."""
        last: dt.date | None = None
        for number, line in self._filled(backwards=self._is_oldest_first()):
            row = self._read(number, line)
            if row is None:
                continue
            if last is not None and row.bar.day >= last:
                what = "this day stands twice" if row.bar.day == last else "the days are not in order"
                raise TableError(f"line {number}: {what}")
            last = row.bar.day
            yield row

    def _is_oldest_first(self) -> bool:
        """Tell whether the first row's day is before the last one's."""
        ends = [next(self._filled(backwards=backwards), None) for backwards in (False, True)]
        days = [self._day(number, self._cells(number, line)) for number, line in filter(None, ends)]
        known = [day for day in days if day is not None]
        return len(known) == 2 and known[0] < known[1]

    def _filled(self, *, backwards: bool) -> Iterator[tuple[int, str]]:
        """Return the lines below the header that are not blank, each with its number."""
        places = range(self.header, len(self.lines))
        for place in reversed(places) if backwards else places:
            line = self.lines[place].strip()
            if line:
                yield place + 1, line

    def _read(self, number: int, line: str) -> Row | None:
        """Return the row; None where it holds no price, or one of another stock."""
        cells = self._cells(number, line)
        if "symbol" in self.columns and cells[self.columns["symbol"]].upper() not in self.symbols:
            return None
        day = self._day(number, cells)
        figures = [self._figure(cells, name) for name in ("open", "high", "low", "close", "volume", "adjusted")]
        if not any(figures[:4]):
            return None
        if day is None:
            raise TableError(f"line {number}: the day is missing")
        try:
            bar = make_bar(day, *figures)
            split, dividend = (self._figure(cells, name) for name in ("split", "dividend"))
            return Row(bar, make_split(day, split), make_dividend(day, dividend)) if bar else None
        except FigureError as error:
            reason = str(error)
        raise TableError(f"line {number}: {reason}")

    def _cells(self, number: int, line: str) -> list[str]:
        cells = split_line(line, self.delimiter)
        if len(cells) <= max(self.columns.values()):
            raise TableError(f"line {number}: it has too few columns")
        return cells

    def _day(self, number: int, cells: Sequence[str]) -> dt.date | None:
        """Return the row's day; what follows it, as a time of day, means nothing."""
        text = cells[self.columns["day"]]
        try:
            return parse_day(text[:10] if text[10:11] in {"", " ", "T"} else text, "the day")
        except FigureError as error:
            reason = str(error)
        raise TableError(f"line {number}: {reason}")

    def _figure(self, cells: Sequence[str], name: str) -> str:
        text = cells[self.columns[name]] if name in self.columns else ""
        return "" if text.lower() in MISSING else text


def read_table(content: bytes, symbols: Collection[str]) -> Table:
    """Return the table; raise TableError where there is none."""
    # Old Polish files are not UTF-8. That only spoils letters of the header, which are not needed.
    lines = content.decode("utf-8-sig", "replace").splitlines()
    number, header = next(((place + 1, line.strip()) for place, line in enumerate(lines) if line.strip()), (0, ""))
    if not header:
        raise TableError("it is empty")
    delimiter = max(DELIMITERS, key=header.count)
    columns = find_columns(split_line(header, delimiter))
    if number > MOST_BLANK_LINES or not {"day", "close"} <= columns.keys():
        raise TableError(f"line {number}: it does not name the columns Date and Close")
    return Table(lines, number, columns, delimiter, {symbol.upper() for symbol in symbols})


def find_columns(names: Sequence[str]) -> dict[str, int]:
    """Return where each column stands; those that nothing is known of are passed over."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.lower()) if sign.isalnum())
        what = next((column for start, column in NAMES if plain.startswith(start)), None)
        if what is not None:
            found.setdefault(what, place)
    return found


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a broken one is one cell, which has too few columns."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return [line]
