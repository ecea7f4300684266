"""Past days of made-up stocks: made at once for all that are wanted, for they cost no call."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable

from sqlalchemy import delete, select

from webapp import clock
from webapp.bars.writing import drop_source, write_history
from webapp.extensions import db
from webapp.markets import SessionBook
from webapp.models import BarSeries, JobRun, RunState
from webapp.models.bars import DAY
from webapp.stage_counts import forget
from worker.analysis import mark
from worker.history import runs
from worker.history.fetching import OVERLAP
from worker.history.minutes import MARK
from worker.history.wanted import Wanted
from worker.providers.simulator import Simulator


def make_bars(simulator: Simulator, wanted: Iterable[Wanted], sessions: SessionBook, ends: float) -> int:
    """Make the days that are missing, one commit a stock, until `ends`, of one stock at least; return of how many.

    A stock of which a real source has days gets none: beside those they would be wrong. They are not checked.
    """
    now = clock.now()
    made = added = changed = 0
    for want in wanted:
        since = _missing_since(simulator, want, sessions, now)
        if since is None:
            continue
        history = simulator.daily(want.instrument, now, sessions, since if since > dt.date.min else None)
        if not history.bars:
            continue
        written = write_history(history, want.instrument, now)
        db.session.commit()
        made, added, changed = made + 1, added + written.added, changed + written.changed
        if time.monotonic() > ends:
            break
    if made:
        runs.note_batch(simulator.name, f"{made} {'stock' if made == 1 else 'stocks'}", now,
                        runs.Outcome(RunState.DONE, "Made up: no provider has a key.", added, changed))
        db.session.commit()
    return made


def drop_simulated_past() -> int:
    """Delete the made-up days and all that was found out from them; return of how many series. The caller commits."""
    ids = set(db.session.scalars(
        select(BarSeries.instrument_id).where(BarSeries.source == Simulator.name, BarSeries.interval == DAY)))
    if ids:
        mark.begin(clock.now())  # of the others, which were rated beside them
        forget(ids)
        db.session.execute(delete(JobRun).where(JobRun.name == MARK))  # the ticks that it speaks of are gone
    return drop_source(Simulator.name)


def _missing_since(simulator: Simulator, want: Wanted, sessions: SessionBook, now: dt.datetime) -> dt.date | None:
    """Return from when on days are to be made; the first of all days where there are none, None where none are due."""
    mic = want.instrument.mic
    newest = simulator.book(mic, now, sessions).last_completed(mic, now)
    if newest is None or any(source != simulator.name for source in want.series):
        return None
    held = want.series.get(simulator.name)
    if held is None or held.last_day is None:
        return dt.date.min
    return held.last_day - OVERLAP if held.last_day < newest.day else None
