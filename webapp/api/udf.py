"""The universal data feed of TradingView's charting front ends: any chart that speaks it can be drawn from here.

What it asks and is answered stands in the protocol's description ("UDF"). Errors are {"s": "error", "errmsg": ...} with
status 200, as its clients expect; only what is no matter of the question (no token, too many calls) has its own status.
"""

from __future__ import annotations

import math
from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from webapp import clock
from webapp import instruments as known
from webapp.api import answers, callers
from webapp.api.callers import public
from webapp.api.stocks import MOST_SYMBOLS, find_stock
from webapp.api.udf_history import MOST_BARS, Window, history
from webapp.api.udf_symbols import LENGTHS, OTHER_WORDS, configuration, quote_values, search_result, symbol_info
from webapp.errors import SENTENCES, AppError, Refused
from webapp.export import sent
from webapp.instruments import Found
from webapp.kinds import KINDS
from webapp.notation import BY_PREFIX
from webapp.quotes import load_live
from webapp.records import LiveQuote

bp = Blueprint("udf", __name__, url_prefix="/udf")
bp.before_request(callers.admit)

OWN_STATUS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.TOO_MANY_REQUESTS,
              HTTPStatus.SERVICE_UNAVAILABLE}
USUAL_RESULTS, MOST_RESULTS = 30, 100
# Seconds that a day of the calendar has: from the year 1 to the year 5000.
EARLIEST, LATEST = -62_000_000_000, 95_000_000_000


@bp.errorhandler(AppError)
def app_error(error: AppError) -> Response:
    """Answer an error as the protocol has it."""
    message = "unknown_symbol" if error.code == "unknown-symbol" else error.message
    response = _sent({"s": "error", "errmsg": message}, error.status if error.status in OWN_STATUS else HTTPStatus.OK)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Stagewatch"'
    return response


@bp.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """Answer an error of the server as the protocol has it, with its own status."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    return _sent({"s": "error", "errmsg": SENTENCES.get(status, error.description or "")}, status)


@bp.get("/config")
@public
def config() -> Response:
    """Say what this feed can do."""
    return answers.answer(configuration())


@bp.get("/time")
@public
def time() -> Response:
    """Say what time it is, in seconds."""
    return Response(str(int(clock.now().timestamp())), mimetype="text/plain")


@bp.get("/symbols")
@public
def symbols() -> Response:
    """Say what is to be known of a stock before it is drawn."""
    return answers.answer(symbol_info(_live(), clock.now()))


@bp.get("/search")
@public
def search() -> Response:
    """Find the stocks that a text may mean; without a text those that everybody sees."""
    text, kind, exchange = (request.args.get(name, "").strip() for name in ("query", "type", "exchange"))
    mics = BY_PREFIX.get(exchange.upper(), frozenset())
    if (exchange and not mics) or kind not in {"", *KINDS}:
        return _sent([])
    limit = min(max(_number("limit", USUAL_RESULTS), 1), MOST_RESULTS)
    if text:
        found = known.search(text, limit, mics=mics, kind=kind)
    else:
        found = [stock for stock in known.starter_list()
                 if (not mics or stock.mic in mics) and kind in {"", stock.kind}][:limit]
    return _sent([search_result(stock) for stock in found])


@bp.get("/history")
@public
def bars() -> Response:
    """Answer with bars."""
    word = request.args.get("resolution", "").strip()
    length = LENGTHS.get(OTHER_WORDS.get(word, word))
    if length is None:
        raise Refused(f"There is no resolution {word[:20]}: there are {', '.join(LENGTHS)}.")
    now = int(clock.now().timestamp())
    window = Window(_number("from", EARLIEST), _number("to", now + 1), min(_number("countback", 0), MOST_BARS))
    return answers.answer(history(_live(), length, window))


@bp.get("/quotes")
@public
def quotes() -> Response:
    """Answer with the newest prices of several stocks, each under the name that it was asked for by."""
    words = [word for word in request.args.get("symbols", "").split(",") if word.strip()]
    if not words or len(words) > MOST_SYMBOLS:
        raise Refused(f"symbols: name 1 to {MOST_SYMBOLS} stocks.")
    callers.weigh(len(words))
    resolved = dict(zip(words, known.resolve_all([word[:known.MAX_LENGTH] for word in words]), strict=True))
    ids = {word: answer.instrument.id for word, answer in resolved.items() if isinstance(answer, Found)}
    rows = {live.instrument.id: live for live in load_live(list(dict.fromkeys(ids.values())))}
    return _sent({"s": "ok", "d": [
        {"s": "ok", "n": word, "v": quote_values(rows[ids[word]])} if word in ids else
        {"s": "error", "n": word, "errmsg": "unknown_symbol", "v": {}} for word in words]})


def _live() -> LiveQuote:
    """Return the stock that is asked for, with its newest price."""
    return load_live([find_stock(request.args.get("symbol", "").strip()).id])[0]


def _number(name: str, usual: int) -> int:
    """Return a whole number of the question; raise Refused where it is none."""
    text = request.args.get(name, "").strip()
    if not text:
        return usual
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused(f"{name}: {text[:20]} is no number.")
    return int(min(max(number, EARLIEST), LATEST))


def _sent(content: object, status: int = HTTPStatus.OK) -> Response:
    return sent(answers.as_json(content), answers.JSON, status)
