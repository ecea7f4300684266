"""Reading a file's text without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import numpy as np

from webapp.bars.codec import SCALE
from webapp.bars.files.blocks import open_table
from webapp.bars.files.rows import Batch, Reader, Records

LATEST = dt.date(2026, 11, 21)


class Read:
    """What came of a file: its rows, events, refused lines, and which symbols got which number."""

    def __init__(self, path: Path, *, scale: int = SCALE, line_by_line: bool = False) -> None:
        self.codes: dict[str, int] = {}
        self.scales = [scale] * 1000
        self.batches: list[Batch] = []
        self.at_once: list[bool] = []
        with open_table(path) as table:
            self.layout = table.layout
            reader = Reader(table.layout, self.resolve, self.scales, LATEST)
            for block in table.blocks():
                batch = None if line_by_line else reader._at_once(block)
                self.at_once.append(batch is not None)
                self.batches.append(batch or reader._line_by_line(block))

    def resolve(self, symbols: Collection[str]) -> dict[str, int | str]:
        """Number the symbols by the alphabet of those asked for together; BAD is refused, OTHER was not asked for."""
        for symbol in sorted(symbols):
            self.codes.setdefault(symbol, len(self.codes))
        return {symbol: "no such stock" if symbol == "BAD" else -1 if symbol == "OTHER" else self.codes[symbol]
                for symbol in symbols}

    @property
    def rows(self) -> Records:
        """Return all rows."""
        return np.concatenate([batch.rows for batch in self.batches])

    @property
    def events(self) -> Records:
        """Return all events."""
        return np.concatenate([batch.events for batch in self.batches])

    @property
    def problems(self) -> list[tuple[int, str]]:
        """Return all refused lines."""
        return [problem for batch in self.batches for problem in batch.problems]

    @property
    def empty(self) -> int:
        """Return how many lines held no price."""
        return sum(batch.empty for batch in self.batches)


def read(folder: Path, text: str | bytes, **options: bool | int) -> Read:
    """Write a file and read it."""
    path = folder / "bars.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(path, **options)  # type: ignore[arg-type]
