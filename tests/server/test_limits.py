"""The free plan's limits, counted at the vendor: 25 calls a day, never two in a second, and a share for everybody."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Iterator

import pytest
import requests

from tests.server.people import Person, row_on
from tests.server.vendor import REFRESH, AlphaVantage, ask_refresh, begin_anew, refresh, run_sql, settings_for
from tests.site import Site, wait_until
from webapp import redis as redis_clients
from webapp.job_names import key_of
from worker.locks import is_running

pytestmark = pytest.mark.server

RUN = key_of(REFRESH, ("alpha-vantage",))
WORKERS = ("worker", "worker-2", "worker-3")
AN_HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def vendor() -> Iterator[AlphaVantage]:
    server = AlphaVantage()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def running(vendor: AlphaVantage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of this file, with the limits as shipped."""
    with Site(tmp_path_factory.mktemp("limits"), **settings_for(vendor)) as site:
        yield site.start("web", "worker")


@pytest.fixture
def site(running: Site, vendor: AlphaVantage) -> Site:
    """The site before its first call; the vendor has a price for every American stock."""
    begin_anew(running, vendor)
    for [symbol] in run_sql(running, "SELECT symbol FROM instruments WHERE country = 'US'"):
        vendor.quote(symbol, "10.0000", "2021-04-26")
    vendor.calls.clear()
    vendor.times.clear()
    return running


def called_before(site: Site, count: int, ago: dt.timedelta) -> None:
    """Have `count` calls on record that were made so long ago."""
    moment = (dt.datetime.now(dt.UTC) - ago).replace(tzinfo=None).isoformat(" ")
    for number in range(count):
        run_sql(site, "INSERT INTO provider_calls (provider, started_at, subject, outcome) VALUES (?, ?, ?, 'ok')",
                "alpha-vantage", moment, f"XNYS:OLD{number}")


def left(site: Site) -> str:
    """Return what the page about sources says is left."""
    text = requests.get(f"{site.url}/sources", timeout=10).text
    return text.partition("<dt>Calls left</dt><dd>")[2].partition("<")[0]


def ids_of(site: Site, *symbols: str) -> list[int]:
    """Return the instruments' ids."""
    return [run_sql(site, "SELECT id FROM instruments WHERE symbol = ?", symbol)[0][0] for symbol in symbols]


def test_limits_hold_whoever_is_killed_whatever_redis_forgets_and_however_many_work(
        site: Site, vendor: AlphaVantage) -> None:
    called_before(site, 20, AN_HOUR)
    called_before(site, 30, dt.timedelta(hours=25))
    assert left(site) == "5 of 25 in 24 hours"
    person = Person(site.url).join()
    person.make_list(*ids_of(site, "AAPL", "MSFT", "NVDA", "AMZN", "META", "TSLA", "IBM", "KO"))
    site.start(*WORKERS[1:])
    redis = redis_clients.connect(site.redis.url)
    for kills in (1, 2):
        wait_until(lambda: not is_running(redis, RUN), 10, "a killed run holds its lock for ever")
        ask_refresh(site)
        wait_until(lambda: len(vendor.times) >= 2 * kills, 40, "the vendor is not asked")  # noqa: B023
        for name in WORKERS:
            site.kill(name)
        redis.flushall()
        site.start(*WORKERS)
    wait_until(lambda: refresh(site).startswith("0 changed"), 60, "the calls do not end")
    assert 3 <= len(vendor.times) <= 5  # a call whose worker was killed before it was made is counted too
    assert min(later - earlier for earlier, later in itertools.pairwise(vendor.times)) >= 1
    assert left(site) == "0 of 25 in 24 hours"
    assert "today&#39;s 25 requests are used; the next is free at" in requests.get(site.url, timeout=10).text
    for name in WORKERS[1:]:
        site.stop(name)


def test_a_newcomers_picks_find_quota_although_the_front_page_wants_it_all(site: Site, vendor: AlphaVantage) -> None:
    called_before(site, 10, AN_HOUR)
    requests.get(site.url, timeout=10)
    assert refresh(site).startswith("2 changed, ")
    assert len(vendor.times) == 2
    assert left(site) == "13 of 25 in 24 hours"
    assert "the front page has used its half of the day" in requests.get(site.url, timeout=10).text
    person = Person(site.url).join()
    picks = ids_of(site, "WMT", "XOM", "V")
    address = person.make_list(*picks)
    began = time.monotonic()
    assert refresh(site).startswith("3 changed, ")
    assert time.monotonic() - began < 30
    assert sorted(vendor.asked()[2:]) == ["V", "WMT", "XOM"]
    page = person.read(address)
    assert {row_on(page, number)["price"] for number in picks} == {"10.00 USD"}
    assert left(site) == "10 of 25 in 24 hours"
