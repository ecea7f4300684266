"""Two at the same moment: a stock that is merged, and whoever merges it too, or puts it on a list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.factories import add_stock
from tests.webapp.admin.test_races import second_after_first
from tests.webapp.stocks.conftest import ADMIN, add_list, hang_all, new, old
from webapp import lists
from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.models import InstrumentRow, Watchlist, WatchlistItem
from webapp.stocks import editing, symbols
from webapp.stocks.merge_plan import How, plan_merge
from webapp.stocks.merging import merge
from webapp.stocks.rows import version_of

__all__ = ["new", "old"]

pytestmark = pytest.mark.both_databases


def merging(old: InstrumentRow, new: InstrumentRow) -> Callable[[], object]:
    ids, seen = (old.id, new.id), plan_merge(old, new, How.DUPLICATE).version
    return lambda: merge(*ids, How.DUPLICATE, seen, ADMIN)


def adding(watchlist: Watchlist, stock: InstrumentRow) -> Callable[[], object]:
    list_id, stock_id = watchlist.id, stock.id
    return lambda: lists.add_symbols(db.session.get_one(Watchlist, list_id), [stock_id])


def test_of_two_who_merge_at_once_one_does(app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    add_list("ann@example.org", (old, "note"))
    act = merging(old, new)
    db.session.rollback()
    _told, refused = second_after_first(app, act, act)
    assert isinstance(refused, NotFound)
    assert db.session.query(WatchlistItem).one().instrument_id == new.id


def test_who_lists_a_stock_that_is_just_merged_is_told_that_it_is_gone(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    mine, with_it = add_list("ann@example.org"), add_list("bob@example.org", (old, ""))
    acts = merging(old, new), adding(mine, old)
    db.session.rollback()
    _told, refused = second_after_first(app, *acts)
    assert isinstance(refused, Refused)
    assert "not known here" in refused.message
    assert [item.watchlist_id for item in db.session.query(WatchlistItem)] == [with_it.id]


def test_a_screen_that_is_kept_as_a_list_leaves_out_what_is_just_merged(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    mine, third = add_list("ann@example.org"), add_stock("NVDA")
    list_id, ids, merge_them = mine.id, [old.id, third.id], merging(old, new)
    db.session.rollback()
    _told, added = second_after_first(
        app, merge_them, lambda: lists.add_what_fits(db.session.get_one(Watchlist, list_id), ids))
    assert isinstance(added, lists.Added)
    assert added.added == (ids[1],)
    assert db.session.query(WatchlistItem).one().instrument_id == ids[1]


def test_a_successor_that_is_just_merged_takes_no_place(app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    third = add_stock("FBOLD")
    mine = add_list("ann@example.org", (third, "note"))
    list_id, ids, merge_them = mine.id, (third.id, old.id), merging(old, new)
    db.session.rollback()
    _told, refused = second_after_first(
        app, merge_them, lambda: lists.replace_symbol(db.session.get_one(Watchlist, list_id), *ids))
    assert isinstance(refused, Refused)
    assert db.session.query(WatchlistItem).one().instrument_id == ids[0]


def test_a_stock_that_somebody_just_lists_is_not_merged_unseen(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    mine = add_list("ann@example.org")
    acts = adding(mine, old), merging(old, new)
    db.session.rollback()
    _added, refused = second_after_first(app, *acts)
    assert isinstance(refused, Conflict)
    assert db.session.query(WatchlistItem).one().instrument_id == old.id


def test_who_lists_again_what_is_on_the_list_does_not_hinder_a_merge(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    mine = add_list("ann@example.org", (old, ""))
    acts = adding(mine, old), merging(old, new)
    db.session.rollback()
    added, told = second_after_first(app, *acts)
    assert isinstance(added, lists.Added)
    assert not isinstance(told, Exception)
    assert db.session.query(WatchlistItem).one().instrument_id == new.id


def test_of_two_who_edit_at_once_the_second_is_told(app: Flask, new: InstrumentRow) -> None:
    stock_id, seen, facts = new.id, version_of(new), editing.facts_of(new)
    db.session.rollback()

    def edit(name: str) -> object:
        wanted = editing.Facts(name, facts.kind, facts.sector, facts.country, facts.decimals, facts.benchmark,
                               facts.starter, facts.quoted_in)
        return editing.edit(stock_id, seen, wanted, ADMIN)

    _told, refused = second_after_first(app, lambda: edit("One"), lambda: edit("Two"))
    assert isinstance(refused, Conflict)
    assert db.session.get_one(InstrumentRow, stock_id, populate_existing=True).name == "One"


def test_of_two_stocks_that_are_given_one_symbol_at_once_one_gets_it(
        app: Flask, old: InstrumentRow, new: InstrumentRow) -> None:
    ids, seen = (old.id, new.id), symbols.symbols_version({})
    db.session.rollback()
    _told, refused = second_after_first(
        app, lambda: symbols.map_symbols(ids[0], seen, {"finnhub": "FB.US"}, ADMIN),
        lambda: symbols.map_symbols(ids[1], seen, {"finnhub": "FB.US"}, ADMIN))
    assert isinstance(refused, Refused)
    assert "writes XNAS:FB so" in refused.message
