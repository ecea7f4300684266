"""The percentile of each stock's strength, among those that it can be measured by."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import add_snapshot, add_stock
from webapp.analytics.strength import UNIVERSE
from webapp.extensions import db
from webapp.models import InstrumentRow, Snapshot
from worker.analysis.rating import rate

pytestmark = pytest.mark.both_databases

DAY = dt.date(2026, 11, 13)


def found() -> dict[str, tuple[int | None, bool]]:
    rate()
    db.session.commit()
    query = select(InstrumentRow.symbol, Snapshot.rs, Snapshot.rated).join(Snapshot)
    return {symbol: (rs, rated) for symbol, rs, rated in db.session.execute(query)}


def test_the_strongest_is_first_and_the_unknown_has_no_place(app: Flask) -> None:
    for symbol, strength in (("LOW", 0.1), ("MID", 0.2), ("HIGH", 0.3), ("NEW", None)):
        add_snapshot(add_stock(symbol), strength=strength)
    assert found() == {"LOW": (1, False), "MID": (50, False), "HIGH": (99, False), "NEW": (None, False)}


def test_real_prices_are_not_measured_by_made_up_ones(app: Flask) -> None:
    for symbol, strength, source in (("SIM", 0.9, "simulator"), ("SIM2", 0.8, "simulator"), ("A", 0.1, "tiingo"),
                                     ("B", 0.2, "tiingo, wiki-file")):
        add_snapshot(add_stock(symbol), strength=strength, source=source)
    assert {symbol: rs for symbol, (rs, _rated) in found().items()} == {"SIM": 99, "SIM2": 1, "A": 1, "B": 99}


def test_a_past_that_ended_long_ago_has_no_place_among_todays(app: Flask) -> None:
    for symbol, day in (("NOW", DAY), ("LATE", DAY - dt.timedelta(days=21)), ("GONE", dt.date(2017, 6, 16))):
        add_snapshot(add_stock(symbol), strength=0.1 + len(symbol), day=day, rs=50)
    assert {symbol: rs for symbol, (rs, _rated) in found().items()} == {"NOW": 1, "LATE": 99, "GONE": None}


def test_the_trend_template_cannot_be_told_without_a_rank(app: Flask) -> None:
    for symbol, strength, day in (("STRONG", 0.9, DAY), ("WEAK", 0.1, DAY), ("GONE", 0.5, dt.date(2017, 6, 16))):
        add_snapshot(add_stock(symbol), strength=strength, day=day, rs=80, template=255)
    found()
    query = select(InstrumentRow.symbol, Snapshot.template).join(Snapshot)
    assert dict(db.session.execute(query).tuples().all()) == {"STRONG": 255, "WEAK": 127, "GONE": None}


def test_enough_stocks_make_a_rating_of_the_rank(app: Flask) -> None:
    stocks = [InstrumentRow(symbol=f"S{number}", mic="XNAS", name="S", currency="USD", country="US")
              for number in range(UNIVERSE + 1)]
    db.session.add_all(stocks)
    db.session.flush()
    for number, stock in enumerate(stocks[:-1]):
        add_snapshot(stock, strength=float(number))
    add_snapshot(stocks[-1], strength=1.0, source="tiingo")
    ranks = found()
    assert ranks["S0"] == (1, True)
    assert ranks[f"S{UNIVERSE - 1}"] == (99, True)
    assert ranks[f"S{UNIVERSE}"] == (50, False)
