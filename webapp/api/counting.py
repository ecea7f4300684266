"""How many calls somebody has made in a window of time: counted in Redis with one message, for each call is counted.

The window begins with the first call. While Redis is away each process counts for itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

from flask import current_app
from limits import RateLimitItem, parse
from redis import Redis
from redis.commands.core import Script

from webapp.redis import PREFIX, RedisAway

log = logging.getLogger(__name__)

# What is over the limit is not counted: who asks on is not kept out for longer.
SCRIPT = """
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
local cost, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if spent + cost > most then return {spent, redis.call('PTTL', KEYS[1]), 0} end
if spent == 0 then redis.call('SET', KEYS[1], cost, 'PX', window) else redis.call('INCRBY', KEYS[1], cost) end
return {spent + cost, redis.call('PTTL', KEYS[1]), 1}
"""
# So many are counted while Redis is away; more are forgotten, the oldest first.
MOST_COUNTED = 10_000
# One that hangs would hold up every call.
AWAY_S = 5.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What somebody has left: `left` of `most` calls for `seconds` more; `fits` says whether this one was one."""

    most: int
    left: int
    seconds: int
    fits: bool


@dataclass(slots=True)
class Tally:
    """What was counted, and until when that holds, on the clock that counts since the machine's start."""

    spent: int
    until: float


@dataclass(slots=True)
class Counter:
    """The script that counts in Redis, and what this process counts while there is none, `away_until` at least."""

    script: Script
    away_until: float = 0.0
    tallies: dict[str, Tally] = field(default_factory=dict)


def count(who: str, limit: str, cost: int = 1) -> Spent:
    """Count a call of somebody against a limit like "600 per minute", `cost` times."""
    item = _item(limit)
    counter = _counter()
    seconds = item.get_expiry()
    if counter.away_until > monotonic():
        return _count_here(counter.tallies, who, item, cost)
    try:
        spent, left_ms, fits = counter.script(keys=[f"{PREFIX}api:{who}"], args=[cost, item.amount, seconds * 1000])
    except RedisAway:
        log.warning("Redis is away: this process counts the calls of the API for itself")
        counter.away_until = monotonic() + AWAY_S
        return _count_here(counter.tallies, who, item, cost)
    wait = -(-left_ms // 1000) if left_ms > 0 else seconds
    return Spent(item.amount, max(item.amount - spent, 0), min(max(wait, 1), seconds), bool(fits))


def _count_here(tallies: dict[str, Tally], who: str, item: RateLimitItem, cost: int) -> Spent:
    now, seconds = monotonic(), item.get_expiry()
    tally = tallies.get(who)
    if tally is None or tally.until <= now:
        tallies.pop(who, None)
        tally = tallies[who] = Tally(0, now + seconds)
        if len(tallies) > MOST_COUNTED:
            del tallies[next(iter(tallies))]
    fits = tally.spent + cost <= item.amount
    tally.spent += cost if fits else 0
    return Spent(item.amount, item.amount - tally.spent, max(1, round(tally.until - now)), fits)


@lru_cache(maxsize=16)
def _item(limit: str) -> RateLimitItem:
    return parse(limit)


def _counter() -> Counter:
    counter: Counter | None = current_app.extensions.get("api_counter")
    if counter is None:
        redis: Redis = current_app.extensions["redis"]
        counter = current_app.extensions["api_counter"] = Counter(redis.register_script(SCRIPT))
    return counter
