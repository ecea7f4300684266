"""Coming in with a second factor: the password, then a code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, Watch, count
from tests.webapp.accounts.factor import factor_on
from webapp.accounts import second_factor, service
from webapp.extensions import db
from webapp.models import AuditEntry, User, UserSession

CODE = "/login/code"
AGAIN = "Please log in again: the code must follow the password within five minutes."


@pytest.fixture
def secret(person: User, watch: Watch) -> str:
    return factor_on(person, watch)[0]


@pytest.mark.both_databases
def test_the_password_alone_opens_nothing(app: Flask, person: User, browser: Browser, watch: Watch) -> None:
    factor_on(person, watch)
    answer = browser.log_in()
    assert (answer.status_code, answer.location) == (303, CODE)
    assert count(UserSession) == 0
    assert not browser.is_logged_in()
    assert "stagewatch_remember" not in browser.cookies()
    assert browser.get("/watchlists").status_code == 303


@pytest.mark.both_databases
def test_password_and_code_let_in(app: Flask, person: User, browser: Browser, watch: Watch) -> None:
    secret, _ = factor_on(person, watch)
    browser.log_in()
    page = browser.get(CODE)
    assert 'inputmode="numeric"' in page.text
    assert 'autocomplete="one-time-code"' in page.text
    answer = browser.post(CODE, code=watch.code(secret))
    assert (answer.status_code, answer.location) == (303, "/")
    assert browser.is_logged_in()
    assert browser.get(CODE).location == "/"


def test_the_wish_to_stay_and_where_to_go_come_through(secret: str, browser: Browser, watch: Watch) -> None:
    answer = browser.post("/login?next=/watchlists", email=EMAIL, password=PASSWORD, remember="y")
    assert answer.location == f"{CODE}?next=/watchlists"
    assert f'href="{CODE}?with=recovery&amp;next=/watchlists"' in browser.get(answer.location).text
    answer = browser.post(answer.location, code=watch.code(secret))
    assert answer.location == "/watchlists"
    assert "stagewatch_remember" in browser.cookies()


def test_nobody_is_sent_to_another_site(secret: str, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    assert browser.post(f"{CODE}?next=//evil.example/", code=watch.code(secret)).location == "/"


def test_a_wrong_code_and_a_used_one_get_the_same_answer(secret: str, browser: Browser, watch: Watch,
                                                         new_browser: Callable[..., Browser]) -> None:
    used = watch.code(secret)
    browser.log_in()
    browser.post(CODE, code=used)
    other = new_browser()
    other.log_in()
    answers = [other.post(CODE, code=code) for code in ("000000", used, "abcd-efgh-ijkl-mnop", "nothing")]
    assert {answer.status_code for answer in answers} == {422}
    assert all("This code is wrong, or it was used already." in answer.text for answer in answers)
    assert not other.is_logged_in()
    watch.forward(seconds=30)
    assert other.post(CODE, code=watch.code(secret)).status_code == 303


def test_a_recovery_code_lets_in_once_and_says_how_many_are_left(person: User, browser: Browser, watch: Watch) -> None:
    _, codes = factor_on(person, watch)
    browser.log_in()
    assert "inputmode" not in browser.get(f"{CODE}?with=recovery").text
    assert browser.post(f"{CODE}?with=recovery", code=codes[0]).status_code == 303
    assert "That recovery code is used up. 9 are left." in browser.get("/").text
    browser.post("/logout")
    browser.log_in()
    answer = browser.post(f"{CODE}?with=recovery", code=codes[0])
    assert "This recovery code is wrong, or it was used already." in answer.text


def test_whoever_runs_out_of_recovery_codes_is_told(person: User, browser: Browser, watch: Watch) -> None:
    _, codes = factor_on(person, watch)
    for code in codes[1:]:
        second_factor.redeem(person.id, code)
    db.session.commit()
    browser.log_in()
    browser.post(CODE, code=codes[0])
    assert "None are left. Make new ones on your account page." in browser.get("/").text


def test_the_code_page_is_closed_without_a_password_before_it(secret: str, browser: Browser, watch: Watch) -> None:
    assert browser.get(f"{CODE}?next=/watchlists").location == "/login?next=/watchlists"
    assert browser.post(CODE, code=watch.code(secret)).location == "/login"
    assert AGAIN in browser.get("/login").text


def test_the_code_must_follow_within_five_minutes(secret: str, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    watch.forward(seconds=299)
    assert browser.get(CODE).status_code == 200
    watch.forward(seconds=1)
    assert browser.post(CODE, code=watch.code(secret)).location == "/login"
    assert not browser.is_logged_in()


def test_what_the_cookie_says_cannot_be_made_up(secret: str, browser: Browser, watch: Watch) -> None:
    browser.log_in()
    cookie = browser.cookies()["stagewatch"]
    browser.client.set_cookie("stagewatch", cookie[:-3] + "AAA")
    assert browser.get(CODE).location == "/login"


def test_a_new_password_voids_what_waits_for_its_code(person: User, secret: str, browser: Browser,
                                                      watch: Watch) -> None:
    browser.log_in()
    service.change_password(person, "a newer long secret", keep=None)
    db.session.commit()
    assert browser.post(CODE, code=watch.code(secret)).location == "/login"
    assert count(UserSession) == 0


@pytest.mark.parametrize("change", [{"locked": True}, second_factor.NO_FACTOR])
def test_who_is_locked_or_reset_meanwhile_starts_again(person: User, secret: str, browser: Browser, watch: Watch,
                                                       change: dict[str, object]) -> None:
    browser.log_in()
    for name, value in change.items():
        setattr(person, name, value)
    db.session.commit()
    assert browser.post(CODE, code=watch.code(secret)).location == "/login"
    assert AGAIN in browser.get("/login").text
    assert count(UserSession) == 0


def test_an_account_that_is_deleted_meanwhile_is_nobodys(person: User, secret: str, browser: Browser) -> None:
    browser.log_in()
    service.delete_user(person)
    db.session.commit()
    assert browser.post(CODE, code="123456").location == "/login"


def test_a_new_password_by_mail_leaves_the_factor_on(person: User, secret: str, browser: Browser,
                                                     watch: Watch) -> None:
    token = service.reset_token(person)
    assert browser.post(f"/password/reset/{token}", password="a newer long secret").status_code == 303
    assert browser.log_in(password="a newer long secret").location == CODE
    assert not browser.is_logged_in()
    browser.post(CODE, code=watch.code(secret))
    assert browser.is_logged_in()


def test_logging_in_keeps_nothing_of_the_session_before(secret: str, browser: Browser, watch: Watch) -> None:
    browser.get("/login")
    with browser.client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
        before = planted["csrf_token"]
    browser.log_in()
    with browser.client.session_transaction() as held:
        assert "planted" not in held
        assert held.get("csrf_token") != before
    browser.post(CODE, code=watch.code(secret))
    with browser.client.session_transaction() as now:
        assert set(now) - {"_id", "_fresh", "_user_id"} == set()


def test_who_lost_everything_is_let_in_from_the_shell(app: Flask, person: User, secret: str, browser: Browser) -> None:
    done = app.test_cli_runner().invoke(args=["users", "reset-second-factor", EMAIL])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{EMAIL} has no second factor any more.\n"
    assert db.session.scalars(select(AuditEntry.action)).all() == ["user.reset-second-factor"]
    assert browser.log_in().location == "/"
    assert app.test_cli_runner().invoke(args=["users", "reset-second-factor", EMAIL]).exit_code == 1


class TestLimits:
    """A few wrong codes for each account, from wherever."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_LIMIT_ACCOUNT": "3 per 15 minutes", "LOGIN_LIMIT_ADDRESS": "6 per 15 minutes"}

    def test_an_account_takes_a_few_wrong_codes_from_anywhere(self, secret: str, watch: Watch,
                                                              new_browser: Callable[..., Browser]) -> None:
        browsers = [new_browser(address=f"192.0.2.{number}") for number in range(4)]
        for browser in browsers:
            browser.log_in()
        tries = [browser.post(CODE, code="000000").status_code for browser in browsers[:3]]
        assert tries == [422, 422, 422]
        assert browsers[3].post(CODE, code=watch.code(secret)).status_code == 429

    def test_a_right_password_forgives_no_wrong_code(self, secret: str, browser: Browser) -> None:
        tries = []
        for _ in range(4):
            browser.log_in()
            tries.append(browser.post(CODE, code="000000").status_code)
        assert tries == [422, 422, 422, 429]

    def test_only_wrong_codes_count(self, secret: str, browser: Browser, watch: Watch) -> None:
        for _ in range(5):
            watch.forward(seconds=30)
            browser.log_in()
            assert browser.post(CODE, code=watch.code(secret)).status_code == 303
            browser.post("/logout")

    def test_an_address_takes_a_few_wrong_codes_for_any_account(self, app: Flask, watch: Watch,
                                                                new_browser: Callable[..., Browser]) -> None:
        tries = []
        for number in range(7):
            user = service.create_user(f"person{number}@example.com", PASSWORD)
            db.session.commit()
            factor_on(user, watch)
            browser = new_browser()
            browser.log_in(user.email)
            tries.append(browser.post(CODE, code="000000").status_code)
        assert tries == [422] * 6 + [429]


class TestSwitchedOff:
    """LOGIN_THROTTLE=no leaves the limit of codes: they are short."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_THROTTLE": False, "LOGIN_LIMIT_ACCOUNT": "2 per hour"}

    def test_codes_are_limited_all_the_same(self, secret: str, browser: Browser) -> None:
        browser.log_in()
        assert [browser.post(CODE, code="000000").status_code for _ in range(3)] == [422, 422, 429]
