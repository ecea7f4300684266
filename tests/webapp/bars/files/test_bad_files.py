"""What is no table of prices is refused at its first bytes, and never unpacked."""

from __future__ import annotations

import gzip
import io
import os
import resource
import zipfile
from pathlib import Path

import pytest

from tests.webapp.bars.files.reads import Read, read
from webapp.bars.files.formats import FileRefused


def refusal(folder: Path, content: bytes) -> str:
    """Return why a file is refused."""
    with pytest.raises(FileRefused) as caught:
        read(folder, content)
    return str(caught.value)


def zipped(name: str, size: int) -> bytes:
    """Return a zip file with one file of zeros in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return buffer.getvalue()


# Packed files hold the time of their making: each has a name of its own, that is the same wherever it is collected.
OTHER_KINDS = {
    "nothing": (b"", "is empty"), "empty lines": (b"\n \n", "is empty"),
    "gzip": (gzip.compress(b"date,close\n"), "unpack it first"), "zip": (zipped("bars.csv", 10), "unpack it first"),
    "new workbook": (zipped("xl/workbook.xml", 10), "workbook"),
    "old workbook": (b"\xd0\xcf\x11\xe0 old workbook", "workbook"),
    "UTF-16": ("date,close\n".encode("utf-16"), "UTF-16"), "PDF": (b"%PDF-1.7", "PDF"),
    "Parquet": (b"PAR1xxxx", "Parquet"), "JPEG": (b"\xff\xd8\xff\xe0JFIF", "not written in UTF-8"),
    "a long first line": (b"x" * 30_000, "longer than 20,000 characters"),
    "a long line": (b"date,close\n" + b"1" * 300_000, "Line 2 is longer"),
    "a zero byte": (b"date,close\n2020-01-02,1\n\x00\x00", "Line 3 holds a zero byte"),
    "no columns": (b"hello\n", "no columns")}


@pytest.mark.parametrize(("content", "why"), OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
def test_another_kind_of_file_is_refused_with_what_to_do(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refusal(tmp_path, content)


def test_a_zip_bomb_is_not_opened(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "unpack it first" in refusal(tmp_path, zipped("bomb.csv", 50_000_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_two_gigabytes_of_zeros_are_refused_at_the_first(tmp_path: Path) -> None:
    path = tmp_path / "zeros.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2 * 1024**3)
    with pytest.raises(FileRefused, match="Line 1 holds a zero byte"):
        Read(path)


def test_a_folder_and_a_missing_file_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(FileRefused, match="cannot be opened"):
            Read(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileRefused, match="It is a pipe"):
        Read(tmp_path / "pipe")
    reading, writing = os.pipe()
    os.write(writing, b"date,close\n2020-01-02,1\n")
    os.close(writing)
    with pytest.raises(FileRefused, match=r"read twice|is a pipe"):
        Read(Path(f"/dev/fd/{reading}"))
    os.close(reading)


def test_a_device_of_endless_zeros_is_refused() -> None:
    with pytest.raises(FileRefused, match="Line 1 holds a zero byte"):
        Read(Path("/dev/zero"))


def test_a_bar_within_a_day_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="several times of 2020-11-27"):
        read(tmp_path, "timestamp,open,high,low,close,volume\n2020-11-27 17:00:00,1,1,1,1,1\n"
                       "2020-11-27 16:59:00,1,1,1,1,1\n")
