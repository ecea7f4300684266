"""Making an account."""

from __future__ import annotations

import pytest

from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser, count
from webapp.accounts import queries
from webapp.models import User


def test_a_newcomer_signs_up_and_is_logged_in(browser: Browser) -> None:
    answer = browser.post("/register", email="Ada@Example.COM ", password=PASSWORD)
    assert answer.status_code == 303
    assert answer.location == "/watchlists/pick"
    assert browser.is_logged_in()
    user = queries.find_user(EMAIL)
    assert user is not None
    assert user.password_hash.startswith("$argon2id$")


def test_signing_up_leads_back_to_where_one_was(browser: Browser) -> None:
    answer = browser.post("/register?next=/watchlists", email=EMAIL, password=PASSWORD)
    assert answer.location == "/watchlists"


def test_an_address_has_one_account_only(person: User, browser: Browser) -> None:
    answer = browser.post("/register", email="ADA@example.com", password="another long secret")
    assert answer.status_code == 422
    assert "There is already an account with this address" in answer.text
    assert count(User) == 1


def test_two_at_the_same_moment_make_one_account(person: User, browser: Browser,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "find_user", lambda email: None)
    answer = browser.post("/register", email=EMAIL, password=PASSWORD)
    assert answer.status_code == 422
    assert "There is already an account" in answer.text
    assert count(User) == 1


@pytest.mark.parametrize(("email", "password", "sentence"), [
    ("", PASSWORD, "Type your e-mail address."),
    ("ada", PASSWORD, "This is not an e-mail address."),
    ("ada@nowhere", PASSWORD, "This is not an e-mail address."),
    (EMAIL, "", "Choose a password."),
    (EMAIL, "too short", "Use at least 10 characters."),
    (EMAIL, "x" * 257, "Use at most 256 characters."),
    (EMAIL, "Password123", "one of the most common passwords"),
    (EMAIL, "ADA@example.com", "Do not use your e-mail address"),
])
def test_what_cannot_be_taken_is_said_next_to_its_field(browser: Browser, email: str, password: str,
                                                        sentence: str) -> None:
    answer = browser.post("/register", email=email, password=password)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert count(User) == 0


def test_a_wrong_form_keeps_what_was_typed_but_never_the_password(browser: Browser) -> None:
    answer = browser.post("/register", email=EMAIL, password="short one")
    assert f'value="{EMAIL}"' in answer.text
    assert "short one" not in answer.text


def test_the_first_wrong_field_has_the_focus(browser: Browser) -> None:
    page = browser.post("/register", email=EMAIL, password="short").text
    focused = [tag for tag in page.split("<") if "autofocus" in tag]
    assert len(focused) == 1
    assert 'name="password"' in focused[0]


def test_password_managers_understand_the_fields(browser: Browser) -> None:
    page = browser.get("/register").text
    assert 'autocomplete="username"' in page
    assert 'autocomplete="new-password"' in page


def test_a_form_without_its_token_makes_nothing(browser: Browser) -> None:
    answer = browser.open("/register", method="POST", data={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 400
    assert count(User) == 0


class TestClosed:
    """REGISTRATION_OPEN=no."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"REGISTRATION_OPEN": False}

    def test_nobody_signs_up(self, browser: Browser) -> None:
        assert browser.get("/register").status_code == 403
        answer = browser.post("/register", email=EMAIL, password=PASSWORD)
        assert answer.status_code == 403
        assert "Sign-up is closed" in answer.text
        assert count(User) == 0

    def test_the_log_in_page_does_not_offer_it(self, browser: Browser) -> None:
        assert "/register" not in browser.get("/login").text
