"""Alpha Vantage over real HTTP: its exact figures on page and export, and no fault of it becomes a price."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conftest import RECORDINGS
from tests.server.people import Person, row_on
from tests.server.vendor import (
    EMPTY,
    AlphaVantage,
    ask_refresh,
    begin_anew,
    exported,
    last_trading_day,
    refresh,
    run_sql,
    settings_for,
    watch_only,
    where_is,
)
from tests.site import Site, wait_until
from tests.worker.providers.conftest import KEY, global_quote

pytestmark = pytest.mark.server

FOLDER = RECORDINGS / "alphavantage"
MINUS = "\N{MINUS SIGN}"
PREMIUM = "You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/"


@pytest.fixture(scope="module")
def vendor() -> Iterator[AlphaVantage]:
    server = AlphaVantage()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def running(vendor: AlphaVantage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of this file; whatever they did, the key is nowhere at the end."""
    with Site(tmp_path_factory.mktemp("av"), ALPHA_VANTAGE_CALLS_PER_DAY="1000", **settings_for(vendor)) as site:
        yield site.start("web", "worker")
        assert not where_is(KEY, site)


@pytest.fixture
def site(running: Site, vendor: AlphaVantage) -> Site:
    """The site before its first call, without a price."""
    begin_anew(running, vendor)
    return running


@pytest.fixture(scope="module")
def old_prices(running: Site, vendor: AlphaVantage) -> list[Any]:
    """The rows of two stocks whose prices are of long ago: they are asked for again whenever calls are allowed."""
    begin_anew(running, vendor)
    vendor.on("IBM", "say", global_quote())
    vendor.quote("TSLA", "729.4000", "2021-04-23")
    exported(running, "IBM", "TSLA")
    assert refresh(running) == "2 changed, 0 waiting"
    return run_sql(running, "SELECT * FROM quotes")


@pytest.fixture
def priced(old_prices: list[Any], site: Site) -> Site:
    """The site with these two on a screen, and calls allowed."""
    for row in old_prices:
        run_sql(site, f"INSERT INTO quotes VALUES ({', '.join('?' * len(row))})", *row)
    exported(site, "IBM", "TSLA")
    return site


def number_of(site: Site, symbol: str) -> int:
    """Return the instrument's id; one that is not on the starter list is added."""
    found = run_sql(site, "SELECT id FROM instruments WHERE symbol = ?", symbol)
    if found:
        return int(found[0][0])
    run_sql(site, "INSERT INTO instruments (symbol, mic, name, folded_name, currency, country, kind, decimals, starter)"
                  " VALUES (?, 'XNAS', 'New', 'new', 'USD', 'US', 'stock', 2, 0)", symbol)
    return number_of(site, symbol)


def written_day(text: str) -> str:
    """Write a day as pages do: 8 May 2020."""
    day = dt.date.fromisoformat(text)
    return f"{day.day} {day:%b %Y}"


def agrees_everywhere(site: Site, fields: dict[str, str], state: str) -> dict[str, str]:
    """Hold the vendor's figures against both exports and the pages; return the row of the list's page."""
    symbol, day = fields["01. symbol"], fields["07. latest trading day"]
    number = number_of(site, symbol)
    person = Person(site.url).join()
    address = person.make_list(number)
    assert refresh(site) == "1 changed, 0 waiting"
    [as_json], [as_csv] = person.export(address)
    assert [as_json | {"note": None}] == [exported(site, symbol)[0] | {"note": None}]
    wanted = {"price": "05. price", "previous_close": "08. previous close", "open": "02. open", "high": "03. high",
              "low": "04. low", "change": "09. change"}
    for row in (as_json, as_csv):
        assert {name: row[name] for name in wanted} == {name: fields[key] for name, key in wanted.items()}
        assert (str(row["volume"]), f"{row['change_percent']}%") == (fields["06. volume"], fields["10. change percent"])
        assert (row["state"], row["as_of"], row["day"], row["as_of_precision"]) == (state, day, day, "day")
    page = person.read(address)
    shown = row_on(page, number)
    assert (shown["state"], shown["as_of"]) == (state, written_day(day))
    assert "Simulated" not in page.partition("<footer")[0]
    large = requests.get(f"{site.url}/stocks/{as_json['mic']}/{symbol}", timeout=10).text
    assert written_day(day) in large
    assert state in large
    assert f"{int(fields['06. volume']):,}" in large
    return shown


# What is shown


@pytest.mark.parametrize(("name", "price", "change", "percent", "volume"), [
    ("global_quote_IBM_crazzyghost2020", "121.74 USD", "+0.51", "+0.42%", "2.53M"),
    ("global_quote_IBM_negative_2021", "142.76 USD", MINUS + "1.31", MINUS + "0.91%", "2.80M"),
    ("global_quote_codespore2021", "729.40 USD", "+9.71", "+1.35%", "27.9M"),
    ("global_quote_GSAC_zero_volume_2021", "0.0040 USD", "0.0000", "0.00%", "0"),
])
@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared")
def test_page_and_exports_show_exactly_the_recorded_figures(
        site: Site, vendor: AlphaVantage, name: str, price: str, change: str, percent: str, volume: str) -> None:
    raw = (FOLDER / f"{name}.json").read_bytes()
    fields = json.loads(raw)["Global Quote"]
    vendor.on(fields["01. symbol"], "say", raw)
    shown = agrees_everywhere(site, fields, "Stale")
    assert [shown[column] for column in ("price", "change", "percent", "volume")] == [price, change, percent, volume]


@pytest.mark.parametrize(("key", "state"), [
    ("Global Quote", "End of day"), ("Global Quote - DATA DELAYED BY 15 MINUTES", "Delayed 15 min")])
def test_a_price_of_the_last_trading_day_is_no_live_one(
        site: Site, vendor: AlphaVantage, key: str, state: str) -> None:
    day = last_trading_day(site).isoformat()
    [fields] = global_quote(symbol="MSFT", price="142.7600", open="143.8000", high="144.1800", low="142.4700",
                            volume="2799201", latest_trading_day=day, previous_close="144.0700", change="-1.3100",
                            change_percent="-0.9093%").values()
    vendor.on("MSFT", "say", {key: fields})
    shown = agrees_everywhere(site, fields, state)  # type: ignore[arg-type]
    assert [shown[column] for column in ("price", "change", "percent")] == \
        ["142.76 USD", MINUS + "1.31", MINUS + "0.91%"]


def test_a_price_below_a_cent_without_volume_keeps_its_digits(site: Site, vendor: AlphaVantage) -> None:
    [fields] = global_quote(symbol="PENNY", price="0.0023", open="0.0021", high="0.0024", low="0.0021", volume="0",
                            latest_trading_day="2021-01-29", previous_close="0.0025", change="-0.0002",
                            change_percent="-8.0000%").values()
    vendor.on("PENNY", "say", {"Global Quote": fields})
    shown = agrees_everywhere(site, fields, "Stale")  # type: ignore[arg-type]
    assert [shown[column] for column in ("price", "change", "percent", "volume")] == \
        ["0.0023 USD", MINUS + "0.0002", MINUS + "8.00%", "0"]


# What goes wrong

# A name, the answer, the reason as pages give it, whether the next stock still gets its price.
ONLY_THIS_ONE, ALL = True, False
FAULTS: list[tuple[str, tuple[Any, ...], str, bool]] = [
    ("one a second", ({"Information": "Thank you for using Alpha Vantage! Please consider spreading out your free API "
                       f"requests more sparingly (1 request per second). {PREMIUM} to lift the free key rate limit "
                       "(25 requests per day)"},), "asks for a slower pace", ONLY_THIS_ONE),
    ("a minute's", ({"Note": "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute "
                     "and 500 calls per day."},), "no calls left for this minute", ALL),
    ("a day's", ({"Information": "Thank you for using Alpha Vantage! Our standard API rate limit is 25 requests per "
                  f"day. {PREMIUM} to instantly remove all daily rate limits."},), "no calls left for today", ALL),
    ("a day's, with the key", ({"Information": f"We have detected your API key as {KEY} and our standard API rate "
                                "limit is 25 requests per day."},), "no calls left for today", ALL),
    ("premium", ({"Information": f"Thank you for using Alpha Vantage! This is a premium endpoint. {PREMIUM}"},),
     "needs a paid plan", ALL),
    ("bad key", ({"Error Message": f"the parameter apikey is invalid or missing ({KEY})."},),
     "does not accept the API key", ALL),
    ("no such symbol", ({"Error Message": f"Invalid API call. Please retry: apikey={KEY}"},),
     "does not know this symbol", ONLY_THIS_ONE),
    ("empty", (EMPTY,), "does not know this symbol", ONLY_THIS_ONE),
    ("HTML", (f"<html><body>503 apikey={KEY}</body></html>",), "cannot be used", ONLY_THIS_ONE),
    ("out of order", (f"apikey={KEY}", 500), "out of order (HTTP 500)", ONLY_THIS_ONE),
    ("half a JSON", (json.dumps(global_quote(price="999.0000"))[:200],), "cannot be used", ONLY_THIS_ONE),
    ("price 0", (global_quote(price="0.0000"),), "cannot be used", ONLY_THIS_ONE),
    ("another's price", (global_quote(symbol="AAPL", price="122.0000"),), "cannot be used", ONLY_THIS_ONE),
]


def keeps_its_price(site: Site, reason: str) -> None:
    """Hold IBM's old price, its day and the reason against page and export."""
    [ibm] = exported(site, "IBM")
    assert (ibm["price"], ibm["as_of"], ibm["state"]) == ("121.7400", "2020-05-08", "Stale")
    assert reason in ibm["problem"]
    page = requests.get(f"{site.url}/stocks/XNYS/IBM", timeout=10).text
    for text in ("121.74", "8 May 2020", "Stale", reason):
        assert text in page
    row = row_on(requests.get(site.url, timeout=10).text, number_of(site, "IBM"))
    assert row["price"] == "121.74 USD"
    assert row["as_of"] == "8 May 2020"
    assert reason in row["state"]


@pytest.mark.parametrize(("answer", "reason", "only_this_one"), [fault[1:] for fault in FAULTS],
                         ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_no_price_and_the_last_one_stays_with_the_reason(
        priced: Site, vendor: AlphaVantage, answer: tuple[Any, ...], reason: str, only_this_one: bool) -> None:
    fetched = exported(priced, "IBM")[0]["fetched_at"]
    vendor.on("IBM", "say", *answer)
    vendor.quote("TSLA", "731.2500", "2021-04-26")
    refresh(priced)
    keeps_its_price(priced, reason)
    assert exported(priced, "IBM")[0]["fetched_at"] == fetched
    [tesla] = exported(priced, "TSLA")
    if only_this_one:
        assert (tesla["price"], tesla["problem"]) == ("731.2500", None)
    else:
        assert tesla["price"] == "729.4000"
        assert reason in tesla["problem"]
    assert run_sql(priced, "SELECT price FROM ticks") == [("731.2500",)] * only_this_one
    assert reason in requests.get(f"{priced.url}/sources", timeout=10).text


def test_a_vendor_that_says_nothing_or_never_ends_holds_up_neither_pages_nor_other_stocks(
        priced: Site, vendor: AlphaVantage) -> None:
    vendor.on("IBM", "hang")
    vendor.on("TSLA", "drip", b"HTTP/1.1 200 OK\r\n\r\n{", b" ")
    job = ask_refresh(priced)
    wait_until(lambda: vendor.asked()[-1:] == ["IBM"], 10, "the vendor was not asked")
    slowest = 0.0
    while job.get_status() not in {"finished", "failed"}:
        began = time.monotonic()
        exported(priced, "IBM", "TSLA")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.5)
    assert slowest < 2
    ibm, tesla = exported(priced, "IBM", "TSLA")
    assert (tesla["price"], tesla["problem"]) == ("729.4000", ibm["problem"])
    keeps_its_price(priced, "did not answer in time")
    watch_only(priced, "AAPL")
    vendor.quote("AAPL", "186.3100", "2021-04-26")
    assert refresh(priced) == "1 changed, 0 waiting"
    assert exported(priced, "AAPL")[0]["price"] == "186.3100"


def test_the_key_is_on_no_page_in_no_log_and_nowhere_stored(priced: Site, vendor: AlphaVantage) -> None:
    vendor.on("IBM", "say", {"Information": f"We have detected your API key as {KEY} and our standard API rate limit "
                                            "is 25 requests per day."})
    refresh(priced)
    person = Person(priced.url).join()
    address = person.make_list(number_of(priced, "IBM"))
    for path in ("/", "/sources", "/quotes.json?symbols=IBM", "/stocks/XNYS/IBM", "/healthz", "/account"):
        assert KEY not in person.read(f"{priced.url}{path}")
    for ending in ("", ".json", ".csv"):
        assert KEY not in person.read(f"{address}{ending}")
    assert vendor.calls[-1]["apikey"] == KEY
    assert len(where_is("refresh_quotes", priced)) > 1, "the search finds nothing at all"
    assert not where_is(KEY, priced)
