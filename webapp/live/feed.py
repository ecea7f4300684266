"""What keeps the hub right: the subscription, and the database wherever a message may have been lost.

Versions count the commits that changed quotes. Message n + 1 after n is the normal case; a hole, a Redis that was
away, or a database that is ahead of the bus make the feed read what changed from the database.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from redis import Redis
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.live import bus
from webapp.live.hub import PAUSE_S, Hub
from webapp.live.viewers import viewer_counts
from webapp.records import LiveQuote, State
from webapp.redis import RedisAway

log = logging.getLogger(__name__)

LIVE = b"Live"
AWAY = b"Reconnecting"
POLL_S = 2.0  # how far the pages may be behind a commit whose message was lost
WATCHED_S = 5.0
SESSIONS_S = 300.0
SILENCE_S = 1.0
GRACE_S = 0.3  # what is missing is mostly on its way: another process was quicker to say what it did, or less of it
LAST_ID = 2**31 - 1


class Truth(Protocol):
    """The database, as the feed reads it; each call has a transaction of its own."""

    def version(self) -> int:
        """Return the newest version."""

    def after(self, version: int, instrument_id: int, most: int) -> list[LiveQuote]:
        """Return up to `most` rows that come after one of this version and instrument, oldest version first."""

    def ended_sessions(self, ids: Iterable[int]) -> set[int]:
        """Return those of the log-ins that no longer hold."""


class Feed:
    """The greenlets around one hub."""

    def __init__(self, hub: Hub, redis: Redis, truth: Truth) -> None:
        self.hub = hub
        self.redis = redis
        self.truth = truth
        self._process = secrets.token_hex(8)
        self._ahead: set[int] = set()
        self._resync = Event()
        self._wait_until = 0.0
        self._begun = 0
        self._reading = BoundedSemaphore()
        self._marked: set[int] = set()
        self._aged: dict[int, State] = {}

    def start(self) -> None:
        """Begin to listen, to check and to write."""
        loops: tuple[Callable[[], None], ...] = (
            self.hub.run, self.listen, self.check, self.watch_time, self.keep_house)
        for loop in loops:
            gevent.spawn(self._keep_going, loop)

    def _keep_going(self, loop: Callable[[], None]) -> None:
        """Begin a loop again that ended by a fault of ours: a page must not stand still for ever."""
        while not self.hub.closing:
            try:
                loop()
            except Exception:
                log.exception("%s failed; it begins again", loop.__name__)
                gevent.sleep(1)

    def listen(self) -> None:
        """Hear the bus for ever; say so on every page while it cannot be heard."""
        pause = 0.1
        while not self.hub.closing:
            subscription = None
            try:
                subscription = bus.Subscription(self.redis)
                self._resync.set()  # what was published before we listened is only in the database
                self.hub.say(LIVE)
                pause = 0.1
                self._hear(subscription)
            except RedisAway as error:
                log.warning("Redis is away (%s): trying again", type(error).__name__)
                self.hub.say(AWAY)
                gevent.sleep(pause)
                pause = min(pause * 2, 1.0)
            finally:
                if subscription is not None:
                    subscription.close()

    def _hear(self, subscription: bus.Subscription) -> None:
        """Take messages until the connection is lost."""
        while not self.hub.closing:
            message = subscription.next(SILENCE_S)
            if message is None:
                continue
            channel, content = message
            try:
                self.take(channel, content)
            except (KeyError, TypeError, ValueError, ArithmeticError):
                log.exception("a message on %s cannot be read", channel)
                self._resync.set()
            if content.get("more"):
                gevent.sleep(PAUSE_S)

    def take(self, channel: str, content: dict[str, object]) -> None:
        """Give one message to the hub."""
        if channel == bus.BELLS:
            bell = bus.Bell(**content)  # type: ignore[arg-type]
            self.hub.ring(bell.topic, bell.user, bell.session)
            return
        version, rows = bus.decode_quotes(content)
        if content["more"]:
            if version == self.hub.received + 1:
                self._wait_until = time.monotonic() + GRACE_S
            self.hub.apply(rows, self.hub.received, more=True, bulk=bool(content["bulk"]))
        else:
            self.hub.apply(rows, self._count(version), bulk=bool(content["bulk"]))

    def _count(self, version: int) -> int:
        """Return the version up to which nothing is missing, and ask for a resync where there is a hole."""
        received = self.hub.received
        self._ahead.add(version)
        while received + 1 in self._ahead:
            received += 1
        self._ahead = {each for each in self._ahead if each > received}
        if self._ahead and not self._resync.is_set():
            self._wait_until = max(self._wait_until, time.monotonic() + GRACE_S)
            self._resync.set()
        return received

    def check(self) -> None:
        """Compare with the database, at once where something is known to be missing, else every POLL_S."""
        while not self.hub.closing:
            self._resync.wait(POLL_S)
            while (pause := self._wait_until - time.monotonic()) > 0:
                gevent.sleep(pause)
            self._resync.clear()
            try:
                with self._reading:
                    self.resync()
            except SQLAlchemyError as error:
                log.warning("the database does not answer (%s): trying again", type(error).__name__)
                gevent.sleep(1)
                self._resync.set()

    def reach(self, version: int) -> None:
        """Be at `version`, which is in the database, on return; of many who ask at once, one reads.

        Whoever had to wait while somebody else began to read needs no more: that found all that was there.
        """
        begun = self._begun
        with self._reading:
            if self.hub.received < version and self._begun == begun:
                self.resync()

    def resync(self) -> None:
        """Read from the database what the hub does not have."""
        self._begun += 1
        received = self.hub.received  # asked before the database: a message may come while that answers
        newest = self.truth.version()
        if newest < received:
            log.warning("the database is older than what was shown: reading all of it")
            self.hub.forget_rows()
            self._ahead.clear()
        if newest == self.hub.received and not self._ahead:
            return
        version, number = self.hub.received, LAST_ID
        while rows := self.truth.after(version, number, bus.PART_ROWS):
            self.hub.apply(rows, self.hub.received, bulk=True)
            version, number = rows[-1].version, rows[-1].instrument.id
            gevent.sleep(PAUSE_S)
        self._ahead = {each for each in self._ahead if each > newest}
        self.hub.apply([], max(newest, self.hub.received))

    def watch_time(self) -> None:
        """Draw rows again when time alone has closed them, or made them stale."""
        while not self.hub.closing:
            gevent.sleep(1)
            self.age_rows(clock.now())

    def age_rows(self, now: dt.datetime) -> None:
        """Have the rows drawn again that are something else at `now` than they were last drawn as."""
        old = [number for number, row in self.hub.rows.items() if self._has_aged(row, now)]
        if old:
            self.hub.touch(old, stale=True)

    def _has_aged(self, row: LiveQuote, now: dt.datetime) -> bool:
        """Tell whether time has made a row another state than it was last drawn with."""
        state, number = row.state_at(now), row.instrument.id
        if row.quote is None or state is row.quote.state or (row.stale and self._aged.get(number) is state):
            return False
        self._aged[number] = state
        return True

    def keep_house(self) -> None:
        """Tell the workers what is on screens, and end streams whose log-in has ended."""
        seconds = 0.0
        while not self.hub.closing:
            gevent.sleep(0.5)
            seconds += 0.5
            try:
                self._mark_watched(every_one=seconds % WATCHED_S == 0)
                if seconds % SESSIONS_S == 0:
                    self._end_sessions()
            except (*RedisAway, SQLAlchemyError) as error:
                log.warning("upkeep of the streams waits: %s", type(error).__name__)

    def _mark_watched(self, *, every_one: bool) -> None:
        """Say how many look at each stock: at once where one is new, so that its first price is soon there."""
        watched = {number for _, number in self.hub.watchers}
        if every_one or not watched <= self._marked:
            bus.count_viewers(self.redis, self._process, viewer_counts(self.hub.watchers))
        self._marked = watched

    def _end_sessions(self) -> None:
        """Close the streams of log-ins that have ended or expired without a bell."""
        held = {viewer.session_id for viewer in self.hub.viewers.values() if viewer.session_id}
        for session_id in self.truth.ended_sessions(held) if held else ():
            self.hub.ring("signed-out", session_id=session_id)
