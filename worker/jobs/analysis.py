"""Brings up to date where every stock stands: reads its bars, reckons, stores, tells the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

from flask import current_app

from webapp import clock
from webapp.bars.completed import Over, last_week_over
from webapp.extensions import db
from webapp.stage_counts import forget
from webapp.trading_days import load_book
from webapp.versions import touch
from worker.analysis import mark
from worker.analysis.batches import Batch, load_market, reckon_all
from worker.analysis.rating import rate
from worker.analysis.stale import Due, all_reckoned, exchanges, find_benchmarks, find_due, find_gone
from worker.analysis.writing import mend_counts, write_batch
from worker.publishing import publish

# Rows that one transaction gives a new version: more than a thousand, so that they wait behind quotes on the bus.
TOLD_AT_ONCE = 2_000


def analyse() -> str:
    """Bring up to date every stock whose bars, splits, benchmark or week changed; once a day all of them.

    What is done is done: a run that was killed is gone on with by the next one. Return in words what came of it.
    """
    now = clock.now()
    everything, cut_short = mark.is_everything_due(now), mark.is_cut_short()
    done, moved = _bring_up_to_date(_weeks_over(now), now, everything=everything)
    if not (done or everything or cut_short):
        db.session.commit()
        return "nothing new"
    if cut_short:
        moved |= all_reckoned()
    rated = rate()
    mended = mend_counts() if everything else 0
    db.session.commit()
    _tell(moved.union(rated))
    mark.end(now, everything=everything)
    return f"{done} stocks reckoned, {len(rated)} rated otherwise, {mended} counts mended"


def _weeks_over(now: dt.datetime) -> dict[str, Over]:
    """Return the last week that is over at each exchange that matters."""
    book = load_book(now)
    mics = exchanges() | {mic for _number, mic, _currency in find_benchmarks().values()}
    return {mic: last_week_over(book, mic, now) for mic in mics}


def _bring_up_to_date(overs: Mapping[str, Over], now: dt.datetime, *, everything: bool) -> tuple[int, set[int]]:
    """Store how all that is due stands, the benchmarks first; return how many stocks, and which stand elsewhere."""
    moved = set(find_gone())
    if moved:
        mark.begin(now)
        forget(moved)
        db.session.commit()
    count, tried = len(moved), set[int]()
    leaders = {number for number, _mic, _currency in find_benchmarks().values()}
    for among in (leaders, None):
        due = [one for one in find_due(overs, now, everything=everything, among=among)
               if one.id not in tried and one.mic in overs]
        tried.update(one.id for one in due)
        for batch in _reckon(due, overs):
            if batch.found:
                mark.begin(now)
            moved.update(write_batch(batch, now))
            db.session.commit()
            count += len(batch.found)
    return count, moved


def _reckon(due: Sequence[Due], overs: Mapping[str, Over]) -> Iterator[Batch]:
    """Give what came of some stocks; each batch is written in a transaction of its own."""
    if due:
        yield from reckon_all(due, load_market(overs))


def _tell(ids: Collection[int]) -> None:
    """Tell the pages of the stocks that stand elsewhere now: some thousand at a time, so that quotes wait for none."""
    numbers = sorted(ids)
    for start in range(0, len(numbers), TOLD_AT_ONCE):
        changed = touch(numbers[start:start + TOLD_AT_ONCE])
        db.session.commit()
        publish(current_app.extensions["redis"], changed)
