"""Runs the migrations on the application's own database connection."""

from typing import Any

from alembic import context
from flask import current_app

from webapp.extensions import db


def keep_empty_revisions_out(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write no new file where the models have not changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


def run_migrations() -> None:
    """Bring the schema to the asked revision, in one transaction where the database can."""
    options = dict(current_app.extensions["migrate"].configure_args)
    options.setdefault("process_revision_directives", keep_empty_revisions_out)
    with db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=db.metadata, **options)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations as SQL text are not supported: run them on the database.")
run_migrations()
