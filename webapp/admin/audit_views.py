"""The audit log."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp import audit_queries as queries
from webapp.admin.views import bp
from webapp.export import answer_csv


@bp.get("/audit")
def list_audit() -> ResponseReturnValue:
    """Show the log, the newest first."""
    asked, below = asked_for()
    return render_template("admin/audit.html", page=queries.audit_page(asked, below), asked=asked, below=below,
                           actions=queries.actions(), changes_of=queries.changes_of, who_of=queries.who_of,
                           most=queries.MOST_LINES)


@bp.get("/audit.csv")
def download_audit() -> ResponseReturnValue:
    """Give the log as a file, from the same place on."""
    return answer_csv(queries.audit_lines(*asked_for()), queries.COLUMNS, "audit")


def asked_for() -> tuple[queries.Filter, int | None]:
    """Return what of the log is asked for, and below which line."""
    args = request.args
    asked = queries.read_filter(args.get("who", ""), args.get("action", ""), args.get("subject", ""))
    return asked, args.get("before", type=int)
