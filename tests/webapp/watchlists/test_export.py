"""Exports of a list: the page's own numbers, exactly, and never more often than they change."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from tests.factories import AS_OF, add_quote
from tests.webapp.watchlists.conftest import Browser, Maker
from webapp.extensions import db
from webapp.models import InstrumentRow, Watchlist
from webapp.watchlists import service

STALE_AT = AS_OF + dt.timedelta(minutes=5)


@pytest.fixture(autouse=True)
def the_moment() -> Iterator[None]:
    """Stop the clock, log-in included."""
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def watchlist(make_list: Maker, stocks: list[InstrumentRow]) -> Watchlist:
    """Three stocks: one with every figure, one with a day's price, one without any."""
    add_quote(stocks[0], "180.5000", previous_close="181.00", open="180.9", high="182", low="179.25", volume=123456789,
              bid="180.49", ask="180.51", extended_price="181.10", extended_as_of=AS_OF, stale_at=STALE_AT, version=7,
              delay="Delayed 15 min", previous_day=dt.date(2026, 11, 19), unit="USD", sent_unit="USD")
    add_quote(stocks[4], "25.125", as_of_is_day=True, sent_unit="GBX", state="End of day", source="alpha-vantage",
              problem="No calls are left today.")
    watchlist = make_list("Tech", [stocks[0], stocks[4], stocks[2]])
    service.write_note(watchlist, stocks[0].id, "=HYPERLINK(\"http://evil\")")
    db.session.commit()
    return watchlist


def rows_of_json(browser: Browser, watchlist: Watchlist) -> list[dict[str, Any]]:
    answer = browser.get(f"/watchlists/{watchlist.id}.json")
    assert answer.mimetype == "application/json"
    content = json.loads(answer.data)
    assert (content["id"], content["name"]) == (watchlist.id, "Tech")
    rows: list[dict[str, Any]] = content["quotes"]
    return rows


def test_json_has_every_figure_exactly_as_it_is_stored(browser: Browser, watchlist: Watchlist) -> None:
    assert rows_of_json(browser, watchlist)[0] == {
        "symbol": "AAPL", "mic": "XNAS", "exchange": "NASDAQ", "name": "Apple Inc.", "currency": "USD",
        "price": "180.5000", "previous_close": "181.00", "open": "180.9", "high": "182", "low": "179.25",
        "change": "-0.5000", "change_percent": "-0.2762", "volume": 123456789, "bid": "180.49", "ask": "180.51",
        "extended_price": "181.10", "extended_change": "0.6000", "extended_change_percent": "0.3324",
        "extended_as_of": "2026-11-20T19:02:11Z", "as_of": "2026-11-20T19:02:11Z", "as_of_precision": "instant",
        "day": "2026-11-20", "state": "Simulated", "source": "simulator", "fetched_at": "2026-11-20T19:02:11Z",
        "problem": None, "version": 7, "delay": "Delayed 15 min", "session": "regular", "previous_day": "2026-11-19",
        "sent_unit": "USD", "stage": None, "stage_since": None, "stage_weeks": None, "provisional_stage": None,
        "rs": None, "rs_kind": None, "stage_week": None, "note": "=HYPERLINK(\"http://evil\")"}


def test_a_days_price_names_no_time_and_what_is_unknown_is_null(browser: Browser, watchlist: Watchlist) -> None:
    day, none = rows_of_json(browser, watchlist)[1:]
    assert (day["as_of"], day["as_of_precision"]) == ("2026-11-20", "day")
    assert (day["currency"], day["exchange"], day["problem"]) == ("GBX", "London", "No calls are left today.")
    assert (day["sent_unit"], day["delay"], day["session"], day["previous_day"]) == ("GBX", None, "regular", None)
    assert {name for name, value in none.items() if value is not None} == {
        "symbol", "mic", "exchange", "name", "currency", "state", "version"}
    assert none["state"] == "No price yet"


def test_csv_has_the_same_rows_with_nothing_for_unknown(browser: Browser, watchlist: Watchlist) -> None:
    answer = browser.get(f"/watchlists/{watchlist.id}.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=Tech.csv"
    written = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    for row, exact in zip(written, rows_of_json(browser, watchlist), strict=True):
        assert row | {"note": ""} == {name: "" if value is None else str(value)
                                      for name, value in exact.items()} | {"note": ""}


def test_csv_runs_no_formula_and_leaves_numbers_alone(browser: Browser, watchlist: Watchlist) -> None:
    rows = list(csv.DictReader(io.StringIO(browser.get(f"/watchlists/{watchlist.id}.csv").text, newline="")))
    assert rows[0]["note"] == "'=HYPERLINK(\"http://evil\")"
    assert rows[0]["change"] == "-0.5000"


def test_the_tradingview_list_names_exchanges_in_its_words(browser: Browser, watchlist: Watchlist) -> None:
    answer = browser.get(f"/watchlists/{watchlist.id}.txt")
    assert answer.mimetype == "text/plain"
    assert answer.text == "NASDAQ:AAPL,LSE:SHEL,NYSE:IBM\n"


def test_an_empty_list_exports_no_rows(browser: Browser, make_list: Maker) -> None:
    empty = make_list("Tech")
    assert rows_of_json(browser, empty) == []
    assert browser.get(f"/watchlists/{empty.id}.csv").text.count("\n") == 1


@pytest.mark.parametrize("name", ["Über / Größe", "日本", "../../etc", 'a"b\r\nc'])
def test_any_name_makes_a_harmless_file_name(browser: Browser, make_list: Maker, name: str) -> None:
    answer = browser.get(f"/watchlists/{make_list(name).id}.csv")
    assert answer.status_code == 200
    filename = answer.headers["Content-Disposition"].partition("filename=")[2]
    assert filename.strip('"').replace(".csv", "").replace("_", "").replace("-", "").isalnum()


@pytest.mark.parametrize("ending", ["json", "csv", "txt"])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_what_has_not_changed_is_not_sent_again(
        browser: Browser, watchlist: Watchlist, ending: str, encoding: str) -> None:
    path, headers = f"/watchlists/{watchlist.id}.{ending}", {"Accept-Encoding": encoding}
    first = browser.get(path, headers=headers)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = browser.get(path, headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_new_note_or_price_makes_a_new_etag(
        browser: Browser, watchlist: Watchlist, stocks: list[InstrumentRow]) -> None:
    path, tags = f"/watchlists/{watchlist.id}.json", set()
    tags.add(browser.get(path).headers["ETag"])
    service.write_note(watchlist, stocks[2].id, "new")
    db.session.commit()
    tags.add(browser.get(path).headers["ETag"])
    add_quote(stocks[2], "100")
    tags.add(browser.get(path).headers["ETag"])
    assert len(tags) == 3


def test_a_price_that_turns_stale_makes_a_new_etag(browser: Browser, watchlist: Watchlist) -> None:
    path = f"/watchlists/{watchlist.id}.json"
    with time_machine.travel(STALE_AT - dt.timedelta(seconds=1), tick=False):
        before = browser.get(path)
        assert json.loads(before.data)["quotes"][0]["state"] == "Simulated"
    with time_machine.travel(STALE_AT, tick=False):
        after = browser.get(path, headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        assert json.loads(after.data)["quotes"][0]["state"] == "Stale"
