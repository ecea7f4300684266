"""Editing a stock, marking its listing, mapping its symbols: what is kept, who is told, and what is refused."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.factories import add_quote, add_stock
from tests.webapp.people import Browser
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.models import (
    AuditEntry,
    FeedVersion,
    IngestRun,
    InstrumentRow,
    ProviderCall,
    QuoteRow,
    RunState,
    User,
    VendorSymbol,
    Watchlist,
    WatchlistItem,
)

PAGE = "/admin/stocks/XNAS/AAPL"
Bells = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def apple(app: Flask) -> InstrumentRow:
    """A stock with a price."""
    row = add_stock("AAPL", name="Apple Inc.")
    add_quote(row, "200.10")
    return row


def fields(browser: Browser, form: str, **changes: Any) -> dict[str, Any]:
    """Return what the form with this id would send as it is, with changes."""
    part = re.search(rf'id="{form}".*?</form>', browser.get(PAGE).text, re.DOTALL)
    assert part is not None
    sent = dict(re.findall(r'<input(?![^>]*(?:checkbox|radio))[^>]* name="([^"]+)"[^>]* value="([^"]*)"', part[0]))
    sent |= dict(re.findall(
        r'<input(?=[^>]*type="radio")(?=[^>]*checked)[^>]* name="([^"]+)" value="([^"]*)"', part[0]))
    sent |= dict(re.findall(r'<select[^>]*name="([^"]+)"[^>]*>.*?<option selected value="([^"]*)"', part[0]))
    return sent | changes


def audited() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    return [(row.action, row.subject, row.before, row.after) for row in db.session.query(AuditEntry)]


def jobs(redis: Redis) -> list[str | None]:
    return [job.func_name for job in Queue("default", connection=redis).jobs]


def row_now(row: InstrumentRow) -> InstrumentRow:
    return db.session.get_one(InstrumentRow, row.id, populate_existing=True)


def test_the_page_shows_what_is_known(browser: Browser, apple: InstrumentRow) -> None:
    page = browser.get(PAGE)
    assert page.status_code == 200
    for text in ("Apple Inc.", "200.10 USD", "USD, 2 decimals", "The usual one", "Merge it into another one…"):
        assert text in page.text
    assert browser.get("/admin/stocks/xnas/aapl").status_code == 200
    assert browser.get("/admin/stocks/XNAS/NOPE").status_code == 404


def test_an_edit_is_kept_told_and_written_down(
        browser: Browser, apple: InstrumentRow, person: User, bells: Bells, redis: Redis) -> None:
    db.session.add(Watchlist(name="Mine", user_id=person.id, items=[WatchlistItem(instrument_id=apple.id)]))
    db.session.commit()
    heard = bus.Subscription(redis)
    before = db.session.scalar(db.select(FeedVersion.value)) or 0
    answer = browser.post(f"{PAGE}/edit", fields(browser, "edit", name="  Apple   Computer ", decimals="4"))
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    found = row_now(apple)
    assert (found.name, found.folded_name, found.decimals) == ("Apple Computer", "apple computer", 4)
    assert found.set_by_admin == "name"
    assert audited() == [("stock.edit", "XNAS:AAPL", {"name": "Apple Inc.", "decimals": 2},
                          {"name": "Apple Computer", "decimals": 4})]
    messages = [message for _ in range(20) if (message := heard.next(0.05)) and message[0] == bus.QUOTES]
    heard.close()
    [(_, content)] = messages
    version, [row] = bus.decode_quotes(content)
    assert (version, row.instrument.name, row.instrument.decimals) == (before + 1, "Apple Computer", 4)
    assert db.session.get_one(QuoteRow, apple.id, populate_existing=True).version == version
    assert [(bell["topic"], bell["user"]) for bell in bells()] == [("watchlists", person.id)]
    assert not jobs(redis)


def test_what_is_sent_unchanged_changes_nothing(browser: Browser, apple: InstrumentRow) -> None:
    assert browser.post(f"{PAGE}/edit", fields(browser, "edit")).status_code == 303
    assert audited() == []
    assert row_now(apple).set_by_admin == ""


def test_another_benchmark_is_reckoned_with(browser: Browser, apple: InstrumentRow, redis: Redis) -> None:
    add_stock("QQQ", kind="etf")
    assert browser.post(f"{PAGE}/edit", fields(browser, "edit", benchmark="qqq")).status_code == 303
    assert row_now(apple).benchmark == "XNAS:QQQ"
    assert jobs(redis) == ["worker.jobs.analysis.analyse"]


@pytest.mark.parametrize(("changes", "field", "sentence"), [
    ({"name": "  "}, "name", "Give it a name"), ({"name": "x" * 121}, "name", "at most 120 characters"),
    ({"name": "\0\0"}, "name", "at most 120 characters"),
    ({"kind": "spaceship"}, "kind", "Not a valid choice"), ({"sector": "Magic"}, "sector", "Not a valid choice"),
    ({"country": "USA"}, "country", "two letters"), ({"decimals": "9"}, "decimals", "From 0 to 8"),
    ({"decimals": "two"}, "decimals", "Not a valid integer"), ({"quoted_in": "EUR"}, "quoted_in", "a price"),
    ({"quoted_in": "?"}, "quoted_in", "three letters"), ({"benchmark": "NOPE"}, "benchmark", "No stock here"),
    ({"benchmark": "AAPL"}, "benchmark", "against itself"), ({"benchmark": "SHEL"}, "benchmark", "Which one"),
    ({"benchmark": "XLON:SHEL"}, "benchmark", "is in GBP, the stock is in USD")])
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_lost(
        browser: Browser, apple: InstrumentRow, changes: dict[str, str], field: str, sentence: str) -> None:
    add_stock("SHEL", "XNYS")
    add_stock("SHEL", "XLON", currency="GBP", unit="GBX")
    answer = browser.post(f"{PAGE}/edit", fields(browser, "edit", country="CA") | changes)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">[^<]*{re.escape(sentence)}', answer.text)
    if field != "country":
        assert 'value="CA"' in answer.text
    assert row_now(apple).country == "US"


def test_a_currency_is_changed_only_where_nothing_is_stored_in_it(browser: Browser, app: Flask) -> None:
    row = add_stock("AAPL")
    assert "readonly" not in browser.get(PAGE).text
    assert browser.post(f"{PAGE}/edit", fields(browser, "edit", quoted_in="GBX")).status_code == 303
    found = row_now(row)
    assert (found.currency, found.unit) == ("GBP", "GBX")
    add_quote(row, "1")
    assert "because amounts are stored in it: a price." in browser.get(PAGE).text


def test_of_two_admins_the_second_one_sees_what_the_first_did(browser: Browser, apple: InstrumentRow) -> None:
    first = fields(browser, "edit", name="One")
    second = fields(browser, "edit", name="Two")
    assert browser.post(f"{PAGE}/edit", first).status_code == 303
    answer = browser.post(f"{PAGE}/edit", second)
    assert answer.status_code == 409
    assert "has been changed meanwhile" in answer.text
    assert 'value="Two"' in answer.text
    assert "<dd>One</dd>" in answer.text
    seen = re.search(r'id="edit".*?name="seen" value="([^"]+)"', answer.text, re.DOTALL)
    assert seen is not None
    assert browser.post(f"{PAGE}/edit", second | {"seen": seen[1]}).status_code == 303
    assert row_now(apple).name == "Two"


# What became of it


def test_a_mark_is_kept_and_written_down(browser: Browser, apple: InstrumentRow) -> None:
    answer = browser.post(f"{PAGE}/mark", fields(browser, "mark", status="delisted", day="2026-11-03"))
    assert answer.status_code == 303
    found = row_now(apple)
    assert (found.status, found.status_day, found.set_by_admin) == ("delisted", dt.date(2026, 11, 3), "status")
    assert audited() == [("stock.mark", "XNAS:AAPL", {"status": "listed", "day": "", "renamed_to": ""},
                          {"status": "delisted", "day": "2026-11-03", "renamed_to": ""})]
    assert "Delisted since 3 Nov 2026" in browser.get("/stocks/XNAS/AAPL").text
    assert browser.post(f"{PAGE}/mark", fields(browser, "mark", status="listed")).status_code == 303
    assert (row_now(apple).status, row_now(apple).status_day) == ("listed", None)


def test_a_renamed_stock_leads_to_its_successor(browser: Browser, apple: InstrumentRow) -> None:
    add_stock("APPL")
    answer = browser.post(f"{PAGE}/mark", fields(browser, "mark", status="renamed", successor="appl"))
    assert answer.status_code == 303
    assert (row_now(apple).status, row_now(apple).renamed_to) == ("renamed", "XNAS:APPL")
    assert "Go to APPL" in browser.get("/stocks/XNAS/AAPL").text


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"status": "renamed", "successor": ""}, "No stock here is called so."),
    ({"status": "renamed", "successor": "AAPL"}, "That is this stock itself."),
    ({"status": "renamed", "successor": "XNAS:OLD"}, "XNAS:OLD is itself no longer listed."),
    ({"status": "delisted", "day": "9999-01-01"}, "still to come"), ({"status": "bankrupt"}, "Not a valid choice")])
def test_a_mark_that_cannot_be_is_refused(
        browser: Browser, apple: InstrumentRow, changes: dict[str, str], sentence: str) -> None:
    add_stock("OLD", status="delisted")
    answer = browser.post(f"{PAGE}/mark", fields(browser, "mark") | changes)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert row_now(apple).status == "listed"


def test_what_an_admin_set_is_given_back_to_the_directories(browser: Browser, apple: InstrumentRow) -> None:
    browser.post(f"{PAGE}/edit", fields(browser, "edit", name="Apple"))
    page = browser.get(PAGE).text
    seen = re.search(r'directories".*?name="seen" value="([^"]+)"', page, re.DOTALL)
    assert seen is not None
    assert browser.post(f"{PAGE}/directories", {"seen": "old"}).status_code == 409
    assert browser.post(f"{PAGE}/directories", {"seen": seen[1]}).status_code == 303
    assert (row_now(apple).set_by_admin, row_now(apple).name) == ("", "Apple")
    assert audited()[-1] == ("stock.edit", "XNAS:AAPL", {"set_by_admin": "name"}, {"set_by_admin": ""})


# How providers write it


def written(row: InstrumentRow) -> dict[str, str]:
    return {found.provider: found.symbol for found in db.session.query(VendorSymbol).filter_by(instrument_id=row.id)}


def test_symbols_are_kept_and_what_was_not_found_is_asked_for_anew(browser: Browser, apple: InstrumentRow) -> None:
    now = clock.now()
    db.session.add_all([
        ProviderCall(provider="finnhub", started_at=now, subject="XNAS:AAPL", outcome="unknown symbol: no"),
        ProviderCall(provider="finnhub/stock", started_at=now, subject="XNAS:AAPL", outcome="unknown symbol"),
        ProviderCall(provider="tiingo", started_at=now, subject="XNAS:AAPL", outcome="unknown symbol"),
        IngestRun(kind="provider", source="finnhub", subject="XNAS:AAPL", instrument_id=apple.id, started_at=now,
                  state=RunState.REFUSED.value, reason="no")])
    db.session.commit()
    answer = browser.post(f"{PAGE}/symbols", fields(
        browser, "symbols", finnhub=" AAPL.X ", **{"yahoo-off": "1"}))
    assert answer.status_code == 303
    assert written(apple) == {"finnhub": "AAPL.X", "yahoo": ""}
    assert audited() == [("stock.map", "XNAS:AAPL", {"finnhub": None, "yahoo": None},
                          {"finnhub": "AAPL.X", "yahoo": ""})]
    assert [call.subject for call in db.session.query(ProviderCall).order_by(ProviderCall.id)] == [
        "XNAS:AAPL under a former symbol", "XNAS:AAPL under a former symbol", "XNAS:AAPL"]
    assert db.session.query(IngestRun).one().state == "skipped"
    page = browser.get(PAGE).text
    assert 'name="finnhub" value="AAPL.X"' in page
    assert re.search(r'name="yahoo-off" value="1" checked', page)
    # And back to the rules.
    assert browser.post(f"{PAGE}/symbols", fields(browser, "symbols", finnhub="")).status_code == 303
    assert written(apple) == {}


@pytest.mark.parametrize(("symbol", "sentence"), [
    ("A,B", "no spaces or commas"), ("A B", "no spaces or commas"), ("../../etc/passwd", "no spaces or commas"),
    ("x" * 41, "no spaces or commas"), ("Ä", "no spaces or commas"), ("TAKEN", "writes XNAS:MSFT so"),
    ("taken", "writes XNAS:MSFT so")])
def test_a_symbol_that_cannot_be_is_said_at_its_provider(
        browser: Browser, apple: InstrumentRow, symbol: str, sentence: str) -> None:
    other = add_stock("MSFT")
    db.session.add(VendorSymbol(instrument_id=other.id, provider="finnhub", symbol="TAKEN"))
    db.session.commit()
    answer = browser.post(f"{PAGE}/symbols", fields(browser, "symbols", finnhub=symbol, tiingo="KEPT"))
    assert answer.status_code == 422
    assert re.search(rf'id="at-finnhub-error">[^<]*{re.escape(sentence)}', answer.text)
    assert 'name="tiingo" value="KEPT"' in answer.text
    assert written(apple) == {}


def test_symbols_that_changed_meanwhile_are_shown_first(browser: Browser, apple: InstrumentRow) -> None:
    sent = fields(browser, "symbols", finnhub="ONE")
    db.session.add(VendorSymbol(instrument_id=apple.id, provider="tiingo", symbol="TWO"))
    db.session.commit()
    answer = browser.post(f"{PAGE}/symbols", sent)
    assert answer.status_code == 409
    assert written(apple) == {"tiingo": "TWO"}


def test_nothing_changes_without_a_form_of_this_site(browser: Browser, apple: InstrumentRow) -> None:
    for name in ("edit", "mark", "symbols", "directories", "merge"):
        assert browser.open(f"{PAGE}/{name}", "POST", data={"name": "x"}).status_code == 400
        if name != "merge":
            assert browser.get(f"{PAGE}/{name}").status_code == 405
    assert Decimal("200.10") == db.session.get_one(QuoteRow, apple.id).price
