"""Lines as numbers: at once and line by line alike, exact, and with a reason for each line that is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SHARED
from tests.webapp.bars.files.reads import Read, read
from webapp.analytics.series import to_number
from webapp.bars.codec import COLUMNS, SCALE, UNKNOWN

HEAD = "date,open,high,low,close,volume\n"
GOOD = "2020-01-02,10,11,9,10.5,1000\n"
FILES = sorted((SHARED / "bars").glob("*_daily*/*.csv")) if SHARED.is_dir() else []

days = st.dates(dt.date(1980, 1, 1), dt.date(2026, 11, 20)).map(dt.date.isoformat)
prices = st.decimals("0.00000001", "89999999", places=8).map(lambda value: f"{value:f}") | st.floats(
    0.01, 1e6).map(repr) | st.sampled_from(["", "null", "nan", " 7.5", "1e2"])
volumes = st.integers(0, 10**12).map(str) | st.floats(0, 1e9).map(repr) | st.sampled_from(["", "null"])
odd = st.sampled_from(["0", "-1", "x", "inf", "1_000", "90000001", '"1,234.5"'])
lines = st.tuples(days, prices | odd, prices, prices, prices | odd, volumes).map(",".join)


@given(st.lists(lines, max_size=12))
def test_both_ways_of_reading_give_the_same(found: list[str]) -> None:
    with TemporaryDirectory() as folder:
        text = HEAD + "".join(f"{line}\n" for line in found)
        quick, slow = read(Path(folder), text), read(Path(folder), text, line_by_line=True)
    if not found:
        assert not quick.batches
        return
    assert np.array_equal(quick.rows, slow.rows)
    assert np.array_equal(quick.events, slow.events)
    assert (quick.problems, quick.empty) == (slow.problems, slow.empty)


@pytest.mark.skipif(not FILES, reason="needs ../shared")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_files_are_read_at_once_and_the_same_line_by_line(path: Path) -> None:
    quick, slow = Read(path), Read(path, line_by_line=True)
    assert all(quick.at_once)
    assert len(quick.rows) > 3000
    assert not quick.problems
    assert np.array_equal(quick.rows, slow.rows)
    assert np.array_equal(quick.events, slow.events)


def test_eight_decimals_are_kept_exactly(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + "2020-01-02,0.00000001,123.45678901,0.1,0.30000001,5\n").rows[0]
    assert [found[name] for name in COLUMNS] == [1, 12345678901, 10000000, 30000001, 5]
    assert found["at"] == to_number(dt.date(2020, 1, 2))


def test_pence_become_pounds(tmp_path: Path) -> None:
    for line_by_line in (False, True):
        found = read(tmp_path, HEAD + "2020-01-02,250,255.5,249,250.25,5\n", scale=SCALE // 100,
                     line_by_line=line_by_line)
        assert found.rows[0]["close"] == 2_50250000


def test_what_was_not_given_is_unknown(tmp_path: Path) -> None:
    found = read(tmp_path, "date,close\n2020-01-02,10\n").rows[0]
    assert [found[name] for name in ("open", "high", "low", "volume")] == [UNKNOWN] * 4
    found = read(tmp_path, HEAD + "2020-01-02,,null,9,10,\n").rows[0]
    assert [found[name] for name in COLUMNS] == [UNKNOWN, UNKNOWN, 9 * SCALE, 10 * SCALE, UNKNOWN]


def test_rows_without_a_price_are_counted_and_passed_over(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + GOOD + "2020-01-03,null,null,null,null,null\n\n2020-01-06,,,,,\n")
    assert (len(found.rows), found.empty, found.problems) == (1, 3, [])


BAD = {"2020-01-03,10,11,9,-10.5,1000": "the close is negative: -10.5",
       "2020-01-03,10,11,0,10.5,1000": "the low is zero",
       "2031-01-03,10,11,9,10.5,1000": "2031-01-03 is in the future",
       "2020-01-03,10,11,9,,1000": "the close is missing",
       "2020-01-03,10,11,9,ten,1000": "the close is no number: “ten”",
       "2020-01-32,10,11,9,10,1000": "there is no day 2020-01-32",
       "2020-01-03,10,11,9,10.5": "it has too few columns",
       "2020-01-03,10,11,9,10.5,1,234": "it has 7 columns, not 6",
       '2020-01-03,"10,11,9,10.5,1000': "it has too few columns",
       "2020-01-03,10,11,9,0.000000001,1000": "a price is too small to be kept",
       "2020-01-03,10,11,9,10.5,-5": "the volume is negative: -5",
       "2020-01-03,10,11,9,10\ufffd5,7": "it is not written in UTF-8"}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_refused_with_its_number_and_the_reason(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, HEAD + GOOD + line + "\n" + GOOD.replace("01-02", "01-06"))
    assert found.problems == [(3, BAD[line])]
    assert len(found.rows) == 2


def test_a_truncated_last_line_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + GOOD + "2020-01-03,10,11,9,10")
    assert found.problems == [(3, "it has too few columns")]


def test_a_high_below_the_low_is_taken_as_it_was_sent(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + "2020-01-02,10,9,11,10,5\n")
    assert (found.rows[0]["high"], found.rows[0]["low"], found.problems) == (9 * SCALE, 11 * SCALE, [])


@pytest.mark.parametrize("change", [
    lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"), lambda text: "\n\n" + text,
    lambda text: text.replace(",", ";"), lambda text: text.replace(",", "\t"), lambda text: text.removesuffix("\n"),
    lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    lambda text: "\n".join(f"{number},{line}" if number >= 0 else f",{line}"
                           for number, line in enumerate(text.splitlines(), -1))])
def test_marks_ends_separators_and_quotes_make_no_difference(tmp_path: Path, change: object) -> None:
    text = HEAD + GOOD + GOOD.replace("01-02", "01-03")
    assert callable(change)
    plain, other = read(tmp_path, text), read(tmp_path, change(text))
    assert all(other.at_once)
    for name in ("at", *COLUMNS):
        assert np.array_equal(plain.rows[name], other.rows[name])


def test_a_polish_file_with_commas_before_the_decimals_is_read(tmp_path: Path) -> None:
    text = "Data;Otwarcie;Najwyższy;Najniższy;Zamknięcie;Wolumen\n2020-01-02;10,5;11;9,25;1 234,5;1000\n"
    for encoding in ("utf-8", "cp1250"):
        found = read(tmp_path, text.encode(encoding))
        assert found.rows[0]["close"] == 1234_50000000
        assert found.rows[0]["low"] == 9_25000000


def test_stooqs_bars_of_hours_are_refused(tmp_path: Path) -> None:
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    found = read(tmp_path, head + "AAPL.US,D,20200102,000000,10,11,9,10.5,1000,0\n"
                           "AAPL.US,60,20200103,000000,1,1,1,1,1,0\n")
    assert len(found.rows) == 1
    assert found.problems == [(3, "its bar is not of a day but of 60")]


def test_symbols_get_numbers_and_others_are_passed_over(tmp_path: Path) -> None:
    text = "symbol," + HEAD + "".join(f"{symbol},{GOOD}" for symbol in ("A", "OTHER", "B"))
    found = read(tmp_path, text)
    assert found.at_once == [True]
    assert found.rows["stock"].tolist() == [found.codes["A"], found.codes["B"]]
    assert found.batches[0].others == 1


def test_lines_of_a_refused_symbol_have_the_reason(tmp_path: Path) -> None:
    text = "symbol," + HEAD + f"A,{GOOD}BAD,{GOOD}BAD,{GOOD}"
    quick, slow = read(tmp_path, text), read(tmp_path, text, line_by_line=True)
    assert (quick.problems, quick.batches[0].unlisted) == ([(3, "no such stock")], 1)
    assert slow.problems == [(3, "no such stock"), (4, "no such stock")]
    assert np.array_equal(quick.rows, slow.rows)


def test_events_are_taken_with_their_line(tmp_path: Path) -> None:
    head = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"
    text = head + "2014-06-09,92,93,91,92.5,1,5,0.0000,7.00000700001\n2014-06-06,1,1,1,1,1,1,0.4700,1.0\n"
    for line_by_line in (False, True):
        found = read(tmp_path, text, line_by_line=line_by_line)
        assert [(int(one["line"]), one["ratio"], one["amount"]) for one in found.events] == [
            (2, b"7", b""), (3, b"", b"0.47")]


def test_line_numbers_go_on_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.bars.files.blocks.BLOCK", 200)
    start = dt.date(2020, 1, 1)
    body = [f"{start + dt.timedelta(days=number)},10,11,9,10,{number}" for number in range(50)]
    body[40] = "oops"
    found = read(tmp_path, HEAD + "\n".join(body))
    assert len(found.batches) > 5
    assert found.problems == [(42, "it has too few columns")]
    assert found.rows["line"].tolist() == [number + 2 for number in range(50) if number != 40]
