"""The fan-out: every viewer of this process, and one write a window for each.

A changed row becomes bytes once a window, whoever watches it. Viewers with the same stocks form an audience and
share one joined frame. A viewer has no greenlet, thread, queue or Redis connection: it is a small object around
the descriptor that the web server handed over.

A viewer whose socket is full keeps the rest of one frame. Until it takes that, nothing more is kept for it: it only
remembers the number of the last flush that it has whole, and what changed since is joined when it can take it.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import gevent
from gevent.event import Event

from webapp.live.frames import KINDS, frame, status_event
from webapp.live.hangups import Hangups
from webapp.live.viewers import BEAT, SIGNED_OUT, Audience, Full, Ids, Viewer
from webapp.records import LiveQuote

log = logging.getLogger(__name__)

Key = tuple[str, int]  # what is drawn (one of KINDS) and of which instrument
Render = Callable[[str, LiveQuote], bytes]

# After a slice at one thing, page requests get their turn, by a timer: sleep(0) would queue behind all that wait.
SLICE_S, PAUSE_S = 0.005, 0.0005
RENDER_S = 0.2  # a window renders no longer than this; what is left comes in the next one
BULK_S = 0.1  # the same for the rows of large commits, which wait behind the others
CHUNK = 128  # writes between two looks at the clock
STALLED_S = 30.0
BEAT_S = 15.0


class Hub:
    """All viewers of one process. Everything here runs in one thread; only flush() lets other greenlets in between."""

    def __init__(self, render: Render, *, window: float = 0.2, per_process: int = 20_000,
                 per_account: int = 50, per_address: int = 500) -> None:
        self.render = render
        self.window = window
        self.per_process, self.per_account, self.per_address = per_process, per_account, per_address
        self.rows: dict[int, LiveQuote] = {}
        self.version = 0  # every change up to this one has been flushed
        self.received = 0  # every change up to this one is in `rows`
        self.status = b""
        self.status_flush = 0
        self.flushes = 0
        self.closing = False
        self.viewers: dict[int, Viewer] = {}
        self.accounts: dict[int, set[Viewer]] = {}
        self.rung: dict[int, tuple[float, bytes]] = {}  # each person's last bell, and when (Unix seconds)
        self.audiences: dict[tuple[str, Ids], Audience] = {}
        self.watchers: dict[Key, set[Audience]] = {}
        self.stalled: dict[Viewer, None] = {}
        self._fragments: dict[Key, bytes] = {}
        self._flushed_in: dict[int, int] = {}
        self._shown: dict[int, LiveQuote] = {}
        self._dirty: OrderedDict[int, None] = OrderedDict()  # a dict's first key is slow to find once many have gone
        self._bulk: OrderedDict[int, None] = OrderedDict()
        self._addresses: Counter[str] = Counter()
        self._hangups = Hangups()
        self._wake = Event()
        self._turn_at = 0.0

    # Joining and leaving

    def prepare(self, kind: str, ids: Iterable[int]) -> None:
        """Draw what a viewer will need, with pauses for others: join() itself does not let anybody in between."""
        turn_at = time.monotonic() + SLICE_S
        for each in ids:
            if each in self.rows:
                self._fragment(kind, self.rows[each])
            if time.monotonic() > turn_at:
                gevent.sleep(PAUSE_S)
                turn_at = time.monotonic() + SLICE_S

    def admit(self, user_id: int, address: str) -> None:
        """Raise Full where one more stream would be too many."""
        if (self.closing or len(self.viewers) >= self.per_process or self._addresses[address] >= self.per_address
                or (user_id and len(self.accounts.get(user_id, ())) >= self.per_account)):
            raise Full

    def join(self, fd: int, head: bytes, kind: str, ids: Iterable[int], *, since: int | None = None,
             read_at: float | None = None, user_id: int = 0, session_id: int = 0, address: str = "") -> Viewer:
        """Take over descriptor `fd` (non-blocking, owned by the hub from now on) and bring it up to date.

        `since` is the version that the viewer's page has; None, or one that is not known here, sends every row.
        `read_at` is when the page's list was read: a bell that rang since then rings again. `user_id` 0 is nobody.
        """
        if since is not None and since > self.received:
            since = None
        audience = self._audience(kind, tuple(sorted(set(ids))))
        viewer = Viewer(fd, audience, user_id, session_id, address)
        viewer.seen = self.flushes
        self.viewers[fd] = viewer
        self._addresses[address] += 1
        if user_id:
            self.accounts.setdefault(user_id, set()).add(viewer)
        self._hangups.watch(fd)
        audience.size += 1
        audience.ready[viewer] = None
        rows = [self.rows[each] for each in audience.ids if each in self.rows]
        fragments = [self._fragment(kind, row) for row in rows if since is None or row.version > since or row.stale]
        rung_at, bell = self.rung.get(user_id, (0.0, b""))
        missed = bell if read_at is not None and rung_at >= read_at else b""
        status = status_event(kind, self.status)
        self._write(viewer, head + status + frame(kind, self.version, fragments) + missed)
        return viewer

    def drop(self, viewer: Viewer) -> None:
        """Forget a viewer and close its descriptor."""
        if self.viewers.pop(viewer.fd, None) is None:
            return
        self._hangups.forget(viewer.fd)
        os.close(viewer.fd)
        viewer.fd = -1
        viewer.rest = None
        self.stalled.pop(viewer, None)
        viewer.audience.ready.pop(viewer, None)
        viewer.audience.size -= 1
        if not viewer.audience.size:
            self._disband(viewer.audience)
        if viewer.user_id:
            mates = self.accounts[viewer.user_id]
            mates.discard(viewer)
            if not mates:
                del self.accounts[viewer.user_id]
        self._addresses[viewer.address] -= 1
        if not self._addresses[viewer.address]:
            del self._addresses[viewer.address]

    def _audience(self, kind: str, ids: Ids) -> Audience:
        audience = self.audiences.get((kind, ids))
        if audience is None:
            audience = self.audiences[kind, ids] = Audience(kind, ids)
            for each in ids:
                self.watchers.setdefault((kind, each), set()).add(audience)
        return audience

    def _disband(self, audience: Audience) -> None:
        del self.audiences[audience.kind, audience.ids]
        for each in audience.ids:
            key = (audience.kind, each)
            self.watchers[key].discard(audience)
            if not self.watchers[key]:
                del self.watchers[key]

    # What changes

    def apply(self, rows: Sequence[LiveQuote], received: int, *, more: bool = False, bulk: bool = False) -> None:
        """Take changed rows for the next flush, which waits if `more` are to come; up to `received` none is missing."""
        queue = self._bulk if bulk else self._dirty
        for row in rows:
            number = row.instrument.id
            known = self.rows.get(number)
            if known is not None and row.version <= known.version:
                continue
            self._change(number, row.ticked_from(self._shown.get(number)))
            if number not in self._dirty:
                queue[number] = None
        self.received = received
        if not more:
            self._wake.set()

    def touch(self, ids: Iterable[int], *, stale: bool) -> None:
        """Draw rows again that time alone has changed."""
        for number in ids:
            self._change(number, self.rows[number].aged(stale=stale))
            self._dirty[number] = None
        self._wake.set()

    def _change(self, number: int, row: LiveQuote) -> None:
        """Keep a row, and forget how the one before was drawn: who joins before the next flush gets the new one."""
        self.rows[number] = row
        for kind in KINDS:
            self._fragments.pop((kind, number), None)

    def forget_rows(self) -> None:
        """Forget every row, because the database is another one than before."""
        for known in self.rows, self._fragments, self._shown, self._dirty, self._bulk:
            known.clear()
        self.version = self.received = 0

    def say(self, status: bytes) -> None:
        """Tell every viewer, and those who come later, how the stream is."""
        if status != self.status:
            self.status = status
            self.status_flush = self.flushes + 1
            self._wake.set()

    def ring(self, topic: str, user_id: int | None = None, session_id: int | None = None) -> None:
        """Ring a bell on the open pages of a person, or of one log-in; after `signed-out` the stream ends."""
        if session_id is not None:
            rung = [viewer for viewer in self.viewers.values() if viewer.session_id == session_id]
        else:
            rung = list(self.accounts.get(user_id or 0, ()))
        bell = b"event: " + topic.encode() + b"\ndata: 1\n\n"
        if user_id is not None:
            self.rung[user_id] = time.time(), bell
        for viewer in rung:
            if viewer.rest is None:
                self._write(viewer, bell)
            elif bell not in viewer.bells:
                viewer.bells += (bell,)
            if bell == SIGNED_OUT:
                self.drop(viewer)

    # The window

    def run(self) -> None:
        """Flush at most once a window, until the hub closes."""
        next_flush = 0.0
        while not self.closing:
            if not self._wake.wait(1.0):
                self._look_after()
                continue
            self._wake.clear()
            pause = next_flush - time.monotonic()
            if pause > 0:
                gevent.sleep(pause)
            next_flush = time.monotonic() + self.window
            try:
                self.flush()
            except Exception:
                log.exception("a flush failed; the next one draws every row again, so that nobody misses one")
                self._fragments.clear()
                self._dirty.update(dict.fromkeys(self.rows))
                self._wake.set()
                gevent.sleep(1)

    def flush(self) -> None:
        """Write each viewer what changed for it since the last flush, in one frame."""
        self._turn_at = time.monotonic() + SLICE_S
        self.flushes += 1
        batch = self._render_batch()
        if not self._dirty and not self._bulk:
            self.version = self.received
        touched: set[Audience] = set()
        flush = self.flushes
        for kind, rows in batch.items():
            self._flushed_in.update(dict.fromkeys(rows, flush))
            touched.update(*[self.watchers.get((kind, number), ()) for number in rows])
        news = self.status if self.status_flush == flush else b""
        if news:
            touched.update(self.audiences.values())
        for audience in touched:
            kind = audience.kind
            changed = map(batch[kind].get, audience.ids)
            self._send(audience, frame(kind, self.version, changed, status_event(kind, news)), flush)
        self._catch_up()
        self._look_after()
        if self.stalled or self._dirty or self._bulk:
            self._wake.set()

    def _render_batch(self) -> dict[str, dict[int, bytes]]:
        """Draw the changed rows that somebody watches, small messages first, for as long as the budget lasts."""
        batch: dict[str, dict[int, bytes]] = {kind: {} for kind in KINDS}
        began = time.monotonic()
        while queue := self._dirty or self._bulk:
            if time.monotonic() - began > (RENDER_S if self._dirty else BULK_S):
                break
            number, _ = queue.popitem(last=False)
            row = self.rows.get(number)
            if row is not None:
                self._shown[number] = row  # also where nobody watches: it is what a page loaded from now on has
                for kind, drawn in batch.items():
                    if (kind, number) in self.watchers:
                        drawn[number] = self._fragment(kind, row)
            self._breathe()
        return batch

    def _send(self, audience: Audience, frame: bytes, flush: int) -> None:
        """Write one frame to every ready viewer of an audience. This loop is the process's main cost."""
        audience.written_at = time.monotonic()
        viewers = list(audience.ready)
        size = len(frame)
        write = os.write
        for start in range(0, len(viewers), CHUNK):
            for viewer in viewers[start:start + CHUNK]:
                # Stalled by a bell, it gets what it missed after that; come during this flush, it has newer rows.
                if viewer.rest is not None or viewer.seen == flush:
                    continue
                try:
                    written = write(viewer.fd, frame)
                except BlockingIOError:
                    written = 0
                except OSError:  # it has gone, also while another greenlet ran (fd -1)
                    self.drop(viewer)
                    continue
                if written != size:
                    self._stall(viewer, memoryview(frame)[written:], flush)
            self._breathe()

    def _write(self, viewer: Viewer, data: bytes) -> None:
        """Write to one viewer that is ready."""
        try:
            written = os.write(viewer.fd, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self.drop(viewer)
            return
        if written != len(data):
            # A flush may be under way that has not come to this viewer: it has only the one before for sure.
            self._stall(viewer, memoryview(data)[written:], self.flushes - 1)

    def _stall(self, viewer: Viewer, rest: memoryview, seen: int) -> None:
        """Set a viewer aside until it has taken `rest`; with it, it will have all up to flush `seen`."""
        if viewer.rest is None:
            viewer.since = time.monotonic()
        viewer.rest = rest
        viewer.seen = seen
        viewer.audience.ready.pop(viewer, None)
        self.stalled[viewer] = None

    def _catch_up(self) -> None:
        """Give stalled viewers the rest of their frame, then what changed since; close those that take nothing."""
        for viewer in list(self.stalled):
            rest = viewer.rest
            if rest is None:
                continue
            try:
                written = os.write(viewer.fd, rest)
            except BlockingIOError:
                if time.monotonic() - viewer.since > STALLED_S:
                    self.drop(viewer)
                continue
            except OSError:
                self.drop(viewer)
                continue
            viewer.since = time.monotonic()
            if written != len(rest):
                viewer.rest = rest[written:]
            else:
                self._resume(viewer)
            self._breathe()

    def _resume(self, viewer: Viewer) -> None:
        """Bring a viewer that can take bytes again up to the present, and put it back among the ready."""
        audience, seen = viewer.audience, viewer.seen
        missed = [self._fragment(audience.kind, self.rows[each]) for each in audience.ids
                  if self._flushed_in.get(each, 0) > seen and each in self.rows]
        status = status_event(audience.kind, self.status if self.status_flush > seen else b"")
        news = status + b"".join(viewer.bells) + frame(audience.kind, self.version, missed)
        viewer.rest = None
        viewer.bells = ()
        del self.stalled[viewer]
        audience.ready[viewer] = None
        if news:
            self._write(viewer, news)

    def _look_after(self) -> None:
        """Drop those who have gone, and send a sign of life to audiences that got nothing for a while."""
        for fd in self._hangups.gone():
            if fd in self.viewers:
                self.drop(self.viewers[fd])
        due = time.monotonic() - BEAT_S
        for audience in [each for each in self.audiences.values() if each.written_at < due]:
            self._send(audience, BEAT, self.flushes)

    def _fragment(self, kind: str, row: LiveQuote) -> bytes:
        """Return the row's bytes, drawn at most once for each change."""
        key = (kind, row.instrument.id)
        fragment = self._fragments.get(key)
        if fragment is None:
            fragment = self._fragments[key] = self.render(kind, row)
        return fragment

    def _breathe(self) -> None:
        """Let page requests run when this greenlet has had its slice."""
        if time.monotonic() >= self._turn_at:
            gevent.sleep(PAUSE_S)
            self._turn_at = time.monotonic() + SLICE_S

    # The end

    def close(self) -> None:
        """End every stream; each browser is told another time to come back, so that they come spread out."""
        self.closing = True
        goodbyes = [b"retry: %d\n\n" % (500 + 250 * step) for step in range(20)]
        for viewer in list(self.viewers.values()):
            if viewer.rest is None:
                with suppress(OSError):
                    os.write(viewer.fd, random.choice(goodbyes))
            self.drop(viewer)
        self._wake.set()
