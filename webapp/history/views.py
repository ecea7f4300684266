"""Past prices for admins: files to import, and what came of each run. To everybody else there are no such pages."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import FileStorage

from config import Config
from webapp import queue
from webapp.audit import Actor
from webapp.bars.files.formats import FORMATS
from webapp.errors import Busy
from webapp.extensions import db, limiter
from webapp.guards import admins_only
from webapp.history import queries, service
from webapp.history.forms import ImportForm
from webapp.models import IngestRun, RunState
from webapp.redis import RedisAway
from webapp.rendering import is_fragment_request, render

bp = Blueprint("history", __name__, url_prefix="/history")
admins_only(bp)

RUNS_SHOWN = 8
UPLOADS_PER_PERSON = "120 per hour"
MB = 1024 * 1024


@bp.url_value_preprocessor
def let_files_be_large(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let admins, and nobody else, send more than a form: this runs before any form is read."""
    if endpoint == "history.take_file" and current_user.is_authenticated and current_user.admin:
        settings: Config = current_app.config["SETTINGS"]
        request.max_content_length = settings.UPLOAD_MB * MB


def person_key() -> str:
    """Name who asks, for the limit of uploads."""
    return f"person-{current_user.get_id()}"


@bp.get("/import")
def import_page() -> ResponseReturnValue:
    """Show the form that takes a file, and the last runs."""
    return show_import(ImportForm(formdata=None))


@bp.post("/import")
@limiter.limit(UPLOADS_PER_PERSON, key_func=person_key)
def take_file() -> ResponseReturnValue:
    """Keep a file and have a worker import it."""
    form = ImportForm()
    if not form.validate_on_submit():
        return show_import(form), 422
    run = keep_upload(form)
    try:
        queue.import_file(run.id)
    except RedisAway:
        service.fail(run, "No worker could be told of it. Please upload it again in a minute.")
        db.session.commit()
        raise Busy("Nothing can be imported at this moment. Please try again in a minute.") from None
    return redirect(url_for(".run_page", run_id=run.id), 303)


@bp.get("/runs")
def runs() -> ResponseReturnValue:
    """List the runs, the newest first."""
    args = request.args
    asked = queries.read_filter(args.get("state", ""), args.get("kind", ""), args.get("text", ""))
    page = queries.runs_page(asked, args.get("before", type=int))
    return render_template("history/runs.html", page=page, asked=asked, states=list(RunState),
                           below=args.get("before", type=int))


@bp.get("/runs/<int(max=9223372036854775807):run_id>")
def run_page(run_id: int) -> ResponseReturnValue:
    """Show one run; htmx asks for its part while it goes on."""
    found = queries.find_run(run_id)
    if found is None:
        abort(404)
    run, instrument = found
    return render("history/run.html", "run" if is_fragment_request() else None, run=run, instrument=instrument,
                  going_on=run.state not in service.ENDED)


def actor() -> Actor:
    """Return who makes a change on these pages."""
    return Actor(current_user.id, current_user.email)


def show_import(form: ImportForm) -> str:
    """Return the page with the form on it."""
    settings: Config = current_app.config["SETTINGS"]
    page = queries.runs_page(queries.Filter(kind="files"), None, RUNS_SHOWN)
    return render_template("history/import.html", form=form, page=page, formats=FORMATS, most=settings.UPLOAD_MB)


def keep_upload(form: ImportForm) -> IngestRun:
    """Write the file beside the database, where the workers find it, and return its run, committed."""
    settings: Config = current_app.config["SETTINGS"]
    folder = service.upload_path(settings.INSTANCE_DIR, 0).parent
    upload: FileStorage = form.file.data
    kept = folder / f"{secrets.token_hex(8)}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        upload.save(kept)
        run = service.new_run(service.UPLOAD, Path(upload.filename or "a file").name, form.chosen(),
                              current_user.id)
        kept.rename(service.upload_path(settings.INSTANCE_DIR, run.id))
    except OSError as error:
        kept.unlink(missing_ok=True)
        current_app.logger.exception("an upload was not kept")
        raise Busy(f"The file cannot be kept here: {error.strerror}.") from None
    db.session.commit()
    return run


# They add their pages to `bp`, which must stand before they can.
from webapp.history import coverage_views, faults_views  # noqa: E402, F401
