"""What an admin may have providers do: pause, go on, make one call as a test. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import cast

from redis import Redis
from sqlalchemy import func, select, update

from webapp import clock
from webapp.audit import Actor, note
from webapp.extensions import db
from webapp.instruments import LISTED
from webapp.models import InstrumentRow, ProviderState, WatchlistItem
from webapp.redis import PREFIX
from webapp.upserts import insert
from webapp.vendors import SIMULATOR

# A test that no worker took up in this time is lost; what came of one is kept so long.
TEST_SECONDS, KEPT_SECONDS = 60, 24 * 3600
USUAL = ("XNAS", "AAPL")


class TrialState(StrEnum):
    """How a test of a provider is."""

    ASKED = "asked"
    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of a provider, and what came of it.

    `price` is a decimal as text in `unit`, "" without one; `as_of` is when it was made, a moment or only a day. `at` is
    when the test was asked for, `ms` how long the call took. `words` say what there is to say besides.
    """

    stock: str
    state: str
    at: str
    price: str = ""
    unit: str = ""
    as_of: str = ""
    ms: int | None = None
    words: str = ""

    @property
    def asked_at(self) -> dt.datetime:
        """Return when the test was asked for."""
        return dt.datetime.fromisoformat(self.at)

    @property
    def made_at(self) -> dt.datetime | None:
        """Return when the price was made; None where no more than the day is known."""
        return dt.datetime.fromisoformat(self.as_of) if "T" in self.as_of else None

    def is_open(self, now: dt.datetime) -> bool:
        """Tell whether an answer may still come."""
        return self.state == TrialState.ASKED and now - self.asked_at < dt.timedelta(seconds=TEST_SECONDS)

    def is_lost(self, now: dt.datetime) -> bool:
        """Tell whether no worker took it up."""
        return self.state == TrialState.ASKED and not self.is_open(now)


def is_active(name: str, vendors: tuple[str, ...]) -> bool:
    """Tell whether a provider of this name is in use; `vendors` are those with a key."""
    return name in (vendors or (SIMULATOR,))


def stop(name: str, actor: Actor) -> bool:
    """Let a provider make no call until it is resumed; False where that is so already."""
    _ensure_state(name)
    now = clock.now()
    stopped = db.session.scalar(
        update(ProviderState).where(ProviderState.provider == name, ProviderState.stopped_at.is_(None))
        .values(stopped_at=now).returning(ProviderState.provider))
    if stopped:
        note(actor, "provider.pause", name, {"paused": False}, {"paused": True})
    return bool(stopped)


def resume(name: str, actor: Actor) -> bool:
    """Let a provider make calls again, at once, whatever it rested for; False where nothing held it back."""
    now = clock.now()
    # A write that changes nothing takes the lock, in SQLite too, before anything is read.
    db.session.execute(update(ProviderState).where(ProviderState.provider == name).values(provider=name))
    row = db.session.get(ProviderState, name, populate_existing=True)
    if row is None:
        return False
    rests = row.paused_until is not None and row.paused_until > now
    if row.stopped_at is None and not rests:
        return False
    before = {"paused": row.stopped_at is not None,
              "resting_until": row.paused_until.isoformat() if rests and row.paused_until else None}
    row.stopped_at, row.paused_until = None, None
    note(actor, "provider.resume", name, before, {"paused": False, "resting_until": None})
    return True


def usual_stock() -> str:
    """Return the key of the stock that tests take: Apple where it is known, else one that is on most lists."""
    mic, symbol = USUAL
    row = InstrumentRow
    known = db.session.scalar(select(row.id).where(row.mic == mic, row.symbol == symbol, row.status == LISTED))
    if known:
        return f"{mic}:{symbol}"
    lists = (select(WatchlistItem.instrument_id, func.count().label("count"))
             .group_by(WatchlistItem.instrument_id).subquery())
    found = db.session.execute(
        select(row.mic, row.symbol).outerjoin(lists, lists.c.instrument_id == row.id).where(row.status == LISTED)
        .order_by(func.coalesce(lists.c.count, 0).desc(), row.starter.desc(), row.id).limit(1)).first()
    return f"{found.mic}:{found.symbol}" if found else ""


def begin_test(redis: Redis, name: str, stock: str) -> str:
    """Keep that a test is asked for, and return when; "" where one of this provider is under way. Raise RedisAway."""
    if not redis.set(_lock_key(name), 1, nx=True, ex=TEST_SECONDS):
        return ""
    asked_at = clock.now().isoformat()
    keep_test(redis, name, Trial(stock, TrialState.ASKED.value, asked_at))
    return asked_at


def end_test(redis: Redis, name: str, trial: Trial) -> None:
    """Keep what came of a test, and let another one begin. Raise RedisAway."""
    keep_test(redis, name, trial)
    redis.delete(_lock_key(name))


def keep_test(redis: Redis, name: str, trial: Trial) -> None:
    """Keep how a test is, in the place of the one before. Raise RedisAway."""
    redis.set(_test_key(name), json.dumps(asdict(trial)), ex=KEPT_SECONDS)


def last_tests(redis: Redis, names: tuple[str, ...]) -> dict[str, Trial]:
    """Return the last test of each of these providers that had one. Raise RedisAway."""
    texts = redis.mget([_test_key(name) for name in names])
    return {name: Trial(**json.loads(text)) for name, text in zip(names, cast(list[bytes | None], texts), strict=True)
            if text}


def _test_key(name: str) -> str:
    return f"{PREFIX}provider-test:{name}"


def _lock_key(name: str) -> str:
    return f"{PREFIX}provider-test-asked:{name}"


def _ensure_state(name: str) -> None:
    db.session.execute(insert(ProviderState).values(provider=name, last_error="").on_conflict_do_nothing())
