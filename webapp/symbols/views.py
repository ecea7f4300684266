"""Finding a stock, and its own live page."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock, instruments
from webapp.errors import NotFound
from webapp.live.watching import mark_watched
from webapp.notation import canonical
from webapp.quotes import current_version, load_live
from webapp.rendering import is_fragment_request
from webapp.trading_days import load_book

bp = Blueprint("symbols", __name__, url_prefix="/stocks")

MOST_OPTIONS = 8
MOST_RESULTS = 50


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Show the stocks that a text may mean: a short list under the search box, or a page."""
    text = request.args.get("q", "").strip()[:instruments.MAX_LENGTH]
    if is_fragment_request():
        stocks = instruments.search(text, MOST_OPTIONS)
        return render_template("symbols/_options.html", text=text, stocks=stocks, more=len(stocks) == MOST_OPTIONS)
    stocks = instruments.search(text, MOST_RESULTS)
    return render_template("symbols/search.html", text=text, stocks=stocks, more=len(stocks) == MOST_RESULTS)


@bp.get("/<mic>/<symbol>")
def show(mic: str, symbol: str) -> ResponseReturnValue:
    """Show one stock, live."""
    stock = instruments.find(mic.upper(), canonical(symbol))
    if stock is None:
        raise NotFound(f"No stock {symbol} on {mic} is known here. Try the search above.")
    version = current_version()  # before the row: what comes in between is then sent by the stream
    mark_watched([stock.id])
    now = clock.now()
    book = load_book(now, [stock.mic])
    session, _ = book.current(stock.mic, now)
    return render_template("symbols/show.html", q=load_live([stock.id])[0], version=version, session=session,
                           next_open=book.next_open(stock.mic, now))
