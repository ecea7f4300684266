"""The pages about a person's lists as such: all of them, their names, columns and end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.webapp.watchlists.conftest import HTMX, Browser, Maker
from webapp.extensions import db
from webapp.models import InstrumentRow, User, Watchlist
from webapp.watchlists import queries

Bells = Callable[[], list[dict[str, Any]]]


def names_of(person: User) -> list[str]:
    db.session.rollback()
    return [summary.name for summary in queries.list_watchlists(person.id)]


def test_the_overview_names_every_list_and_counts_its_stocks(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    make_list("Tech", stocks[:2])
    page = browser.get("/watchlists")
    assert page.status_code == 200
    assert re.search(r'>Tech</a></td>\s*<td class="num">2</td>', page.text)


def test_who_has_no_list_yet_lands_on_the_picker(browser: Browser) -> None:
    answer = browser.get("/watchlists")
    assert (answer.status_code, answer.location) == (302, "/watchlists/pick")


def test_a_new_list_opens_its_picker_and_tells_the_other_tabs(browser: Browser, person: User, bells: Bells) -> None:
    answer = browser.post("/watchlists", {"name": " Big  tech "})
    assert answer.status_code == 303
    assert re.fullmatch(r"/watchlists/\d+/pick", answer.location)
    assert names_of(person) == ["Big tech"]
    assert bells() == [{"topic": "watchlists", "user": person.id, "session": None}]


def test_a_name_in_use_is_said_and_what_was_typed_stays(
        browser: Browser, person: User, make_list: Maker, bells: Bells) -> None:
    make_list("Tech")
    answer = browser.post("/watchlists", {"name": "Tech"})
    assert answer.status_code == 422
    assert "You already have a list named “Tech”." in answer.text
    assert 'value="Tech"' in answer.text
    assert names_of(person) == ["Tech"]
    assert bells() == []


def test_a_name_with_markup_is_shown_as_text(browser: Browser, make_list: Maker) -> None:
    watchlist = make_list("<script>alert(1)</script>")
    for path in ("/watchlists", f"/watchlists/{watchlist.id}", f"/watchlists/{watchlist.id}/settings"):
        assert "<script>alert" not in browser.get(path).text


def test_the_51st_list_is_refused_with_the_reason(browser: Browser, make_list: Maker) -> None:
    for number in range(50):
        make_list(f"List {number}")
    answer = browser.post("/watchlists", {"name": "One more"})
    assert answer.status_code == 422
    assert "the most one person can keep" in answer.text


def test_a_list_is_renamed(browser: Browser, person: User, make_list: Maker, bells: Bells) -> None:
    watchlist = make_list("Tech")
    path = f"/watchlists/{watchlist.id}"
    assert 'value="Tech"' in browser.get(f"{path}/settings").text
    answer = browser.post(f"{path}/rename", {"name": "Chips"})
    assert (answer.status_code, answer.location) == (303, path)
    assert names_of(person) == ["Chips"]
    assert len(bells()) == 1


def test_a_bad_new_name_changes_nothing(browser: Browser, person: User, make_list: Maker) -> None:
    make_list("Banks")
    watchlist = make_list("Tech")
    answer = browser.post(f"/watchlists/{watchlist.id}/rename", {"name": "Banks"})
    assert answer.status_code == 422
    assert "already have a list" in answer.text
    assert names_of(person) == ["Banks", "Tech"]


def test_lists_are_reordered_by_buttons(browser: Browser, person: User, make_list: Maker) -> None:
    made = [make_list(name) for name in ("a", "b", "c")]
    answer = browser.post("/watchlists/order", {"watchlist_id": made[2].id, "step": "up"})
    assert (answer.status_code, answer.location) == (303, "/watchlists")
    assert names_of(person) == ["a", "c", "b"]


def test_deleting_is_asked_for_and_only_taken_as_a_post(browser: Browser, person: User, make_list: Maker) -> None:
    watchlist = make_list("Tech")
    path = f"/watchlists/{watchlist.id}"
    assert "goes with all its notes, for good" in browser.get(f"{path}/settings").text
    assert browser.get(f"{path}/delete").status_code == 405
    assert names_of(person) == ["Tech"]
    answer = browser.post(f"{path}/delete")
    assert (answer.status_code, answer.location) == (303, "/watchlists")
    assert names_of(person) == []


def test_columns_are_chosen_per_list(browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist, other = make_list("Tech", stocks[:1]), make_list("Other", stocks[:1])
    answer = browser.post(f"/watchlists/{watchlist.id}/columns", {"columns": ["volume", "state"]})
    assert answer.status_code == 303
    hidden = re.search(r'data-hide="([^"]*)"', browser.get(answer.location).text)
    assert hidden is not None
    assert hidden[1].split() == ["change", "percent", "spark", "stage", "rs", "previous_close", "open", "range",
                                 "as_of"]
    assert 'data-hide=""' in browser.get(f"/watchlists/{other.id}").text


def test_no_column_at_all_leaves_symbol_and_price(
        browser: Browser, make_list: Maker, stocks: list[InstrumentRow]) -> None:
    watchlist = make_list("Tech", stocks[:1])
    page = browser.get(browser.post(f"/watchlists/{watchlist.id}/columns").location).text
    hidden = re.search(r'data-hide="([^"]*)"', page)
    assert hidden is not None
    assert "price" not in hidden[1].split()
    assert len(hidden[1].split()) == 11


def test_an_unknown_column_is_refused(browser: Browser, make_list: Maker) -> None:
    watchlist = make_list("Tech")
    assert browser.post(f"/watchlists/{watchlist.id}/columns", {"columns": "moon"}).status_code == 422


PAGES = ["", "/settings", "/pick", "/import", ".json", ".csv", ".txt", "/symbols/{stock}/note"]
ACTIONS = ["/rename", "/columns", "/delete", "/pick", "/import", "/import/chosen", "/symbols/{stock}/remove",
           "/symbols/{stock}/move", "/symbols/{stock}/note"]


@pytest.fixture
def paths(make_list: Maker, stocks: list[InstrumentRow]) -> Callable[[list[str]], list[str]]:
    """Return the addresses of one list of the person."""
    watchlist = make_list("Private", stocks)
    return lambda ends: [f"/watchlists/{watchlist.id}{end.format(stock=stocks[0].id)}" for end in ends]


def test_every_page_needs_login(visitor: Browser, paths: Callable[[list[str]], list[str]]) -> None:
    for path in [*paths(PAGES), "/watchlists", "/watchlists/pick"]:
        answer = visitor.get(path)
        assert answer.status_code == 401 if path.endswith((".json", ".csv")) else answer.location, path
        assert "Private" not in answer.text, path
    for path in paths(ACTIONS):
        assert visitor.post(path).location.startswith("/login"), path


def test_a_stranger_gets_404_everywhere(
        stranger: Browser, person: User, paths: Callable[[list[str]], list[str]]) -> None:
    for path in paths(PAGES):
        answer = stranger.get(path)
        assert (answer.status_code, "Private" in answer.text) == (404, False), path
    for path in paths(ACTIONS):
        assert stranger.post(path, {"name": "Mine now"}).status_code == 404, path
    assert names_of(person) == ["Private"]


def test_a_stranger_cannot_move_the_list(stranger: Browser, make_list: Maker) -> None:
    watchlist = make_list("Private")
    assert stranger.post("/watchlists/order", {"watchlist_id": watchlist.id, "step": "up"}).status_code == 404


def test_a_number_too_large_for_the_database_is_just_not_found(browser: Browser) -> None:
    assert browser.get(f"/watchlists/{2**40}").status_code == 404
    assert browser.post("/watchlists/order", {"watchlist_id": 2**70, "step": "up"}).status_code == 404


def test_a_form_without_the_token_changes_nothing(
        browser: Browser, person: User, paths: Callable[[list[str]], list[str]]) -> None:
    for path in [*paths(ACTIONS), "/watchlists", "/watchlists/order", "/watchlists/pick"]:
        assert browser.open(path, "POST", data={"name": "x"}).status_code == 400, path
    assert names_of(person) == ["Private"]
    assert db.session.query(Watchlist).one().items != []


def test_parts_for_htmx_are_no_pages(browser: Browser, paths: Callable[[list[str]], list[str]]) -> None:
    for path in paths(["", "/pick", "/symbols/{stock}/note"]):
        answer = browser.get(path, headers=HTMX)
        assert answer.status_code == 200, path
        assert "<html" not in answer.text, path
