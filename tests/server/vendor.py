"""Alpha Vantage on loopback, answering each symbol as the test says, and a site that takes its prices from there."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import requests
from redis import Redis
from rq import Queue
from rq.job import Job

from tests.site import Site, wait_until
from tests.worker.providers.conftest import KEY, Vendor, global_quote
from webapp import redis as redis_clients
from webapp.live import bus

EMPTY: dict[str, object] = {"Global Quote": {}}
REFRESH = "worker.jobs.quotes.refresh_quotes"


class AlphaVantage(Vendor):
    """A vendor with an answer for each symbol; it does not know any other. `times` are when its calls came."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: dict[str, Any] = {}
        self.times: list[float] = []
        self.act = self._answer

    def on(self, symbol: str, way: str, *arguments: object) -> None:
        """Answer calls for this symbol from now on by `way`: say, hang or drip."""
        getattr(self, way)(*arguments)
        self.ways[symbol] = self.act
        self.act = self._answer

    def quote(self, symbol: str, price: str, day: dt.date | str, **others: str) -> None:
        """Answer with a price that is all there was on that day."""
        figures = {"open": price, "high": price, "low": price, "previous_close": price, "volume": "1000"} | others
        self.on(symbol, "say", global_quote(symbol=symbol, price=price, latest_trading_day=str(day), **figures))

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.times.append(time.monotonic())
        symbol = self.calls[-1]["symbol"]
        if symbol not in self.ways:
            self.on(symbol, "say", EMPTY)
        self.ways[symbol](handler)

    def asked(self) -> list[str]:
        """Return the symbols of all calls so far."""
        return [call["symbol"] for call in self.calls]


def settings_for(vendor: Vendor) -> dict[str, str]:
    """Return the settings of a site that takes its prices from this vendor, and logs all it can."""
    return {"ALPHA_VANTAGE_API_KEY": KEY, "ALPHA_VANTAGE_URL": vendor.url, "LOG_LEVEL": "debug",
            "NO_PROXY": "127.0.0.1"}


def ask_refresh(site: Site, vendor: str = "alpha-vantage") -> Job:
    """Queue a vendor's refresh, as the scheduler does every few seconds."""
    queue = Queue("refresh", connection=redis_clients.connect(site.redis.url))
    return queue.enqueue(REFRESH, vendor, job_timeout=60, result_ttl=300)


def refresh(site: Site, vendor: str = "alpha-vantage") -> str:
    """Have a worker refresh now from a vendor; return what it says of it."""
    job = ask_refresh(site, vendor)
    wait_until(lambda: job.get_status() in {"finished", "failed"}, 60, "no refresh ran")
    assert job.get_status() == "finished", site.log.read_text()[-4000:]
    return str(job.return_value())


def database(site: Site) -> sqlite3.Connection:
    """Open the site's database; each statement is a transaction."""
    return sqlite3.connect(site.folder / "instance" / "stagewatch.db", isolation_level=None, timeout=10)


def run_sql(site: Site, statement: str, *values: object) -> list[Any]:
    """Run one statement."""
    connection = database(site)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def begin_anew(site: Site, vendor: AlphaVantage) -> None:
    """Forget every call, every price and all that anybody watches."""
    for table in ("provider_calls", "provider_states", "quotes", "ticks", "watchlist_items"):
        run_sql(site, f"DELETE FROM {table}")
    watch_only(site)
    vendor.ways.clear()


def exported(site: Site, *symbols: str) -> list[dict[str, Any]]:
    """Return the quotes of these symbols, which by this are watched."""
    answer = requests.get(f"{site.url}/quotes.json", params={"symbols": ",".join(symbols)}, timeout=10).json()
    return list(answer["quotes"])


def watch_only(site: Site, *symbols: str) -> None:
    """Let nothing but these symbols be on anybody's screen."""
    redis_clients.connect(site.redis.url).delete(bus.WATCHED)
    if symbols:
        exported(site, *symbols)


def last_trading_day(site: Site, mic: str = "XNYS") -> dt.date:
    """Return the exchange's newest day that is over."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(" ")
    [[day]] = run_sql(site, "SELECT max(day) FROM market_sessions WHERE mic = ? AND closes_at < ?", mic, now)
    return dt.date.fromisoformat(day)


def where_is(secret: str, site: Site) -> list[str]:
    """Return every file of the site and every key of its Redis that holds the text."""
    wanted = secret.encode()
    files = [str(path) for path in Path(site.folder).rglob("*") if path.is_file() and wanted in path.read_bytes()]
    client = redis_clients.connect(site.redis.url)
    return files + [key.decode() for key in client.scan_iter() if any(wanted in text for text in texts(client, key))]


def values_of(found: Any) -> list[bytes]:
    """Return the values of a hash."""
    return list(found.values())


def entries_of(found: Any) -> list[bytes]:
    """Return the values of a stream's entries."""
    return [value for _, entry in found for value in entry.values()]


def texts(client: Redis, key: bytes) -> Iterator[bytes]:
    """Return all that a key holds, also as it is when unpacked: RQ packs what jobs are and say."""
    yield key
    reads: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [client.get(key)],
        b"hash": lambda: values_of(client.hgetall(key)),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: entries_of(client.xrange(key)),
        b"none": list,
    }
    kind: Any = client.type(key)
    for value in reads[kind]():
        yield value
        try:
            yield zlib.decompress(value)
        except zlib.error:
            continue
