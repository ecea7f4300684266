"""The admin's page of held and rejected prices. To everybody else there is no such page."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp import queue
from webapp.errors import Busy
from webapp.findings import queries
from webapp.findings.forms import SettleForm, SplitForm
from webapp.guards import admins_only
from webapp.models import Finding
from webapp.redis import RedisAway

bp = Blueprint("findings", __name__, url_prefix="/admin/findings")
admins_only(bp)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show what waits to be confirmed, then all that was found, the newest first."""
    return show_page(SplitForm(formdata=None))


@bp.post("/holds/<int(max=2147483647):instrument_id>")
def settle(instrument_id: int) -> ResponseReturnValue:
    """Ask a worker to take or to drop a price that waits, if it is still the one that the admin saw."""
    form = SettleForm()
    if not form.validate_on_submit():
        abort(422)
    hold = queries.find_hold(instrument_id)
    if hold is None or hold.price != form.price.data:
        flash("That price no longer waits. This is how it is now.", "error")
        return redirect(url_for(".index"), 303)
    take = form.do.data == "take"
    try:
        queue.settle_hold(instrument_id, take, current_user.id, hold.price if take else "")
    except RedisAway:
        raise Busy("Nothing can be asked for at this moment. Please try again in a minute.") from None
    flash(f"Asked for: {hold.instrument.key} at {hold.price} is to be {'taken' if take else 'dropped'}. "
          "It shows within seconds.", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/splits")
def note_split() -> ResponseReturnValue:
    """Ask a worker to keep a split, and to judge anew what waits because of it."""
    form = SplitForm()
    if not form.validate_on_submit():
        return show_page(form), 422
    day = form.day.data
    try:
        queue.note_split(form.instrument.id, day, form.new_for_one, current_user.id)
    except RedisAway:
        raise Busy("Nothing can be asked for at this moment. Please try again in a minute.") from None
    flash(f"Asked for: {form.instrument.key} is split {form.ratio.data} from {day:%-d %b %Y} on. "
          "It shows within seconds.", "success")
    return redirect(url_for(".index"), 303)


def show_page(form: SplitForm) -> str:
    """Return the page with a form on it."""
    asked = queries.read_filter(request.args.get("kind", ""), request.args.get("symbol", ""))
    holds, waiting = queries.open_holds()
    page = queries.findings_page(asked, request.args.get("page", 1, type=int))
    return render_template("findings/index.html", form=form, asked=asked, kinds=list(Finding), holds=holds,
                           waiting=waiting, page=page)
