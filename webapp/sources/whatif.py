"""How often stocks would be asked for with other providers, or more of them: the planner's formulas on round numbers.

All stocks are taken to move alike and to be of an exchange that every provider has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from webapp.analytics.intervals import FLOOR_S, LISTED, ON_SCREEN, STARTER, best_intervals, sustainable_rate
from webapp.records import State
from webapp.vendors import Limits, Vendor

REGULAR_S, EXTENDED_S = 6.5 * 3600, 16 * 3600.0
# From a close to the next opening: when prices that come once a day are fetched.
SHUT_S = 86_400 - REGULAR_S


class Kind(Enum):
    """Why a stock is asked for, with its weight."""

    SCREEN = ("On an open page", ON_SCREEN)
    LIST = ("On a list", LISTED)
    FRONT = ("On the front page only", STARTER)

    def __init__(self, title: str, weight: float) -> None:
        self.title = title
        self.demand = math.sqrt(weight)


WATCHED = (Kind.SCREEN, Kind.LIST)


@dataclass(frozen=True, slots=True)
class Supply:
    """What a provider has to give: its limits, the calls that are used, and the seconds that the rest has to last.

    `seconds` is None while its markets are shut. `streams` is how many stocks its web socket carries. `slot` are the
    seconds between two rounds of a provider without limits.
    """

    vendor: Vendor
    limits: Limits
    seconds: float | None
    used: int = 0
    streams: int = 0
    slot: float | None = None

    @property
    def once_a_day(self) -> bool:
        """Tell whether its prices come after the close only."""
        return self.vendor.delay is State.END_OF_DAY

    @property
    def rate(self) -> float:
        """Return the calls a second that the limits bear; 0 while markets are shut."""
        return sustainable_rate(self.limits, self.used, self.seconds) if self.seconds else 0.0

    @property
    def a_day(self) -> float:
        """Return how many stocks its calls of a day suffice for, where each needs one; the reserve is left."""
        rate = sustainable_rate(self.limits, 0, SHUT_S)
        return math.inf if math.isinf(rate) else math.floor(rate * SHUT_S + 1e-6) * self.vendor.batch_size


@dataclass(slots=True)
class Share:
    """What one provider takes of the stocks: how many of each kind, over its web socket and by calls.

    `intervals` are the seconds between two calls for a stock of each kind, also of those that there are none of; empty
    where prices come once a day, or where its markets are shut.
    """

    supply: Supply
    streamed: dict[Kind, int] = field(default_factory=dict)
    asked: dict[Kind, int] = field(default_factory=dict)
    intervals: dict[Kind, float] = field(default_factory=dict)

    @property
    def stocks(self) -> int:
        """Return how many stocks it asks for."""
        return sum(self.asked.values())

    @property
    def on_socket(self) -> int:
        """Return how many stocks come over its web socket."""
        return sum(self.streamed.values())

    @property
    def takes_more(self) -> bool:
        """Tell whether one stock more would be its own."""
        return not self.supply.once_a_day or self.stocks < self.supply.a_day


def share_out(on_screen: int, listed: int, supplies: Sequence[Supply]) -> list[Share]:
    """Give the stocks to the providers as the planner does, and return what each of them makes of its share.

    Web sockets carry the most watched. Of the others the first provider takes all it can, which is all for live prices
    and as many as its calls of a day suffice for where prices come once a day; the last one has what remains.
    """
    waiting = dict(zip(WATCHED, (on_screen, listed), strict=True))
    shares = [Share(supply) for supply in supplies]
    for share in shares:
        share.streamed = _take(waiting, share.supply.streams)
    for share in shares:
        limited = share.supply.once_a_day and share is not shares[-1]
        share.asked = _take(waiting, share.supply.a_day if limited else math.inf)
        if share.supply.slot:
            share.intervals = dict.fromkeys(Kind, share.supply.slot)
        elif not share.supply.once_a_day and share.supply.seconds:
            share.intervals = paces(share.asked[Kind.SCREEN], share.asked[Kind.LIST], share.supply.rate,
                                    share.supply.vendor.batch_size)
    return shares


@lru_cache(maxsize=128)
def paces(on_screen: int, listed: int, rate: float, batch: int) -> dict[Kind, float]:
    """Return the seconds between two calls for a stock of each kind; `rate` is in calls a second.

    A call for many stocks costs as much as one for one: no stock is in every second one.
    """
    floor = max(FLOOR_S, 1 / rate) if batch > 1 and rate > 0 else FLOOR_S
    kinds = [Kind.SCREEN] * on_screen + [Kind.LIST] * listed
    known = _intervals(kinds, rate * batch, floor)
    # What there is none of yet: as one stock more.
    return {kind: known[kind] if kind in known else _intervals([*kinds, kind], rate * batch, floor)[kind]
            for kind in Kind}


def _intervals(kinds: Sequence[Kind], rate: float, floor: float) -> dict[Kind, float]:
    """Return the best interval of each kind that there is."""
    found = best_intervals({number: kind.demand for number, kind in enumerate(kinds)}, rate, floor)
    return {kind: found[number] for number, kind in enumerate(kinds)}


def _take(waiting: dict[Kind, int], most: float) -> dict[Kind, int]:
    """Take up to `most` of the stocks that wait, the most watched first."""
    taken = {}
    for kind in WATCHED:
        taken[kind] = int(min(waiting[kind], most))
        waiting[kind] -= taken[kind]
        most -= taken[kind]
    return taken
