"""The refresh through weeks of trading: a holiday, half a day, a change of the clocks, a vendor that falls silent.

The hours are those that the exchanges announced, written here by hand in UTC; the days that the refresh goes by come
from the real calendars.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import RedisServer, Settings
from tests.worker.conftest import Clock
from tests.worker.week import Edge, Fetch, Hours, Stage, Times, Week, put_on_stage, utc
from webapp.app import create_app
from webapp.extensions import db
from webapp.records import State
from webapp.redis import connect
from webapp.vendors import Limits
from worker.outlook import SETTLES as DAY_SETTLES
from worker.pacing import SETTLES

SECOND, MINUTE, HOUR = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1)
WINDOWS = {"per_minute": MINUTE, "per_hour": HOUR, "per_day": 24 * HOUR}
MICS = ("XNYS", "XLON", "XTKS", "XASX")


def each(days: str, opens: str, closes: str, *, eve: bool = False) -> list[Times]:
    """Return the same hours of several days (11-23); with `eve` they begin on the evening before."""
    night = dt.timedelta(days=1)
    found = []
    for day in days.split():
        start, end = utc(f"2026-{day}T{opens}"), utc(f"2026-{day}T{closes}")
        found.append((start - night if eve else start, end if eve or end > start else end + night))
    return found


# New York keeps Thanksgiving on Thursday and closes at 13:00 on Friday; Tokyo has its own holiday on Monday.
THANKSGIVING = Hours(
    regular={"XNYS": [*each("11-20 11-23 11-24 11-25", "14:30", "21:00"), *each("11-27", "14:30", "18:00")],
             "XLON": each("11-20 11-23 11-24 11-25 11-26 11-27", "08:00", "16:30"),
             "XTKS": each("11-20 11-24 11-25 11-26 11-27", "00:00", "06:30"),
             "XASX": each("11-20 11-23 11-24 11-25 11-26 11-27", "23:00", "05:00", eve=True)},
    extended={"XNYS": [*each("11-20 11-23 11-24 11-25", "09:00", "01:00"), *each("11-27", "09:00", "22:00")]},
    breaks={"XTKS": each("11-20 11-24 11-25 11-26 11-27", "02:30", "03:30")})
# New York sets its clocks back on 1 November, a week after London; Tokyo has no summer time, in Sydney it began.
CLOCKS = Hours(
    regular={"XNYS": [*each("10-27 10-28 10-29 10-30", "13:30", "20:00"),
                      *each("11-02", "14:30", "21:00")],
             "XLON": each("10-27 10-28 10-29 10-30 11-02", "08:00", "16:30"),
             "XTKS": each("10-27 10-28 10-29 10-30 11-02", "00:00", "06:30"),
             "XASX": each("10-27 10-28 10-29 10-30 11-02 11-03", "23:00", "05:00", eve=True)},
    extended={"XNYS": [*each("10-27 10-28 10-29 10-30", "08:00", "00:00"),
                       *each("11-02", "09:00", "01:00")]},
    breaks={"XTKS": each("10-27 10-28 10-29 10-30 11-02", "02:30", "03:30")})
WEEKS = {"thanksgiving": (THANKSGIVING, utc("2026-11-22T22:00"), utc("2026-11-29T22:00")),
         "change of clocks": (CLOCKS, utc("2026-10-28T22:00"), utc("2026-11-03T04:00"))}
# The vendor of regular hours cannot be reached for two hours, while London is open.
OUTAGE = utc("2026-11-24T10:00"), utc("2026-11-24T12:00")
AROUND_OUTAGE = [OUTAGE[0] + number * 2 * MINUTE for number in range(120)]
REGULAR = {"IBM": "XNYS", "TSCO": "XLON", "7203": "XTKS", "CBA": "XASX"}
EXTENDED = {"AAPL": "XNYS", "MSFT": "XNYS"}
DAILY = {f"D{number}{mic[1:]}": mic for number in range(7) for mic in MICS}


def moments_to_look_at(hours: Hours) -> list[dt.datetime]:
    """Return the moments around which a state changes, and those in the middle of what is long."""
    edges = hours.edges()
    found = {edge + seconds * SECOND for edge in edges for seconds in (-1, 0)}
    found |= {edge + minutes * MINUTE for edge in edges for minutes in (19, 30, 120)}
    found |= {end + 6 * HOUR - seconds * SECOND for days in hours.regular.values() for _, end in days
              for seconds in (0, 1)}
    found |= set(AROUND_OUTAGE)
    return sorted(found | {utc("2026-11-26T15:00"), utc("2026-11-28T12:00"), utc("2026-11-29T12:00")})


def make_stage(hours: Hours) -> tuple[Stage, dict[str, tuple[str, str]]]:
    """Return three vendors with their stocks: one of regular hours, one of extended hours, one of closes."""
    own = Clock()
    regular = Edge("regular", hours, Limits(per_second=1, per_minute=4, per_day=80), own, out_of_order=OUTAGE)
    extended = Edge("extended", hours, Limits(per_hour=3), own, batch_size=50, extended_hours=True)
    daily = Edge("daily", hours, Limits(per_second=1 / 1.1, per_day=25), own, delay=State.END_OF_DAY)
    stocks = {symbol: (mic, vendor.name) for vendor, table in (
        (regular, REGULAR), (extended, EXTENDED), (daily, DAILY)) for symbol, mic in table.items()}
    return Stage(own, [regular, extended, daily], hours, moments_to_look_at(hours)), stocks


@pytest.fixture(scope="module", params=list(WEEKS))
def week(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path,
         redis_server: RedisServer) -> Iterator[Week]:
    """A week as it went."""
    hours, start, end = WEEKS[request.param]
    folder = tmp_path_factory.mktemp("week")
    path = folder / "stagewatch.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    connect(redis_server.url).flushall()
    app = create_app(Settings(folder / "instance", redis_server.url, f"sqlite:///{path}"))
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        stage, stocks = make_stage(hours)
        put_on_stage(patch, stage, stocks, start)
        yield stage.play(start, end)
        db.session.remove()
        db.engine.dispose()


def vendor_of(week: Week, name: str) -> Edge:
    return next(vendor for vendor in week.vendors if vendor.name == name)


def repeats(vendor: Edge) -> list[Fetch]:
    """Return the fetches of stocks that had a price already."""
    seen: set[str] = set()
    return [fetch for fetch in vendor.fetches if fetch.symbol in seen or seen.add(fetch.symbol)]  # type: ignore[func-returns-value]


def sessions_of(week: Week, mic: str, *, extended: bool = False) -> list[Times]:
    """Return the week's own sessions: without the one before it, and those whose closing refresh is yet to come."""
    started, ended = min(at for _, at in week.seen), max(at for _, at in week.seen)
    return [(start, end) for start, end in week.hours.of(mic, extended=extended)
            if start >= started and end + 2 * HOUR <= ended]


@pytest.mark.parametrize(("name", "stocks"), [("regular", REGULAR), ("extended", EXTENDED)])
def test_nothing_is_fetched_while_a_market_is_shut_but_the_closing_price_once(
        week: Week, name: str, stocks: dict[str, str]) -> None:
    vendor = vendor_of(week, name)
    shut = [fetch for fetch in repeats(vendor)
            if not week.hours.is_open(fetch.mic, fetch.at, extended=vendor.extended_hours)]
    closings: Counter[tuple[str, dt.datetime]] = Counter()
    for fetch in shut:
        ended = max(end for _, end in week.hours.of(fetch.mic, extended=vendor.extended_hours) if end <= fetch.at)
        assert SETTLES <= fetch.at - ended < HOUR, fetch
        closings[fetch.symbol, ended] += 1
    expected = {(symbol, end): 1 for symbol, mic in stocks.items()
                for _, end in sessions_of(week, mic, extended=vendor.extended_hours)}
    assert {**closings, **expected} == closings
    assert set(closings.values()) == {1}


@pytest.mark.parametrize(("name", "stocks"), [("regular", REGULAR), ("extended", EXTENDED)])
def test_every_session_of_every_exchange_has_its_share_of_the_calls(
        week: Week, name: str, stocks: dict[str, str]) -> None:
    vendor = vendor_of(week, name)
    for symbol, mic in stocks.items():
        for start, end in sessions_of(week, mic, extended=vendor.extended_hours):
            during = [fetch.at for fetch in vendor.fetches if fetch.symbol == symbol and start <= fetch.at < end]
            assert len(during) >= (end - start) / (1.5 * HOUR), (symbol, start)
            assert during[0] - start <= 20 * MINUTE, (symbol, start)


def test_a_close_is_asked_for_once_when_it_has_come_and_not_on_days_without_one(week: Week) -> None:
    asked: Counter[tuple[str, dt.datetime]] = Counter()
    for fetch in repeats(vendor_of(week, "daily")):
        newest = max(end for _, end in week.hours.regular[fetch.mic] if end + DAY_SETTLES <= fetch.at)
        asked[fetch.symbol, newest] += 1
    assert len(asked) > 40
    assert set(asked.values()) == {1}


@pytest.mark.parametrize("name", ["regular", "extended", "daily"])
def test_no_limit_is_exceeded_in_any_window(week: Week, name: str) -> None:
    vendor = vendor_of(week, name)
    for limit, window in WINDOWS.items():
        most = getattr(vendor.limits, limit)
        if most is not None:
            gaps = [later - earlier for earlier, later in zip(vendor.calls, vendor.calls[most:], strict=False)]
            assert min(gaps, default=window) >= window, limit
    assert min(later - earlier for earlier, later in pairwise(vendor.calls)) >= vendor.limits.pause


def test_a_quota_that_is_too_small_is_used_to_its_end(week: Week) -> None:
    calls = vendor_of(week, "daily").calls
    assert max(sum(start <= call < start + 24 * HOUR for call in calls) for start in calls) == 25


@pytest.mark.parametrize("symbol", list(REGULAR))
def test_a_price_is_live_until_its_market_closes_and_then_the_close(week: Week, symbol: str) -> None:
    mic = REGULAR[symbol]
    for start, end in sessions_of(week, mic):
        opening = [week.state(symbol, start + seconds * SECOND) for seconds in (-1, 0)]
        assert opening == [State.CLOSED] * 2, start
        assert week.state(symbol, start + 30 * MINUTE) is State.LIVE, start
        closing = [week.state(symbol, end + seconds * SECOND) for seconds in (-1, 0)]
        assert closing == [State.LIVE, State.CLOSED], end
        assert [week.state(symbol, end + minutes * MINUTE) for minutes in (19, 30, 120)] == [State.CLOSED] * 3
        final = week.seen[symbol, end + 30 * MINUTE].quote
        assert final is not None
        assert final.as_of >= end, "the price of the closing auction"


def test_the_price_before_the_midday_break_holds_through_it_and_is_live_again_after_it(week: Week) -> None:
    fetches = [fetch.at for fetch in vendor_of(week, "regular").fetches if REGULAR.get(fetch.symbol) == "XTKS"]
    days = [day for day in week.hours.breaks["XTKS"] if day[0] >= min(fetches)]
    assert len(days) >= 3
    for rests_at, resumes_at in days:
        assert [week.state("7203", rests_at + seconds * SECOND) for seconds in (-1, 0)] == [State.LIVE, State.CLOSED]
        assert [week.state("7203", rests_at + minutes * MINUTE) for minutes in (19, 30)] == [State.CLOSED] * 2
        assert [week.state("7203", resumes_at + seconds * SECOND) for seconds in (-1, 0)] == [State.CLOSED] * 2
        assert week.state("7203", resumes_at + 30 * MINUTE) is State.LIVE
        assert not [at for at in fetches if rests_at <= at < resumes_at]
        assert [at for at in fetches if resumes_at <= at < resumes_at + 25 * MINUTE]


@pytest.mark.parametrize("symbol", list(EXTENDED))
def test_a_price_of_extended_hours_is_what_its_part_of_the_day_makes_it(week: Week, symbol: str) -> None:
    regular = {start.date(): (start, end) for start, end in week.hours.regular["XNYS"]}
    for starts, ends in sessions_of(week, "XNYS", extended=True):
        opens, closes = regular[starts.date()]
        assert [week.state(symbol, starts + seconds * SECOND) for seconds in (-1, 0)] == [State.CLOSED] * 2
        assert [week.state(symbol, opens + seconds * SECOND) for seconds in (-1, 0)] == [State.PRE] * 2
        assert week.state(symbol, opens + 30 * MINUTE) is State.LIVE
        assert [week.state(symbol, closes + seconds * SECOND) for seconds in (-1, 0)] == [State.LIVE, State.CLOSED]
        assert week.state(symbol, closes + 30 * MINUTE) is State.POST
        assert [week.state(symbol, ends + seconds * SECOND) for seconds in (-1, 0)] == [State.POST, State.CLOSED]
        assert week.state(symbol, ends + 30 * MINUTE) is State.CLOSED


@pytest.mark.parametrize("week", ["thanksgiving"], indirect=True)
@pytest.mark.parametrize(("moment", "symbols"), [
    ("2026-11-26T15:00", ["IBM", "AAPL", "MSFT"]), ("2026-11-28T12:00", [*REGULAR, *EXTENDED]),
    ("2026-11-29T12:00", [*REGULAR, *EXTENDED])])
def test_the_last_close_is_not_stale_on_a_holiday_or_a_sunday(
        week: Week, moment: str, symbols: list[str]) -> None:
    assert {week.state(symbol, utc(moment)) for symbol in symbols} == {State.CLOSED}


def test_a_close_holds_to_the_second_until_the_next_one_should_have_come(week: Week) -> None:
    states: Counter[State] = Counter()
    for (symbol, moment), row in week.seen.items():
        if symbol not in DAILY or row.quote is None:
            continue
        after = [end for _, end in week.hours.regular[DAILY[symbol]] if end > row.quote.as_of]
        state = State.STALE if after and moment >= after[0] + 6 * HOUR else State.END_OF_DAY
        assert week.state(symbol, moment) is state, (symbol, moment)
        states[state] += 1
    assert states[State.STALE] > 0
    assert states[State.END_OF_DAY] > 500


@pytest.mark.parametrize("week", ["thanksgiving"], indirect=True)
def test_a_silent_provider_makes_a_price_stale_within_two_intervals_and_the_row_says_so(week: Week) -> None:
    symbol = "TSCO"
    answered = [fetch.at for fetch in vendor_of(week, "regular").fetches
                if fetch.symbol == symbol and not fetch.failed and fetch.at < OUTAGE[0]][-1]
    interval = week.paces[symbol, OUTAGE[0]]
    assert interval is not None
    stale = [moment for moment in AROUND_OUTAGE if week.state(symbol, moment) is State.STALE]
    assert interval * 1.5 <= (stale[0] - answered).total_seconds() <= interval * 2 + 120
    assert stale[0] < OUTAGE[1]
    assert week.seen[symbol, stale[0]].problem.startswith("The Regular cannot be reached.")
    assert stale[-1] - OUTAGE[1] < 30 * MINUTE, "it comes back soon"
    assert week.seen[symbol, AROUND_OUTAGE[-1]].problem == ""
    assert week.state(symbol, AROUND_OUTAGE[-1]) is State.LIVE
