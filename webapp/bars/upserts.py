"""The database's own INSERT, which knows what to do with a row that is there already."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from webapp.extensions import Model, db


def upsert(model: type[Model], *, on: tuple[str, ...], change: tuple[str, ...]) -> Any:
    """Return an INSERT that changes these columns of a row whose key `on` is there already."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(model.__table__)
    return statement.on_conflict_do_update(
        index_elements=list(on), set_={name: statement.excluded[name] for name in change})
