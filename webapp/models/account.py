"""People and the sessions they are logged in with."""

from __future__ import annotations

import datetime as dt

from flask_login import UserMixin
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp import clock
from webapp.extensions import Model
from webapp.models.types import UtcDateTime


class User(UserMixin, Model):
    """An account. `email` is lower case and unique. An admin also sees how the place is run."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    locked: Mapped[bool] = mapped_column(default=False)
    admin: Mapped[bool] = mapped_column(default=False)
    sessions: Mapped[list[UserSession]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True)

    # Of the session the person was loaded by; not columns.
    session_token = ""
    session_id = 0

    def get_id(self) -> str:
        """Return what Flask-Login keeps in the cookie: the session's token, never the account's number."""
        return self.session_token

    @property
    def is_active(self) -> bool:
        """Tell Flask-Login whether the account may be used."""
        return not self.locked


class UserSession(Model):
    """One log-in of one person. The cookie holds the token; the row holds its SHA-256 (`token_hash`, hex)."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, index=True)
    address: Mapped[str] = mapped_column(String(45), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    user: Mapped[User] = relationship(back_populates="sessions", lazy="joined", innerjoin=True)
