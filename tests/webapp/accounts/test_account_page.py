"""What a person may do with their account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, select

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.accounts import service, tokens
from webapp.accounts.devices import device_name
from webapp.extensions import db
from webapp.models import (
    InstrumentRow,
    RecoveryCode,
    SavedScreen,
    Scope,
    User,
    UserSession,
    Watchlist,
    WatchlistItem,
)

NEW = "a newer long secret"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
SAFARI = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/18.0 Mobile/15E148 Safari/604.1")


@pytest.mark.parametrize("path", ["/account", "/account/password", "/account/delete"])
def test_a_visitor_is_asked_to_log_in(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.location == f"/login?next={path}"


@pytest.mark.parametrize("path", ["/account/password", "/account/delete", "/account/sessions", "/logout"])
def test_no_form_works_without_its_token(person: User, browser: Browser, path: str) -> None:
    browser.log_in()
    assert browser.open(path, method="POST", data={"password": PASSWORD}).status_code == 400
    assert browser.is_logged_in()
    assert count(User) == 1


def test_the_page_lists_where_one_is_logged_in(person: User, new_browser: Callable[..., Browser]) -> None:
    desk, phone = new_browser(agent=FIREFOX), new_browser(agent=SAFARI, address="2001:db8::7")
    desk.log_in()
    phone.log_in()
    page = desk.get("/account").text
    assert EMAIL in page
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "192.0.2.1" in page
    assert "2001:db8::7" in page
    assert page.count("(this device)") == 1


def test_the_list_shows_nobody_else(person: User, browser: Browser, new_browser: Callable[..., Browser]) -> None:
    service.create_user("eve@example.com", PASSWORD)
    db.session.commit()
    new_browser(agent=SAFARI).log_in("eve@example.com")
    browser.log_in()
    assert "iPhone" not in browser.get("/account").text


def test_a_hostile_device_name_is_harmless(person: User, new_browser: Callable[..., Browser]) -> None:
    desk = new_browser(agent="<script>" + "x" * 5000)
    assert desk.log_in().status_code == 303
    assert "<script>x" not in desk.get("/account").text


def test_logging_out_everywhere_else_spares_this_device(person: User, browser: Browser,
                                                        new_browser: Callable[..., Browser],
                                                        bells: Callable[[], list[dict[str, Any]]]) -> None:
    other = new_browser()
    other.log_in(remember="y")
    ended = db.session.scalars(select(UserSession.id)).one()
    browser.log_in()
    bells()
    assert browser.post("/account/sessions").status_code == 303
    assert browser.is_logged_in()
    assert not other.is_logged_in()
    assert bells() == [{"topic": "signed-out", "user": None, "session": ended}]


def test_changing_the_password_ends_all_other_sessions(person: User, browser: Browser,
                                                       new_browser: Callable[..., Browser],
                                                       bells: Callable[[], list[dict[str, Any]]]) -> None:
    other = new_browser()
    other.log_in()
    browser.log_in()
    answer = browser.post("/account/password", current=PASSWORD, password=NEW)
    assert answer.status_code == 303
    assert answer.location == "/account"
    assert browser.is_logged_in()
    assert not other.is_logged_in()
    assert len(bells()) == 1
    assert other.log_in().status_code == 422
    assert other.log_in(password=NEW).status_code == 303


@pytest.mark.parametrize(("current", "password", "sentence"), [
    ("wrong", NEW, "This is not your password."),
    ("", NEW, "Type the password you have now."),
    (PASSWORD, "short", "Use at least 10 characters"),
    (PASSWORD, EMAIL, "Do not use your e-mail address"),
])
def test_a_password_is_changed_by_who_knows_it_to_a_good_one(person: User, browser: Browser, current: str,
                                                             password: str, sentence: str) -> None:
    browser.log_in()
    answer = browser.post("/account/password", current=current, password=password)
    assert answer.status_code == 422
    assert sentence in answer.text
    browser.post("/logout")
    assert browser.log_in().status_code == 303


def test_deleting_the_account_asks_for_its_password(person: User, browser: Browser) -> None:
    browser.log_in()
    answer = browser.post("/account/delete", password="wrong")
    assert answer.status_code == 422
    assert "This is not your password." in answer.text
    assert browser.is_logged_in()


def test_the_last_admin_stays(person: User, browser: Browser) -> None:
    person.admin = True
    db.session.commit()
    browser.log_in()
    answer = browser.post("/account/delete", password=PASSWORD)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert browser.is_logged_in()


@pytest.mark.both_databases
def test_a_deleted_account_leaves_no_row_in_any_table(app: Flask, person: User, browser: Browser,
                                                      new_browser: Callable[..., Browser],
                                                      bells: Callable[[], list[dict[str, Any]]]) -> None:
    other = new_browser()
    for one in (browser, other):
        one.log_in(remember="y")
    stock = InstrumentRow(symbol="ZZZ", mic="XNAS", name="Zed", currency="USD", country="US")
    watchlist = Watchlist(user_id=person.id, name="Mine", items=[WatchlistItem(instrument=stock, note="private")])
    screen = SavedScreen(user_id=person.id, name="Mine", query="stage=2", token="t")
    token, _ = tokens.create_token(person, "mine", Scope.READ, None)
    code = RecoveryCode(user_id=person.id, code_hash="c" * 64)
    db.session.add_all([watchlist, screen, code, token])
    db.session.commit()
    tables = personal_tables()
    assert {"users", "user_sessions", "watchlists", "watchlist_items"} <= {table.name for table in tables}
    assert all(rows_in(table) for table in tables), "give each personal table a row above"
    answer = browser.post("/account/delete", password=PASSWORD)
    assert answer.status_code == 303
    assert [table.name for table in tables if rows_in(table)] == []
    assert count(InstrumentRow) == 1
    assert len(bells()) == 3, "two log-ins and the streams of one token"
    assert not browser.is_logged_in()
    assert not other.is_logged_in()
    assert browser.log_in().status_code == 422


def personal_tables() -> list[Table]:
    """Return the table of people, and every table whose rows belong to one, however far away."""
    personal = [User.metadata.tables["users"]]
    for table in User.metadata.sorted_tables:
        owners = [key.column.table for key in table.foreign_keys if key.ondelete == "CASCADE"]
        if any(owner in personal for owner in owners):
            personal.append(table)
    return personal


# What is everybody's and only says whose doing it was.
LET_GO = {"audit_entries.user_id", "ingest_runs.user_id", "invitations.invited_by"}


def test_every_table_that_names_a_person_goes_with_them(app: Flask) -> None:
    personal = personal_tables()
    for table in User.metadata.sorted_tables:
        for key in table.foreign_keys:
            name = f"{table.name}.{key.parent.name}"
            expected = "SET NULL" if name in LET_GO else "CASCADE"
            assert key.column.table not in personal or key.ondelete == expected, name


def rows_in(table: Table) -> int:
    db.session.rollback()
    return len(db.session.execute(select(table)).all())


def test_somebody_else_s_rows_stay(person: User, browser: Browser) -> None:
    service.create_user("eve@example.com", PASSWORD)
    db.session.commit()
    browser.log_in()
    browser.post("/account/delete", password=PASSWORD)
    assert count(User) == 1


@pytest.mark.parametrize(("agent", "name"), [
    (FIREFOX, "Firefox on Linux"),
    (SAFARI, "Safari on iPhone"),
    ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
    ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS"),
    ("curl/8.0", "curl"),
    ("", "A browser"),
])
def test_a_device_is_named_in_words(agent: str, name: str) -> None:
    assert device_name(agent) == name
