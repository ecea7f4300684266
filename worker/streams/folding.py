"""Trades become one entry a stock, as they come: however many there are, no more is kept."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from worker.streams.trades import MICRO, Effect, Trade

# Clocks differ; a trade from later than this is none. One from a little later is of now.
FUTURE = 120 * MICRO
# A trade this far from the last price that was stored does not widen the day's range: if it is no mistake, the price
# itself will, once it has been believed.
FAR = Decimal("0.10")
# So many trades of one and the same moment are told apart.
MOST_SEEN = 64


@dataclass(frozen=True, slots=True)
class Stock:
    """What a trade of a stock is held against, times in microseconds; all 0 while the market is shut.

    From `starts` to `ends` a trade counts at all, from `opens` to `closes` is the regular session. `near` is the stored
    price, None where there is none.
    """

    id: int
    starts: int = 0
    opens: int = 0
    closes: int = 0
    ends: int = 0
    near: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """The newest trade of a stock on its day; `at` in microseconds, 0 where only the range is known.

    `high` and `low` are of the trades of the regular session that were heard. `serial` counts the changes.
    """

    id: int
    price: Decimal
    at: int
    high: Decimal | None
    low: Decimal | None
    serial: int


@dataclass(slots=True)
class _Entry:
    starts: int
    price: Decimal = Decimal(0)
    at: int = 0
    high: Decimal | None = None
    low: Decimal | None = None
    serial: int = 0
    seen: set[tuple[Decimal, str]] = field(default_factory=set)


class Folder:
    """The entries of one socket's stocks. One thread folds, another takes what changed.

    What was taken stays until settle() says that it is stored: a window that failed is made up for by the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stocks: dict[str, Stock] = {}
        self._entries: dict[int, _Entry] = {}
        self._changed: dict[int, None] = {}
        self.ignored: Counter[str] = Counter()

    def watch(self, stocks: Mapping[str, Stock]) -> None:
        """Fold the trades of these symbols from now on, and forget all others, and those of a former symbol."""
        with self._lock:
            before = {stock.id: symbol for symbol, stock in self._stocks.items()}
            same = {stock.id for symbol, stock in stocks.items() if before.get(stock.id, symbol) == symbol}
            self._stocks = dict(stocks)
            for instrument_id in self._entries.keys() - same:
                del self._entries[instrument_id]
                self._changed.pop(instrument_id, None)

    def fold(self, trades: Iterable[Trade], now: int) -> None:
        """Take the trades in; `now` in microseconds."""
        with self._lock:
            for trade in trades:
                reason = self._fold(trade, now)
                if reason:
                    self.ignored[reason] += 1

    def waiting(self, ids: Collection[int], most: int) -> list[Folded]:
        """Return what changed of these instruments and is not settled, what waits longest first."""
        with self._lock:
            chosen = [instrument_id for instrument_id in self._changed if instrument_id in ids][:most]
            return [Folded(instrument_id, entry.price, entry.at, entry.high, entry.low, entry.serial)
                    for instrument_id in chosen for entry in (self._entries[instrument_id],)]

    def settle(self, stored: Iterable[Folded]) -> None:
        """Note that these are stored, and committed; what changed meanwhile goes on waiting."""
        with self._lock:
            for folded in stored:
                if folded.id not in self._changed:
                    continue
                del self._changed[folded.id]
                if self._entries[folded.id].serial != folded.serial:
                    self._changed[folded.id] = None

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def _fold(self, trade: Trade, now: int) -> str:
        """Take one trade in; return why it changes nothing, "" where it may."""
        stock = self._stocks.get(trade.symbol)
        if stock is None:
            return "not asked for"
        if trade.at > now + FUTURE:
            return "from the future"
        at = min(trade.at, now)
        if not stock.starts <= at <= stock.ends:
            return "outside the day"
        regular = stock.opens <= at <= stock.closes
        if trade.effect is (Effect.EXTENDED if regular else Effect.RANGE):
            return "of no effect now"
        entry = self._entries.get(stock.id)
        if entry is None or entry.starts != stock.starts:
            entry = self._entries[stock.id] = _Entry(stock.starts, serial=entry.serial if entry else 0)
        before = entry.price, entry.at, entry.high, entry.low
        if regular:
            self._widen(entry, trade.price, stock.near)
        if trade.effect is not Effect.RANGE:
            self._move(entry, trade, at)
        if before != (entry.price, entry.at, entry.high, entry.low):
            entry.serial += 1
            self._changed[stock.id] = None
        return ""

    @staticmethod
    def _move(entry: _Entry, trade: Trade, at: int) -> None:
        """Make the trade the newest, unless it is older or was there before."""
        known = trade.price, trade.mark
        if at > entry.at:
            entry.seen.clear()
        elif at < entry.at or known in entry.seen or len(entry.seen) >= MOST_SEEN:
            return
        entry.seen.add(known)
        entry.at, entry.price = at, trade.price

    @staticmethod
    def _widen(entry: _Entry, price: Decimal, near: Decimal | None) -> None:
        """Widen the range by a price that may well be one."""
        if near is None or abs(price - near) > near * FAR:
            return
        if entry.high is None or price > entry.high:
            entry.high = price
        if entry.low is None or price < entry.low:
            entry.low = price
