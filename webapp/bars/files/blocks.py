"""A file block by block: what is no text is refused at its first bytes, and memory is the same for any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webapp.bars.files.formats import FileRefused, plain, recognise

BLOCK = 1 << 18
MOST_LINE = 20_000
# A notice or a page in a file's place has more blank lines before any table.
MOST_BLANK = 10
HEAD_LINES = 3
MARK = b"\xef\xbb\xbf"
# How other kinds of files begin, and what they are.
KINDS = ((b"\x1f\x8b", "It is packed by gzip: unpack it first."),
         (b"PK", "It is packed by zip: unpack it first."),
         (b"BZh", "It is packed by bzip2: unpack it first."),
         (b"\xfd7zXZ", "It is packed by xz: unpack it first."),
         (b"7z\xbc\xaf", "It is packed by 7-Zip: unpack it first."),
         (b"(\xb5/\xfd", "It is packed by zstd: unpack it first."),
         (b"\xd0\xcf\x11\xe0", "It is a workbook of a spreadsheet: save it as CSV first."),
         (b"%PDF", "It is a PDF, not a table."),
         (b"PAR1", "It is a Parquet file: save it as CSV first."),
         (b"\xff\xfe", "It is written in UTF-16: save it as UTF-8 first."),
         (b"\xfe\xff", "It is written in UTF-16: save it as UTF-8 first."))
WORKBOOK = (b"[Content_Types].xml", b"xl/", b"mimetypeapplication/vnd.oasis")


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file: their text, the first one's number from 1, and how many bytes end with the last."""

    text: str
    line: int
    done: int

    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        lines = self.text.split("\n")
        return lines[:-1] if lines[-1] == "" else lines


class Table:
    """An open file: its layout, and its lines below the head as blocks.

    `skipped` counts the lines of the head. Raise FileRefused where the file cannot be a table of prices.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        start = file.read(BLOCK)
        _check_kind(start)
        start = start.removeprefix(MARK)
        _check_text(start, 1)
        self.encoding = _encoding(start)
        heading, numbers = _heading(start, self.encoding)
        self.layout, used = recognise(heading)
        self.skipped = numbers[used - 1]

    def blocks(self) -> Iterator[Block]:
        """Return the lines below the head; raise FileRefused at what is no text."""
        self.file.seek(0)
        rest, line, done = b"", 1, 0
        while True:
            read = self.file.read(BLOCK)
            data = rest + read
            if not data:
                return
            if read and not (end := data.rfind(b"\n") + 1):
                _check_text(data, line)
                rest = data
                continue
            whole, rest = (data[:end], data[end:]) if read else (data, b"")
            _check_text(whole, line)
            done += len(whole)
            count = whole.count(b"\n") + (not whole.endswith(b"\n"))
            yield from self._below_the_head(whole, line, done)
            line += count

    def _below_the_head(self, data: bytes, line: int, done: int) -> Iterator[Block]:
        over = self.skipped - line + 1
        if over > 0:
            parts = data.split(b"\n", over)
            data, line = parts[over] if len(parts) > over else b"", line + over
        if data:
            text = _decoded(data, self.encoding)
            yield Block(text.replace("\r\n", "\n") if "\r" in text else text, line, done)


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a file for the length of the block; raise FileRefused with the reason where it cannot be read."""
    try:
        if path.is_fifo():  # to open it would wait for whoever fills it
            raise FileRefused("It is a pipe: save what comes out of it as a file first.")
        file = path.open("rb")
    except OSError as error:
        raise FileRefused(f"It cannot be opened: {error.strerror}.") from None
    with file:
        if not file.seekable():
            raise FileRefused("It is no file that can be read twice: save it as one first.")
        yield Table(file)


def _check_kind(start: bytes) -> None:
    """Raise FileRefused where the first bytes are those of something else; nothing is ever unpacked."""
    if not start.strip():
        raise FileRefused("The file is empty.")
    if start.startswith(b"PK") and any(word in start for word in WORKBOOK):
        raise FileRefused("It is a workbook of a spreadsheet: save it as CSV first.")
    for sign, reason in KINDS:
        if start.startswith(sign):
            raise FileRefused(reason)


def _check_text(data: bytes, line: int) -> None:
    """Raise FileRefused where bytes are in it that no text has, or a line without end."""
    if (place := data.find(b"\0")) >= 0:
        where = line + data.count(b"\n", 0, place)
        raise FileRefused(f"Line {where} holds a zero byte: it is no text, or was damaged.")
    tail = len(data) - data.rfind(b"\n") - 1
    if tail > MOST_LINE:
        where = line + data.count(b"\n")
        raise FileRefused(f"Line {where} is longer than {MOST_LINE:,} characters: it is no table of prices.")


def _encoding(start: bytes) -> str:
    """Return how the text is written: UTF-8, or as Windows wrote Polish where only that gives Stooq's names."""
    first = start.lstrip().split(b"\n", 1)[0]
    try:
        first.decode("utf-8")
    except UnicodeDecodeError:
        if "najwyzszy" in plain(first.decode("cp1250", "replace")):
            return "cp1250"
        raise FileRefused("Line 1 is not written in UTF-8: save it so first.") from None
    return "utf-8"


def _heading(start: bytes, encoding: str) -> tuple[list[str], list[int]]:
    """Return the first lines that are not blank, and the number of each."""
    lines = start.decode(encoding, "replace").split("\n", MOST_BLANK)[:MOST_BLANK]
    found = [(text.strip(), number) for number, text in enumerate(lines, 1) if text.strip()][:HEAD_LINES]
    return [text for text, _ in found], [number for _, number in found]


def _decoded(data: bytes, encoding: str) -> str:
    """Return the text; what cannot be read becomes a sign by which its line is refused."""
    return data.decode(encoding, "replace")
