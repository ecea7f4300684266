"""The pages that need no account: the market, and what machines ask."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.columns import sort_quotes
from webapp.errors import AppError
from webapp.export import answer_json, export_row
from webapp.extensions import db
from webapp.instruments import starter_list
from webapp.live.watching import mark_watched
from webapp.market import queries
from webapp.market.forms import PALETTES, THEMES, PreferencesForm
from webapp.quotes import current_version, load_live
from webapp.redis import RedisAway
from webapp.rendering import safe_path

bp = Blueprint("market", __name__)

A_YEAR = 31_536_000
MAX_SYMBOLS = 200


@bp.get("/")
def front() -> ResponseReturnValue:
    """Show the starter list, live, to anybody."""
    version = current_version()  # before the rows: what comes in between is then sent by the stream
    ids = [stock.id for stock in starter_list()]
    rows = load_live(ids)
    if request.method == "GET":  # who asks for the head only looks at nothing
        mark_watched(ids)
    sort, direction = request.args.get("sort", ""), request.args.get("dir", "")
    return render_template("market/front.html", rows=sort_quotes(rows, sort, direction, clock.now()),
                           version=version, sort=sort, direction=direction)


@bp.get("/quotes.json")
def quotes_json() -> ResponseReturnValue:
    """Answer with the quotes of up to 200 symbols, and say which of them are unknown or ambiguous."""
    asked = list(dict.fromkeys(text for part in request.args.get("symbols", "").split(",") if (text := part.strip())))
    if not 0 < len(asked) <= MAX_SYMBOLS:
        raise AppError(f"Name 1 to {MAX_SYMBOLS} symbols, with commas between: /quotes.json?symbols=AAPL,XNAS:MSFT")
    ids, errors = queries.sort_out(asked)
    mark_watched(ids)
    now = clock.now()
    rows = [export_row(live, now) for live in load_live(ids)]
    return answer_json({"quotes": rows, "errors": errors}, "quotes", 200 if rows else 404)


@bp.post("/preferences")
def preferences() -> ResponseReturnValue:
    """Keep how the pages look on this device, and go back."""
    form = PreferencesForm()
    if not form.validate_on_submit():
        abort(422)
    response = redirect(safe_path(request.form.get("next"), url_for(".front")), 303)
    for name in ("theme", "palette"):
        response.set_cookie(name, form[name].data, max_age=A_YEAR, samesite="Lax", secure=request.is_secure,
                            httponly=True)
    return response


@bp.app_context_processor
def chosen_preferences() -> dict[str, dict[str, str]]:
    """Give every page the theme and the palette of this device."""
    theme, palette = request.cookies.get("theme", ""), request.cookies.get("palette", "")
    return {"preferences": {"theme": theme if theme in THEMES else THEMES[0],
                            "palette": palette if palette in PALETTES else PALETTES[0]}}


@bp.get("/healthz")
def health() -> ResponseReturnValue:
    """Say whether the database and Redis answer."""
    checks = {"database": _database_answers(), "redis": _redis_answers()}
    healthy = all(checks.values())
    words = {name: "ok" if answers else "no answer" for name, answers in checks.items()}
    return jsonify(status="ok" if healthy else "failing", **words), 200 if healthy else 503


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _redis_answers() -> bool:
    try:
        return bool(current_app.extensions["redis"].ping())
    except RedisAway:
        return False
