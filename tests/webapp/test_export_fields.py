"""The fields of exports: each is documented, and says where its number comes from."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest

from webapp.export import FIELDS, export_row
from webapp.records import Instrument, LiveQuote, Quote, Session, State

NOON = dt.datetime(2026, 11, 20, 17, 2, 11, tzinfo=dt.UTC)
TESCO = Instrument(1, "TSCO", "XLON", "Tesco PLC", "GBP", "GB", unit="GBX")
QUOTE = Quote(1, Decimal("4.415"), NOON, NOON.date(), "twelve-data", State.CLOSED, Session.CLOSED, unit="GBP",
              sent_unit="GBX", delay=State.DELAYED, previous_close=Decimal("4.40"),
              previous_day=dt.date(2026, 11, 19))
# The columns of the first exports, by whose places spreadsheets may go.
FIRST = ("symbol", "mic", "exchange", "name", "currency", "price", "previous_close", "open", "high", "low", "change",
         "change_percent", "volume", "bid", "ask", "extended_price", "extended_change", "extended_change_percent",
         "extended_as_of", "as_of", "as_of_precision", "day", "state", "source", "fetched_at", "problem", "version")


def test_the_table_of_fields_has_exactly_what_is_exported_in_its_order() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    told = [name for row in re.findall(r"^\| (`[a-z_`, ]+`) \|", text, re.M) for name in re.findall(r"[a-z_]+", row)]
    assert told == list(FIELDS)


def test_new_columns_stand_behind_the_old_ones() -> None:
    assert FIELDS[:len(FIRST)] == FIRST


def test_a_row_says_where_its_number_comes_from() -> None:
    row = export_row(LiveQuote(TESCO, 1, QUOTE, NOON), NOON)
    assert tuple(row) == FIELDS
    assert {name: row[name] for name in ("source", "as_of", "fetched_at", "delay", "currency", "sent_unit", "session",
                                         "previous_close", "previous_day")} == {
        "source": "twelve-data", "as_of": "2026-11-20T17:02:11Z", "fetched_at": "2026-11-20T17:02:11Z",
        "delay": "Delayed 15 min", "currency": "GBP", "sent_unit": "GBX", "session": "closed",
        "previous_close": "4.40", "previous_day": "2026-11-19"}


@pytest.mark.parametrize("quote", [None, dataclasses.replace(QUOTE, delay=None, previous_day=None, sent_unit="")])
def test_what_is_unknown_of_it_is_none(quote: Quote | None) -> None:
    row = export_row(LiveQuote(TESCO, 1, quote), NOON)
    assert [row[name] for name in ("delay", "previous_day", "sent_unit")] == [None, None, None]
