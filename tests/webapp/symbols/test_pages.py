"""Searching, and a stock's own page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.models import InstrumentRow, MarketSession, QuoteRow
from webapp.records import State
from webapp.symbols.starter import load_starter_list

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def stocks(app: Flask) -> None:
    """The starter list."""
    load_starter_list()
    db.session.commit()


def row_of(symbol: str, mic: str) -> InstrumentRow:
    return db.session.query(InstrumentRow).filter_by(symbol=symbol, mic=mic).one()


@pytest.mark.both_databases
def test_a_result_shows_all_that_tells_two_listings_apart(client: FlaskClient) -> None:
    page = client.get("/stocks/search?q=shel").text
    assert '<a href="/stocks/XLON/SHEL">' in page
    assert '<a href="/stocks/XNYS/SHEL">' in page
    for fact in ("Shell plc", "London", "NYSE", "GBP", "USD", "GB", "Stock"):
        assert f">{fact}<" in page


def test_the_search_box_gets_only_its_options(client: FlaskClient) -> None:
    part = client.get("/stocks/search?q=SHEL", headers=HTMX).text
    assert "<html" not in part
    assert part.count('role="option"') == 2
    assert 'data-href="/stocks/XLON/SHEL"' in part
    assert "<a " not in part  # the box keeps the focus: an option may not hold a link of its own


def test_the_list_under_the_box_is_short_and_leads_to_the_whole(client: FlaskClient) -> None:
    part = client.get("/stocks/search?q=a", headers=HTMX).text
    assert part.count('role="option"') == 9
    assert 'data-href="/stocks/search?q=a"' in part
    assert client.get("/stocks/search?q=a").text.count("<tr>") > 20


def test_an_empty_search_has_no_options_and_a_page_that_says_what_to_do(client: FlaskClient) -> None:
    assert client.get("/stocks/search?q=", headers=HTMX).text.strip() == ""
    assert "Type a symbol" in client.get("/stocks/search").text


def test_a_search_without_result_says_so_and_escapes_what_was_typed(client: FlaskClient) -> None:
    for headers in ({}, HTMX):
        page = client.get("/stocks/search", query_string={"q": "<script>zz"}, headers=headers).text
        assert "Nothing found" in page
        assert "&lt;script&gt;zz" in page
        assert "<script>zz" not in page


@pytest.mark.parametrize("path", ["/stocks/XNAS/NOPE", "/stocks/XXXX/AAPL", "/stocks/XTSE/AAPL", "/stocks/XNAS/%00",
                                  "/stocks/XNAS/..", "/stocks/XNAS/A%27%3B--"])
def test_an_unknown_stock_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/stocks/XNYS/BRK.B", "/stocks/xnys/brk-b", "/stocks/XLON/BP", "/stocks/XHKG/0700"])
def test_a_stock_has_its_page_before_it_has_a_price(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "No price yet" in answer.text


@pytest.mark.both_databases
def test_the_page_shows_the_newest_price_and_streams_from_its_version(client: FlaskClient) -> None:
    row = row_of("TSCO", "XLON")
    now = clock.now()
    db.session.add(QuoteRow(instrument_id=row.id, version=7, price=Decimal("441.5"), as_of=now, day=now.date(),
                            previous_close=Decimal("440.0"), state=State.LIVE, source="x"))
    db.session.commit()
    page = client.get("/stocks/XLON/TSCO").text
    assert "441.5" in page
    assert f"ids={row.id}" in page
    assert "London" in page


def test_whoever_opens_the_page_has_the_stock_fetched(client: FlaskClient, redis: Redis) -> None:
    client.get("/stocks/XNAS/AAPL")
    assert bus.watched_ids(redis) == {row_of("AAPL", "XNAS").id}


@pytest.mark.parametrize(("hours", "session", "next_open"), [
    (-1, "Closed; it is 07:00:00 GMT there", "20 Nov 2026, 08:00:00 GMT"),
    (0, "Open; it is 08:00:00 GMT there", "23 Nov 2026, 08:00:00 GMT"),
    (8.5, "Closed; it is 16:30:00 GMT there", "23 Nov 2026, 08:00:00 GMT")])
def test_the_page_says_which_session_it_is_and_when_the_next_one_opens(
        app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, hours: float, session: str,
        next_open: str) -> None:
    app.config["SETTINGS"].SIMULATOR_CLOCK = "market"
    opens = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)
    db.session.add_all(MarketSession(mic="XLON", day=(opens + later).date(), opens_at=opens + later,
                                     closes_at=opens + later + dt.timedelta(hours=8.5))
                       for later in (dt.timedelta(), dt.timedelta(days=3)))
    db.session.commit()
    monkeypatch.setattr(clock, "now", lambda: opens + dt.timedelta(hours=hours))
    page = client.get("/stocks/XLON/TSCO").text
    assert f"<dd>{session}</dd>" in page
    assert f"<dd>{next_open}</dd>" in page


def test_of_simulated_prices_that_never_rest_no_session_is_told(client: FlaskClient) -> None:
    opens = clock.now() + dt.timedelta(hours=8)
    db.session.add(MarketSession(mic="XLON", day=opens.date(), opens_at=opens,
                                 closes_at=opens + dt.timedelta(hours=8.5)))
    db.session.commit()
    page = client.get("/stocks/XLON/TSCO").text
    assert "<dd>Simulated prices move at all hours</dd>" in page
    assert "Opens next" not in page
    assert "Closed" not in page


@pytest.mark.parametrize(("facts", "promised"), [
    ({}, True), ({"state": State.END_OF_DAY}, False), ({"as_of_is_day": True}, False)])
def test_a_path_of_the_day_is_promised_only_where_more_prices_come_that_day(
        client: FlaskClient, facts: dict[str, object], promised: bool) -> None:
    now = clock.now()
    given = {"state": State.LIVE} | facts
    db.session.add(QuoteRow(instrument_id=row_of("TSCO", "XLON").id, version=7, price=Decimal("4.41"), as_of=now,
                            day=now.date(), previous_close=Decimal("4.40"), source="x", **given))
    db.session.commit()
    page = client.get("/stocks/XLON/TSCO").text
    assert ("appears with the second price" in page) is promised
    assert "<figure" not in page


@pytest.mark.parametrize(("time", "session", "next_open"), [
    ("10:00", "Open", "20 Nov 2026, 12:30:00 JST"),
    ("12:00", "Closed", "20 Nov 2026, 12:30:00 JST"),
    ("12:30", "Open", "23 Nov 2026, 09:00:00 JST")])
def test_in_a_midday_break_the_page_says_when_trading_goes_on(
        app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, time: str, session: str,
        next_open: str) -> None:
    app.config["SETTINGS"].SIMULATOR_CLOCK = "market"

    def tokyo(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(f"2026-11-20T{text}+09:00").astimezone(dt.UTC)

    db.session.add_all(MarketSession(mic="XTKS", day=dt.date(2026, 11, 20) + later, opens_at=tokyo("09:00") + later,
                                     closes_at=tokyo("15:30") + later, break_starts_at=tokyo("11:30") + later,
                                     break_ends_at=tokyo("12:30") + later)
                       for later in (dt.timedelta(), dt.timedelta(days=3)))
    db.session.commit()
    monkeypatch.setattr(clock, "now", lambda: tokyo(time))
    page = client.get("/stocks/XTKS/7203").text
    assert f"<dt>Session</dt><dd>{session}" in page
    assert f"<dd>{next_open}</dd>" in page


def test_a_chart_of_the_day_that_is_not_known_has_no_colour(client: FlaskClient) -> None:
    row, now = row_of("TSCO", "XLON"), clock.now()
    quote = QuoteRow(instrument_id=row.id, version=7, price=Decimal("4.41"), as_of=now, day=now.date(),
                     previous_close=Decimal("4.40"), source="x", state=State.LIVE, spark={"prices": ["4.40"]})
    db.session.add(quote)
    db.session.commit()
    assert f"<td id=q{row.id}-spark>—</td>" in client.get("/").text
    quote.spark = {"prices": ["4.40", "4.41"]}
    db.session.commit()
    assert f"<td id=q{row.id}-spark class=up><svg" in client.get("/").text


def test_where_no_trading_days_are_known_the_page_claims_none(client: FlaskClient) -> None:
    assert "Opens next" not in client.get("/stocks/XLON/TSCO").text


@pytest.mark.both_databases
@pytest.mark.parametrize(("path", "status"), [
    ("/stocks/search?q=a%00b", 200), ("/stocks/search?q=%00", 200), ("/stocks/XNAS/AAPL%00", 404),
    ("/stocks/XNAS%00/AAPL", 404), ("/quotes.json?symbols=AAPL%00", 404)])
def test_a_sign_that_no_database_keeps_finds_nothing(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status
