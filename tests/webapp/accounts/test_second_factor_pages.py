"""Turning the second factor on and off, on pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import unquote

import pyotp
import pytest
from flask import Flask

from tests.webapp.accounts.conftest import PASSWORD, Browser, Watch, count
from tests.webapp.accounts.factor import codes_on, factor_on, set_up
from webapp.accounts import second_factor
from webapp.extensions import db
from webapp.models import RecoveryCode, User

BEGIN, SET_UP = "/account/second-factor", "/account/second-factor/set-up"
RENEW, OFF = "/account/second-factor/recovery-codes", "/account/second-factor/off"
PAGES = [BEGIN, SET_UP, RENEW, OFF]


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_is_asked_to_log_in(browser: Browser, path: str) -> None:
    assert browser.get(path).location == f"/login?next={path}"


@pytest.mark.parametrize("path", [*PAGES, "/login/code"])
def test_no_form_works_without_its_token(person: User, browser: Browser, path: str) -> None:
    browser.log_in()
    assert browser.open(path, method="POST", data={"password": PASSWORD, "code": "123456"}).status_code == 400


def test_it_is_turned_on_by_password_and_first_code(person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    assert "Off: your password alone logs you in." in browser.get("/account").text
    assert browser.post(BEGIN, password=PASSWORD).location == SET_UP
    page = browser.get(SET_UP)
    assert page.headers["Cache-Control"] == "no-store"
    secret = re.search(r'id="key"[^>]*>([A-Z2-7 ]+)<', page.text)[1].replace(" ", "")  # type: ignore[index]
    assert f"secret={secret}" in unescape(page.text)
    assert "<svg" in page.text
    assert 'inputmode="numeric"' in page.text
    assert 'autocomplete="one-time-code"' in page.text
    done = browser.post(SET_UP, code=pyotp.TOTP(secret).at(watch.now))
    assert done.status_code == 200
    assert done.headers["Cache-Control"] == "no-store"
    assert secret not in done.text
    codes = codes_on(done)
    assert len(codes) == 10
    account = browser.get("/account").text
    assert "10 recovery codes are left" in account
    assert not any(code in account for code in codes)


def test_the_codes_can_be_downloaded_without_another_request(person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    done = set_up(browser, watch)
    link = re.search(r'download="[\w-]+\.txt" href="data:text/plain;charset=utf-8,([^"]+)"', done.text)
    assert link
    assert unquote(link[1]).splitlines()[1:] == codes_on(done)


def test_without_the_password_no_secret_is_shown(person: User, browser: Browser) -> None:
    browser.log_in()
    wrong = browser.post(BEGIN, password="not the secret")
    assert wrong.status_code == 422
    assert "This is not your password." in wrong.text
    assert browser.get(SET_UP).location == BEGIN
    assert browser.post(SET_UP, code="123456").location == BEGIN


def test_another_browser_of_the_person_does_not_see_the_secret(person: User, new_browser: Callable[..., Browser],
                                                               watch: Watch) -> None:
    desk, phone = new_browser(), new_browser()
    desk.log_in()
    phone.log_in()
    desk.post(BEGIN, password=PASSWORD)
    assert phone.get(SET_UP).location == BEGIN
    phone.post(BEGIN, password=PASSWORD)  # a new secret: the first browser's is void
    assert phone.get(SET_UP).status_code == 200
    assert desk.get(SET_UP).location == BEGIN


def test_a_secret_is_shown_for_a_quarter_of_an_hour(person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    browser.post(BEGIN, password=PASSWORD)
    watch.forward(seconds=901)
    assert browser.get(SET_UP).location == BEGIN


def test_a_wrong_first_code_leaves_it_off(person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    browser.post(BEGIN, password=PASSWORD)
    answer = browser.post(SET_UP, code="abc")
    assert answer.status_code == 422
    assert "This code is wrong" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert count(RecoveryCode) == 0
    browser.post("/logout")
    assert browser.log_in().location == "/"


def test_a_reload_shows_no_code_again_and_changes_nothing(person: User, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    browser.post(BEGIN, password=PASSWORD)
    db.session.expire_all()
    code = pyotp.TOTP(person.totp_secret).at(watch.now)
    codes = codes_on(browser.post(SET_UP, code=code))
    again = browser.post(SET_UP, code=code)
    assert again.status_code == 303
    assert browser.get(BEGIN).location == "/account"
    assert second_factor.redeem(person.id, codes[0])


def test_new_recovery_codes_cost_password_and_code(person: User, browser: Browser, watch: Watch) -> None:
    secret, old = factor_on(person, watch)
    browser.log_in()
    browser.post("/login/code", code=watch.code(secret))
    watch.forward(seconds=30)
    wrong_code = browser.post(RENEW, password=PASSWORD, code="000000")
    assert wrong_code.status_code == 422
    assert "This code is wrong" in wrong_code.text
    wrong_password = browser.post(RENEW, password="wrong", code=watch.code(secret))
    assert "This is not your password." in wrong_password.text
    done = browser.post(RENEW, password=PASSWORD, code=watch.code(secret))  # the wrong password did not use it up
    assert done.status_code == 200
    assert done.headers["Cache-Control"] == "no-store"
    assert "The old codes are void." in done.text
    assert not set(codes_on(done)) & set(old)
    assert browser.post(RENEW, password=PASSWORD, code=watch.code(secret)).status_code == 422


@pytest.mark.both_databases
def test_turning_it_off_costs_password_and_code(app: Flask, person: User, browser: Browser, watch: Watch) -> None:
    secret, codes = factor_on(person, watch)
    browser.log_in()
    browser.post("/login/code", code=watch.code(secret))
    assert browser.post(OFF, password="wrong", code=codes[0]).status_code == 422
    assert browser.post(OFF, password=PASSWORD, code="wrong").status_code == 422
    assert "On since" in browser.get("/account").text
    answer = browser.post(f"{OFF}?with=recovery", password=PASSWORD, code=codes[0])
    assert answer.location == "/account"
    assert "The second factor is off." in browser.get("/account").text
    assert browser.post(OFF, password=PASSWORD, code=codes[1]).location == "/account"
    assert browser.get(RENEW).location == BEGIN
    browser.post("/logout")
    assert browser.log_in().location == "/"


@pytest.mark.parametrize("path", [RENEW, OFF])
def test_a_recovery_code_has_a_field_for_letters(person: User, browser: Browser, watch: Watch, path: str) -> None:
    secret, _ = factor_on(person, watch)
    browser.log_in()
    browser.post("/login/code", code=watch.code(secret))
    usual = browser.get(path).text
    assert 'inputmode="numeric"' in usual
    assert f'href="{path}?with=recovery"' in usual
    assert "inputmode" not in browser.get(f"{path}?with=recovery").text


class TestLimits:
    """Password and code are guessed a few times only."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_LIMIT_ACCOUNT": "3 per 15 minutes"}

    def test_a_stolen_session_cannot_guess_codes(self, person: User, browser: Browser, watch: Watch) -> None:
        secret, codes = factor_on(person, watch)
        browser.log_in()
        browser.post("/login/code", code=watch.code(secret))
        tries = [browser.post(path, password=PASSWORD, code="000000").status_code for path in (OFF, RENEW, OFF, RENEW)]
        assert tries == [422, 422, 422, 429]
        assert browser.post(OFF, password=PASSWORD, code=codes[0]).status_code == 429

    def test_the_password_is_guessed_as_seldom_as_elsewhere(self, person: User, browser: Browser) -> None:
        browser.log_in()
        tries = [browser.post(path, password="wrong").status_code for path in (BEGIN, "/account/delete", BEGIN, BEGIN)]
        assert tries == [422, 422, 422, 429]
