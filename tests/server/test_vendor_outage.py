"""One vendor hangs, then breaks: the other's stocks go on as if nothing was, and it is asked again when it is well."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.server.people import Person
from tests.server.vendor import exported, run_sql, where_is
from tests.site import Site, wait_until
from tests.worker.providers.conftest import Vendor
from tests.worker.providers.wire import Act, head, resets, sends

pytestmark = pytest.mark.server

SECRETS = ("FINNHUBSECRET0123", "TWELVESECRET45678")
# Finnhub's, in the order in which it is asked; Twelve Data has the one in London.
HANGS, DRIPS, *BREAK = "AAPL", "AMZN", "META", "MSFT", "NVDA"
OTHER = "TSCO"
# A price may be fetched every five seconds, which is when slots come: where one comes a moment too early, the next is
# the one after that. A run may also have to wait for a worker that looks for its next job.
PACE_S, LATE_S = 10, 4


class Live(Vendor):
    """A vendor with live prices, each one higher than the last; a symbol in `faults` gets that in their place.

    `seen` are the symbols of its calls with the moments when they came, `open` those that are not answered yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, Act] = {}
        self.seen: list[tuple[float, str]] = []
        self.open: list[str] = []
        self.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if not handler.path.startswith("/quote"):  # what else it is asked for is not part of its plan
            sends(head("Content-Length: 0", status="403 Forbidden"))(handler)
            return
        symbol = handler.path.partition("symbol=")[2].partition("&")[0]
        self.seen.append((time.monotonic(), symbol))
        self.open.append(symbol)
        try:
            raw = json.dumps(self.body(symbol, len(self.seen))).encode()
            good = sends(head(f"Content-Length: {len(raw)}") + raw)
            self.faults.get(symbol, good)(handler)
        finally:
            self.open.remove(symbol)

    def body(self, symbol: str, number: int) -> dict[str, Any]:
        """Return the answer to the call of this number."""
        raise NotImplementedError

    def times(self, *symbols: str) -> list[float]:
        """Return when it was asked for these."""
        return [moment for moment, symbol in self.seen if symbol in symbols]


class Finnhub(Live):
    def body(self, symbol: str, number: int) -> dict[str, Any]:
        price = round(300 + number / 10, 2)
        return {"c": price, "d": round(price - 299.5, 2), "dp": 0.2, "h": 350, "l": 290, "o": 299, "pc": 299.5,
                "t": int(time.time()) - 1}


class TwelveData(Live):
    def body(self, symbol: str, number: int) -> dict[str, Any]:
        zone, mic, unit = ("Europe/London", "XLON", "GBp") if symbol == OTHER else ("America/New_York", "XNGS", "USD")
        return {"symbol": symbol, "mic_code": mic, "currency": unit, "close": f"{300 + number / 10:.2f}",
                "open": "299.00", "high": "350.00", "low": "290.00", "previous_close": "299.50", "volume": "1000",
                "datetime": str(dt.datetime.now(ZoneInfo(zone)).date()), "last_quote_at": int(time.time()) - 1}


@pytest.fixture
def finnhub() -> Iterator[Finnhub]:
    server = Finnhub()
    yield server
    server.stop()


@pytest.fixture
def twelve_data() -> Iterator[TwelveData]:
    server = TwelveData()
    yield server
    server.stop()


@pytest.fixture
def site(finnhub: Finnhub, twelve_data: TwelveData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of a few stocks on a trading day, with a worker for each vendor and one more, as it is run by default."""
    settings = {"PROVIDERS": "finnhub,twelve-data", "FINNHUB_API_KEY": SECRETS[0], "FINNHUB_URL": finnhub.url,
                "TWELVE_DATA_API_KEY": SECRETS[1], "TWELVE_DATA_URL": twelve_data.url,
                "TWELVE_DATA_CALLS_PER_DAY": "0", "TWELVE_DATA_CALLS_PER_MINUTE": "60", "LOG_LEVEL": "debug",
                "NO_PROXY": "127.0.0.1"}
    with Site(tmp_path_factory.mktemp("outage"), **settings) as site:
        for mic, zone in (("XNAS", "America/New_York"), ("XNYS", "America/New_York"), ("XLON", "Europe/London")):
            open_now(site, mic, zone)
        run_sql(site, f"UPDATE instruments SET status = 'delisted' WHERE id NOT IN ({', '.join(map(str, ids(site)))})")
        yield site.start("web", "worker", "worker-2", "worker-3")


def ids(site: Site) -> list[int]:
    """Return the stocks' ids."""
    query = "SELECT id FROM instruments WHERE symbol = ? AND mic IN ('XNAS', 'XLON')"
    return [run_sql(site, query, symbol)[0][0] for symbol in (HANGS, DRIPS, *BREAK, OTHER)]


def open_now(site: Site, mic: str, zone: str) -> None:
    """Have the exchange open two hours ago and close in two."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    day = dt.datetime.now(ZoneInfo(zone)).date()
    run_sql(site, "DELETE FROM market_sessions WHERE mic = ? AND day BETWEEN ? AND ?", mic,
            str(day - dt.timedelta(days=1)), str(day + dt.timedelta(days=1)))
    run_sql(site, "INSERT INTO market_sessions (mic, day, opens_at, closes_at) VALUES (?, ?, ?, ?)", mic, str(day),
            (now - dt.timedelta(hours=2)).isoformat(" "), (now + dt.timedelta(hours=2)).isoformat(" "))


def quote(site: Site, key: str) -> dict[str, Any]:
    """Return what the export says of a stock."""
    [found] = exported(site, key)
    return found


def rests(site: Site) -> bool:
    """Tell whether Finnhub is left alone for a while."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(" ")
    return bool(run_sql(site, "SELECT 1 FROM provider_states WHERE provider = 'finnhub' AND paused_until > ?", now))


def drips(handler: BaseHTTPRequestHandler) -> None:
    """Begin a body and add a blank to it now and then, for ten seconds; then hang up."""
    handler.wfile.write(head("Content-Length: 100") + b'{"c": 1')
    for _ in range(50):
        time.sleep(0.2)
        handler.wfile.write(b" ")


def longest(times: list[float]) -> float:
    """Return the longest time between two calls."""
    return max(two - one for one, two in itertools.pairwise(times))


def test_a_vendor_that_hangs_and_breaks_delays_no_other_and_comes_back(
        site: Site, finnhub: Finnhub, twelve_data: TwelveData) -> None:
    Person(site.url).join().make_list(*ids(site))
    finnhub.faults = {HANGS: lambda handler: finnhub.ended.wait(15), DRIPS: drips} | dict(zip(BREAK, (
        resets(head("Content-Length: 100") + b'{"c": 1'), sends(head("Content-Length: 100") + b"{}"),
        sends(head(f"Location: {twelve_data.url}/quote", "Content-Length: 0", status="302 Found"))), strict=True))
    site.start("scheduler")

    # It hangs, and drips: in the meantime the other's price comes, and changes.
    wait_until(lambda: HANGS in finnhub.open, 40, "the vendor is not asked")
    wait_until(lambda: quote(site, f"XLON:{OTHER}")["price"], PACE_S, "the other vendor has no price")
    first = quote(site, f"XLON:{OTHER}")
    wait_until(lambda: quote(site, f"XLON:{OTHER}")["price"] != first["price"], PACE_S + LATE_S,
               "the other vendor stands still")
    assert {HANGS, DRIPS} & set(finnhub.open), "the vendor did not hang for so long"

    # It breaks: after a few calls that brought nothing it is left alone. Its run has ended long before its time-out.
    wait_until(lambda: rests(site), 40, "the vendor is asked again and again")
    assert sorted(symbol for _, symbol in finnhub.seen) == sorted((HANGS, DRIPS, *BREAK)), "not each was asked for once"
    wait_until(lambda: run_sql(site, "SELECT 1 FROM job_runs WHERE name = 'refresh-quotes-finnhub'"
                                     " AND finished_at >= started_at AND failures = 0"), 10, "its run does not end")
    tries, others = len(finnhub.seen), len(twelve_data.seen)
    wait_until(lambda: len(twelve_data.seen) > others, PACE_S + LATE_S, "the other vendor stands still")
    assert len(finnhub.seen) == tries
    assert not any("Finnhub" in name for call in twelve_data.headers for name in call), "the key went with a redirect"

    # It is well, and its rest and those of its stocks, half a minute, are over: its prices come.
    finnhub.faults = {}
    run_sql(site, "UPDATE provider_states SET paused_until = last_error_at WHERE provider = 'finnhub'")
    run_sql(site, "UPDATE provider_calls SET started_at = ? WHERE provider = 'finnhub'",
            (dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(minutes=2)).isoformat(" "))
    wait_until(lambda: quote(site, f"XNAS:{HANGS}")["source"] == "finnhub", 40, "the vendor is not asked again")
    assert longest(twelve_data.times(OTHER)) < PACE_S + LATE_S
    for secret in SECRETS:
        assert not where_is(secret, site)
