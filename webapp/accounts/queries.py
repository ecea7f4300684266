"""Reads people and their sessions."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import select

from webapp import clock
from webapp.extensions import db
from webapp.models import User, UserSession


def token_hash(token: str) -> str:
    """Return what the database keeps of a secret that it made: of a session, a token, an invitation, a code."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def find_user(email: str) -> User | None:
    """Return the account with this (normalised) address."""
    return db.session.scalar(select(User).where(User.email == email))


def find_session(token: str) -> UserSession | None:
    """Return the log-in that the token belongs to, with its person, in one query; none if it is over or locked."""
    row = db.session.scalar(select(UserSession).where(
        UserSession.token_hash == token_hash(token), UserSession.expires_at > clock.now()))
    return None if row is None or row.user.locked else row


def sessions_of(user_id: int, most: int | None = None) -> Sequence[UserSession]:
    """Return a person's live sessions, the newest first."""
    return db.session.scalars(
        select(UserSession).where(UserSession.user_id == user_id, UserSession.expires_at > clock.now())
        .order_by(UserSession.created_at.desc(), UserSession.id.desc()).limit(most)).all()
