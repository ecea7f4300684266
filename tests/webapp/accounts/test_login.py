"""Coming in and going out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import event, select

from tests.conftest import RedisServer
from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp import clock
from webapp import redis as redis_clients
from webapp.accounts import passwords, service
from webapp.extensions import db
from webapp.models import User, UserSession

AN_HOUR = dt.timedelta(hours=1)


def the_session() -> UserSession:
    db.session.rollback()
    return db.session.scalars(select(UserSession)).one()


def test_who_knows_the_password_comes_in(person: User, browser: Browser) -> None:
    answer = browser.log_in(" ADA@example.com")
    assert answer.status_code == 303
    assert answer.location == "/"
    assert browser.is_logged_in()


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(
        person: User, browser: Browser, verifications: list[str]) -> None:
    wrong = browser.log_in(password="not the secret")
    assert len(verifications) == 1
    unknown = browser.log_in(email="eve@example.com")
    assert len(verifications) == 2
    assert wrong.status_code == unknown.status_code == 422
    assert "The e-mail address or the password is not right." in wrong.text
    pages = [re.sub(r'name="csrf_token" value="[^"]+"', "", each.text).split("<main")[1] for each in (wrong, unknown)]
    assert pages[0].replace(EMAIL, "X") == pages[1].replace("eve@example.com", "X")
    assert set(wrong.headers.keys()) == set(unknown.headers.keys())
    assert not browser.is_logged_in()


def test_text_that_is_no_address_is_answered_like_an_unknown_account(browser: Browser,
                                                                    verifications: list[str]) -> None:
    assert "The e-mail address or the password is not right." in browser.log_in(email="nobody").text
    assert len(verifications) == 1


def test_a_locked_account_stays_out_and_is_not_told_apart(person: User, browser: Browser,
                                                          verifications: list[str]) -> None:
    browser.log_in()
    person.locked = True
    db.session.commit()
    assert not browser.is_logged_in()
    assert "The e-mail address or the password is not right." in browser.log_in().text
    assert len(verifications) == 2


def test_logging_in_keeps_nothing_of_the_session_before(app: Flask, person: User, browser: Browser) -> None:
    before = browser.get("/login")
    assert before.status_code == 200
    with browser.client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
        token_before = planted["csrf_token"]
    browser.log_in()
    with browser.client.session_transaction() as now:
        assert "planted" not in now
        assert now.get("csrf_token") != token_before
        first = now["_user_id"]
    browser.post("/logout")
    browser.log_in()
    with browser.client.session_transaction() as now:
        assert now["_user_id"] != first


def test_a_planted_token_is_not_taken_over(person: User, browser: Browser) -> None:
    with browser.client.session_transaction() as planted:
        planted["_user_id"] = "known to the attacker"
    browser.log_in()
    with browser.client.session_transaction() as now:
        assert now["_user_id"] != "known to the attacker"


def test_the_database_never_sees_the_token(person: User, browser: Browser) -> None:
    browser.log_in()
    with browser.client.session_transaction() as cookie:
        token = cookie["_user_id"]
    row = the_session()
    assert len(token) >= 43
    assert token not in (row.token_hash, str(row.id), row.agent)
    assert row.token_hash != token
    assert len(row.token_hash) == 64


def test_loading_the_person_takes_one_query(app: Flask, person: User, browser: Browser) -> None:
    browser.log_in()
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    browser.get("/account/delete")
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) == 1


@pytest.mark.parametrize("remember", [False, True])
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(person: User, browser: Browser, remember: bool) -> None:
    answer = browser.log_in(**({"remember": "y"} if remember else {}))
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 1 + remember
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


class TestInProduction:
    """SESSION_COOKIE_SECURE and REMEMBER_COOKIE_SECURE as APP_ENV=production sets them."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"SESSION_COOKIE_SECURE": True, "REMEMBER_COOKIE_SECURE": True}

    def test_cookies_travel_by_https_only(self, person: User, browser: Browser) -> None:
        page = browser.open("/login", base_url="https://localhost")
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = browser.open("/login", method="POST", base_url="https://localhost", headers={
            "Referer": "https://localhost/login"},
            data={"csrf_token": token, "email": EMAIL, "password": PASSWORD, "remember": "y"})
        cookies = answer.headers.getlist("Set-Cookie")
        assert len(cookies) == 2
        assert all("Secure" in cookie for cookie in cookies)


def test_a_session_ends_after_a_day(person: User, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.log_in()
    ends = the_session().expires_at
    monkeypatch.setattr(clock, "now", lambda: ends - AN_HOUR)
    assert browser.is_logged_in()
    monkeypatch.setattr(clock, "now", lambda: ends)
    assert not browser.is_logged_in()
    assert dt.timedelta(hours=23) < ends - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=24)


def test_who_is_remembered_is_still_in_after_the_browser_was_closed(person: User, browser: Browser) -> None:
    browser.log_in(remember="y")
    browser.client.delete_cookie("stagewatch")
    assert browser.is_logged_in()
    assert the_session().expires_at > dt.datetime.now(dt.UTC) + dt.timedelta(days=29)


def test_who_is_not_remembered_is_out_after_the_browser_was_closed(person: User, browser: Browser) -> None:
    browser.log_in()
    browser.client.delete_cookie("stagewatch")
    assert not browser.is_logged_in()


def test_expired_sessions_are_swept_out_at_the_next_log_in(person: User, browser: Browser) -> None:
    browser.log_in()
    the_session().expires_at = clock.now() - AN_HOUR
    db.session.commit()
    browser.log_in()
    assert the_session().expires_at > clock.now()


def test_logging_out_ends_the_session_on_the_server_too(
        person: User, browser: Browser, new_browser: Callable[..., Browser],
        bells: Callable[[], list[dict[str, Any]]]) -> None:
    browser.log_in(remember="y")
    stolen = browser.cookies()
    ended = the_session().id
    answer = browser.post("/logout")
    assert answer.status_code == 303
    assert not browser.is_logged_in()
    assert "stagewatch_remember" not in browser.cookies()
    assert count(UserSession) == 0
    assert bells() == [{"topic": "signed-out", "user": None, "session": ended}]
    thief = new_browser()
    for name, value in stolen.items():
        thief.client.set_cookie(name, value)
    assert not thief.is_logged_in()


def test_logging_out_needs_a_form_of_this_site(person: User, browser: Browser) -> None:
    browser.log_in()
    assert browser.get("/logout").status_code == 405
    assert browser.open("/logout", method="POST").status_code == 400
    assert browser.is_logged_in()


def test_logging_out_twice_is_no_error(person: User, browser: Browser) -> None:
    browser.log_in()
    browser.post("/logout")
    assert browser.post("/logout").status_code == 303


@pytest.mark.parametrize(("target", "expected"), [
    ("/watchlists", "/watchlists"),
    ("/watchlists/3?sort=last&dir=asc", "/watchlists/3?sort=last&dir=asc"),
    ("", "/"),
    ("watchlists", "/"),
    ("//evil.example", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("/\t/evil.example", "/"),
    ("/\n/evil.example", "/"),
    ("\t//evil.example", "/"),
    (" //evil.example", "/"),
    ("https://evil.example/", "/"),
    ("https:evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("data:text/html,x", "/"),
    ("http:///evil.example", "/"),
])
def test_log_in_leads_on_inside_this_site_only(person: User, browser: Browser, target: str, expected: str) -> None:
    with browser.client.session_transaction() as cookie:
        cookie.clear()
    token_page = browser.get("/login", query_string={"next": target})
    token = token_page.text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = browser.open("/login", method="POST", query_string={"next": target},
                          data={"csrf_token": token, "email": EMAIL, "password": PASSWORD})
    assert answer.location == expected


@pytest.mark.parametrize("encoded", ["/%2Fevil.example", "/%5Cevil.example", "/%252Fevil.example", "/%09/evil.example"])
def test_an_encoded_slash_stays_a_path_of_this_site(person: User, browser: Browser, encoded: str) -> None:
    answer = browser.post(f"/login?next={encoded}", email=EMAIL, password=PASSWORD)
    assert answer.location is not None
    assert not answer.location.startswith(("//", "/\\", "http"))


def test_a_page_that_needs_log_in_sends_there_and_back(person: User, browser: Browser) -> None:
    answer = browser.get("/account?tab=1")
    assert answer.status_code == 303
    assert answer.location == "/login?next=/account?tab%3D1"
    assert browser.post(answer.location, email=EMAIL, password=PASSWORD).location == "/account?tab=1"


def test_a_script_that_needs_log_in_is_sent_to_the_page(browser: Browser) -> None:
    answer = browser.get("/account", headers={"HX-Request": "true", "Referer": "http://localhost/watchlists/3"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/login?next=/watchlists/3"


def test_a_form_of_another_page_does_not_lead_back_there(browser: Browser) -> None:
    answer = browser.get("/account", headers={"HX-Request": "true", "Referer": "http://evil.example/x"})
    assert answer.headers["HX-Redirect"] == "/login"


def test_who_asks_for_json_is_told_in_json(browser: Browser) -> None:
    answer = browser.get("/account", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.get_json()["error"]["message"] == "Please log in first."


def test_who_is_in_already_goes_on(person: User, browser: Browser) -> None:
    browser.log_in()
    assert browser.get("/login?next=/watchlists").location == "/watchlists"
    assert browser.get("/register").location == "/"


def test_a_hash_with_old_parameters_is_renewed(person: User, browser: Browser,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    old = person.password_hash
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    browser.log_in()
    db.session.rollback()
    assert person.password_hash != old
    assert not passwords.is_outdated(person.password_hash)
    assert browser.log_in().status_code == 303


def test_no_connection_is_held_while_a_password_is_checked(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []

    def verify(*_: str) -> bool:
        held.append(db.engine.pool.status())
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    service.authenticate(EMAIL, PASSWORD)
    assert "Current Checked out connections: 0" in held[0]


def test_a_password_changed_during_the_log_in_keeps_the_old_one_out(person: User,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(password_hash: str, password: str) -> bool:
        person.password_hash = "changed"
        db.session.commit()
        return True

    monkeypatch.setattr(passwords, "verify", meanwhile)
    assert service.authenticate(EMAIL, PASSWORD) is None


def test_log_in_and_out_work_without_redis(app: Flask, person: User, browser: Browser,
                                           own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
    own_redis_server.stop()
    assert browser.log_in().status_code == 303
    assert browser.post("/logout").status_code == 303
    assert not browser.is_logged_in()
    assert count(UserSession) == 0


@pytest.mark.both_databases
def test_signs_that_no_database_takes_are_a_wrong_address(person: User, browser: Browser) -> None:
    assert browser.log_in(email="ada\0@example.com").status_code == 422


@pytest.mark.both_databases
def test_it_all_works_on_either_database(person: User, browser: Browser) -> None:
    browser.log_in(remember="y")
    assert browser.is_logged_in()
    assert browser.post("/account/password", current=PASSWORD, password="a newer long secret").status_code == 303
    assert browser.post("/account/delete", password="a newer long secret").status_code == 303
    assert count(User) == 0


def test_a_referrer_that_is_no_address_is_not_read(browser: Browser) -> None:
    answer = browser.get("/account", headers={"HX-Request": "true", "Referer": "http://["})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/login"
