"""The application for gunicorn and the flask command."""

import click

from webapp.app import create_app

app = create_app()


@app.cli.command("prepare")
def prepare() -> None:
    """Bring the database up to date: migrations, starter list, market calendar."""
    from worker.prepare import prepare_database  # noqa: PLC0415 - a web process must not load the workers' code

    for line in prepare_database():
        click.echo(line)
