"""A vendor on loopback that can do all that a bad day brings, and settings that point at it."""

import datetime as dt
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import strategies as st

from config import Config
from webapp.markets import SessionBook, SessionTimes, zone_of
from webapp.records import Instrument, currency_of, unit_of
from worker.providers.base import ProviderError
from worker.providers.simulator import Simulator

KEY = "SECRETKEY0123456"
UNSET = {"PROVIDERS", "SIMULATOR_SEED", "SIMULATOR_CLOCK", "REFRESH_SECONDS", "APP_ENV"}

# IBM as Alpha Vantage gave it on 8 May 2020.
FIELDS = {
    "01. symbol": "IBM", "02. open": "122.6700", "03. high": "122.8000", "04. low": "121.0600",
    "05. price": "121.7400", "06. volume": "2528814", "07. latest trading day": "2020-05-08",
    "08. previous close": "121.2300", "09. change": "0.5100", "10. change percent": "0.4207%",
}


def global_quote(**changes: object) -> dict[str, object]:
    """Return an answer in the vendor's form; a change is named by its field's word: price="0.0000"."""
    fields: dict[str, object] = dict(FIELDS)
    for word, value in changes.items():
        name = next(name for name in FIELDS if name[4:].replace(" ", "_") == word)
        fields[name] = value
    return {"Global Quote": fields}


class Vendor:
    """The server: `say` sets its next answers, `calls` are the queries that came, `paths` and `headers` theirs."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.act: Callable[[BaseHTTPRequestHandler], object] = lambda handler: None
        self.ended = threading.Event()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                vendor.calls.append({name: values[0] for name, values in query.items()})
                vendor.paths.append(urlsplit(self.path).path)
                vendor.headers.append(dict(self.headers.items()))
                with suppress(OSError):  # the caller had enough
                    vendor.act(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def say(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with this body: bytes and text as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

        def act(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in (headers or {}).items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(raw)))
            handler.end_headers()
            handler.wfile.write(raw)

        self.act = act

    def hang(self) -> None:
        """Take the call and say nothing."""
        self.act = lambda handler: self.ended.wait(30)

    def drip(self, start: bytes, drop: bytes) -> None:
        """Begin with `start`, then add `drop` after `drop`, for ever."""
        def act(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(start)
            while not self.ended.is_set():
                handler.wfile.write(drop)
                handler.wfile.flush()
                time.sleep(0.02)

        self.act = act

    def stop(self) -> None:
        """End every answer and close."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A vendor that answers as it is told."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Vendor()
    yield server
    server.stop()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """Make settings as shipped, with changes."""
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "only for tests")
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_API_SECRET", "_URL")) or "_CALLS_PER_" in name or name in UNSET:
            monkeypatch.delenv(name)

    def make(**changes: object) -> Config:
        settings = Config()
        for name, value in changes.items():
            setattr(settings, name, value)
        return settings

    return make


def at(text: str) -> dt.datetime:
    """Return a time in UTC: 2020-05-08 20:00."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def there(text: str, mic: str = "XNYS") -> dt.datetime:
    """Return the moment of a time at an exchange: 2020-05-08 16:00."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone_of(mic)).astimezone(dt.UTC)


def day(text: str) -> dt.date:
    """Return a day: 2020-05-08."""
    return dt.date.fromisoformat(text)


def refusal(use: Callable[[], object]) -> ProviderError:
    """Return the error that `use` ends with, which does not tell the key."""
    with pytest.raises(ProviderError) as caught:
        use()
    assert KEY not in f"{caught.value.message} {caught.value!r} {caught.value.__context__!r}"
    return caught.value


def stock(symbol: str = "IBM", mic: str = "XNYS", currency: str = "USD", number: int = 1,
          decimals: int = 2) -> Instrument:
    """Return an instrument; `currency` may be a unit such as GBX."""
    return Instrument(number, symbol, mic, f"{symbol} Inc.", currency_of(currency), "US", decimals=decimals,
                      unit=unit_of(currency))


def new_york(first: str, last: str, mic: str = "XNYS") -> SessionBook:
    """Return the weekdays of New York's summer, from 08:00 to 24:00 UTC with its extended hours."""
    day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    sessions = []
    while day <= end:
        if day.weekday() < 5:
            midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
            opens, closes = midnight + dt.timedelta(hours=13.5), midnight + dt.timedelta(hours=20)
            sessions.append(SessionTimes(mic, day, opens, closes, midnight + dt.timedelta(hours=8),
                                         midnight + dt.timedelta(hours=24)))
        day += dt.timedelta(days=1)
    return SessionBook(sessions)


# Listings that nobody thought of.
STOCKS = st.builds(stock, st.text("ABCDEFGHIJ.", min_size=1, max_size=5), st.sampled_from(["XNYS", "XLON", "XTKS"]),
                   st.sampled_from(["USD", "GBP", "JPY", "EUR"]), decimals=st.integers(0, 4))


@pytest.fixture
def always(config: Callable[..., Config]) -> Simulator:
    """The simulator as shipped: every day trades, and its market hardly rests."""
    return Simulator(config())


@pytest.fixture
def market(config: Callable[..., Config]) -> Simulator:
    """The simulator that keeps the exchanges' days and hours."""
    return Simulator(config(SIMULATOR_CLOCK="market"))
