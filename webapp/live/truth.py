"""The database as the feed reads it: a short transaction for each look."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask
from sqlalchemy import select

from webapp import clock, quotes
from webapp.extensions import db
from webapp.models import UserSession
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
        """Return those of the log-ins that no longer hold."""
        asked = list(ids)
        with self._app.app_context():
            holding: set[int] = set()
            for start in range(0, len(asked), 500):
                query = select(UserSession).where(UserSession.id.in_(asked[start:start + 500]),
                                                  UserSession.expires_at > clock.now())
                holding.update(session.id for session in db.session.scalars(query) if not session.user.locked)
        return set(asked) - holding
