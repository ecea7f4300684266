"""How often somebody may try."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.extensions import limiter
from webapp.models import User


@pytest.fixture
def settings_changes() -> dict[str, object]:
    return {"LOGIN_LIMIT_ACCOUNT": "3 per 15 minutes", "LOGIN_LIMIT_ADDRESS": "6 per 15 minutes"}


def test_an_account_takes_a_few_wrong_tries_from_anywhere(person: User, new_browser: Callable[..., Browser]) -> None:
    for number in range(3):
        assert new_browser(address=f"192.0.2.{number}").log_in(password="wrong").status_code == 422
    answer = new_browser(address="192.0.2.99").log_in()
    assert answer.status_code == 429
    assert "Please wait 15 minutes and try again." in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 901


def test_an_unknown_account_is_throttled_alike(person: User, browser: Browser,
                                                   new_browser: Callable[..., Browser]) -> None:
    known = [browser.log_in(password="wrong").status_code for _ in range(4)]
    stranger = new_browser(address="198.51.100.1")
    unknown = [stranger.log_in(email="eve@example.com").status_code for _ in range(4)]
    assert known == unknown == [422, 422, 422, 429]


def test_other_spellings_of_an_address_count_together(person: User, browser: Browser) -> None:
    spellings = [EMAIL, "ADA@example.com", f" {EMAIL} ", "Ada@Example.com"]
    assert [browser.log_in(email=text, password="wrong").status_code for text in spellings][-1] == 429


def test_an_address_takes_a_few_wrong_tries_for_any_account(browser: Browser,
                                                                new_browser: Callable[..., Browser]) -> None:
    tries = [browser.log_in(email=f"person{number}@example.com").status_code for number in range(7)]
    assert tries == [422] * 6 + [429]
    assert new_browser(address="198.51.100.1").log_in(email="person9@example.com").status_code == 422


def test_an_ipv6_customer_is_one_address(new_browser: Callable[..., Browser]) -> None:
    for number in range(6):
        new_browser(address=f"2001:db8:1:2::{number}").log_in(email=f"person{number}@example.com")
    assert new_browser(address="2001:db8:1:2:ffff::1").log_in(email="x@example.com").status_code == 429
    assert new_browser(address="2001:db8:1:3::1").log_in(email="x@example.com").status_code == 422


def test_only_failures_count(person: User, browser: Browser) -> None:
    for _ in range(8):
        assert browser.log_in().status_code == 303
        browser.post("/logout")
    assert browser.log_in(password="wrong").status_code == 422


def test_a_log_in_in_between_does_not_forgive_what_failed_before(person: User, browser: Browser) -> None:
    browser.log_in(password="wrong")
    browser.log_in(password="wrong")
    browser.log_in()
    browser.post("/logout")
    assert browser.log_in(password="wrong").status_code == 422
    assert browser.log_in(password="wrong").status_code == 429


def test_a_form_without_a_token_counts_for_nobody(person: User, browser: Browser) -> None:
    for _ in range(8):
        browser.open("/login", method="POST", data={"email": EMAIL, "password": "wrong"})
    assert browser.log_in().status_code == 303


def test_who_is_throttled_still_reads_pages(browser: Browser) -> None:
    for number in range(7):
        browser.log_in(email=f"person{number}@example.com")
    assert browser.get("/login").status_code == 200


def test_signing_up_is_limited_by_address(browser: Browser, new_browser: Callable[..., Browser]) -> None:
    for number in range(6):
        new_browser().post("/register", email=f"person{number}@example.com", password=PASSWORD)
    assert browser.post("/register", email=EMAIL, password=PASSWORD).status_code == 429
    assert count(User) == 6


def test_one_mailbox_gets_a_few_mails_only(person: User, browser: Browser) -> None:
    tries = [browser.post("/password/forgot", email=EMAIL).status_code for _ in range(4)]
    assert tries == [200, 200, 200, 429]


def test_a_stolen_session_cannot_guess_the_password(person: User, browser: Browser) -> None:
    browser.log_in()
    tries = [browser.post("/account/delete", password="wrong").status_code,
             browser.post("/account/password", current="wrong", password="a newer long secret").status_code,
             browser.post("/account/delete", password="wrong").status_code,
             browser.post("/account/password", current=PASSWORD, password="a newer long secret").status_code]
    assert tries == [422, 422, 422, 429]


def test_redis_keeps_no_address_of_a_person(person: User, browser: Browser, redis: Redis) -> None:
    browser.log_in(password="wrong")
    keys = [key.decode() if isinstance(key, bytes) else str(key) for key in redis.keys("*")]
    assert any("login" in key for key in keys)
    assert not any("ada" in key or "example.com" in key for key in keys)


def test_without_redis_the_count_goes_on_in_memory(app: Flask, person: User, browser: Browser,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(limiter._limiter, "hit", away)
    try:
        tries = [browser.log_in(password="wrong").status_code for _ in range(4)]
        assert tries == [422, 422, 422, 429]
    finally:
        limiter._storage_dead = False
        limiter._fallback_storage.reset()


class TestSwitchedOff:
    """LOGIN_THROTTLE=no."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"LOGIN_THROTTLE": False, "LOGIN_LIMIT_ACCOUNT": "1 per hour"}

    def test_nobody_is_throttled(self, person: User, browser: Browser) -> None:
        assert [browser.log_in(password="wrong").status_code for _ in range(3)] == [422] * 3
        assert browser.log_in().status_code == 303
