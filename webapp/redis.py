"""The one place that makes Redis clients, with time-outs that suit their use."""

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

PREFIX = "stagewatch:"
# What a caller catches when Redis may be away.
RedisAway = (RedisConnectionError, RedisTimeoutError)


def connect(url: str, timeout: float = 2.0, retries: int = 1) -> "Redis":
    """Return a client of `url` that gives up on an answer after `timeout` seconds.

    The library's own defaults (5 s, ten retries) would hold a page for most of a minute while Redis is away.
    A client that blocks on purpose (a worker waiting for jobs) passes a time-out longer than its wait.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 2.0),
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries),
        health_check_interval=30,
    )
