"""What there is of past prices: all stocks by months, and one stock with its series, events, findings and bars."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.audit import note
from webapp.bars.writing import drop_series
from webapp.errors import NotFound
from webapp.export import Row, answer_csv
from webapp.extensions import db
from webapp.filters import source_title
from webapp.history import coverage, stock
from webapp.history.faults import repaired_days
from webapp.history.faults_forms import RemoveForm
from webapp.history.faults_views import ask_for_analysis
from webapp.history.months import month_span
from webapp.history.stored import load_bars, load_minutes, shown, texts
from webapp.history.views import actor, bp
from webapp.models import BarSeries, InstrumentRow
from webapp.models.bars import DAY
from webapp.notation import canonical
from webapp.ratios import in_words

# What `flask bars import` reads stands first.
COLUMNS = ("date", "open", "high", "low", "close", "volume", "symbol", "mic", "currency", "source", "adjusted")


@bp.get("/coverage")
def show_coverage() -> ResponseReturnValue:
    """Show of each stock which sessions of which months have bars."""
    today = clock.now().date()
    asked = coverage.read_filter(request.args, today)
    return render_template("history/coverage.html", asked=asked, page=coverage.coverage_page(asked, today),
                           states=coverage.STATES, mics=coverage.exchanges(), this_year=today.year,
                           step=coverage.YEARS)


@bp.get("/<mic>/<symbol>")
def show_stock(mic: str, symbol: str) -> ResponseReturnValue:
    """Show all that is kept of one stock's past."""
    row = stock_or_404(mic, symbol)
    series = stock.all_series(row.id)
    chosen = choose(series)
    span = month_span(request.args.get("month", ""))
    bars = list(shown(load_bars(chosen.id, *span))) if chosen and span and chosen.interval == DAY else []
    repaired = repaired_days(chosen.id) if bars and chosen else set()
    record = row.record()
    return render_template(
        "history/symbol.html", row=row, stock=record, series=series, chosen=chosen,
        years=stock.years_of(row, chosen, clock.now().date()) if chosen else [], span=span, bars=bars,
        repaired=repaired, events=stock.events_of(row.id), faults=stock.open_faults(series),
        most_faults=stock.MOST_FAULTS, runs=[(run, record) for run in stock.runs_of(row.id)], ratio_words=in_words)


@bp.get("/<mic>/<symbol>/bars.csv")
def download_bars(mic: str, symbol: str) -> Response:
    """Answer with the bars of one series as they are stored; of minutes with those of one month."""
    row = stock_or_404(mic, symbol)
    chosen = choose(stock.all_series(row.id))
    if chosen is None:
        raise NotFound("There are no bars of it.")
    span, last = month_span(request.args.get("month", "")), chosen.last_day or clock.now().date()
    if chosen.interval != DAY:  # years of them are no file that anybody can open
        span = span or (last.replace(day=1), last)
    bars = (load_bars if chosen.interval == DAY else load_minutes)(chosen.id, *(span or ()))
    facts: Row = {"symbol": row.symbol, "mic": row.mic, "currency": row.currency, "source": chosen.source,
             "adjusted": chosen.adjusted}
    parts = [row.symbol, row.mic, chosen.source, chosen.interval, *([f"{span[0]:%Y-%m}"] if span else [])]
    return answer_csv([each | facts for each in texts(bars, chosen.interval)], COLUMNS, "-".join(parts))


@bp.route("/<mic>/<symbol>/remove", methods=["GET", "POST"])
def remove_series(mic: str, symbol: str) -> ResponseReturnValue:
    """Ask whether a series that was taken in by mistake shall go, and delete it once that is answered."""
    row = stock_or_404(mic, symbol)
    series = choose(stock.all_series(row.id))
    if series is None:
        raise NotFound("There are no bars of it.")
    form = RemoveForm()
    if not form.validate_on_submit():
        return render_template("history/remove.html", stock=row.record(), series=series, form=form), (
            422 if form.is_submitted() else 200)
    note(actor(), "series.remove", row.record().key, {
        "source": series.source, "interval": series.interval, "adjusted": series.adjusted, "bars": series.bars,
        "first_day": str(series.first_day or ""), "last_day": str(series.last_day or "")})
    drop_series(series)
    db.session.commit()
    ask_for_analysis()
    flash(f"The bars of {source_title(series.source)} are gone, with what came with them. Stages are reckoned anew.",
          "success")
    return redirect(url_for(".show_stock", mic=mic, symbol=symbol), 303)


def stock_or_404(mic: str, symbol: str) -> InstrumentRow:
    """Return the instrument that an address names."""
    row = stock.find_row(mic.upper(), canonical(symbol))
    if row is None:
        raise NotFound(f"No stock {symbol} on {mic} is known here. Try the search above.")
    return row


def choose(series: Sequence[BarSeries]) -> BarSeries | None:
    """Return the series that the address asks for, or else the first; a number that is none of these is a 404."""
    asked = request.args.get("series", "")
    if not asked:
        return series[0] if series else None
    found = next((each for each in series if str(each.id) == asked), None)
    return found or abort(404)
