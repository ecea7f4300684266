"""Two vendors over real HTTP: each stock from the first that has it, and the second goes on where the first cannot."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.server.vendor import (
    AlphaVantage,
    exported,
    last_trading_day,
    refresh,
    run_sql,
    settings_for,
    watch_only,
    where_is,
)
from tests.site import Site
from tests.worker.providers.conftest import Vendor

pytestmark = pytest.mark.server

SECRET = "FINNHUBSECRET0123"


class Finnhub(Vendor):
    """Every stock costs what the test says; `status` other than 200 is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.price, self.status = 101.5, 200
        self.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = {"c": self.price, "d": 1.5, "dp": 1.5, "h": 102, "l": 99, "o": 100, "pc": 100, "t": int(time.time()) - 1}
        self.say(body if self.status == 200 else {"error": "Invalid API key"}, self.status)
        self.act(handler)
        self.act = self._answer


@pytest.fixture
def finnhub() -> Iterator[Finnhub]:
    server = Finnhub()
    yield server
    server.stop()


@pytest.fixture
def alpha_vantage() -> Iterator[AlphaVantage]:
    server = AlphaVantage()
    yield server
    server.stop()


@pytest.fixture
def site(finnhub: Finnhub, alpha_vantage: AlphaVantage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = settings_for(alpha_vantage) | {"FINNHUB_API_KEY": SECRET, "FINNHUB_URL": finnhub.url}
    with Site(tmp_path_factory.mktemp("two"), **settings) as site:
        yield site.start("web", "worker")


def test_each_vendor_has_its_stocks_and_the_second_takes_over(
        site: Site, finnhub: Finnhub, alpha_vantage: AlphaVantage) -> None:
    day = last_trading_day(site, "XLON")
    alpha_vantage.quote("TSCO.LON", "301.40", day)
    alpha_vantage.quote("AAPL", "100.25", last_trading_day(site, "XNAS"))
    watch_only(site, "XNAS:AAPL", "XLON:TSCO")
    refresh(site, "finnhub")
    refresh(site)
    apple, tesco = exported(site, "XNAS:AAPL", "XLON:TSCO")
    assert (apple["price"], apple["source"]) == ("101.5", "finnhub")
    assert (tesco["price"], tesco["currency"], tesco["source"]) == ("3.0140", "GBP", "alpha-vantage")
    assert "AAPL" in (asked := {call["symbol"] for call in finnhub.calls})
    assert not any(symbol.startswith("TSCO") for symbol in asked)
    assert alpha_vantage.asked() == ["TSCO.LON"]

    finnhub.status = 401
    long_ago = (dt.datetime.now(dt.UTC) - dt.timedelta(days=9)).replace(tzinfo=None).isoformat(" ")
    run_sql(site, "UPDATE quotes SET fetched_at = ?, as_of = ?", long_ago, long_ago)
    refresh(site, "finnhub")
    refresh(site)
    [apple] = exported(site, "XNAS:AAPL")
    assert (apple["price"], apple["source"]) == ("100.25", "alpha-vantage")
    assert not where_is(SECRET, site)
