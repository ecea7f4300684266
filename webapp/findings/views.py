"""The admin's page of held and rejected prices. To everybody else there is no such page."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp import queue
from webapp.errors import Busy
from webapp.filters import money
from webapp.findings import queries
from webapp.findings.forms import SettleForm, SplitForm
from webapp.guards import admins_only
from webapp.models import Finding
from webapp.redis import RedisAway
from webapp.sure import ask

bp = Blueprint("findings", __name__, url_prefix="/admin/findings")
admins_only(bp)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show what waits to be confirmed, then all that was found, the newest first."""
    return show_page(SplitForm(formdata=None))


@bp.get("/holds/<int(max=2147483647):instrument_id>/<any(take, drop):do>")
def ask_to_settle(instrument_id: int, do: str) -> ResponseReturnValue:
    """Ask whether a price that waits is to be taken or dropped; the answer names the price."""
    hold = queries.find_hold(instrument_id)
    if hold is None:
        return gone()
    stock, row = hold.instrument, hold.row
    price = f"{money(row.price, stock.decimals)} {stock.currency}"
    last = f"The last price is {money(row.against, stock.decimals)}. It waits because: {row.reason}."
    comes_to = ("It becomes the price that everybody sees." if do == "take" else
                "It is forgotten, and the last price stays. If the provider sends it again, it waits again.")
    return ask(f"{do.capitalize()} {price} for {stock.key}?", [last, comes_to], f"Yes, {do} it", url_for(".index"),
               {"do": do, "price": hold.price}, action=url_for(".settle", instrument_id=instrument_id))


@bp.post("/holds/<int(max=2147483647):instrument_id>")
def settle(instrument_id: int) -> ResponseReturnValue:
    """Ask a worker to take or to drop a price that waits, if it is still the one that the admin saw."""
    form = SettleForm()
    if not form.validate_on_submit():
        abort(422)
    hold = queries.find_hold(instrument_id)
    if hold is None or hold.price != form.price.data:
        return gone()
    take = form.do.data == "take"
    try:
        queue.settle_hold(instrument_id, take, current_user.id, hold.price)
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


def gone() -> ResponseReturnValue:
    """Go back to the page, which says what waits now."""
    flash("That price no longer waits. This is how it is now.", "error")
    return redirect(url_for(".index"), 303)


def show_page(form: SplitForm) -> str:
    """Return the page with a form on it."""
    asked = queries.read_filter(request.args.get("kind", ""), request.args.get("symbol", ""))
    holds, waiting = queries.open_holds()
    page = queries.findings_page(asked, request.args.get("page", 1, type=int))
    return render_template("findings/index.html", form=form, asked=asked, kinds=list(Finding), holds=holds,
                           waiting=waiting, page=page)
