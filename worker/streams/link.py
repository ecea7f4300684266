"""The thread that keeps one vendor's socket: connects, logs in, asks for what is wanted, folds what comes."""

from __future__ import annotations

import datetime as dt
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping

from webapp import clock
from worker.streams.errors import Lost, Refused
from worker.streams.folding import Folder, Stock
from worker.streams.pace import Pace
from worker.streams.protocol import Protocol, Reading
from worker.streams.trades import MICRO
from worker.streams.wire import Wire

log = logging.getLogger(__name__)

CONNECTED, WAITING, REFUSED, OFF = "connected", "waiting", "refused", "off"
# A connection that lasted so long was a good one: the next pause is a short one again.
LASTED = 60.0
# So many refusals in a row may be due to our own last connection.
SOON = 2


class Link:
    """One vendor's socket and what is known of it.

    The thread writes `status` (a word), `since`, `heard_at`, `trades` (since then), `error` and `error_at`; others read
    them. `held` is the main loop's: which instruments have a place, and since when.
    """

    def __init__(self, protocol: Protocol, pace: Pace, ended: threading.Event,
                 when_lost: Callable[[Link], None]) -> None:
        self.protocol = protocol
        self.folder = Folder()
        self.held: dict[int, float] = {}
        self.status, self.since = WAITING, clock.now()
        self.heard_at: dt.datetime | None = None
        self.error, self.error_at = "", self.since
        self.trades = self.ignored = 0
        self.down_since = time.monotonic()
        self._pace, self._ended, self._when_lost = pace, ended, when_lost
        self._stocks: Mapping[str, Stock] = {}
        self._wanted: frozenset[str] = frozenset()
        self._asked: frozenset[str] = frozenset()
        self._coming: frozenset[str] = frozenset()
        self._busy_since: float | None = None
        self._traded: float | None = None
        self._tried_anew = False
        self._tries = self._refusals = 0
        self._allowed = threading.Event()
        self._allowed.set()
        self.thread = threading.Thread(target=self.run, name=f"socket of {protocol.title}", daemon=True)

    # What the main loop says and asks

    def want(self, stocks: Mapping[str, Stock], *, busy: bool) -> None:
        """Say which symbols to bring; `busy` says that a market is in its regular session, so that trades are due."""
        self.folder.watch(stocks)
        self._stocks = stocks
        self._wanted = frozenset(stocks)
        if not busy:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = time.monotonic()

    def allow(self, allowed: bool) -> None:
        """Say whether there may be a connection at all: one that is there is closed, one that waits is made at once."""
        if allowed:
            self._allowed.set()
        else:
            self._allowed.clear()

    @property
    def allowed(self) -> bool:
        """Tell whether there may be a connection."""
        return self._allowed.is_set()

    def is_connected(self) -> bool:
        """Tell whether there is a connection that is logged in."""
        return self.status == CONNECTED

    @property
    def symbols(self) -> int:
        """Return how many stocks the vendor brings."""
        return len(self._coming) if self.is_connected() else 0

    def coming(self) -> set[int]:
        """Return the instruments that the vendor brings; none while it is quiet when it should not be."""
        quiet = self._traded is None or time.monotonic() - self._traded > self._pace.quiet
        if not self.is_connected() or (quiet and self._busy_since is not None):
            return set()
        coming = self._coming
        return {stock.id for symbol, stock in self._stocks.items() if symbol in coming}

    # The thread

    def run(self) -> None:
        """Keep a connection until the end, while there may be one."""
        while not self._ended.is_set():
            if not self.allowed:
                self._await_leave()
                continue
            wait = 0.0
            try:
                self._connect_and_serve()
            except Refused as refused:
                wait = self._note_refusal(refused)
            except Lost as lost:
                wait = self._note_loss(str(lost))
            except Exception:  # a fault of ours in one message shall not end the stream for good
                log.exception("%s: the connection is made anew", self.protocol.title)
                wait = self._note_loss("An error of Stagewatch ended the connection; its log says more.")
            self._sleep(wait)
        self._set(OFF)

    def _await_leave(self) -> None:
        """Wait, without a connection, until there may be one again; nothing of what was before counts then."""
        if self.is_connected():
            self.down_since = time.monotonic()
        self._set(OFF)
        self._when_lost(self)
        while not self._ended.is_set() and not self._allowed.wait(self._pace.poll):
            pass
        self._tries = self._refusals = 0
        if not self._ended.is_set():
            self._set(WAITING)

    def _sleep(self, seconds: float) -> None:
        """Wait until the next try, or until there may be none."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self.allowed and not self._ended.wait(
                min(left, self._pace.poll)):
            pass

    def _connect_and_serve(self) -> None:
        """Make a connection and use it until the end."""
        wire = Wire(self.protocol, self._pace.ready, self._pace.poll)
        self._asked = self._coming = frozenset()
        self._traded = None
        opened = time.monotonic()
        try:
            for text in self.protocol.log_in():
                wire.send(text)
            if self.protocol.ready_at_once:
                self._set(CONNECTED)
            while self.allowed and not self._ended.is_set():
                message = wire.receive()
                if message is not None:
                    self._take(self.protocol.read(message))
                self._ask(wire)
                self._check(wire, opened)
        finally:
            self.ignored += wire.ignored
            wire.close()
            self._tries = 0 if self.is_connected() and time.monotonic() - opened > LASTED else self._tries

    def _take(self, reading: Reading) -> None:
        """Fold the trades of a message and note what else it says."""
        now = clock.now()
        self.heard_at = now
        self.ignored += reading.ignored
        if reading.heard:
            self._traded = time.monotonic()
            self._tried_anew = False
            self.trades += reading.heard
            self.folder.fold(reading.trades, int(now.timestamp() * MICRO))
        if reading.ready and not self.is_connected():
            self._set(CONNECTED)
        if reading.confirmed is not None:
            self._coming = reading.confirmed
        if reading.complaint:
            self._note(reading.complaint)

    def _ask(self, wire: Wire) -> None:
        """Ask for what is wanted and not asked for yet, and drop what is not wanted any more."""
        wanted = self._wanted
        if wanted is self._asked or not self.is_connected():
            return
        if wanted != self._asked:
            for text in self.protocol.ask(wanted - self._asked, self._asked - wanted):
                wire.send(text)
        self._asked = wanted
        # What is not wanted any more does not come any more; of the rest one vendor says so, the other does not.
        self._coming = self._coming & wanted if self.protocol.confirms else wanted

    def _check(self, wire: Wire, opened: float) -> None:
        """Raise Lost where the connection only seems to be one."""
        now, pace, title = time.monotonic(), self._pace, self.protocol.title
        if not self.is_connected() and now - opened > pace.ready:
            raise Lost(f"{title} did not answer the log-in.")
        if now - max(wire.heard, wire.pinged) > pace.ping:
            wire.ping()
        if now - wire.heard > pace.silent:  # at any hour: pings are answered when nothing is traded, too
            raise Lost(f"{title} gave no sign of life.")
        since = self._busy_since
        if since is None or not self._wanted:
            return
        if not self._tried_anew and now - max(self._traded or opened, since) > pace.tradeless:
            self._tried_anew = True
            raise Lost(f"{title} sent no trade although the market is open.")

    # What becomes of it

    def _note_loss(self, words: str) -> float:
        """Note a loss; return how long to wait before the next try."""
        (log.info if self._tries else log.warning)("%s", words)
        self._end(WAITING, words)
        return self._pause()

    def _note_refusal(self, refused: Refused) -> float:
        """Note that the vendor does not want the connection; return how long to wait before the next try."""
        (log.info if self._refusals else log.warning)("%s", refused)
        self._end(REFUSED, str(refused))
        self._refusals += 1
        return self._pause() if refused.soon and self._refusals <= SOON else self._pace.refused

    def _pause(self) -> float:
        """Return the next pause: anything up to a length that doubles, lest all who were cut off return at once."""
        longest = min(self._pace.first_wait * 2 ** min(self._tries, 20), self._pace.longest_wait)
        self._tries += 1
        return random.uniform(0, longest)

    def _end(self, status: str, words: str) -> None:
        if self.is_connected():
            self.down_since = time.monotonic()
        self._set(status)
        self._note(words)
        self._when_lost(self)

    def _note(self, words: str) -> None:
        self.error, self.error_at = words, clock.now()

    def _set(self, status: str) -> None:
        if status == self.status:
            return
        if status == CONNECTED:
            log.info("%s is connected", self.protocol.title)
            self._refusals = self.trades = 0
        self.status, self.since = status, clock.now()
