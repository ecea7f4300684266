"""Without a key there are charts at once; with one, nothing made up is left."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from tests.worker.conftest import Clock, make_instrument, watch
from tests.worker.history.archive import make_bars
from webapp.bars.reading import load_past
from webapp.bars.writing import write_history
from webapp.extensions import db
from webapp.models import (
    BarFinding,
    BarSeries,
    DividendRow,
    IngestRun,
    InstrumentRow,
    JobRun,
    ProviderCall,
    Snapshot,
    SplitRow,
    StageCount,
    StageWeek,
    Tick,
)
from webapp.records import Adjustment, History, Instrument
from worker.analysis.mark import MARK as ANALYSIS
from worker.analysis.mark import is_cut_short
from worker.history.minutes import MARK
from worker.history.wanted import keep_benchmark
from worker.jobs import bars
from worker.jobs.bars import fetch_bars
from worker.jobs.quotes import refresh_quotes
from worker.prepare import prepare_database

pytestmark = pytest.mark.usefixtures("set_clock")
DAY = dt.timedelta(days=1)


@pytest.fixture
def settings_changes() -> dict[str, object]:
    return {}


@pytest.fixture(autouse=True)
def long_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run make everything, however busy the machine is."""
    monkeypatch.setattr(bars, "MAKING_SECONDS", 300.0)


def last_days(stock: Instrument) -> list[tuple[str, int, dt.date | None]]:
    rows = db.session.query(BarSeries).filter_by(instrument_id=stock.id, interval="1d").populate_existing()
    return [(row.source, row.bars, row.last_day) for row in rows]


@pytest.mark.both_databases
def test_every_stock_on_the_front_page_has_a_past_after_one_run(app: Flask, set_clock: Clock, redis: Redis) -> None:
    stocks = [make_instrument(f"S{number}", starter=True) for number in range(4)]
    assert fetch_bars() == "5 made up"
    spy = db.session.query(InstrumentRow).filter_by(symbol="SPY").one()
    past = load_past([spy.id, *(stock.id for stock in stocks)])
    assert {len(one.series) for one in past.values()} == {2193}
    assert {one.sources for one in past.values()} == {("simulator",)}
    assert db.session.query(ProviderCall).count() == 0
    [run] = db.session.query(IngestRun)
    assert (run.source, run.subject, run.state, run.added) == ("simulator", "5 stocks", "done", 5 * 2193)
    assert db.session.query(BarFinding).count() == 0
    assert [job.func_name for job in Queue("default", connection=redis).jobs] == ["worker.jobs.analysis.analyse"]
    assert fetch_bars() == "0 made up"


def test_a_run_is_short_and_the_next_goes_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "MAKING_SECONDS", 0.0)
    watch(make_instrument("WATCHED"))
    make_instrument("STARTER", starter=True)
    made = []
    for _ in range(4):
        made.append(fetch_bars())
        made += [row.symbol for row in db.session.query(InstrumentRow).join(BarSeries).order_by(BarSeries.id)]
    assert made == ["1 made up", "SPY", "1 made up", "SPY", "WATCHED", "1 made up", "SPY", "WATCHED", "STARTER",
                    "0 made up", "SPY", "WATCHED", "STARTER"]


def test_a_further_day_is_added(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument(starter=True)
    fetch_bars()
    set_clock.pass_by(days=1)
    assert fetch_bars() == "2 made up"
    assert last_days(stock) == [("simulator", 2194, set_clock.moment.date() - DAY)]
    assert db.session.query(IngestRun).order_by(IngestRun.id.desc()).first().changed == 0  # type: ignore[union-attr]


def test_the_past_ends_where_the_price_of_today_begins(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument()
    watch(stock)
    fetch_bars()
    refresh_quotes("simulator")
    from webapp.models import QuoteRow

    quote = db.session.get_one(QuoteRow, stock.id)
    assert quote.previous_close is not None
    assert load_past([stock.id])[stock.id].series.close[-1] == float(quote.previous_close)


def test_a_stock_with_real_days_gets_none_that_are_made_up(app: Flask, set_clock: Clock) -> None:
    stock = make_instrument(starter=True)
    write_history(History(stock.id, "tiingo", Adjustment.NONE, make_bars()), stock, set_clock.moment)
    db.session.commit()
    assert fetch_bars() == "1 made up"
    assert [source for source, *_ in last_days(stock)] == ["tiingo"]


def test_a_real_key_makes_all_that_was_made_up_go(app: Flask, set_clock: Clock,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.prepare.write_sessions", int)
    real, made_up = make_instrument("REAL"), make_instrument("MADE", starter=True)
    for number in range(30):
        make_instrument(f"S{number}", starter=True)
    write_history(History(real.id, "tiingo", Adjustment.NONE, make_bars()), real, set_clock.moment)
    today = set_clock.moment.date()
    for stock in (real, made_up):
        db.session.add(Snapshot(instrument_id=stock.id, day=today, close=1.0, inputs_at=set_clock.moment,
                                computed_at=set_clock.moment))
        db.session.add(StageWeek(instrument_id=stock.id, week=today, close=1.0))
    db.session.add(StageCount(week=today, stage=0, count=2))
    db.session.add(JobRun(name=MARK, started_at=set_clock.moment, outcome="7"))
    db.session.add(JobRun(name=ANALYSIS, started_at=set_clock.moment, finished_at=set_clock.moment, outcome=""))
    fetch_bars()
    assert db.session.query(SplitRow).count() * db.session.query(DividendRow).count() > 0
    app.config["SETTINGS"].TIINGO_API_KEY = "key"
    list(prepare_database())
    assert {row.source for row in db.session.query(BarSeries)} == {"tiingo"}
    assert db.session.query(SplitRow).count() + db.session.query(DividendRow).count() == 0
    assert [row.instrument_id for row in db.session.query(Snapshot)] == [real.id]
    assert [row.instrument_id for row in db.session.query(StageWeek)] == [real.id]
    assert [(row.week, row.stage, row.count) for row in db.session.query(StageCount)] == [(today, 0, 1)]
    assert db.session.query(JobRun).filter_by(name=MARK).count() == 0
    assert is_cut_short()  # the others were rated beside those that are gone
    assert db.session.query(Tick).count() == 0


@pytest.mark.both_databases
def test_the_benchmark_is_put_into_the_table_once(app: Flask) -> None:
    keep_benchmark()
    keep_benchmark()
    assert [(row.symbol, row.mic, row.status) for row in db.session.query(InstrumentRow)] == [
        ("SPY", "ARCX", "listed")]
