"""Past prices from the shell: `flask bars import FILE... --symbol AAPL`."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from webapp.audit import SHELL_ACTOR
from webapp.bars.files.importing import ADJUSTMENTS, Choices
from webapp.commands import DatabaseGroup
from webapp.extensions import db
from webapp.history import service
from webapp.history.forms import check_made_on, check_source, find_stock
from webapp.markets import EXCHANGES
from webapp.models import IngestRun, RunState
from webapp.records import MINOR_UNITS

bars = DatabaseGroup("bars", help="Past prices.")


@bars.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--symbol", default="", help="The stock that the files are of: AAPL, XLON:TSCO.")
@click.option("--exchange", default="", help="The exchange of the symbols, by ISO 10383: XNAS.")
@click.option("--source", default="", help="What the bars are called here; bars of one name make one series.")
@click.option("--adjusted", type=click.Choice(list(ADJUSTMENTS)), help="What the prices are adjusted for.")
@click.option("--unit", default="", help="What the prices are in: GBP, GBX. Without it, what the exchange quotes in.")
@click.option("--made-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which the files were made.")
@click.option("--skip-bad-lines", is_flag=True, help="Import the good lines of a file that has bad ones.")
@click.option("--even-if-different", is_flag=True, help="Import prices that are far from those that are stored.")
def import_files(files: Sequence[Path], symbol: str, exchange: str, source: str, adjusted: str | None, unit: str,
                 made_on: dt.datetime | None, skip_bad_lines: bool, even_if_different: bool) -> None:
    """Import daily bars from files of Alpha Vantage, Yahoo, Stooq, Tiingo, WIKI, or with plain columns."""
    try:
        check_source(source)
        check_made_on(made_on.date() if made_on else None)
        instrument = find_stock(symbol, _exchange(exchange))
        kind = ADJUSTMENTS[adjusted] if adjusted else None
        day = made_on.date() if made_on else None
        choices = Choices(instrument, _exchange(exchange), source, kind, _unit(unit), day, skip_bad_lines,
                          even_if_different)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    states = [_import_one(path, choices) for path in files]
    if any(state != RunState.DONE for state in states):
        raise click.exceptions.Exit(1)


def _import_one(path: Path, choices: Choices) -> str:
    """Import one file in a transaction of its own; say what came of it and return its state."""
    run = service.new_run(service.SHELL, path.name, choices)
    shows = sys.stderr.isatty()
    try:
        for step in service.take_in(run, path):
            service.note_done(step, SHELL_ACTOR)
            db.session.commit()
            if shows and step.state == RunState.RUNNING and step.total:
                click.echo(f"\r{path.name}: {100 * step.done // step.total} % read", nl=False, err=True)
    except BaseException as error:
        db.session.rollback()
        said = f": {error.strerror}" if isinstance(error, OSError) else ""
        with suppress(OperationalError):  # what has failed may be the database
            service.fail(run, f"It failed: {type(error).__name__}{said}")
            db.session.commit()
        if said:  # a full disk, most likely, which is no fault of ours
            raise click.ClickException(f"{path.name} was not imported{said}.") from error
        raise
    if shows:
        click.echo("\r\x1b[K", nl=False, err=True)
    _say(run)
    return run.state


def _say(run: IngestRun) -> None:
    if run.state == RunState.DONE:
        click.echo(f"{run.subject}: {run.added:,} bars new, {run.changed:,} changed, {run.unchanged:,} as before. "
                   f"{run.reason} Open findings: {run.findings:,}.")
    else:
        click.echo(f"{run.subject}: {run.state}. {run.reason}", err=True)
    for line, reason in run.problems or ():
        click.echo(f"  line {line}: {reason}", err=True)
    if run.problems and run.refused > len(run.problems):
        click.echo(f"  and {run.refused - len(run.problems):,} more", err=True)


def _exchange(mic: str) -> str:
    mic = mic.strip().upper()
    if mic and mic not in EXCHANGES:
        raise ValueError(f"There is no exchange {mic} here: there are {', '.join(sorted(EXCHANGES))}.")
    return mic


def _unit(unit: str) -> str:
    if unit and unit not in MINOR_UNITS and not re.fullmatch(r"[A-Z]{3}", unit):
        raise ValueError("A unit is a currency's code, like USD, or GBX, ZAC, ILA for hundredths.")
    return unit
