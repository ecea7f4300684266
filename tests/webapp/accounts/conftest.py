"""A browser that keeps cookies and sends the form's own token, people, and a Redis that can be listened to."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.webapp.people import bells
from webapp import clock
from webapp.accounts import passwords, service
from webapp.extensions import db
from webapp.models import User

__all__ = ["bells"]

EMAIL = "ada@example.com"
PASSWORD = "a rather long secret"


class Browser:
    """Cookies and forms, without JavaScript. Each request runs in a context of its own, as on the server."""

    def __init__(self, app: Flask, address: str = "192.0.2.1", agent: str = "") -> None:
        self.client = app.test_client()
        self.address = address
        self.agent = agent

    def open(self, path: str, **options: Any) -> TestResponse:
        """Send one request."""
        headers = {"User-Agent": self.agent, **options.pop("headers", {})}
        return Context().run(self.client.open, path, headers=headers,
                             environ_overrides={"REMOTE_ADDR": self.address}, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.open(path, **options)

    def post(self, path: str, **fields: str) -> TestResponse:
        """Fill in a form and send it, with the token of a page of this site."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/password/forgot").text)
        assert token is not None
        return self.open(path, method="POST", data={"csrf_token": token[1], **fields})

    def log_in(self, email: str = EMAIL, password: str = PASSWORD, **fields: str) -> TestResponse:
        """Log in."""
        return self.post("/login", email=email, password=password, **fields)

    def is_logged_in(self) -> bool:
        """Tell whether the account page opens."""
        return self.get("/account").status_code == 200

    def cookies(self) -> dict[str, str]:
        """Return every cookie it holds."""
        return {name: cookie.value for (_, _, name), cookie in (self.client._cookies or {}).items()}


class Watch:
    """The time of a test."""

    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def forward(self, *, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def code(self, secret: str) -> str:
        """Return what an authenticator app shows now."""
        return pyotp.TOTP(secret).at(self.now)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Return the clock that the application goes by; it stands still until the test moves it."""
    held = Watch()
    monkeypatch.setattr(clock, "now", lambda: held.now)
    return held


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with next to no work; test_passwords.py looks at the real parameters."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def new_browser(app: Flask) -> Callable[..., Browser]:
    """Make one more browser."""
    return lambda **options: Browser(app, **options)


@pytest.fixture
def browser(new_browser: Callable[..., Browser]) -> Browser:
    """Open a browser that nobody is logged in with."""
    return new_browser()


@pytest.fixture
def person(app: Flask) -> User:
    """An account with a password that the tests know."""
    user = service.create_user(EMAIL, PASSWORD)
    db.session.commit()
    return user


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the hash of every password check, which is where the time of a log-in goes."""
    seen: list[str] = []
    genuine = passwords._fits

    def counted(password_hash: str, password: str) -> bool:
        seen.append(password_hash)
        return genuine(password_hash, password)

    monkeypatch.setattr(passwords, "_fits", counted)
    return seen


def count(model: type[Any]) -> int:
    """Return how many rows there are now, whatever this test has read before."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0
