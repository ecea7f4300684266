"""Quotes: one, and many at once."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from webapp import clock
from webapp.api import answers
from webapp.api.callers import public
from webapp.api.schemas import Amount, Day, In, Key, Moment, Out
from webapp.api.stocks import find_stock, find_stocks
from webapp.api.surface import blueprint
from webapp.quotes import load_live
from webapp.records import LiveQuote
from webapp.rows import FIELDS, Row
from webapp.rows import quote_row as row_at

bp = blueprint("quotes", "Quotes")
COLUMNS = ("key", *FIELDS)


class QuoteOut(Out):
    """A quote with all that belongs to it. `as_of` is a day where `as_of_precision` is "day"."""

    key: Key
    symbol: str
    mic: str
    exchange: str
    name: str
    currency: str = Field(examples=["USD"])
    price: Amount | None
    previous_close: Amount | None
    open: Amount | None
    high: Amount | None
    low: Amount | None
    change: Amount | None
    change_percent: Amount | None
    volume: int | None
    bid: Amount | None
    ask: Amount | None
    extended_price: Amount | None
    extended_change: Amount | None
    extended_change_percent: Amount | None
    extended_as_of: Moment | None
    as_of: Moment | Day | None
    as_of_precision: str | None = Field(examples=["instant"])
    day: Day | None
    state: str = Field(description="Live, Delayed 15 min, Pre, Post, Closed, Halted, Stale, Simulated or Unknown.")
    source: str | None = Field(examples=["finnhub"])
    fetched_at: Moment | None
    problem: str | None = Field(description="Why there is no newer price.")
    version: int = Field(description="Counts the commits that changed quotes.")
    delay: str | None
    session: str | None
    previous_day: Day | None
    sent_unit: str | None = Field(description="The unit that was sent, like GBX, where that is not the currency.")
    stage: int | None = Field(ge=1, le=4, description="Weinstein stage of the last completed week.")
    stage_since: Day | None
    stage_weeks: int | None
    provisional_stage: int | None
    rs: int | None
    rs_kind: str | None
    stage_week: Day | None


class QuotesOut(Out):
    """Quotes in the order they were asked for."""

    items: list[QuoteOut]
    next: str | None


class QuotesQuery(In):
    """Which stocks."""

    symbols: str = Field(max_length=20_000, pattern=r"[0-9A-Za-z]",
                         description="Up to 500 stocks, separated by commas.",
                         examples=["XNAS:AAPL,XNAS:MSFT"])


@bp.get("/quotes/<stock>")
@public
@bp.output(QuoteOut)
def quote(stock: str) -> Response:
    """Get the newest quote of a stock."""
    return answers.answer(quote_row(load_live([find_stock(stock).id])[0]))


@bp.get("/quotes")
@bp.get("/quotes.csv")
@public
@bp.input(QuotesQuery, location="query")
@bp.output(QuotesOut)
def quotes(query_data: QuotesQuery) -> Response:
    """Get the newest quotes of several stocks."""
    rows = [quote_row(live) for live in load_live([stock.id for stock in find_stocks(query_data.symbols)])]
    return answers.answer_page(rows, None, columns=COLUMNS)


def quote_row(live: LiveQuote) -> Row:
    """Return a quote as programs get it."""
    return row_at(live, clock.now())
