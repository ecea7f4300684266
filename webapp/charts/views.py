"""A stock's chart: on its page, alone for a choice that was changed, as JSON, SVG and CSV."""

from __future__ import annotations

import gzip

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp import clock, instruments
from webapp.charts import queries
from webapp.charts.asking import ask_for_minutes
from webapp.charts.choices import ADJUSTMENTS, EXTRAS, MOST_OTHERS, RANGES, SCALES, read_choices
from webapp.charts.compact import empty, encode
from webapp.charts.content import Content
from webapp.charts.drawing import draw, summary
from webapp.charts.queries import Asked
from webapp.charts.tables import csv_columns, make_table
from webapp.errors import NotFound
from webapp.export import answer_columns
from webapp.filters import stock_path
from webapp.notation import canonical
from webapp.quotes import load_live
from webapp.records import LiveQuote
from webapp.rendering import is_fragment_request
from webapp.standings import STAGES

bp = Blueprint("charts", __name__, url_prefix="/stocks")

SMALL, GZIP_LEVEL = 500, 4


@bp.app_template_global()
def stock_chart(live: LiveQuote) -> Markup:
    """Draw the chart for the stock's own page; nothing where only a part of that page is asked for."""
    if is_fragment_request():
        return Markup("")
    return Markup(card(queries.ask(live.instrument, read_choices(request.args), clock.now()), live))  # noqa: S704


@bp.get("/<mic>/<symbol>/chart")
def show(mic: str, symbol: str) -> ResponseReturnValue:
    """Draw the chart alone, for a choice that was changed."""
    asked = asked_or_404(mic, symbol)
    if not is_fragment_request():
        return redirect(f"{stock_path(asked.instrument)}{asked.choices.query()}", 303)
    return card(asked, load_live([asked.instrument.id])[0])


@bp.get("/<mic>/<symbol>/chart.json")
def as_json(mic: str, symbol: str) -> ResponseReturnValue:
    """Answer with the chart's columns, or 304 where the asker has them."""
    asked = asked_or_404(mic, symbol)
    tag = queries.fingerprint(asked)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    else:
        content = queries.load_content(asked)
        body = encode(content, asked.day) if content else empty(asked.instrument)
        response = squeezed(Response(body, mimetype="application/json"))
    response.set_etag(tag, weak=True)
    return response


def squeezed(response: Response) -> Response:
    """Make an answer small at once for who takes gzip only: at the usual level that costs two to four times more."""
    taken, body = request.accept_encodings, response.get_data()
    if taken.quality("gzip") and not taken.quality("br") and len(body) > SMALL:
        response.set_data(gzip.compress(body, GZIP_LEVEL, mtime=0))
        response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
    return response


@bp.get("/<mic>/<symbol>/chart.csv")
def as_csv(mic: str, symbol: str) -> ResponseReturnValue:
    """Answer with the history that the chart shows; a day that is not over is no history."""
    asked = asked_or_404(mic, symbol)
    return squeezed(answer_columns(csv_columns(content_or_404(asked)), file_name(asked)))


@bp.get("/<mic>/<symbol>/chart.svg")
def as_svg(mic: str, symbol: str) -> ResponseReturnValue:
    """Answer with the chart as a picture to keep."""
    asked = asked_or_404(mic, symbol)
    content = content_or_404(asked, load_live([asked.instrument.id])[0])
    body = render_template("charts/chart.svg", content=content, picture=draw(content), summary=summary(content))
    response = Response(body, mimetype="image/svg+xml")
    response.headers.set("Content-Disposition", "attachment", filename=f"{file_name(asked)}.svg")
    return response


def asked_or_404(mic: str, symbol: str) -> Asked:
    """Return what is asked of a stock that is known."""
    stock = instruments.find(mic.upper(), canonical(symbol))
    if stock is None:
        raise NotFound(f"No stock {symbol} on {mic} is known here.")
    return queries.ask(stock, read_choices(request.args), clock.now())


def content_or_404(asked: Asked, live: LiveQuote | None = None) -> Content:
    """Return the chart, with the bar of a quote that is given, where there are bars for it."""
    content = queries.load_content(asked, live)
    if content is None:
        raise NotFound(f"No history of {asked.instrument.symbol} is known here for this range.")
    return content


def file_name(asked: Asked) -> str:
    """Name a chart's file after what is in it."""
    stock, choices = asked.instrument, asked.choices
    return f"{stock.symbol}-{stock.mic}-{choices.range}-{choices.adjusted}"


def card(asked: Asked, live: LiveQuote) -> str:
    """Render the chart with its choices, its table and its downloads."""
    content = queries.load_content(asked, live)
    return render_template(
        "charts/_card.html", asked=asked, choices=asked.choices, content=content, path=stock_path(asked.instrument),
        picture=draw(content) if content else None, summary=summary(content) if content else "",
        table=make_table(content) if content else None, stages=STAGES, ranges=RANGES, scales=SCALES,
        adjustments=ADJUSTMENTS, extras=EXTRAS, most_others=MOST_OTHERS, pending=ask_for_minutes(asked))
