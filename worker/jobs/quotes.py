"""Fetches the quotes that are due, stores them, tells the pages: in this order, whatever breaks in between."""

import dataclasses
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
from worker.pacing import holds_until
from worker.planner import Call, Plan, due_calls
from worker.providers.base import ErrorKind, Provider, ProviderError
from worker.providers.registry import active_providers
from worker.providers.simulator import Simulator
from worker.schedule import REFRESH

log = logging.getLogger(__name__)

# A run ends after so many calls of a provider, or seconds, which the providers share; the next one goes on.
MOST_CALLS = 20
RUN_SECONDS = 12.0
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=2.5)
# A limit that is reached, and a fault (True), that last longer let the next provider go on with the stocks.
PATIENCE = {False: dt.timedelta(minutes=2), True: dt.timedelta(seconds=10)}
# The states of a price that the next one will replace, and the longest interval that is promised between two.
RUNNING = {State.LIVE, State.DELAYED, State.PRE, State.POST}
MOST_PACE = 7200.0
# A stock that was not fetched for so many intervals has a gap.
GAP_INTERVALS = 3


def refresh_quotes() -> str:
    """Fetch what is due, store it, tell the pages; return in words what was done.

    Of several providers each has the stocks that it covers and that none before it takes care of. One that is resting
    or has no calls left for a while takes care of none.
    """
    settings: Config = current_app.config["SETTINGS"]
    sessions = load_book(clock.now())
    on_screen = _on_screen()
    stored = waiting = 0
    served: set[int] = set()
    resting: list[tuple[Provider, quota.Refusal]] = []
    providers = active_providers(settings)
    for provider in providers:
        refusal = quota.refusal_now(provider)
        if refusal and provider is not providers[-1] and refusal.until - clock.now() > PATIENCE[refusal.fault]:
            resting.append((provider, refusal))
            continue
        plan = due_calls(clock.now(), provider, sessions, on_screen, served)
        served |= plan.covered
        _release()
        changed, late = _carry_out(provider, plan, sessions, RUN_SECONDS / len(providers))
        stored, waiting = stored + changed, waiting + late
    for stock in plan.uncovered:
        reasons = [refusal.reason for provider, refusal in resting if provider.covers(stock)]
        _say([stock], reasons[0] if reasons else f"{provider.title} has no prices from this exchange.")
    return f"{stored} changed, {waiting} waiting"


def _carry_out(provider: Provider, plan: Plan, sessions: SessionBook, seconds: float) -> tuple[int, int]:
    """Make a plan's calls and say why the others wait; return how many rows changed and how many stocks wait."""
    stored, waiting, refusal = _make_calls(plan, sessions, seconds)
    if refusal:
        _say([instrument for call in waiting for instrument in call.instruments], refusal.reason)
    if plan.held_back:
        _say(plan.held_back, f"{provider.title}: the front page has used its half of the day's "
                             f"{provider.limits.per_day} requests; stocks on a watchlist come first.")
    return stored, len(waiting) + len(plan.held_back)


def _on_screen() -> set[int]:
    """Return the stocks that somebody looks at; without Redis, as if nobody did."""
    try:
        return bus.watched_ids(current_app.extensions["redis"])
    except RedisAway:
        log.warning("Redis is away: only the stocks on watchlists are refreshed")
        return set()


def _make_calls(plan: Plan, sessions: SessionBook,
                seconds: float) -> tuple[int, Sequence[Call], quota.Refusal | None]:
    """Make the calls in turn; return how many rows changed, the calls that remain, and who refused the next."""
    until = time.monotonic() + seconds
    stored, calls = 0, plan.calls
    for number, call in enumerate(calls):
        counted = quota.is_counted(call.provider)
        if counted and (number >= MOST_CALLS or time.monotonic() > until):
            return stored, calls[number:], quota.refusal_now(call.provider)
        claim = _claim(call) if counted else None
        if isinstance(claim, quota.Refusal):
            return stored, calls[number:], claim
        stored += _fetch(call, claim, sessions, plan.paces)
    return stored, (), None


def _claim(call: Call) -> int | quota.Refusal:
    """Claim the call; wait out the pause between two calls."""
    claim = quota.claim(call.provider, call.subject)
    while isinstance(claim, quota.Refusal) and claim.until - clock.now() < SHORT_WAIT:
        time.sleep(max((claim.until - clock.now()).total_seconds(), 0.05))
        claim = quota.claim(call.provider, call.subject)
    return claim


def _fetch(call: Call, claim: int | None, sessions: SessionBook, paces: dict[int, float]) -> int:
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
    ids = {error.blames.id} if error and error.blames else {instrument.id for instrument in call.instruments}
    silent = [] if error or claim is None else [
        stock for stock in call.instruments if stock.id not in {quote.instrument_id for quote in quotes}]
    quota.note_failures(provider, [stock.key for stock in silent], ErrorKind.UNKNOWN_SYMBOL)
    if error and len(ids) > 1 and error.kind is ErrorKind.BROKEN_ANSWER:
        quota.note_failures(provider, [stock.key for stock in call.instruments], error.kind)
    changed = store.store_problem(ids, error.message) if error else _store(call, quotes, sessions, paces)
    db.session.commit()
    _publish(changed)
    if silent:
        _say(silent, f"{provider.title} has no price of it.")
    return len(changed)


def _store(call: Call, quotes: Sequence[Quote], sessions: SessionBook, paces: dict[int, float]) -> list[LiveQuote]:
    """Store the quotes of one call, and the gaps that they end."""
    provider = call.provider
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    ends = {stock.id: holds_until(provider, stock.mic, now, sessions) for stock in call.instruments}
    quotes = [_held(quote, paces.get(quote.instrument_id), ends.get(quote.instrument_id), now) for quote in quotes]
    if not quota.is_counted(provider):
        patience = dt.timedelta(seconds=GAP_INTERVALS * settings.REFRESH_SECONDS)
        gaps.record_gaps([quote.instrument_id for quote in quotes], now, patience, gaps.last_success(REFRESH))
    if not isinstance(provider, Simulator):
        return store.store_quotes(quotes, now)
    return store.store_quotes(quotes, now, lambda instrument: provider.day_path(instrument, now, sessions))


def _held(quote: Quote, pace: float | None, ends: dt.datetime | None, now: dt.datetime) -> Quote:
    """Let a price of a running session pass for what it is until two further ones should have come, or it `ends`."""
    if pace is None or ends is None or quote.state not in RUNNING or quote.stale_at is None or quote.stale_at <= now:
        return quote
    promised = min(now + 2 * dt.timedelta(seconds=min(pace, MOST_PACE)), ends)
    return dataclasses.replace(quote, stale_at=max(quote.stale_at, promised))


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
