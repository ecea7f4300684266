"""The database as the feed reads it: a short transaction for each look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import Flask
from sqlalchemy import or_, select

from webapp import clock, quotes
from webapp.extensions import db
from webapp.models import ApiToken, UserSession
from webapp.records import LiveQuote


class DatabaseTruth:
    """Reads in an application context of its own, so that no connection stays taken in between."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def version(self) -> int:
        """Return the newest version."""
        with self._app.app_context():
            return quotes.current_version()

    def after(self, version: int, instrument_id: int, most: int) -> list[LiveQuote]:
        """Return up to `most` rows that come after one of this version and instrument, oldest version first."""
        with self._app.app_context():
            return quotes.load_after(version, instrument_id, most)

    def ended_sessions(self, ids: Iterable[int]) -> set[int]:
        """Return those of the log-ins that no longer hold; a number below zero is a token's."""
        asked = list(ids)
        with self._app.app_context():
            holding: set[int] = set()
            for start in range(0, len(asked), 500):
                part = asked[start:start + 500]
                holding.update(_sessions([each for each in part if each > 0]))
                holding.update(-each for each in _tokens([-each for each in part if each < 0]))
        return set(asked) - holding


def _sessions(ids: Sequence[int]) -> list[int]:
    """Return those of the log-ins that hold."""
    query = select(UserSession).where(UserSession.id.in_(ids), UserSession.expires_at > clock.now())
    return [session.id for session in db.session.scalars(query) if not session.user.locked]


def _tokens(ids: Sequence[int]) -> list[int]:
    """Return those of the tokens that hold."""
    if not ids:
        return []
    ends_at = ApiToken.expires_at
    query = select(ApiToken).where(ApiToken.id.in_(ids), or_(ends_at.is_(None), ends_at > clock.now()))
    return [token.id for token in db.session.scalars(query) if not token.user.locked]
