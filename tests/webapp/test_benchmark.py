"""What a stock's relative strength is measured against."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories import add_stock
from webapp.benchmark import find_benchmark
from webapp.extensions import db
from webapp.models import InstrumentRow

pytestmark = pytest.mark.both_databases


@pytest.fixture
def fund(app: Flask) -> InstrumentRow:
    """The fund of American stocks."""
    return add_stock("SPY", "ARCX")


def key_of(row: InstrumentRow) -> str | None:
    found = find_benchmark(row.record())
    return found.key if found else None


def test_an_american_stock_has_the_usual_one_and_the_fund_itself_none(fund: InstrumentRow) -> None:
    assert key_of(add_stock("ACME")) == "ARCX:SPY"
    assert key_of(fund) is None


def test_without_the_fund_there_is_none(app: Flask) -> None:
    assert key_of(add_stock("ACME")) is None


def test_a_stocks_own_comes_first(fund: InstrumentRow) -> None:
    stock, own = add_stock("ACME"), add_stock("QQQ")
    stock.benchmark = "XNAS:QQQ"
    db.session.commit()
    assert key_of(stock) == "XNAS:QQQ"
    own.benchmark = "XNAS:QQQ"
    db.session.commit()
    assert key_of(own) is None


def test_one_in_another_currency_is_none(fund: InstrumentRow) -> None:
    london = add_stock("SHEL", "XLON", currency="GBP")
    assert key_of(london) is None
    london.benchmark = "ARCX:SPY"
    db.session.commit()
    assert key_of(london) is None
