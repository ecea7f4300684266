"""A person's lists: choosing stocks, watching them, and taking the numbers along."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from flask_wtf import FlaskForm
from werkzeug.utils import secure_filename

from webapp import clock, instruments
from webapp.columns import OPTIONAL, read_columns, sort_quotes, write_columns
from webapp.errors import NotFound, Refused
from webapp.export import FIELDS, Row, answer_csv, answer_json, answer_text, export_row, tradingview_name
from webapp.extensions import db
from webapp.live.watching import mark_watched, ring_bell
from webapp.models import Watchlist
from webapp.quotes import current_version, load_live
from webapp.rendering import is_fragment_request, render
from webapp.vendors import without_search
from webapp.watchlists import queries, service
from webapp.watchlists.forms import (
    AddForm,
    ColumnsForm,
    ImportForm,
    MoveForm,
    NameForm,
    NoteForm,
    OrderForm,
    PickForm,
    instrument_id,
)

bp = Blueprint("watchlists", __name__, url_prefix="/watchlists")

# The database's integers end here; a larger number in an address is just not found.
LIST = "/<int(max=2147483647):watchlist_id>"
MOST_FOUND = 50
STOCK = f"{LIST}/symbols/<int(max=2147483647):instrument_id>"


@bp.before_request
@login_required
def guard() -> None:
    """Let nobody in without an account."""


def own_list_or_404(watchlist_id: int) -> Watchlist:
    """Return the person's own list; a stranger's is as unknown as one that never was."""
    watchlist = queries.find_watchlist(current_user.id, watchlist_id)
    if watchlist is None:
        raise NotFound("There is no such list, or it is not yours.")
    return watchlist


class RefusalShown:
    """Puts the reason on the form where a service refuses the change within."""

    def __init__(self, form: FlaskForm) -> None:
        self.form = form

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Swallow a refusal, and nothing else."""
        if not isinstance(error, Refused):
            return False
        db.session.rollback()
        self.form.form_errors.append(error.message)
        return True


def commit_and_tell() -> None:
    """Commit, then have the person's open pages fetch their lists again."""
    user_id = current_user.id
    db.session.commit()
    ring_bell("watchlists", user_id=user_id)


# The lists


@bp.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """Show all lists, and make another."""
    form = NameForm()
    if form.validate_on_submit():
        with RefusalShown(form):
            watchlist = service.create_watchlist(current_user.id, form.name.data or "")
            commit_and_tell()
            return redirect(url_for(".pick", watchlist_id=watchlist.id), 303)
    lists = queries.list_watchlists(current_user.id)
    if not lists and not form.is_submitted():
        return redirect(url_for(".pick"))
    page = render("watchlists/index.html", form=form, lists=lists, most_lists=service.MAX_LISTS)
    return page, 422 if form.is_submitted() else 200


@bp.post("/order")
def order() -> ResponseReturnValue:
    """Put a list at another place among the person's lists."""
    form = OrderForm()
    if not form.validate_on_submit():
        raise Refused("Type the new place as a whole number.")
    service.move_watchlist(current_user.id, form.watchlist_id.data, form.move())
    commit_and_tell()
    return redirect(url_for(".index"), 303)


@bp.get(f"{LIST}/settings")
def settings(watchlist_id: int) -> ResponseReturnValue:
    """Show what can be changed about the list itself."""
    watchlist = own_list_or_404(watchlist_id)
    return show_settings(watchlist, NameForm(name=watchlist.name))


def show_settings(watchlist: Watchlist, form: NameForm) -> str:
    """Render the list's settings, with the name as it was typed."""
    return render("watchlists/settings.html", watchlist=watchlist, form=form, optional=OPTIONAL,
                  columns=read_columns(watchlist.columns))


@bp.post(f"{LIST}/rename")
def rename(watchlist_id: int) -> ResponseReturnValue:
    """Give the list another name."""
    watchlist = own_list_or_404(watchlist_id)
    form = NameForm()
    if form.validate_on_submit():
        with RefusalShown(form):
            service.rename_watchlist(watchlist, form.name.data or "")
            commit_and_tell()
            return redirect(url_for(".show", watchlist_id=watchlist_id), 303)
    return show_settings(watchlist, form), 422


@bp.post(f"{LIST}/columns")
def columns(watchlist_id: int) -> ResponseReturnValue:
    """Choose what the list shows of each stock."""
    watchlist = own_list_or_404(watchlist_id)
    form = ColumnsForm()
    if not form.validate_on_submit():
        raise Refused("One of these columns is not known here. Reload the page and choose again.")
    service.choose_columns(watchlist, write_columns(form.columns.data or []))
    commit_and_tell()
    return redirect(url_for(".show", watchlist_id=watchlist_id), 303)


@bp.post(f"{LIST}/delete")
def delete(watchlist_id: int) -> ResponseReturnValue:
    """Delete the list; its settings page has asked."""
    watchlist = own_list_or_404(watchlist_id)
    name = watchlist.name
    service.delete_watchlist(watchlist)
    commit_and_tell()
    flash(f"“{name}” is deleted.", "success")
    return redirect(url_for(".index"), 303)


# One list, live


@bp.get(LIST)
def show(watchlist_id: int) -> ResponseReturnValue:
    """Show the list's stocks, live."""
    return show_list(own_list_or_404(watchlist_id))


def show_list(watchlist: Watchlist, message: str = "", **item: object) -> str:
    """Render the list, or only its board for htmx; `item` opens one stock's note and place above it."""
    read_at, version = clock.now(), current_version()  # before the rows: the stream then sends what comes in between
    notes = queries.load_notes(watchlist.id)
    rows = load_live(list(notes))
    mark_watched(notes)
    sort, direction = request.args.get("sort", ""), request.args.get("dir", "")
    return render("watchlists/show.html", "board" if is_fragment_request() else None, watchlist=watchlist,
                  rows=sort_quotes(rows, sort, direction, read_at), notes=notes, version=version, read_at=read_at,
                  sort=sort, direction=direction, order=order_in_address(), marks=instruments.load_marks(notes),
                  columns=read_columns(watchlist.columns),
                  lists=queries.list_watchlists(watchlist.user_id), message=message, **item)


def order_in_address() -> dict[str, Any]:
    """Return the order that the page is in, for the addresses on it."""
    return {name: request.args[name] for name in ("sort", "dir") if name in request.args}


def done(watchlist: Watchlist) -> ResponseReturnValue:
    """Commit a change to the list, and answer with the list as it is now."""
    commit_and_tell()
    if is_fragment_request():
        return show_list(watchlist)
    return redirect(url_for(".show", watchlist_id=watchlist.id, **order_in_address()), 303)


@bp.post(f"{STOCK}/remove")
def remove(watchlist_id: int, instrument_id: int) -> ResponseReturnValue:
    """Take a stock off the list."""
    watchlist = own_list_or_404(watchlist_id)
    service.remove_symbol(watchlist, instrument_id)
    return done(watchlist)


@bp.post(f"{STOCK}/replace")
def replace(watchlist_id: int, instrument_id: int) -> ResponseReturnValue:
    """Put a renamed stock's successor into its place."""
    watchlist = own_list_or_404(watchlist_id)
    mark = instruments.load_marks([instrument_id]).get(instrument_id)
    if mark is None or mark.successor is None:
        raise NotFound("Nothing is known to have taken this stock's place.")
    service.replace_symbol(watchlist, instrument_id, mark.successor.id)
    return done(watchlist)


@bp.post(f"{STOCK}/move")
def move(watchlist_id: int, instrument_id: int) -> ResponseReturnValue:
    """Put a stock at another place on the list."""
    watchlist = own_list_or_404(watchlist_id)
    form = MoveForm()
    if not form.validate_on_submit():
        return show_list(watchlist, "Type the place as a whole number, 1 for the top."), 422
    service.move_symbol(watchlist, instrument_id, form.move())
    return done(watchlist)


@bp.route(f"{STOCK}/note", methods=["GET", "POST"])
def note(watchlist_id: int, instrument_id: int) -> ResponseReturnValue:
    """Show a stock's note and place on the list, and keep the note."""
    watchlist = own_list_or_404(watchlist_id)
    item, text = queries.find_item(watchlist.id, instrument_id)
    form = NoteForm(note=text)
    if form.validate_on_submit():
        with RefusalShown(form):
            service.write_note(watchlist, instrument_id, form.note.data or "")
            return done(watchlist)
        if is_fragment_request():
            return show_list(watchlist, item=item, form=form), 422
    page = render("watchlists/note.html", "item" if is_fragment_request() else None, watchlist=watchlist, item=item,
                  form=form, order=order_in_address())
    return page, 422 if form.is_submitted() else 200


# Choosing stocks


@bp.post("/symbols")
def add_symbol() -> ResponseReturnValue:
    """Put one stock on one of the person's lists, as its own page offers."""
    form = AddForm()
    if not form.validate_on_submit():
        raise Refused("Choose one of your lists.")
    watchlist = own_list_or_404(form.watchlist_id.data or 0)
    added = service.add_symbols(watchlist, [form.instrument_id.data or 0])
    flash(added.sentence, "success")
    return done(watchlist)


@bp.route("/pick", methods=["GET", "POST"])
@bp.route(f"{LIST}/pick", methods=["GET", "POST"])
def pick(watchlist_id: int | None = None) -> ResponseReturnValue:
    """Search and tick stocks for a list; the person's first list is made with its stocks."""
    watchlist = None if watchlist_id is None else own_list_or_404(watchlist_id)
    form = PickForm()
    if request.form.get("do") == "add" and form.validate_on_submit():
        with RefusalShown(form):
            watchlist = watchlist or service.create_watchlist(current_user.id, form.name.data or "")
            added = service.add_symbols(watchlist, form.chosen.data or [])
            flash(added.sentence, "success")
            commit_and_tell()
            return redirect(url_for(".show", watchlist_id=watchlist.id), 303)
        watchlist = None if watchlist_id is None else own_list_or_404(watchlist_id)
    return show_picker(watchlist, form), 422 if form.errors else 200


def show_picker(watchlist: Watchlist | None, form: PickForm) -> str:
    """Render the picker, or only its results for htmx: first what is ticked, then what is found."""
    text = (form.q.data or "").strip()
    found = instruments.search(text, MOST_FOUND) if text else instruments.starter_list()
    chosen = instruments.load_instruments((form.chosen.data or [])[:service.MAX_STOCKS])
    ticked = {stock.id for stock in chosen}
    marks = instruments.load_marks([stock.id for stock in (*chosen, *found)])
    return render("watchlists/pick.html", "results" if is_fragment_request() else None, watchlist=watchlist, form=form,
                  chosen=chosen, found=[stock for stock in found if stock.id not in ticked], most_found=MOST_FOUND,
                  marks=marks, present=set(queries.load_notes(watchlist.id)) if watchlist else set(),
                  no_provider=without_search(current_app.config["SETTINGS"]))


@bp.route(f"{LIST}/import", methods=["GET", "POST"])
def import_symbols(watchlist_id: int) -> ResponseReturnValue:
    """Add a pasted or uploaded list, and show what became of each line."""
    watchlist = own_list_or_404(watchlist_id)
    form, review = ImportForm(), None
    if form.validate_on_submit():
        with RefusalShown(form):
            review = service.import_text(watchlist, form.content())
            commit_and_tell()
    page = render("watchlists/import.html", watchlist=watchlist, form=form, review=review)
    return page, 422 if form.is_submitted() and review is None else 200


@bp.post(f"{LIST}/import/chosen")
def add_chosen(watchlist_id: int) -> ResponseReturnValue:
    """Add what the person chose among the candidates of ambiguous symbols."""
    watchlist = own_list_or_404(watchlist_id)
    answers = [request.form.get(name, type=instrument_id) for name in request.form if name.startswith("line-")]
    added = service.add_symbols(watchlist, [chosen for chosen in answers if chosen is not None])
    flash(added.sentence, "success")
    return done(watchlist)


# Taking the numbers along


@bp.get(f"{LIST}.json")
def export_json(watchlist_id: int) -> Response:
    """Answer with the list as JSON."""
    watchlist = own_list_or_404(watchlist_id)
    rows = export_rows(watchlist)
    content = {"id": watchlist.id, "name": watchlist.name, "quotes": rows}
    return answer_json(content, file_name(watchlist))


@bp.get(f"{LIST}.csv")
def export_csv(watchlist_id: int) -> Response:
    """Answer with the list as CSV."""
    watchlist = own_list_or_404(watchlist_id)
    return answer_csv(export_rows(watchlist), (*FIELDS, "note"), file_name(watchlist))


@bp.get(f"{LIST}.txt")
def export_tradingview(watchlist_id: int) -> Response:
    """Answer with the list as TradingView imports it."""
    watchlist = own_list_or_404(watchlist_id)
    rows = load_live(list(queries.load_notes(watchlist.id)))
    return answer_text(",".join(tradingview_name(row.instrument) for row in rows) + "\n", file_name(watchlist))


def export_rows(watchlist: Watchlist) -> list[Row]:
    """Return what the list's page shows, with the notes, in the person's order."""
    notes = queries.load_notes(watchlist.id)
    mark_watched(notes)
    now = clock.now()
    return [export_row(row, now) | {"note": notes[row.instrument.id] or None} for row in load_live(list(notes))]


def file_name(watchlist: Watchlist) -> str:
    """Name the file after the list, with what every machine takes."""
    return secure_filename(watchlist.name) or f"watchlist-{watchlist.id}"
