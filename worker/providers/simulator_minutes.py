"""Minutes of made-up stocks: the trades of their paths, gathered by the minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

from webapp.records import MinuteBar
from worker.providers import paths
from worker.providers.paths import Leg

# Five sessions and the one before them lie within these days.
LOOK_BACK = dt.timedelta(days=20)
SECONDS = 60


def bars_of(leg: Leg, liveliness: int, moment_of: Callable[[int], dt.datetime], decimals: int,
            volume: int | None = None) -> Iterator[MinuteBar]:
    """Give the minutes of a leg that have trades, oldest first; `moment_of` says when a second of the leg was.

    `volume` is what the leg trades. What was traded between the last trade of a minute and the first of the next counts
    in the latter, as it does in quotes; the last minute holds the leg's end and all that is left.
    """
    minutes: dict[int, list[tuple[int, float]]] = {}
    for block in range(len(leg.prices) - 1):
        for second, price, share in paths.trades_in(leg, block, liveliness):
            if second < leg.seconds:
                minutes.setdefault(second // SECONDS, []).append((price, share))
    minutes.setdefault(max(leg.seconds - 1, 0) // SECONDS, []).append((leg.prices[-1], 1.0))
    known = 0
    for minute, trades in sorted(minutes.items()):
        prices = [Decimal(price).scaleb(-decimals) for price, _share in trades]
        total = int((volume or 0) * trades[-1][1])
        yield MinuteBar(moment_of(minute * SECONDS), prices[-1], prices[0], max(prices), min(prices),
                        None if volume is None else total - known)
        known = total
