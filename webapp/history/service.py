"""Imports of files as rows: a run begins, reports how far it is, and ends as done, refused or failed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from webapp import clock
from webapp.audit import Actor, note
from webapp.bars.files.formats import FileRefused, shown
from webapp.bars.files.importing import ADJUSTMENTS, Choices, FileImport
from webapp.bars.findings import check_many, note_duplicates
from webapp.extensions import db
from webapp.models import IngestRun, InstrumentRow, RunState

UPLOAD, SHELL = "upload", "shell"
KINDS = (UPLOAD, SHELL)
ENDED = (RunState.DONE, RunState.REFUSED, RunState.FAILED, RunState.SKIPPED)
# How often a run says how far it is.
STEP = dt.timedelta(seconds=1)
# So many series are checked between two commits.
CHECKED_TOGETHER = 200
# A file that ends its worker this often is not tried again.
MOST_TRIES = 3
# A shell's import that is older than this was stopped.
LONGEST_SHELL = dt.timedelta(hours=12)
REASON_LENGTH = 500


def new_run(kind: str, subject: str, choices: Choices, user_id: int | None = None) -> IngestRun:
    """Add a run that waits for its file to be imported, and return it with its number."""
    run = IngestRun(kind=kind, subject=shown(subject, 199), instrument_id=choices.instrument and choices.instrument.id,
                    user_id=user_id, started_at=clock.now(), options=_as_options(choices))
    db.session.add(run)
    db.session.flush()
    return run


def take_in(run: IngestRun, path: Path) -> Iterator[IngestRun]:
    """Import a run's file. Wherever this yields, the caller commits; the bars are written within one of these steps.

    A run that was cut off may be begun again: what is stored already is then found unchanged. An error other than a
    refusal is passed on; the caller says by fail() that it was one.
    """
    _begin(run, path)
    yield run
    try:
        with FileImport(path, _as_choices(run), clock.now()) as file:
            try:
                yield from _take_in(run, file)
            except FileRefused:
                db.session.rollback()
                _note_lines(run, file)
                raise
    except FileRefused as refusal:
        _end(run, RunState.REFUSED, str(refusal))
    yield run


def note_done(run: IngestRun, actor: Actor) -> None:
    """Write into the audit log what an import that went well has brought; other imports changed nothing."""
    if run.state == RunState.DONE:
        note(actor, "file.import", run.subject, {}, {"run": run.id, "source": run.source, "added": run.added,
                                                     "changed": run.changed, "refused_lines": run.refused})


def fail(run: IngestRun, reason: str) -> None:
    """Note that a run failed, and why."""
    _end(run, RunState.FAILED, reason)


def put_off(run: IngestRun, reason: str) -> None:
    """Note why a run must be tried again."""
    run.reason = reason[:REASON_LENGTH]


def was_stopped(run: IngestRun) -> bool:
    """Note it where a run has been stopped for good: too often, or long ago in a shell; tell whether it has."""
    tries = (run.options or {}).get("tries", 0)
    if run.kind == SHELL and run.started_at < clock.now() - LONGEST_SHELL:
        fail(run, "The import was stopped before its end. Nothing was left by halves; it may be started again.")
    elif run.kind == UPLOAD and tries >= MOST_TRIES:
        fail(run, f"It was tried {tries} times. {run.reason}" if run.reason else
             f"Its worker was stopped {tries} times. The worker's log says more; perhaps memory ran out.")
    else:
        return False
    return True


def _begin(run: IngestRun, path: Path) -> None:
    options = dict(run.options or {})
    run.options = options | {"tries": options.get("tries", 0) + 1}
    run.state = RunState.RUNNING.value
    run.started_at = clock.now()
    run.finished_at, run.reason = None, ""
    run.done, run.total = 0, path.stat().st_size if path.is_file() else 0
    run.refused, run.findings, run.problems = 0, 0, None


def _take_in(run: IngestRun, file: FileImport) -> Iterator[IngestRun]:
    run.source = file.source
    said = clock.now()
    for done in file.read():
        if clock.now() - said >= STEP:
            run.done, said = done, clock.now()
            yield run
    run.done = run.total
    _note_lines(run, file)
    yield run
    file.write()
    counts = file.counts
    if not (run.added or run.changed or run.unchanged):  # else a run before wrote them, and was cut off after that
        run.added, run.changed, run.unchanged = counts.added, counts.changed, counts.unchanged
    if len(file.stocks.instruments) == 1:
        run.instrument_id = file.stocks.instruments[0].id
    yield run
    for start in range(0, len(file.series), CHECKED_TOGETHER):
        part = file.series[start:start + CHECKED_TOGETHER]
        for number in file.clashes.keys() & set(part):
            note_duplicates(number, file.clashes[number], clock.now())
        run.findings += sum(check_many(part, clock.now()).values())
        yield run
    _end(run, RunState.DONE, _said_of(file))


def _note_lines(run: IngestRun, file: FileImport) -> None:
    run.refused = file.counts.refused
    run.problems = [[line, reason] for line, reason in file.counts.problems] or None


def _end(run: IngestRun, state: RunState, reason: str) -> None:
    run.state, run.reason, run.finished_at = state.value, reason[:REASON_LENGTH], clock.now()


def _said_of(file: FileImport) -> str:
    """Say what a person may want to know of an import that went well."""
    counts = file.counts
    parts = [f"Read as {file.layout.title}, prices {in_words(file.adjusted.value)}."]
    if len(file.stocks.instruments) > 1:
        parts.append(f"{len(file.stocks.instruments):,} stocks.")
    for count, what in ((counts.empty, "without a price"), (counts.same, "that say again what another says"),
                        (counts.others, "of other stocks")):
        if count:
            parts.append(f"{count:,} {'line' if count == 1 else 'lines'} {what} passed over.")
    return " ".join(parts)


def in_words(adjusted: str) -> str:
    """Say what prices are adjusted for: as traded, or adjusted for splits."""
    return adjusted if adjusted == "as traded" else f"adjusted for {adjusted}"


def _as_options(choices: Choices) -> dict[str, Any]:
    """Return what a person said of a file as it is kept in its run."""
    adjusted = next((word for word, kind in ADJUSTMENTS.items() if kind is choices.adjusted), "")
    kept = {"mic": choices.mic, "source": choices.source, "adjusted": adjusted, "unit": choices.unit,
            "made_on": choices.made_on.isoformat() if choices.made_on else "", "skip": choices.skip,
            "anyway": choices.anyway}
    return {name: value for name, value in kept.items() if value}


def _as_choices(run: IngestRun) -> Choices:
    options: Mapping[str, Any] = run.options or {}
    row = db.session.get(InstrumentRow, run.instrument_id) if run.instrument_id else None
    made_on = options.get("made_on")
    return Choices(row.record() if row else None, options.get("mic", ""), options.get("source", ""),
                   ADJUSTMENTS.get(options.get("adjusted", "")), options.get("unit", ""),
                   dt.date.fromisoformat(made_on) if made_on else None, bool(options.get("skip")),
                   bool(options.get("anyway")))


def upload_path(folder: Path, run_id: int) -> Path:
    """Return where a run's upload lies, for the web and the workers."""
    return folder / "uploads" / f"{run_id}.csv"

