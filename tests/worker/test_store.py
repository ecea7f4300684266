"""What becomes of quotes in the database."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from tests.worker.conftest import NOW, make_instrument, make_quote
from webapp.extensions import db
from webapp.models import FeedVersion, InstrumentRow, QuoteRow, Tick
from webapp.quotes import load_live
from webapp.records import Session, State
from worker import spark
from worker.store import store_problem, store_quotes

LATER = NOW + dt.timedelta(seconds=2)


def ticks() -> list[tuple[Decimal, int]]:
    return [(tick.price, tick.version) for tick in db.session.query(Tick).order_by(Tick.id)]


@pytest.mark.both_databases
def test_a_quote_is_stored_with_a_tick_and_a_new_version(app: Flask) -> None:
    stock = make_instrument()
    quote = make_quote(stock, "121.7400", high=Decimal("122"), low=Decimal("120.5"), previous_close=Decimal(121))
    [live] = store_quotes([quote], NOW)
    db.session.commit()
    assert (live.version, live.quote, live.fetched_at) == (1, quote, NOW)
    assert load_live([stock.id]) == [live]
    assert ticks() == [(Decimal("121.7400"), 1)]


@pytest.mark.both_databases
def test_the_same_quote_again_spends_no_version_and_adds_no_tick(app: Flask) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock)], NOW)
    db.session.commit()
    assert store_quotes([make_quote(stock)], LATER) == []
    db.session.commit()
    assert db.session.scalar(db.select(FeedVersion.value)) == 1
    assert db.session.get_one(QuoteRow, stock.id).fetched_at == LATER
    assert len(ticks()) == 1


@pytest.mark.both_databases
def test_only_what_changed_gets_the_new_version(app: Flask) -> None:
    first, second = make_instrument("AAA"), make_instrument("BBB")
    store_quotes([make_quote(first), make_quote(second)], NOW)
    [live] = store_quotes([make_quote(first), make_quote(second, "11", as_of=LATER)], LATER)
    db.session.commit()
    assert (live.instrument.symbol, live.version) == ("BBB", 2)
    assert [row.version for row in load_live([first.id, second.id])] == [1, 2]


def test_an_older_price_is_passed_over(app: Flask) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock, "10", as_of=LATER)], LATER)
    assert store_quotes([make_quote(stock, "9", as_of=NOW)], LATER) == []
    assert [price for price, _ in ticks()] == [Decimal(10)]


def test_a_real_price_takes_the_place_of_a_simulated_one_even_if_it_is_older(app: Flask) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock, "10", as_of=LATER, source="simulator", state=State.SIMULATED)], LATER)
    [live] = store_quotes([make_quote(stock, "9", as_of=NOW)], LATER)
    assert live.quote is not None
    assert live.quote.source == "vendor"
    assert live.spark == ("9",)


@pytest.mark.parametrize("wrong", [
    {"price": "0"}, {"price": "-1"}, {"price": "NaN"}, {"price": "Infinity"},
    {"price": "10", "low": Decimal(11), "high": Decimal(9)},
    {"price": "1000", "low": Decimal(9), "high": Decimal(11)},
    {"price": "0.10", "low": Decimal(9), "high": Decimal(11)},
    {"price": "10", "previous_close": Decimal(0)},
    {"price": "10", "bid": Decimal("NaN")},
    {"price": "10", "volume": -1},
    {"price": "10", "as_of": NOW + dt.timedelta(hours=1)},
])
def test_figures_that_cannot_be_right_leave_the_last_price_and_say_so(app: Flask, wrong: dict[str, Any]) -> None:
    stock = make_instrument()
    store_quotes([make_quote(stock, "10.50", as_of=NOW - dt.timedelta(seconds=9))], NOW)
    [live] = store_quotes([make_quote(stock, **wrong)], NOW)
    db.session.commit()
    assert live.quote is not None
    assert live.quote.price == Decimal("10.50")
    assert live.problem
    assert load_live([stock.id]) == [live]
    assert len(ticks()) == 1


def test_a_first_price_that_cannot_be_right_leaves_no_price(app: Flask) -> None:
    stock = make_instrument()
    [live] = store_quotes([make_quote(stock, "0")], NOW)
    db.session.commit()
    assert live.quote is None
    assert load_live([stock.id]) == [live]
    assert ticks() == []


@pytest.mark.both_databases
def test_a_problem_is_written_once_and_a_price_clears_it(app: Flask) -> None:
    priced, new = make_instrument("AAA"), make_instrument("BBB")
    store_quotes([make_quote(priced)], NOW)
    changed = store_problem([priced.id, new.id], "The vendor is asleep.")
    db.session.commit()
    assert changed == load_live([priced.id, new.id])
    assert [(live.version, live.problem) for live in changed] == [(2, "The vendor is asleep.")] * 2
    assert changed[0].quote == make_quote(priced)
    assert store_problem([priced.id, new.id], "The vendor is asleep.") == []
    [live] = store_quotes([make_quote(priced)], LATER)
    db.session.commit()
    assert (live.version, live.problem) == (3, "")
    assert len(ticks()) == 1


def test_a_row_is_renewed_before_it_would_pass_for_stale(app: Flask) -> None:
    stock = make_instrument()
    fresh = dt.timedelta(seconds=20)
    store_quotes([make_quote(stock, stale_at=NOW + fresh)], NOW)
    soon, later = NOW + dt.timedelta(seconds=4), NOW + dt.timedelta(seconds=11)
    assert store_quotes([make_quote(stock, stale_at=soon + fresh)], soon) == []
    [live] = store_quotes([make_quote(stock, stale_at=later + fresh)], later)
    assert live.quote is not None
    assert live.quote.stale_at == later + fresh


def test_a_lost_version_row_is_made_again(app: Flask) -> None:
    db.session.execute(db.delete(FeedVersion))
    [live] = store_quotes([make_quote(make_instrument())], NOW)
    assert live.version == 1


def test_the_sparkline_keeps_64_points_at_most_and_begins_anew_each_day(app: Flask) -> None:
    stock = make_instrument()
    path = None
    for second in range(0, 6 * 3600, 7):
        moment = NOW + dt.timedelta(seconds=second)
        path = spark.extended(path, NOW.date(), moment, Decimal(second))
        assert len(path["prices"]) <= 64
    assert path is not None
    assert len(path["prices"]) >= 32
    assert path["prices"][-1] == str(second)
    assert sorted(path["prices"], key=int) == path["prices"]
    store_quotes([make_quote(stock)], NOW)
    [live] = store_quotes([make_quote(stock, "11", as_of=NOW + dt.timedelta(days=1))], NOW + dt.timedelta(days=1))
    assert live.spark == ("11",)


def test_a_sparkline_without_a_beginning_is_seeded_by_its_source(app: Flask) -> None:
    stock = make_instrument()
    points = [(NOW - dt.timedelta(seconds=seconds), Decimal(seconds)) for seconds in (30, 20, 10)]
    [live] = store_quotes([make_quote(stock, "10.50")], NOW, lambda _: points)
    assert live.spark == ("30", "20", "10", "10.50")


def test_a_batch_of_150_quotes_is_stored_whole(app: Flask) -> None:
    rows = [InstrumentRow(symbol=f"S{number}", mic="XNYS", name="x", currency="USD", country="US")
            for number in range(150)]
    db.session.add_all(rows)
    db.session.commit()
    stocks = [row.record() for row in rows]
    for step in range(8):
        moment = NOW + dt.timedelta(seconds=2 * step)
        quotes = [make_quote(stock, f"{10 + step}.25", as_of=moment, bid=Decimal("10"), ask=Decimal("10.1"))
                  for stock in stocks]
        assert len(store_quotes(quotes, moment)) == 150
        db.session.commit()
    assert db.session.query(Tick).count() == 8 * 150
    assert {row.session for row in db.session.query(QuoteRow)} == {Session.REGULAR.value}
