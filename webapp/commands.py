"""Groups of shell commands that need the database."""

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from config import Config
from webapp.extensions import db


class DatabaseGroup(AppGroup):
    """Commands that say in one line what to do where there are no tables yet, or the database gives up."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError) as error:
            db.session.rollback()
            _explain(error)
            raise


def _explain(error: DBAPIError) -> None:
    """Raise ClickException in the place of an error that is no fault of ours."""
    settings: Config = current_app.config["SETTINGS"]
    try:
        missing = set(db.metadata.tables) - set(inspect(db.engine).get_table_names())
    except DBAPIError:
        raise click.ClickException(f"The database {settings.redacted_database} cannot be used. Check that it runs, "
                                   "and that DATABASE_URL is right.") from error
    if missing:
        raise click.ClickException(
            "The database is not set up yet. Start Stagewatch once with 'make run', or run 'flask db upgrade'."
        ) from error
    if isinstance(error, OperationalError):
        said = str(error.orig).partition("\n")[0]
        raise click.ClickException(f"The database gave up: {said}. Try again in a minute.") from error
