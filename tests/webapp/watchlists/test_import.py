"""Pasting and uploading lists: every format end to end, and nothing ambiguous or unknown is guessed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.webapp.watchlists.conftest import Browser, Maker
from webapp.extensions import db
from webapp.models import InstrumentRow, Watchlist
from webapp.watchlists import queries

FORMATS = {
    "one per line": "AAPL\nmsft\n\nBRK-B\n",
    "CSV": "Name,Symbol,Shares\nApple,AAPL,3\nMicrosoft,MSFT,4\n\"Berkshire, B\",BRK.B,1\n",
    "TradingView": "###Tech,NASDAQ:AAPL,NASDAQ:MSFT,###Other,NYSE:BRK.B",
}


@pytest.fixture
def watchlist(make_list: Maker, stocks: list[InstrumentRow]) -> Watchlist:
    """An empty list, and stocks to import."""
    return make_list("Imported")


def symbols_on(watchlist: Watchlist) -> list[str]:
    db.session.rollback()
    return [db.session.get_one(InstrumentRow, each).symbol for each in queries.load_notes(watchlist.id)]


def paste(browser: Browser, watchlist: Watchlist, text: str) -> TestResponse:
    return browser.post(f"/watchlists/{watchlist.id}/import", {"text": text})


def upload(browser: Browser, watchlist: Watchlist, data: bytes) -> TestResponse:
    return browser.post(f"/watchlists/{watchlist.id}/import", {"file": (io.BytesIO(data), "list.txt")},
                        content_type="multipart/form-data")


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS.keys())
def test_a_pasted_list_is_added_in_its_order(browser: Browser, watchlist: Watchlist, text: str) -> None:
    answer = paste(browser, watchlist, text)
    assert answer.status_code == 200
    assert "3 added, 0 there already, 0 to choose, 0 unknown." in answer.text
    assert symbols_on(watchlist) == ["AAPL", "MSFT", "BRK.B"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS.keys())
def test_an_uploaded_file_is_added_in_its_order(
        browser: Browser, watchlist: Watchlist, text: str, encoding: str) -> None:
    answer = upload(browser, watchlist, text.encode(encoding))
    assert "3 added" in answer.text
    assert symbols_on(watchlist) == ["AAPL", "MSFT", "BRK.B"]


def test_every_line_is_accounted_for(browser: Browser, watchlist: Watchlist,
                                     bells: Callable[[], list[dict[str, Any]]]) -> None:
    paste(browser, watchlist, "AAPL")
    answer = paste(browser, watchlist, "AAPL\nIBM\nNOPE\nSHEL\nXLON:WHAT\n")
    assert "1 added, 1 there already, 1 to choose, 2 unknown." in answer.text
    assert "Line 3: NOPE" in answer.text
    assert "Line 5: XLON:WHAT" in answer.text
    assert "Line 4: SHEL" in answer.text
    assert symbols_on(watchlist) == ["AAPL", "IBM"]
    assert len(bells()) == 2


def test_an_ambiguous_symbol_is_chosen_by_the_person(
        browser: Browser, watchlist: Watchlist, stocks: list[InstrumentRow]) -> None:
    page = paste(browser, watchlist, "SHEL").text
    choices = re.findall(r'type="radio" name="(line-[\d-]+)" value="(\d*)"( checked)?', page)
    assert {(value, bool(checked)) for _, value, checked in choices} == {
        (str(stocks[3].id), False), (str(stocks[4].id), False), ("", True)}
    assert symbols_on(watchlist) == []
    path = f"/watchlists/{watchlist.id}/import/chosen"
    answer = browser.post(path, {choices[0][0]: str(stocks[4].id), "line-9-9": "", "line-8-8": "junk"})
    assert (answer.status_code, answer.location) == (303, f"/watchlists/{watchlist.id}")
    assert list(queries.load_notes(watchlist.id)) == [stocks[4].id]


def test_an_invented_choice_is_refused(browser: Browser, watchlist: Watchlist) -> None:
    answer = browser.post(f"/watchlists/{watchlist.id}/import/chosen", {"line-1-1": "99999"})
    assert answer.status_code == 422
    assert symbols_on(watchlist) == []


def test_an_ambiguous_symbol_with_its_exchange_is_no_question(browser: Browser, watchlist: Watchlist) -> None:
    answer = paste(browser, watchlist, "LSE:SHEL\nXNYS:SHEL")
    assert "2 added, 0 there already, 0 to choose" in answer.text


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "There is no symbol in it."), (" \n,,;\n", "There is no symbol in it."),
    ("\n".join(f"S{number}" for number in range(501)), "501 symbols"), ("A" * 70_000, "too large")])
def test_a_text_that_cannot_be_taken_is_said_and_stays_in_the_form(
        browser: Browser, watchlist: Watchlist, text: str, sentence: str) -> None:
    answer = paste(browser, watchlist, text)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert text.strip() in answer.text


def test_a_file_that_is_no_text_is_refused(browser: Browser, watchlist: Watchlist) -> None:
    answer = upload(browser, watchlist, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x01\x02\x03")
    assert answer.status_code == 422
    assert "not a text file" in answer.text


def test_an_upload_beyond_the_sites_limit_is_refused(browser: Browser, watchlist: Watchlist) -> None:
    assert upload(browser, watchlist, b"A" * 2**21).status_code == 413


def test_symbols_with_markup_are_shown_as_text(browser: Browser, watchlist: Watchlist) -> None:
    assert "<script>x" not in paste(browser, watchlist, "<script>x</script>").text


@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_what_is_exported_can_be_imported_again(
        browser: Browser, make_list: Maker, watchlist: Watchlist, stocks: list[InstrumentRow], ending: str) -> None:
    original = make_list("Original", stocks)
    exported = browser.get(f"/watchlists/{original.id}.{ending}").data
    answer = upload(browser, watchlist, exported)
    assert "6 added, 0 there already, 0 to choose, 0 unknown." in answer.text
    assert list(queries.load_notes(watchlist.id)) == [stock.id for stock in stocks]
