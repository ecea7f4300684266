"""The main loop of the sockets: gives out places, stores what was folded once a window, says what is streamed."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from redis import Redis
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import lazyload

from config import Config
from webapp import clock
from webapp.extensions import db
from webapp.live import bus
from webapp.markets import SessionBook
from webapp.models import InstrumentRow, ProviderState, QuoteRow
from webapp.records import Instrument, Quote, Session
from webapp.redis import PREFIX, RedisAway
from webapp.trading_days import load_book
from worker import locks, spelling, store
from worker.publishing import publish
from worker.streams import demand, marks
from worker.streams.alpaca import Alpaca
from worker.streams.finnhub import Finnhub
from worker.streams.folding import Folded, Stock
from worker.streams.link import Link
from worker.streams.pace import Pace
from worker.streams.protocol import MICS, Protocol, symbol_at
from worker.streams.quotes import is_seeded, make_quote, stock_of
from worker.streams.states import write_states

log = logging.getLogger(__name__)

PROTOCOLS: dict[str, type[Protocol]] = {"alpaca": Alpaca, "finnhub": Finnhub}
LOCK = "streams"
BEAT_SECONDS = 15
# One commit has no more rows; the rest follows in the next window.
MOST = 250
SESSIONS_SECONDS = 60.0
# The last trades of a regular session arrive some time after it.
AFTERWARDS = dt.timedelta(minutes=1)


class Row(NamedTuple):
    """A stock with its stored quote and when that was fetched, or came."""

    instrument: Instrument
    quote: Quote | None
    fetched_at: dt.datetime | None


def beat_key(host: str) -> str:
    """Name what says in Redis that the process on this host lives."""
    return f"{PREFIX}stream-process:{host}"


def protocols_of(settings: Config) -> list[Protocol]:
    """Return the sockets that the settings allow, the preferred vendor's first."""
    return [PROTOCOLS[name](settings) for name in settings.streaming if name in PROTOCOLS]


class Streams:
    """The sockets of an installation and their main loop; inside an application context."""

    def __init__(self, protocols: Sequence[Protocol], redis: Redis, host: str = "", pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.redis = redis
        self.ended = threading.Event()
        self.links = [Link(protocol, self.pace, self.ended, self._unmark) for protocol in protocols]
        self._host = host
        self._on_screen: dict[int, int] = {}
        self._sessions = SessionBook(())
        self._spellings: spelling.Spellings = {}
        self._planned = self._wrote = self._loaded = float("-inf")
        self._faults: set[str] = set()

    def run(self) -> None:
        """Keep the sockets until stop(): a vendor allows one connection a key, so of two processes one waits."""
        while not self.ended.is_set():
            try:
                with locks.alone(self.redis, LOCK) as free:
                    if free:
                        self._work()
            except RedisAway:
                self._say("Waiting for Redis")
            self._beat()
            self.ended.wait(self.pace.window)

    def stop(self) -> None:
        """End run() soon; safe to call from a signal's handler."""
        self.ended.set()

    def _work(self) -> None:
        """Start the sockets' threads and turn the loop until the end."""
        for link in self.links:
            link.allow(False)  # until it is known whether an admin has paused the vendor
        self._guarded(self._heed_admins)
        for link in self.links:
            link.thread.start()
        while not self.ended.is_set():
            began = time.monotonic()
            self.turn()
            self.ended.wait(max(self.pace.window - (time.monotonic() - began), 0))
        for link in self.links:
            link.thread.join(self.pace.poll * 4)
            self._unmark(link)
        self._guarded(write_states, self.links)

    def turn(self) -> None:
        """Do all that is due once a window. Whatever is away makes it shorter, but does not end it."""
        self._beat()
        self._guarded(self._store_and_mark)
        if time.monotonic() - self._wrote >= self.pace.state:
            self._wrote = time.monotonic()
            self._guarded(write_states, self.links)

    def _guarded(self, act: object, *arguments: object) -> None:
        """Do something that the next window makes up for."""
        assert callable(act)  # noqa: S101 - a method of this class or a function of this package
        name = getattr(act, "__name__", "")
        try:
            act(*arguments)
            self._faults.discard(name)
        except SQLAlchemyError as error:
            db.session.remove()
            if name not in self._faults:
                log.warning("The database is away (%s); what was heard is kept", type(error).__name__)
            self._faults.add(name)
        except Exception:
            db.session.remove()
            if name not in self._faults:
                log.exception("A window failed; the next one makes up for it")
            self._faults.add(name)

    def _store_and_mark(self) -> None:
        """Give out the places, store what was folded, and say which stocks need no call."""
        if not self.links:
            return
        if time.monotonic() - self._planned >= self.pace.plan:
            self._heed_admins()
            self._plan()
            self._planned = time.monotonic()
        rows = self._rows({instrument_id for link in self.links for instrument_id in link.held})
        for link in self.links:
            held = {instrument_id: rows[instrument_id] for instrument_id in link.held if instrument_id in rows}
            self._watch(link, held.values())
            seeded = {instrument_id: row for instrument_id, row in held.items() if self._is_seeded(row, link)}
            self._store(link, seeded)
            self._mark(link, self._rows(seeded))
        db.session.rollback()

    def _heed_admins(self) -> None:
        """Let only those vendors have a connection that no admin has paused."""
        stopped = set(db.session.scalars(select(ProviderState.provider).where(ProviderState.stopped_at.is_not(None))))
        db.session.rollback()
        for link in self.links:
            link.allow(link.protocol.name not in stopped)

    def _plan(self) -> None:
        """Give the places of each connected socket to the most wanted stocks; a stock has one place at most."""
        now = time.monotonic()
        if now - self._loaded >= SESSIONS_SECONDS:
            self._sessions = load_book(clock.now(), MICS)
            self._loaded = now
        try:
            self._on_screen = bus.viewers(self.redis)
        except RedisAway:
            self._say("Redis is away: it stays with what was on screens before")
        taken: set[int] = set()
        before = {held for link in self.links for held in link.held}
        self._spellings = spelling.load()
        for link in self.links:
            if not link.allowed or (not link.is_connected() and now - link.down_since > self.pace.given_up):
                link.held = {}
                continue
            ranked = demand.ranked_ids(self._on_screen, before, self._spellings.get(link.protocol.name, {}))
            free = [instrument_id for instrument_id in ranked if instrument_id not in taken]
            kept = {instrument_id: since for instrument_id, since in link.held.items() if instrument_id not in taken}
            link.held = demand.choose(free, kept, link.protocol.most, now, self.pace.place)
            taken |= link.held.keys()

    def _rows(self, ids: Collection[int]) -> dict[int, Row]:
        """Return the instruments with their quotes as they are now."""
        if not ids:
            return {}
        query = (select(InstrumentRow, QuoteRow).outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id)
                 .where(InstrumentRow.id.in_(ids)).options(lazyload(QuoteRow.instrument))
                 .execution_options(populate_existing=True))
        return {stock.id: Row(stock.record(), row.quote() if row else None, row.fetched_at if row else None)
                for stock, row in db.session.execute(query)}

    def _watch(self, link: Link, rows: Iterable[Row]) -> None:
        """Tell the socket's thread what to bring, and what to hold the trades against."""
        now, written = clock.now(), self._spellings.get(link.protocol.name, {})
        stocks: dict[str, Stock] = {}
        busy = False
        for row in rows:
            part, session = self._sessions.current(row.instrument.mic, now)
            busy |= part is Session.REGULAR
            if symbol := symbol_at(row.instrument.id, row.instrument.symbol, written):
                stocks[symbol] = stock_of(row.instrument, session, row.quote.price if row.quote else None,
                                          extended_hours=link.protocol.extended_hours)
        link.want(stocks, busy=busy)

    def _is_seeded(self, row: Row, link: Link) -> bool:
        """Tell whether trades of this stock may be stored now."""
        now = clock.now()
        part, session = self._sessions.current(row.instrument.mic, now)
        if session is None:
            return False
        regular = session.opens_at <= now <= session.closes_at + AFTERWARDS
        return (regular or link.protocol.extended_hours) and is_seeded(row.quote, part, session.day)

    def _store(self, link: Link, rows: Mapping[int, Row]) -> None:
        """Store what changed, commit, and only then publish it and let it go."""
        folded = link.folder.waiting(rows, MOST)
        now = clock.now()
        quotes = [quote for item in folded if (quote := self._quote(link, item, rows[item.id])) is not None]
        if quotes:
            changed = store.store_readings(quotes, now, streamed=True).changed
            db.session.commit()
            publish(self.redis, changed, self._say)
        link.folder.settle(folded)

    def _quote(self, link: Link, folded: Folded, row: Row) -> Quote | None:
        if row.quote is None:
            return None
        return make_quote(row.quote, folded, link.protocol.name, row.instrument, clock.now(), self._sessions,
                          extended_hours=link.protocol.extended_hours)

    def _mark(self, link: Link, rows: Mapping[int, Row]) -> None:
        """Say which stocks need no call: those that come, and were traded or fetched a moment ago."""
        oldest = clock.now() - dt.timedelta(seconds=self.pace.confirmed)
        coming = link.coming()
        ids = [row.instrument.id for row in rows.values()
               if row.instrument.id in coming and row.fetched_at is not None and row.fetched_at >= oldest]
        try:
            marks.mark(self.redis, link.protocol.name, ids)
        except RedisAway:
            self._say("Redis is away: what is streamed is fetched too")

    def _unmark(self, link: Link) -> None:
        """Let polling go on at once; called by the socket's thread as well."""
        try:
            marks.mark(self.redis, link.protocol.name, ())
        except RedisAway:
            log.info("Redis is away: the marks of %s lapse by themselves", link.protocol.title)

    def _beat(self) -> None:
        """Say that the process lives."""
        try:
            self.redis.set(beat_key(self._host), 1, ex=BEAT_SECONDS)
            self._faults.discard("Redis")
        except RedisAway:
            self._say("Waiting for Redis")

    def _say(self, words: str) -> None:
        """Say once that Redis is away."""
        if "Redis" not in self._faults:
            log.warning("%s", words)
        self._faults.add("Redis")
