"""Splits and dividends of stocks whose days come without them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.worker.conftest import Clock, make_instrument, watch
from tests.worker.history.archive import TUESDAY, WithEvents, make_bars, weekdays
from tests.worker.history.conftest import Use
from webapp.bars.reading import load_past
from webapp.extensions import db
from webapp.models import DividendRow, IngestRun, InstrumentRow, ProviderCall, SplitRow
from webapp.records import Bar, Dividend, Split
from webapp.vendors import Limits
from worker.jobs.bars import fetch_bars
from worker.providers.base import ErrorKind, ProviderError

NOT_ENTITLED = ProviderError(ErrorKind.NOT_ENTITLED, "The plan of this key has no splits.")
THROTTLED = ProviderError(ErrorKind.THROTTLED_MINUTE, "The Vendor is throttled.")
DAYS = weekdays(TUESDAY, 60)
HALVED = tuple(Bar(day, Decimal(200 if day < DAYS[40] else 100), volume=10) for day in DAYS)
SPLIT = Split(DAYS[40], Decimal(2))


@pytest.fixture
def archive(use: Use) -> WithEvents:
    """The one active provider, with many calls."""
    made = WithEvents(Limits(per_minute=10_000))
    use(made)
    return made


def kinds() -> list[tuple[str, str, int]]:
    return [(row.kind, row.state, row.added) for row in db.session.query(IngestRun).order_by(IngestRun.id)]


@pytest.mark.both_databases
def test_splits_and_dividends_are_asked_for_after_the_days_and_counted(archive: WithEvents) -> None:
    stock = make_instrument()
    watch(stock)
    archive.histories["IBM"] = HALVED
    archive.known_splits, archive.known_dividends = [SPLIT], [Dividend(DAYS[50], Decimal("0.5"))]
    fetch_bars()
    fetch_bars()
    assert archive.asked_events == ["splits IBM", "dividends IBM"]
    past = load_past([stock.id])[stock.id]
    assert set(past.series.close) == {100.0}
    assert past.dividends == (Dividend(DAYS[50], Decimal("0.5")),)
    assert kinds() == [("provider", "done", 60), ("splits", "done", 1), ("dividends", "done", 1)]
    assert [row.subject for row in db.session.query(ProviderCall).order_by(ProviderCall.id)] == [
        "history days XNYS:IBM", "history splits XNYS:IBM", "history dividends XNYS:IBM"]


def test_they_are_asked_for_once_a_week(archive: WithEvents, set_clock: Clock) -> None:
    watch(make_instrument())
    fetch_bars()
    fetch_bars()
    for _ in range(6):
        set_clock.pass_by(days=1)
        fetch_bars()
    assert len(archive.asked_events) == 2
    set_clock.pass_by(days=1.5)
    fetch_bars()
    assert len(archive.asked_events) == 4


def test_a_plan_without_splits_leaves_them_to_the_next_provider(use: Use) -> None:
    first = WithEvents(Limits(per_minute=10_000), name="first", known_splits=NOT_ENTITLED)
    second = WithEvents(name="second", known_splits=[SPLIT])
    use(first, second)
    watch(make_instrument())
    first.histories["IBM"] = HALVED
    fetch_bars()
    assert (first.asked_events, second.asked_events) == (["splits IBM"], ["splits IBM"])
    assert [(row.source, row.ratio) for row in db.session.query(SplitRow)] == [("second", Decimal(2))]


def test_a_throttled_question_is_asked_again(archive: WithEvents, set_clock: Clock) -> None:
    watch(make_instrument())
    archive.known_splits = THROTTLED
    fetch_bars()
    archive.known_splits = [SPLIT]
    set_clock.pass_by(minutes=2)
    fetch_bars()
    assert archive.asked_events == ["splits IBM", "splits IBM", "dividends IBM"]


def test_where_the_days_have_their_events_nobody_is_asked(use: Use) -> None:
    provider = WithEvents(name="tiingo")
    use(provider)
    watch(make_instrument())
    fetch_bars()
    assert provider.asked_events == []


def test_dividends_in_pence_are_kept_in_pounds(archive: WithEvents) -> None:
    row = InstrumentRow(symbol="TSCO", mic="XNYS", name="Tesco", currency="GBP", unit="GBX", country="GB")
    db.session.add(row)
    db.session.commit()
    watch(row.record())
    archive.known_dividends = [Dividend(DAYS[50], Decimal("4.25"))]
    fetch_bars()
    fetch_bars()
    assert db.session.query(DividendRow).one().amount == Decimal("0.0425")


def test_splits_that_were_not_known_settle_what_looked_like_one(archive: WithEvents, set_clock: Clock) -> None:
    from webapp.models import BarFinding

    watch(make_instrument())
    archive.histories["IBM"] = tuple(Bar(bar.day, bar.close * (2 if bar.day < DAYS[40] else 1), volume=10)
                                     for bar in make_bars())
    archive.known_splits = THROTTLED
    fetch_bars()
    assert [(row.kind, row.state) for row in db.session.query(BarFinding)] == [("possible split", "open")]
    archive.known_splits = [SPLIT]
    set_clock.pass_by(minutes=2)
    fetch_bars()
    assert [row.state for row in db.session.query(BarFinding).populate_existing()] == ["explained"]
