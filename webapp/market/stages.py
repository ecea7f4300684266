"""The market page of stages: how many stocks are in each, now and over time."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.export import answer_json
from webapp.market import breadth
from webapp.market.breadth import Group, Week
from webapp.models import InstrumentRow
from webapp.standings import STAGES, is_late

bp = Blueprint("stages", __name__, url_prefix="/market")

USUAL = "5Y"


def asked_range() -> str:
    """Return the range that the address asks for; the usual one where it asks for none of ours."""
    asked = request.args.get("range", "")
    return asked if asked in breadth.RANGES else USUAL


@bp.get("/stages")
def index() -> ResponseReturnValue:
    """Show how many stocks are in each stage, to anybody."""
    name = asked_range()
    weeks = breadth.load_weeks(name)
    newest, computed_at = breadth.newest_week()
    groups = {"Exchange": ("mic", breadth.load_groups(newest, InstrumentRow.mic)),
              "Sector": ("sector", breadth.load_groups(newest, InstrumentRow.sector))}
    return render_template("market/breadth.html", range=name, ranges=list(breadth.RANGES), weeks=weeks,
                           rows=breadth.thinned(weeks, breadth.MOST_ROWS)[::-1], picture=breadth.draw(weeks),
                           now_all=next(iter(breadth.load_groups(newest)), None), groups=groups, newest=newest,
                           late=is_late(newest, clock.now().date()), computed_at=computed_at, order=breadth.ORDER,
                           names=STAGES)


@bp.get("/stages.json")
def stages_json() -> Response:
    """Answer with the page's numbers."""
    name = asked_range()
    newest, computed_at = breadth.newest_week()
    content = {
        "range": name, "newest_week": newest.isoformat() if newest else None,
        "computed_at": f"{computed_at:%Y-%m-%dT%H:%M:%SZ}" if computed_at else None,
        "now": [group_content(group) for group in breadth.load_groups(newest)],
        "exchanges": [group_content(group) for group in breadth.load_groups(newest, InstrumentRow.mic)],
        "sectors": [group_content(group) for group in breadth.load_groups(newest, InstrumentRow.sector)],
        "weeks": [{"week": week.week.isoformat()} | week_content(week) for week in breadth.load_weeks(name)]}
    return answer_json(content, "stages")


def week_content(week: Week) -> dict[str, int]:
    """Return how many stocks were in each stage; "none" had none yet."""
    return {str(stage): week.count(stage) for stage in sorted(STAGES)} | {"none": week.none}


def group_content(group: Group) -> dict[str, object]:
    """Return where the stocks of a group stand now."""
    return {"name": group.name or None, "stages": week_content(group.now), "above_average": group.above,
            "measured": group.measured}
