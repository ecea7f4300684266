"""Splits and dividends in the API."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from tests.webapp.api.conftest import Program
from tests.webapp.charts.conftest import friday_evening, stock
from tests.webapp.charts.past import NOW, add_days, walk
from webapp.api.v1.events import EventsOut
from webapp.bars.writing import write_events
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.records import Dividend, Split

__all__ = ["friday_evening", "stock"]

EVENTS = "/instruments/ACME/events"


@pytest.fixture
def told(stock: InstrumentRow) -> None:
    """A past with a split, one to come, and two dividends, one of them told by two sources."""
    splits = [Split(dt.date(2026, 8, 3), Decimal(4)), Split(dt.date(2026, 12, 1), Decimal("0.1"))]
    paid = [Dividend(dt.date(2026, 5, 4), Decimal("0.25")), Dividend(dt.date(2026, 8, 3), Decimal("0.3"))]
    add_days(stock, walk(300), splits=splits, dividends=paid)
    write_events(stock.id, [], [Dividend(dt.date(2026, 5, 4), Decimal("0.25")),
                                Dividend(dt.date(2026, 2, 2), Decimal("0.2"))], "alpha-vantage", NOW)
    db.session.commit()


def items(program: Program, query: str = "") -> list[dict[str, Any]]:
    answer = program.get(f"{EVENTS}?{query}")
    assert answer.status_code == 200
    EventsOut.model_validate(answer.json)
    found: list[dict[str, Any]] = (answer.json or {})["items"]
    return found


@pytest.mark.both_databases
def test_splits_and_dividends_come_in_their_order_with_who_tells_of_them(told: None, nobody: Program) -> None:
    found = items(nobody)
    assert [(item["day"], item["kind"], item["source"]) for item in found] == [
        ("2026-02-02", "dividend", "alpha-vantage"), ("2026-05-04", "dividend", "tiingo"),
        ("2026-08-03", "dividend", "tiingo"), ("2026-08-03", "split", "tiingo"), ("2026-12-01", "split", "tiingo")]
    assert [(item["ratio"], item["amount"], item["currency"]) for item in found[2:]] == [
        (None, "0.3", "USD"), ("4", None, None), ("0.1", None, None)]


@pytest.mark.parametrize(("query", "count"), [
    ("kind=split", 2), ("kind=dividend", 3), ("from=2026-08-03", 3), ("to=2026-05-04", 2),
    ("from=2026-08-03&to=2026-08-03&kind=split", 1), ("from=2027-01-01", 0)])
def test_events_are_narrowed_down(told: None, nobody: Program, query: str, count: int) -> None:
    assert len(items(nobody, query)) == count


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_events_come_a_page_at_a_time(told: None, nobody: Program, order: str) -> None:
    path, found = f"{EVENTS}?limit=2&order={order}", []
    while path:
        page = nobody.get(path).json or {}
        found += page["items"]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert found == items(nobody, f"order={order}")
    assert len(found) == 5


def test_events_come_as_csv(told: None, nobody: Program) -> None:
    lines = nobody.get(f"{EVENTS}.csv").text.splitlines()
    assert lines[0] == "day,kind,ratio,amount,currency,source"
    assert lines[4] == "2026-08-03,split,4,,,tiingo"


def test_made_up_events_do_not_count_where_the_past_is_real(told: None, stock: InstrumentRow, nobody: Program) -> None:
    write_events(stock.id, [Split(dt.date(2025, 1, 6), Decimal(2))], [Dividend(dt.date(2025, 3, 3), Decimal(1))],
                 "simulator", NOW)
    db.session.commit()
    assert "simulator" not in {item["source"] for item in items(nobody)}


def test_a_stock_without_events_has_none(stock: InstrumentRow, nobody: Program) -> None:
    assert items(nobody) == []
    assert nobody.get("/instruments/NIX/events").status_code == 404
