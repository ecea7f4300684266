"""What an admin reads of imports and fetches: the runs, the newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from webapp.extensions import db
from webapp.history.service import ENDED, KINDS, UPLOAD
from webapp.instruments import Ambiguous, Found, resolve
from webapp.models import IngestRun, InstrumentRow, RunState
from webapp.paging import cut
from webapp.records import Instrument
from webapp.typed import trimmed

PER_PAGE = 50
MOST_ID = 2**63 - 1
STATES = frozenset(RunState)


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the runs is asked for: a state and a kind ("" is every one), a stock or a part of a file's name."""

    state: str = ""
    kind: str = ""
    text: str = ""

    @property
    def words(self) -> dict[str, str]:
        """Return what an address needs to ask for the same again."""
        return {name: value for name, value in (("state", self.state), ("kind", self.kind), ("text", self.text))
                if value}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of runs with their stocks (None where a run is of several).

    `older` is the number below which the next page begins, None on the last.
    """

    runs: Sequence[tuple[IngestRun, Instrument | None]]
    older: int | None


def read_filter(state: str, kind: str, text: str) -> Filter:
    """Return what the words of an address ask for; a state or kind that there is none of asks for every one."""
    return Filter(state if state in STATES else "", kind if kind in {"files", "providers"} else "",
                  trimmed(text, 60))


def runs_page(asked: Filter, before: int | None, count: int = PER_PAGE) -> Page:
    """Return one page of runs, the newest first: those below the number `before`."""
    query = (select(IngestRun, InstrumentRow).join(InstrumentRow, InstrumentRow.id == IngestRun.instrument_id,
                                                   isouter=True)
             .where(*_conditions(asked)).order_by(IngestRun.id.desc()).limit(count + 1))
    if before is not None and 0 <= before <= MOST_ID:  # SQLite takes no larger number
        query = query.where(IngestRun.id < before)
    found, last = cut([(run, row.record() if row else None) for run, row in db.session.execute(query)], count)
    return Page(found, last[0].id if last else None)


def find_run(run_id: int) -> tuple[IngestRun, Instrument | None] | None:
    """Return one run with its stock."""
    run = db.session.get(IngestRun, run_id)
    if run is None:
        return None
    row = db.session.get(InstrumentRow, run.instrument_id) if run.instrument_id else None
    return run, row.record() if row else None


def unfinished_imports() -> list[IngestRun]:
    """Return the imports that wait or run, the oldest first."""
    states = [state.value for state in RunState if state not in ENDED]
    query = select(IngestRun).where(IngestRun.kind.in_(KINDS), IngestRun.state.in_(states)).order_by(IngestRun.id)
    return list(db.session.scalars(query))


def next_upload() -> int | None:
    """Return the number of the oldest upload that is not taken in yet."""
    return next((run.id for run in unfinished_imports() if run.kind == UPLOAD), None)


def _conditions(asked: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.state:
        found.append(IngestRun.state == asked.state)
    if asked.kind:
        found.append(IngestRun.kind.in_(KINDS) if asked.kind == "files" else IngestRun.kind.not_in(KINDS))
    if asked.text:
        found.append(or_(IngestRun.subject.icontains(asked.text, autoescape=True),
                         IngestRun.instrument_id.in_(_meant(asked.text))))
    return found


def _meant(text: str) -> list[int]:
    """Return the stocks that a text may mean."""
    match resolve(text):
        case Found(instrument):
            return [instrument.id]
        case Ambiguous(candidates):
            return [one.id for one in candidates]
    return []
