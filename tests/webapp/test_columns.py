"""The columns of a list, and the order by each."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from webapp.columns import OPTIONAL, read_columns, sort_quotes, write_columns
from webapp.records import Instrument, LiveQuote, Quote, Session, State

NOW = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)


def row(symbol: str, price: str | None = None, **fields: Any) -> LiveQuote:
    instrument = Instrument(len(symbol), symbol, "XNAS", f"{symbol} Inc.", "USD", "US")
    if price is None:
        return LiveQuote(instrument)
    given: dict[str, Any] = {"state": State.LIVE, "as_of": NOW} | fields
    return LiveQuote(instrument, quote=Quote(
        instrument.id, Decimal(price), day=NOW.date(), source="x", session=Session.REGULAR, **given))


def order(rows: list[LiveQuote], column: str, direction: str = "asc") -> str:
    return "".join(each.instrument.symbol for each in sort_quotes(rows, column, direction, NOW))


def test_figures_sort_as_numbers_not_as_text() -> None:
    assert order([row("a", "10"), row("b", "9.5"), row("c", "100")], "price") == "bac"


def test_missing_values_stay_last_in_both_directions_and_in_their_own_order() -> None:
    rows = [row("x"), row("a", "2"), row("y"), row("b", "1")]
    assert order(rows, "price", "asc") == "baxy"
    assert order(rows, "price", "desc") == "abxy"


def test_ties_keep_the_persons_order_in_both_directions() -> None:
    rows = [row("c", "1"), row("a", "1"), row("b", "1")]
    assert order(rows, "price", "asc") == order(rows, "price", "desc") == "cab"


def test_the_range_sorts_by_the_place_between_low_and_high() -> None:
    rows = [row("a", "9", low=Decimal(8), high=Decimal(10)), row("b", "100", low=Decimal(100), high=Decimal(200)),
            row("c", "5", low=Decimal(5), high=Decimal(5))]
    assert order(rows, "range") == "bac"


def test_the_state_sorts_as_it_is_now() -> None:
    rows = [row("a", "1", stale_at=NOW), row("b", "1"), row("c")]
    assert order(rows, "state") == "bca"


@pytest.mark.parametrize("column", ["symbol", "name", "price", *OPTIONAL])
def test_every_column_sorts_rows_with_and_without_figures(column: str) -> None:
    assert sorted(order([row("b", "1"), row("a")], column, "desc")) == ["a", "b"]


def test_a_choice_of_columns_is_kept_and_read_back() -> None:
    assert write_columns(OPTIONAL) == ""
    assert read_columns("") == ["price", *OPTIONAL]
    assert read_columns(write_columns(["volume", "change"])) == ["price", "change", "volume"]
    assert read_columns(write_columns([])) == ["price"]


def test_a_column_that_is_no_more_is_forgotten() -> None:
    assert read_columns("price,moon,volume") == ["price", "volume"]
