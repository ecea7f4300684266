"""A vendor's socket, stocks with a quote of today, and a loop that turns fast."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import Settings
from tests.worker.conftest import make_instrument, make_quote, watch
from tests.worker.streams.server import AlpacaServer, FinnhubServer, Vendor, wait_until
from webapp import clock
from webapp.extensions import db
from webapp.markets import SessionTimes
from webapp.models import MarketSession, QuoteRow
from webapp.records import Instrument, Quote
from worker import store
from worker.streams import marks
from worker.streams.loop import Streams, protocols_of
from worker.streams.pace import Pace

KEY, SECRET = "SOCKETKEY0123456", "SOCKETSECRET0123"
FAST = Pace(window=0.05, plan=0.1, place=0.6, given_up=0.4, state=0.2, confirmed=30, quiet=0.5, silent=1.0,
            tradeless=1.5, ping=0.2, ready=1.0, first_wait=0.05, longest_wait=0.4, refused=30, poll=0.05)
# For tests in which one connection must last: a machine that is busy for a second is not a vendor that is dead.
CALM = {"silent": 60.0, "tradeless": 60.0, "ready": 20.0}


def today(parts: str = "regular") -> SessionTimes:
    """Return a trading day around this moment, in which it is the part that is named."""
    now = clock.now()
    hours = {"pre": (-1, 2, 4, 6), "regular": (-3, -2, 2, 4), "post": (-5, -4, -2, 1), "closed": (2, 3, 5, 6)}[parts]
    starts, opens, closes, ends = (now + dt.timedelta(hours=hour) for hour in hours)
    return SessionTimes("XNAS", day_of(now), opens, closes, starts, ends)


def day_of(moment: dt.datetime) -> dt.date:
    """Return New York's day."""
    return moment.astimezone(ZoneInfo("America/New_York")).date()


def open_market(session: SessionTimes) -> None:
    """Let this be the day of NASDAQ."""
    db.session.add(MarketSession(mic=session.mic, day=session.day, opens_at=session.opens_at,
                                 closes_at=session.closes_at, pre_opens_at=session.pre_opens_at,
                                 post_closes_at=session.post_closes_at))
    db.session.commit()


def poll(stock: Instrument, price: str = "100.00", **others: object) -> None:
    """Store a quote as a call brings it, of a minute ago."""
    now = clock.now()
    fields: dict[str, object] = {
        "day": day_of(now), "as_of": now - dt.timedelta(minutes=1), "source": "finnhub",
        "previous_close": Decimal("99.00"), "open": Decimal("99.50"), "high": Decimal("101.00"),
        "low": Decimal("98.00"), "volume": 1234, "stale_at": now + dt.timedelta(minutes=2), **others}
    quote = dataclasses.replace(make_quote(stock, price), **fields)  # type: ignore[arg-type]
    store.store_quotes([quote], now)
    db.session.commit()


def stored(stock: Instrument) -> Quote:
    """Return the quote as the database has it now."""
    db.session.rollback()
    row = db.session.get(QuoteRow, stock.id, populate_existing=True)
    quote = row.quote() if row else None
    assert quote is not None
    return quote


class Running:
    """A loop in a thread of its own, with its sockets."""

    def __init__(self, app: Flask, redis: Redis, settings: Settings, pace: Pace) -> None:
        self.streams = Streams(protocols_of(settings), redis, "test", pace)
        self.redis = redis
        self._app = app
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._app.app_context():
            self.streams.run()
            db.session.remove()

    def stop(self) -> None:
        """End the loop and wait for it."""
        self.streams.stop()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def marked(self) -> set[int]:
        """Return what needs no call now."""
        return marks.streamed_ids(self.redis)


@pytest.fixture(params=["finnhub", "alpaca"])
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    """Each vendor's socket in turn."""
    server = FinnhubServer() if request.param == "finnhub" else AlpacaServer()
    yield server
    server.stop()


@pytest.fixture
def finnhub() -> Iterator[FinnhubServer]:
    """Finnhub's socket."""
    server = FinnhubServer()
    yield server
    server.stop()


@pytest.fixture
def alpaca() -> Iterator[AlpacaServer]:
    """Alpaca's socket."""
    server = AlpacaServer()
    yield server
    server.stop()


def settings_for(app: Flask, vendors: Sequence[Vendor], **changes: object) -> Settings:
    """Return the application's settings with keys for these vendors."""
    settings: Settings = app.config["SETTINGS"]
    for server in vendors:
        name = server.title.upper()
        setattr(settings, f"{name}_API_KEY", KEY)
        setattr(settings, f"{name}_STREAM_URL", server.url)
    settings.ALPACA_API_SECRET = SECRET
    for name, value in changes.items():
        setattr(settings, name, value)
    return settings


@pytest.fixture
def start(app: Flask, redis: Redis) -> Iterator[Callable[..., Running]]:
    """Start loops with these vendors' sockets; a change of the pace is named by its field."""
    running: list[Running] = []

    def begin(*vendors: Vendor, pace: dict[str, float] | None = None, **changes: object) -> Running:
        settings = settings_for(app, vendors, **changes)
        running.append(Running(app, redis, settings, dataclasses.replace(FAST, **(pace or {}))))
        return running[-1]

    yield begin
    for loop in running:
        loop.stop()


@pytest.fixture
def apple(app: Flask) -> Instrument:
    """A stock on a list whose market is open, fetched a minute ago."""
    open_market(today())
    stock = make_instrument("AAPL", "XNAS")
    watch(stock)
    poll(stock)
    return stock


def await_subscription(server: Vendor, *symbols: str) -> None:
    """Wait until the newest client has asked for exactly these."""
    wait_until(lambda: server.peers and server.peer.symbols == set(symbols), 10,
               lambda: [peer.said for peer in server.peers])


def price_of(stock: Instrument) -> Callable[[Decimal | str], Callable[[], bool]]:
    """Return a maker of conditions: that the stored price is this one."""
    return lambda price: lambda: stored(stock).price == Decimal(price)
