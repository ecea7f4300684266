"""Watches database and bus from outside while processes die, and notes what should never be."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from webapp import redis as redis_clients
from webapp.filters import money
from webapp.live import bus
from webapp.records import LiveQuote, Quote

LOOK_SECONDS = 0.2
# A hole is one from this length on; see GAP_INTERVALS of the refresh, which comes every 2 seconds.
PATIENCE = dt.timedelta(seconds=6)
# Prices are a second or two older than the moment they were fetched at.
AGE = dt.timedelta(seconds=3)


def moment(text: str) -> dt.datetime:
    """Read a time as SQLite keeps it."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class Database:
    """The site's SQLite file, read from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Open the file; all that is read within is of one moment."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()

    def version(self) -> int:
        """Return the feed's version."""
        with self.snapshot() as rows:
            return int(rows.execute("SELECT value FROM feed_version").fetchone()[0])

    def prices(self) -> dict[int, str]:
        """Return each stock's price as a page shows it."""
        query = "SELECT instrument_id, price, decimals FROM quotes JOIN instruments ON id = instrument_id"
        with self.snapshot() as rows:
            return {number: money(Decimal(price), decimals) for number, price, decimals in rows.execute(query)}


class Witness:
    """Runs beside the site; `faults` is what it saw that should never be."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self.database = database
        self.redis_url = redis_url
        self.faults: list[str] = []
        self.published = 0
        self.fetched: dict[int, list[dt.datetime]] = {}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._watch)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join(10)

    # What is published

    def _listen(self) -> None:
        """Compare every published row with the database, at once."""
        while not self.ended.is_set():
            client = redis_clients.connect(self.redis_url, retries=0)
            with contextlib.suppress(*redis_clients.RedisAway), client, client.pubsub() as listener:  # type: ignore[no-untyped-call]
                listener.subscribe(bus.QUOTES)
                while not self.ended.is_set():
                    message = listener.get_message(timeout=0.2)
                    if message and message["type"] == "message":
                        self._compare(json.loads(message["data"]))
            time.sleep(0.05)

    def _compare(self, content: dict[str, Any]) -> None:
        version, published = bus.decode_quotes(content)
        with self.database.snapshot() as rows:
            rows.row_factory = sqlite3.Row
            kept = {row["instrument_id"]: row for row in rows.execute("SELECT * FROM quotes")}
            for live in published:
                self.published += 1
                row = kept.get(live.instrument.id)
                if row is None or row["version"] < version or (row["version"] == version and differs(row, live)):
                    self.faults.append(f"published, but not committed: {live}")
                elif live.quote and not has_tick(rows, live.quote):
                    self.faults.append(f"published without its tick: {live}")

    # What is stored

    def _watch(self) -> None:
        """Look at every quote again and again."""
        while not self.ended.wait(LOOK_SECONDS):
            with self.database.snapshot() as rows:
                self._look(rows)

    def _look(self, rows: sqlite3.Connection) -> None:
        newest = rows.execute("SELECT value FROM feed_version").fetchone()[0]
        query = """SELECT q.instrument_id, q.version, q.fetched_at, q.price, q.low, q.high, t.price
                   FROM quotes q LEFT JOIN ticks t ON t.instrument_id = q.instrument_id AND t.as_of = q.as_of"""
        for number, version, fetched_at, price, low, high, tick in rows.execute(query):
            times = self.fetched.setdefault(number, [])
            if not times or times[-1] != moment(fetched_at):
                times.append(moment(fetched_at))
            if version > newest or tick != price or not float(low) <= float(price) <= float(high):
                self.faults.append(f"half written: {number} {version}/{newest} {price} tick {tick} {low}-{high}")

    # What the history says

    def holes_unknown_to_the_database(self) -> list[str]:
        """Return the times without a fetch, and without any tick, that no row of quote_gaps covers."""
        with self.database.snapshot() as rows:
            gaps = {(number, moment(began), moment(ended)) for number, began, ended in
                    rows.execute("SELECT instrument_id, started_at, ended_at FROM quote_gaps")}
            ticks = [moment(row[0]) for row in rows.execute("SELECT DISTINCT as_of FROM ticks ORDER BY as_of")]
        unknown = [f"stock {number}: nothing fetched from {began} to {ended}"
                   for number, times in self.fetched.items() for began, ended in holes(times, PATIENCE)
                   if (number, began, ended) not in gaps]
        start = min(times[0] for times in self.fetched.values())
        return unknown + [
            f"no tick of any stock from {began} to {ended}"
            for began, ended in holes([tick for tick in ticks if tick > start], PATIENCE + AGE)
            if not any(first <= began + AGE and last >= ended for _, first, last in gaps)]

    def gaps(self) -> int:
        """Return how many gaps the database knows of."""
        with self.database.snapshot() as rows:
            return int(rows.execute("SELECT count(*) FROM quote_gaps").fetchone()[0])

    def doubles(self) -> list[Any]:
        """Return the ticks that are there twice, and the gaps."""
        with self.database.snapshot() as rows:
            return [*rows.execute("SELECT instrument_id, as_of FROM ticks GROUP BY 1, 2 HAVING count(*) > 1"),
                    *rows.execute("SELECT instrument_id, started_at FROM quote_gaps GROUP BY 1, 2 HAVING count(*) > 1")]


def holes(times: list[dt.datetime], patience: dt.timedelta) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the neighbours that are further apart than `patience`."""
    return [(one, two) for one, two in itertools.pairwise(times) if two - one > patience]


def differs(row: sqlite3.Row, live: LiveQuote) -> bool:
    """Tell whether the row holds other figures than were published."""
    quote = live.quote
    return quote is None or any(
        row[name] != (None if getattr(quote, name) is None else str(getattr(quote, name)))
        for name in ("price", "previous_close", "open", "high", "low", "bid", "ask")) or row["volume"] != quote.volume


def has_tick(rows: sqlite3.Connection, quote: Quote) -> bool:
    """Tell whether the price is part of the history."""
    as_of = quote.as_of.replace(tzinfo=None).isoformat(" ", "microseconds")
    found = rows.execute("SELECT price FROM ticks WHERE instrument_id = ? AND as_of = ?",
                         (quote.instrument_id, as_of)).fetchone()
    return found is not None and found[0] == str(quote.price)
