"""The calls of two days by quarter of an hour, counted so that no page waits for all of them.

What came of quarters that are over for a while does not change any more: each process keeps it, and counts only what
came since. The first page of a process counts everything.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import current_app
from sqlalchemy import Integer, cast, extract, func, select

from webapp.extensions import db
from webapp.models import ProviderCall
from webapp.sources.usage import IN_A_DAY, QUARTER_S, Quarter, number_of, start_of

# A call's time moves from its begin to its end once that is known; no call lasts so long.
UNSETTLED = dt.timedelta(minutes=15)
KEEPER = "sources-quarters"


@dataclass(frozen=True, slots=True)
class Kept:
    """The quarters of one provider before number `until`; it is replaced as a whole, never changed."""

    until: int = 0
    quarters: Mapping[int, Quarter] = field(default_factory=dict)


def load_quarters(names: Sequence[str], now: dt.datetime) -> dict[str, dict[int, Quarter]]:
    """Return the calls of two days by provider and quarter of an hour."""
    keeper: dict[str, Kept] = current_app.extensions.setdefault(KEEPER, {})
    oldest, settled = number_of(now) - 2 * IN_A_DAY, number_of(now - UNSETTLED)
    found = {}
    for start, those in _by_start(names, keeper, oldest, settled).items():
        new = _count(those, start)
        for name in those:
            known = keeper[name].quarters if start > oldest else {}
            quarters = {number: each for number, each in known.items() if oldest <= number < start} | new.get(name, {})
            keeper[name] = Kept(settled, {number: each for number, each in quarters.items() if number < settled})
            found[name] = quarters
    return {name: quarters for name, quarters in found.items() if quarters}


def _by_start(names: Sequence[str], keeper: Mapping[str, Kept], oldest: int, settled: int) -> dict[int, list[str]]:
    """Return from which quarter on the providers are to be counted; from the oldest where the clock was set back."""
    starts: dict[int, list[str]] = defaultdict(list)
    for name in names:
        until = keeper.get(name, Kept()).until
        starts[until if oldest < until <= settled else oldest].append(name)
    return starts


def _count(names: Sequence[str], first: int) -> dict[str, dict[int, Quarter]]:
    """Return the calls from a quarter on; the database adds them up."""
    minute = (cast(extract("epoch", ProviderCall.started_at), Integer) // 60).label("minute")
    minutes = (select(ProviderCall.provider, minute, func.count().label("calls"))
               .where(ProviderCall.provider.in_(names), ProviderCall.started_at >= start_of(first))
               .group_by(ProviderCall.provider, minute).subquery())
    quarter = minutes.c.minute // (QUARTER_S // 60)
    found: dict[str, dict[int, Quarter]] = defaultdict(dict)
    for name, number, calls, busiest in db.session.execute(
            select(minutes.c.provider, quarter, func.sum(minutes.c.calls), func.max(minutes.c.calls))
            .group_by(minutes.c.provider, quarter)):
        found[name][int(number)] = Quarter(int(calls), int(busiest))
    return found
