"""What a page tells the workers: these stocks are being looked at."""

import logging
from collections.abc import Iterable, Sequence

from flask import current_app

from webapp.live import bus
from webapp.records import LiveQuote
from webapp.redis import RedisAway

log = logging.getLogger(__name__)


def mark_watched(ids: Iterable[int]) -> None:
    """Say that a page with these instruments was just served; without Redis it is only logged."""
    try:
        bus.mark_watched(current_app.extensions["redis"], ids)
    except RedisAway:
        log.warning("Redis is away: the page's stocks are not marked as watched")


def publish(changed: Sequence[LiveQuote]) -> None:
    """Tell the pages what one commit changed, after it; without Redis they find it in the database within seconds."""
    if not changed:
        return
    try:
        bus.publish_quotes(current_app.extensions["redis"], changed[0].version, changed)
    except RedisAway:
        log.warning("Redis is away: the pages will find version %s in the database", changed[0].version)


def ring_bell(topic: str, *, user_id: int | None = None, session_id: int | None = None) -> None:
    """Ring for a person's open pages, after the commit; without Redis they see it at their next load."""
    try:
        bus.ring_bell(current_app.extensions["redis"], topic, user_id=user_id, session_id=session_id)
    except RedisAway:
        log.warning("Redis is away: the bell %r was not rung", topic)
