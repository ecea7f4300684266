"""The screener: which stocks meet what is asked for, kept screens, and taking the result along."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from webapp import clock, instruments, lists
from webapp.errors import NotFound, Refused
from webapp.export import answer_csv, answer_rows
from webapp.extensions import db, limiter
from webapp.live.watching import mark_watched, ring_bell
from webapp.models import SavedScreen
from webapp.quotes import current_version
from webapp.rendering import is_fragment_request, render
from webapp.screener import criteria, queries, service
from webapp.screener.criteria import CHOICES, MEASURES, PLACES, SORTS, Asked, Criteria
from webapp.screener.exports import ALL_FIELDS, export_rows
from webapp.screener.forms import AddForm, NameForm
from webapp.screener.ready import READY
from webapp.screener.rows import figure, load_rows
from webapp.standings import is_late
from webapp.throttle import address_key

bp = Blueprint("screener", __name__)

NO_PLACE = ("The address names no place in this list: this is its first page.",)
# A whole result takes seconds where there are thousands of stocks.
EXPORTS_PER_ADDRESS = limiter.shared_limit("10 per minute", scope="screens", key_func=address_key)
SCREEN = "/screener/saved/<int(max=2147483647):screen_id>"


@bp.get("/screener")
def index() -> ResponseReturnValue:
    """Show the stocks that the address asks for, live, to anybody."""
    asked = criteria.read(request.args)
    if not asked.errors and not asked.remarks and criteria.untidy(request.args):
        places = {key: text for key in PLACES if (text := request.args.get(key, "")).strip()}
        return redirect(address(asked.criteria, **places))
    return show(asked), 422 if asked.errors else 200


def show(asked: Asked) -> str:
    """Render a screen, or for htmx only what changes with it; one that cannot be read shows no stock."""
    version, about = current_version(), queries.overview()  # before the rows: the stream sends what comes in between
    place, remark = place_in_address(asked.criteria)
    page = queries.Page(()) if asked.errors else queries.load_page(asked.criteria, about.week, place)
    if page.total and not page.ids:
        page, remark = queries.load_page(asked.criteria, about.week), NO_PLACE
    rows = load_rows(page.ids)
    if request.method == "GET":
        mark_watched(page.ids)
    return render("screener/index.html", "screen" if is_fragment_request() else None, asked=asked, about=about,
                  total=page.total, page=page, rows=rows, late=is_late(about.week, clock.now().date()),
                  marks=instruments.load_marks(page.ids), version=version, remarks=(*asked.remarks, *remark),
                  groups=groups(asked.criteria), ready=READY, address=address, figure=figure, **fixed(), **own())


def fixed() -> dict[str, Any]:
    """Return what the page says alike for everybody."""
    return {"measures": MEASURES, "sorts": SORTS, "stages": criteria.STAGES, "back": criteria.BACK,
            "most_stocks": lists.MAX_STOCKS}


def own() -> dict[str, Any]:
    """Return what the page shows to somebody with an account."""
    if not current_user.is_authenticated:
        return {"screens": (), "lists": ()}
    return {"screens": service.list_screens(current_user.id), "lists": lists.list_watchlists(current_user.id)}


def groups(asked: Criteria) -> list[tuple[criteria.Choice, dict[str, str]]]:
    """Return each choice with its words: what the stocks here have, and what was asked for although none has it."""
    found = queries.facets()
    return [(choice, dict(choice.options) or {word: word for word in dict.fromkeys(
        (*found[choice.key], *asked.words.get(choice.key, ())))}) for choice in CHOICES]


def place_in_address(asked: Criteria) -> tuple[queries.Place | None, tuple[str, ...]]:
    """Return where the page begins; a place that cannot be read is the beginning, and is said."""
    for key in PLACES:
        if text := request.args.get(key, ""):
            place = queries.read_place(text, asked.sort, backwards=key == "before")
            return place, () if place else NO_PLACE
    return None, ()


def address(asked: Criteria, **place: str) -> str:
    """Return the address of a screen."""
    query = urlencode([*asked.params, *place.items()])
    return f"{url_for('.index')}?{query}" if query else url_for(".index")


def readable() -> Criteria:
    """Return the screen that the address asks for; raise Refused where it, or its order, cannot be read."""
    asked = criteria.read(request.args)
    for key, words in asked.errors.items():
        raise Refused(f"{key}: {words}")
    for remark in asked.remarks:
        raise Refused(remark)
    return asked.criteria


# Taking the stocks along


@bp.get("/screener.json")
@EXPORTS_PER_ADDRESS
def export_json() -> Response:
    """Answer with the whole result as JSON."""
    asked, about = readable(), queries.overview()
    ids = queries.all_ids(asked, about.week)
    head = {"query": asked.query, "newest_week": about.week.isoformat() if about.week else None, "count": len(ids)}
    return answer_rows(head, export_rows(ids), "screen")


@bp.get("/screener.csv")
@EXPORTS_PER_ADDRESS
def export_csv() -> Response:
    """Answer with the whole result as CSV."""
    asked = readable()
    return answer_csv(list(export_rows(queries.all_ids(asked, queries.overview().week))), ALL_FIELDS, "screen")


@bp.post("/screener/add")
@login_required
def add() -> ResponseReturnValue:
    """Put the screen's stocks on one of the person's lists, or on a new one, in their order and until it is full."""
    asked, form, user_id = readable(), AddForm(), current_user.id
    if not form.validate_on_submit():
        raise Refused("Choose one of your lists.")
    if form.watchlist_id.data:
        watchlist = lists.find_watchlist(user_id, form.watchlist_id.data)
        if watchlist is None:
            raise NotFound("There is no such list, or it is not yours.")
    else:
        watchlist = lists.create_watchlist(user_id, form.name.data or "")
    added = lists.add_what_fits(watchlist, queries.all_ids(asked, queries.overview().week))
    watchlist_id = watchlist.id
    db.session.commit()
    ring_bell("watchlists", user_id=user_id)
    flash(added.sentence, "success")
    return redirect(url_for("watchlists.show", watchlist_id=watchlist_id), 303)


# Kept screens


@bp.route("/screener/saved", methods=["GET", "POST"])
@login_required
def saved() -> ResponseReturnValue:
    """Show the person's screens, and keep the one that the address asks for."""
    form = NameForm()
    if request.method == "GET":
        return render("screener/saved.html", form=form, screens=service.list_screens(current_user.id),
                      most=service.MAX_SCREENS)
    asked = readable()
    if form.validate_on_submit():
        keep(lambda: service.save_screen(current_user.id, form.name.data or "", asked), "“{0.name}” is saved.")
    return redirect(address(asked), 303)


@bp.post(f"{SCREEN}/rename")
@login_required
def rename(screen_id: int) -> ResponseReturnValue:
    """Give a screen another name."""
    screen, form = service.find_screen(current_user.id, screen_id), NameForm()
    if form.validate_on_submit():
        keep(lambda: service.rename_screen(screen, form.name.data or ""), "The screen has its new name.")
    return redirect(url_for(".saved"), 303)


@bp.post(f"{SCREEN}/delete")
@login_required
def delete(screen_id: int) -> ResponseReturnValue:
    """Delete a screen; its link leads nowhere from then on."""
    screen = service.find_screen(current_user.id, screen_id)
    name = screen.name
    service.delete_screen(screen)
    db.session.commit()
    flash(f"“{name}” is deleted.", "success")
    return redirect(url_for(".saved"), 303)


@bp.get("/screener/shared/<token>")
def shared(token: str) -> ResponseReturnValue:
    """Lead anybody who has the link to the screen as it was saved."""
    screen: SavedScreen = service.find_shared(token)
    flash(f"The screen “{screen.name}”.", "success")
    return redirect(f"{url_for('.index')}?{screen.query}" if screen.query else url_for(".index"))


def keep(change: Any, words: str) -> None:
    """Make a change and say so; where it is refused, say why."""
    try:
        result = change()
    except Refused as refusal:
        db.session.rollback()
        flash(refusal.message, "error")
    else:
        said = words.format(result)
        db.session.commit()
        flash(said, "success")
