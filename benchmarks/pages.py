"""Measures the pages on the real server: time to the first byte, and what a page weighs with all its files.

PYTHONPATH=. .venv/bin/python benchmarks/pages.py [--check]

There is no peer in this run: the bars are absolute, a first byte in 50 ms and 60 KB for a list of 50 stocks.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.server.people import Person
from tests.site import Site

ROUNDS = 200
MOST_MS = 50.0
MOST_BYTES = 60 * 1024


def fetch(url: str, cookie: str = "") -> tuple[float, int, bytes]:
    """Get a page as a browser does; return milliseconds to the first byte, bytes on the wire, and the body as sent."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    connection.connect()
    path = f"{where.path or '/'}?{where.query}" if where.query else where.path or "/"
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Cookie": cookie})
    answer = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    body = answer.read()
    size = len(body) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
    connection.close()
    return took, size, body


def weigh(url: str, cookie: str, text: str) -> int:
    """Return the bytes of a page with its style sheets, scripts and icon, compressed as the server sends them."""
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    root = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    return fetch(url, cookie)[1] + sum(fetch(root + file)[1] for file in dict.fromkeys(files))


def measure(name: str, url: str, person: Person) -> dict[str, float | str]:
    """Load one page often; return its figures."""
    cookie = "; ".join(f"{each.name}={each.value}" for each in person.session.cookies)
    text = person.session.get(url, timeout=20).text
    for _ in range(10):
        fetch(url, cookie)
    times = sorted(fetch(url, cookie)[0] for _ in range(ROUNDS))
    return {"page": name, "p50_ms": round(statistics.median(times), 1),
            "p99_ms": round(times[int(len(times) * 0.99)], 1), "bytes": weigh(url, cookie, text)}


def run(folder: Path) -> list[dict[str, float | str]]:
    """Start the site, fill it, measure its pages while prices move."""
    with Site(folder) as site:
        site.start("web", "worker", "scheduler")
        person = Person(site.url).join()
        watchlist = person.make_list(*range(1, 51))
        time.sleep(6)  # the first prices
        pages = {"list of 50": watchlist, "front page": f"{site.url}/", "stock": f"{site.url}/stocks/XNAS/AAPL",
                 "picker": f"{site.url}/watchlists/pick"}
        return [measure(name, url, person) for name, url in pages.items()]


def main() -> int:
    """Print a table, then one line of JSON; with --check, return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sw-pages-") as folder:
        figures = run(Path(folder))
    print(f"{'page':<12}{'first byte p50':>16}{'p99':>10}{'with all files':>18}")
    for row in figures:
        print(f"{row['page']:<12}{row['p50_ms']:>13} ms{row['p99_ms']:>7} ms{row['bytes']:>15} B")
    holds = float(figures[0]["p50_ms"]) <= MOST_MS and float(figures[0]["bytes"]) <= MOST_BYTES
    print(json.dumps({"benchmark": "pages", "holds": holds, "pages": figures}))
    return 1 if words.check and not holds else 0


if __name__ == "__main__":
    sys.exit(main())
