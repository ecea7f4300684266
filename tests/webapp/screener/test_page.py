"""The screener's page: for anybody, without JavaScript, whatever stands in the address."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.factories import AS_OF, add_quote
from tests.webapp.people import Browser
from tests.webapp.screener.conftest import FRIDAY, HTMX, Analyse
from webapp.extensions import db
from webapp.live.bus import watched_ids
from webapp.live.fragments import Renderer
from webapp.models import InstrumentRow, StageWeek, User
from webapp.quotes import load_live
from webapp.screener import queries
from webapp.screener.ready import READY


def symbols(text: str) -> list[str]:
    """Return the symbols in the order of the table's rows."""
    return re.findall(r'<tr id="row-\d+" data-id="\d+" data-symbol="([^"]+)"', text)


def plain(text: str) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def cell(text: str, symbol: str, name: str) -> str:
    """Return the words of one of a row's cells."""
    row = text[text.index(f'data-symbol="{symbol}"'):]
    found = re.search(rf'<td data-name="{name}"[^>]*>(.*?)</td>', row, re.S)
    assert found
    return plain(found[1])


def test_anybody_sees_it_and_the_part_alone_has_no_frame(client: FlaskClient, analyse: Analyse) -> None:
    analyse("AAPL", stage=2, rs=90)
    page = client.get("/screener")
    assert page.status_code == 200
    assert "<html" in page.text
    assert symbols(page.text) == ["AAPL"]
    part = client.get("/screener", headers=HTMX)
    assert "<html" not in part.text
    assert part.text.strip().startswith('<div id="screen"')
    assert symbols(part.text) == ["AAPL"]


def test_a_row_shows_every_figure_and_dashes_for_what_is_unknown(client: FlaskClient, analyse: Analyse) -> None:
    analyse("AAPL", {"sector": "Technology"}, stage=2, since=dt.date(2026, 8, 14), weeks=14, rs=87, mansfield=5.8791,
            from_high=-3.25, from_average=8.04, relative_volume=1.84, template=0b0111_1111, breakout=FRIDAY,
            evidence=5, path="1,2,3", rated=True)
    analyse("VOID")
    text = client.get("/screener").text
    told = {"Since": "14 Aug 2026 as of 20 Nov 2026", "Mansfield RS": "+5.9", "From 52-week high": "−3.3%",  # noqa: RUF001
            "From 30-week average": "+8.0%", "Relative volume": "1.84×", "Trend template": "7/8",  # noqa: RUF001
            "Breakout": "20 Nov 2026 ✓ ✗ ✓ 2 of 3 signs", "Sector": "Technology NASDAQ · stock"}
    assert {name: cell(text, "AAPL", name) for name in told} == told
    assert {cell(text, "VOID", name) for name in told} == {"—", "— as of 20 Nov 2026", "— NASDAQ · stock"}
    assert 'aria-label="1.00 to 3.00 in a year"' in text
    assert cell(text, "VOID", "52 weeks") == "—"


def test_without_a_live_price_the_last_close_is_shown_as_what_it_is(client: FlaskClient, analyse: Analyse) -> None:
    quiet, live = analyse("QUIET", close=12.5, source="tiingo"), analyse("LIVE", close=12.5)
    add_quote(db.session.get_one(InstrumentRow, live), "13.75")
    text = client.get("/screener").text
    said = '<small class="state">Close 20 Nov 2026</small>'
    assert f'<td id="q{quiet}-price">12.50 <small>USD</small>{said}</td>' in text
    assert "No price has been fetched yet." in plain(text)
    assert f"<td id=q{live}-price>13.75 <small>USD</small><small class=state>Simulated</small></td>" in text


def ids_of(html: str) -> list[str]:
    return re.findall(r"<(?:td|i) id=(q\d+-\w+)", html)


@pytest.mark.parametrize("price", [None, "13.75"])
def test_what_the_stream_sends_takes_no_price_away_and_says_what_the_page_says(
        client: FlaskClient, app: Flask, analyse: Analyse, price: str | None) -> None:
    key = analyse("A", stage=2, weeks=3, rs=90, close=12.5)
    given = {} if price else {"as_of": None, "day": None}
    add_quote(db.session.get_one(InstrumentRow, key), price, problem="Tiingo is out of order.", **given)
    page = client.get("/screener").text
    sent = Renderer(app.jinja_env)("screen", load_live([key])[0]).decode()
    names = ["percent", "stage", "rs", "tip"]
    assert ids_of(sent) == [f"q{key}-{name}" for name in (["price", *names] if price else names)]
    for part in re.findall(r"<(?:td|i) .*?</(?:td|i)>", sent):
        assert part in page
    assert "Tiingo is out of order." in sent
    assert len(re.findall(f"id=\"?q{key}-price", page)) == 1


def test_a_price_that_is_no_longer_of_now_says_so_with_its_day(client: FlaskClient, analyse: Analyse) -> None:
    for symbol, times in (("STALE", {"stale_at": AS_OF}), ("CLOSED", {"closes_at": AS_OF})):
        add_quote(db.session.get_one(InstrumentRow, analyse(symbol)), "13.75", **times)
    text = client.get("/screener").text
    for state in ("Stale", "Closed"):
        assert f"<small class=state>{state} 20 Nov 2026</small>" in text


def test_the_page_streams_its_own_rows_and_has_them_fetched(
        client: FlaskClient, analyse: Analyse, redis: Redis) -> None:
    one, other = analyse("A", rs=90), analyse("B", rs=80)
    text = client.get("/screener").text
    assert f"/live/stream?view=screen&amp;ids={one},{other}&amp;since=0" in text
    assert watched_ids(redis) == {one, other}


def test_why_a_stock_is_in_its_stage_can_be_read(client: FlaskClient, analyse: Analyse) -> None:
    broke = FRIDAY - dt.timedelta(weeks=13)
    key = analyse("AAPL", stage=2, since=broke, weeks=14, previous_stage=1, candidate=3, average=90.0, slope=2.125,
                  breakout=broke, base_high=80.0, evidence=3, template=0b1111_1110, benchmark="ARCX:SPY",
                  source="tiingo, csv", week_volume=1.5)
    db.session.add_all([
        StageWeek(instrument_id=key, week=FRIDAY, close=99.0, stage=2),
        StageWeek(instrument_id=key, week=broke, close=81.5, stage=2, slope=0.25, week_volume=1.75)])
    db.session.commit()
    page = plain(client.get("/screener").text)
    for words in ("Stage 2 advancing", "Since the week ending 21 Aug 2026, 14 weeks; before it stage 1.",
                  "Close of the week 99.00 USD", "30-week average 90.00 USD", "Close against it +10.00%",
                  "+2.13%, rising", "stage 3 topping; a second week would confirm it",
                  "✓ met Weekly close above the base: 81.50 against 80.00",
                  "✓ met Average flat or rising: +0.25% in 4 weeks",
                  "✗ not met Twice the volume of the four weeks before: 1.75 times",
                  "Trend template, 7 of 8", "✗ not met Close above the 150-day and the 200-day average",
                  "As of the week ending 20 Nov 2026 and the session of 20 Nov 2026, close 100.00 USD",
                  "Computed 2026-11-20 19:02:11 UTC from bars of Tiingo, CSV files", "Strength against ARCX:SPY"):
        assert words in page, words


def test_every_row_says_as_of_when_it_is_and_one_that_has_ended_stands_out(
        client: FlaskClient, analyse: Analyse) -> None:
    ends = {"NEW": FRIDAY, "WEEK": FRIDAY - dt.timedelta(weeks=1), "OLD": dt.date(2020, 1, 3)}
    for symbol, day in ends.items():
        analyse(symbol, week=day, day=day)
    analyse("SHORT", week=None)
    text = client.get("/screener").text
    assert cell(text, "OLD", "Since").endswith("as of 3 Jan 2020")
    assert cell(text, "WEEK", "Since").endswith("as of 13 Nov 2026")
    assert cell(text, "SHORT", "Since") == "— no whole week"
    assert re.findall(r'badge warn" title="[^"]+">([^<]+)', text) == ["As of 3 Jan 2020"]
    assert text.index('data-symbol="OLD"') < text.index("As of 3 Jan 2020") < text.index("Close 3 Jan 2020")


@pytest.mark.parametrize("path", ["/screener", "/market/stages"])
@pytest.mark.parametrize(("week", "late"), [
    (FRIDAY, False), (dt.date(2026, 11, 6), False), (dt.date(2026, 10, 30), True)])
def test_weeks_that_no_longer_come_are_told(
        client: FlaskClient, analyse: Analyse, path: str, week: dt.date, late: bool) -> None:
    analyse("A", week=week, day=week)
    assert ("No stock here has a later week than the one to 30 Oct 2026" in client.get(path).text) == late


def test_under_500_stocks_strength_is_called_a_rank(client: FlaskClient, analyse: Analyse) -> None:
    key = analyse("A", rs=50)
    assert f"<td id=q{key}-rs>50 <small>rank</small></td>" in client.get("/screener").text


def test_a_form_without_scripts_leads_to_a_short_address(client: FlaskClient) -> None:
    answer = client.get("/screener?stage=2&rs_min=80&rs_max=&mic=&sort=high&dir=desc&x=1")
    assert answer.status_code == 302
    assert answer.location == "/screener?stage=2&rs_min=80&sort=high&dir=desc"
    assert client.get("/screener?rs_min=").location == "/screener"
    assert client.get("/screener?after=%20&before=%20").location == "/screener"
    assert unquote(client.get("/screener?stage=2&after=~5&utm=x").location) == "/screener?stage=2&after=~5"


def test_the_form_shows_what_the_address_asks_for(client: FlaskClient, analyse: Analyse) -> None:
    analyse("AAPL", stage=2, rs=90)
    text = client.get("/screener?stage=2&from=1&rs_min=80&mic=XNAS&mic=XXXX&age_max=1").text
    assert re.search(r'name="stage" value="2" checked', text)
    assert re.search(r'<option value="1" selected', text)
    assert re.search(r'name="rs_min" value="80"', text)
    assert re.search(r'name="age_max" value="1"', text)
    assert len(re.findall(r'name="mic" value="(XNAS|XXXX)" checked', text)) == 2
    assert "Filters (5 set)" in text


@pytest.mark.parametrize(("query", "field", "value"), [
    ("rs_min=many&stage=2", "rs", "many"), ("price_min=5&price_max=4", "price", "4"), ("brk_max=-1", "brk", "-1")])
def test_a_bad_value_is_told_at_its_field_and_nothing_is_lost(
        client: FlaskClient, analyse: Analyse, query: str, field: str, value: str) -> None:
    analyse("AAPL", stage=2)
    for headers in ({}, HTMX):
        page = client.get(f"/screener?{query}", headers=headers)
        assert page.status_code == 422
        assert f'id="{field}-error"' in page.text
        assert f'aria-describedby="{field}-error"' in page.text
        assert f'value="{value}"' in page.text
        assert 'id="live"' in page.text
        assert symbols(page.text) == []
    if "stage=2" in query:
        assert re.search(r'name="stage" value="2" checked', page.text)


@pytest.mark.parametrize("query", [
    "after=nonsense", "before=~", "after=1e999~1", "after=~2147483647", "sort=beauty", "dir=up",
    "sort=symbol&after=%00~1"])
def test_an_order_or_a_place_that_cannot_be_read_is_said_above_the_first_page(
        client: FlaskClient, analyse: Analyse, query: str) -> None:
    analyse("AAPL")
    page = client.get(f"/screener?{query}")
    assert page.status_code == 200
    assert symbols(page.text) == ["AAPL"]
    assert 'class="flash warn"' in page.text


@pytest.mark.parametrize("query", [
    "stage=%00", "sector=%F0%9F%92%A9&mic=%27%3B--", "rs_min=" + "9" * 5000, "after=%F0~1&sort=mrs", "stage[]=2",
    "rs_min=80&rs_min=90", "%00=1", "sort=%00", "kind=" + "&kind=".join("abcdefgh")])
def test_no_address_breaks_the_page(client: FlaskClient, analyse: Analyse, query: str) -> None:
    analyse("AAPL")
    assert client.get(f"/screener?{query}", follow_redirects=True).status_code in {200, 422}
    for kind in ("json", "csv"):
        assert client.get(f"/screener.{kind}?{query}").status_code in {200, 422}


def test_pages_follow_each_other_by_links(client: FlaskClient, analyse: Analyse,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 2)
    for number in range(5):
        analyse(f"S{number}", rs=90 - number if number < 3 else None, stage=2)
    seen, path, back = [], "/screener?stage=2", ""
    while path:
        text = client.get(path).text
        assert "5 stocks" in plain(text)
        seen.append(symbols(text))
        links = {rel: target.replace("&amp;", "&") for rel, target in re.findall(
            r'rel="(prev|next)" href="([^"]+)"', text)}
        path, back = links.get("next", ""), links.get("prev", back)
    assert seen == [["S0", "S1"], ["S2", "S3"], ["S4"]]
    assert symbols(client.get(back).text) == ["S2", "S3"]


def test_titles_sort_and_keep_the_filters(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A", stage=2, from_high=-10.0)
    analyse("B", stage=2, from_high=-5.0)
    text = client.get("/screener?stage=2").text
    found = re.search(r'id="sort-high-link" href="([^"]+)"', text)
    assert found
    path = found[1].replace("&amp;", "&")
    assert path == "/screener?stage=2&sort=high&dir=desc"
    text = client.get(path).text
    assert symbols(text) == ["B", "A"]
    assert re.search(r'id="h-high" aria-sort="descending"', text)
    assert 'form="filters" name="sort" value="high"' in text


def test_every_ready_made_screen_opens_and_is_marked(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A", stage=2, weeks=1, rs=99, template=255, from_high=0.0, breakout=FRIDAY, evidence=7)
    for one in READY:
        text = client.get(f"/screener?{one.criteria.query}").text
        assert f'aria-current="page">{one.name}</a>' in text
        assert one.finds in text
    assert symbols(client.get(f"/screener?{READY[0].criteria.query}").text) == ["A"]


def test_nothing_analysed_and_nothing_found_are_told_apart(client: FlaskClient, analyse: Analyse) -> None:
    assert "No stock has been analysed yet" in client.get("/screener").text
    analyse("A", stage=2)
    text = client.get("/screener?stage=4").text
    assert "No stock meets all of this" in text
    assert "sse-connect" not in text


def test_names_are_text_wherever_they_stand(client: FlaskClient, analyse: Analyse) -> None:
    evil = "<script>alert(1)</script>"
    analyse("A", {"name": evil, "sector": evil})
    text = client.get("/screener", query_string={"sector": evil}).text
    assert evil not in text
    assert symbols(text) == ["A"]


def test_a_page_asks_the_database_as_often_for_fifty_stocks_as_for_one(
        browser: Browser, analyse: Analyse, statements: list[str]) -> None:
    analyse("A", stage=2)
    browser.get("/screener")
    statements.clear()
    browser.get("/screener")
    once = len(statements)
    for number in range(30):
        analyse(f"S{number}", stage=2, breakout=FRIDAY)
    statements.clear()
    browser.get("/screener")
    assert len(statements) == once <= 16


def test_the_moment_of_the_newest_analysis_is_said(client: FlaskClient, analyse: Analyse) -> None:
    analyse("A", computed_at=AS_OF)
    assert "Completed weeks up to 20 Nov 2026, computed 2026-11-20 19:02:11 UTC" in plain(client.get("/screener").text)


def test_only_an_admin_is_led_to_the_past_prices_where_there_are_none(
        browser: Browser, person: User, visitor: Browser) -> None:
    for path in ("/screener", "/market/stages"):
        assert "/history/" not in visitor.get(path).text
        assert "/history/" not in browser.get(path).text
    person.admin = True
    db.session.commit()
    for path in ("/screener", "/market/stages"):
        assert 'href="/history/coverage"' in browser.get(path).text
    assert browser.get("/history/coverage").status_code == 200
