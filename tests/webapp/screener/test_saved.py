"""Kept screens, their links, and adding a result to a list."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.webapp.people import Browser
from tests.webapp.screener.conftest import Analyse
from webapp import lists
from webapp.errors import Refused
from webapp.extensions import db
from webapp.live.bus import BELLS
from webapp.models import SavedScreen, User, Watchlist, WatchlistItem
from webapp.screener import service
from webapp.screener.criteria import Criteria


def only_screen() -> SavedScreen:
    db.session.expire_all()
    return db.session.query(SavedScreen).one()


def messages(browser: Browser) -> str:
    return browser.get("/screener").text


def test_a_screen_is_kept_under_a_name_as_a_short_address(browser: Browser, person: User) -> None:
    answer = browser.post("/screener/saved?rs_min=80.0&stage=2&rs_max=", {"name": "  My   leaders "})
    assert answer.status_code == 303
    assert answer.location == "/screener?stage=2&rs_min=80"
    screen = only_screen()
    assert (screen.user_id, screen.name, screen.query) == (person.id, "My leaders", "stage=2&rs_min=80")
    page = browser.get("/screener?stage=2&rs_min=80").text
    assert "“My leaders” is saved." in page
    assert 'href="/screener?stage=2&amp;rs_min=80" aria-current="page">My leaders</a>' in page


@pytest.mark.parametrize(("name", "words"), [
    ("", "Give the screen a name."), (" \0 ", "Give the screen a name."), ("x" * 81, "at most 80"),
    ("Taken", "already have a screen named “Taken”")])
def test_a_bad_name_is_refused_with_its_reason(browser: Browser, person: User, name: str, words: str) -> None:
    browser.post("/screener/saved", {"name": "Taken"})
    browser.get("/screener")
    assert browser.post("/screener/saved?stage=2", {"name": name}).location == "/screener?stage=2"
    assert words in messages(browser)
    assert only_screen().query == ""


def test_a_person_keeps_50_screens(browser: Browser, person: User) -> None:
    for number in range(service.MAX_SCREENS):
        db.session.add(SavedScreen(user_id=person.id, name=str(number), query="", token=str(number)))
    db.session.commit()
    browser.post("/screener/saved", {"name": "One more"})
    assert "which is the most" in messages(browser)
    assert db.session.query(SavedScreen).count() == 50


@pytest.mark.both_databases
def test_two_tabs_that_save_at_once_keep_no_more_than_the_most(
        app: Flask, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SCREENS", 3)
    start, outcomes, user_id = threading.Barrier(6), list[str](), person.id

    def save(name: str) -> None:
        with app.app_context():
            start.wait(30)
            try:
                service.save_screen(user_id, name, Criteria())
                db.session.commit()
                outcomes.append("saved")
            except Refused:
                outcomes.append("refused")
            db.session.remove()

    db.session.commit()
    threads = [threading.Thread(target=save, args=(f"Screen {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["refused"] * 3 + ["saved"] * 3
    assert db.session.query(SavedScreen).count() == 3


def test_a_screen_too_long_for_its_column_is_refused(browser: Browser) -> None:
    sectors = "&".join(f"sector={'%20'.join(['word'] * 10)}{number}" for number in range(40))
    browser.post(f"/screener/saved?{sectors}", {"name": "Long"})
    assert "too many exchanges or sectors" in messages(browser)
    assert db.session.query(SavedScreen).count() == 0


def test_a_screen_is_renamed_and_deleted_and_its_link_with_it(browser: Browser, visitor: Browser) -> None:
    browser.post("/screener/saved?stage=2&sort=high&dir=asc", {"name": "Old"})
    screen = only_screen()
    link = f"/screener/shared/{screen.token}"
    assert f'value="http://localhost{link}"' in browser.get("/screener/saved").text
    assert browser.post(f"/screener/saved/{screen.id}/rename", {"name": "New"}).location == "/screener/saved"
    assert only_screen().name == "New"
    assert only_screen().token == screen.token
    answer = visitor.get(link)
    assert answer.location == "/screener?stage=2&sort=high&dir=asc"
    assert "The screen “New”." in visitor.get("/screener").text
    browser.post(f"/screener/saved/{screen.id}/delete")
    assert db.session.query(SavedScreen).count() == 0
    assert visitor.get(link).status_code == 404


def test_renaming_to_a_name_in_use_is_refused(browser: Browser) -> None:
    browser.post("/screener/saved?stage=1", {"name": "One"})
    browser.post("/screener/saved?stage=2", {"name": "Two"})
    two = db.session.query(SavedScreen).filter_by(name="Two").one()
    browser.post(f"/screener/saved/{two.id}/rename", {"name": "One"})
    assert "already have a screen" in browser.get("/screener/saved").text
    db.session.expire_all()
    assert two.name == "Two"


def test_a_stranger_finds_none_of_somebody_elses_screens(browser: Browser, stranger: Browser) -> None:
    browser.post("/screener/saved?stage=2", {"name": "Secret plan"})
    screen = only_screen()
    for action in ("rename", "delete"):
        assert stranger.post(f"/screener/saved/{screen.id}/{action}", {"name": "Mine"}).status_code == 404
    assert "Secret plan" not in stranger.get("/screener/saved").text
    assert "Secret plan" not in stranger.get("/screener").text
    assert only_screen().name == "Secret plan"


@pytest.mark.parametrize("token", ["x", "%00", "x" * 500, "..", "'--"])
def test_a_link_that_leads_to_nothing_is_404(visitor: Browser, token: str) -> None:
    assert visitor.get(f"/screener/shared/{token}").status_code == 404


def test_saving_and_adding_need_an_account(visitor: Browser, analyse: Analyse) -> None:
    analyse("A", stage=2)
    assert "/login?next=" in visitor.get("/screener?stage=2").text
    for path in ("/screener/saved", "/screener/add"):
        answer = visitor.post(path, {"name": "x", "watchlist_id": "0"})
        assert answer.status_code in {302, 303}
        assert "/login" in answer.location
    assert visitor.get("/screener/saved").status_code in {302, 303}
    assert db.session.query(SavedScreen).count() == db.session.query(Watchlist).count() == 0


def test_forms_without_their_token_are_refused(browser: Browser, analyse: Analyse) -> None:
    analyse("A")
    for path in ("/screener/saved", "/screener/add"):
        assert browser.open(path, "POST", data={"name": "x", "watchlist_id": "0"}).status_code == 400


def items(watchlist_id: int) -> list[int]:
    query = db.select(WatchlistItem.instrument_id).where(WatchlistItem.watchlist_id == watchlist_id)
    return list(db.session.scalars(query.order_by(WatchlistItem.position)))


def list_id(answer: Any) -> int:
    found = re.fullmatch(r"/watchlists/(\d+)", answer.location)
    assert found
    return int(found[1])


@pytest.mark.both_databases
def test_a_whole_result_makes_a_new_list_in_its_order(browser: Browser, analyse: Analyse, redis: Redis) -> None:
    ids = [analyse(f"S{number}", stage=2, rs=number) for number in range(1, 5)]
    analyse("OTHER", stage=1)
    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(BELLS)
    heard.get_message(timeout=2)
    answer = browser.post("/screener/add?stage=2", {"watchlist_id": "0", "name": "Leaders"})
    made = list_id(answer)
    assert items(made) == ids[::-1]
    assert "4 stocks were added." in browser.get(f"/watchlists/{made}").text
    assert json.loads(heard.get_message(timeout=2)["data"])["topic"] == "watchlists"
    heard.close()


def test_a_list_takes_what_is_not_on_it_until_it_is_full(
        browser: Browser, person: User, analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [analyse(f"S{number}", rs=90 - number) for number in range(6)]
    watchlist = lists.create_watchlist(person.id, "Mine")
    lists.add_symbols(watchlist, [ids[1]])
    db.session.commit()
    monkeypatch.setattr(lists, "MAX_STOCKS", 4)
    assert f'<option value="{watchlist.id}">Mine (1)</option>' in browser.get("/screener").text
    browser.post("/screener/add", {"watchlist_id": str(watchlist.id)})
    assert items(watchlist.id) == [ids[1], ids[0], ids[2], ids[3]]
    page = browser.get("/screener").text
    assert "3 stocks were added. 1 was there already. 2 found no room: a list holds at most 4 stocks." in page
    browser.post("/screener/add", {"watchlist_id": str(watchlist.id)})
    assert len(items(watchlist.id)) == 4


def test_nobody_adds_to_somebody_elses_list(
        browser: Browser, stranger: Browser, person: User, analyse: Analyse) -> None:
    analyse("A")
    watchlist = lists.create_watchlist(person.id, "Mine")
    db.session.commit()
    assert stranger.post("/screener/add", {"watchlist_id": str(watchlist.id)}).status_code == 404
    assert items(watchlist.id) == []


@pytest.mark.parametrize("fields", [{}, {"watchlist_id": "x"}, {"watchlist_id": "-1"}, {"watchlist_id": "9" * 400},
                                    {"watchlist_id": "0", "name": " "}])
def test_a_form_that_means_no_list_adds_nothing(browser: Browser, analyse: Analyse, fields: dict[str, str]) -> None:
    analyse("A")
    assert browser.post("/screener/add", fields).status_code == 422
    assert db.session.query(Watchlist).count() == 0


def test_a_bad_screen_adds_and_saves_nothing(browser: Browser, analyse: Analyse) -> None:
    analyse("A")
    assert browser.post("/screener/add?rs_min=x", {"watchlist_id": "0", "name": "L"}).status_code == 422
    assert browser.post("/screener/saved?rs_min=x", {"name": "L"}).status_code == 422
    assert db.session.query(Watchlist).count() == db.session.query(SavedScreen).count() == 0
