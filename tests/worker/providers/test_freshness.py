"""What a price is, by the time of its trade and the hours of its exchange."""

import datetime as dt
from decimal import Decimal

import pytest

from tests.worker.providers.conftest import at, new_york
from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, LiveQuote, Quote, Session, State
from worker.providers.freshness import times_of_day, times_of_trade, until_close

# New York in summer: 08:00 pre, 13:30 regular, 20:00 post, 24:00 closed, in UTC. 12 June 2026 is a Friday.
BOOK = new_york("2026-06-08", "2026-06-20", "XNAS")


@pytest.mark.parametrize(("traded", "now", "state", "session", "stale_at"), [
    ("2026-06-12 15:00", "2026-06-12 15:00", State.LIVE, Session.REGULAR, "2026-06-12 15:02"),
    ("2026-06-12 13:30", "2026-06-12 13:30", State.LIVE, Session.REGULAR, "2026-06-12 13:32"),
    ("2026-06-12 13:29", "2026-06-12 13:29", State.PRE, Session.PRE, "2026-06-12 13:31"),
    ("2026-06-12 13:29", "2026-06-12 13:45", State.PRE, Session.PRE, "2026-06-12 14:00"),
    ("2026-06-12 19:59", "2026-06-12 20:00", State.CLOSED, Session.CLOSED, "2026-06-15 14:00"),
    ("2026-06-12 19:59", "2026-06-14 12:00", State.CLOSED, Session.CLOSED, "2026-06-15 14:00"),
    ("2026-06-12 20:30", "2026-06-12 20:31", State.POST, Session.POST, "2026-06-12 20:33"),
    ("2026-06-12 20:30", "2026-06-13 01:00", State.CLOSED, Session.CLOSED, "2026-06-15 14:00"),
])
def test_a_live_price_is_what_its_hour_makes_it(traded: str, now: str, state: State, session: Session,
                                                stale_at: str) -> None:
    times = times_of_trade(at(traded), State.LIVE, at(now), BOOK, "XNAS")
    assert (times.state, times.session, times.stale_at) == (state, session, at(stale_at))
    assert (times.as_of, times.day) == (at(traded), at(traded).date())


def test_a_price_from_before_the_newest_session_is_stale_from_the_start() -> None:
    times = times_of_trade(at("2026-06-10 15:00"), State.LIVE, at("2026-06-12 15:00"), BOOK, "XNAS")
    assert times.stale_at < at("2026-06-12 15:00")


def test_a_delayed_price_is_delayed_until_the_close_has_come_through() -> None:
    times = times_of_trade(at("2026-06-12 19:55"), State.DELAYED, at("2026-06-12 20:10"), BOOK, "XNAS")
    assert times.state is State.DELAYED
    times = times_of_trade(at("2026-06-12 19:59"), State.DELAYED, at("2026-06-12 20:20"), BOOK, "XNAS")
    assert times.state is State.CLOSED


def test_a_price_of_a_weekend_is_not_live() -> None:
    times = times_of_trade(at("2026-06-13 15:00"), State.LIVE, at("2026-06-13 15:00"), BOOK, "XNAS")
    assert (times.state, times.session) == (State.CLOSED, Session.CLOSED)


def test_the_day_is_the_exchanges_own() -> None:
    traded = at("2026-06-11 23:30")  # half past nine in the morning of the twelfth in Sydney
    assert times_of_trade(traded, State.LIVE, traded, SessionBook([]), "XASX").day == dt.date(2026, 6, 12)


def test_an_exchange_without_a_calendar_makes_a_price_that_holds_for_days() -> None:
    times = times_of_trade(at("2026-06-12 15:00"), State.LIVE, at("2026-06-12 15:00"), SessionBook([]), "XNAS")
    assert times.session is Session.CLOSED
    assert times.stale_at == at("2026-06-16 15:00")


def test_a_close_holds_until_the_next_one_should_have_arrived() -> None:
    times = times_of_day(dt.date(2026, 6, 12), State.END_OF_DAY, at("2026-06-13 12:00"), BOOK, "XNAS")
    assert (times.as_of, times.stale_at) == (at("2026-06-12 20:00"), at("2026-06-16 02:00"))


def quote(state: State, session: Session, stale_at: str) -> Quote:
    made_at = at("2026-06-12 15:00")
    return Quote(1, Decimal(10), made_at, made_at.date(), "vendor", state, session, stale_at=at(stale_at))


@pytest.mark.parametrize(("state", "session", "stale_at", "closes_at", "holds_until"), [
    (State.LIVE, Session.REGULAR, "2026-06-12 20:00", "2026-06-12 20:00", "2026-06-12 21:00"),
    (State.LIVE, Session.REGULAR, "2026-06-12 20:01", "2026-06-12 20:00", "2026-06-12 21:00"),
    (State.LIVE, Session.REGULAR, "2026-06-12 19:59", "2026-06-12 20:00", "2026-06-12 19:59"),
    (State.DELAYED, Session.REGULAR, "2026-06-12 20:15", "2026-06-12 20:15", "2026-06-12 21:15"),
    (State.DELAYED, Session.REGULAR, "2026-06-12 20:14", "2026-06-12 20:15", "2026-06-12 20:14"),
    (State.POST, Session.POST, "2026-06-13 00:00", "2026-06-13 00:00", "2026-06-13 01:00"),
    (State.PRE, Session.PRE, "2026-06-12 13:40", None, "2026-06-12 13:40"),
    (State.CLOSED, Session.CLOSED, "2026-06-15 14:00", None, "2026-06-15 14:00"),
    (State.END_OF_DAY, Session.CLOSED, "2026-06-15 14:00", None, "2026-06-15 14:00"),
])
def test_a_running_price_becomes_the_close_unless_it_is_stale_before(
        state: State, session: Session, stale_at: str, closes_at: str | None, holds_until: str) -> None:
    found = until_close(quote(state, session, stale_at), BOOK, "XNAS")
    assert found.closes_at == (closes_at and at(closes_at))
    assert found.stale_at == at(holds_until)


def test_a_price_is_live_then_closed_then_stale_to_the_microsecond() -> None:
    stock = Instrument(1, "AAPL", "XNAS", "", "USD", "US")
    live = LiveQuote(stock, quote=until_close(quote(State.LIVE, Session.REGULAR, "2026-06-12 20:02"), BOOK, "XNAS"))
    close, moment = at("2026-06-12 20:00"), dt.timedelta(microseconds=1)
    assert live.state_at(close - moment) is State.LIVE
    assert live.state_at(close) is State.CLOSED
    assert live.state_at(close + dt.timedelta(hours=1) - moment) is State.CLOSED
    assert live.state_at(close + dt.timedelta(hours=1)) is State.STALE


# Tokyo in UTC: 00:00 to 02:30 and 03:30 to 06:30.
TOKYO = SessionBook([
    SessionTimes("XTKS", day, at(f"{day} 00:00"), at(f"{day} 06:30"), break_starts_at=at(f"{day} 02:30"),
                 break_ends_at=at(f"{day} 03:30"))
    for day in (dt.date(2026, 6, 12), dt.date(2026, 6, 15))])


@pytest.mark.parametrize(("delay", "traded", "now", "state", "stale_at"), [
    (State.LIVE, "02:29", "02:29", State.LIVE, "02:31"),
    (State.LIVE, "02:29", "02:30", State.CLOSED, "04:00"),
    (State.LIVE, "02:30", "02:30", State.CLOSED, "04:00"),
    (State.LIVE, "02:31", "03:29", State.CLOSED, "04:00"),
    (State.LIVE, "01:00", "03:00", State.CLOSED, "04:00"),
    (State.LIVE, "02:29", "03:45", State.CLOSED, "04:00"),
    (State.LIVE, "02:29", "05:00", State.CLOSED, "04:00"),
    (State.LIVE, "03:30", "03:30", State.LIVE, "03:32"),
    (State.LIVE, "03:31", "03:32", State.LIVE, "03:34"),
    (State.LIVE, "02:29", "06:30", State.CLOSED, "15 00:30"),
    (State.LIVE, "06:29", "06:30", State.CLOSED, "15 00:30"),
    (State.DELAYED, "02:29", "02:44", State.DELAYED, "03:04"),
    (State.DELAYED, "02:29", "02:45", State.CLOSED, "04:15"),
    (State.DELAYED, "02:29", "03:40", State.CLOSED, "04:15"),
    (State.DELAYED, "03:31", "03:46", State.DELAYED, "04:06"),
    (State.DELAYED, "02:29", "06:45", State.CLOSED, "15 00:45"),
])
def test_a_price_from_before_the_midday_break_holds_through_it(
        delay: State, traded: str, now: str, state: State, stale_at: str) -> None:
    times = times_of_trade(at(f"2026-06-12 {traded}"), delay, at(f"2026-06-12 {now}"), TOKYO, "XTKS")
    stale_at = f"2026-06-{stale_at}" if " " in stale_at else f"2026-06-12 {stale_at}"
    assert (times.state, times.stale_at) == (state, at(stale_at))
    assert times.session is (Session.CLOSED if state is State.CLOSED else Session.REGULAR)
    assert times.as_of == at(f"2026-06-12 {traded}")


@pytest.mark.parametrize(("now", "as_of", "state", "stale_at"), [
    ("02:29", "02:14", State.DELAYED, "02:44"), ("02:40", "02:25", State.DELAYED, "02:55"),
    ("02:45", "02:30", State.CLOSED, "04:15"), ("03:44", "02:30", State.CLOSED, "04:15"),
    ("03:45", "03:30", State.DELAYED, "04:00")])
def test_a_delayed_price_without_an_hour_is_that_of_the_breaks_beginning(
        now: str, as_of: str, state: State, stale_at: str) -> None:
    times = times_of_day(dt.date(2026, 6, 12), State.DELAYED, at(f"2026-06-12 {now}"), TOKYO, "XTKS")
    assert (times.as_of, times.state, times.stale_at) == (
        at(f"2026-06-12 {as_of}"), state, at(f"2026-06-12 {stale_at}"))
    assert times.session is (Session.CLOSED if state is State.CLOSED else Session.REGULAR)


def test_a_price_of_the_day_holds_through_the_break_until_its_close() -> None:
    times = times_of_day(dt.date(2026, 6, 12), State.END_OF_DAY, at("2026-06-12 03:00"), TOKYO, "XTKS")
    assert (times.state, times.stale_at) == (State.END_OF_DAY, at("2026-06-12 12:30"))


@pytest.mark.parametrize(("state", "made", "stale_at", "closes_at", "holds_until"), [
    (State.LIVE, "02:29", "02:31", "02:30", "04:00"), (State.LIVE, "02:29", "02:30", "02:30", "04:00"),
    (State.LIVE, "02:20", "02:29", "02:30", "02:29"), (State.DELAYED, "02:14", "02:50", "02:45", "04:15"),
    (State.LIVE, "03:30", "03:32", "06:30", "03:32"), (State.LIVE, "06:29", "06:31", "06:30", "07:30")])
def test_a_running_price_becomes_the_last_one_before_the_break(
        state: State, made: str, stale_at: str, closes_at: str, holds_until: str) -> None:
    made_at, stale = at(f"2026-06-12 {made}"), at(f"2026-06-12 {stale_at}")
    running = Quote(1, Decimal(10), made_at, made_at.date(), "vendor", state, Session.REGULAR, stale_at=stale)
    found = until_close(running, TOKYO, "XTKS")
    assert (found.closes_at, found.stale_at) == (at(f"2026-06-12 {closes_at}"), at(f"2026-06-12 {holds_until}"))


def test_a_price_is_live_then_closed_through_the_break_then_stale_to_the_microsecond() -> None:
    made_at, moment = at("2026-06-12 02:29"), dt.timedelta(microseconds=1)
    running = Quote(1, Decimal(10), made_at, made_at.date(), "vendor", State.LIVE, Session.REGULAR,
                    stale_at=made_at + dt.timedelta(minutes=2))
    live = LiveQuote(Instrument(1, "7203", "XTKS", "", "JPY", "JP"), quote=until_close(running, TOKYO, "XTKS"))
    rests_at, stale_at = at("2026-06-12 02:30"), at("2026-06-12 04:00")
    assert [live.state_at(now) for now in (rests_at - moment, rests_at, stale_at - moment, stale_at)] == [
        State.LIVE, State.CLOSED, State.CLOSED, State.STALE]


def test_a_price_without_a_calendar_keeps_its_state() -> None:
    running = quote(State.LIVE, Session.REGULAR, "2026-06-12 20:02")
    assert until_close(running, SessionBook([]), "XNAS") == running
