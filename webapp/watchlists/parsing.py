"""Reading a list of symbols that a person pastes or uploads: one per line, CSV, or TradingView's export."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from webapp.errors import Refused

MAX_SYMBOLS = 500
MAX_BYTES = 64 * 1024
# Longer than any symbol: enough to recognise the line by where it is reported as unknown.
MAX_TEXT = 60

HEADINGS = {"symbol", "symbols", "ticker", "tickers", "code", "ticker symbol"}
_DELIMITER = re.compile(r"[,;\t]")
_SECTION = "###"


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """One symbol as it was written, and the first line that it stands on, counted from 1."""

    line_number: int
    text: str


def decode_upload(data: bytes) -> str:
    """Return the text of an uploaded file; raise Refused for one that is too large or is not text."""
    _refuse_size(len(data))
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _is_binary(text):
            return text
    raise Refused("This file is not a text file. Save the list as CSV or as plain text, and upload that.")


def parse_symbols(text: str) -> list[ParsedLine]:
    """Return the symbols of a list, each once, in their order; raise Refused for one that is too long or is not text.

    Nothing is looked up here: what no line contains is never returned.
    """
    _refuse_size(len(text.encode("utf-8", "replace")))
    if _is_binary(text):
        raise Refused("The list has characters that no text has. Paste the symbols again, or save them as plain text.")
    found: dict[str, ParsedLine] = {}
    for number, written in _pieces(_visible(text).splitlines()):
        piece = written.strip().strip("\"'").strip()
        if len(piece) > MAX_TEXT:
            piece = piece[:MAX_TEXT] + "…"
        if piece and not piece.startswith(_SECTION):
            found.setdefault(piece.casefold(), ParsedLine(number, piece))
    if len(found) > MAX_SYMBOLS:
        raise Refused(f"The list has {len(found):,} symbols; {MAX_SYMBOLS} can be added at once. "
                      "Split it and add the parts one after the other.")
    return list(found.values())


def _pieces(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield what stands in the column of symbols, or everything where no line names the columns."""
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    table = _read_table(lines[first:])
    if table is not None:
        for number, piece in table:
            yield first + number, piece
        return
    for number, line in enumerate(lines, start=1):
        for piece in _DELIMITER.split(line):
            yield number, piece


def _read_table(lines: list[str]) -> list[tuple[int, str]] | None:
    """Return line numbers and symbols of a CSV whose first line names a column of symbols; None for all else."""
    if len(lines) < 2:
        return None
    delimiter = max(",;\t", key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    names = [name.strip().casefold() for name in next(rows)]
    column = next((place for place, name in enumerate(names) if name in HEADINGS), None)
    if column is None:
        return None
    exchange = names.index("mic") if "mic" in names else None
    return [(rows.line_num, _named(row, column, exchange)) for row in rows if len(row) > column]


def _named(row: list[str], column: int, exchange: int | None) -> str:
    """Return the row's symbol, with its exchange where the table has that beside it, as our own export does."""
    symbol = row[column].strip()
    place = row[exchange].strip() if exchange is not None and exchange < len(row) else ""
    return f"{place}:{symbol}" if symbol and place else symbol


def _encodings(data: bytes) -> tuple[str, ...]:
    """Return the encodings to try: as the file's first bytes say, else UTF-8, else what old programs write."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    if data.count(0) * 3 > len(data):  # UTF-16 without its mark has a zero on every other place
        return ("utf-16-le",) if data[1:2] == b"\0" else ("utf-16-be",)
    return "utf-8-sig", "cp1252"


def _is_binary(text: str) -> bool:
    return any(unicodedata.category(sign) == "Cc" and sign not in "\t\n\r\v\f\x1c\x1d\x1e\x85" for sign in text)


def _visible(text: str) -> str:
    """Drop what nobody sees: byte order marks, zero-width spaces and joiners."""
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise Refused(f"The list is too large: {size / 1024:,.0f} KB, and {MAX_BYTES // 1024} KB can be read at once. "
                      "Keep only the symbols, or split it.")
