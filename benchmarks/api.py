"""Measures the API against the same answers from Django REST framework, on both databases; see docs/performance.md.

PYTHONPATH=. .venv/bin/python benchmarks/api.py [--only sqlite] [--quick] [--check]

Both run under gunicorn with one gevent worker on a core of its own; the client has another core. Addresses are asked
for in turn: 50 for a quote, ten for longer answers. Stagewatch gives an answer of market data again for a second
(API_FRESH_SECONDS), so each is made anew once a second; with --anew it makes every one anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import os
import shutil
import statistics
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask_migrate
from sqlalchemy import Column, Date, ForeignKey, Integer, MetaData, Table, insert, select

from benchmarks.rest.servers import RestFramework, Server, Stagewatch
from benchmarks.screener import FRIDAY, database, fill
from benchmarks.streams.machine import BenchmarkError, stopping
from benchmarks.streams.others import install_peers
from benchmarks.streams.report import Bar, print_bars, print_table
from tests.conftest import RedisServer, Settings
from tests.webapp.charts.past import series_of, walk, weekdays
from webapp.analytics.series import to_day
from webapp.app import create_app
from webapp.bars.codec import from_series
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.models.bars import DAY
from webapp.models.types import ExactDecimal
from webapp.records import Adjustment

STOCKS = 2_000
YEAR = 252
CONNECTIONS = 8
LEAST_TIMES = 3.0  # the throughput, against Django REST framework's
WIDTH = {"per_s": "answers/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "bytes": "bytes", "client_cpu": "client CPU"}
Figures = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How long one measurement is, and how often it is repeated."""

    seconds: float = 3.0
    rounds: int = 2


def addresses(keys: list[str]) -> dict[str, list[str]]:
    """Return what is asked for in turn, by name: 50 stocks' quotes, and ten forms of each longer answer."""
    turns = range(10)
    days = [FRIDAY - dt.timedelta(days=364 + turn) for turn in turns]
    return {"a quote": [f"/api/v1/quotes/{key}" for key in keys],
            "50 quotes": [f"/api/v1/quotes?symbols={','.join(keys[turn:] + keys[:turn])}" for turn in turns],
            "a year of bars": [f"/api/v1/instruments/{keys[0]}/bars?from={day}&limit=1000" for day in days],
            "the screener": [f"/api/v1/screener?stage={stage}&limit=50" for stage in (1, 2, 3, 4)]}


def prepare(folder: Path, url: str, redis: str) -> list[str]:
    """Fill the database, and one row for each bar besides; return the stocks' keys."""
    app = create_app(Settings(folder / "prepare", redis, url))
    with app.app_context():
        flask_migrate.upgrade()
        fill(STOCKS)
        first = db.session.scalars(select(InstrumentRow).order_by(InstrumentRow.id).limit(50)).all()
        series = series_of(weekdays(5 * YEAR, FRIDAY), walk(5 * YEAR))
        write_bars(first[0].id, DAY, "tiingo", from_series(series), adjusted=Adjustment.NONE,
                   now=dt.datetime.now(dt.UTC))
        table = Table("peer_bars", MetaData(), Column("id", Integer, primary_key=True),
                      Column("instrument_id", ForeignKey(InstrumentRow.id), index=True),
                      Column("day", Date, index=True), Column("volume", Integer),
                      *(Column(name, ExactDecimal) for name in ("open", "high", "low", "close")))
        table.create(db.session.connection())
        columns = {name: getattr(series, name) for name in ("open", "high", "low", "close")}
        db.session.execute(insert(table), [
            {"instrument_id": first[0].id, "day": to_day(at), "volume": int(series.volume[place]),
             **{name: Decimal(f"{values[place]:.2f}") for name, values in columns.items()}}
            for place, at in enumerate(series.at)])
        db.session.commit()
        keys = [stock.record().key for stock in first]
        db.session.remove()
        db.engine.dispose()
    return keys


def compare(ours: Server, theirs: Server, paths: dict[str, list[str]]) -> None:
    """Hold the answers against each other: the same fields, as many items; raise BenchmarkError."""
    for name, each in paths.items():
        one, other = _items(ours.get(each[0])), _items(theirs.get(each[0]))
        if not one or len(one) != len(other) or set(one[0]) != set(other[0]):
            raise BenchmarkError(f"{name}: the answers differ: {len(one)} and {len(other)} items, "
                                 f"{set(one[0]) ^ set(other[0]) if one and other else 'none'}")


def _items(answer: Any) -> Any:
    return list(answer.get("items") or answer.get("results") or [answer]) if isinstance(answer, dict) else answer


def measure(url: str, folder: Path, redis: str, sizes: Sizes) -> dict[str, dict[str, Figures]]:
    """Return the figures of each address for each server: the middle of the rounds, taken in turn."""
    paths = addresses(prepare(folder, url, redis))
    ours, theirs = Stagewatch(folder, url, redis), RestFramework(folder, url)
    with stopping(ours, theirs):
        compare(ours, theirs, paths)
        found = {}
        for name, asked in paths.items():
            taken: dict[str, list[Figures]] = {ours.name: [], theirs.name: []}
            for _ in range(sizes.rounds):
                for server in (ours, theirs):
                    taken[server.name].append(server.load(asked, CONNECTIONS, sizes.seconds))
            found[name] = {server: {key: statistics.median(each[key] for each in rounds) for key in WIDTH}
                           for server, rounds in taken.items()}
    return found


def bars_of(found: dict[str, Any]) -> list[Bar]:
    """Return the promises."""
    bars = []
    for kind, addressed in found.items():
        for name, figures in addressed.items():
            ours, theirs = figures[Stagewatch.name], figures[RestFramework.name]
            bars += [Bar(f"{kind}, {name}: answers/s against Django REST framework's", LEAST_TIMES,
                         round(ours["per_s"] / theirs["per_s"], 2), at_least=True),
                     Bar(f"{kind}, {name}: p99 against Django REST framework's", 1.0,
                         round(ours["p99_ms"] / theirs["p99_ms"], 3))]
    return bars


def run(kinds: list[str], sizes: Sizes) -> dict[str, Any]:
    """Measure each database, and print a table of each."""
    found = {}
    folder = Path(tempfile.mkdtemp(prefix="sw-api-"))
    redis = RedisServer(folder)
    redis.start()
    try:
        for kind in kinds:
            (folder / kind).mkdir()
            with database(kind, folder) as url:
                found[kind] = measure(url, folder / kind, redis.url, sizes)
            print(f"\n{kind}")
            print_table(WIDTH, {f"{name}, {server}": figures for name, servers in found[kind].items()
                                for server, figures in servers.items()})
    finally:
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return found


def main() -> int:
    """Print tables, bars, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--quick", action="store_true", help="short: whether it works, not how well")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    parser.add_argument("--anew", action="store_true", help="give no answer again")
    words = parser.parse_args()
    os.environ["API_FRESH_SECONDS"] = "0" if words.anew else "1"
    try:
        install_peers()
        found = run([words.only] if words.only else ["sqlite", "postgresql"],
                    Sizes(seconds=1, rounds=1) if words.quick else Sizes())
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    bars = bars_of(found)
    print_bars(bars)
    print(json.dumps({"benchmark": "api", "load": round(os.getloadavg()[0], 2), "found": found,
                      "bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not all(bar.holds for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
