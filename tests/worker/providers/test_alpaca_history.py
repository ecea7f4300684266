"""Alpaca: its past days and weeks, which feed they are of, and what it says of splits and dividends."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.alpaca import DIVIDEND, SPLIT, actions, bar, bars
from tests.worker.providers.conftest import KEY, Vendor, at, day, new_york, refusal, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Dividend, History, Split
from worker.providers.alpaca import Alpaca
from worker.providers.base import ErrorKind
from worker.providers.http import Client

NOON = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NO_BOOK = SessionBook([])
AAPL = stock("AAPL", "XNAS")
TUESDAY = bar("2026-06-09", 199.8, 201.7, 199.12, 200.44)


@pytest.fixture
def alpaca(vendor: Vendor, config: Callable[..., Config]) -> Alpaca:
    """Alpaca with a key, against the server."""
    made = config(ALPACA_API_KEY=KEY, ALPACA_API_SECRET=KEY, ALPACA_URL=vendor.url)
    return Alpaca(made, Client("Alpaca", timeouts=(0.5, 0.4), deadline=1.0))


def days(history: History) -> list[str]:
    return [str(bar.day) for bar in history.bars]


def test_a_day_is_as_it_was_traded_on_all_exchanges(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(TUESDAY))
    history = alpaca.daily(AAPL, NOON, BOOK)
    assert (history.instrument_id, history.source, history.adjusted) == (1, "alpaca", Adjustment.NONE)
    assert history.bars == (Bar(day("2026-06-09"), Decimal("200.44"), Decimal("199.8"), Decimal("201.7"),
                                Decimal("199.12"), 412_345),)


def test_the_call_ends_before_the_minutes_that_are_for_paid_plans(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(TUESDAY))
    alpaca.daily(AAPL, NOON, BOOK, since=day("2026-06-08"))
    assert vendor.paths == ["/v2/stocks/bars"]
    assert vendor.calls == [{"symbols": "AAPL", "timeframe": "1Day", "adjustment": "raw", "feed": "sip",
                             "limit": "10000", "sort": "desc", "start": "2026-06-08", "end": "2026-06-10T14:44:00Z"}]
    sent = {name.upper(): value for name, value in vendor.headers[0].items()}
    assert (sent["APCA-API-KEY-ID"], sent["APCA-API-SECRET-KEY"]) == (KEY, KEY)


def test_the_call_never_begins_after_its_end(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say({"bars": {}, "next_page_token": None})
    assert alpaca.daily(AAPL, at("2026-06-10 00:05"), BOOK, since=day("2026-06-10")).bars == ()
    assert (vendor.calls[0]["start"], vendor.calls[0]["end"]) == ("2026-06-09", "2026-06-09T23:49:00Z")


def test_days_come_oldest_first_whatever_their_order(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(TUESDAY, bar("2026-06-08", 198.1, 199.9, 197.5, 199.01), token="more"))
    assert days(alpaca.daily(AAPL, NOON, BOOK)) == ["2026-06-08", "2026-06-09"]
    assert len(vendor.calls) == 1, "a page that follows is not asked for"


def test_a_day_counts_once_its_last_minutes_are_free(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(bar("2026-06-10", 201, 203, 200, 202), TUESDAY))
    assert days(alpaca.daily(AAPL, at("2026-06-10 20:15"), BOOK)) == ["2026-06-09"]
    assert days(alpaca.daily(AAPL, at("2026-06-10 20:16"), BOOK)) == ["2026-06-09", "2026-06-10"]


def test_a_winter_day_begins_an_hour_later_in_utc(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(bar("2026-01-09", 1, 2, 1, 2) | {"t": "2026-01-09T05:00:00Z"}))
    assert days(alpaca.daily(AAPL, NOON, NO_BOOK)) == ["2026-01-09"]


@pytest.mark.parametrize("stamp", ["2026-06-09T13:30:00Z", "2026-06-09T00:00:00Z", None, "2026-06-09", 1_780_000_000])
def test_a_bar_that_is_not_of_a_day_is_refused(alpaca: Alpaca, vendor: Vendor, stamp: object) -> None:
    vendor.say(bars(TUESDAY | {"t": stamp}))
    assert refusal(lambda: alpaca.daily(AAPL, NOON, NO_BOOK)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("body", [{"bars": None}, {"bars": {}, "next_page_token": None}, {"bars": {"AAPL": None}},
                                  {"bars": {"AAPL": []}}, {"bars": [], "symbol": "AAPL"}])
def test_no_bars_are_an_empty_history(alpaca: Alpaca, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert alpaca.daily(AAPL, NOON, BOOK).bars == ()


def test_bars_of_the_address_for_one_symbol_are_read_too(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say({"bars": [TUESDAY], "symbol": "AAPL", "next_page_token": None})
    assert days(alpaca.daily(AAPL, NOON, BOOK)) == ["2026-06-09"]


@pytest.mark.parametrize("body", [bars(TUESDAY, symbol="TSLA"), {"bars": [TUESDAY], "symbol": "TSLA"},
                                  {"bars": [TUESDAY]}, {"AAPL": [TUESDAY]}])
def test_bars_of_another_symbol_are_refused(alpaca: Alpaca, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: alpaca.daily(AAPL, NOON, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_a_week_bears_its_last_session(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(bars(bar("2026-06-08", 199, 203, 198, 202), bar("2026-06-01", 190, 199, 189, 198.11)))
    history = alpaca.weekly(AAPL, NOON, BOOK)
    assert days(history) == ["2026-06-05"], "the week that still runs is left out"
    assert history.adjusted is Adjustment.NONE
    assert vendor.calls[0]["timeframe"] == "1Week"


def test_a_split_is_new_shares_for_old_ones(alpaca: Alpaca, vendor: Vendor) -> None:
    reverse = SPLIT | {"new_rate": 1, "old_rate": 10, "ex_date": "2019-03-04"}
    vendor.say(actions(forward_splits=[SPLIT], reverse_splits=[reverse]))
    assert alpaca.splits(AAPL, NOON) == [Split(day("2019-03-04"), Decimal("0.1")),
                                         Split(day("2020-08-31"), Decimal(4))]
    assert vendor.paths == ["/v1/corporate-actions"]
    assert vendor.calls == [{"symbols": "AAPL", "types": "forward_split,reverse_split", "start": "2016-01-01",
                             "end": "2026-06-10", "limit": "1000"}]


def test_a_dividend_counts_from_its_ex_date(alpaca: Alpaca, vendor: Vendor) -> None:
    special = DIVIDEND | {"rate": "10", "special": True}
    vendor.say(actions(cash_dividends=[DIVIDEND | {"ex_date": "2026-02-09", "rate": 0.26}, DIVIDEND, special]))
    assert alpaca.dividends(AAPL, NOON) == [Dividend(day("2026-02-09"), Decimal("0.26")),
                                            Dividend(day("2026-05-11"), Decimal("0.27")),
                                            Dividend(day("2026-05-11"), Decimal(10))]
    assert vendor.calls[0]["types"] == "cash_dividend"


def test_actions_without_an_ex_date_or_of_others_are_left_out(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say(actions(forward_splits=[SPLIT | {"ex_date": None}, SPLIT | {"symbol": "TSLA"}],
                       cash_dividends=[DIVIDEND | {"ex_date": None}]))
    assert alpaca.splits(AAPL, NOON) == []
    assert alpaca.dividends(AAPL, NOON) == []


@pytest.mark.parametrize("body", [{"corporate_actions": {}, "next_page_token": None}, {"corporate_actions": None},
                                  {"corporate_actions": {"forward_splits": None, "cash_dividends": None}}])
def test_no_actions_are_none(alpaca: Alpaca, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert alpaca.splits(AAPL, NOON) == []
    assert alpaca.dividends(AAPL, NOON) == []


@pytest.mark.parametrize("body", [{}, {"bars": {}}, {"corporate_actions": [SPLIT]}, {"corporate_actions": "none"}])
def test_what_is_no_answer_does_not_mean_that_there_were_none(alpaca: Alpaca, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: alpaca.splits(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("status", "message", "kind"), [
    (403, "subscription does not permit querying recent SIP data", ErrorKind.NOT_ENTITLED),
    (429, "too many requests.", ErrorKind.THROTTLED_MINUTE),
    (403, "forbidden.", ErrorKind.BAD_KEY),
    (400, "invalid symbol: AAPL", ErrorKind.UNKNOWN_SYMBOL),
])
def test_history_has_the_same_complaints_as_quotes(alpaca: Alpaca, vendor: Vendor, status: int, message: str,
                                                   kind: ErrorKind) -> None:
    vendor.say({"message": message}, status)
    for use in (lambda: alpaca.daily(AAPL, NOON, BOOK), lambda: alpaca.weekly(AAPL, NOON, BOOK),
                lambda: alpaca.splits(AAPL, NOON), lambda: alpaca.dividends(AAPL, NOON)):
        error = refusal(use)
        assert error.kind is kind
        assert error.blames == (AAPL if kind is ErrorKind.UNKNOWN_SYMBOL else None)


@needs_recordings
@pytest.mark.parametrize(("name", "symbol", "closes"), [
    ("bars_TSLA.json", "TSLA", ["246.99", "244.12", "240.5"]), ("bars_multi_page.json", "AAPL", ["162.95"]),
    ("bars_multi_page.json", "TSLA", ["858.97"]), ("bars_empty_page.json", "AAPL", [])])
def test_recorded_bars_are_read(alpaca: Alpaca, vendor: Vendor, name: str, symbol: str, closes: list[str]) -> None:
    vendor.say((RECORDINGS / "alpaca" / name).read_bytes())
    history = alpaca.daily(stock(symbol, "XNAS"), NOON, NO_BOOK)
    assert [str(bar.close) for bar in history.bars] == closes


@needs_recordings
def test_a_recorded_bar_has_every_figure(alpaca: Alpaca, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "alpaca" / "bars_TSLA.json").read_bytes())
    assert alpaca.daily(stock("TSLA", "XNAS"), NOON, NO_BOOK).bars[-1] == Bar(
        day("2023-09-27"), Decimal("240.5"), Decimal("244.262"), Decimal("245.33"), Decimal("234.58"), 136_616_287)
