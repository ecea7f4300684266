"""The table of the what-if: the intervals as they are and as they would be, now and in a whole session."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config import VENDORS as SETTINGS
from config import Config
from webapp.markets import SessionBook
from webapp.sources import panels, queries, usage, words
from webapp.sources.usage import Quarter
from webapp.sources.whatif import EXTENDED_S, REGULAR_S, Kind, Share, Supply, share_out
from webapp.vendors import SIMULATOR, VENDORS, Vendor, as_set

# Where nobody watches anything yet: the exchanges that all providers have.
NEW_YORK = frozenset({"XNAS", "XNYS"})


@dataclass(frozen=True, slots=True)
class Line:
    """What stocks of one kind get: how often, from whom; `stocks` is how many, 0 where there is none of them yet."""

    stocks: int
    how: str
    source: str


@dataclass(frozen=True, slots=True)
class Mix:
    """A number of stocks, how many of them are on open pages, and the providers, in order."""

    stocks: int
    on_screen: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page shows: a row of four cells for each kind of stock, and a sentence for each provider."""

    before: Mix
    after: Mix
    rows: list[tuple[str, list[list[Line]]]]
    sentences: list[str]
    order: str


class Outlook:
    """What the providers can give, now and in a whole session, by what the settings, the calls and the clock say."""

    def __init__(self, settings: Config, plans: queries.Plans, book: SessionBook, now: dt.datetime,
                 quarters: Mapping[str, Mapping[int, Quarter]]) -> None:
        self.settings, self.book, self.now, self.quarters = settings, book, now, quarters
        self.mics = queries.mics_of(plans.demands.values()) or NEW_YORK

    def now_of(self, name: str) -> Supply:
        """Return what a provider has left for the rest of the trading day."""
        vendor = as_set(name, self.settings)
        open_now = panels.trading(vendor, self.mics, self.book, self.now)
        if open_now is None:
            return self._supply(vendor, None)
        began, ends = open_now
        used = usage.used_since(self.quarters.get(name, {}), began)
        return self._supply(vendor, panels.seconds_left(ends, self.now), used)

    def session_of(self, name: str) -> Supply:
        """Return what a provider has for a whole session."""
        vendor = as_set(name, self.settings)
        return self._supply(vendor, EXTENDED_S if vendor.extended_hours else REGULAR_S)

    def _supply(self, vendor: Vendor, seconds: float | None, used: int = 0) -> Supply:
        slot = float(self.settings.REFRESH_SECONDS) if vendor.name == SIMULATOR else None
        return Supply(vendor, vendor.limits(self.settings), seconds, used,
                      self.settings.stream_places(vendor.name), slot)


def ordered(settings: Config, names: Iterable[str]) -> tuple[str, ...]:
    """Return the providers in the order in which they would be asked; the simulator where there is none."""
    chosen = set(names)
    return tuple(name for name in dict.fromkeys((*settings.PROVIDERS, *SETTINGS)) if name in chosen) or (
        SIMULATOR,)


def mix_in_use(settings: Config, plans: queries.Plans) -> Mix:
    """Return the mix as it is: what is planned or, before the first plan, what is on lists."""
    stocks = plans.stocks or queries.count_listed()
    return Mix(stocks, min(queries.count_on_screen(), stocks), panels.active_names(settings))


def answer(before: Mix, after: Mix, outlook: Outlook) -> Answer:
    """Return the intervals of two mixes beside each other."""
    columns = [share_out(mix.on_screen, mix.stocks - mix.on_screen, [supply(name) for name in mix.names])
               for supply in (outlook.now_of, outlook.session_of) for mix in (before, after)]
    rows = [(kind.title, [_lines(kind, shares) for shares in columns]) for kind in Kind]
    order = ", ".join(VENDORS[name].title for name in after.names) if len(after.names) > 1 else ""
    return Answer(before, after, rows, [_sentence(share) for share in columns[-1]], order)


def _lines(kind: Kind, shares: Sequence[Share]) -> list[Line]:
    """Return what the stocks of a kind get, one line for each way; with none of them, what one would get."""
    found: Counter[tuple[str, str]] = Counter()
    for share in shares:
        title = share.supply.vendor.title
        found[_on_socket(share), title] += share.streamed.get(kind, 0)
        found[_how(share, kind), title] += share.asked.get(kind, 0)
    lines = [Line(stocks, how, title) for (how, title), stocks in found.items() if stocks]
    if lines:
        return lines
    for share in shares:
        # The most watched come first: one on a page takes the place of one on a list.
        taken = share.streamed.get(Kind.SCREEN, 0) if kind is Kind.SCREEN else share.on_socket
        if kind is not Kind.FRONT and taken < share.supply.streams:
            return [Line(0, _on_socket(share), share.supply.vendor.title)]
    taker = next((share for share in shares if share.takes_more), shares[-1])
    return [Line(0, _how(taker, kind), taker.supply.vendor.title)]


def _on_socket(share: Share) -> str:
    return "live over the web socket" if share.supply.seconds else "not while markets are shut"


def _how(share: Share, kind: Kind) -> str:
    """Say how often a provider asks for stocks of a kind."""
    if share.supply.once_a_day:
        return "once a day, after the close"
    return words.every(share.intervals[kind]) if share.intervals else "not while markets are shut"


def _sentence(share: Share) -> str:
    """Say what a provider takes of the stocks in a whole session, and what it has for them."""
    title, supply = share.supply.vendor.title, share.supply
    if not share.stocks and not share.on_socket:
        return f"{title}: nothing is left for it while those before it answer; it steps in when they do not."
    if supply.slot:
        return f"{title}: prices are made up, for any number of stocks."
    parts = [f"{share.on_socket:,} over its web socket"] if share.on_socket else []
    if supply.once_a_day:
        reach = "for any number" if math.isinf(supply.a_day) else f"for {words.stocks(int(supply.a_day))}"
        parts.append(f"{share.stocks:,} once a day, after the close; its calls of a day suffice {reach}")
        if share.stocks > supply.a_day:
            parts.append("the others follow on the next days")
    elif share.stocks:
        parts.append(f"{share.stocks:,} asked for, with {words.count(supply.rate * 60)} calls a minute"
                     + (f" of up to {supply.vendor.batch_size:,} stocks" if supply.vendor.batch_size > 1 else ""))
    return f"{title}: {'; '.join(parts)}."
