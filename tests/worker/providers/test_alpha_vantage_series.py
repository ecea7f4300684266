"""Past prices, splits and dividends of Alpha Vantage: what is asked for, and what is made of the answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.worker.providers.cases.alpha_vantage import DAILY, DIVIDENDS, META, SPLITS, WEEKLY, bars
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Dividend, Split
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.base import ErrorKind, ProviderError

BOOK = new_york("2020-05-01", "2020-05-15")
EVENING = at("2020-05-08 22:00")
PAID = {"ALPHA_VANTAGE_CALLS_PER_DAY": 0, "ALPHA_VANTAGE_CALLS_PER_MINUTE": 75}
CSV = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"


Make = Callable[..., AlphaVantage]


@pytest.fixture
def make(vendor: Vendor, config: Callable[..., Config]) -> Make:
    """Make the provider with the settings of a plan."""
    return lambda **plan: AlphaVantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url, **plan))


def refusal(ask: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask()
    assert caught.value.__context__ is None
    return caught.value


def test_days_come_oldest_first_and_as_they_were_traded(make: Make, vendor: Vendor) -> None:
    vendor.say(DAILY)
    history = make().daily(stock(), EVENING, BOOK)
    assert [bar.day.day for bar in history.bars] == [6, 7, 8]
    assert history.bars[-1] == Bar(dt.date(2020, 5, 8), Decimal("121.7400"), Decimal("121.1000"), Decimal("122.8000"),
                                   Decimal("120.9000"), 2_528_814, Decimal("118.0100"))
    assert (history.adjusted, history.unit, history.source) == (Adjustment.NONE, "", "alpha-vantage")


@pytest.mark.parametrize(("plan", "since", "size"), [
    ({}, None, "compact"), ({}, "1999-11-01", "compact"), (PAID, None, "full"), (PAID, "2019-01-01", "full"),
    (PAID, "2020-03-01", "compact"), ({"ALPHA_VANTAGE_CALLS_PER_DAY": 0}, None, "compact")])
def test_the_plan_says_how_many_days_are_asked_for(make: Make, vendor: Vendor, plan: dict[str, int],
                                                   since: str | None, size: str) -> None:
    vendor.say(DAILY)
    make(**plan).daily(stock("IBM"), EVENING, BOOK, dt.date.fromisoformat(since) if since else None)
    assert vendor.calls == [{"function": "TIME_SERIES_DAILY", "symbol": "IBM", "outputsize": size, "apikey": KEY}]


def test_days_before_the_first_that_is_wanted_are_left_out(make: Make, vendor: Vendor) -> None:
    vendor.say(CSV + "2020-05-08,1,1,1,1,1,5,0.0,1.0\n2020-05-07,1,1,1,1,1,5,0.5,2.0\n2020-05-06,1,1,1,1,1,5,0.7,3.0\n")
    history = make().daily(stock(), EVENING, BOOK, dt.date(2020, 5, 7))
    assert [bar.day.day for bar in history.bars] == [7, 8]
    assert history.splits == (Split(dt.date(2020, 5, 7), Decimal(2)),)
    assert history.dividends == (Dividend(dt.date(2020, 5, 7), Decimal("0.5")),)


def test_a_day_that_still_runs_is_left_out_however_it_is_written(make: Make, vendor: Vendor) -> None:
    vendor.say({"Meta Data": META, "Time Series (Daily)": bars("2020-05-08 11:07:57", "2020-05-07")})
    assert [bar.day.day for bar in make().daily(stock(), at("2020-05-08 15:08"), BOOK).bars] == [7]
    assert [bar.day.day for bar in make().daily(stock(), EVENING, BOOK).bars] == [7, 8]


def test_a_week_that_still_runs_is_left_out(make: Make, vendor: Vendor) -> None:
    vendor.say(WEEKLY)
    assert [bar.day.day for bar in make().weekly(stock(), EVENING, BOOK).bars] == [24, 1, 8]
    assert [bar.day.day for bar in make().weekly(stock(), at("2020-05-08 15:00"), BOOK).bars] == [24, 1]
    assert vendor.calls[0] == {"function": "TIME_SERIES_WEEKLY_ADJUSTED", "symbol": "IBM", "apikey": KEY}


def test_weeks_that_are_not_adjusted_are_weeks_too(make: Make, vendor: Vendor) -> None:
    rows = {day: {"1. open": "1", "2. high": "2", "3. low": "1", "4. close": "2", "5. volume": "7"}
            for day in ("2020-05-08", "2020-05-01")}
    vendor.say({"Meta Data": META, "Weekly Time Series": rows})
    history = make().weekly(stock(), EVENING, BOOK)
    assert [(bar.volume, bar.adjusted_close) for bar in history.bars] == [(7, None), (7, None)]


@pytest.mark.parametrize("body", [
    {"Meta Data": META, "Monthly Time Series": bars("2020-04-30", "2020-03-31", "2020-02-28")},
    {"Meta Data": META, "Time Series (1min)": bars("2020-05-08 15:00:00")},
    {"Meta Data": META, "Time Series FX (Daily)": bars("2020-05-08")},
    {"Meta Data": META | {"2. Symbol": "IBN"}, "Time Series (Daily)": bars("2020-05-08")},
    {"Meta Data": {"2. Digital Currency Code": "BTC"}, "Time Series (Daily)": bars("2020-05-08")},
    {"Meta Data": META, "Time Series (Daily)": []},
    {"Meta Data": META, "Time Series (Daily)": {"2020-05-08": "121.74"}},
    {"Meta Data": META, "Time Series (Daily)": {"Friday": {"4. close": "1"}}},
    {"Meta Data": META, "Time Series (Daily)": {"2020-05-08": {"4. close": "-1"}}},
    {"Meta Data": META, "Time Series (Daily)": {"2020-05-08": {"4. close": "1", "2. high": "1", "3. low": "2"}}},
    {"Meta Data": META, "Time Series (Daily)": {"2020-05-08": {"4. close": "1", "5. close": "2"}}},
    {"Meta Data": META, "Time Series (Daily)": bars("2020-05-07 10:00:00", "2020-05-07 11:00:00")},
    {}, "timestamp,open,high,low,close\n2020-05-08,1,1,1,1\n",
    CSV + "2020-05-08,1,1,1,1,1,5,0.0,1.0\n2020-05-07,1,1,1", CSV + "2020-05-08,1,1,1,1,1,5,0.0,1.0,9\n",
    CSV + "{\n    \"Information\": \"limit\"\n}\n", CSV + ",1,1,1,1,1,5,0.0,1.0\n",
    "timestamp,open,high,low,close,volume\n2020-04-30,1,1,1,1,1\n2020-03-31,1,1,1,1,1\n2020-02-28,1,1,1,1,1\n",
    "timestamp,open,high,low,close,volume\n2020-05-08 10:01:00,1,1,1,1,1\n",
    "timestamp," * 3 + "\n", "\0", '"' * 200_000,
], ids=range(23))
def test_what_are_no_days_is_no_history(make: Make, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: make().daily(stock(), EVENING, BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_months_are_no_weeks(make: Make, vendor: Vendor) -> None:
    vendor.say("timestamp,open,high,low,close,adjusted close,volume,dividend amount\n"
               "2020-04-30,1,1,1,1,1,1,0\n2020-03-31,1,1,1,1,1,1,0\n2020-02-28,1,1,1,1,1,1,0\n")
    assert "longer times" in refusal(lambda: make().weekly(stock(), EVENING, BOOK)).message


def test_a_row_without_a_close_is_no_day(make: Make, vendor: Vendor) -> None:
    rows = bars("2020-05-08", "2020-05-07", "2020-05-06")
    rows["2020-05-07"] = dict.fromkeys(rows["2020-05-07"], "0.0000")
    rows["2020-05-06"]["4. close"] = "None"
    vendor.say({"Meta Data": META, "Time Series (Daily)": rows})
    assert [bar.day.day for bar in make().daily(stock(), EVENING, BOOK).bars] == [8]


@pytest.mark.parametrize("body", ["timestamp,open,high,low,close,volume\n", {"Time Series (Daily)": {}}])
def test_a_stock_without_days_has_none(make: Make, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert make().daily(stock(), EVENING, SessionBook([])).bars == ()


def test_splits_come_oldest_first(make: Make, vendor: Vendor) -> None:
    vendor.say(SPLITS)
    assert make().splits(stock(), EVENING) == [Split(dt.date(2011, 11, 4), Decimal("0.1")),
                                               Split(dt.date(2019, 5, 27), Decimal(2))]
    assert vendor.calls == [{"function": "SPLITS", "symbol": "IBM", "apikey": KEY}]


def test_dividends_come_oldest_first(make: Make, vendor: Vendor) -> None:
    vendor.say(DIVIDENDS)
    assert make().dividends(stock(), EVENING) == [Dividend(dt.date(1999, 2, 8), Decimal("0.22")),
                                                  Dividend(dt.date(2020, 5, 7), Decimal("1.63"))]
    vendor.say("ex_dividend_date,declaration_date,record_date,payment_date,amount\n2020-05-07,,,,1.63\nNone,,,,1.7\n")
    assert make().dividends(stock(), EVENING) == [Dividend(dt.date(2020, 5, 7), Decimal("1.63"))]
    assert vendor.calls[0] == {"function": "DIVIDENDS", "symbol": "IBM", "apikey": KEY}


@pytest.mark.parametrize(("factor", "ratio"), [("4.0000", "4"), ("4:1", "4"), ("1:10", "0.1"), ("1.0460", "1.046")])
def test_a_split_is_read_however_it_is_written(make: Make, vendor: Vendor, factor: str, ratio: str) -> None:
    vendor.say({"symbol": "IBM", "data": [{"effective_date": "2020-05-01", "split_factor": factor}]})
    assert make().splits(stock(), EVENING) == [Split(dt.date(2020, 5, 1), Decimal(ratio))]


@pytest.mark.parametrize("body", [{"symbol": "IBM", "data": []}, "effective_date,split_factor\n"])
def test_a_stock_that_never_split_has_no_splits(make: Make, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert make().splits(stock(), EVENING) == []


@pytest.mark.parametrize("body", [
    {}, {"symbol": "IBN", "data": []}, {"symbol": "IBM", "data": {}}, {"symbol": "IBM"}, DIVIDENDS,
    {"symbol": "IBM", "data": [{"effective_date": "2020-05-01", "split_factor": "-2"}]},
    {"symbol": "IBM", "data": [{"effective_date": "soon", "split_factor": "2"}]},
    {"symbol": "IBM", "data": ["2:1"]}, "effective_date\n2020-05-01\n"], ids=range(9))
def test_what_are_no_splits_is_an_error(make: Make, vendor: Vendor, body: object) -> None:
    vendor.say(body)
    assert refusal(lambda: make().splits(stock(), EVENING)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize("text", [
    "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint.",
    "Thank you for using Alpha Vantage! This is a premium endpoint."])
def test_what_the_plan_lacks_keeps_no_price_from_being_asked_for(make: Make, vendor: Vendor, text: str) -> None:
    vendor.say({"Information": text})
    error = refusal(lambda: make(**PAID).daily(stock(), EVENING, BOOK))
    assert (error.kind, error.permanent) == (ErrorKind.NOT_ENTITLED, True)
    assert error.retry_after is not None
    assert error.retry_after < dt.timedelta(seconds=5)
    vendor.say({"Information": "Thank you for using Alpha Vantage! This is a premium endpoint."})
    assert refusal(lambda: make().quotes([stock()], EVENING, BOOK)).retry_after is None


def test_an_exchange_that_the_vendor_lacks_costs_no_call(make: Make, vendor: Vendor) -> None:
    tokyo = stock("7203", "XTKS", "JPY")
    for ask in (lambda: make().daily(tokyo, EVENING, BOOK), lambda: make().weekly(tokyo, EVENING, BOOK),
                lambda: make().splits(tokyo, EVENING), lambda: make().dividends(tokyo, EVENING)):
        assert refusal(ask).kind is ErrorKind.UNKNOWN_SYMBOL
    assert vendor.calls == []


def test_another_exchange_keeps_its_history_on_a_plan_with_live_prices(make: Make, vendor: Vendor) -> None:
    vendor.say({"Meta Data": META | {"2. Symbol": "TSCO.LON"}, "Time Series (Daily)": bars("2020-05-07")})
    history = make(ALPHA_VANTAGE_ENTITLEMENT="realtime").daily(stock("TSCO", "XLON", "GBX"), EVENING, BOOK)
    assert (len(history.bars), history.unit) == (1, "")
