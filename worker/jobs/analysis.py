"""Brings up to date where every stock stands: reads its bars, reckons, stores, tells the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from flask import current_app

from webapp import clock
from webapp.bars.completed import Over, last_week_over
from webapp.extensions import db
from webapp.models import JobRun
from webapp.trading_days import load_book
from worker import store
from worker.analysis.batches import load_market, reckon_all
from worker.analysis.rating import rate
from worker.analysis.stale import Due, all_reckoned, exchanges, find_benchmarks, find_due, find_gone
from worker.analysis.writing import forget, mend_counts, write_batch
from worker.publishing import publish

# The row that says whether the last run came to its end, and when all was looked at.
MARK = "analysis"
# Once a day, when New York has closed in summer and winter, all stocks are reckoned, whatever is known of changes.
EVERYTHING_AT = dt.time(22, 30)
# Rows that one transaction gives a new version: more than a thousand, so that they wait behind quotes on the bus.
TOLD_AT_ONCE = 2_000


def analyse() -> str:
    """Bring up to date every stock whose bars, splits, benchmark or week changed; once a day all of them.

    What is done is done: a run that was killed is gone on with by the next one. Return in words what came of it.
    """
    now = clock.now()
    everything, cut_short = _is_everything_due(now), _is_cut_short()
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
    _end(now, everything=everything)
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
        _begin(now)
        forget(moved)
        db.session.commit()
    count, done = len(moved), set[int]()
    leaders = {number for number, _mic, _currency in find_benchmarks().values()}
    for among in (leaders, None):
        due = [one for one in find_due(overs, now, everything=everything, among=among)
               if one.id not in done and one.mic in overs]
        done.update(one.id for one in due)
        moved.update(_reckon(due, overs, now))
    return count + len(done), moved


def _reckon(due: Sequence[Due], overs: Mapping[str, Over], now: dt.datetime) -> set[int]:
    """Reckon and store some stocks, a transaction for each batch; return those whose standing is another one."""
    moved: set[int] = set()
    if due:
        market = load_market(overs)
        for found in reckon_all(due, market):
            _begin(now)
            moved.update(write_batch(found, now))
            db.session.commit()
    return moved


def _tell(ids: Collection[int]) -> None:
    """Tell the pages of the stocks that stand elsewhere now: some thousand at a time, so that quotes wait for none."""
    numbers = sorted(ids)
    for start in range(0, len(numbers), TOLD_AT_ONCE):
        changed = store.touch(numbers[start:start + TOLD_AT_ONCE])
        db.session.commit()
        publish(current_app.extensions["redis"], changed)


def _mark(now: dt.datetime) -> JobRun:
    """Return the row that says how far the analysis is."""
    mark = db.session.get(JobRun, MARK, populate_existing=True)
    if mark is None:
        mark = JobRun(name=MARK, started_at=now, outcome="", failures=0)
        db.session.add(mark)
    return mark


def _is_everything_due(now: dt.datetime) -> bool:
    """Tell whether all stocks are to be reckoned: the last time was before the last EVERYTHING_AT."""
    due_at = dt.datetime.combine(now.date(), EVERYTHING_AT, dt.UTC)
    due_at -= dt.timedelta(days=1) if due_at > now else dt.timedelta(0)
    mark = db.session.get(JobRun, MARK, populate_existing=True)
    return mark is None or mark.succeeded_at is None or mark.succeeded_at < due_at


def _is_cut_short() -> bool:
    """Tell whether a run stored stocks, but did not come to rate them and to tell the pages."""
    mark = db.session.get(JobRun, MARK)
    return mark is not None and mark.finished_at is None


def _begin(now: dt.datetime) -> None:
    """Note, with the first that is stored, that ratings are to follow."""
    mark = _mark(now)
    if mark.finished_at is not None:
        mark.started_at, mark.finished_at = now, None


def _end(now: dt.datetime, *, everything: bool) -> None:
    """Note that the run has come to its end, and commit."""
    mark = _mark(now)
    mark.finished_at = clock.now()
    if everything:
        mark.succeeded_at = now
    db.session.commit()
