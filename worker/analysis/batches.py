"""Stocks read and reckoned some hundred at a time, here or in processes beside this one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from webapp.analytics.series import Series, to_number
from webapp.analytics.weeks import weekly
from webapp.bars.codec import DamagedError
from webapp.bars.completed import Over
from webapp.bars.reading import Past, load_past
from webapp.bars.sources import any_made_up
from webapp.extensions import db
from worker.analysis.crew import cores, share
from worker.analysis.figures import WEEK, WEEK_COLUMNS, Figures, Rows, Stock, digests_of, path_of, reckon, usable
from worker.analysis.stale import Due, find_benchmarks

log = logging.getLogger(__name__)

# So many stocks are in memory at once, and in one transaction: fewer cost more statements, more leave the cache.
BATCH = 100
# More than so many stocks are shared among so many processes: to begin one takes as long as some hundred stocks.
PARALLEL_FROM, PROCESSES = 1000, 2
NO_WEEKS: Rows = np.empty((0, len(WEEK_COLUMNS)))


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What all stocks share: which weeks are over, by exchange, and the weekly bars of each benchmark.

    These are known by the benchmark's key, its currency, and whether they are made up.
    """

    overs: Mapping[str, Over]
    benchmarks: Mapping[tuple[str, str, bool], Series]

    def benchmark_of(self, due: Due, past: Past) -> Series | None:
        """Return the weekly bars that a stock is measured against.

        None where there are none in its currency; what is real is not measured against what is made up, nor otherwise.
        """
        return self.benchmarks.get((due.benchmark, due.currency, any_made_up(past.sources)))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What came of some stocks: what is to be written of each, and of which nothing could be reckoned, and why."""

    found: list[Reckoned]
    unreadable: list[tuple[Due, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Reckoned:
    """What is to be written of one stock: its snapshot's columns, and weeks.

    `anew` says that `weeks` are all there are; otherwise they come after those that are stored.
    """

    due: Due
    snapshot: dict[str, Any]
    weeks: Rows
    anew: bool


def load_market(overs: Mapping[str, Over]) -> Market:
    """Return what all stocks share, as it is now; a benchmark whose bars cannot be read is as one that has none."""
    found = {}
    for key, (number, mic, currency) in find_benchmarks().items():
        try:
            past = load_past([number]).get(number)
        except DamagedError as error:
            log.error("Nothing is measured against %s: %s", key, error)  # noqa: TRY400 - it says enough
            continue
        if past is not None and len(daily := usable(past.series)):
            weeks = weekly(daily, overs[mic].through(int(daily.at[-1])))
            found[key, currency, any_made_up(past.sources)] = weeks
    return Market(overs, found)


def reckon_all(due: Sequence[Due], market: Market) -> Iterator[Batch]:
    """Give what is to be written, batch by batch; the session holds no connection while processes begin."""
    batches = [due[start:start + BATCH] for start in range(0, len(due), BATCH)]
    processes = min(PROCESSES, cores())
    if len(due) <= PARALLEL_FROM or processes < 2:
        for batch in batches:
            yield reckon_batch(batch, market)
        return
    db.session.commit()
    db.engine.dispose()
    yield from share(batches, partial(reckon_batch, market=market), processes)


def reckon_batch(batch: Sequence[Due], market: Market) -> Batch:
    """Read and reckon stocks; one whose bars cannot be read or reckoned keeps no other from its figures."""
    try:
        return _reckon(batch, market)
    except (DamagedError, ValueError) as error:
        if len(batch) == 1:
            return Batch([], [(batch[0], str(error))])
        middle = len(batch) // 2
        parts = [reckon_batch(part, market) for part in (batch[:middle], batch[middle:])]
        return Batch([one for part in parts for one in part.found], [one for part in parts for one in part.unreadable])


def _reckon(batch: Sequence[Due], market: Market) -> Batch:
    pasts = load_past([due.id for due in batch])
    given = [(due, past, daily) for due in batch if (past := pasts.get(due.id)) is not None
             and len(daily := usable(past.series))]
    stocks = [Stock(daily, market.overs[due.mic].through(int(daily.at[-1])), market.benchmark_of(due, past))
              for due, past, daily in given]
    found = [_result(due, past, figures) for (due, past, _daily), figures in zip(given, reckon(stocks), strict=True)]
    known = {due.id for due, _past, _daily in given}
    return Batch(found, [(due, "none of its days has a close") for due in batch if due.id not in known])


def _result(due: Due, past: Past, figures: Figures) -> Reckoned:
    """Return only what differs from what is stored: the new weeks, or all where a week of the past is another one."""
    weeks, old = figures.weeks, due.old
    known = 0
    if old is not None and old.week is not None:
        known = int(np.searchsorted(weeks[:, WEEK], to_number(old.week), "right"))
    before, digest = digests_of(weeks, known)
    anew = old is None or before != old.weeks_digest
    snapshot = figures.snapshot | {"path": path_of(weeks), "weeks_digest": digest,
                                   "source": ", ".join(past.sources)[:120]}
    return Reckoned(due, snapshot, (weeks if anew else weeks[known:]).copy(), anew)
