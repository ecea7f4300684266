"""The lines of a file as columns of numbers: whole blocks at once, line by line where a cell is out of the ordinary.

A block of usual lines costs a microsecond or two a line, one that is read line by line ten times that. Both ways give
the same figures.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from webapp.bars.codec import COLUMNS, MOST_PRICE, PRICES, SCALE, UNKNOWN
from webapp.bars.files.blocks import Block
from webapp.bars.files.cells import (
    DECIMAL_COMMA,
    MOST_VOLUME,
    NULLS,
    CellError,
    read_dividend,
    read_open,
    read_price,
    read_ratio,
    read_volume,
)
from webapp.bars.files.days import Days
from webapp.bars.files.formats import Layout, cells_of, shown

# A line as it is kept until the whole file was read; `stock` is an index into Stocks.
ROW = np.dtype([("at", "<i4"), ("stock", "<i4"), ("line", "<i8"), *((name, "<i8") for name in COLUMNS)])
# A split (`ratio`) or a dividend (`amount`, in the file's unit) in one line, as digits; "" is none.
EVENT = np.dtype([("stock", "<i4"), ("at", "<i4"), ("line", "<i8"), ("ratio", "S32"), ("amount", "S32")])
Records = NDArray[np.void]
Floats = NDArray[np.float64]
# How files write that nothing happened on a day.
NO_SPLIT = frozenset({"1.0", "1", "1.0000", "1.00", "0.0", "0", ""})
NO_DIVIDEND = frozenset({"0.0", "0", "0.0000", "0.00", ""})
# A line of a stock that was not asked for, and one whose symbol means none.
OTHER, UNKNOWN_STOCK = -1, -2
Kept = tuple[int | bytes, ...]
DAILY = {"", "d", "1d", "day", "daily"}

# Turns symbols into numbers of stocks, OTHER for those not asked for, or a reason why a symbol is refused.
Resolve = Callable[[Collection[str]], dict[str, int | str]]


@dataclass(slots=True)
class Batch:
    """What a block gave: bars, events, refused lines with reasons, and how many lines were passed over.

    `unlisted` counts refused lines that are not among `problems`: of a symbol that means no stock the first one is.
    """

    rows: Records
    events: Records
    problems: list[tuple[int, str]] = field(default_factory=list)
    empty: int = 0
    others: int = 0
    unlisted: int = 0


class Reader:
    """Reads the blocks of one file.

    `scales[stock]` is how many hundred-millionths of the currency one unit of the file's prices is, `latest` the last
    day that is not in the future, `zone` the exchange's, None where the stocks may be of several.
    """

    def __init__(self, layout: Layout, resolve: Resolve, scales: Sequence[int], latest: dt.date,
                 zone: ZoneInfo | None = None) -> None:
        self.layout, self.resolve, self.scales = layout, resolve, scales
        self.days = Days(latest, zone)
        self.stocks: dict[str, int | str] = {}
        self.comma: bool | None = None
        self.needed = max(layout.columns.values()) + 1

    def read(self, block: Block) -> Batch:
        """Return what is in a block; raise FileRefused where the file as a whole cannot be used."""
        return self._at_once(block) or self._line_by_line(block)

    def _at_once(self, block: Block) -> Batch | None:
        """Read a block of usual lines; None where a cell is unusual, for float() takes more than files can mean."""
        if "_" in block.text or not block.text.isascii():
            return None
        cells = self._columns(block)
        if cells is None:
            return None
        if "mic" in cells:
            cells["symbol"] = [f"{mic}:{symbol}" for mic, symbol in zip(cells["mic"], cells["symbol"], strict=True)]
        try:
            rows = np.zeros(len(cells["day"]), ROW)
            rows["at"] = np.fromiter(map(self.days.__getitem__, cells["day"]), np.int32, len(rows))
            rows["line"] = np.arange(block.line, block.line + len(rows))
            if "symbol" in cells:
                rows["stock"] = self._codes(cells["symbol"])
            if not set(cells.get("period", ())) <= {"D"}:
                return None
            if any(set(cells[name]) != {text} for name, text in self.layout.constant.items()):
                return None
            figures = {name: _numbers(cells.get(name), len(rows)) for name in COLUMNS}
            figures["open"][figures["open"] == 0] = math.nan  # see read_open()
            events = self._events(rows, cells)
        except (CellError, ValueError):
            return None
        batch = _checked(rows, figures, events, self._scale(rows["stock"]))
        if batch is not None and "symbol" in cells and np.any(rows["stock"] == UNKNOWN_STOCK):
            self._refuse_unknown(batch, rows, cells["symbol"])
        return batch

    def _columns(self, block: Block) -> dict[str, Sequence[str]] | None:
        """Return the columns that matter; None where not every line has as many cells as the head."""
        text, width = block.text, self.layout.width
        if '"' in text:
            try:
                lines = list(csv.reader(block.lines(), delimiter=self.layout.delimiter, strict=True))
                columns = list(zip(*lines, strict=True))
            except (csv.Error, ValueError):
                return None
            if len(columns) != width or len(lines) != len(block.lines()):
                return None
            return {name: columns[place] for name, place in self.layout.columns.items()}
        # A line's end becomes a cell of its own: if each stands where it should, no line is short or long.
        mark = self.layout.delimiter
        cells = text.removesuffix("\n").replace("\n", f"{mark}\n{mark}").split(mark)
        ends = cells[width::width + 1]
        if len(cells) % (width + 1) != width or ends.count("\n") != len(ends):
            return None
        return {name: cells[place::width + 1] for name, place in self.layout.columns.items()}

    def _codes(self, symbols: Sequence[str]) -> NDArray[np.int32]:
        """Return the stock of each line."""
        self._learn(set(symbols))
        codes = {symbol: UNKNOWN_STOCK if isinstance(code, str) else code for symbol, code in self.stocks.items()}
        return np.fromiter(map(codes.__getitem__, symbols), np.int32, len(symbols))

    def _refuse_unknown(self, batch: Batch, rows: Records, symbols: Sequence[str]) -> None:
        """Note the first line of each symbol that means no stock, and how many lines there are of them."""
        places = np.flatnonzero(rows["stock"] == UNKNOWN_STOCK).tolist()
        firsts = {symbols[place]: place for place in reversed(places)}
        found = ((int(rows["line"][place]), str(self.stocks[symbol])) for symbol, place in firsts.items())
        batch.problems = sorted(found)
        batch.unlisted = len(places) - len(firsts)

    def _learn(self, symbols: set[str]) -> None:
        if new := symbols - self.stocks.keys():
            self.stocks |= self.resolve(new)

    def _scale(self, stocks: NDArray[np.int32]) -> Floats | float:
        """Return what the prices of each line are multiplied with."""
        if "symbol" not in self.layout.columns:
            return float(self.scales[0])
        return np.array([*self.scales, SCALE, SCALE], np.float64)[stocks]  # the last two are of no stock

    def _events(self, rows: Records, cells: dict[str, Sequence[str]]) -> Records:
        """Return what happened in these lines."""
        splits, dividends = cells.get("split", ()), cells.get("dividend", ())
        places = {place for column, nothing in ((splits, NO_SPLIT), (dividends, NO_DIVIDEND))
                  if not set(column) <= nothing for place, text in enumerate(column) if text not in nothing}
        found = []
        for place in sorted(places):
            ratio = read_ratio(splits[place]) if splits else None
            amount = read_dividend(dividends[place]) if dividends else None
            if ratio is not None or amount is not None:
                row = rows[place]
                found.append((row["stock"], row["at"], row["line"], digits(ratio), digits(amount)))
        return np.array(found, EVENT)

    def _line_by_line(self, block: Block) -> Batch:
        """Read a block with a cell that is out of the ordinary."""
        mark = self.layout.delimiter
        lines = [(number, cells_of(line, mark)) for number, line in enumerate(block.lines(), block.line)]
        if self.comma is None:
            self.comma = self._writes_comma(cells for _, cells in lines)
        if "symbol" in self.layout.columns:
            self._learn({self._symbol(cells) for _, cells in lines if len(cells) >= self.needed})
        batch = Batch(np.zeros(0, ROW), np.zeros(0, EVENT))
        rows, events = [], []
        for number, cells in lines:
            try:
                row, event = self._row(number, cells, batch)
            except CellError as error:
                batch.problems.append((number, str(error)))
            else:
                rows += row
                events += event
        batch.rows, batch.events = np.array(rows, ROW), np.array(events, EVENT)
        return batch

    def _writes_comma(self, lines: Iterable[list[str]]) -> bool:
        """Tell whether prices have a comma before their decimals: one has, where it can mean nothing else."""
        places = [self.layout.columns[name] for name in PRICES if name in self.layout.columns]
        prices = [cells[place] for cells in lines if len(cells) >= self.needed for place in places]
        return any(DECIMAL_COMMA.fullmatch(price) for price in prices) and not any("." in price for price in prices)

    def _row(self, number: int, cells: list[str], batch: Batch) -> tuple[list[Kept], list[Kept]]:
        """Return the bar and the event of one line, each alone or not at all; raise CellError with what is wrong."""
        if not any(cells):
            batch.empty += 1
            return [], []
        stock = self._stock_of(cells)
        if stock == OTHER:
            batch.others += 1
            return [], []
        text = self._texts(cells)
        prices = [(read_open if name == "open" else read_price)(text.get(name, ""), name, comma=bool(self.comma))
                  for name in PRICES]
        if all(map(math.isnan, prices)):
            batch.empty += 1
            return [], []
        if math.isnan(prices[3]):
            raise CellError("the close is missing")
        kept = [UNKNOWN if math.isnan(price) else round(price * self.scales[stock]) for price in prices]
        if 0 in kept:
            raise CellError("a price is too small to be kept")
        volume = read_volume(text.get("volume", ""), comma=bool(self.comma))
        ratio, amount = read_ratio(text.get("split", "")), read_dividend(text.get("dividend", ""))
        at = self.days[text["day"]]
        event: list[Kept] = [(stock, at, number, digits(ratio), digits(amount))] if ratio or amount else []
        return [(at, stock, number, *kept, UNKNOWN if math.isnan(volume) else round(volume))], event

    def _stock_of(self, cells: list[str]) -> int:
        if len(cells) < self.needed:
            raise CellError("it has too few columns")
        if any(cells[self.layout.width:]):
            raise CellError(f"it has {len(cells)} columns, not {self.layout.width}")
        stock = self.stocks[self._symbol(cells)] if "symbol" in self.layout.columns else 0
        if isinstance(stock, str):
            raise CellError(stock)
        return stock

    def _symbol(self, cells: list[str]) -> str:
        symbol = cells[self.layout.columns["symbol"]]
        return f"{cells[self.layout.columns['mic']]}:{symbol}" if "mic" in self.layout.columns else symbol

    def _texts(self, cells: list[str]) -> dict[str, str]:
        """Return the cells by what they hold."""
        text = {name: cells[place] for name, place in self.layout.columns.items()}
        if "\ufffd" in "".join(text.values()):
            raise CellError("it is not written in UTF-8")
        if text.get("period", "").lower() not in DAILY:
            raise CellError(f"its bar is not of a day but of {shown(text['period'], 10)}")
        for name, first in self.layout.constant.items():
            if text[name] != first:
                raise CellError(f"its {name} is “{shown(text[name], 20)}”, in the first line “{shown(first, 20)}”")
        return text


def _numbers(column: Sequence[str] | None, count: int) -> Floats:
    """Return a column of figures, NaN where there is none; raise ValueError where a cell is no plain number."""
    if column is None:
        return np.full(count, np.nan)
    try:
        return np.fromiter(map(float, column), np.float64, count)
    except ValueError:
        return np.fromiter((math.nan if text.strip().lower() in NULLS else float(text) for text in column),
                           np.float64, count)


def _checked(rows: Records, figures: dict[str, Floats], events: Records, scale: Floats | float) -> Batch | None:
    """Return a block's figures as they are kept; None where one of them cannot be right."""
    unknown = {name: np.isnan(values) for name, values in figures.items()}
    empty = np.logical_and.reduce([unknown[name] for name in PRICES])
    with np.errstate(invalid="ignore", over="ignore"):
        for name in PRICES:
            kept = np.rint(figures[name] * scale)
            if np.any((kept < 1) | (figures[name] > MOST_PRICE)):
                return None
            rows[name] = np.where(unknown[name], UNKNOWN, kept.astype(np.int64))
        volume = figures["volume"]
        if np.any((volume < 0) | (volume > MOST_VOLUME)) or np.any(unknown["close"] & ~empty):
            return None
        rows["volume"] = np.where(unknown["volume"], UNKNOWN, np.rint(volume).astype(np.int64))
    others, known = int(np.count_nonzero(rows["stock"] == OTHER)), rows["stock"] >= 0
    batch = Batch(rows, events, empty=int(np.count_nonzero(empty & known)), others=others)
    if np.any(empty) or not np.all(known):
        batch.rows = rows[known & ~empty]
        batch.events = events[np.isin(events["line"], batch.rows["line"])]
    return batch


def digits(figure: Decimal | None) -> bytes:
    """Return a figure as it stands in an EVENT."""
    return b"" if figure is None else format(figure, "f").encode()
