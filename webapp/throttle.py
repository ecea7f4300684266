"""Who asks, for the limits of how often anybody may, and how long those wait who asked too often."""

from __future__ import annotations

import ipaddress
import logging
import time
from http import HTTPStatus

from flask import Flask, Response, g, request

from webapp.extensions import limiter
from webapp.redis import RedisAway

log = logging.getLogger(__name__)


def address_key() -> str:
    """Name the asker's address; an IPv6 customer has a whole /64 to ask from, so that counts as one."""
    text = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(address), 64), strict=False))
    return text


def wait_in_words() -> str:
    """Say how long to wait after the limit that was reached just now: a minute, 15 minutes."""
    spent = limiter.current_limit
    minutes = max(1, -(-int(spent.reset_at - time.time()) // 60)) if spent else 1
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def register(app: Flask) -> None:
    """Tell whoever is limited how many tries are left, and for how many seconds that holds."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        told = _spent()
        if told is None:
            return response
        most, left, seconds = told
        response.headers["RateLimit-Limit"] = str(most)
        response.headers["RateLimit-Remaining"] = str(left)
        response.headers["RateLimit-Reset"] = str(seconds)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers["Retry-After"] = str(seconds)
        return response


def _spent() -> tuple[int, int, int] | None:
    """Return the limit of this request, what is left of it, and for how many seconds; None where there is none."""
    if (counted := g.get("spent")) is not None:
        return counted.most, counted.left, counted.seconds
    spent = limiter.current_limit
    if spent is None:
        return None
    try:
        left, until = spent.remaining, spent.reset_at
    except RedisAway:
        log.warning("Redis is away: nobody is told how many tries are left")
        return None
    return spent.limit.amount, left, min(max(1, round(until - time.time())), spent.limit.get_expiry())
