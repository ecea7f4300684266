"""Fetches past days of the stocks that people watch: the database is asked first, and only what is missing fetched."""

import logging
import time
from contextlib import suppress

from flask import current_app
from redis import Redis

from config import Config
from webapp import clock, queue
from webapp.extensions import db
from webapp.live import bus
from webapp.redis import RedisAway
from webapp.trading_days import load_book
from worker import quota
from worker.history import events, fetching, minutes, runs, simulated
from worker.history.calls import Round
from worker.history.wanted import Wanted, is_due, keep_benchmark, load_wanted, ready_day
from worker.providers.base import GivesDaily
from worker.providers.simulator import Simulator
from worker.spelling import active_providers, providers_with

log = logging.getLogger(__name__)

# A run begins no further call after so many seconds; the next one goes on. Where all is made up, runs are more and
# shorter: prices of now are not to wait for those of the past, even on a single worker.
RUN_SECONDS, MAKING_SECONDS = 12.0, 3.0


def fetch_bars() -> str:
    """Fetch the past days that are missing, the most wanted first, and have them analysed; say what was done.

    Safe to run twice and to be killed: each stock is one commit, and what is missing is found anew by the next run.
    """
    settings: Config = current_app.config["SETTINGS"]
    runs.end_cut_short((runs.DAILY, runs.SPLITS, runs.DIVIDENDS))
    keep_benchmark()
    wanted = load_wanted(_viewers(current_app.extensions["redis"]))
    db.session.commit()  # none may be open while the network is slow
    if settings.simulated:
        return _make_up(settings, wanted)
    round_ = Round(time.monotonic() + RUN_SECONDS)
    try:
        left = _fetch(settings, round_, wanted)
        round_.say_waiting()
    finally:
        if round_.changed:
            _have_analysed()
    return f"{round_.done} fetched, {round_.refused} without days, {left} left"


def fold_ticks() -> str:
    """Keep the finished minutes of what was observed as bars of a minute, before the ticks go; say how many."""
    return minutes.fold(clock.now())


def _make_up(settings: Config, wanted: list[Wanted]) -> str:
    """Make up the days that are missing of made-up stocks."""
    simulator = Simulator(settings)
    if refusal := quota.refusal_now(simulator):
        return refusal.reason
    book = load_book(clock.now())
    db.session.commit()
    made = simulated.make_bars(simulator, wanted, book, time.monotonic() + MAKING_SECONDS)
    if made:
        _have_analysed()
    return f"{made} made up"


def _fetch(settings: Config, round_: Round, wanted: list[Wanted]) -> int:
    """Fetch what is due, then events; return how many stocks are left for the next run."""
    providers = providers_with(settings, GivesDaily)
    everybody = active_providers(settings)
    now = clock.now()
    sessions = load_book(now, {want.instrument.mic for want in wanted})
    names = [provider.name for provider in providers]
    due = [want for want in wanted if is_due(want, ready_day(want.instrument.mic, sessions, now), names, now)]
    ids = [want.instrument.id for want in due]
    fetcher = fetching.Fetcher(round_, providers, sessions, runs.rests(runs.DAILY, ids),
                               runs.marked(ids, fetching.ANEW))
    db.session.commit()
    left = len(due)
    for want in due:
        if round_.is_over:
            return left
        fetching.fetch_with_splits(fetcher, want, everybody)
        left -= 1
    for kind in (runs.SPLITS, runs.DIVIDENDS):
        events.fetch_events(round_, wanted, everybody, kind)
    return sum(round_.waiting.values())


def _have_analysed() -> None:
    """Ask for the analysis of what has changed; the periodic one would find it too, later."""
    with suppress(*RedisAway):
        queue.analyse()


def _viewers(redis: Redis) -> dict[int, int]:
    """Return how many look at each stock; without Redis, as if nobody did."""
    try:
        return bus.viewers(redis)
    except RedisAway:
        log.warning("Redis is away: only the stocks on watchlists and the starter list have their past days fetched")
        return {}
