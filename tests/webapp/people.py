"""People with browsers, for the tests of pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from webapp.accounts import passwords
from webapp.accounts import service as accounts
from webapp.extensions import db
from webapp.live.bus import BELLS
from webapp.models import User

PASSWORD = "a rather long secret"
Bells = Callable[[], list[dict[str, Any]]]
ASKED = "test:asked"  # the channel on which a test asks what came before


class Browser:
    """Cookies and forms. Each request runs in a context of its own, as on the server."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.token = ""

    def open(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        """Send one request."""
        return Context().run(self.client.open, path, method=method, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.open(path, **options)

    def post(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form with the token of a page of this site."""
        if not self.token:
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/password/forgot").text)  # a small page
            assert found is not None
            self.token = found[1]
        return self.open(path, "POST", data={"csrf_token": self.token} | (fields or {}), **options)

    def log_in(self, user: User) -> Browser:
        """Log in, and forget the token of before."""
        assert self.post("/login", {"email": user.email, "password": PASSWORD}).status_code == 303
        self.token = ""
        return self


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with next to no work."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def admin(app: Flask) -> User:
    """Somebody who runs the place."""
    user = accounts.create_user("ada@example.org", PASSWORD, admin=True)
    db.session.commit()
    return user


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """Somebody else's browser, logged in."""
    user = accounts.create_user("bob@example.org", PASSWORD)
    db.session.commit()
    return Browser(app).log_in(user)


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody is logged in with."""
    return Browser(app)


@pytest.fixture
def person(app: Flask) -> User:
    """Somebody with an account."""
    user = accounts.create_user("ann@example.org", PASSWORD)
    db.session.commit()
    return user


@pytest.fixture
def browser(app: Flask, person: User) -> Browser:
    """The person's browser, logged in."""
    return Browser(app).log_in(person)


@pytest.fixture
def bells(redis: Redis) -> Iterator[Bells]:
    """Return what was rung since the last time; Redis tells one listener everything in the order in which it came."""
    listener = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    listener.subscribe(BELLS, ASKED)

    def heard() -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        redis.publish(ASKED, "")
        while (message := listener.get_message(timeout=10)) is None or message["channel"].decode() != ASKED:
            if message is not None:
                messages.append(json.loads(message["data"]))
        return messages

    yield heard
    listener.close()
