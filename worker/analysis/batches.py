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
from webapp.extensions import db
from worker.analysis.crew import cores, share
from worker.analysis.figures import WEEK, WEEK_COLUMNS, Figures, Rows, Stock, digest_of, path_of, reckon, usable
from worker.analysis.stale import Due, find_benchmarks

log = logging.getLogger(__name__)

# So many stocks are in memory at once, and in one transaction: fewer cost more statements, more leave the cache.
BATCH = 100
# More than so many stocks are shared among so many processes: to begin one takes as long as some hundred stocks.
PARALLEL_FROM, PROCESSES = 1000, 2
NO_WEEKS: Rows = np.empty((0, len(WEEK_COLUMNS)))


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What all stocks share: which weeks are over, by exchange, and each benchmark's currency and weekly bars."""

    overs: Mapping[str, Over]
    benchmarks: Mapping[str, tuple[str, Series]]

    def benchmark_of(self, due: Due) -> Series | None:
        """Return the weekly bars that a stock is measured against; None where there are none in its currency."""
        currency, weeks = self.benchmarks.get(due.benchmark, ("", None))
        return weeks if currency == due.currency else None


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
    """Return what all stocks share, as it is now."""
    known = find_benchmarks()
    pasts = load_past([number for number, _mic, _currency in known.values()])
    found = {}
    for key, (number, mic, currency) in known.items():
        if (past := pasts.get(number)) is not None and len(daily := usable(past.series)):
            found[key] = currency, weekly(daily, overs[mic].through(int(daily.at[-1])))
    return Market(overs, found)


def reckon_all(due: Sequence[Due], market: Market) -> Iterator[list[Reckoned]]:
    """Give what is to be written, a list a batch; the session holds no connection while processes begin."""
    batches = [due[start:start + BATCH] for start in range(0, len(due), BATCH)]
    processes = min(PROCESSES, cores())
    if len(due) <= PARALLEL_FROM or processes < 2:
        for batch in batches:
            yield reckon_batch(batch, market)
        return
    db.session.commit()
    db.engine.dispose()
    yield from share(batches, partial(reckon_batch, market=market), processes)


def reckon_batch(batch: Sequence[Due], market: Market) -> list[Reckoned]:
    """Read and reckon stocks; one whose bars cannot be read or reckoned is left out, with a line in the log."""
    try:
        return _reckon(batch, market)
    except (DamagedError, ValueError) as error:
        if len(batch) == 1:
            log.error("Instrument %s cannot be analysed: %s", batch[0].id, error)  # noqa: TRY400 - it says enough
            return []
        middle = len(batch) // 2
        return [one for part in (batch[:middle], batch[middle:]) for one in reckon_batch(part, market)]


def _reckon(batch: Sequence[Due], market: Market) -> list[Reckoned]:
    pasts = load_past([due.id for due in batch])
    given = [(due, past, daily) for due in batch if (past := pasts.get(due.id)) is not None
             and len(daily := usable(past.series))]
    stocks = [Stock(daily, market.overs[due.mic].through(int(daily.at[-1])), market.benchmark_of(due))
              for due, _past, daily in given]
    return [_result(due, past, figures)
            for (due, past, _daily), figures in zip(given, reckon(stocks), strict=True)]


def _result(due: Due, past: Past, figures: Figures) -> Reckoned:
    """Return only what differs from what is stored: the new weeks, or all where a week of the past is another one."""
    weeks, old = figures.weeks, due.old
    known = 0
    if old is not None and old.week is not None:
        known = int(np.searchsorted(weeks[:, WEEK], to_number(old.week), "right"))
    digest = digest_of(weeks)
    before = digest if known == len(weeks) else digest_of(weeks[:known])
    anew = old is None or before != old.weeks_digest
    snapshot = figures.snapshot | {"path": path_of(weeks), "weeks_digest": digest,
                                   "source": ", ".join(past.sources)[:120]}
    return Reckoned(due, snapshot, (weeks if anew else weeks[known:]).copy(), anew)
