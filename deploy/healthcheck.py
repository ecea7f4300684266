"""Answers what a container is asked every few seconds: whether its role is alive."""

import http.client
import socket
import sys
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker

from config import Config
from webapp import redis

SCHEDULER_KEYS = "rq:scheduler_instance:*"
STREAM_KEYS = f"{redis.PREFIX}stream-process:"


def is_web_healthy(port: int) -> bool:
    """Tell whether the web server answers, with its database and Redis at hand."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    finally:
        connection.close()


def is_worker_healthy(client: Redis) -> bool:
    """Tell whether this container's worker keeps its entry in Redis, which expires when it hangs."""
    return any(worker.hostname == socket.gethostname() for worker in Worker.all(connection=client))


def is_scheduler_healthy(client: Redis) -> bool:
    """Tell whether a scheduler keeps its entry in Redis, which expires within seconds when it hangs."""
    return any(not client.hexists(key, "death") for key in client.scan_iter(SCHEDULER_KEYS))


def is_stream_healthy(client: Redis) -> bool:
    """Tell whether this container's stream process keeps its entry in Redis, also while another one has the sockets."""
    return bool(client.exists(f"{STREAM_KEYS}{socket.gethostname()}"))


CHECKS: dict[str, Callable[[Redis], bool]] = {"worker": is_worker_healthy, "scheduler": is_scheduler_healthy,
                                             "stream": is_stream_healthy}


def main(role: str) -> int:
    """Return 0 where the role is healthy."""
    config = Config()
    try:
        if role == "web":
            return 0 if is_web_healthy(config.PORT) else 1
        client = redis.connect(config.REDIS_URL)
        return 0 if CHECKS[role](client) else 1
    except (OSError, http.client.HTTPException, RedisError) as error:
        print(f"{role} does not answer: {type(error).__name__}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
