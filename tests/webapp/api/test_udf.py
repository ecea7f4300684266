"""The feed for charting front ends: each call, and what it says when something is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from flask import Flask

from tests.factories import add_quote, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.charts.conftest import friday_evening, stock
from tests.webapp.charts.past import LAST, NOW, add_days, add_minutes, walk, weekdays
from webapp import clock
from webapp.analytics.series import Series
from webapp.bars.codec import from_series
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.markets import EXCHANGES
from webapp.models import InstrumentRow, User
from webapp.records import Adjustment, Split, State

__all__ = ["friday_evening", "stock"]

A_DAY = 86_400
OPENING = dt.datetime(2026, 11, 20, 14, 30, tzinfo=dt.UTC)


@pytest.fixture
def past(stock: InstrumentRow) -> Series:
    """A year and a half of ACME's days, in the shares of today."""
    return add_days(stock, walk(400))


def get(program: Program, path: str) -> Any:
    answer = program.get(f"/udf/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def seconds(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())


def test_the_feed_says_what_it_can(stock: InstrumentRow, nobody: Program) -> None:
    add_stock("TSCO", "XLON", currency="GBP", country="GB")
    config = get(nobody, "config")
    assert (config["supports_search"], config["supports_group_request"], config["supports_time"]) == (True, False, True)
    assert config["supported_resolutions"] == ["1", "5", "15", "30", "60", "1D", "1W", "1M"]
    assert [each["value"] for each in config["exchanges"]] == ["", "XLON", "XNAS"]
    assert {"name": "Etf", "value": "etf"} in config["symbols_types"]


def test_the_time_is_a_plain_number_of_seconds(nobody: Program, friday_evening: None) -> None:
    answer = nobody.get("/udf/time")
    assert (answer.text, answer.mimetype) == (str(int(NOW.timestamp())), "text/plain")


def test_a_symbol_says_all_that_a_chart_needs(past: Series, stock: InstrumentRow, nobody: Program) -> None:
    add_quote(stock, "101.5")
    info = get(nobody, "symbols?symbol=NASDAQ:ACME")
    assert info == {
        "name": "ACME", "ticker": "XNAS:ACME", "full_name": "NASDAQ:ACME", "description": "ACME Inc.",
        "type": "stock", "exchange": "NASDAQ", "listed_exchange": "NASDAQ", "timezone": "America/New_York",
        "session": "0930-1600:23456", "session_holidays": "", "corrections": "", "format": "price", "minmov": 1,
        "minmove2": 0, "fractional": False, "pricescale": 100, "has_intraday": False, "has_seconds": False,
        "has_daily": True, "has_weekly_and_monthly": True, "intraday_multipliers": [],
        "supported_resolutions": ["1D", "1W", "1M"], "visible_plots_set": "ohlcv", "volume_precision": 0,
        "data_status": "endofday", "delay": -1, "currency_code": "USD", "original_currency_code": "USD"}


def test_a_symbol_with_minutes_says_so(stock: InstrumentRow, nobody: Program) -> None:
    add_minutes(stock, OPENING, walk(5))
    info = get(nobody, "symbols?symbol=ACME")
    assert info["has_intraday"] is True
    assert info["intraday_multipliers"] == ["1", "5", "15", "30", "60"]
    assert "1" in info["supported_resolutions"]


@pytest.mark.parametrize(("delay", "status", "late"), [
    (State.LIVE, "streaming", 0), (State.DELAYED, "delayed_streaming", 900), (State.SIMULATED, "streaming", 0),
    (State.END_OF_DAY, "endofday", -1)])
def test_a_symbol_says_how_late_its_prices_are(stock: InstrumentRow, nobody: Program, delay: State, status: str,
                                               late: int) -> None:
    add_quote(stock, "0.0123", delay=delay.value)
    info = get(nobody, "symbols?symbol=ACME")
    assert (info["data_status"], info["delay"], info["pricescale"]) == (status, late, 10_000)


def test_every_exchange_has_a_zone_that_programs_know() -> None:
    for exchange in EXCHANGES.values():
        assert ZoneInfo(exchange.zone).key == exchange.zone


def test_a_search_answers_with_a_list(stock: InstrumentRow, nobody: Program) -> None:
    add_stock("ACMF", "XLON", kind="etf", currency="GBP", country="GB")
    assert get(nobody, "search?query=ACM&type=&exchange=&limit=30")[0] == {
        "symbol": "ACME", "full_name": "NASDAQ:ACME", "description": "ACME Inc.", "exchange": "NASDAQ",
        "ticker": "XNAS:ACME", "type": "stock"}
    for query, found in (("type=etf", ["ACMF"]), ("exchange=XNAS", ["ACME"]), ("exchange=LSE", ["ACMF"]),
                         ("exchange=LSE&type=stock", []), ("limit=1", ["ACME"]), ("limit=-5", ["ACME"]),
                         ("exchange=%00", []), ("type=%00", []), ("exchange=MOON", [])):
        assert [each["symbol"] for each in get(nobody, f"search?query=ACM&{query}")] == found, query
    assert get(nobody, "search?query=%00") == []


def test_a_search_for_nothing_offers_what_everybody_sees(app: Flask, nobody: Program) -> None:
    add_stock("ACME", starter=True)
    add_stock("OTHER")
    assert [each["ticker"] for each in get(nobody, "search?query=")] == ["XNAS:ACME"]
    assert get(nobody, "search?exchange=XLON") == []


def test_days_bear_the_midnight_of_their_session(past: Series, nobody: Program) -> None:
    bars = get(nobody, f"history?symbol=ACME&resolution=1D&from={seconds(dt.date(2026, 11, 16))}&to={seconds(LAST)}")
    assert bars["s"] == "ok"
    assert bars["t"] == [seconds(dt.date(2026, 11, day)) for day in (16, 17, 18, 19)]  # the end is not included
    for name, column in (("o", past.open), ("h", past.high), ("l", past.low), ("c", past.close), ("v", past.volume)):
        assert bars[name] == column[-5:-1].tolist()


def test_so_many_bars_before_a_moment_are_had_whatever_the_beginning(past: Series, nobody: Program) -> None:
    end = seconds(LAST) + 1
    bars = get(nobody, f"history?symbol=ACME&resolution=D&from={end - A_DAY}&to={end}&countback=300")
    assert len(bars["t"]) == 300
    assert bars["t"] == (past.at[-300:].astype(int) * A_DAY).tolist()


def test_the_last_days_price_is_that_of_the_quote(past: Series, stock: InstrumentRow, nobody: Program,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monday = NOW + dt.timedelta(days=2, hours=17)
    monkeypatch.setattr(clock, "now", lambda: monday)
    add_quote(stock, "123.45", day=monday.date(), as_of=monday, source="tiingo", open="120", high="125", low="119",
              volume=777)
    bars = get(nobody, "history?symbol=ACME&resolution=1D&countback=2")
    assert bars["t"] == [seconds(LAST), seconds(monday.date())]
    assert [bars[name][-1] for name in "ohlcv"] == [120, 125, 119, 123.45, 777]
    week = get(nobody, "history?symbol=ACME&resolution=1W&countback=1")
    assert (week["t"], week["c"]) == ([seconds(monday.date())], [123.45])


def test_weeks_and_months_bear_their_first_session(past: Series, nobody: Program) -> None:
    assert get(nobody, "history?symbol=ACME&resolution=1W&countback=1")["t"] == [seconds(dt.date(2026, 11, 16))]
    months = get(nobody, "history?symbol=ACME&resolution=1M&countback=2")["t"]
    assert months == [seconds(dt.date(2026, 10, 1)), seconds(dt.date(2026, 11, 2))]  # the 1st was a Sunday


def test_prices_are_in_the_shares_of_today(stock: InstrumentRow, nobody: Program) -> None:
    series = add_days(stock, walk(20), splits=[Split(LAST, Decimal(10))])
    bars = get(nobody, "history?symbol=ACME&resolution=D&countback=20")
    np.testing.assert_allclose(bars["c"][:-1], series.close[:-1] / 10)
    assert all(len(repr(price)) < 12 for price in bars["c"])


def test_minutes_are_those_of_the_regular_session(stock: InstrumentRow, nobody: Program) -> None:
    add_minutes(stock, OPENING - dt.timedelta(minutes=30), walk(450))
    end = int(NOW.timestamp())
    bars = get(nobody, f"history?symbol=ACME&resolution=1&from=0&to={end}")
    assert bars["t"] == [int(OPENING.timestamp()) + 60 * number for number in range(390)]
    hours = get(nobody, f"history?symbol=ACME&resolution=60&to={end}&countback=100")
    assert hours["t"] == [int(OPENING.timestamp()) + 3600 * number for number in range(7)]


def test_minutes_of_days_before_are_found_however_far_back(stock: InstrumentRow, nobody: Program) -> None:
    for back in (16, 17, 18):
        add_minutes(stock, OPENING - dt.timedelta(days=back), walk(100, seed=back))
    newest = int((OPENING - dt.timedelta(days=16)).timestamp())
    bars = get(nobody, f"history?symbol=ACME&resolution=1&to={int(NOW.timestamp())}&countback=250")
    assert (len(bars["t"]), bars["t"][-1]) == (250, newest + 99 * 60)
    gap = get(nobody, f"history?symbol=ACME&resolution=1&from={newest + A_DAY}&to={newest + 2 * A_DAY}")
    assert gap == {"s": "no_data", "nextTime": newest + 99 * 60}


def test_where_there_are_no_bars_the_next_older_one_is_named(past: Series, nobody: Program) -> None:
    weekend = seconds(dt.date(2026, 11, 14))
    assert get(nobody, f"history?symbol=ACME&resolution=D&from={weekend}&to={weekend + 2 * A_DAY}") == {
        "s": "no_data", "nextTime": seconds(dt.date(2026, 11, 13))}
    assert get(nobody, "history?symbol=ACME&resolution=D&from=0&to=1000") == {"s": "no_data"}
    assert get(nobody, "history?symbol=ACME&resolution=D&to=1000&countback=5") == {"s": "no_data"}


@pytest.mark.parametrize("resolution", ["1", "60", "1D", "1W", "1M"])
def test_a_stock_without_a_past_has_no_bars(stock: InstrumentRow, nobody: Program, resolution: str) -> None:
    assert get(nobody, f"history?symbol=ACME&resolution={resolution}&countback=5") == {"s": "no_data"}


@pytest.mark.parametrize(("path", "message"), [
    ("symbols?symbol=NIX", "unknown_symbol"), ("symbols", "unknown_symbol"), ("symbols?symbol=%00", "unknown_symbol"),
    ("history?symbol=NIX&resolution=D", "unknown_symbol"), ("history?symbol=ACME&resolution=7", "no resolution 7"),
    ("history?symbol=ACME&resolution=1d", "no resolution 1d"),
    ("history?symbol=ACME&resolution=D&from=x", "from: x is no number"),
    ("history?symbol=ACME&resolution=D&to=nan", "to: nan is no number"),
    ("history?symbol=ACME&resolution=D&countback=1e999", "countback"), ("quotes", "symbols"),
    ("quotes?symbols=,", "symbols"), ("quotes?symbols=" + "A," * 501, "symbols"), ("search?query=a&limit=b", "limit")])
def test_what_cannot_be_answered_is_said_as_the_protocol_has_it(stock: InstrumentRow, nobody: Program, path: str,
                                                               message: str) -> None:
    found = get(nobody, path)
    assert found["s"] == "error"
    assert message in found["errmsg"]


def test_an_ambiguous_symbol_names_what_it_may_mean(stock: InstrumentRow, nobody: Program) -> None:
    add_stock("ACME", "XNYS")
    assert "XNAS:ACME, XNYS:ACME" in get(nobody, "symbols?symbol=ACME")["errmsg"]


@pytest.mark.parametrize("query", ["from=-1e300&to=1e300", "from=1e10&to=-5", "to=1e12&countback=3", "countback=-3"])
def test_times_beyond_all_calendars_are_only_far_away(past: Series, stock: InstrumentRow, nobody: Program,
                                                      query: str) -> None:
    add_minutes(stock, OPENING, walk(5))
    for resolution in ("D", "1", "W", "M"):
        assert get(nobody, f"history?symbol=ACME&resolution={resolution}&{query}")["s"] in {"ok", "no_data"}


def test_more_bars_than_anybody_has_are_all_that_there_are(stock: InstrumentRow, nobody: Program) -> None:
    add_minutes(stock, OPENING, walk(30))
    for count in ("1e300", "99999999999"):
        bars = get(nobody, f"history?symbol=ACME&resolution=1&to={int(NOW.timestamp())}&countback={count}")
        assert len(bars["t"]) == 30


def test_quotes_bear_the_names_they_were_asked_for_by(stock: InstrumentRow, nobody: Program) -> None:
    add_quote(stock, "101.5", previous_close="100", open="99", high="102", low="98.5", volume=1000, bid="101.4",
              ask="101.6")
    found = get(nobody, "quotes?symbols=NASDAQ:ACME,acme,NIX")
    assert [(each["s"], each["n"]) for each in found["d"]] == [("ok", "NASDAQ:ACME"), ("ok", "acme"), ("error", "NIX")]
    assert found["d"][0]["v"] == {
        "short_name": "ACME", "exchange": "NASDAQ", "description": "ACME Inc.", "original_name": "NASDAQ:ACME",
        "lp": 101.5, "ch": 1.5, "chp": 1.5, "bid": 101.4, "ask": 101.6, "spread": 0.2, "open_price": 99.0,
        "high_price": 102.0, "low_price": 98.5, "prev_close_price": 100.0, "volume": 1000}


def test_a_stock_without_a_price_says_only_who_it_is(stock: InstrumentRow, nobody: Program) -> None:
    assert set(get(nobody, "quotes?symbols=ACME")["d"][0]["v"]) == {"short_name", "exchange", "description",
                                                                   "original_name"}


def test_an_unknown_volume_is_none_and_an_unknown_open_is_the_close(stock: InstrumentRow, nobody: Program) -> None:
    unknown, close = np.array([np.nan, np.nan]), np.array([5.0, 6.0])
    opened, volume = np.array([np.nan, 5.5]), np.array([np.nan, 70.0])
    for columns, volumes in ((volume, [None, 70]), (unknown, None)):
        series = Series(weekdays(2), opened, unknown, unknown, close, columns)
        write_bars(stock.id, "1d", "tiingo", from_series(series), adjusted=Adjustment.NONE, now=NOW)
        db.session.commit()
        bars = get(nobody, "history?symbol=ACME&resolution=D&countback=2")
        assert [bars[name] for name in "ohlc"] == [[5, 5.5], [5, 6], [5, 5.5], [5, 6]]
        assert bars.get("v") == volumes


def test_a_place_that_is_not_public_asks_for_a_token(app: Flask, stock: InstrumentRow, nobody: Program, person: User,
                                                     program: Callable[..., Program]) -> None:
    app.config["API_PUBLIC"] = False
    refused = nobody.get("/udf/config")
    assert (refused.status_code, refused.json and refused.json["s"]) == (401, "error")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert program(person).get("/udf/config").status_code == 200


def test_calls_are_counted_like_those_of_the_api(app: Flask, stock: InstrumentRow, nobody: Program) -> None:
    app.config["API_LIMIT_ADDRESS"] = "2 per minute"
    nobody.get("/quotes/ACME")
    assert nobody.get("/udf/time").headers["RateLimit-Remaining"] == "0"
    refused = nobody.get("/udf/config")
    assert (refused.status_code, refused.json and refused.json["s"]) == (429, "error")
    assert int(refused.headers["Retry-After"]) > 0


def test_what_is_not_part_of_the_feed_is_not_there(nobody: Program) -> None:
    for path in ("/udf/marks", "/udf/symbol_info", "/udf/"):
        assert nobody.get(path).status_code == 404
    assert nobody.call("POST", "/udf/config").status_code == 405


def test_a_front_end_that_has_the_answer_is_told_so(past: Series, nobody: Program) -> None:
    for path in ("config", "symbols?symbol=ACME", "history?symbol=ACME&resolution=D&to=9999999999&countback=5"):
        tag = nobody.get(f"/udf/{path}").headers["ETag"]
        assert nobody.get(f"/udf/{path}", headers={"If-None-Match": tag}).status_code == 304


def test_no_answer_sets_a_cookie(past: Series, nobody: Program) -> None:
    for path in ("config", "time", "symbols?symbol=ACME", "history?symbol=ACME&resolution=D"):
        assert "Set-Cookie" not in nobody.get(f"/udf/{path}").headers
