"""The first page: how the place is."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.admin.views import bp
from webapp.health_queries import Health
from webapp.health_redis import load_health
from webapp.rendering import is_fragment_request, render

SUMMARIES = {Health.GOOD: "All is well.", Health.WARN: "It runs; some things want a look.",
             Health.BAD: "Something is broken.", Health.UNKNOWN: "It runs, as far as can be told."}


@bp.get("")
def health() -> ResponseReturnValue:
    """Show how the place is; htmx asks for the list again and again."""
    lines, worst = load_health(clock.now())
    return render("admin/index.html", "health" if is_fragment_request() else None, lines=lines,
                  summary=SUMMARIES[worst])
