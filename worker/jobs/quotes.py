"""Fetches the quotes that are due, stores them, tells the pages: in this order, whatever breaks in between."""

import datetime as dt
import logging
import time
from collections.abc import Iterable, Sequence

from flask import current_app

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.markets import SessionBook
from webapp.records import Instrument, LiveQuote, Quote, State
from webapp.redis import RedisAway
from webapp.trading_days import load_book
from worker import gaps, quota, store
from worker.planner import Call, due_calls
from worker.providers.base import Provider, ProviderError
from worker.providers.registry import active_provider
from worker.providers.simulator import Simulator
from worker.schedule import REFRESH

log = logging.getLogger(__name__)

# A run ends after so many calls or seconds; the next one goes on.
MOST_CALLS = 5
RUN_SECONDS = 12.0
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=2.5)
# A stock that was not fetched for so many intervals has a gap.
GAP_INTERVALS = 3


def refresh_quotes() -> str:
    """Fetch what is due, store it, tell the pages; return in words what was done."""
    settings: Config = current_app.config["SETTINGS"]
    provider = active_provider(settings)
    now = clock.now()
    sessions = load_book(now)
    plan = due_calls(now, provider, sessions, _on_screen())
    _release()
    stored, waiting, refusal = _make_calls(plan.calls, sessions)
    if refusal:
        _say([instrument for call in waiting for instrument in call.instruments], refusal.reason)
    if plan.uncovered:
        _say(plan.uncovered, f"{provider.title} has no prices from this exchange.")
    if plan.held_back:
        _say(plan.held_back, f"{provider.title}: the front page has used its half of the day's "
                             f"{provider.limits.per_day} requests; stocks on a watchlist come first.")
    return f"{stored} changed, {len(waiting) + len(plan.held_back)} waiting"


def _on_screen() -> set[int]:
    """Return the stocks that somebody looks at; without Redis, as if nobody did."""
    try:
        return bus.watched_ids(current_app.extensions["redis"])
    except RedisAway:
        log.warning("Redis is away: only the stocks on watchlists are refreshed")
        return set()


def _make_calls(calls: Sequence[Call], sessions: SessionBook) -> tuple[int, Sequence[Call], quota.Refusal | None]:
    """Make the calls in turn; return how many rows changed, the calls that remain, and who refused the next."""
    until = time.monotonic() + RUN_SECONDS
    stored = 0
    for number, call in enumerate(calls):
        counted = quota.is_counted(call.provider)
        if counted and (number >= MOST_CALLS or time.monotonic() > until):
            return stored, calls[number:], quota.refusal_now(call.provider)
        claim = _claim(call) if counted else None
        if isinstance(claim, quota.Refusal):
            return stored, calls[number:], claim
        stored += _fetch(call, claim, sessions)
    return stored, (), None


def _claim(call: Call) -> int | quota.Refusal:
    """Claim the call; wait out the pause between two calls."""
    claim = quota.claim(call.provider, call.subject)
    while isinstance(claim, quota.Refusal) and claim.until - clock.now() < SHORT_WAIT:
        time.sleep(max((claim.until - clock.now()).total_seconds(), 0.05))
        claim = quota.claim(call.provider, call.subject)
    return claim


def _fetch(call: Call, claim: int | None, sessions: SessionBook) -> int:
    """Make one call, store what came of it, commit, publish; return how many rows changed."""
    provider = call.provider
    error = None
    quotes: list[Quote] = []
    try:
        quotes = provider.quotes(call.instruments, clock.now(), sessions)
    except ProviderError as caught:
        error = caught
        log.warning("%s: %s: %s", call.subject, error.kind, error.message)
    if claim is not None:
        quota.settle(provider, claim, error)
    ids = [instrument.id for instrument in call.instruments]
    changed = store.store_problem(ids, error.message) if error else _store(provider, quotes, sessions)
    db.session.commit()
    _publish(changed)
    return len(changed)


def _store(provider: Provider, quotes: Sequence[Quote], sessions: SessionBook) -> list[LiveQuote]:
    """Store the quotes of one call, and the gaps that they end."""
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    if provider.delay is not State.END_OF_DAY:
        patience = dt.timedelta(seconds=GAP_INTERVALS * settings.REFRESH_SECONDS)
        gaps.record_gaps([quote.instrument_id for quote in quotes], now, patience, gaps.last_success(REFRESH))
    if not isinstance(provider, Simulator):
        return store.store_quotes(quotes, now)
    return store.store_quotes(quotes, now, lambda instrument: provider.day_path(instrument, now, sessions))


def _say(instruments: Iterable[Instrument], reason: str) -> None:
    """Write on these stocks' rows why they wait, where it is not written yet."""
    changed = store.store_problem([instrument.id for instrument in instruments], reason)
    db.session.commit()
    _publish(changed)


def _publish(changed: Sequence[LiveQuote]) -> None:
    """Tell the web processes what was committed; what they miss they read from the database."""
    if not changed:
        return
    try:
        bus.publish_quotes(current_app.extensions["redis"], changed[0].version, changed)
    except RedisAway:
        log.warning("Redis is away: the pages will find version %s in the database", changed[0].version)


def _release() -> None:
    """End the transaction that reading opened: none may be open while the network is slow."""
    db.session.rollback()
