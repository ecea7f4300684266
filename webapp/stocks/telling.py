"""What is to be said after a change of a stock was committed: to the pages, to whose lists it is on, to the workers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from webapp import queue
from webapp.live.watching import publish, ring_bell
from webapp.records import LiveQuote
from webapp.redis import RedisAway


@dataclass(frozen=True, slots=True)
class Told:
    """Rows with a new version, the people whose lists look different now, and whether figures are to be reckoned."""

    rows: Sequence[LiveQuote] = ()
    users: frozenset[int] = frozenset()
    analyse: bool = False


def tell(told: Told) -> None:
    """Say it, after the commit; what Redis does not hear the pages and the workers find out by themselves."""
    publish(told.rows)
    for user_id in sorted(told.users):
        ring_bell("watchlists", user_id=user_id)
    if told.analyse:
        with suppress(*RedisAway):
            queue.analyse()
