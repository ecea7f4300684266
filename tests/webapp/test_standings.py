"""Each row says where its stock stands, and what the running week would confirm at the price of now."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import AS_OF, add_quote, add_snapshot, add_stock
from webapp import clock
from webapp.export import export_row
from webapp.extensions import db
from webapp.live import bus
from webapp.models import InstrumentRow, SplitRow
from webapp.quotes import load_after, load_live
from webapp.records import Standing
from webapp.standings import friday_of

pytestmark = pytest.mark.both_databases

SINCE = dt.date(2026, 8, 14)


def test_a_stock_without_history_stands_nowhere(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    assert load_live([stock.id])[0].standing is None


def test_a_row_carries_stage_weeks_and_strength(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock, rated=True)
    expected = Standing(2, 14, SINCE, 2, 87, rated=True, week=dt.date(2026, 11, 13))
    assert load_live([stock.id])[0].standing == expected
    assert load_after(0, 0, 10)[0].standing == expected


def test_a_price_below_a_falling_average_is_provisionally_another_stage(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "60")
    add_snapshot(stock, candidate=4, average_3=92.0)
    standing = load_live([stock.id])[0].standing
    assert standing is not None
    assert (standing.stage, standing.provisional) == (2, 4)


def test_one_week_alone_changes_no_stage(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "60")
    add_snapshot(stock, candidate=2, average_3=92.0)
    standing = load_live([stock.id])[0].standing
    assert standing is not None
    assert standing.provisional == 2


@pytest.mark.parametrize(("quote", "snapshot"), [
    ({"day": dt.date(2026, 11, 13)}, {}),  # the week is over, and confirmed
    ({"day": dt.date(2026, 11, 27)}, {}),  # a week is missing in between
    ({"source": "finnhub"}, {}),  # a real price against simulated weeks
    ({}, {"source": "finnhub"}),
    ({}, {"closes_29": None}),
    ({}, {"average_3": None}),
    ({}, {"week": None}),
])
def test_what_cannot_be_compared_has_no_provisional_stage(app: Flask, quote: dict[str, object],
                                                          snapshot: dict[str, object]) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "60", **quote)
    add_snapshot(stock, **{"candidate": 4, "average_3": 92.0} | snapshot)
    standing = load_live([stock.id])[0].standing
    assert standing is not None
    assert standing.provisional is None


def test_a_stage_of_long_ago_does_not_pass_for_todays(app: Flask, client: FlaskClient) -> None:
    stock = add_stock("AAPL", starter=True)
    add_quote(stock, "100")
    add_snapshot(stock, week=dt.date(2020, 11, 27))
    standing = load_live([stock.id])[0].standing
    assert standing is not None
    assert standing.old
    page = client.get("/").text
    assert 'for 14 weeks up to 27 Nov 2020, where past prices end">—</td>' in page
    assert f"<td id=q{stock.id}-rs>—</td>" in page
    page = client.get("/stocks/XNAS/AAPL").text
    assert "for 14 weeks up to 27 Nov 2020, where past prices end</p>" in page
    assert export_row(load_live([stock.id])[0], AS_OF)["stage_week"] == "2020-11-27"


@pytest.fixture(autouse=True)
def _friday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock in the week after the snapshots'."""
    monkeypatch.setattr(clock, "now", lambda: AS_OF)


@pytest.mark.parametrize(("day", "friday"), [(13, 13), (14, 20), (15, 20), (16, 20), (20, 20)])
def test_a_week_runs_from_saturday_to_friday(app: Flask, day: int, friday: int) -> None:
    assert friday_of(dt.date(2026, 11, day)) == dt.date(2026, 11, friday)


def test_a_split_since_the_snapshot_leaves_the_running_week_open(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "25")
    add_snapshot(stock)
    db.session.add(SplitRow(instrument_id=stock.id, day=dt.date(2026, 11, 16), ratio=Decimal(4), source="admin",
                            known_at=AS_OF))
    db.session.commit()
    standing = load_live([stock.id])[0].standing
    assert standing is not None
    assert standing.provisional is None


def noted(stock: InstrumentRow, day: dt.date, known_at: dt.datetime) -> Standing | None:
    """Note a split and return where the stock stands then."""
    db.session.add(SplitRow(instrument_id=stock.id, day=day, ratio=Decimal(4), source="admin", known_at=known_at))
    db.session.commit()
    return load_live([stock.id])[0].standing


def test_a_split_of_a_later_week_does_not_hide_the_running_one(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock, inputs_at=AS_OF)
    before = load_live([stock.id])[0].standing
    assert before is not None
    assert before.provisional is not None
    assert noted(stock, dt.date(2026, 12, 7), AS_OF) == before


def test_a_split_that_was_noted_after_the_snapshot_waits_for_the_next_one(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock, inputs_at=AS_OF)
    standing = noted(stock, dt.date(2026, 11, 3), AS_OF + dt.timedelta(seconds=1))
    assert standing is not None
    assert (standing.stage, standing.provisional) == (2, None)


def test_the_bus_carries_it_whole(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock)
    [row] = load_live([stock.id])
    assert bus.decode(json.loads(json.dumps(bus.encode(row)))) == row


def test_an_export_says_it_in_its_last_columns(app: Flask) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock)
    exported = export_row(load_live([stock.id])[0], AS_OF)
    assert list(exported.items())[-7:] == [
        ("stage", 2), ("stage_since", "2026-08-14"), ("stage_weeks", 14), ("provisional_stage", 2), ("rs", 87),
        ("rs_kind", "rank in list"), ("stage_week", "2026-11-13")]


def test_a_row_shows_stage_and_strength_in_words(app: Flask, client: FlaskClient) -> None:
    stock = add_stock("AAPL", starter=True)
    add_quote(stock, "60")
    add_snapshot(stock, candidate=4, average_3=92.0)
    page = client.get("/").text
    assert (f'<td id=q{stock.id}-stage title="Stage 2, advancing, for 14 weeks; at this price the running week is '
            'in stage 4 (provisional)">2 <small>14 w</small><p>4 prov.</p>') in page
    assert f"<td id=q{stock.id}-rs>87 <small>rank</small></td>" in page


def test_a_row_without_history_shows_a_dash(app: Flask, client: FlaskClient) -> None:
    stock = add_stock("AAPL", starter=True)
    page = client.get("/").text
    assert f"<td id=q{stock.id}-stage>—</td>" in page
    assert f"<td id=q{stock.id}-rs>—</td>" in page


def test_a_stocks_own_page_says_where_it_stands(app: Flask, client: FlaskClient) -> None:
    stock = add_stock("AAPL")
    add_quote(stock, "100")
    add_snapshot(stock, weeks=1, rated=True)
    page = client.get("/stocks/XNAS/AAPL").text
    assert '<p class="when">Stage 2, advancing, for 1 week · RS rating 87</p>' in page


def test_rows_are_sorted_by_stage_with_the_newest_first(app: Flask, client: FlaskClient) -> None:
    for symbol, fields in (("OLD", {"weeks": 30}), ("NEW", {"weeks": 2}), ("FOUR", {"stage": 4}), ("NONE", None)):
        stock = add_stock(symbol, starter=True)
        if fields is not None:
            add_snapshot(stock, **fields)
    page = client.get("/?sort=stage&dir=asc").text
    places = [page.index(f'data-symbol="{symbol}"') for symbol in ("OLD", "NEW", "FOUR", "NONE")]
    assert places == sorted(places)
