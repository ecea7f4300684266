"""The quota page: what is left of each provider's limits, how often each stock is refreshed, and what would be if."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from config import VENDORS as SETTINGS
from config import Config
from webapp import clock
from webapp.errors import answer
from webapp.extensions import limiter
from webapp.rendering import is_fragment_request, render
from webapp.sources import counts, mixes, panels, queries, rows, words
from webapp.sources.forms import MOST, WhatIfForm
from webapp.throttle import address_key, wait_in_words
from webapp.trading_days import load_book
from webapp.vendors import VENDORS

bp = Blueprint("sources", __name__)

TEMPLATE = "sources/index.html"
MOST_PAGES = 1_000
# Each what-if is worked out anew; somebody who tries numbers by hand does not come near this.
QUESTIONS_PER_ADDRESS = "60 per minute"


def asks_freely() -> bool:
    """Tell whether a request is not limited: the page as it is, and everything to those who are logged in."""
    return "stocks" not in request.args or current_user.is_authenticated


@bp.errorhandler(RateLimitExceeded)
def refuse(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Answer somebody who asked too often; Flask-Limiter adds Retry-After."""
    return answer(429, f"Your address has asked this {QUESTIONS_PER_ADDRESS.partition(' ')[0]} times in a minute. "
                       f"Please wait {wait_in_words()} and try again, or log in.")


@bp.get("/sources")
@limiter.limit(QUESTIONS_PER_ADDRESS, key_func=address_key, exempt_when=asks_freely)
def index() -> ResponseReturnValue:
    """Say where prices come from, what is left of the quotas, and what other providers would change."""
    settings: Config = current_app.config["SETTINGS"]
    now, plans = clock.now(), queries.load_plans(panels.active_names(settings))
    before = mixes.mix_in_use(settings, plans)
    form = read_form(settings, before)
    valid = "stocks" not in request.args or form.validate()
    quarters = counts.load_quarters(panels.active_names(settings), now)
    book = load_book(now, queries.mics_of(plans.demands.values()) | mixes.NEW_YORK)
    parts: dict[str, Any] = {"form": form, "answer": None, "words": words}
    if valid:
        after = mixes.Mix(form.stocks.data, form.on_screen.data, mixes.ordered(settings, form.vendors.data))
        parts["answer"] = mixes.answer(before, after, mixes.Outlook(settings, plans, book, now, quarters))
    status = 200 if valid else 422
    if is_fragment_request():
        return render(TEMPLATE, "intervals", changed=True, **parts), status
    found = panels.load_panels(settings, plans, book, now, quarters)
    return render(TEMPLATE, panels=found, **parts, **refreshes(settings, plans)), status


def read_form(settings: Config, before: mixes.Mix) -> WhatIfForm:
    """Return the question of the address or, where it asks none, the one about the mix as it is."""
    asked = "stocks" in request.args
    form = WhatIfForm(request.args if asked else None, stocks=min(max(before.stocks, 1), MOST),
                      on_screen=min(before.on_screen, MOST), vendors=[] if asked else list(settings.vendors))
    form.vendors.choices = [(name, VENDORS[name].title) for name in mixes.ordered(settings, SETTINGS)]
    return form


def refreshes(settings: Config, plans: queries.Plans) -> dict[str, Any]:
    """Return the table of the reader's stocks: those on their lists or, for a visitor, the front page's."""
    now, own = clock.now(), current_user.is_authenticated
    sort, direction, text = (request.args.get(name, "") for name in ("sort", "dir", "page"))
    page = max(1, min(int(text), MOST_PAGES)) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    names = panels.active_names(settings)
    found, total = queries.load_refreshes(current_user.id if own else None, names, sort, direction, page)
    return {"rows": [rows.describe(each, now, own=own) for each in found], "total": total, "page": page,
            "pages": max(1, -(-total // queries.MOST_STOCKS)), "sort": sort, "direction": direction,
            "planned_at": plans.planned_at,
            "standstill": rows.stands_still(plans.planned_at, names, now)}
