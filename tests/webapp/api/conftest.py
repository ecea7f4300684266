"""Programs that call the API, with tokens of every scope."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.webapp.people import cheap_hashes
from webapp.accounts import service as accounts
from webapp.accounts import tokens
from webapp.extensions import db
from webapp.models import Scope, User

__all__ = ["cheap_hashes"]


class Program:
    """Somebody's program: it has a token, or none ("")."""

    def __init__(self, app: Flask, token: str = "") -> None:
        self.client = app.test_client(use_cookies=False)
        self.token = token

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Call the API; `body` is sent as JSON."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        path = path if path.startswith("/udf") else f"/api/v1{path}"
        return Context().run(self.client.open, path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Read."""
        return self.call("GET", path, **options)


@pytest.fixture
def person(app: Flask) -> User:
    """Somebody with an account."""
    user = accounts.create_user("person@example.com", "a rather long secret")
    db.session.commit()
    return user


@pytest.fixture
def admin(app: Flask) -> User:
    """An admin."""
    user = accounts.create_user("admin@example.com", "a rather long secret", admin=True)
    db.session.commit()
    return user


@pytest.fixture
def nobody(app: Flask) -> Program:
    """A program without a token."""
    return Program(app)


@pytest.fixture
def program(app: Flask) -> Callable[[User, Scope], Program]:
    """Make programs with a new token of a person."""

    def make(user: User, scope: Scope = Scope.READ) -> Program:
        _row, text = tokens.create_token(user, "test", scope, None)
        db.session.commit()
        return Program(app, text)

    return make
