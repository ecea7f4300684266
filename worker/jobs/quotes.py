"""Fetches the quotes that are due, stores them, tells the pages: in this order, whatever breaks in between."""

import dataclasses
import datetime as dt
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from flask import current_app
from redis import Redis

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.markets import SessionBook
from webapp.records import Instrument, Quote, State
from webapp.redis import RedisAway
from webapp.trading_days import load_book
from worker import gaps, holds, outlook, quota, store
from worker.pacing import holds_until
from worker.planner import Call, Plan, due_calls, rests_for_long
from worker.providers.answers import broken_answer
from worker.providers.base import ErrorKind, Provider, ProviderError
from worker.providers.freshness import DELAY, OLDEST, until_close
from worker.providers.simulator import Simulator
from worker.publishing import publish
from worker.schedule import refresh_name
from worker.spelling import active_providers
from worker.streams.marks import streamed_ids

log = logging.getLogger(__name__)

# A run ends after so many calls, or seconds; the next one goes on.
MOST_CALLS = 20
RUN_SECONDS = 12.0
# A refusal that ends so soon is waited for.
SHORT_WAIT = dt.timedelta(seconds=2.5)
# The states that say how soon a provider has its prices, and those of a price that the next one will replace.
CLASSES = {State.DELAYED, State.END_OF_DAY, State.SIMULATED}
RUNNING = {State.LIVE, State.DELAYED, State.PRE, State.POST}
# The shortest and the longest interval that is promised between two: a run may take some seconds.
LEAST_PACE, MOST_PACE = 15.0, 7200.0
# A stock that was not fetched for so many intervals has a gap.
GAP_INTERVALS = 3


def refresh_quotes(name: str) -> str:
    """Fetch what is due from one provider, store it, tell the pages; return in words what was done.

    Of several providers each has the stocks that it covers and that none before it takes care of. One that is resting
    or has no calls left for a while takes care of none.
    """
    settings: Config = current_app.config["SETTINGS"]
    providers = active_providers(settings)
    place = next((place for place, provider in enumerate(providers) if provider.name == name), None)
    if place is None:
        return f"{name} is not active"
    provider, is_last = providers[place], place == len(providers) - 1
    refusal = rests_for_long(provider, clock.now())
    if refusal and not is_last:
        if refusal.stopped:
            outlook.pause(provider, clock.now())
            db.session.commit()
        return f"rests: {refusal.reason}"
    sessions = load_book(clock.now())
    redis = current_app.extensions["redis"]
    plan = due_calls(clock.now(), provider, sessions, _viewers(redis), before=providers[:place],
                     streamed=streamed_ids(redis), slot_s=settings.REFRESH_SECONDS)
    planned = outlook.paused(plan.outlook) if refusal and refusal.stopped else plan.outlook
    outlook.write(provider, planned, clock.now())
    db.session.commit()  # none may be open while the network is slow
    stored, waiting = _carry_out(provider, plan, sessions)
    if is_last:
        _say_uncovered(provider, plan)
    return f"{stored} changed, {waiting} waiting"


def _carry_out(provider: Provider, plan: Plan, sessions: SessionBook) -> tuple[int, int]:
    """Make a plan's calls and say why the others wait; return how many rows changed and how many stocks wait."""
    stored, waiting, refusal = _make_calls(plan, sessions)
    if refusal:
        _say([instrument for call in waiting for instrument in call.instruments], refusal.reason)
    if plan.held_back:
        _say(plan.held_back, f"{provider.title}: the front page has used its half of the day's "
                             f"{provider.limits.per_day} requests; stocks on a watchlist come first.")
    return stored, len(waiting) + len(plan.held_back)


def _say_uncovered(provider: Provider, plan: Plan) -> None:
    """Say on the stocks that no provider takes care of why that is."""
    stocks = defaultdict(list)
    for stock in plan.uncovered:
        reasons = [refusal.reason for preferred, refusal in plan.resting if preferred.covers(stock)]
        stocks[reasons[0] if reasons else f"{provider.title} has no prices from this exchange."].append(stock)
    for reason, those in stocks.items():
        _say(those, reason)


def _viewers(redis: Redis) -> dict[int, int]:
    """Return how many look at each stock; without Redis, as if nobody did."""
    try:
        return bus.viewers(redis)
    except RedisAway:
        log.warning("Redis is away: only the stocks on watchlists are refreshed")
        return {}


def _make_calls(plan: Plan, sessions: SessionBook) -> tuple[int, Sequence[Call], quota.Refusal | None]:
    """Make the calls in turn; return how many rows changed, the calls that remain, and who refused the next."""
    until = time.monotonic() + RUN_SECONDS
    stored, calls = 0, plan.calls
    for number, call in enumerate(calls):
        counted = quota.is_counted(call.provider)
        if counted and (number >= MOST_CALLS or time.monotonic() > until):
            return stored, calls[number:], quota.refusal_now(call.provider)
        claim = _claim(call)
        if isinstance(claim, quota.Refusal):
            return stored, calls[number:], claim
        stored += _fetch(call, claim, sessions, plan.paces)
    return stored, (), None


def _claim(call: Call) -> int | quota.Refusal | None:
    """Claim the call, where its provider counts any; wait out the pause between two calls."""
    claim = quota.permit(call.provider, call.subject)
    while isinstance(claim, quota.Refusal) and claim.until - clock.now() < SHORT_WAIT:
        time.sleep(max((claim.until - clock.now()).total_seconds(), 0.05))
        claim = quota.permit(call.provider, call.subject)
    return claim


def _fetch(call: Call, claim: int | None, sessions: SessionBook, paces: dict[int, float]) -> int:
    """Make one call, store what came of it, commit, publish; return how many rows changed."""
    try:
        return _fetch_and_store(call, claim, sessions, paces)
    except Exception:
        # A call that always ends so would else be made again and again, before all others.
        db.session.rollback()
        if claim is not None:
            quota.settle(call.provider, claim, broken_answer(call.provider.title, "it made the program fail"))
            quota.note_failures(call.provider, [stock.key for stock in call.instruments], ErrorKind.BROKEN_ANSWER)
            db.session.commit()
        raise


def _fetch_and_store(call: Call, claim: int | None, sessions: SessionBook, paces: dict[int, float]) -> int:
    """Do it, whatever may come of it."""
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
    silent = [] if error else [
        stock for stock in call.instruments if stock.id not in {quote.instrument_id for quote in quotes}]
    if claim is not None:
        quota.note_failures(provider, [stock.key for stock in silent], ErrorKind.UNKNOWN_SYMBOL)
    if error and claim is not None and len(ids) > 1 and error.kind is ErrorKind.BROKEN_ANSWER:
        quota.note_failures(provider, [stock.key for stock in call.instruments], error.kind)
    if error and error.kind is ErrorKind.BROKEN_ANSWER:
        holds.note_broken(ids, provider.name, error.message, clock.now())
    stored = (store.Stored(store.store_problem(ids, error.message), set()) if error
              else _store(call, quotes, sessions, paces))
    _note_refused(call, claim, stored.refused)
    db.session.commit()
    publish(current_app.extensions["redis"], stored.changed)
    if silent:
        _say(silent, f"{provider.title} has no price of it.")
    return len(stored.changed)


def _note_refused(call: Call, claim: int | None, refused: Collection[int]) -> None:
    """Let stocks rest for a little whose reading was not taken: the next one is to be another."""
    if claim is not None:
        quota.note_failures(call.provider, [stock.key for stock in call.instruments if stock.id in refused],
                            ErrorKind.BROKEN_ANSWER)


def _store(call: Call, quotes: Sequence[Quote], sessions: SessionBook, paces: dict[int, float]) -> store.Stored:
    """Store the quotes of one call, and the gaps that they end."""
    provider = call.provider
    settings: Config = current_app.config["SETTINGS"]
    now = clock.now()
    stocks = {stock.id: stock for stock in call.instruments}
    ends = {stock.id: holds_until(provider, stock.mic, now, sessions) for stock in call.instruments}
    quotes = [_held(_told(quote, provider, stocks[quote.instrument_id], sessions), paces.get(quote.instrument_id),
                    ends.get(quote.instrument_id), now) for quote in quotes]
    quotes = [until_close(quote, sessions, stocks[quote.instrument_id].mic) for quote in quotes]
    if not quota.is_counted(provider) and provider.delay is not State.END_OF_DAY:
        patience = dt.timedelta(seconds=GAP_INTERVALS * settings.REFRESH_SECONDS)
        last_run = gaps.last_success(refresh_name(provider.name))
        gaps.record_gaps([quote.instrument_id for quote in quotes], now, patience, last_run)
    if not isinstance(provider, Simulator):
        return store.store_readings(quotes, now)
    return store.store_readings(quotes, now, lambda instrument: provider.day_path(instrument, now, sessions))


def _told(quote: Quote, provider: Provider, stock: Instrument, sessions: SessionBook) -> Quote:
    """Return the quote with what the provider did not say: how soon it has prices, and the session before."""
    before = sessions.previous_before(stock.mic, quote.day)
    return dataclasses.replace(quote, delay=quote.delay or (quote.state if quote.state in CLASSES else provider.delay),
                               previous_day=quote.previous_day or (before.day if before else None))


def _held(quote: Quote, pace: float | None, ends: dt.datetime | None, now: dt.datetime) -> Quote:
    """Let a price of a running session pass for what it is until two further ones should have come, or it `ends`."""
    if pace is None or ends is None or quote.state not in RUNNING or quote.stale_at is None or quote.stale_at <= now:
        return quote
    patience = 2 * dt.timedelta(seconds=min(max(pace, LEAST_PACE), MOST_PACE))
    lag = DELAY if quote.state is State.DELAYED else dt.timedelta(0)
    return dataclasses.replace(quote, stale_at=min(now + patience, ends, quote.as_of + lag + max(OLDEST, patience)))


def _say(instruments: Iterable[Instrument], reason: str) -> None:
    """Write on these stocks' rows why they wait, where it is not written yet."""
    changed = store.store_problem([instrument.id for instrument in instruments], reason)
    db.session.commit()
    publish(current_app.extensions["redis"], changed)

