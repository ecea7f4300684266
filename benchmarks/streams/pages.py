"""Page requests as a person's browser makes them, and how long they take."""

from __future__ import annotations

import re
import time

import requests

from benchmarks.streams.machine import BenchmarkError
from benchmarks.streams.publisher import EMAIL, PASSWORD
from benchmarks.streams.site import Site

PAUSE_S = 0.05
TIMEOUT_S = 10


def log_in(site: Site) -> requests.Session:
    """Return a browser in which the benchmark's person is logged in."""
    session = requests.Session()
    form = session.get(f"{site.url}/login", timeout=TIMEOUT_S).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    if token is None:
        raise BenchmarkError("the log-in page has no form")
    answer = session.post(f"{site.url}/login", timeout=TIMEOUT_S, allow_redirects=False, data={
        "csrf_token": token[1], "email": EMAIL, "password": PASSWORD})
    if answer.status_code not in {302, 303}:
        raise BenchmarkError(f"the log-in answers {answer.status_code}")
    return session


class PageTimes:
    """How long one page takes, asked for so many times in turn."""

    def __init__(self, session: requests.Session, url: str, count: int) -> None:
        self._times = []
        for _ in range(count):
            began = time.perf_counter()
            answer = session.get(url, timeout=TIMEOUT_S, allow_redirects=False)
            self._times.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise BenchmarkError(f"{url} answers {answer.status_code}")
            time.sleep(PAUSE_S)

    def summary(self) -> dict[str, float]:
        """Return milliseconds."""
        ordered = sorted(self._times)
        places = {"p50_ms": 0.5, "p99_ms": 0.99}
        found = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in places.items()}
        return {name: round(value * 1000, 1) for name, value in found.items()} | {
            "max_ms": round(ordered[-1] * 1000, 1)}
