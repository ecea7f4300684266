"""What is odd in past prices, and what an admin does about it: explain it, note a split, set a bar right."""

from __future__ import annotations

import datetime as dt
import logging

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp import clock, queue
from webapp.audit import note
from webapp.bars import findings
from webapp.bars.writing import write_events
from webapp.extensions import db
from webapp.filters import day_date
from webapp.history import faults, spots, stock
from webapp.history.faults_forms import BarForm, ExplainForm, NotedSplitForm, SureForm, filled, written
from webapp.history.spots import Spot
from webapp.history.stored import ShownBar
from webapp.history.views import actor, bp
from webapp.models import BarFault
from webapp.records import Split
from webapp.redis import RedisAway

log = logging.getLogger(__name__)

MOST_ID = 2**31 - 1
NUMBER = f"<int(max={MOST_ID}):number>"
ACTIONS = {"change": "bar.change", "take out": "bar.remove", "undo": "bar.undo"}
BAR = f"/bars/<int(max={MOST_ID}):series_id>/<day>"


@bp.get("/findings")
def list_faults() -> ResponseReturnValue:
    """Show what is odd, that with the newest day first."""
    asked = faults.read_filter(request.args)
    return render_template("history/faults.html", asked=asked, page=faults.faults_page(asked), kinds=faults.KINDS,
                           states=faults.STATES)


@bp.get(f"/findings/{NUMBER}")
def show_fault(number: int) -> ResponseReturnValue:
    """Show one odd place with the bars around it, and what can be done."""
    return fault_page(fault_or_404(number))


@bp.post(f"/findings/{NUMBER}/explain")
def explain_fault(number: int) -> ResponseReturnValue:
    """Keep why an odd place is right as it is."""
    fault = fault_or_404(number)
    form = ExplainForm()
    if not form.validate_on_submit():
        return fault_page(fault, explain=form), 422
    if findings.explain(number, current_user.email, form.note.data, clock.now()) is None:
        return settled_already(fault)
    note_explained(fault, form.note.data)
    return finish(fault, "The finding is explained.")


@bp.post(f"/findings/{NUMBER}/split")
def explain_by_split(number: int) -> ResponseReturnValue:
    """Keep a split, which explains the odd place."""
    fault = fault_or_404(number)
    form = NotedSplitForm()
    if not form.validate_on_submit():
        return fault_page(fault, split=form), 422
    day, now, words = form.day.data, clock.now(), f"{form.ratio.data.strip()} split on {day_date(form.day.data)}"
    if findings.explain(number, current_user.email, words, now) is None:
        return settled_already(fault)
    note_explained(fault, words)
    note(actor(), "split.note", fault.instrument.key, {}, {"day": day.isoformat(),
                                                           "ratio": format(form.new_for_one, "f")})
    # Not by the worker alone: else the finding might be explained by a split that is never kept.
    write_events(fault.instrument.id, [Split(day, form.new_for_one)], [], "admin", now)
    findings.check_many([each.id for each in stock.all_series(fault.instrument.id)], now)
    db.session.commit()
    try:
        queue.note_split(fault.instrument.id, day, form.new_for_one, current_user.id)
    except RedisAway:
        log.warning("a price that waits because of a split of %s is not judged anew", fault.instrument.key)
    return finish(fault, f"Kept: {words}.")


@bp.get(BAR)
def show_bar(series_id: int, day: str) -> ResponseReturnValue:
    """Show one bar, what it was before it was repaired, and a form to change it."""
    spot = spot_or_404(series_id, day)
    return bar_page(spot, BarForm(formdata=None, data=filled(spot.bar)))


@bp.post(BAR)
def change_bar(series_id: int, day: str) -> ResponseReturnValue:
    """Ask whether a bar shall be changed so, and change it once that is answered."""
    spot = spot_or_404(series_id, day)
    form = BarForm()
    if not form.validate_on_submit():
        return bar_page(spot, form), 422
    wanted = form.bar(spot.day)
    if written(wanted) == written(spot.bar):
        form.close.errors = ["Nothing of it is different."]
        return bar_page(spot, form), 422
    return decide(spot, form, "change", wanted)


@bp.post(f"{BAR}/take-out")
def take_bar_out(series_id: int, day: str) -> ResponseReturnValue:
    """Ask whether a bar shall be taken out, and take it out once that is answered."""
    return decide(spot_or_404(series_id, day), SureForm(), "take out", None)


@bp.post(f"{BAR}/undo")
def undo_repair(series_id: int, day: str) -> ResponseReturnValue:
    """Ask whether a bar shall be again what its source sent, and bring that back once it is answered."""
    spot = spot_or_404(series_id, day)
    if not spot.repaired:
        flash("There is nothing to undo.", "error")
        return redirect(spot.path, 303)
    return decide(spot, SureForm(), "undo", spot.original)


def decide(spot: Spot, form: BarForm | SureForm, what: str, wanted: ShownBar | None) -> ResponseReturnValue:
    """Ask whether a bar shall become `wanted` (None is no bar), or do it where the form says that it was asked."""
    if not form.validate_on_submit():
        abort(422)
    sure = request.form.get("sure") == "yes"
    if sure:
        spot = spots.hold(spot)
        wanted = spot.original if what == "undo" and spot.repaired else wanted
    shown = form if isinstance(form, BarForm) else BarForm(formdata=None, data=filled(spot.bar))
    if form.was.data != written(spot.bar):
        shown.was.data = written(spot.bar)
        return bar_page(spot, shown, problem="This bar has changed since you opened the page. It now is as shown "
                                             "below; nothing of yours was written."), 409
    if not sure:
        return bar_page(spot, shown, asked=what, wanted=wanted)
    try:
        spots.repair(spot, wanted, current_user.email, clock.now())
    except ValueError as error:
        db.session.rollback()
        return bar_page(spot, shown, problem=str(error)), 422
    said = {"change": "changed", "take out": "taken out", "undo": "as its source sent it"}[what]
    note(actor(), ACTIONS[what], f"{spot.instrument.key} {spot.day}, {spot.series.source}", {"bar": written(spot.bar)},
         {"bar": written(wanted)})
    db.session.commit()
    ask_for_analysis()
    flash(f"The bar of {day_date(spot.day)} is {said}. What it was before is kept.", "success")
    return redirect(spot.path, 303)


def note_explained(fault: faults.Fault, why: str) -> None:
    """Write into the audit log that an odd place is explained."""
    row = fault.row
    note(actor(), "finding.explain", f"{fault.instrument.key} {row.day}, {row.kind}", {"state": "open"},
         {"state": "explained", "note": why})


def finish(fault: faults.Fault, said: str) -> ResponseReturnValue:
    """Commit what was decided of an odd place, have the stages reckoned anew, and go back to it."""
    db.session.commit()
    ask_for_analysis()
    flash(said, "success")
    return redirect(url_for(".show_fault", number=fault.row.id), 303)


def ask_for_analysis() -> None:
    """Have the stages reckoned anew; where nobody can be asked now, the next periodic run finds what changed."""
    try:
        queue.analyse()
    except RedisAway:
        log.warning("Redis is away: the analysis waits for its next run")


def settled_already(fault: faults.Fault) -> ResponseReturnValue:
    """Say that somebody was faster."""
    flash("This finding was settled meanwhile. This is how it is now.", "error")
    return redirect(url_for(".show_fault", number=fault.row.id), 303)


def fault_or_404(number: int) -> faults.Fault:
    """Return the finding that an address names."""
    return faults.find_fault(number) or abort(404)


def spot_or_404(series_id: int, day: str) -> Spot:
    """Return the place of a bar that an address names: a series of days, and a day that is over."""
    try:
        meant = dt.date.fromisoformat(day)
    except ValueError:
        abort(404)
    if not spots.FIRST_DAY <= meant <= clock.now().date():
        abort(404)
    number = request.values.get("finding", "")
    finding_id = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
    return spots.find_spot(series_id, meant, finding_id) or abort(404)


def fault_page(fault: faults.Fault, explain: ExplainForm | None = None, split: NotedSplitForm | None = None) -> str:
    """Return the page of a finding with its forms."""
    jump = fault.row.kind in {BarFault.SPLIT, BarFault.OUTLIER}
    split = split or NotedSplitForm(formdata=None, data={"day": fault.row.day})
    return render_template("history/fault.html", fault=fault, row=fault.row, series=fault.series,
                           stock=fault.instrument, lines=faults.lines_around(fault) if fault.of_days else [],
                           explain=explain or ExplainForm(formdata=None), split=split if jump else None)


def bar_page(spot: Spot, form: BarForm, *, asked: str = "", wanted: ShownBar | None = None, problem: str = "") -> str:
    """Return the page of a bar with its form and, where `asked` says what is to be done, the question whether to."""
    return render_template("history/bar.html", spot=spot, stock=spot.instrument, form=form, asked=asked, wanted=wanted,
                           problem=problem, sure=SureForm(formdata=None), was=written(spot.bar))
