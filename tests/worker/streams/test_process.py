"""The real process: flooded, told to stop, killed in the middle, started again."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from tests.worker.conftest import make_instrument, watch
from tests.worker.streams.conftest import KEY, SECRET, await_subscription, open_market, poll, stored, today
from tests.worker.streams.server import FinnhubServer, Vendor, frame, wait_until
from webapp import clock
from webapp.records import Instrument
from worker.streams.marks import streamed_ids

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[3]
RATE, SECONDS, BATCH = 20_000, 4.0, 100

Start = Callable[[Vendor], "subprocess.Popen[bytes]"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "stream.log"


@pytest.fixture
def start(app: Flask, log: Path) -> Iterator[Start]:
    """Start real processes on the test's database and Redis."""
    processes: list[subprocess.Popen[bytes]] = []
    settings = app.config["SETTINGS"]

    def begin(vendor: Vendor) -> subprocess.Popen[bytes]:
        name = vendor.title.upper()
        environment = {key: value for key, value in os.environ.items() if "_API_KEY" not in key} | {
            "DATABASE_URL": settings.SQLALCHEMY_DATABASE_URI, "REDIS_URL": settings.REDIS_URL,
            "SECRET_KEY": "of a test", "INSTANCE_DIR": str(settings.INSTANCE_DIR), "LOG_LEVEL": "debug",
            f"{name}_API_KEY": KEY, "ALPACA_API_SECRET": SECRET, f"{name}_STREAM_URL": vendor.url}
        with log.open("ab") as file:
            processes.append(subprocess.Popen([sys.executable, "-m", "worker", "stream"], cwd=ROOT, env=environment,
                                              stdout=file, stderr=file))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait(10)


def memory_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process's memory in kilobytes."""
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@dataclass
class Expected:
    """What the trades of a stock come to."""

    at: float = 0.0
    price: Decimal = Decimal(0)
    high: Decimal = Decimal(101)
    low: Decimal = Decimal(98)

    def take(self, price: Decimal, at: float) -> None:
        """Take a trade in."""
        if at > self.at:
            self.at, self.price = at, price
        self.high, self.low = max(self.high, price), min(self.low, price)


def make_flood(vendor: Vendor, symbols: list[str], seconds: float) -> tuple[dict[str, Expected], list[bytes]]:
    """Return the messages of so long, some trades late and some twice, and what they come to."""
    chance = random.Random(1)
    expected = {symbol: Expected() for symbol in symbols}
    began, messages = time.time() - seconds - 1, []
    for count in range(int(RATE * seconds) // BATCH):
        trades = []
        for number in range(BATCH):
            symbol = chance.choice(symbols)
            price = Decimal(chance.randrange(9_700, 10_300)) / 100
            late = chance.uniform(1, 30) if chance.random() < 0.2 else 0
            at = round(began + (count * BATCH + number) / RATE - late, 3)
            if at != expected[symbol].at:  # of two at one moment the vendor's order would decide
                expected[symbol].take(price, at)
                trades.append(vendor.trade(symbol, float(price), at))
        messages.append(frame(vendor.trades(*trades)))
        if chance.random() < 0.1:
            messages += chance.choices(messages[-20:], k=1)
    return expected, messages


def send(vendor: Vendor, messages: list[bytes]) -> None:
    """Send the messages at RATE, or as fast as they are taken where that is slower."""
    began = time.monotonic()
    for number, message in enumerate(messages):
        time.sleep(max(began + number * BATCH / RATE - time.monotonic(), 0))
        vendor.peer.raw(message)


@pytest.mark.both_databases
def test_a_flood_leaves_the_quotes_right_and_the_memory_as_it_was(start: Start, vendor: Vendor, app: Flask,
                                                                  redis: Redis, log: Path) -> None:
    open_market(today())
    stocks = {f"F{letter}": make_instrument(f"F{letter}", "XNAS") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXY"}
    watch(*stocks.values())
    for stock in stocks.values():
        poll(stock, as_of=clock.now() - dt.timedelta(minutes=5))
    process = start(vendor)
    wait_until(lambda: vendor.peers and vendor.peer.symbols == set(stocks), 40, log.read_text)
    first, messages = make_flood(vendor, list(stocks), 1.0)
    send(vendor, messages)  # what is loaded and reserved once is not measured
    before = memory_of(process)
    expected, messages = make_flood(vendor, list(stocks), SECONDS)
    send(vendor, messages)

    def is_right() -> bool:
        return all(stored(stock).price == expected[symbol].price for symbol, stock in stocks.items())

    wait_until(is_right, 30, lambda: [(stored(stock).price, stored(stock).as_of, expected[symbol])
                                      for symbol, stock in stocks.items()])
    for symbol, stock in stocks.items():
        quote = stored(stock)
        highs, lows = zip(*((each[symbol].high, each[symbol].low) for each in (first, expected)), strict=True)
        assert (quote.high, quote.low) == (max(highs), min(lows))
        assert abs(quote.as_of.timestamp() - expected[symbol].at) < 0.001
    assert memory_of(process) - before < 20_000
    assert streamed_ids(redis) == {stock.id for stock in stocks.values()}
    assert len(vendor.peers) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not streamed_ids(redis)
    assert KEY not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_killed_process_is_forgotten_within_30_s_and_the_next_one_goes_on(start: Start, finnhub: FinnhubServer,
                                                                           apple: Instrument, redis: Redis,
                                                                           log: Path) -> None:
    process = start(finnhub)
    wait_until(lambda: finnhub.peers and finnhub.peer.symbols == {"AAPL"}, 40, log.read_text)
    finnhub.peer.tell(finnhub.trades(finnhub.trade("AAPL", 102, time.time())))
    wait_until(lambda: streamed_ids(redis) == {apple.id}, 10, log.read_text)
    process.kill()
    process.wait(5)
    killed = time.monotonic()
    wait_until(lambda: not streamed_ids(redis), 30)
    assert time.monotonic() - killed < 20
    start(finnhub)
    wait_until(lambda: len(finnhub.peers) == 2, 40, log.read_text)
    await_subscription(finnhub, "AAPL")
    finnhub.peer.tell(finnhub.trades(finnhub.trade("AAPL", 101.5, time.time())))
    wait_until(lambda: stored(apple).price == Decimal("101.5"), 10, log.read_text)
    wait_until(lambda: streamed_ids(redis) == {apple.id}, 10, log.read_text)


def test_one_without_a_key_is_idle_and_stops_when_it_is_told_to(app: Flask, log: Path, redis: Redis) -> None:
    settings = app.config["SETTINGS"]
    environment = {key: value for key, value in os.environ.items() if "_API_KEY" not in key} | {
        "DATABASE_URL": settings.SQLALCHEMY_DATABASE_URI, "REDIS_URL": settings.REDIS_URL, "SECRET_KEY": "of a test",
        "INSTANCE_DIR": str(settings.INSTANCE_DIR)}
    check = [sys.executable, "-m", "deploy.healthcheck", "stream"]
    assert subprocess.run(check, cwd=ROOT, env=environment, check=False).returncode == 1
    with log.open("ab") as file:
        process = subprocess.Popen([sys.executable, "-m", "worker", "stream"], cwd=ROOT, env=environment, stderr=file)
    try:
        wait_until(lambda: list(redis.scan_iter("stagewatch:stream-process:*")), 40, log.read_text)
        assert subprocess.run(check, cwd=ROOT, env=environment, check=False).returncode == 0
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait(5)
    assert "no vendor with a web socket has a key" in log.read_text()
