"""Makes one call to a provider because an admin wants to see whether it answers; nothing of it becomes a price."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time

from flask import current_app

from config import Config
from webapp import clock, providers_control
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.providers_control import Trial, TrialState
from webapp.records import Instrument
from webapp.trading_days import load_book
from worker import quota
from worker.providers.answers import broken_answer
from worker.providers.base import Provider, ProviderError
from worker.spelling import active_providers

log = logging.getLogger(__name__)

# What the record of calls has before the stock.
TEST = "test "
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=3)


def try_call(name: str, instrument_id: int, asked_at: str) -> str:
    """Make one counted call to a provider for one stock; keep what came of it for the admin's page."""
    settings: Config = current_app.config["SETTINGS"]
    provider = next((one for one in active_providers(settings) if one.name == name), None)
    row = db.session.get(InstrumentRow, instrument_id)
    if provider is None or row is None:
        return "no such provider or stock"
    stock = row.record()
    trial = Trial(stock.key, TrialState.FAILED.value, asked_at,
                  words="The call made the program fail; the worker's log says more.")
    try:
        trial = _tried(provider, stock, trial)
    finally:
        providers_control.end_test(current_app.extensions["redis"], name, trial)
    return trial.state


def _tried(provider: Provider, stock: Instrument, trial: Trial) -> Trial:
    """Make the call, if it may be made."""
    if not provider.covers(stock):
        return dataclasses.replace(trial, state=TrialState.REFUSED.value,
                                   words=f"{provider.title} has no prices from this exchange.")
    claim = _claim(provider, stock)
    if isinstance(claim, quota.Refusal):
        return dataclasses.replace(trial, state=TrialState.REFUSED.value, words=claim.reason)
    try:
        return _called(provider, stock, claim, trial)
    except Exception:
        db.session.rollback()
        _settle(provider, claim, broken_answer(provider.title, "it made the program fail"))
        raise


def _called(provider: Provider, stock: Instrument, claim: int | None, trial: Trial) -> Trial:
    """Make a claimed call and settle it; return what came of it."""
    book = load_book(clock.now(), [stock.mic])
    db.session.rollback()  # none may be open while the network is slow
    error, quotes, began = None, [], time.monotonic()
    try:
        quotes = provider.quotes([stock], clock.now(), book)
    except ProviderError as caught:
        error = caught
        log.warning("test of %s with %s: %s: %s", provider.name, stock.key, error.kind, error.message)
    ms = round((time.monotonic() - began) * 1000)
    _settle(provider, claim, error)
    if error is not None or not quotes:
        said = error.message if error is not None else f"{provider.title} has no price of it."
        return dataclasses.replace(trial, state=TrialState.FAILED.value, ms=ms, words=said)
    quote = quotes[0]
    return dataclasses.replace(
        trial, state=TrialState.ANSWERED.value, ms=ms, price=format(quote.price, "f"), words="",
        unit=quote.unit or stock.quoted_in, as_of=(quote.day if quote.as_of_is_day else quote.as_of).isoformat())


def _claim(provider: Provider, stock: Instrument) -> int | quota.Refusal | None:
    """Claim the call; wait out the pause after another one."""
    until = time.monotonic() + SHORT_WAIT.total_seconds()
    claim = quota.permit(provider, TEST + stock.key)
    while isinstance(claim, quota.Refusal) and claim.until - clock.now() < SHORT_WAIT and time.monotonic() < until:
        time.sleep(max((claim.until - clock.now()).total_seconds(), 0.05))
        claim = quota.permit(provider, TEST + stock.key)
    return claim


def _settle(provider: Provider, claim: int | None, error: ProviderError | None) -> None:
    """Write what came of the call; only a limit or a bad key makes the provider rest."""
    if claim is not None:
        quota.settle(provider, claim, error, of_quotes=False)
        db.session.commit()
