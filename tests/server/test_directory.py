"""The directory over real HTTP: a question to a vendor, its answer chosen, and a whole listing taken over."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
import requests
from redis import Redis
from rq import Queue

from tests.server.people import Person
from tests.server.vendor import run_sql, settings_for, where_is
from tests.site import Site, wait_until
from tests.worker.providers.conftest import KEY, Vendor
from webapp import redis as redis_clients

pytestmark = pytest.mark.server

HEADER = "symbol,name,exchange,assetType,ipoDate,delistingDate,status\n"


class Directory(Vendor):
    """Alpha Vantage's search and listing: `symbols` are what is listed."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = [f"Q{number}" for number in range(50)]
        self.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        function = self.calls[-1]["function"]
        if function == "LISTING_STATUS":
            lines = [f"{symbol},{symbol} Corporation,NASDAQ,Stock,2020-01-02,null,Active\n" for symbol in self.symbols]
            self.say(HEADER + "".join(lines))
        elif function == "SYMBOL_SEARCH":
            match = {"1. symbol": "ZOO.LON", "2. name": "Zebra Zoo PLC", "3. type": "Equity",
                     "4. region": "United Kingdom", "5. marketOpen": "08:00", "6. marketClose": "16:30",
                     "7. timezone": "UTC+01", "8. currency": "GBX", "9. matchScore": "0.9"}
            self.say({"bestMatches": [match] if "zebra" in self.calls[-1]["keywords"].lower() else []})
        else:
            self.say({"Global Quote": {}})
        act, self.act = self.act, self._answer
        act(handler)

    def asked(self, function: str) -> int:
        """Return how many calls of this function came."""
        return sum(call.get("function") == function for call in self.calls)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Directory]:
    server = Directory()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(vendor: Directory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("directory"), **settings_for(vendor)) as running:
        yield running.start("web", "worker")
        assert not where_is(KEY, running)


def sync(site: Site) -> str:
    """Have a worker take the listing over; return what it says of it."""
    redis: Redis = redis_clients.connect(site.redis.url)
    job = Queue("default", connection=redis).enqueue("worker.jobs.directory.sync_listing", result_ttl=300)
    wait_until(lambda: job.get_status() in {"finished", "failed"}, 60, "the listing was not taken over")
    assert job.get_status() == "finished", site.log.read_text()[-4000:]
    return str(job.return_value())


def test_a_question_reaches_the_vendor_and_its_answer_the_directory(site: Site, vendor: Directory) -> None:
    person, before = Person(site.url).join(), vendor.asked("SYMBOL_SEARCH")
    page = f"{site.url}/stocks/search?q=zebra"
    assert "Ask Alpha Vantage" in person.read(page)
    person.send("/stocks/search/ask", q="zebra")
    wait_until(lambda: "Alpha Vantage found 1" in person.read(page), 60, "no answer came")
    found = person.read(page)
    assert "London" in found
    assert "GBP" in found
    assert vendor.asked("SYMBOL_SEARCH") == before + 1
    chosen = person.send("/stocks/search/choose", q="zebra", key="XLON:ZOO")
    assert chosen.url == f"{site.url}/stocks/XLON/ZOO"
    [row] = run_sql(site, "SELECT name, currency, unit, decimals FROM instruments WHERE symbol = 'ZOO'")
    assert row == ("Zebra Zoo PLC", "GBP", "GBX", 4)
    assert "Zebra Zoo PLC" in requests.get(f"{site.url}/stocks/search?q=zeb", timeout=20).text


def test_two_people_who_ask_the_same_cost_one_call(site: Site, vendor: Directory) -> None:
    before = vendor.asked("SYMBOL_SEARCH")
    for person in (Person(site.url).join(), Person(site.url).join()):
        person.send("/stocks/search/ask", q="Zebra zoo")
    page = f"{site.url}/stocks/search?q=zebra zoo"
    wait_until(lambda: "Alpha Vantage found 1" in person.read(page), 60, "no answer came")
    assert vendor.asked("SYMBOL_SEARCH") == before + 1


def test_the_listing_is_taken_over_and_a_second_run_asks_nobody(site: Site, vendor: Directory) -> None:
    said = sync(site)
    assert said.startswith("Alpha Vantage: 50 listed, 50 new"), said
    assert "asked today already" in sync(site)
    assert vendor.asked("LISTING_STATUS") == 1
    assert "Q7 Corporation" in requests.get(f"{site.url}/stocks/search?q=q7", timeout=20).text
