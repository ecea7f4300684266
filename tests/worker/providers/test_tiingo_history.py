"""Tiingo: its past days and weeks, what it says of splits and dividends, and its pages of companies."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import Config
from tests.conftest import RECORDINGS
from tests.worker.providers.cases.tiingo import PROFILE, past
from tests.worker.providers.conftest import KEY, Vendor, at, day, new_york, refusal, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook
from webapp.records import Adjustment, Bar, Company, Dividend, Split
from worker.providers.base import ErrorKind
from worker.providers.http import Client
from worker.providers.tiingo import Tiingo

NOON = at("2026-06-10 15:00")
BOOK = new_york("2026-06-01", "2026-06-20", "XNAS")
NO_BOOK = SessionBook([])
AAPL = stock("AAPL", "XNAS")


@pytest.fixture
def tiingo(vendor: Vendor, config: Callable[..., Config]) -> Tiingo:
    """Tiingo with a key, against the server."""
    made = config(TIINGO_API_KEY=KEY, TIINGO_URL=vendor.url)
    return Tiingo(made, Client("Tiingo", timeouts=(0.5, 0.4), deadline=1.0))


def test_a_day_is_as_it_was_traded_with_the_adjusted_close_beside_it(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-09", 200.44, adjClose=50.11)])
    history = tiingo.daily(AAPL, NOON, BOOK)
    assert (history.instrument_id, history.source, history.unit) == (1, "tiingo", "")
    assert history.adjusted is Adjustment.NONE
    assert history.bars == (Bar(day("2026-06-09"), Decimal("200.44"), Decimal("199.8"), Decimal("201.7"),
                                Decimal("199.12"), 41234567, Decimal("50.11")),)


def test_one_call_brings_days_splits_and_dividends(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-05", divCash=0.26), past("2026-06-08", splitFactor=4.0), past("2026-06-09")])
    history = tiingo.daily(AAPL, NOON, BOOK)
    assert history.splits == (Split(day("2026-06-08"), Decimal(4)),)
    assert history.dividends == (Dividend(day("2026-06-05"), Decimal("0.26")),)
    assert len(vendor.calls) == 1


def test_the_call_says_from_when_on_and_has_the_key_in_a_header(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-09")])
    tiingo.daily(stock("BRK.B", "XNYS"), NOON, BOOK, since=day("2026-06-08"))
    assert vendor.paths == ["/tiingo/daily/BRK-B/prices"]
    assert vendor.calls == [{"startDate": "2026-06-08", "resampleFreq": "daily", "format": "json",
                             "columns": "open,high,low,close,volume,adjClose,divCash,splitFactor"}]
    assert vendor.headers[0]["Authorization"] == f"Token {KEY}"


def test_without_a_first_day_it_asks_for_all_days(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-09")])
    tiingo.daily(AAPL, NOON, BOOK)
    assert vendor.calls[0]["startDate"] == "1960-01-01"


def test_fifty_years_of_days_are_not_too_much(tiingo: Tiingo, vendor: Vendor) -> None:
    first = day("1976-01-01")
    vendor.say([past(str(first + dt.timedelta(days=count)), 12.3456789012) for count in range(13_000)])
    assert len(tiingo.daily(AAPL, NOON, NO_BOOK).bars) == 13_000


def test_a_day_that_still_runs_is_left_out(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-09"), past("2026-06-10")])
    assert [bar.day for bar in tiingo.daily(AAPL, NOON, BOOK).bars] == [day("2026-06-09")]
    evening = at("2026-06-10 20:00")
    assert [bar.day for bar in tiingo.daily(AAPL, evening, BOOK).bars] == [day("2026-06-09"), day("2026-06-10")]


@pytest.mark.parametrize("stamp", ["2024-10-22T00:00:00+00:00", "2024-10-22T00:00:00.000Z", "2024-10-22"])
def test_a_day_is_read_in_each_of_its_spellings(tiingo: Tiingo, vendor: Vendor, stamp: str) -> None:
    vendor.say([past("2024-10-22", date=stamp)])
    assert [bar.day for bar in tiingo.daily(AAPL, NOON, NO_BOOK).bars] == [day("2024-10-22")]


@pytest.mark.parametrize("stamp", ["2018-01-02T14:30:00.000Z", "2024-13-01T00:00:00.000Z", None, 7, "yesterday"])
def test_a_row_that_is_not_of_a_day_is_refused(tiingo: Tiingo, vendor: Vendor, stamp: object) -> None:
    vendor.say([past("2024-10-22", date=stamp)])
    assert refusal(lambda: tiingo.daily(AAPL, NOON, NO_BOOK)).kind is ErrorKind.BROKEN_ANSWER


def test_a_row_without_a_close_is_left_out(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-08", None), past("2026-06-09")])
    assert [bar.day for bar in tiingo.daily(AAPL, NOON, BOOK).bars] == [day("2026-06-09")]


def test_no_rows_are_an_empty_history(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([])
    history = tiingo.daily(AAPL, NOON, BOOK, since=day("2026-06-10"))
    assert (history.bars, history.splits, history.dividends) == ((), (), ())


def test_a_week_bears_its_last_session_and_no_events(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([past("2026-06-05", divCash=0.26, splitFactor=4.0), past("2026-06-12")])
    history = tiingo.weekly(AAPL, NOON, BOOK)
    assert [bar.day for bar in history.bars] == [day("2026-06-05")], "the second week still runs"
    assert (history.adjusted, history.splits, history.dividends) == (Adjustment.NONE, (), ())
    assert vendor.calls[0]["resampleFreq"] == "weekly"


def test_a_week_whose_friday_is_a_holiday_bears_its_thursday(tiingo: Tiingo, vendor: Vendor) -> None:
    book = new_york("2026-06-01", "2026-06-04", "XNAS")
    vendor.say([past("2026-06-05")])
    assert [bar.day for bar in tiingo.weekly(AAPL, NOON, book).bars] == [day("2026-06-04")]


def test_splits_are_those_days_whose_factor_is_not_one(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([{"date": "2014-06-09T00:00:00.000Z", "splitFactor": 7.0},
                {"date": "2014-06-10T00:00:00.000Z", "splitFactor": 1.0},
                {"date": "2020-08-31T00:00:00.000Z", "splitFactor": 0.125}])
    assert tiingo.splits(AAPL, NOON) == [Split(day("2014-06-09"), Decimal(7)),
                                         Split(day("2020-08-31"), Decimal("0.125"))]
    assert vendor.calls[0]["columns"] == "splitFactor"


def test_dividends_are_those_days_with_cash(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([{"date": "2026-05-08T00:00:00.000Z", "divCash": 0.0},
                {"date": "2026-05-11T00:00:00.000Z", "divCash": 0.27}])
    assert tiingo.dividends(AAPL, NOON) == [Dividend(day("2026-05-11"), Decimal("0.27"))]
    assert vendor.calls[0]["columns"] == "divCash"


def test_rows_without_the_column_do_not_mean_that_there_were_none(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say([{"date": "2026-05-08T00:00:00.000Z", "close": 200.0}])
    assert refusal(lambda: tiingo.splits(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER
    assert refusal(lambda: tiingo.dividends(AAPL, NOON)).kind is ErrorKind.BROKEN_ANSWER


def test_a_company_has_a_name_and_a_description_on_one_line(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say(PROFILE)
    assert tiingo.overview(AAPL, NOON) == Company(1, "tiingo", "Apple Inc", "Makes telephones. Sells them, too.")
    assert vendor.paths == ["/tiingo/daily/AAPL"]


def test_a_company_of_another_symbol_is_refused(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say(PROFILE)
    assert refusal(lambda: tiingo.overview(stock("MSFT", "XNAS"), NOON)).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("status", "body", "kind"), [
    (404, {"detail": "Error: Ticker 'ZZZZ' not found"}, ErrorKind.UNKNOWN_SYMBOL),
    (429, {"detail": "Error: You have run over your hourly request allocation."}, ErrorKind.THROTTLED_HOUR),
    (200, "Error: You have run over your daily request allocation.", ErrorKind.THROTTLED_DAY),
    (403, {"detail": "Invalid token."}, ErrorKind.BAD_KEY),
    (200, "date,close\n2026-06-09,200.44\n", ErrorKind.BROKEN_ANSWER),
])
def test_history_has_the_same_complaints_as_quotes(tiingo: Tiingo, vendor: Vendor, status: int, body: object,
                                                   kind: ErrorKind) -> None:
    vendor.say(body, status)
    for use in (lambda: tiingo.daily(AAPL, NOON, BOOK), lambda: tiingo.weekly(AAPL, NOON, BOOK),
                lambda: tiingo.splits(AAPL, NOON), lambda: tiingo.dividends(AAPL, NOON),
                lambda: tiingo.overview(AAPL, NOON)):
        assert refusal(use).kind is kind


def test_a_stock_of_another_country_is_unknown_without_a_call(tiingo: Tiingo, vendor: Vendor) -> None:
    london = stock("TSCO", "XLON", "GBX")
    assert refusal(lambda: tiingo.daily(london, NOON, BOOK)).kind is ErrorKind.UNKNOWN_SYMBOL
    assert vendor.calls == []


@needs_recordings
@pytest.mark.parametrize("name", ["daily_GOOGL_2018.csv", "daily_columns_volume_GOOGL_2024.json",
                                  "iex_30min_GOOGL.json", "meta_GOOGL.json", "news.json"])
def test_a_recording_without_daily_prices_gives_none(tiingo: Tiingo, vendor: Vendor, name: str) -> None:
    vendor.say((RECORDINGS / "tiingo" / name).read_bytes())
    assert refusal(lambda: tiingo.daily(stock("GOOGL", "XNAS"), NOON, NO_BOOK)).kind is ErrorKind.BROKEN_ANSWER
    assert refusal(lambda: tiingo.splits(stock("GOOGL", "XNAS"), NOON)).kind is ErrorKind.BROKEN_ANSWER


@needs_recordings
def test_a_recorded_company_is_read(tiingo: Tiingo, vendor: Vendor) -> None:
    vendor.say((RECORDINGS / "tiingo" / "meta_GOOGL.json").read_bytes())
    company = tiingo.overview(stock("GOOGL", "XNAS"), NOON)
    assert company.name.startswith("Alphabet Inc.")
    assert len(company.description) > 100
