"""Lists of symbols as people and programs write them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import Refused
from webapp.watchlists.parsing import MAX_BYTES, MAX_SYMBOLS, MAX_TEXT, decode_upload, parse_symbols


def symbols(text: str) -> list[str]:
    return [line.text for line in parse_symbols(text)]


def numbered(text: str) -> list[tuple[int, str]]:
    return [(line.line_number, line.text) for line in parse_symbols(text)]


def test_one_symbol_a_line() -> None:
    assert numbered("AAPL\r\n\r\n  msft \nBRK-B\n") == [(1, "AAPL"), (3, "msft"), (4, "BRK-B")]


@pytest.mark.parametrize("text", [
    "AAPL,MSFT,T", "AAPL, MSFT; T", "AAPL\tMSFT\tT", '"AAPL","MSFT","T"', "'AAPL','MSFT','T'", "AAPL,,MSFT,\n,T,",
    "\ufeffAAPL,MSFT,T", "\u200bAAPL\u200b,MSFT,\u2060T"])
def test_several_symbols_on_a_line(text: str) -> None:
    assert symbols(text) == ["AAPL", "MSFT", "T"]


def test_a_list_from_tradingview_keeps_its_exchanges_and_loses_its_headings() -> None:
    text = "###TECH,NASDAQ:AAPL,NASDAQ:MSFT,###LONDON AND MORE,LSE:BP.,NYSE:BRK.B"
    assert symbols(text) == ["NASDAQ:AAPL", "NASDAQ:MSFT", "LSE:BP.", "NYSE:BRK.B"]
    assert symbols(text.replace(",", "\n")) == symbols(text)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("heading", ["Symbol", "TICKER", "code", '"Symbol"', " symbol "])
def test_a_table_gives_the_column_that_its_heading_names(delimiter: str, heading: str) -> None:
    lines = [["Name", heading, "Shares"], ['"Apple, Inc."', "AAPL", "10"], ["AT&T", '"T"', "F"], ["", "", ""], ["x"]]
    assert numbered("\n".join(delimiter.join(line) for line in lines)) == [(2, "AAPL"), (3, "T")]


def test_a_table_may_begin_with_a_mark_and_empty_lines() -> None:
    assert numbered("\ufeff\n\nSymbol,Name\nAAPL,Apple\n") == [(4, "AAPL")]


def test_a_single_column_may_have_a_heading() -> None:
    assert symbols("Ticker\nAAPL\nMSFT") == ["AAPL", "MSFT"]


def test_a_word_that_could_be_a_heading_is_a_symbol_where_nothing_stands_below() -> None:
    assert symbols("AAPL,CODE,MSFT") == ["AAPL", "CODE", "MSFT"]


def test_a_table_with_exchanges_keeps_them() -> None:
    assert symbols("symbol,mic,name\nT,XTSE,TELUS\nT,XNYS,AT&T\nAAPL,,Apple\n") == ["XTSE:T", "XNYS:T", "AAPL"]


def test_a_quoted_field_may_go_over_lines() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["note", "symbol"], ["one\ntwo", "AAPL"], ["three", "MSFT"]])
    assert numbered(text.getvalue()) == [(3, "AAPL"), (4, "MSFT")]


def test_a_symbol_that_stands_twice_is_given_once_with_its_first_line() -> None:
    assert numbered("AAPL\nMSFT\naapl,MSFT\nAAPL") == [(1, "AAPL"), (2, "MSFT")]


def test_nothing_gives_nothing() -> None:
    assert parse_symbols("") == parse_symbols(" \n,;\t\n\"\"\n") == []


def test_a_text_too_long_for_a_symbol_is_cut_and_can_be_none() -> None:
    assert symbols("A" * 500) == ["A" * MAX_TEXT + "…"]


def test_as_many_symbols_as_allowed_are_taken_and_one_more_is_refused() -> None:
    lines = [f"S{number}" for number in range(MAX_SYMBOLS)]
    assert len(parse_symbols("\n".join(lines))) == MAX_SYMBOLS
    with pytest.raises(Refused, match="501 symbols; 500 can be added at once"):
        parse_symbols("\n".join([*lines, "X"]))


def test_a_list_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(Refused, match="too large"):
        parse_symbols("AAPL\n" * (MAX_BYTES // 5 + 1))
    with pytest.raises(Refused, match="too large"):
        decode_upload(b"AAPL\n" * (MAX_BYTES // 5 + 1))


def test_a_text_with_zero_bytes_is_refused() -> None:
    with pytest.raises(Refused, match="no text has"):
        parse_symbols("AAPL\0MSFT")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_an_upload_is_read_in_any_usual_encoding(encoding: str) -> None:
    text = "Symbol;Name\nOR;L'Oréal S.A.\nAAPL;Apple Inc.\n"
    decoded = decode_upload(text.encode(encoding))
    assert decoded.lstrip("\ufeff") == text
    assert symbols(decoded) == ["OR", "AAPL"]


@pytest.mark.parametrize("data", [
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", b"\x00" * 100,
    b"AAPL\x00MSFT", b"\xff\xfeA", b"\xff\xfe\x00\xd8\x00\xd8", bytes(range(256))])
def test_an_upload_that_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="not a text file"):
        decode_upload(data)


def test_an_empty_upload_is_an_empty_list() -> None:
    assert parse_symbols(decode_upload(b"")) == []


@given(st.text(max_size=300))
def test_no_text_breaks_it_and_nothing_comes_out_that_was_not_in_it(text: str) -> None:
    try:
        found = parse_symbols(text)
    except Refused:
        return
    lines = text.splitlines()
    for line in found:
        assert line.text
        assert line.text == line.text.strip()
        assert 1 <= line.line_number <= len(lines)
    assert len({line.text.casefold() for line in found}) == len(found)


@given(st.lists(st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?", fullmatch=True), min_size=1, max_size=30, unique=True),
       st.sampled_from(["\n", "\r\n", ",", ";", "\t", ", "]))
def test_what_was_joined_comes_apart_again(names: list[str], joint: str) -> None:
    assert symbols(joint.join(names)) == names or names[0].casefold() in {"code", "ticker"}


@given(st.binary(max_size=300))
def test_no_upload_breaks_it(data: bytes) -> None:
    try:
        parse_symbols(decode_upload(data))
    except Refused:
        return


@given(st.text(alphabet=st.sampled_from('AB,;\t\n"\' :#\r'), max_size=60))
def test_every_symbol_stands_in_the_list_that_it_came_from(text: str) -> None:
    for line in parse_symbols(text):
        assert set(line.text) <= set(text)
        for part in line.text.replace('"', "").split():
            assert part in text.replace('"', "")
