"""What was read of a file, until all of it was: rows in memory, and in a temporary file once they are too many.

So nothing is written to the database before the last line was judged, and memory does not grow with the file.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.series import to_day
from webapp.bars.codec import COLUMNS, Bars
from webapp.bars.files.rows import EVENT, ROW, Records

# Rows in memory, of 56 bytes each.
MOST_ROWS = 50_000
MOST_CLASHES = 50


@dataclass(frozen=True, slots=True)
class Clash:
    """A line whose day stands in the earlier line `first` with other figures."""

    line: int
    day: dt.date
    first: int

    @property
    def reason(self) -> str:
        """Say why the line is refused."""
        return f"{self.day} stands in line {self.first} with other figures"


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """One stock's bars, oldest first, each day once, and the events of their lines, in the order of these.

    `clashes` are the first lines whose day stands in an earlier line with other figures, `clashed` is how many there
    are; `same` counts lines that say again what an earlier one said.
    """

    bars: Bars
    events: Records
    clashes: list[Clash] = field(default_factory=list)
    clashed: int = 0
    same: int = 0


class Shelf:
    """Records with a field `stock`, to be had back by stock: in memory, and in a temporary file beyond `most`."""

    def __init__(self, dtype: np.dtype[np.void], most: int) -> None:
        self.dtype, self.most = dtype, most
        self.file = tempfile.TemporaryFile(prefix="stagewatch-import-")  # noqa: SIM115 - Spool closes it
        self.parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.waiting: list[Records] = []
        self.held: dict[int, Records] = {}
        self.count = self.total = 0
        self.stocks: set[int] = set()

    def add(self, records: Records) -> None:
        """Keep records."""
        if not len(records):
            return
        self.waiting.append(records)
        self.count += len(records)
        self.total += len(records)
        self.stocks.update(np.unique(records["stock"]).tolist())
        if self.count >= self.most:
            self.file.seek(0, 2)
            for stock, part in self._sorted().items():
                self.parts[stock].append((self.file.tell(), len(part)))
                self.file.write(part.tobytes())
            self.waiting, self.held, self.count = [], {}, 0

    def of(self, stock: int) -> Iterator[Records]:
        """Return the records of one stock in the order in which they came, a bounded number at a time."""
        if self.waiting:
            self.held, self.waiting = self._sorted(), []
        collected, count = [], 0
        for offset, length in self.parts.get(stock, ()):
            self.file.seek(offset)
            collected.append(np.frombuffer(self.file.read(length * self.dtype.itemsize), self.dtype))
            count += length
            if count >= self.most:
                yield np.concatenate(collected)
                collected, count = [], 0
        if stock in self.held:
            collected.append(self.held[stock])
        if collected:
            yield np.concatenate(collected) if len(collected) > 1 else collected[0]

    def _sorted(self) -> dict[int, Records]:
        """Return what is in memory by stock."""
        records = np.concatenate([*self.held.values(), *self.waiting])
        stocks = records["stock"]
        if np.any(np.diff(stocks) < 0):
            records = records[np.argsort(stocks, kind="stable")]
            stocks = records["stock"]
        starts = [0, *(np.flatnonzero(np.diff(stocks)) + 1).tolist(), len(records)]
        return {int(stocks[start]): records[start:stop] for start, stop in pairwise(starts)}


class Spool:
    """The bars and events of one file by stock. It is a context manager: its temporary files go with it."""

    def __init__(self) -> None:
        self.rows, self.events = Shelf(ROW, MOST_ROWS), Shelf(EVENT, MOST_ROWS)

    def __enter__(self) -> Spool:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Delete what was put aside."""
        self.rows.file.close()
        self.events.file.close()

    def add(self, rows: Records, events: Records) -> None:
        """Keep what a block gave."""
        self.rows.add(rows)
        self.events.add(events)

    def merged(self) -> Iterator[tuple[int, Merged]]:
        """Return each stock with what the file has of it, in the order of their numbers; may be asked for again."""
        for stock in sorted(self.rows.stocks | self.events.stocks):
            yield stock, self._merged(stock)

    def _merged(self, stock: int) -> Merged:
        rows = np.zeros(0, ROW)
        clashes: list[Clash] = []
        clashed = same = 0
        for part in self.rows.of(stock):
            rows, places, again = _each_day_once(np.concatenate([rows, part]) if len(rows) else part)
            clashes += places[:MOST_CLASHES - len(clashes)]
            clashed += len(places)
            same += again
        bars = Bars(rows["at"].astype(np.int32), *(rows[name].astype(np.int64) for name in COLUMNS))
        return Merged(bars, self._events_of(stock, rows["line"]), clashes, clashed, same)

    def _events_of(self, stock: int, lines: NDArray[np.int64]) -> Records:
        """Return the events that stand in these lines: those of a line that is not taken did not happen."""
        parts = (part[np.isin(part["line"], lines)] for part in self.events.of(stock))
        return np.concatenate([np.zeros(0, EVENT), *parts])


def _each_day_once(rows: Records) -> tuple[Records, list[Clash], int]:
    """Return rows by day, each day as its first line has it, the clashes, and how many lines said the same."""
    steps = np.diff(rows["at"])
    if np.all(steps > 0):
        return rows, [], 0
    if np.all(steps < 0):
        return rows[::-1], [], 0
    rows = rows[np.lexsort((rows["line"], rows["at"]))]
    first = np.concatenate([[True], np.diff(rows["at"]) != 0])
    leaders = np.flatnonzero(first)[np.cumsum(first) - 1]
    differs: NDArray[np.bool_] = np.zeros(len(rows), np.bool_)
    for name in COLUMNS:
        differs |= rows[name] != rows[name][leaders]
    lines, days = rows["line"], rows["at"]
    clashes = [Clash(int(lines[place]), to_day(days[place]), int(lines[leaders[place]]))
               for place in np.flatnonzero(differs).tolist()]
    return rows[first], clashes, int(np.count_nonzero(~first)) - len(clashes)
