"""An admin, another person, somebody else, and what was rung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.webapp.people import PASSWORD, Browser, admin, bells, cheap_hashes, person, stranger, visitor
from webapp.extensions import db
from webapp.models import AuditEntry, User

__all__ = ["PASSWORD", "Browser", "admin", "bells", "cheap_hashes", "person", "stranger", "visitor"]


@pytest.fixture
def browser(app: Flask, admin: User) -> Browser:
    """The admin's browser, logged in."""
    return Browser(app).log_in(admin)


def add_user(email: str, **fields: Any) -> User:
    """Add an account that nobody logs in with, and commit."""
    user = User(email=email, password_hash="x", **fields)
    db.session.add(user)
    db.session.commit()
    return user


def log() -> Sequence[AuditEntry]:
    """Return the audit log as it is now, the oldest first."""
    db.session.rollback()
    return db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


def actions() -> list[str]:
    """Return what the audit log says was done."""
    return [entry.action for entry in log()]
