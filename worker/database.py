"""The one statement that SQLite and PostgreSQL share but SQLAlchemy has twice: insert, unless it is there."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from webapp.extensions import db


def insert(model: type[Any]) -> Any:
    """Return the database's own INSERT, which knows ON CONFLICT."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(model.__table__)
