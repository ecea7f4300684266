"""The tokens of the account page: made, shown once, listed, revoked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from tests.webapp.accounts.conftest import PASSWORD, Browser, Watch, count
from webapp.accounts import service, tokens
from webapp.extensions import db
from webapp.models import ApiToken, Scope, User

NEW = "/account/tokens/new"


def make(browser: Browser, **fields: str) -> TestResponse:
    """Send the form of a new token."""
    return browser.post(NEW, **{"name": "Notebook", "scope": "read", "expires": "90", "password": PASSWORD} | fields)


def text_on(page: TestResponse) -> str:
    """Return the token that a page shows."""
    found = re.search(r'<textarea id="token"[^>]*>(sw_[\w-]+)</textarea>', page.text)
    assert found, page.text
    return found[1]


def the_token() -> ApiToken:
    db.session.rollback()
    return db.session.scalars(select(ApiToken)).one()


@pytest.fixture
def token(person: User) -> ApiToken:
    """A token of the person."""
    made, _ = tokens.create_token(person, "Notebook", Scope.WRITE, None)
    db.session.commit()
    return made


def test_a_visitor_is_asked_to_log_in(browser: Browser, token: ApiToken) -> None:
    assert browser.get(NEW).location == f"/login?next={NEW}"
    path = f"/account/tokens/{token.id}/revoke"
    assert browser.get(path).location == f"/login?next={path}"
    assert browser.post(path).status_code == 303
    assert count(ApiToken) == 1


def test_no_form_works_without_its_token(browser: Browser, token: ApiToken) -> None:
    browser.log_in()
    for path in (NEW, f"/account/tokens/{token.id}/revoke"):
        assert browser.open(path, method="POST", data={"password": PASSWORD}).status_code == 400
    assert count(ApiToken) == 1


@pytest.mark.both_databases
def test_a_token_is_shown_once_and_works(app: Flask, person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    page = make(browser)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    text = text_on(page)
    found = tokens.find_token(text)
    assert found is not None
    assert (found.name, tokens.scope_of(found), found.user_id) == ("Notebook", Scope.READ, person.id)
    assert found.expires_at == watch.now + dt.timedelta(days=90)
    account = browser.get("/account").text
    assert f"{text[:10]}…" in account
    assert text not in account
    assert "Read only." in account
    assert "never used" in account


def test_sending_the_form_again_makes_no_second_token(person: User, browser: Browser) -> None:
    browser.log_in()
    make(browser)
    again = make(browser)
    assert again.status_code == 422
    assert "You already have a token named “Notebook”." in again.text
    assert "sw_" not in again.text
    assert count(ApiToken) == 1


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"password": "wrong"}, "This is not your password."), ({"password": ""}, "Type your password."),
    ({"name": ""}, "Give the token a name."), ({"name": " \0 "}, "Give the token a name"),
    ({"name": "x" * 81}, "A name has at most 80 characters."), ({"scope": "root"}, "Not a valid choice"),
    ({"scope": "admin"}, "Not a valid choice"), ({"expires": "-1"}, "Not a valid choice"),
    ({"expires": "99999999999"}, "Not a valid choice")])
def test_what_cannot_be_taken_is_said_next_to_its_field(person: User, browser: Browser, fields: dict[str, str],
                                                        sentence: str) -> None:
    browser.log_in()
    answer = make(browser, **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert count(ApiToken) == 0


@pytest.mark.parametrize(("expires", "days"), [("30", 30), ("365", 365), ("never", None)])
def test_a_token_expires_when_it_was_said(person: User, browser: Browser, watch: Watch, expires: str,
                                          days: int | None) -> None:
    browser.log_in()
    make(browser, expires=expires)
    assert the_token().expires_at == (None if days is None else watch.now + dt.timedelta(days=days))


def test_an_admins_scope_is_offered_to_admins_only(person: User, browser: Browser) -> None:
    browser.log_in()
    assert 'value="admin"' not in browser.get(NEW).text
    person.admin = True
    db.session.commit()
    assert 'value="admin"' in browser.get(NEW).text
    text = text_on(make(browser, scope="admin"))
    found = tokens.find_token(text)
    assert found is not None
    assert tokens.scope_of(found) is Scope.ADMIN
    person.admin = False
    db.session.commit()
    assert "Read and change." in browser.get("/account").text


def test_a_token_is_revoked_after_a_question(browser: Browser, token: ApiToken,
                                             bells: Callable[[], list[dict[str, Any]]]) -> None:
    browser.log_in()
    told = token.prefix
    path = f"/account/tokens/{token.id}/revoke"
    assert path in browser.get("/account").text
    page = browser.get(path)
    assert "Revoke the token “Notebook”?" in page.text
    assert f'name="prefix" value="{told}"' in page.text
    assert count(ApiToken) == 1
    answer = browser.post(path, prefix=told)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert "The token “Notebook” is revoked." in browser.get("/account").text
    assert count(ApiToken) == 0
    assert len(bells()) == 1, "its streams end"
    assert browser.post(path, prefix=told).status_code == 404


def test_what_was_confirmed_is_what_is_revoked(person: User, browser: Browser, token: ApiToken) -> None:
    """SQLite numbers the next token like the one that is gone."""
    browser.log_in()
    number, told = token.id, token.prefix
    tokens.revoke_token(person.id, number)
    later, _ = tokens.create_token(person, "Another", Scope.READ, None)
    db.session.commit()
    assert later.id == number
    answer = browser.post(f"/account/tokens/{number}/revoke", prefix=told)
    assert answer.status_code == 404
    assert "It may have been revoked already." in answer.text
    assert count(ApiToken) == 1


def test_a_strangers_token_is_not_there(browser: Browser, token: ApiToken, new_browser: Callable[..., Browser]) -> None:
    service.create_user("eve@example.com", PASSWORD)
    db.session.commit()
    eve = new_browser()
    eve.log_in("eve@example.com")
    path = f"/account/tokens/{token.id}/revoke"
    assert eve.get(path).status_code == eve.post(path, prefix=token.prefix).status_code == 404
    assert eve.get("/account/tokens/99999999999999999999/revoke").status_code == 404
    assert "Notebook" not in eve.get("/account").text
    assert count(ApiToken) == 1


def test_the_list_says_what_each_token_may_and_how_long(person: User, browser: Browser, watch: Watch) -> None:
    month = watch.now + dt.timedelta(days=30)
    tokens.create_token(person, "<b>Old</b>", Scope.WRITE, month)
    db.session.commit()
    watch.forward(seconds=31 * 86400)
    used, _ = tokens.create_token(person, "Sheet", Scope.READ, None)
    used.last_used_at = watch.now
    db.session.commit()
    browser.log_in()
    page = browser.get("/account").text
    assert "&lt;b&gt;Old&lt;/b&gt;" in page
    assert "Expired" in page
    assert f"expired on {month:%-d %B %Y}" in page
    assert "never expires" in page
    assert f"{watch.now:%-d %B %Y, %H:%M} UTC" in page


def test_more_tokens_take_no_more_queries(app: Flask, person: User, browser: Browser) -> None:
    browser.log_in()
    seen: list[str] = []

    def queries_of_the_page() -> int:
        seen.clear()
        browser.get("/account")
        return len(seen)

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    few = queries_of_the_page()
    for number in range(20):
        tokens.create_token(person, f"Token {number}", Scope.READ, None)
    db.session.commit()
    assert queries_of_the_page() == few
    event.remove(db.engine, "before_cursor_execute", note)


def test_a_new_password_leaves_tokens_alone_and_says_so(person: User, browser: Browser, watch: Watch) -> None:
    _, text = tokens.create_token(person, "Notebook", Scope.READ, None)
    tokens.create_token(person, "Old", Scope.READ, watch.now + dt.timedelta(days=1))
    db.session.commit()
    watch.forward(seconds=2 * 86400)
    browser.log_in()
    page = browser.get("/account/password").text
    assert "1 token for the API still works" in page
    assert 'href="/account#tokens"' in page
    browser.post("/account/password", current=PASSWORD, password="a newer long secret")
    assert "1 token for the API still works: the account page lists them." in browser.get("/account").text
    assert tokens.find_token(text) is not None
    reset = service.reset_token(person)
    browser.post("/logout")
    browser.post(f"/password/reset/{reset}", password=PASSWORD)
    assert "1 token for the API still works" in browser.get("/login").text


def test_without_tokens_a_new_password_says_nothing_of_them(person: User, browser: Browser) -> None:
    browser.log_in()
    assert "still work" not in browser.get("/account/password").text
    browser.post("/account/password", current=PASSWORD, password="a newer long secret")
    assert "still work" not in browser.get("/account").text


def test_a_token_of_a_locked_person_stands_still_and_of_a_deleted_one_is_gone(person: User) -> None:
    _, text = tokens.create_token(person, "Notebook", Scope.READ, None)
    person.locked = True
    db.session.commit()
    assert tokens.find_token(text) is None
    person.locked = False
    db.session.commit()
    assert tokens.find_token(text) is not None
    service.delete_user(person)
    db.session.commit()
    assert count(ApiToken) == 0


class TestLimits:
    """The password is not guessed here either."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_LIMIT_ACCOUNT": "2 per 15 minutes"}

    def test_a_stolen_session_cannot_guess_the_password(self, person: User, browser: Browser) -> None:
        browser.log_in()
        tries = [make(browser, password="wrong").status_code for _ in range(2)] + [make(browser).status_code]
        assert tries == [422, 422, 429]
        assert count(ApiToken) == 0
