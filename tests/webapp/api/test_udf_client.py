"""The feed read as charting front ends read it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from tests.factories import add_quote, add_stock
from tests.webapp.api.conftest import Program
from tests.webapp.api.udf_reader import Feed, FeedError
from tests.webapp.charts.conftest import friday_evening, stock
from tests.webapp.charts.past import LAST, NOW, add_days, add_minutes, walk
from webapp import clock
from webapp.extensions import db
from webapp.models import InstrumentRow

__all__ = ["friday_evening", "stock"]

OPENING = dt.datetime(2026, 11, 20, 14, 30, tzinfo=dt.UTC)


@pytest.fixture
def feed(nobody: Program) -> Feed:
    """A front end's reader of this place's feed."""
    return Feed(lambda path: nobody.get(f"/udf/{path}").text).start()


@pytest.mark.both_databases
def test_all_days_are_had_page_by_page_each_once(stock: InstrumentRow, feed: Feed) -> None:
    series = add_days(stock, walk(1000))
    info = feed.resolve("NASDAQ:ACME")
    bars = feed.all_bars(info, "1D")
    assert [bar.time for bar in bars] == (series.at.astype(int) * 86_400).tolist()
    np.testing.assert_allclose([bar.close for bar in bars], series.close)
    assert [bar.volume for bar in bars] == series.volume.tolist()


@pytest.mark.parametrize(("resolution", "count"), [("1W", 50), ("1M", 7)])
def test_weeks_and_months_are_had_in_pages_too(stock: InstrumentRow, feed: Feed, resolution: str, count: int) -> None:
    series = add_days(stock, walk(600))
    bars = feed.all_bars(feed.resolve("ACME"), resolution, count)
    assert sum(bar.volume or 0 for bar in bars) == series.volume.sum()
    assert all(later.time - bar.time >= 4 * 86_400 for bar, later in pairwise(bars))


@pytest.mark.parametrize("resolution", ["1", "5", "15", "30", "60"])
def test_minutes_lie_within_the_sessions_that_the_symbol_tells(stock: InstrumentRow, feed: Feed,
                                                               resolution: str) -> None:
    for back in (0, 1, 2, 7):
        add_minutes(stock, OPENING - dt.timedelta(days=back, minutes=60), walk(480, seed=back))
    bars = feed.all_bars(feed.resolve("ACME"), resolution, 50)
    assert len(bars) == 4 * -(-390 // int(resolution))


def test_the_newest_bar_moves_with_the_price(stock: InstrumentRow, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    add_days(stock, walk(10))
    monday = NOW + dt.timedelta(days=2, hours=17)
    monkeypatch.setattr(clock, "now", lambda: monday)
    info = feed.resolve("ACME")
    assert feed.newest(info, "1D").time == int(dt.datetime.combine(LAST, dt.time(), dt.UTC).timestamp())
    row = add_quote(stock, "120", day=monday.date(), as_of=monday, source="tiingo", open="119")
    assert feed.newest(info, "1D").close == 120
    row.price = Decimal(121)
    db.session.commit()
    assert feed.quotes("XNAS:ACME")["XNAS:ACME"]["lp"] == feed.newest(info, "1D").close == 121


def test_what_a_search_finds_can_be_resolved(stock: InstrumentRow, feed: Feed) -> None:
    add_stock("ACME", "XNYS")
    found = feed.search("acm")
    assert [feed.resolve(each["ticker"])["ticker"] for each in found] == ["XNAS:ACME", "XNYS:ACME"]
    assert [each["ticker"] for each in feed.search("acm", exchange="XNYS")] == ["XNYS:ACME"]
    with pytest.raises(FeedError, match="several"):
        feed.resolve("ACME")
    with pytest.raises(FeedError, match="unknown_symbol"):
        feed.resolve("NIX")
