"""Fetches the last days of a stock by the minute when somebody looks at a chart of them."""

from flask import current_app

from config import Config
from webapp import clock
from webapp.bars.minutes_due import is_due
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.trading_days import load_book
from worker import quota
from worker.history import vendor_minutes
from worker.providers.base import GivesMinutes
from worker.spelling import providers_with


def fetch_minutes(instrument_id: int) -> str:
    """Fetch the stock's minutes from the first provider that has them, where some may be missing; say what was done.

    Safe to run twice and to be killed: what is known is not asked for again, and an answer is stored whole or not.
    """
    settings: Config = current_app.config["SETTINGS"]
    row = db.session.get(InstrumentRow, instrument_id)
    if row is None:
        return "no such stock"
    stock, now = row.record(), clock.now()
    book = load_book(now, [stock.mic])
    if not is_due(stock, now, book):
        return "nothing newer is due"
    providers = vendor_minutes.candidates(stock, providers_with(settings, GivesMinutes))
    db.session.commit()  # none may be open while the network is slow
    waits = []
    for provider in providers:
        claimed = vendor_minutes.claim(provider, stock)
        if isinstance(claimed, quota.Refusal):
            waits.append(claimed.reason)
        elif vendor_minutes.fetch(provider, claimed, stock, book):
            return f"minutes of {stock.key} from {provider.name}"
    return " ".join(waits) or "nobody has them now"
