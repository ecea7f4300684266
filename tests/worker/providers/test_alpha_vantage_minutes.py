"""Minutes of Alpha Vantage: whose rows bear the end of their minute in one year and its beginning in another."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config import Config
from tests.conftest import RECORDINGS, SHARED
from tests.worker.providers.cases.alpha_vantage_delayed import MINUTES, minutes, row
from tests.worker.providers.conftest import KEY, Vendor, at, new_york, refusal, stock
from tests.worker.providers.test_contract import needs_recordings
from webapp.markets import SessionBook, SessionTimes
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.alpha_vantage_minutes import EntitledAlphaVantage, make_alpha_vantage
from worker.providers.base import Capability, ErrorKind, capabilities_of

FILES = SHARED / "bars" / "intraday_1min"
needs_bars = pytest.mark.skipif(not FILES.is_dir(), reason="needs ../shared")
SPRING = new_york("2020-05-01", "2020-05-15")
EVENING = at("2020-05-08 22:00")
A_MINUTE = dt.timedelta(minutes=1)
NEW_YORK = ZoneInfo("America/New_York")


def new_yorks(*days: str, closes: str = "21:00") -> SessionBook:
    """Return these days: in winter, where they are not said to begin with S."""
    found = []
    for text in days:
        summer = dt.timedelta(hours=text.startswith("S"))
        day = text.removeprefix("S")
        closes_at = at(f"{day} {closes}") - summer
        found.append(SessionTimes("XNAS", closes_at.date(), at(f"{day} 14:30") - summer, closes_at,
                                  at(f"{day} 09:00") - summer, closes_at + dt.timedelta(hours=4)))
    return SessionBook(found)


def recorded(name: str, moved: dt.timedelta = dt.timedelta()) -> dict[str, Any]:
    """Return a real table as the answer that it came from, its times moved by so much."""
    with (FILES / name).open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = {str(dt.datetime.fromisoformat(line["timestamp"]) + moved): {
        f"{place}. {key}": line[key] for place, key in enumerate(("open", "high", "low", "close", "volume"), 1)}
        for line in lines}
    return minutes(rows, Path(name).stem.partition("_")[0])


def read(body: dict[str, Any], symbol: str, now: dt.datetime, book: SessionBook, vendor: Vendor,
         config: Callable[..., Config]) -> Any:
    vendor.say(body)
    provider = make_alpha_vantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_URL=vendor.url,
                                         ALPHA_VANTAGE_ENTITLEMENT="realtime"))
    assert isinstance(provider, EntitledAlphaVantage)
    return provider.minutes(stock(symbol, "XNAS"), now, book)


@pytest.fixture
def ask(vendor: Vendor, config: Callable[..., Config]) -> Callable[..., Any]:
    """Read an answer with an entitled provider."""
    return lambda body, symbol="IBM", now=EVENING, book=SPRING: read(body, symbol, now, book, vendor, config)


def test_only_a_plan_with_an_entitlement_has_minutes(config: Callable[..., Config]) -> None:
    free = make_alpha_vantage(config(ALPHA_VANTAGE_API_KEY=KEY))
    assert type(free) is AlphaVantage
    assert Capability.MINUTES not in capabilities_of(free)
    for entitlement in ("delayed", "realtime"):
        made = make_alpha_vantage(config(ALPHA_VANTAGE_API_KEY=KEY, ALPHA_VANTAGE_ENTITLEMENT=entitlement))
        assert Capability.MINUTES in capabilities_of(made)


def test_it_asks_for_prices_as_traded_with_the_hours_before_and_after(ask: Callable[..., Any], vendor: Vendor) -> None:
    found = ask(MINUTES)
    assert [f"{bar.at:%H:%M}" for bar in found.bars] == ["08:00", "13:30", "13:31", "19:59"]
    assert vendor.calls == [{"function": "TIME_SERIES_INTRADAY", "symbol": "IBM", "interval": "1min",
                             "adjusted": "false", "extended_hours": "true", "outputsize": "full",
                             "entitlement": "realtime", "apikey": KEY}]


def test_delayed_minutes_stand_under_a_longer_key(ask: Callable[..., Any]) -> None:
    body: dict[str, Any] = {"Meta Data": MINUTES["Meta Data"],
                            "Time Series (1min) - DATA DELAYED BY 15 MINUTES": MINUTES["Time Series (1min)"]}
    assert len(ask(body).bars) == 4


def test_where_nothing_tells_the_meaning_of_its_times_they_are_refused(ask: Callable[..., Any]) -> None:
    with_hours = {"2020-05-08 18:00:00": row(), "2020-05-08 12:01:00": row(), "2020-05-08 12:00:00": row()}
    assert refusal(lambda: ask(minutes(with_hours))).kind is ErrorKind.BROKEN_ANSWER


def test_rows_that_contradict_each_other_are_refused(ask: Callable[..., Any]) -> None:
    both = {"2020-05-08 20:00:00": row(), "2020-05-08 04:00:00": row()}
    assert refusal(lambda: ask(minutes(both))).kind is ErrorKind.BROKEN_ANSWER


@pytest.mark.parametrize(("opening", "next_one", "first"), [("9000", "1200", "13:30"), ("600", "9000", "13:29")])
def test_the_trades_of_the_opening_tell(ask: Callable[..., Any], opening: str, next_one: str, first: str) -> None:
    rows = {"2020-05-08 09:31:00": row(volume=next_one), "2020-05-08 09:30:00": row(volume=opening),
            "2020-05-08 09:00:00": row(volume="5")}
    assert f"{ask(minutes(rows)).bars[1].at:%H:%M}" == first


def test_a_last_row_at_the_close_ends_there_where_all_are_of_regular_hours(ask: Callable[..., Any]) -> None:
    found = ask(minutes({"2020-05-08 16:00:00": row(), "2020-05-08 15:59:00": row()}))
    assert [f"{bar.at:%H:%M}" for bar in found.bars] == ["19:58", "19:59"]


@pytest.mark.parametrize(("name", "value"), [("2. Symbol", "MSFT"), ("4. Interval", "5min"),
                                             ("6. Time Zone", "Asia/Tokyo")])
def test_an_answer_to_another_question_is_refused(ask: Callable[..., Any], name: str, value: str) -> None:
    body = minutes({"2020-05-08 04:00:00": row()}, **{name: value})
    assert refusal(lambda: ask(body)).kind is ErrorKind.BROKEN_ANSWER


@needs_bars
@pytest.mark.parametrize("moved", [dt.timedelta(), -A_MINUTE], ids=["ends", "beginnings"])
@pytest.mark.parametrize(("name", "days", "closes"), [
    ("AAPL_2021-01-08.csv", ("2021-01-08",), "21:00"), ("MSFT_2021-01-08.csv", ("2021-01-08",), "21:00"),
    ("AAPL_2020-11-27_early_close.csv", ("2020-11-27",), "18:00"),
    ("AAPL_dst_change_2020-10-30_11-02.csv", ("S2020-10-30", "2020-11-02"), "21:00"),
    ("BIG_2021-01-07_08_thin.csv", ("2021-01-07", "2021-01-08"), "21:00")])
def test_a_real_day_is_the_same_however_it_is_stamped(ask: Callable[..., Any], moved: dt.timedelta, name: str,
                                                      days: tuple[str, ...], closes: str) -> None:
    now = at(f"{days[-1]} 23:00") + dt.timedelta(days=1)
    found = ask(recorded(name, moved), name.partition("_")[0], now, new_yorks(*days, closes=closes))
    began = [dt.datetime.fromisoformat(stamp) - A_MINUTE for stamp in recorded(name)["Time Series (1min)"]]
    assert [bar.at.astimezone(NEW_YORK).replace(tzinfo=None) for bar in found.bars] == sorted(began)
    openings = [bar for bar in found.bars if bar.at in {at(f"{day.removeprefix('S')} 14:30") - dt.timedelta(
        hours=day.startswith("S")) for day in days}]
    assert len(openings) == len(days)
    for bar in openings:
        place = found.bars.index(bar)
        assert bar.volume > 10 * found.bars[place - 1].volume, "the opening's own trades"


@needs_bars
def test_a_real_close_has_every_digit_of_its_minute(ask: Callable[..., Any]) -> None:
    found = ask(recorded("AAPL_dst_change_2020-10-30_11-02.csv"), "AAPL", at("2020-11-03 02:00"),
                new_yorks("S2020-10-30", "2020-11-02"))
    closes = {bar.at: (bar.close, bar.volume) for bar in found.bars}
    assert closes[at("2020-10-30 13:30")] == (Decimal("110.8935"), 3268293), "daylight saving time"
    assert closes[at("2020-11-02 14:30")] == (Decimal("109.2014"), 2625782), "an hour later in UTC"


@needs_recordings
def test_a_recording_of_2018_bears_the_ends_of_its_minutes(ask: Callable[..., Any]) -> None:
    body = json.loads((RECORDINGS / "alphavantage" / "intraday_1min_MSFT_asmarques2018.json").read_bytes())
    found = ask(body, "MSFT", at("2018-06-02 12:00"), new_yorks("S2018-06-01"))
    assert (len(found.bars), found.bars[-1].at, found.bars[-1].volume) == (100, at("2018-06-01 19:59"), 4129781)


@needs_recordings
def test_a_recording_of_an_afternoon_alone_is_refused(ask: Callable[..., Any]) -> None:
    body = json.loads((RECORDINGS / "alphavantage" / "intraday_1min_romeltorres.json").read_bytes())
    error = refusal(lambda: ask(body, "MSFT", at("2017-12-18 22:00"), new_yorks("2017-12-18")))
    assert "the beginning or the end" in error.message
