"""`python -m worker` works off the queues, `scheduler` fills them by the schedule, `stream` keeps the web sockets."""

import logging
import sys
import time
from collections.abc import Callable

from redis import Redis

from config import Config, ConfigError
from webapp import redis as redis_clients
from webapp.redis import RedisAway
from worker import logs
from worker.schedule import table
from worker.scheduler import PeriodicScheduler

log = logging.getLogger("worker")


def main(arguments: list[str]) -> int:
    """Run one of them until it is told to stop; return the exit status."""
    run = ROLES.get(" ".join(arguments))
    if run is None:
        print("Say: python -m worker, python -m worker scheduler, or python -m worker stream", file=sys.stderr)  # noqa: T201
        return 2
    try:
        settings = Config()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    logs.set_up(settings)
    try:
        run(settings)
    except RedisAway as error:
        # Whoever supervises the process starts it again; it then waits for Redis.
        log.error("Redis went away (%s); the process ends to begin afresh", error)  # noqa: TRY400
        return 1
    return 0


def work(settings: Config) -> None:
    """Work off the queues."""
    from worker.app import load_jobs, make_worker  # noqa: PLC0415 - the scheduler needs no application, and starts in half the time

    level = "DEBUG" if settings.LOG_LEVEL == "debug" else "WARNING"
    load_jobs()  # before the wait for Redis: what is loaded then is at work as soon as Redis is back
    make_worker(connect_patiently(settings)).work(logging_level=level)


def schedule(settings: Config) -> None:
    """Queue what is due, by the table."""
    PeriodicScheduler(connect_patiently(settings), table(settings)).run()


def stream(settings: Config) -> None:
    """Keep the web sockets of the vendors that have them."""
    from worker.streams.process import run  # noqa: PLC0415 - it builds the application, which the scheduler does without

    run(settings, connect_patiently(settings))


ROLES: dict[str, Callable[[Config], None]] = {"": work, "scheduler": schedule, "stream": stream}


def connect_patiently(settings: Config) -> Redis:
    """Return a client of a Redis that answers; wait for it as long as it takes."""
    redis = redis_clients.connect(settings.REDIS_URL or "redis://127.0.0.1:6379/0")
    said = False
    while True:
        try:
            redis.ping()
        except RedisAway:
            if not said:
                log.warning("Waiting for Redis")
                said = True
            time.sleep(0.2)
        else:
            return redis


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
