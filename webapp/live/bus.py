"""The bus: what processes tell each other over Redis. The database is the truth, so any message may be lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from webapp.records import PRICES, Instrument, LiveQuote, Quote, Session, Standing, State
from webapp.redis import PREFIX

QUOTES = f"{PREFIX}quotes"
BELLS = f"{PREFIX}bells"
WATCHED = f"{PREFIX}watched"
VIEWERS = f"{PREFIX}viewers"
PART_ROWS = 250
BULK_ROWS = 1000
WATCHED_SECONDS = 30
DEAD_SECONDS = 4.0

_TIMES = ("as_of", "extended_as_of", "stale_at", "closes_at")


@dataclasses.dataclass(frozen=True, slots=True)
class Bell:
    """Something private has changed: `topic` of a person, or of one log-in. The pages fetch it themselves."""

    topic: str
    user: int | None = None
    session: int | None = None


def publish_quotes(redis: Redis, version: int, quotes: Sequence[LiveQuote]) -> None:
    """Tell every web process what the commit with `version` changed. Only after that commit.

    It comes in parts, so that nobody is busy with one message for long; all but the last say `more`. Those of a large
    commit say `bulk`: they are not urgent.
    """
    bulk = len(quotes) > BULK_ROWS
    for start in range(0, len(quotes), PART_ROWS):
        part = [encode(quote) for quote in quotes[start:start + PART_ROWS]]
        message = {"version": version, "more": start + PART_ROWS < len(quotes), "bulk": bulk,
                   "quotes": part}
        redis.publish(QUOTES, json.dumps(message, separators=(",", ":")))


def ring_bell(redis: Redis, topic: str, *, user_id: int | None = None, session_id: int | None = None) -> None:
    """Tell the open pages of a person, or of one log-in, that `topic` has changed; they fetch it themselves."""
    redis.publish(BELLS, json.dumps(dataclasses.asdict(Bell(topic, user_id, session_id))))


def mark_watched(redis: Redis, ids: Iterable[int]) -> None:
    """Say that these instruments are on somebody's screen now; it holds for WATCHED_SECONDS."""
    until = time.time() + WATCHED_SECONDS
    members = {str(instrument_id): until for instrument_id in ids}
    if members:
        redis.zadd(WATCHED, members)


def count_viewers(redis: Redis, process: str, counts: Mapping[int, int]) -> None:
    """Say how many viewers of one web process look at each instrument now; it holds for WATCHED_SECONDS."""
    key = f"{VIEWERS}:{process}"
    with redis.pipeline() as pipe:
        pipe.delete(key)
        if counts:
            pipe.hset(key, mapping={str(number): count for number, count in counts.items()})
            pipe.expire(key, WATCHED_SECONDS)
        pipe.zadd(VIEWERS, {key: time.time() + WATCHED_SECONDS})
        pipe.execute()


def watched_ids(redis: Redis) -> set[int]:
    """Return the instruments that are on somebody's screen."""
    return set(viewers(redis))


def viewers(redis: Redis) -> dict[int, int]:
    """Return how many look at each instrument that is on somebody's screen, and forget what no longer is.

    A page that was just served counts as one, until its stream reports.
    """
    now = time.time()
    redis.zremrangebyscore(WATCHED, "-inf", now)
    redis.zremrangebyscore(VIEWERS, "-inf", now)
    counts: Counter[int] = Counter()
    for key in cast(list[bytes], redis.zrange(VIEWERS, 0, -1)):
        for number, count in cast(dict[bytes, bytes], redis.hgetall(key.decode())).items():
            counts[int(number)] += int(count)
    for member in cast(list[bytes], redis.zrange(WATCHED, 0, -1)):
        counts[int(member)] = max(counts[int(member)], 1)
    return dict(counts)


def viewers_by_process(redis: Redis) -> dict[str, dict[int, int]]:
    """Return how many look at each instrument, by web process, as these said within WATCHED_SECONDS."""
    keys = cast(list[bytes], redis.zrangebyscore(VIEWERS, time.time(), "+inf"))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key.decode())
        counts = pipe.execute() if keys else []
    return {key.decode().removeprefix(f"{VIEWERS}:"): {int(number): int(count) for number, count in found.items()}
            for key, found in zip(keys, counts, strict=True)}


def encode(live: LiveQuote) -> dict[str, Any]:
    """Return a row as JSON can carry it: decimals and times as text."""
    return {
        "instrument": dataclasses.asdict(live.instrument),
        "version": live.version,
        "quote": encode_quote(live.quote) if live.quote else None,
        "fetched_at": live.fetched_at.isoformat() if live.fetched_at else None,
        "problem": live.problem,
        "spark": live.spark,
        "standing": _encode_standing(live.standing) if live.standing else None,
    }


def decode(data: dict[str, Any]) -> LiveQuote:
    """Return the row that encode() was given."""
    return LiveQuote(
        instrument=Instrument(**data["instrument"]),
        version=data["version"],
        quote=decode_quote(data["quote"]) if data["quote"] else None,
        fetched_at=_time(data["fetched_at"]),
        problem=data["problem"],
        spark=tuple(data["spark"]),
        standing=_decode_standing(data["standing"]) if data.get("standing") else None,  # an older release sends none
    )


def _encode_standing(standing: Standing) -> list[Any]:
    return [_plain(getattr(standing, field.name)) for field in dataclasses.fields(standing)]


def _decode_standing(data: list[Any]) -> Standing:
    stage, weeks, since, provisional, rs, rated, week, old = data
    return Standing(stage, weeks, _day(since), provisional, rs, rated, _day(week), old)


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def decode_quotes(content: dict[str, Any]) -> tuple[int, list[LiveQuote]]:
    """Return the version and the rows of a message on QUOTES."""
    return content["version"], [decode(data) for data in content["quotes"]]


def encode_quote(quote: Quote) -> dict[str, Any]:
    """Return a quote as JSON can carry it."""
    fields = {field.name: getattr(quote, field.name) for field in dataclasses.fields(quote)}
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def decode_quote(data: dict[str, Any]) -> Quote:
    """Return the quote that encode_quote() was given."""
    fields = dict(data)
    fields.update({name: _time(data.get(name)) for name in _TIMES})  # what an older release kept may lack some
    fields.update({name: None if data[name] is None else Decimal(data[name]) for name in PRICES})
    fields.update({name: dt.date.fromisoformat(data[name]) if data[name] else None for name in ("day", "previous_day")})
    fields.update(state=State(data["state"]), session=Session(data["session"]),
                  delay=State(data["delay"]) if data["delay"] else None)
    return Quote(**fields)


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


class Subscription:
    """One connection that hears every message; it is made anew after a loss."""

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=True)
        self._pubsub.subscribe(QUOTES, BELLS)
        self._heard = time.monotonic()

    def next(self, wait: float) -> tuple[str, dict[str, Any]] | None:
        """Return the next message as (channel, content), or None after `wait` seconds; raise RedisAway on a loss.

        After each silence it asks for a sign of life: a dead connection would only be silent.
        """
        message = self._pubsub.get_message(timeout=wait)
        if message is None:
            if time.monotonic() - self._heard > DEAD_SECONDS:
                raise RedisConnectionError("no answer to a ping")
            self._pubsub.ping()
            return None
        self._heard = time.monotonic()
        if message["type"] != "message":  # the answer to a ping
            return None
        return message["channel"].decode(), json.loads(message["data"])

    def close(self) -> None:
        """Give the connection back."""
        self._pubsub.close()
