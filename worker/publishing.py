"""Tells the pages what was committed, from every process that writes quotes."""

import logging
from collections.abc import Callable, Sequence

from redis import Redis

from webapp.live import bus
from webapp.records import LiveQuote
from webapp.redis import RedisAway

log = logging.getLogger(__name__)


def publish(redis: Redis, changed: Sequence[LiveQuote], say: Callable[[str], None] = log.warning) -> None:
    """Tell the web processes what one commit changed, after it; what they miss they read from the database.

    `say` is told where Redis is away.
    """
    if not changed:
        return
    try:
        bus.publish_quotes(redis, changed[0].version, changed)
    except RedisAway:
        say(f"Redis is away: the pages will find version {changed[0].version} in the database")
