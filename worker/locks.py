"""One run of a job at a time: a lock in Redis that lives only as long as the run that holds it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from webapp.job_names import lock_name
from webapp.redis import RedisAway

# A run holds its lock for this time and renews it while it lives: a killed run blocks its successor no longer.
LOCK_SECONDS = 4.0


def is_running(redis: Redis, key: str) -> bool:
    """Tell whether a run of the job is alive."""
    return bool(redis.exists(lock_name(key)))


@contextmanager
def alone(redis: Redis, key: str) -> Iterator[bool]:
    """Hold the job's lock for the length of the block; False where another run holds it."""
    lock = redis.lock(lock_name(key), timeout=LOCK_SECONDS, thread_local=False)
    if not lock.acquire(blocking=False):
        yield False
        return
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, ended), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        ended.set()
        renewal.join()
        with suppress(LockError, *RedisAway):
            lock.release()


def _renew(lock: Lock, ended: threading.Event) -> None:
    """Renew the lock until the run has ended; while Redis is away, go on trying."""
    while not ended.wait(LOCK_SECONDS / 4):
        with suppress(LockError, *RedisAway):
            lock.reacquire()
