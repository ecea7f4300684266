"""Takes uploaded files in, one after the other, and finds those again whose worker was stopped."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

from flask import current_app
from sqlalchemy.exc import OperationalError

from config import Config
from webapp import clock, queue
from webapp.audit import Actor
from webapp.extensions import db
from webapp.history import queries, service
from webapp.models import IngestRun, RunState, User
from webapp.redis import RedisAway
from worker import locks
from worker.runs import describe

# One import at a time: two would keep two workers from the quotes.
LOCK = "import-file"
# After so long what waits is left to another job: each job has a time after which it is ended, in the midst of a file.
LONGEST = dt.timedelta(minutes=10)
# What lies here without a run for longer will get none: its upload was cut off.
UPLOAD_TAKES = dt.timedelta(hours=1)


def import_file(run_id: int) -> str:
    """Import the file of a run, then whatever came meanwhile; safe to run twice, and at once with another."""
    with locks.alone(current_app.extensions["redis"], LOCK) as free:
        if not free:
            return "another import is going on, which takes this one up"
        begun = clock.now()
        taken = [_import_one(run_id)]
        while (waiting := queries.next_upload()) is not None and clock.now() - begun < LONGEST:
            taken.append(_import_one(waiting))
    if waiting is not None:
        with suppress(*RedisAway):  # else it is resumed within a minute
            queue.import_file(waiting)
    if RunState.DONE in taken:
        with suppress(*RedisAway):  # the periodic run finds what changed
            queue.analyse()
    return f"{len(taken)} taken in"


def resume_imports() -> str:
    """Ask anew for imports whose job was lost, give those up that stopped too often, throw away what is left over."""
    found = queries.unfinished_imports()
    stopped = [] if locks.is_running(current_app.extensions["redis"], LOCK) else found
    lost = [run for run in stopped if not service.was_stopped(run) and run.kind == service.UPLOAD]
    db.session.commit()
    if lost:
        queue.import_file(lost[0].id)
    gone = _throw_away({service.upload_path(Path(), run.id).name for run in found})
    return f"{len(lost)} to take up, {gone} files thrown away"


def _import_one(run_id: int) -> str | None:
    """Import one file; return how its run ended, None where there was nothing to do."""
    run = db.session.get(IngestRun, run_id)
    if run is None or run.state in service.ENDED or service.was_stopped(run):
        db.session.commit()
        return None
    settings: Config = current_app.config["SETTINGS"]
    path = service.upload_path(settings.INSTANCE_DIR, run_id)
    try:
        for step in service.take_in(run, path):
            service.note_done(step, _actor_of(step))
            db.session.commit()
    except OperationalError as error:  # the database may be back at the next try
        db.session.rollback()
        with suppress(OperationalError):
            service.put_off(run, f"The database gave up: {describe(error)}.")
            db.session.commit()
        raise
    except Exception as error:
        db.session.rollback()
        service.fail(run, f"It failed: {describe(error)}")
        db.session.commit()
        raise
    path.unlink(missing_ok=True)
    return run.state


def _actor_of(run: IngestRun) -> Actor:
    """Return who uploaded the file of a run; an account that is gone meanwhile is nobody known."""
    user = db.session.get(User, run.user_id) if run.user_id is not None else None
    return Actor(user.id, user.email) if user is not None else Actor(None, "")


def _throw_away(wanted: set[str]) -> int:
    """Delete the uploads of runs that have ended, and those that never became one; return how many there were."""
    settings: Config = current_app.config["SETTINGS"]
    folder = service.upload_path(settings.INSTANCE_DIR, 0).parent
    oldest = (clock.now() - UPLOAD_TAKES).timestamp()
    left = [path for path in folder.iterdir() if path.name not in wanted] if folder.is_dir() else []
    gone = [path for path in left if path.stat().st_mtime < oldest]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
