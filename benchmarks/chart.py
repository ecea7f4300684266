"""Measures a stock's chart: its JSON for 20 years on the real server, and the page until it is drawn in Chromium.

PYTHONPATH=. .venv/bin/python benchmarks/chart.py [--years 20] [--rounds 200] [--check]

Beside it, in the same run: the same bars as plain JSON objects, and drawn as an SVG of one element a candle.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.pages import fetch
from benchmarks.streams.machine import cpu_seconds
from deploy.browser import find_browser
from tests.browser.conftest import ARGUMENTS
from tests.conftest import Settings
from tests.site import Site
from webapp import instruments
from webapp.analytics.series import Series, to_day, to_number
from webapp.app import create_app
from webapp.bars.codec import from_series
from webapp.bars.writing import write_bars, write_events
from webapp.extensions import db
from webapp.models.bars import DAY
from webapp.records import Adjustment, Dividend, Split

MOST_BYTES, MOST_MS, MOST_DRAWN_MS = 100 * 1000, 20.0, 1000.0
SESSIONS_A_YEAR = 252
DRAWINGS = 7
RATIOS = ("2", "7", "4", "1.5")
STOCKS = ("AAPL", "SPY")  # the second is what the first one's strength is measured against
EVERYTHING = "range=max&with=stages,week30,rs,sma50,sma150,sma200,rsi"
# From the start of the page to the frame in which the chart stands; 0 until then
DRAWN = """(selector) => new Promise((done) => {
  const look = () => document.querySelector(selector)
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now()))) : setTimeout(look, 5);
  look();
})"""
# What somebody would write without a library: a line and a rectangle for each candle
SVG_PEER = """(bars) => {
  const began = performance.now();
  const low = Math.min(...bars.map((bar) => bar.low)), high = Math.max(...bars.map((bar) => bar.high));
  const y = (price) => (300 * (high - price) / (high - low)).toFixed(2);
  const step = 1200 / bars.length;
  document.body.innerHTML = `<svg width="1200" height="300">${bars.map((bar, place) => {
    const x = (place * step).toFixed(2), top = Math.max(bar.open, bar.close), foot = Math.min(bar.open, bar.close);
    return `<line x1="${x}" x2="${x}" y1="${y(bar.high)}" y2="${y(bar.low)}" stroke="green"/>` +
      `<rect x="${x}" width="${step.toFixed(2)}" y="${y(top)}" height="${(y(foot) - y(top)).toFixed(2)}"/>`;
  }).join("")}</svg>`;
  return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))));
}"""


def make_series(count: int, seed: int) -> Series:
    """Return so many days of a stock of some hundred dollars, seeded."""
    random = np.random.default_rng(seed)
    days = np.arange(to_number(dt.date(2026, 11, 20)) - 2 * count, to_number(dt.date(2026, 11, 20)) + 1)
    at = days[(days + 3) % 7 < 5][-count:].astype(np.int32)
    close = np.round(200 * np.exp(np.cumsum(random.normal(0.0003, 0.017, count))), 2)
    opened = np.round(close * np.exp(random.normal(0, 0.006, count)), 2)
    high = np.round(np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.006, count))), 2)
    low = np.round(np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.006, count))), 2)
    return Series(at, opened, high, low, close, np.rint(np.exp(random.normal(18, 0.4, count))))


def fill(site: Site, years: int) -> list[Series]:
    """Store the stocks' days, with four splits and a dividend each quarter; return the bars as traded."""
    instance = site.folder / "instance"
    app = create_app(Settings(instance, site.redis.url, f"sqlite:///{instance / 'stagewatch.db'}"))
    made = []
    with app.app_context():
        found = {stock.symbol: stock for stock in instruments.starter_list()}
        for seed, symbol in enumerate(STOCKS):
            stock = found.get(symbol) or instruments.find("ARCX", symbol)
            if stock is None:
                continue
            series = make_series(years * SESSIONS_A_YEAR, seed)
            now = dt.datetime.now(dt.UTC)
            days = series.at[::len(series) // 5][1:5]
            splits = [Split(to_day(at), Decimal(ratio)) for at, ratio in zip(days, RATIOS, strict=True)]
            dividends = [Dividend(to_day(at), Decimal("0.24")) for at in series.at[::63]]
            write_events(stock.id, splits if seed == 0 else [], dividends, "tiingo", now)
            write_bars(stock.id, DAY, "tiingo", from_series(series), adjusted=Adjustment.NONE, now=now)
            db.session.commit()
            made.append(series)
    return made


def plain_objects(series: Series) -> list[dict[str, Any]]:
    """Return the bars as most programs send them."""
    columns = zip(series.at.tolist(), series.open.tolist(), series.high.tolist(), series.low.tolist(),
                  series.close.tolist(), series.volume.tolist(), strict=True)
    return [{"time": to_day(at).isoformat(), "open": opened, "high": high, "low": low, "close": close,
             "volume": int(volume)} for at, opened, high, low, close, volume in columns]


def worker_of(site: Site) -> int:
    """Return the web process that answers: gunicorn's child."""
    master = site.processes["web"].pid
    return int(Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()[0])


def measure_json(site: Site, query: str, rounds: int) -> dict[str, Any]:
    """Fetch one chart's JSON often; return its size on the wire and milliseconds to the first byte.

    `cpu_ms` is what the web process itself spent on each, whatever else the machine did meanwhile.
    """
    url = f"{site.url}/stocks/XNAS/AAPL/chart.json?{query}"
    body = fetch(url)[2]
    for _ in range(5):
        fetch(url)
    worker = worker_of(site)
    before = cpu_seconds(worker)
    times = sorted(fetch(url)[0] for _ in range(rounds))
    return {"what": f"chart.json?{query}", "gzipped": len(body), "plain": len(gzip.decompress(body)),
            "cpu_ms": round((cpu_seconds(worker) - before) / rounds * 1000, 1),
            "p50_ms": round(statistics.median(times), 1), "p99_ms": round(times[int(len(times) * 0.99)], 1)}


def measure_peer(series: Series, rounds: int) -> dict[str, Any]:
    """Make the plain objects often, packed as a server would; reading them from a database is not in it."""
    times, packed, plain = [], b"", b""
    spent = time.process_time()
    for _ in range(max(3, rounds // 10)):
        began = time.perf_counter()
        plain = json.dumps(plain_objects(series)).encode()
        packed = gzip.compress(plain, 6)
        times.append((time.perf_counter() - began) * 1000)
    return {"what": "plain objects", "gzipped": len(packed), "plain": len(plain),
            "cpu_ms": round((time.process_time() - spent) / len(times) * 1000, 1),
            "p50_ms": round(statistics.median(times), 1), "p99_ms": round(max(times), 1)}


def drawn_after(page: Page, url: str) -> float:
    """Open a stock's page; return milliseconds from its start until the chart stands."""
    page.goto(url, wait_until="commit")
    return float(page.evaluate(DRAWN, "#chart[data-ready]"))


def measure_drawing(site: Site, series: Series) -> list[dict[str, Any]]:
    """Draw 20 years in Chromium: the page, and the peer's SVG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        url = f"{site.url}/stocks/XNAS/AAPL?{EVERYTHING}"
        times = sorted(drawn_after(page, url) for _ in range(DRAWINGS))
        page.goto("about:blank")
        bars = plain_objects(series)
        peers = sorted(float(page.evaluate(SVG_PEER, bars)) for _ in range(DRAWINGS))
        browser.close()
    return [{"what": "page until drawn, all lines", "p50_ms": round(statistics.median(times)),
             "worst_ms": round(times[-1])},
            {"what": "SVG of elements, drawing alone", "p50_ms": round(statistics.median(peers)),
             "worst_ms": round(peers[-1])}]


def run(folder: Path, years: int, rounds: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Start the site, fill it, measure."""
    with Site(folder) as site:
        series = fill(site, years)[0]
        site.start("web")
        answers = [measure_json(site, query, rounds) for query in ("range=max", EVERYTHING, "range=1y")]
        return [*answers, measure_peer(series, rounds)], measure_drawing(site, series)


def main() -> int:
    """Print two tables, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sw-chart-") as folder:
        answers, drawings = run(Path(folder), words.years, words.rounds)
    print(f"{'JSON':<70}{'gzipped':>10}{'CPU':>9}{'p50':>9}{'p99':>9}")
    for row in answers:
        print(f"{row['what']:<70}{row['gzipped']:>8} B{row['cpu_ms']:>6} ms{row['p50_ms']:>6} ms{row['p99_ms']:>6} ms")
    for row in drawings:
        print(f"{row['what']:<70}{'':>19}{row['p50_ms']:>6} ms{row['worst_ms']:>6} ms")
    holds = (answers[0]["gzipped"] < MOST_BYTES and answers[0]["p50_ms"] < MOST_MS
             and drawings[0]["p50_ms"] < MOST_DRAWN_MS)
    print(json.dumps({"benchmark": "chart", "holds": holds, "json": answers, "drawing": drawings}))
    return 1 if words.check and not holds else 0


if __name__ == "__main__":
    sys.exit(main())
