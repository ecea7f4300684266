"""Merging a stock into another one: what goes there, what is dropped, and what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.factories import AS_OF, add_quote, add_snapshot, add_stock
from tests.webapp.stocks.conftest import ADMIN, DAY, WEEK, add_bars, add_list, hang_all
from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    BarFinding,
    BarSeries,
    Close,
    DividendRow,
    FeedVersion,
    HeldQuote,
    IngestRun,
    InstrumentRow,
    QuoteFinding,
    QuoteGap,
    QuoteRow,
    RefreshPlan,
    Snapshot,
    SplitRow,
    StageCount,
    StageWeek,
    Tick,
    VendorSymbol,
    WatchlistItem,
)
from webapp.stocks.merge_plan import How, Share, plan_merge
from webapp.stocks.merging import merge
from webapp.stocks.telling import Told

pytestmark = pytest.mark.both_databases

OF_A_STOCK: tuple[Any, ...] = (
    BarSeries, Close, DividendRow, HeldQuote, IngestRun, QuoteFinding, QuoteGap, QuoteRow, RefreshPlan, Snapshot,
    SplitRow, StageWeek, Tick, VendorSymbol, WatchlistItem)


def counts(row_id: int) -> dict[str, int]:
    """Return how many rows of each table hang on a stock; tables without any are left out."""
    found = {model.__name__: db.session.scalar(
        select(func.count()).select_from(model).where(model.instrument_id == row_id)) or 0 for model in OF_A_STOCK}
    return {name: count for name, count in found.items() if count}


def do_merge(old: InstrumentRow, new: InstrumentRow, how: How = How.DUPLICATE) -> Told:
    told = merge(old.id, new.id, how, plan_merge(old, new, how).version, ADMIN)
    db.session.commit()
    return told


def notes(watchlist_id: int) -> list[tuple[int, int, str]]:
    """Return stock, place and note of each row of a list."""
    query = select(WatchlistItem.instrument_id, WatchlistItem.position, WatchlistItem.note)
    found = db.session.execute(
        query.where(WatchlistItem.watchlist_id == watchlist_id).order_by(WatchlistItem.position))
    return list(found.tuples())


def test_all_of_a_duplicate_goes_to_a_stock_that_has_nothing(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    old_id = old.id
    told = do_merge(old, new)
    assert counts(old_id) == {}
    assert db.session.get(InstrumentRow, old_id, populate_existing=True) is None
    assert counts(new.id) == {"BarSeries": 1, "Close": 2, "DividendRow": 1, "IngestRun": 1, "QuoteFinding": 1,
                              "QuoteRow": 1, "SplitRow": 1, "Tick": 1}
    assert db.session.query(BarFinding).count() == 1
    assert db.session.query(IngestRun).one().state == "done"
    finding = db.session.query(QuoteFinding).one()
    assert (finding.outcome, finding.ended_at is not None) == ("dropped when XNAS:FB was merged", True)
    assert (new.figi, new.sector, new.starter) == ("BBG000MM2P62", "Communication Services", True)
    [row] = told.rows
    assert (row.instrument.key, row.quote and row.quote.price) == ("XNAS:META", Decimal("200.10"))
    assert row.version == db.session.scalar(select(FeedVersion.value))
    assert told.analyse


def test_the_stages_it_was_counted_in_count_it_no_more(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    do_merge(old, new)
    assert db.session.scalar(select(StageCount.__table__.c["count"]).where(StageCount.week == WEEK)) == 4


def test_the_target_is_reckoned_anew(old: InstrumentRow, new: InstrumentRow) -> None:
    add_bars(old, "finnhub")
    add_snapshot(new)
    before = db.session.query(BarSeries).one().changed_at
    do_merge(old, new)
    assert db.session.query(BarSeries).populate_existing().one().changed_at > before


def test_what_the_target_has_itself_stays_and_the_other_is_dropped(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    add_quote(new, "500", source="tiingo")
    own = add_bars(new, "finnhub", 5)
    add_bars(old, "my-file", 7)
    db.session.add_all([
        Close(instrument_id=new.id, day=DAY, price=Decimal(7), source="x"),
        SplitRow(instrument_id=new.id, day=dt.date(2020, 8, 28), ratio=Decimal("4.001"), source="tiingo",
                 known_at=AS_OF),
        DividendRow(instrument_id=new.id, day=DAY, source="finnhub", amount=Decimal(9), known_at=AS_OF)])
    db.session.commit()
    plan = plan_merge(old, new, How.DUPLICATE)
    assert [(one.source, one.bars, one.goes) for one in plan.series] == [("finnhub", 3, False), ("my-file", 7, True)]
    assert (plan.splits, plan.dividends, plan.closes) == (Share(0, 1), Share(0, 1), Share(1, 1))
    assert (plan.price, plan.has_price, plan.ticks) == (False, True, 1)
    do_merge(old, new)
    assert {row.source: row.bars for row in db.session.query(BarSeries)} == {"finnhub": 5, "my-file": 7}
    assert db.session.get(BarSeries, own) is not None
    assert [(row.day, row.price) for row in db.session.query(Close).order_by(Close.day)] == [
        (DAY, Decimal(7)), (DAY + dt.timedelta(days=1), Decimal(200))]
    assert [row.source for row in db.session.query(SplitRow)] == ["tiingo"]
    assert [row.amount for row in db.session.query(DividendRow)] == [Decimal(9)]
    assert db.session.query(QuoteRow).one().price == Decimal(500)
    assert db.session.query(Tick).count() == 0


def test_a_split_of_another_day_and_an_empty_series_do_not_stand_in_the_way(
        old: InstrumentRow, new: InstrumentRow) -> None:
    add_bars(old, "finnhub")
    db.session.add_all([
        BarSeries(instrument_id=new.id, interval="1d", source="finnhub", adjusted="as traded", fetched_at=AS_OF,
                  changed_at=AS_OF),
        SplitRow(instrument_id=old.id, day=dt.date(2014, 6, 9), ratio=Decimal(7), source="finnhub", known_at=AS_OF),
        SplitRow(instrument_id=new.id, day=dt.date(2020, 8, 31), ratio=Decimal(4), source="finnhub", known_at=AS_OF)])
    db.session.commit()
    do_merge(old, new)
    assert {row.source: row.bars for row in db.session.query(BarSeries)} == {"finnhub": 3}
    assert sorted(row.ratio for row in db.session.query(SplitRow)) == [4, 7]


def test_lists_keep_the_place_and_lose_no_note(old: InstrumentRow, new: InstrumentRow) -> None:
    other = add_stock("AAPL")
    one = add_list("ann@example.org", (other, ""), (old, "bought at 90"))
    both = add_list("bob@example.org", (new, "mine"), (old, "also mine"), (other, ""))
    neither = add_list("cyd@example.org", (other, "x"))
    plan = plan_merge(old, new, How.DUPLICATE)
    assert (plan.lists, plan.both) == (2, 1)
    told = do_merge(old, new)
    assert notes(one.id) == [(other.id, 0, ""), (new.id, 1, "bought at 90")]
    assert notes(both.id) == [(new.id, 0, "mine\nalso mine"), (other.id, 2, "")]
    assert told.users == {one.user_id, both.user_id}
    assert neither.user_id not in told.users


def test_a_former_name_stays_without_prices_and_leads_to_the_new_one(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    earlier = add_stock("THEFB", status="renamed", renamed_to="XNAS:FB")
    measured = add_stock("SNAP", benchmark="XNAS:FB")
    new.benchmark = "XNAS:FB"
    db.session.commit()
    do_merge(old, new, How.FORMER)
    assert counts(old.id) == {}
    assert (old.status, old.renamed_to, old.starter, old.set_by_admin) == ("renamed", "XNAS:META", False, "status")
    assert old.status_day is not None
    assert (earlier.renamed_to, measured.benchmark, new.benchmark) == ("XNAS:META", "XNAS:META", "")
    do_merge(old, new, How.FORMER)  # once more changes nothing
    assert counts(new.id)["BarSeries"] == 1


def test_it_is_written_down(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    do_merge(old, new)
    [entry] = db.session.query(AuditEntry)
    assert (entry.action, entry.subject, entry.who) == ("stock.merge", "XNAS:FB", "ada@example.org")
    assert (entry.after["into"], entry.after["how"]) == ("XNAS:META", "duplicate")
    assert entry.after["bars"] == {"finnhub 1d": 3}


# What is refused


def test_what_changed_since_the_page_was_shown_is_not_merged(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    seen = plan_merge(old, new, How.DUPLICATE).version
    add_list("ann@example.org", (old, ""))
    with pytest.raises(Conflict, match="changed meanwhile"):
        merge(old.id, new.id, How.DUPLICATE, seen, ADMIN)
    db.session.rollback()
    assert counts(old.id)["WatchlistItem"] == 1


def test_a_tick_more_is_no_other_plan(old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    seen = plan_merge(old, new, How.DUPLICATE).version
    db.session.add(Tick(instrument_id=old.id, version=2, as_of=AS_OF + dt.timedelta(seconds=1), price=Decimal(3),
                        source="finnhub"))
    db.session.commit()
    assert plan_merge(old, new, How.DUPLICATE).version == seen


def test_what_was_merged_is_not_merged_again(old: InstrumentRow, new: InstrumentRow) -> None:
    seen, old_id = plan_merge(old, new, How.DUPLICATE).version, old.id
    do_merge(old, new)
    with pytest.raises(NotFound):
        merge(old_id, new.id, How.DUPLICATE, seen, ADMIN)
    db.session.rollback()
    with pytest.raises(NotFound):
        merge(new.id, old_id, How.DUPLICATE, seen, ADMIN)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"currency": "GBP", "unit": "GBX"}, "XNAS:FB is quoted in USD, XNAS:META in GBX"),
    ({"status": "renamed", "renamed_to": "XNAS:NEXT"}, "is itself called XNAS:NEXT now")])
def test_what_cannot_be_the_same_is_refused(
        old: InstrumentRow, new: InstrumentRow, changes: dict[str, str], sentence: str) -> None:
    for name, value in changes.items():
        setattr(new, name, value)
    db.session.commit()
    with pytest.raises(Refused, match=sentence):
        plan_merge(old, new, How.DUPLICATE)


def test_a_stock_is_not_merged_into_itself_nor_a_benchmark_or_while_bars_come(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    spy = add_stock("SPY", "ARCX", kind="etf")
    for one, other, sentence in ((old, old, "this stock itself"), (spy, new, "has to stay")):
        with pytest.raises(Refused, match=sentence):
            plan_merge(one, other, How.DUPLICATE)
    db.session.add(IngestRun(kind="file", subject="fb.csv", instrument_id=old.id, state="running", started_at=AS_OF))
    db.session.commit()
    with pytest.raises(Refused, match="just being fetched or imported"):
        plan_merge(old, new, How.DUPLICATE)


def test_a_duplicate_in_a_directory_would_come_back_and_that_is_said(old: InstrumentRow, new: InstrumentRow) -> None:
    old.listed_by = "alpha-vantage"
    db.session.commit()
    assert plan_merge(old, new, How.DUPLICATE).directory == "Alpha Vantage"
    assert plan_merge(old, new, How.FORMER).directory == ""
