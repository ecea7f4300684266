"""The providers of prices: what is left of their limits, whether calls go through, and how often stocks are fetched."""

from __future__ import annotations

import datetime as dt
from typing import cast

from flask import Response, current_app
from pydantic import Field

from config import Config
from webapp import clock
from webapp.api import answers
from webapp.api.callers import public
from webapp.api.figures import amount
from webapp.api.schemas import Amount, Key, Moment, Out
from webapp.api.stocks import find_stocks
from webapp.api.surface import blueprint
from webapp.api.v1.quotes import QuotesQuery
from webapp.errors import NotFound
from webapp.models import StreamState
from webapp.rows import Row, as_moment
from webapp.sources import counts, panels, queries
from webapp.sources.panels import Panel
from webapp.sources.usage import Window
from webapp.trading_days import load_book

bp = blueprint("providers", "Providers")


class LimitOut(Out):
    """So many calls in any stretch of this length. A call comes back when the length has gone by since it was made."""

    unit: str = Field(examples=["minute"])
    limit: int
    seconds: Amount
    used: int
    left: int
    reserved: Amount = Field(description="Of those left, kept for what nobody has planned.")
    first_back_at: Moment | None = Field(description="When the first of the used ones comes back.")
    all_back_at: Moment | None
    free_at: Moment | None = Field(description="When the next call is possible; null where one is now.")


class SocketOut(Out):
    """A provider's web socket."""

    status: str = Field(examples=["connected"])
    since: Moment
    heard_at: Moment | None
    stocks: int
    trades: int
    last_error: str | None
    last_error_at: Moment | None


class PlannedOut(Out):
    """What is planned of a provider."""

    stocks: int
    shortest_interval: Amount | None = Field(description="Seconds between two prices of the stock fetched most often.")
    words: str = Field(examples=["8 calls a minute are planned until 21:00 UTC."])


class ProviderOut(Out):
    """A provider in use, in the order in which they are asked."""

    name: str = Field(examples=["finnhub"])
    title: str = Field(examples=["Finnhub"])
    state: str = Field(description="In use, Resting, Paused or No calls left.", examples=["In use"])
    words: str = Field(examples=["Calls go through."])
    paused_at: Moment | None = Field(description="Since when an admin lets it make no call.")
    resting_until: Moment | None = Field(description="Until when it makes none, after errors or as it asked for.")
    limits: list[LimitOut]
    calls_24h: int
    failed_since_success: int
    last_call_at: Moment | None
    last_success_at: Moment | None
    last_error: str | None
    last_error_at: Moment | None
    prices: str = Field(description="Live, Delayed 15 min, End of day or Simulated.")
    extended_hours: bool
    stocks_per_call: int
    socket_stocks: int = Field(description="How many stocks its web socket carries.")
    socket: SocketOut | None
    refused_24h: int = Field(description="How many of its readings were refused or held.")
    planned: PlannedOut


class ProvidersOut(Out):
    """The providers in use."""

    items: list[ProviderOut]
    next: str | None


class IntervalOut(Out):
    """How a stock is fetched, as was planned last; everything is null for one that nobody watches."""

    key: Key
    provider: str | None
    streamed: bool | None = Field(description="Whether its trades come over a web socket.")
    interval: Amount | None = Field(description="Seconds between two prices; null where none can be promised.")
    next_at: Moment | None
    reason: str | None = Field(description="Why not sooner.")
    planned_at: Moment | None


class IntervalsOut(Out):
    """Stocks in the order they were asked for."""

    items: list[IntervalOut]
    next: str | None


@bp.get("/providers")
@public
@bp.output(ProvidersOut)
def providers() -> Response:
    """Get the providers in use, and what is left of their limits."""
    return answers.answer({"items": [provider_row(panel) for panel in found_panels()], "next": None})


@bp.get("/providers/<provider>")
@public
@bp.output(ProviderOut)
def provider(provider: str) -> Response:
    """Get one of the providers in use."""
    found = next((panel for panel in found_panels() if panel.name == provider), None)
    if found is None:
        raise NotFound("No provider of that name is in use here.")
    return answers.answer(provider_row(found))


@bp.get("/providers/intervals")
@bp.get("/providers/intervals.csv")
@public
@bp.input(QuotesQuery, location="query")
@bp.output(IntervalsOut)
def intervals(query_data: QuotesQuery) -> Response:
    """Get how often stocks are fetched, from where, and when next."""
    stocks = find_stocks(query_data.symbols)
    plans = queries.load_plans_of([stock.id for stock in stocks], panels.active_names(settings()))
    rows: list[Row] = []
    for stock in stocks:
        plan = plans.get(stock.id)
        rows.append({"key": stock.key, "provider": None, "streamed": None, "interval": None, "next_at": None,
                     "reason": None, "planned_at": None} if plan is None else {
            "key": stock.key, "provider": plan.provider, "streamed": plan.streamed,
            "interval": amount(plan.interval_s), "next_at": as_moment(plan.next_at),
            "reason": plan.reason or None, "planned_at": as_moment(plan.planned_at)})
    return answers.answer_page(rows, None, columns=tuple(IntervalOut.model_fields))


def settings() -> Config:
    """Return the settings."""
    return cast(Config, current_app.config["SETTINGS"])


def found_panels() -> list[Panel]:
    """Return the providers in use, as the page shows them."""
    now, names = clock.now(), panels.active_names(settings())
    plans = queries.load_plans(names)
    book = load_book(now, queries.mics_of(plans.demands.values()))
    return panels.load_panels(settings(), plans, book, now, counts.load_quarters(names, now))


def provider_row(panel: Panel) -> dict[str, object]:
    """Return a provider as programs get it."""
    state, now = panel.state, clock.now()
    return {
        "name": panel.name, "title": panel.title, "state": panel.breaker.badge, "words": panel.breaker.sentence,
        "paused_at": as_moment(state.stopped_at) if state else None,
        "resting_until": later(state.paused_until, now) if state else None,
        "limits": [limit_row(window) for window in panel.windows], "calls_24h": panel.calls.today,
        "failed_since_success": panel.calls.failed, "last_call_at": as_moment(state.last_call_at) if state else None,
        "last_success_at": as_moment(state.last_success_at) if state else None,
        "last_error": state.last_error or None if state else None,
        "last_error_at": as_moment(state.last_error_at) if state else None, "prices": panel.vendor.delay.value,
        "extended_hours": panel.vendor.extended_hours, "stocks_per_call": panel.vendor.batch_size,
        "socket_stocks": panel.streams, "socket": socket_row(panel.stream) if panel.stream else None,
        "refused_24h": panel.refused,
        "planned": {"stocks": panel.stocks, "shortest_interval": amount(panel.shortest),
                    "words": panel.outlook}}


def later(moment: dt.datetime | None, now: dt.datetime) -> str | None:
    """Write a moment that is still to come."""
    return as_moment(moment) if moment is not None and moment > now else None


def limit_row(window: Window) -> dict[str, object]:
    """Return a limit as programs get it."""
    return {"unit": window.unit, "limit": window.limit, "seconds": amount(window.length.total_seconds()),
            "used": window.used, "left": window.left, "reserved": amount(window.reserved),
            "first_back_at": as_moment(window.next_back), "all_back_at": as_moment(window.all_back),
            "free_at": as_moment(window.frees_at)}


def socket_row(stream: StreamState) -> dict[str, object]:
    """Return a web socket as programs get it."""
    return {"status": stream.status, "since": as_moment(stream.since), "heard_at": as_moment(stream.heard_at),
            "stocks": stream.symbols, "trades": stream.trades, "last_error": stream.last_error or None,
            "last_error_at": as_moment(stream.last_error_at)}
