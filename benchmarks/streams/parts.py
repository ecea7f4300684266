"""What is measured: each part starts what it needs, on its own, and returns figures."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.streams import others
from benchmarks.streams.machine import BenchmarkError, compile_c, cpu_seconds, descriptors, resident_kb, stopping
from benchmarks.streams.measuring import figures, measure
from benchmarks.streams.pages import PageTimes, log_in
from benchmarks.streams.servers import Floor, Nchan
from benchmarks.streams.site import Site
from benchmarks.streams.viewers import Viewers

Figures = dict[str, Any]
RATE = 4.0  # windows a second
LIST = 20
STOCKS = 500
BURST = 10_000


@dataclass(frozen=True)
class Sizes:
    """How much of everything; `seconds` is the length of one measurement."""

    seconds: float = 15
    rounds: int = 3
    shared: int = 9_500
    lists: int = 5_000
    lists_nchan: int = 2_000
    lists_slow: int = 200
    pages: int = 200
    crowd: int = 1_000
    soak_minutes: float = 0


QUICK = Sizes(seconds=4, rounds=1, shared=2_000, lists=1_000, lists_nchan=500, lists_slow=50, pages=40, crowd=500)


@contextlib.contextmanager
def new_site(stocks: int = STOCKS) -> Iterator[tuple[Path, Site]]:
    """Start a site in a folder that lives as long as it."""
    with tempfile.TemporaryDirectory(prefix="sw-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for program in ("sse_viewers", "write_floor"):
            compile_c(program, folder)
        site = Site(folder, stocks)
        with stopping(site):
            site.start()
            yield folder, site


def spread_lists(ids: Sequence[int], count: int) -> list[list[int]]:
    """Return lists of LIST stocks, each another one, chosen the same way in every run."""
    chosen = random.Random(1)
    return [sorted(chosen.sample(list(ids), LIST)) for _ in range(count)]


def measure_shared(sizes: Sizes) -> Figures:
    """One list that everybody watches, one row changing a window: Stagewatch, Nchan and the floor, in turn."""
    found: dict[str, list[Figures]] = {}
    for _ in range(sizes.rounds):
        with new_site() as (folder, site):
            for name, result in _shared_round(folder, site, sizes):
                found.setdefault(name, []).append(result)
    return {name: _middle(results) for name, results in found.items()}


def _shared_round(folder: Path, site: Site, sizes: Sizes) -> Iterator[tuple[str, Figures]]:
    with stopping(site.publish("bus", site.shared, 1, RATE)):
        yield site.name, measure(folder, site, site.stamps, sizes.shared, [site.request(site.shared)], sizes.seconds)
    floor = Floor(folder, sizes.shared, RATE, site.frame, site.stamps)
    with stopping(floor):
        yield floor.name, measure(folder, floor, site.stamps, sizes.shared, [site.request([1])], sizes.seconds,
                                  warm=False)
    try:
        nchan = Nchan(folder)
    except BenchmarkError as error:
        print(f"Nchan is left out: {error}", flush=True)
        return
    with stopping(nchan, site.publish("nchan", site.shared, 1, RATE, port=nchan.port, channel="shared")):
        yield nchan.name, measure(folder, nchan, site.stamps, sizes.shared, [nchan.request(["shared"])], sizes.seconds)


def _middle(results: list[Figures]) -> Figures:
    """Return the round whose cost is in the middle."""
    ordered = sorted(results, key=lambda each: float(each["us_per_event"] or 0))
    return ordered[len(ordered) // 2] | {"all_us_per_event": [each["us_per_event"] for each in results]}


def measure_lists(sizes: Sizes) -> Figures:
    """Each viewer with its own 20 of 500 stocks, each stock changing once a second."""
    found: Figures = {}
    with new_site() as (folder, site):
        requests = [site.request(ids) for ids in spread_lists(site.ids, sizes.lists)]
        with stopping(site.publish("bus", site.ids, STOCKS, 1)):
            found[site.name] = measure(folder, site, site.stamps, sizes.lists, requests, sizes.seconds)
    with new_site() as (folder, site):
        with stopping(site.publish("bus", site.ids, STOCKS // int(RATE), RATE)):
            found["Stagewatch, spread"] = measure(folder, site, site.stamps, sizes.lists, requests, sizes.seconds)
        for name, peer in (("Nchan", _nchan_lists), ("flask-sse", _flask_sse_lists), ("seed", _seed_lists)):
            try:
                found[name] = peer(folder, site, sizes)
            except BenchmarkError as error:
                print(f"{name} is left out: {error}", flush=True)
    return found


def _nchan_lists(folder: Path, site: Site, sizes: Sizes) -> Figures:
    """Each row is a message on its stock's channel; a viewer subscribes to its 20 over one connection."""
    nchan = Nchan(folder)
    requests = [nchan.request([str(number) for number in ids]) for ids in spread_lists(site.ids, sizes.lists_nchan)]
    with stopping(nchan, site.publish("nchan", site.ids, STOCKS, 1, port=nchan.port)):
        return measure(folder, nchan, site.stamps, sizes.lists_nchan, requests, sizes.seconds)


def _flask_sse_lists(folder: Path, site: Site, sizes: Sizes) -> Figures:
    others.install_peers()
    peer = others.FlaskSse(folder, site.redis)
    requests = [peer.request(ids) for ids in spread_lists(site.ids, sizes.lists_slow)]
    with stopping(peer, site.publish("flask-sse", site.ids, STOCKS, 1)):
        return measure(folder, peer, site.stamps, sizes.lists_slow, requests, sizes.seconds, warm=False)


def _seed_lists(folder: Path, site: Site, sizes: Sizes) -> Figures:
    others.install_peers()
    peer = others.Seed(folder, site.redis, sizes.lists_slow, LIST, STOCKS)
    requests = [peer.request(number) for number in range(sizes.lists_slow)]
    with stopping(peer, peer.publish(1, site.stamps)):
        return measure(folder, peer, site.stamps, sizes.lists_slow, requests, sizes.seconds, warm=False)


def measure_pages(sizes: Sizes) -> Figures:
    """Ask for pages, first while nobody watches, then while all viewers of the shared list are served."""
    with new_site() as (folder, site), stopping(site.publish("bus", site.shared, 1, RATE)):
        session = log_in(site)
        paths = {"front page": "/", "list of 50": f"/watchlists/{site.watchlist}"}
        alone = {name: PageTimes(session, site.url + path, sizes.pages).summary() for name, path in paths.items()}
        viewers = Viewers(folder, site, site.stamps, sizes.shared, [site.request(site.shared)])
        with stopping(viewers):
            viewers.connected()
            time.sleep(2)
            viewers.begin()
            served = {name: PageTimes(session, site.url + path, sizes.pages).summary() for name, path in paths.items()}
            counted = viewers.end()
    return {"alone": alone, "while serving": served, "viewers": counted}


def measure_fairness(sizes: Sizes) -> Figures:
    """Watch bystanders while 10,000 symbols change at once, and while a crowd connects."""
    with new_site(STOCKS + BURST) as (folder, site):
        usual, bulk = site.ids[:STOCKS], site.ids[STOCKS:]
        # Each list has a stock of every tick, so that a quiet hub writes to every bystander in every window.
        requests = [site.request([usual[(start + step) % STOCKS] for step in range(0, STOCKS, STOCKS // LIST)])
                    for start in range(STOCKS // LIST)]
        crowd = [site.request(ids) for ids in spread_lists(usual, sizes.crowd)]
        whole = [site.request(bulk[start:start + 1000]) for start in range(0, BURST, 1000)]
        watchers = Viewers(folder, site, site.stamps, len(whole), whole)
        bystanders = Viewers(folder, site, site.stamps, 1000, requests)
        with stopping(site.publish("bus", usual, STOCKS // int(RATE), RATE), watchers, bystanders):
            watchers.connected()
            bystanders.connected()
            time.sleep(5)
            found = {"quiet": _watch(bystanders, 5)}
            watchers.begin()
            burst = site.burst(bulk)
            with stopping(burst):
                found["10,000 symbols"] = _watch(bystanders, 12)
            found["10,000 symbols"] |= {"burst_rows": watchers.so_far()["rows"], "expected": BURST}
            comers = Viewers(folder, site, site.stamps, sizes.crowd, crowd)
            with stopping(comers):
                found["crowd connects"] = _watch(bystanders, 8)
                found["crowd connects"]["connect_s"] = comers.connected()["seconds"]
    return found


def _watch(bystanders: Viewers, seconds: float) -> Figures:
    bystanders.begin()
    time.sleep(seconds)
    return bystanders.so_far()


def measure_soak(sizes: Sizes) -> Figures:
    """Let viewers come and go for long; memory and descriptors must stay where they are."""
    count, churn, every = 2_000, 50, 10.0
    with new_site() as (folder, site), stopping(site.publish("bus", site.ids, STOCKS // int(RATE), RATE)):
        time.sleep(2)
        empty = descriptors(site.web)
        requests = [site.request(ids) for ids in spread_lists(site.ids, count)]
        viewers = Viewers(folder, site, site.stamps, count, requests, churn)
        series = []
        with stopping(viewers):
            viewers.connected()
            viewers.begin()
            began, cpu = time.monotonic(), cpu_seconds(site.web)
            while time.monotonic() - began < sizes.soak_minutes * 60:
                time.sleep(every)
                series.append((round(time.monotonic() - began), resident_kb(site.web), descriptors(site.web)))
                print("soak: {} s, {} KB, {} descriptors".format(*series[-1]), flush=True)
            cpu = cpu_seconds(site.web) - cpu
            counted = viewers.end()
        time.sleep(5)
        left = descriptors(site.web)
    quarter = max(1, len(series) // 4)
    early = statistics.median(size for _, size, _ in series[quarter:2 * quarter] or series)
    late = statistics.median(size for _, size, _ in series[-quarter:])
    return figures(counted, cpu) | {"series": series, "descriptors_before": empty, "descriptors_after": left,
                                    "growth": round(late / early, 4)}
