"""Finding a stock, here and with the providers' help, and its own live page."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from webapp import clock, instruments, queue
from webapp.errors import Busy, NotFound, Refused
from webapp.extensions import db, limiter
from webapp.filters import stock_path
from webapp.live.watching import mark_watched
from webapp.notation import canonical
from webapp.quotes import current_version, load_live
from webapp.records import Instrument
from webapp.redis import RedisAway
from webapp.rendering import is_fragment_request, render
from webapp.symbols import queries, service
from webapp.trading_days import load_book
from webapp.vendors import searched_first, without_search

bp = Blueprint("symbols", __name__, url_prefix="/stocks")

MOST_OPTIONS = 8
MOST_RESULTS = 50
# Each may cost calls that everybody shares.
QUESTIONS_PER_PERSON = "20 per hour"


def person_key() -> str:
    """Name who asks, for the throttle."""
    return f"user {current_user.get_id()}"


def typed(text: str | None) -> str:
    """Return what somebody typed, cut to what a search takes."""
    return (text or "").strip()[:instruments.MAX_LENGTH]


def helpers(text: str, stocks: list[Instrument]) -> dict[str, str]:
    """Return, where few were found here, the title of the provider that may be asked, or what to do to have one."""
    settings = current_app.config["SETTINGS"]
    if len(stocks) >= queries.FEW or not queries.search_key(text):
        return {"provider": "", "no_provider": ""}
    return {"provider": searched_first(settings), "no_provider": without_search(settings)}


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Show the stocks that a text may mean: a short list under the search box, or a page."""
    text = typed(request.args.get("q"))
    if is_fragment_request():
        stocks = instruments.search(text, MOST_OPTIONS)
        return render_template("symbols/_options.html", text=text, stocks=stocks, more=len(stocks) == MOST_OPTIONS,
                               marks=marks_of(stocks), **helpers(text, stocks))
    return show_results(text)


def show_results(text: str, *, only_asked: bool = False) -> str:
    """Render the page of results, or only what the providers said, for htmx."""
    stocks = instruments.search(text, MOST_RESULTS)
    answer = queries.load_answer(text, clock.now()) if current_user.is_authenticated else None
    return render("symbols/search.html", "asked" if only_asked else None, text=text, stocks=stocks,
                  marks=marks_of(stocks), more=len(stocks) == MOST_RESULTS, answer=answer,
                  **helpers(text, stocks))


def marks_of(stocks: list[Instrument]) -> dict[int, instruments.Mark]:
    """Return what became of those that are no longer listed."""
    return instruments.load_marks([stock.id for stock in stocks])


@bp.post("/search/ask")
@login_required
@limiter.limit(QUESTIONS_PER_PERSON, key_func=person_key)
def ask() -> ResponseReturnValue:
    """Have a worker ask the providers for a text; the page shows what comes of it."""
    text = typed(request.form.get("q"))
    if not searched_first(current_app.config["SETTINGS"]):
        raise Refused("No provider that can be searched has a key here.")
    if service.ask(text, clock.now()):
        db.session.commit()
        try:
            queue.search_symbols(text)
        except RedisAway:
            service.forget(text)
            db.session.commit()
            raise Busy("The workers cannot be reached at this moment. Please try again in a few seconds.") from None
    if is_fragment_request():
        return show_results(text, only_asked=True)
    return redirect(url_for(".search", q=text), 303)


@bp.get("/search/asked")
@login_required
def asked() -> ResponseReturnValue:
    """Answer htmx with what the providers said, or that there is nothing new yet."""
    text = typed(request.args.get("q"))
    if not is_fragment_request():
        return redirect(url_for(".search", q=text), 303)
    answer = queries.load_answer(text, clock.now())
    if answer is not None and answer.step is queries.Step.WAITING:
        return "", 204
    return show_results(text, only_asked=True)


@bp.post("/search/choose")
@login_required
def choose() -> ResponseReturnValue:
    """Take a provider's result into the directory, and go to its page."""
    stock = service.choose(typed(request.form.get("q")), request.form.get("key", ""))
    db.session.commit()
    flash(f"{stock.symbol} is in the directory now. Its price is fetched while somebody watches it.", "success")
    return redirect(stock_path(stock), 303)


@bp.get("/<mic>/<symbol>")
def show(mic: str, symbol: str) -> ResponseReturnValue:
    """Show one stock, live."""
    stock = instruments.find(mic.upper(), canonical(symbol))
    if stock is None:
        raise NotFound(f"No stock {symbol} on {mic} is known here. Try the search above.")
    version = current_version()  # before the row: what comes in between is then sent by the stream
    mark_watched([stock.id])
    now = clock.now()
    settings = current_app.config["SETTINGS"]
    book = load_book(now, [stock.mic])
    session, _ = book.current(stock.mic, now)
    lists = queries.lists_for(current_user.id, stock.id) if current_user.is_authenticated else []
    return render_template("symbols/show.html", q=load_live([stock.id])[0], version=version, session=session,
                           next_open=book.next_open(stock.mic, now), lists=lists,
                           around_the_clock=settings.simulated and settings.SIMULATOR_CLOCK == "always",
                           mark=instruments.load_marks([stock.id]).get(stock.id))
