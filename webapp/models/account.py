"""People, the sessions they are logged in with, their tokens for the API, and who was invited."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from flask_login import UserMixin
from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp import clock
from webapp.extensions import Model
from webapp.models.types import UtcDateTime


class User(UserMixin, Model):
    """An account. `email` is lower case and unique. An admin also sees how the place is run.

    `totp_secret` (base32) is what the person's device makes codes of, "" without a second factor; until
    `second_factor_at` it is only offered. `totp_step` is the last 30 seconds whose code was taken: none is taken twice.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    locked: Mapped[bool] = mapped_column(default=False)
    admin: Mapped[bool] = mapped_column(default=False)
    totp_secret: Mapped[str] = mapped_column(String(64), default="")
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    second_factor_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
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


class RecoveryCode(Model):
    """A code that stands in for the second factor once; the row holds its SHA-256 (`code_hash`, hex)."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Scope(StrEnum):
    """What a token may do: read the person's own; change it, too; see and run the place, too (admins only)."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ApiToken(Model):
    """A program's key to the API, shown once; the row holds its SHA-256 (`token_hash`, hex) and how it begins.

    `last_used_at` is kept to the minute. A token is revoked by deleting its row.
    """

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(12))
    scope: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Invitation(Model):
    """A link that makes an account once, also where registration is closed; `token_hash` is its SHA-256 (hex)."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    admin: Mapped[bool] = mapped_column(default=False)
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
