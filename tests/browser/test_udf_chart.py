"""Another site's chart, drawn from this place's feed: by a real library, in a real browser, from another origin."""

from __future__ import annotations

import datetime as dt
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, select

from tests.browser.conftest import PATIENCE_MS
from tests.conftest import Settings
from tests.site import Site
from tests.webapp.api.udf_reader import Feed
from tests.webapp.charts.past import add_days, walk
from webapp import clock
from webapp.app import create_app
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import BarSeries, InstrumentRow

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"/": Path(__file__).with_name("udf_chart.html"),
         "/charts.js": ROOT / "node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js"}
DARK = """() => {
  let found = 0;
  for (const canvas of document.querySelectorAll("#chart canvas")) {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let place = 0; place < data.length; place += 4) colours.add(data[place] << 16 | data[place + 1] << 8
                                                                     | data[place + 2]);
    found = Math.max(found, colours.size);
  }
  return found;
}"""


class Theirs(http.server.BaseHTTPRequestHandler):
    """The other site: a page and a library, and nothing of ours."""

    def do_GET(self) -> None:
        path = PAGES.get(self.path.partition("?")[0])
        self.send_response(200 if path else 404)
        self.send_header("Content-Type", "text/html" if self.path.startswith("/?") else "text/javascript")
        self.end_headers()
        self.wfile.write(path.read_bytes() if path else b"")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    """The origin of the other site."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Theirs)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def ours(theirs: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """This place, which lets the other site read."""
    with Site(tmp_path_factory.mktemp("feed"), API_CORS_ORIGINS=theirs, API_LIMIT_ADDRESS="10000 per minute") as site:
        yield site.start("web")


@pytest.fixture(scope="module")
def close(ours: Site) -> np.ndarray:
    """Three years of Apple's days up to yesterday."""
    instance = ours.folder / "instance"
    app: Flask = create_app(Settings(instance, ours.redis.url, f"sqlite:///{instance / 'stagewatch.db'}"))
    with app.app_context():
        db.session.execute(delete(BarSeries))
        stock = db.session.scalars(select(InstrumentRow).where(InstrumentRow.symbol == "AAPL")).one()
        closes = walk(750)
        add_days(stock, closes, last=exchange_day("XNAS", clock.now()) - dt.timedelta(days=1))
    return closes


def open_theirs(chromium: Browser, theirs: str, feed: str, resolution: str) -> Page:
    page = chromium.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{theirs}/?feed={feed}&resolution={resolution}")
    return page


def test_another_sites_chart_shows_every_bar_and_goes_on(chromium: Browser, theirs: str, ours: Site,
                                                         close: np.ndarray) -> None:
    page = open_theirs(chromium, theirs, f"{ours.url}/udf", "1D")
    expect(page.locator("#state")).to_have_text("Apple Inc., 750 bars")
    assert page.evaluate("window.shown.map((bar) => bar.close)") == close.tolist()
    assert page.evaluate("window.poll()")["close"] == close[-1]
    assert page.evaluate(DARK) > 3  # rising and falling candles on a ground, with a grid
    assert page.context.cookies() == []
    page.context.close()


def test_a_site_that_was_not_allowed_shows_nothing(chromium: Browser, theirs: str, ours: Site,
                                                   close: np.ndarray) -> None:
    # The same page under another name is another origin.
    page = open_theirs(chromium, theirs.replace("127.0.0.1", "localhost"), f"{ours.url}/udf", "1D")
    expect(page.locator("#state")).to_contain_text("failed")
    page.context.close()


def test_a_front_ends_reader_agrees_with_the_chart(theirs: str, ours: Site, close: np.ndarray) -> None:
    def fetch(path: str) -> str:
        answer = requests.get(f"{ours.url}/udf/{path}", headers={"Origin": theirs}, timeout=10)
        assert answer.headers["Access-Control-Allow-Origin"] == theirs
        return answer.text

    feed = Feed(fetch).start()
    info = feed.resolve(feed.search("apple", exchange="XNAS")[0]["ticker"])
    assert info["session"] == "0930-1600:23456"
    assert [bar.close for bar in feed.all_bars(info, "1D", 400)] == close.tolist()
    assert feed.newest(info, "1W").close == close[-1]
