"""Which stocks come over a web socket now: said in Redis for some seconds at a time, so that nobody need take it back.

Whoever is told so by streamed_ids() need not fetch them. A process that is killed says it no longer.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import cast

from redis import Redis

from webapp.redis import PREFIX, RedisAway
from webapp.vendors import VENDORS

MARK_SECONDS = 15


def _key(vendor: str) -> str:
    return f"{PREFIX}streamed:{vendor}"


def mark(redis: Redis, vendor: str, ids: Collection[int]) -> None:
    """Say that the vendor's socket brings these instruments, and no others; it holds for MARK_SECONDS."""
    if ids:
        redis.set(_key(vendor), json.dumps(sorted(ids)), ex=MARK_SECONDS)
    else:
        redis.delete(_key(vendor))


def streamed_ids(redis: Redis) -> set[int]:
    """Return the instruments that come over any vendor's socket; none while Redis is away."""
    keys = [_key(vendor.name) for vendor in VENDORS.values() if vendor.streams]
    try:
        found = cast(list[bytes | None], redis.mget(keys))
    except RedisAway:
        return set()
    return {instrument_id for text in found if text for instrument_id in json.loads(text)}
