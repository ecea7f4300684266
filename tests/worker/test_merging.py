"""What workers do at the same moment as an admin merges a stock into another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.webapp.admin.test_races import second_after_first
from tests.webapp.stocks.conftest import ADMIN, new, old
from tests.worker.conftest import NOW, make_quote
from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow
from webapp.records import Quote
from webapp.stocks.merge_plan import How, plan_merge
from webapp.stocks.merging import merge
from worker.store import store_problem, store_quotes

__all__ = ["new", "old"]

pytestmark = pytest.mark.both_databases


def merging(old: InstrumentRow, new: InstrumentRow) -> Callable[[], object]:
    ids, seen = (old.id, new.id), plan_merge(old, new, How.DUPLICATE).version
    return lambda: merge(*ids, How.DUPLICATE, seen, ADMIN)


def quotes_of(*rows: InstrumentRow) -> list[Quote]:
    return [make_quote(row.record()) for row in rows]


def test_prices_that_wait_for_a_merge_leave_out_what_is_gone(app: Flask, old: InstrumentRow,
                                                            new: InstrumentRow) -> None:
    act, quotes, kept = merging(old, new), quotes_of(old, new), new.id
    db.session.rollback()
    _told, stored = second_after_first(app, act, lambda: len(store_quotes(quotes, NOW)))
    assert stored == 1
    assert [row.instrument_id for row in db.session.query(QuoteRow)] == [kept]


def test_what_is_said_of_a_stock_that_is_gone_is_dropped(app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    act, gone = merging(old, new), old.id
    db.session.rollback()
    _told, said = second_after_first(app, act, lambda: len(store_problem([gone], "not answered")))
    assert said == 0


def test_a_price_that_comes_first_is_not_merged_unseen(app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    act, quotes = merging(old, new), quotes_of(old)
    db.session.rollback()
    stored, refused = second_after_first(app, lambda: len(store_quotes(quotes, NOW)), act)
    assert stored == 1
    assert "changed meanwhile" in str(refused)
    assert db.session.query(QuoteRow).one().price == 10
