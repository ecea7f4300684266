"""Fetching minutes: who is asked when, what is stored of the answer, and what is on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest
from flask import Flask

from tests.worker.conftest import NOW, Clock, make_instrument
from webapp.bars.codec import SCALE, Bars
from webapp.bars.reading import load_minutes
from webapp.bars.writing import write_bars, write_events
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import BarSeries, IngestRun, InstrumentRow, ProviderCall, ProviderState
from webapp.records import Adjustment, Instrument, MinuteBar, Minutes, Quote, Split, State
from webapp.vendors import Limits
from worker.history import runs
from worker.history.vendor_minutes import LATE
from worker.jobs import minutes as job
from worker.jobs.minutes import fetch_minutes
from worker.jobs.upkeep import purge_old_rows
from worker.providers.base import ErrorKind, GivesMinutes, ProviderError

TODAY = dt.date(2026, 3, 11)  # New York opens at 13:30 UTC; the clock stands at 15:00
NOT_ENTITLED = ProviderError(ErrorKind.NOT_ENTITLED, "This needs another plan of The Vendor.")
A_MINUTE = dt.timedelta(minutes=1)


def bars_until(now: dt.datetime, count: int = 30, price: str = "10.00") -> tuple[MinuteBar, ...]:
    """Return so many minutes that end with the last one that is over."""
    last = now.replace(second=0, microsecond=0) - A_MINUTE
    return tuple(MinuteBar(last - place * A_MINUTE, Decimal(price), Decimal(price), Decimal(price), Decimal(price), 100)
                 for place in reversed(range(count)))


@dataclass
class Source:
    """A provider with minutes that answers as it is told and remembers when it was asked."""

    name: str = "vendor"
    title: str = "The Vendor"
    limits: Limits = field(default_factory=lambda: Limits(per_minute=60))
    delay: State = State.LIVE
    batch_size: int = 1
    extended_hours: bool = False
    answer: Callable[[dt.datetime], tuple[MinuteBar, ...]] | Exception = bars_until
    adjusted: Adjustment = Adjustment.NONE
    unit: str = ""
    asked: list[dt.datetime] = field(default_factory=list)

    def covers(self, instrument: Instrument) -> bool:
        """Cover every stock."""
        return True

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Have no quotes."""
        return []

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Answer, or raise what the test put in the answer's place."""
        self.asked.append(now)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Minutes(instrument.id, self.name, self.adjusted, self.answer(now), self.unit)


Use = Callable[..., None]


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """A key, so that nothing is made up."""
    return {"ALPHA_VANTAGE_API_KEY": "key"}


@pytest.fixture
def use(app: Flask, set_clock: Clock, sessions: SessionBook, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make these the active providers, in this order."""
    def become(*sources: GivesMinutes) -> None:
        monkeypatch.setattr(job, "providers_with", lambda settings, ability: list(sources))

    return become


@pytest.fixture
def source(use: Use) -> Source:
    """The one active provider."""
    made = Source()
    use(made)
    return made


def rows() -> list[tuple[str, str, str, str]]:
    """Return kind, source, state and reason of every try, oldest first."""
    return [(row.kind, row.source, row.state, row.reason)
            for row in db.session.query(IngestRun).order_by(IngestRun.id).populate_existing()]


@pytest.mark.both_databases
def test_minutes_are_fetched_stored_and_on_record(source: Source) -> None:
    stock = make_instrument()
    assert fetch_minutes(stock.id) == "minutes of XNYS:IBM from vendor"
    series = load_minutes(stock.id, TODAY, TODAY)
    assert (len(series), series.close[-1], series.volume[-1]) == (30, 10.0, 100.0)
    assert int(series.at[-1]) * 60 == int(dt.datetime(2026, 3, 11, 14, 59, tzinfo=dt.UTC).timestamp())
    run = db.session.query(IngestRun).one()
    assert (run.kind, run.subject, run.state, run.added, run.instrument_id) == (
        "minutes", "XNYS:IBM", "done", 30, stock.id)
    call = db.session.query(ProviderCall).one()
    assert (call.subject, call.outcome) == ("minutes XNYS:IBM", "ok")


def test_while_the_market_is_open_it_is_asked_once_a_minute_at_most(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    fetch_minutes(stock.id)
    set_clock.pass_by(seconds=59)
    assert fetch_minutes(stock.id) == "nothing newer is due"
    set_clock.pass_by(seconds=1)
    fetch_minutes(stock.id)
    assert len(source.asked) == 2


def test_a_day_of_fetches_is_one_row(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    for _ in range(3):
        fetch_minutes(stock.id)
        set_clock.pass_by(minutes=1)
    run = db.session.query(IngestRun).one()
    assert (run.state, run.added, run.unchanged) == ("done", 32, 29)


def test_after_the_close_it_is_asked_once_when_all_has_come(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    set_clock.moment = dt.datetime(2026, 3, 11, 20, 19, tzinfo=dt.UTC)
    fetch_minutes(stock.id)
    for hours in (1, 3, 6, 11):  # until the next opening
        set_clock.moment = dt.datetime(2026, 3, 11, 20, 20, tzinfo=dt.UTC) + dt.timedelta(hours=hours)
        fetch_minutes(stock.id)
    assert len(source.asked) == 2


def test_a_refusal_leaves_the_price_calls_alone_and_the_next_provider_is_asked(use: Use) -> None:
    poor, rich = Source("poor", answer=NOT_ENTITLED), Source("rich")
    use(poor, rich)
    stock = make_instrument()
    assert fetch_minutes(stock.id) == "minutes of XNYS:IBM from rich"
    assert rows() == [("minutes", "poor", "refused", NOT_ENTITLED.message), ("minutes", "rich", "done", "")]
    state = db.session.get(ProviderState, "poor")
    assert state is not None
    assert state.paused_until is None


def test_who_refused_a_stock_is_not_asked_for_it_the_next_minute(use: Use, set_clock: Clock) -> None:
    poor = Source("poor", answer=NOT_ENTITLED)
    use(poor)
    stock = make_instrument()
    fetch_minutes(stock.id)
    set_clock.pass_by(minutes=2)
    assert fetch_minutes(stock.id) == "nobody has them now"
    assert len(poor.asked) == 1


def test_a_plan_that_refused_three_stocks_is_asked_for_no_fourth(use: Use, set_clock: Clock) -> None:
    poor = Source("poor", answer=NOT_ENTITLED)
    use(poor)
    for symbol in ("A", "B", "C", "D"):
        fetch_minutes(make_instrument(symbol).id)
        set_clock.pass_by(minutes=1)
    assert len(poor.asked) == 3


def test_minutes_have_a_share_of_the_calls_only(use: Use, set_clock: Clock) -> None:
    source = Source(limits=Limits(per_minute=20))
    use(source)
    said = [fetch_minutes(make_instrument(symbol).id) for symbol in ("A", "B", "C")]
    assert len(source.asked) == 2, "a tenth of 20"
    assert "minutes have used their share" in said[-1]
    assert rows()[2:] == []
    set_clock.pass_by(minutes=1)
    fetch_minutes(make_instrument("D").id)
    assert len(source.asked) == 3


def test_a_throttle_is_said_of_the_key(source: Source, set_clock: Clock) -> None:
    source.answer = ProviderError(ErrorKind.THROTTLED_MINUTE, "The Vendor has no calls left for this minute.")
    fetch_minutes(make_instrument().id)
    state = db.session.get(ProviderState, "vendor")
    assert state is not None
    assert state.paused_until is not None
    assert rows()[0][2] == "skipped"


def test_who_has_no_minutes_of_today_yet_is_left_alone_for_an_hour(use: Use, set_clock: Clock) -> None:
    yesterday = dt.datetime(2026, 3, 10, 19, 0, tzinfo=dt.UTC)
    slow, live = Source("slow", answer=lambda now: bars_until(yesterday)), Source("live")
    use(slow, live)
    stock = make_instrument()
    assert fetch_minutes(stock.id) == "minutes of XNYS:IBM from live"
    assert rows()[0] == ("minutes", "slow", "done", LATE)
    set_clock.pass_by(minutes=2)
    fetch_minutes(stock.id)
    set_clock.pass_by(minutes=59)
    fetch_minutes(stock.id)
    assert (len(slow.asked), len(live.asked)) == (2, 3)


def test_a_stock_without_minutes_is_refused_but_one_that_has_some_is_not(source: Source, set_clock: Clock) -> None:
    source.answer = lambda now: ()
    fetch_minutes(make_instrument("NEW").id)
    source.answer = bars_until
    known = make_instrument("OLD")
    fetch_minutes(known.id)
    source.answer = lambda now: ()
    set_clock.pass_by(minutes=1)
    fetch_minutes(known.id)
    assert rows() == [("minutes", "vendor", "refused", "It has no minutes of this stock."),
                      ("minutes", "vendor", "done", "Nothing newer.")]


def test_pence_are_stored_as_pounds(source: Source) -> None:
    stock = make_instrument()
    row = db.session.get_one(InstrumentRow, stock.id)
    row.currency, row.unit = "GBP", "GBX"
    db.session.commit()
    fetch_minutes(stock.id)
    assert load_minutes(stock.id, TODAY, TODAY).close[-1] == 0.1


def test_an_answer_in_another_currency_is_a_failure_on_record(source: Source) -> None:
    source.unit = "EUR"
    stock = make_instrument()
    assert fetch_minutes(stock.id) == "nobody has them now"
    [(_kind, _source, state, reason)] = rows()
    assert state == "failed"
    assert "prices in EUR, not in USD" in reason
    assert db.session.query(BarSeries).count() == 0
    assert db.session.query(ProviderCall).one().outcome.startswith("broken answer")


def test_what_a_day_brought_is_not_forgotten_when_a_later_try_fails(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    fetch_minutes(stock.id)
    set_clock.pass_by(minutes=1)
    source.answer = ProviderError(ErrorKind.UNREACHABLE, "The Vendor could not be reached.")
    fetch_minutes(stock.id)
    run = db.session.query(IngestRun).one()
    assert (run.state, run.added, run.reason) == ("failed", 30, "The Vendor could not be reached.")


def test_minutes_of_ticks_are_not_taken_for_the_vendors_own(source: Source) -> None:
    stock = make_instrument()
    one = np.array([SCALE], np.int64)
    at = np.array([int(NOW.timestamp()) // 60 - 5], np.int32)
    write_bars(stock.id, "1m", "vendor-ticks", Bars(at, one, one, one, one, one), adjusted=Adjustment.NONE, now=NOW)
    source.answer = lambda now: ()
    fetch_minutes(stock.id)
    assert rows() == [("minutes", "vendor", "refused", "It has no minutes of this stock.")]


@pytest.mark.both_databases
def test_trades_after_midnight_of_utc_are_still_of_the_day_before_a_split(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    night = dt.datetime(2026, 1, 14, 0, 30, tzinfo=dt.UTC)  # half past seven in the evening of the 13th in New York
    write_events(stock.id, [Split(dt.date(2026, 1, 14), Decimal(4))], [], "admin", night)
    db.session.commit()
    source.adjusted = Adjustment.SPLITS

    def late(divided: bool) -> tuple[MinuteBar, ...]:
        # Two hours after the opening the vendor's prices of before it are not divided yet.
        old = bars_until(night, price="100" if not divided else "25")
        return (*old, *bars_until(dt.datetime(2026, 1, 14, 16, 30, tzinfo=dt.UTC), price="25"))

    set_clock.moment = dt.datetime(2026, 1, 14, 16, 31, tzinfo=dt.UTC)
    for divided in (False, True):
        source.answer = lambda now, divided=divided: late(divided)
        fetch_minutes(stock.id)
        series = load_minutes(stock.id, dt.date(2026, 1, 13), dt.date(2026, 1, 14))
        assert (len(series), set(series.close.tolist())) == (60, {25.0})
        set_clock.pass_by(minutes=1)


def test_a_try_whose_stock_nobody_asks_for_again_ends_too(source: Source, set_clock: Clock) -> None:
    stock = make_instrument()
    for minutes_ago in (1, 6):
        db.session.add(IngestRun(kind="minutes", source="vendor", subject=stock.key, instrument_id=stock.id,
                                 state="running", started_at=NOW - minutes_ago * A_MINUTE))
    db.session.commit()
    purge_old_rows()
    assert [(row[2], row[3]) for row in rows()] == [("running", ""), ("failed", runs.CUT_SHORT)]


def test_what_made_the_program_fail_is_on_record_too(source: Source) -> None:
    source.answer = KeyError("x")
    with pytest.raises(KeyError):
        fetch_minutes(make_instrument().id)
    assert rows()[0][2] == "failed"


def test_a_try_that_was_cut_short_is_one_that_failed(source: Source) -> None:
    stock = make_instrument()
    db.session.add(IngestRun(kind="minutes", source="vendor", subject=stock.key, instrument_id=stock.id,
                             state="running", started_at=dt.datetime(2026, 3, 11, 14, 0, tzinfo=dt.UTC)))
    db.session.commit()
    fetch_minutes(stock.id)
    assert [row[2] for row in rows()] == ["failed", "done"]


def test_past_days_are_not_held_up_by_a_refusal_of_minutes(use: Use) -> None:
    use(Source(answer=NOT_ENTITLED))
    stock = make_instrument()
    fetch_minutes(stock.id)
    assert runs.rests(runs.DAILY, [stock.id]) == {}
    assert (stock.id, "vendor") in runs.rests("minutes", [stock.id])


def test_a_stock_that_is_gone_is_no_failure(source: Source) -> None:
    assert fetch_minutes(4711) == "no such stock"


class TestMadeUp:
    """Without a key."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        """Let nothing have a key."""
        return {}

    def test_without_a_key_minutes_are_made_up(self, app: Flask, set_clock: Clock, sessions: SessionBook) -> None:
        stock = make_instrument()
        assert fetch_minutes(stock.id) == "minutes of XNYS:IBM from simulator"
        assert len(load_minutes(stock.id, TODAY - dt.timedelta(days=5), TODAY)) > 5000
        assert rows() == [("minutes", "simulator", "done", "")]
        assert db.session.query(ProviderCall).count() == 0
