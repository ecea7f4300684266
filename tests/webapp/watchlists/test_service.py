"""What a person may do to their lists, on both databases, also from two tabs at once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import pytest
from flask import Flask

from tests.webapp.watchlists.conftest import Maker
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.lists import Full
from webapp.models import InstrumentRow, User, Watchlist
from webapp.watchlists import queries, service
from webapp.watchlists.service import Move

pytestmark = pytest.mark.both_databases


def order_of(watchlist: Watchlist) -> list[int]:
    return list(queries.load_notes(watchlist.id))


def names_of(person: User) -> list[str]:
    return [summary.name for summary in queries.list_watchlists(person.id)]


def as_another_tab_has_it(watchlist: Watchlist) -> Watchlist:
    """Return the list as it was loaded before what follows."""
    db.session.refresh(watchlist)
    db.session.expunge(watchlist)
    return watchlist


def at_once(app: Flask, *changes: Callable[[], object]) -> list[BaseException]:
    """Run each change in a thread and a transaction of its own; return what went wrong."""
    start = threading.Barrier(len(changes))
    errors: list[BaseException] = []

    def run(change: Callable[[], object]) -> None:
        with app.app_context():
            start.wait()
            try:
                change()
                db.session.commit()
            except Exception as error:  # noqa: BLE001 - handed to the test
                db.session.rollback()
                errors.append(error)

    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_a_new_list_stands_behind_the_others(person: User, make_list: Maker) -> None:
    make_list("Tech")
    make_list("Banks")
    assert names_of(person) == ["Tech", "Banks"]


@pytest.mark.parametrize(("name", "sentence"), [
    ("   ", "Give the list a name"), ("x" * 81, "at most 80 characters"), (" Tech ", "already have a list")])
def test_a_bad_name_is_refused(person: User, make_list: Maker, name: str, sentence: str) -> None:
    make_list("Tech")
    with pytest.raises(Refused, match=sentence):
        service.create_watchlist(person.id, name)


def test_two_people_may_use_the_same_name(person: User, make_list: Maker) -> None:
    make_list("Tech")
    other = User(email="bob@example.org", password_hash="x")
    db.session.add(other)
    db.session.flush()
    service.create_watchlist(other.id, "Tech")
    db.session.commit()
    assert names_of(other) == ["Tech"]


def test_a_list_can_be_renamed_and_keep_its_own_name(person: User, make_list: Maker) -> None:
    watchlist = make_list("Tech")
    service.rename_watchlist(watchlist, "Tech")
    service.rename_watchlist(watchlist, "  Big   tech ")
    db.session.commit()
    assert names_of(person) == ["Big tech"]


def test_fifty_lists_are_the_most(person: User) -> None:
    for number in range(50):
        service.create_watchlist(person.id, f"List {number}")
    with pytest.raises(Refused, match="50 lists"):
        service.create_watchlist(person.id, "One more")


def test_a_deleted_list_takes_its_notes_along_and_leaves_the_stocks(
        person: User, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:2])
    service.delete_watchlist(watchlist)
    db.session.commit()
    assert names_of(person) == []
    assert queries.load_notes(watchlist.id) == {}
    assert db.session.query(InstrumentRow).count() == len(stocks)


def test_lists_change_places(person: User, make_list: Maker) -> None:
    made = [make_list(name) for name in ("a", "b", "c")]
    service.move_watchlist(person.id, made[2].id, Move(steps=-1))
    db.session.commit()
    assert names_of(person) == ["a", "c", "b"]


def test_a_stranger_cannot_move_the_list(person: User, make_list: Maker) -> None:
    watchlist = make_list("a")
    other = User(email="bob@example.org", password_hash="x")
    db.session.add(other)
    db.session.flush()
    with pytest.raises(NotFound):
        service.move_watchlist(other.id, watchlist.id, Move(steps=1))


@pytest.mark.parametrize(("move", "expected"), [
    (Move(steps=-1), [1, 3, 2, 4]), (Move(steps=1), [1, 2, 4, 3]), (Move(place=1), [3, 1, 2, 4]),
    (Move(place=99), [1, 2, 4, 3]), (Move(place=-5), [3, 1, 2, 4]), (Move(steps=9), [1, 2, 4, 3])])
def test_a_move_beyond_an_end_means_that_end(app: Flask, move: Move, expected: list[int]) -> None:
    assert move.apply([1, 2, 3, 4], 3) == expected


def test_stocks_are_added_once_and_in_order(make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:1])
    result = service.add_symbols(watchlist, [stocks[2].id, stocks[0].id, stocks[2].id, stocks[1].id])
    db.session.commit()
    assert result.added == (stocks[2].id, stocks[1].id)
    assert result.already_there == (stocks[0].id,)
    assert order_of(watchlist) == [stocks[0].id, stocks[2].id, stocks[1].id]


def test_an_unknown_stock_is_refused(make_list: Maker) -> None:
    with pytest.raises(Refused, match="not known"):
        service.add_symbols(make_list(), [987654])


def test_a_full_list_takes_no_part_of_what_does_not_fit(make_list: Maker, stocks: list[InstrumentRow]) -> None:
    many = [InstrumentRow(symbol=f"S{number}", mic="XNYS", name="x", currency="USD", country="US")
            for number in range(498)]
    db.session.add_all(many)
    db.session.flush()
    watchlist = make_list("Full", many)
    with pytest.raises(Refused, match=r"at most 500 stocks\. 498 are on this one, and 3 more"):
        service.add_symbols(watchlist, [stock.id for stock in stocks[:3]])
    assert len(order_of(watchlist)) == 498


def test_removing_a_stock_twice_is_no_error(make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:2])
    service.remove_symbol(watchlist, stocks[0].id)
    service.remove_symbol(watchlist, stocks[0].id)
    db.session.commit()
    assert order_of(watchlist) == [stocks[1].id]


def test_a_note_is_kept_and_limited(make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:1])
    service.write_note(watchlist, stocks[0].id, "buy below 180\nsell at 240")
    db.session.commit()
    assert queries.load_notes(watchlist.id) == {stocks[0].id: "buy below 180\nsell at 240"}
    with pytest.raises(Refused, match="at most 2,000 characters; this one has 2,001"):
        service.write_note(watchlist, stocks[0].id, "x" * 2_001)
    with pytest.raises(NotFound, match="no longer on the list"):
        service.write_note(watchlist, stocks[1].id, "not on the list")


def test_a_list_deleted_in_another_tab_is_said(make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = as_another_tab_has_it(make_list("Tech"))
    service.delete_watchlist(watchlist)
    db.session.commit()
    for change in (lambda: service.add_symbols(watchlist, [stocks[0].id]),
                   lambda: service.rename_watchlist(watchlist, "Other"),
                   lambda: service.move_symbol(watchlist, stocks[0].id, Move(steps=1))):
        with pytest.raises(NotFound, match="deleted meanwhile"):
            change()


def test_moves_made_at_once_are_all_kept(app: Flask, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = as_another_tab_has_it(make_list("Tech", stocks))
    ids = [stock.id for stock in stocks]
    errors = at_once(app,
                     lambda: service.move_symbol(watchlist, ids[5], Move(place=1)),
                     lambda: service.move_symbol(watchlist, ids[0], Move(place=6)),
                     lambda: service.remove_symbol(watchlist, ids[2]))
    assert errors == []
    left = order_of(watchlist)
    assert (left[0], left[-1]) == (ids[5], ids[0])
    assert left[1:-1] == [ids[1], ids[3], ids[4]]


def test_the_same_stocks_added_at_once_are_there_once(
        app: Flask, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = as_another_tab_has_it(make_list("Tech"))
    ids = [stock.id for stock in stocks]

    def add() -> None:
        service.add_symbols(watchlist, ids)

    assert at_once(app, add, add, add) == []
    assert order_of(watchlist) == ids


def test_the_limit_of_lists_holds_for_tabs_at_once(app: Flask, person: User) -> None:
    for number in range(49):
        service.create_watchlist(person.id, f"List {number}")
    db.session.commit()
    user_id = person.id

    errors = at_once(app, *(functools.partial(service.create_watchlist, user_id, name) for name in "abc"))
    assert [type(error) for error in errors] == [Full, Full]
    assert len(names_of(person)) == 50
