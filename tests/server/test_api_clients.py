"""Other people's programs at the API of a real server: requests, pandas, a spreadsheet, and all of docs/api.md."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pandas as pd
import pytest
import requests

from tests.conftest import Settings
from tests.factories import add_quote
from tests.server.test_api_stream import find_node
from tests.site import ROOT, Site
from tests.webapp.charts.past import add_days, walk
from webapp import clock
from webapp.accounts import tokens
from webapp.app import create_app
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import InstrumentRow, Scope, User, Watchlist, WatchlistItem

pytestmark = pytest.mark.server

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
IN_THE_GUIDE = "http://127.0.0.1:8000"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
MOST_CALLS = 60
_numbers = count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with prices and a past, which stand still."""
    with Site(tmp_path_factory.mktemp("api"), API_LIMIT_TOKEN=f"{MOST_CALLS} per minute",
              API_LIMIT_ADDRESS="100000 per minute") as running:
        fill(running)
        yield running.start("web")


def fill(site: Site) -> None:
    """Store a price and two years of days for Apple and Microsoft."""
    with opened(site):
        for seed, symbol in enumerate(("AAPL", "MSFT")):
            stock = db.session.query(InstrumentRow).filter_by(mic="XNAS", symbol=symbol).one()
            add_days(stock, walk(500, seed), last=exchange_day("XNAS", clock.now()) - dt.timedelta(days=1))
            add_quote(stock, "228.52", previous_close="227.00", volume=50_000_000, version=seed + 1, as_of=clock.now(),
                      fetched_at=clock.now())


@contextmanager
def opened(site: Site) -> Iterator[None]:
    """Open the site's database beside its processes."""
    instance = site.folder / "instance"
    app = create_app(Settings(instance, site.redis.url, f"sqlite:///{instance / 'stagewatch.db'}"))
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def token(site: Site) -> str:
    """The token of somebody with a note."""
    with opened(site):
        user = User(email=f"program{next(_numbers)}@example.org", password_hash="none")
        apple = db.session.query(InstrumentRow).filter_by(mic="XNAS", symbol="AAPL").one()
        db.session.add(user)
        db.session.flush()
        db.session.add(Watchlist(user_id=user.id, name="Mine", items=[
            WatchlistItem(instrument_id=apple.id, position=1, note="Buy below 200.")]))
        _row, text = tokens.create_token(user, "test", Scope.WRITE, None)
        db.session.commit()
    return text


def test_requests_reads_a_list_page_by_page_and_each_item_once(site: Site, token: str) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    whole = session.get(f"{site.url}/api/v1/instruments?limit=1000", timeout=20).json()["items"]
    found, path, pages = [], "/api/v1/instruments?limit=9", 0
    while path:
        page = session.get(site.url + path, timeout=20).json()
        found += page["items"]
        path, pages = page["next"], pages + 1
    assert [each["key"] for each in found] == [each["key"] for each in whole]
    assert pages == -(-len(whole) // 9) > 2


def test_what_has_not_changed_is_not_sent_again_also_packed(site: Site) -> None:
    url = f"{site.url}/api/v1/instruments/XNAS:AAPL/bars"
    for packing in ("gzip", "br", "identity"):
        first = requests.get(url, headers={"Accept-Encoding": packing}, timeout=20)
        again = requests.get(url, headers={"Accept-Encoding": packing, "If-None-Match": first.headers["ETag"]},
                             timeout=20)
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers.get("Content-Encoding", "identity") == packing


def test_who_calls_too_often_waits_as_long_as_is_said_and_others_do_not(site: Site, token: str) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    statuses = []
    while 429 not in statuses:
        answer = session.get(f"{site.url}/api/v1/account", timeout=20)
        statuses.append(answer.status_code)
        assert len(statuses) <= 2 * MOST_CALLS
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.json()["code"] == "too-many-requests"
    assert requests.get(f"{site.url}/api/v1/quotes/XNAS:AAPL", timeout=20).status_code == 200


def test_pandas_reads_csv_with_the_right_kinds(site: Site) -> None:
    bars = pd.read_csv(f"{site.url}/api/v1/instruments/XNAS:AAPL/bars.csv?limit=1000", parse_dates=["day"])
    assert len(bars) == 500
    assert {name: str(kind) for name, kind in bars.dtypes.items() if name in ("open", "close", "volume")} == {
        "open": "float64", "close": "float64", "volume": "int64"}
    assert bars["day"].is_monotonic_increasing
    assert pd.api.types.is_datetime64_any_dtype(bars["day"])
    quotes = pd.read_csv(f"{site.url}/api/v1/quotes.csv?symbols=XNAS:AAPL,XNAS:MSFT", parse_dates=["as_of"])
    assert quotes["price"].tolist() == [228.52, 228.52]
    assert quotes["bid"].isna().all()
    assert str(quotes["as_of"].dtype).endswith("UTC]")


def test_pandas_reads_what_is_somebodys_own_with_the_token(site: Site, token: str) -> None:
    notes = pd.read_csv(f"{site.url}/api/v1/notes.csv", storage_options={"Authorization": f"Bearer {token}"})
    assert notes["text"].tolist() == ["Buy below 200."]
    with pytest.raises(OSError, match="401"):
        pd.read_csv(f"{site.url}/api/v1/notes.csv")


def test_a_spreadsheet_that_sends_no_headers_gets_csv(site: Site) -> None:
    curl = [shutil.which("curl") or pytest.skip("there is no curl"), "-sS", "-H", "Accept:", "-H", "User-Agent:"]
    got = subprocess.run([*curl, f"{site.url}/api/v1/quotes.csv?symbols=XNAS:AAPL,XNAS:MSFT"], capture_output=True,
                         check=True, timeout=20).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(got, newline="")))
    assert [row["key"] for row in rows] == ["XNAS:AAPL", "XNAS:MSFT"]
    assert rows[0]["price"] == "228.52"
    assert got.count("\r\n") == 3


def with_this(site: Site, text: str) -> str:
    return text.replace(IN_THE_GUIDE, site.url)


@pytest.mark.parametrize("number", [n for n, (kind, _text) in enumerate(BLOCKS) if kind in ("bash", "python")])
def test_the_guide_says_the_truth(site: Site, token: str, number: int) -> None:
    kind, text = BLOCKS[number]
    if kind == "bash":
        # Each answer is held to be a good one: curl itself does not mind errors.
        text = "set -euo pipefail\n" + re.sub(r"^curl ", "curl -sS --fail-with-body ", text, flags=re.MULTILINE)
    command = [shutil.which("bash") or "bash", "-c"] if kind == "bash" else [sys.executable, "-c"]
    done = subprocess.run([*command, with_this(site, text)], env=os.environ | {"TOKEN": token}, text=True, cwd=ROOT,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    assert "problems/" not in done.stdout


def test_the_guides_stream_in_javascript_works(site: Site) -> None:
    [text] = [text for kind, text in BLOCKS if kind == "javascript"]
    if not (ROOT / "node_modules" / "eventsource").is_dir():
        pytest.skip("the npm package eventsource is not installed")
    done = subprocess.run([find_node(), "--input-type=module", "-e", with_this(site, text)], capture_output=True,
                          text=True, cwd=ROOT, timeout=60, check=False)
    assert done.stdout.split() == ["XNAS:AAPL", "228.52"], done.stderr


def test_every_address_in_the_guide_answers(site: Site, token: str) -> None:
    addresses = {address.rstrip(".,") for address in re.findall(rf"{IN_THE_GUIDE}/[^\s\"`)]+", GUIDE)}
    assert len(addresses) > 15
    for address in sorted(addresses - {f"{IN_THE_GUIDE}/udf"}):
        answer = requests.get(with_this(site, address), headers={"Authorization": f"Bearer {token}"}, timeout=20,
                              stream=True)
        assert answer.status_code == 200, (address, answer.text)
        answer.close()


def test_the_guides_error_is_a_real_one(site: Site) -> None:
    [text] = [text for kind, text in BLOCKS if kind == "json"]
    real = requests.get(f"{site.url}/api/v1/instruments?limit=5000", timeout=20)
    assert real.headers["Content-Type"] == "application/problem+json"
    assert real.json() == json.loads(text)


def test_the_guide_names_every_way_there_is() -> None:
    assert {kind for kind, _text in BLOCKS} == {"bash", "python", "javascript", "json"}
    for word in ("LibreOffice", "Excel", "Google Sheets", "Grafana", "pandas", "sseclient", "RateLimit-Remaining",
                 "application/problem+json", "API_CORS_ORIGINS", "If-None-Match", "Versions"):
        assert word in GUIDE, word
