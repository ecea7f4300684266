"""The statements that SQLite and PostgreSQL share but SQLAlchemy has twice: INSERT that knows of rows there already."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from webapp.extensions import db


def insert(model: type[Any]) -> Any:
    """Return the database's own INSERT, which knows ON CONFLICT."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(model.__table__)


def upsert(model: type[Any], *, on: tuple[str, ...], change: tuple[str, ...]) -> Any:
    """Return an INSERT that changes these columns of a row whose key `on` is there already."""
    statement = insert(model)
    return statement.on_conflict_do_update(
        index_elements=list(on), set_={name: statement.excluded[name] for name in change})
