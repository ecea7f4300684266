"""Finds out to which sector the stocks that people watch belong, a few at a time."""

import datetime as dt
import time

from flask import current_app
from sqlalchemy import select, update

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.kinds import FUND
from webapp.models import InstrumentRow, RunState, WatchlistItem
from webapp.records import Instrument
from worker import quota
from worker.history import calls, runs
from worker.history.calls import Round
from worker.history.sectors import sector_of
from worker.providers.base import GivesOverview, ProviderError
from worker.spelling import providers_with

RUN_SECONDS = 10.0
# A stock is asked for once in this time at most, whatever came of it; at most so many in a run.
ASK_AGAIN = dt.timedelta(days=30)
MOST_STOCKS = 10
FUND_KINDS = ("etf", "fund")


def fetch_sectors() -> str:
    """Ask for the companies of watched stocks without a sector, and keep what it is; say how many were found."""
    settings: Config = current_app.config["SETTINGS"]
    runs.end_cut_short((runs.COMPANY,))
    _mark_funds()
    providers = providers_with(settings, GivesOverview)
    stocks = _without_sector() if providers else []
    db.session.commit()
    round_ = Round(time.monotonic() + RUN_SECONDS)
    found = 0
    for stock in stocks:
        if round_.is_over:
            break
        found += any(_ask(round_, provider, stock) for provider in providers)
    return f"{found} sectors found, {len(stocks)} stocks without"


def _mark_funds() -> None:
    """Say of funds that they are: nobody need be asked. The caller commits."""
    db.session.execute(update(InstrumentRow).where(InstrumentRow.kind.in_(FUND_KINDS), InstrumentRow.sector == "")
                       .values(sector=FUND))


def _without_sector() -> list[Instrument]:
    """Return some watched stocks without a sector, of which nobody was asked for the last month."""
    rows = db.session.scalars(
        select(InstrumentRow).where(InstrumentRow.sector == "", InstrumentRow.status == "listed",
                                    InstrumentRow.id.in_(select(WatchlistItem.instrument_id)))
        .order_by(InstrumentRow.id)).all()
    asked = {number for number, _source in runs.asked_since(
        runs.COMPANY, [row.id for row in rows], clock.now() - ASK_AGAIN)}
    return [row.record() for row in rows if row.id not in asked][:MOST_STOCKS]


def _ask(round_: Round, provider: GivesOverview, stock: Instrument) -> bool:
    """Ask one provider for one company; keep its sector, commit, tell whether there was one."""
    if not provider.covers(stock) or not round_.may_ask(provider, runs.COMPANY):
        return False
    claimed = calls.claim(round_, provider, runs.COMPANY, stock)
    if isinstance(claimed, quota.Refusal):
        return False
    asked = calls.ask(claimed, provider, runs.COMPANY, stock, lambda: provider.overview(stock, clock.now()))
    if isinstance(asked, ProviderError):
        return False
    answer, company = asked
    sector = sector_of(company.sector)
    if sector:
        db.session.execute(update(InstrumentRow).where(InstrumentRow.id == stock.id, InstrumentRow.sector == "")
                           .values(sector=sector))
    answer.close(runs.Outcome(RunState.DONE, sector or "No sector that is known here."))
    db.session.commit()
    return bool(sector)
